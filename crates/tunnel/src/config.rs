//! What a node and its peers are configured with, already checked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use linkveil_crypto::{Kem, Psk, PublicKey, StaticSecret, Suite};
use linkveil_noise::PqPolicy;
use linkveil_sa::{Limits, Path};
use linkveil_wire::{HandshakeFlags, InnerMtu, LaneCount};

/// What all handshakes of a node have in common.
pub struct CoreConfig {
    /// The node's static key.
    pub secret: StaticSecret,
    /// The AEAD, and with it the name of the Noise protocol. Both ends must have the same.
    pub suite: Suite,
    /// The lanes that this node sends from.
    pub lanes: LaneCount,
    /// The KEM of the hybrid.
    pub kem: Arc<dyn Kem>,
    /// What this node can do.
    pub flags: HandshakeFlags,
    /// The age at which an epoch is replaced; 1 min to 24 h by configuration.
    pub rekey_after: Duration,
    /// The stand on ML-KEM.
    pub post_quantum: PqPolicy,
    /// Hard limits of each lane key.
    pub limits: Limits,
}

/// One peer.
#[derive(Debug)]
pub struct PeerConfig {
    /// Its name in logs and status.
    pub name: String,
    /// Its static key.
    pub public_key: PublicKey,
    /// The pre-shared key with it; [`Psk::none`] without one.
    pub psk: Psk,
    /// Where to call it. Without one it must call first.
    pub endpoint: Option<Path>,
    /// Whether its endpoint changes with it.
    pub roaming: Roaming,
    /// Whether something is sent when nothing else is.
    pub keepalive: Keepalive,
    /// The largest inner packet that this node takes from it.
    pub mtu: InnerMtu,
}

/// Where a peer may be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Roaming {
    /// Wherever it proves to be.
    #[default]
    Follow,
    /// At its configured endpoint, and nowhere else: nothing that arrives changes where data and handshakes go.
    Pin,
}

/// Whether a NAT on the way is kept from forgetting us.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Keepalive {
    /// Idle peers stay silent.
    #[default]
    Off,
    /// Something is sent whenever nothing was for so long.
    Every(Duration),
}

impl fmt::Debug for CoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoreConfig")
            .field("suite", &self.suite)
            .field("lanes", &self.lanes)
            .field("rekey_after", &self.rekey_after)
            .field("post_quantum", &self.post_quantum)
            .finish_non_exhaustive()
    }
}
