//! What the core tells of a peer.

use std::time::Instant;

use linkveil_crypto::{Fingerprint, PostQuantum};
use linkveil_noise::Role;
use linkveil_sa::{EpochId, Medium, Udp};
use linkveil_wire::{HandshakeFlags, InnerMtu};

/// Where a peer stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PeerState {
    /// No keys, and nothing is done about it: the peer must speak first.
    Idle,
    /// No keys yet; a handshake is under way.
    Handshaking,
    /// There are keys to send under.
    Established,
}

/// A peer as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerStatus<M: Medium = Udp> {
    /// Where it stands.
    pub state: PeerState,
    /// Where datagrams go.
    pub endpoint: Option<M::Path>,
    /// The epoch that we send under.
    pub epoch: Option<EpochStatus>,
    /// When the last epoch was confirmed.
    pub last_handshake: Option<Instant>,
    /// The largest inner packet that the peer takes.
    pub remote_mtu: Option<InnerMtu>,
    /// What the peer can do, as it said for the epoch in use.
    pub remote_flags: HandshakeFlags,
}

/// An epoch that is sent under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochStatus {
    /// Our name for it.
    pub id: EpochId,
    /// Both sides' name for it.
    pub fingerprint: Fingerprint,
    /// Who began.
    pub role: Role,
    /// Whether ML-KEM took part.
    pub post_quantum: PostQuantum,
    /// When the handshake was finished here.
    pub established: Instant,
    /// When this node replaces it by itself.
    pub next_rekey: Option<Instant>,
}
