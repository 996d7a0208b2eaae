//! What goes in and out of the core besides orders to lanes.

use std::time::Instant;

use linkveil_crypto::PostQuantum;
use linkveil_noise::Role;
use linkveil_sa::{EpochId, Medium, PeerId, Udp};
use linkveil_wire::{PortTerms, Timestamp};

/// One moment on both clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// The clock of all timers: it never steps back.
    pub instant: Instant,
    /// The clock of handshake timestamps: it may step.
    pub wall: Timestamp,
}

/// A handshake message to be sent from the control socket of its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transmit<M: Medium = Udp> {
    /// From which socket to which address, or to which station. Frames go to the group address, whatever stands here.
    pub path: M::Path,
    /// The UDP payload, or the whole Ethernet frame.
    pub bytes: Vec<u8>,
}

/// Why the core wants to be called at its next deadline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimerKind {
    /// An initiation was not answered.
    Retry,
    /// A Confirm was not answered.
    Confirm,
    /// An epoch was not confirmed in time.
    Unconfirmed,
    /// The previous epoch has drained.
    Drain,
    /// The current epoch is old enough to be replaced.
    Rekey,
    /// An epoch has reached its hard deadline.
    HardDeadline,
    /// Something was sent and nothing heard.
    Silence,
    /// A Probe was not answered: it is repeated, or given up.
    Probe,
    /// Nothing was sent for the keepalive time.
    Keepalive,
}

/// Something that the rest of the node, or its user, wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<M: Medium = Udp> {
    /// An epoch is confirmed: traffic flows under it both ways.
    HandshakeCompleted {
        /// With whom.
        peer: PeerId,
        /// The epoch.
        epoch: EpochId,
        /// Who began.
        role: Role,
        /// Whether ML-KEM took part.
        post_quantum: PostQuantum,
    },
    /// Data to this peer goes elsewhere from now on.
    EndpointChanged {
        /// The peer.
        peer: PeerId,
        /// Where.
        path: M::Path,
    },
    /// The peer's announced limit on inner packets is known or has changed.
    RemoteMtu {
        /// The peer.
        peer: PeerId,
        /// Its limit.
        mtu: linkveil_wire::InnerMtu,
    },
    /// An authentic answer that makes no epoch, or a policy that forbids one.
    HandshakeRefused {
        /// The peer.
        peer: PeerId,
        /// In words for a log.
        reason: RefusedReason,
    },
    /// An epoch's keys are gone from every lane.
    EpochRetired {
        /// The peer.
        peer: PeerId,
        /// The epoch.
        epoch: EpochId,
    },
    /// The peer answers nothing any more; a new handshake begins.
    PeerSilent {
        /// The peer.
        peer: PeerId,
    },
    /// The peer says that it goes away.
    PeerLeft {
        /// The peer.
        peer: PeerId,
    },
}

/// Why there is no epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum RefusedReason {
    /// We asked with an old timestamp.
    #[error("the peer has seen a newer timestamp from this node: its clock was set back")]
    StaleClock,
    /// The peer insists on ML-KEM and we offer none.
    #[error(
        "the peer requires post-quantum keys: set post_quantum to \"preferred\" or \"required\""
    )]
    PeerRequiresPostQuantum,
    /// We insist on ML-KEM and the peer does without.
    #[error("the peer does without post-quantum keys, which post_quantum = \"required\" forbids")]
    PostQuantumMissing,
    /// The ports at both ends of a MACsec link protect frames differently.
    #[error("{0}")]
    TermsDiffer(TermsDiffer),
}

/// How the ports at both ends of a link protect frames, where that is not the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error(
    "this port has suite = \"{}\" and protect = \"{}\", the peer's has \"{}\" and \"{}\": make them equal",
    ours.suite, ours.protection.name(), theirs.suite, theirs.protection.name()
)]
pub struct TermsDiffer {
    /// Ours.
    pub ours: PortTerms,
    /// The peer's.
    pub theirs: PortTerms,
}
