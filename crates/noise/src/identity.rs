//! What all handshakes of a node share, and what a node must know of a peer to call it.

use std::fmt;
use std::sync::Arc;

use linkveil_crypto::{Kem, Mac1Key, Psk, PublicKey, StaticSecret, Suite};

/// A node's static key, suite and KEM.
pub struct Identity {
    // Shared with the pending attempts, so that the key itself has one place in memory.
    pub(crate) secret: Arc<StaticSecret>,
    public: PublicKey,
    pub(crate) mac1: Mac1Key,
    suite: Suite,
    pub(crate) kem: Arc<dyn Kem>,
}

impl Identity {
    /// Computes the public key once for all handshakes.
    #[must_use]
    pub fn new(secret: StaticSecret, suite: Suite, kem: Arc<dyn Kem>) -> Self {
        let public = secret.public();
        Self {
            secret: Arc::new(secret),
            public,
            mac1: Mac1Key::for_receiver(&public),
            suite,
            kem,
        }
    }

    /// The node's static public key.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The suite of the node's handshakes and lanes.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("public", &self.public)
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}

/// The peer that an initiation is for.
#[derive(Clone, Copy, Debug)]
pub struct RemotePeer<'a> {
    /// Its static public key.
    pub public_key: PublicKey,
    /// The pre-shared key with it.
    pub psk: &'a Psk,
}
