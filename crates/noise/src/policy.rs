//! Whether a node insists on ML-KEM, and how a responder says no.

use linkveil_wire::{PortTerms, ResponseStatus, Timestamp};

/// A node's stand on the post-quantum hybrid.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum PqPolicy {
    /// No epoch without ML-KEM.
    #[default]
    Required,
    /// ML-KEM if the other side takes part. An active attacker who holds a static private key can
    /// strip it.
    Preferred,
    /// No ML-KEM.
    Off,
}

impl PqPolicy {
    /// What an initiator with this policy offers.
    #[must_use]
    pub const fn offer(self) -> KemOffer {
        match self {
            Self::Required | Self::Preferred => KemOffer::Send,
            Self::Off => KemOffer::Omit,
        }
    }
}

/// Whether an initiation carries an ML-KEM key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KemOffer {
    /// With a fresh key.
    Send,
    /// Without.
    Omit,
}

/// An authentic answer that makes no epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// The initiation's timestamp is not newer than `last`.
    Stale {
        /// The greatest timestamp that the responder has accepted from this initiator.
        last: Timestamp,
    },
    /// The responder insists on ML-KEM, and no key came.
    PostQuantumRequired,
    /// The responder's port has these terms, and the initiator's has others.
    TermsDiffer(PortTerms),
}

impl Refusal {
    pub(crate) const fn status(self) -> ResponseStatus {
        match self {
            Self::Stale { last } => ResponseStatus::Stale { last },
            Self::PostQuantumRequired => ResponseStatus::PostQuantumRequired,
            Self::TermsDiffer(_) => ResponseStatus::TermsDiffer,
        }
    }
}
