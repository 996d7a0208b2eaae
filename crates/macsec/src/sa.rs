//! What associations of both directions have in common.

use crate::suite::{CipherSuite, limits};
use linkveil_sa::{Limits, Meter};
use linkveil_wire::PacketNumber;
use std::time::Instant;

/// Under which terms an association uses its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SaTerms {
    /// A sender's first packet number; a receiver's lowest acceptable one. Never 0.
    pub first_pn: PacketNumber,
    /// What the key may do. A receiver heeds the failed opens only: with replay protection off
    /// anyone can make it open what it has opened before, and that teaches nobody anything.
    pub limits: Limits,
    /// From here on the association is gone, whatever control does; `None` for keys without end.
    pub hard_deadline: Option<Instant>,
}

impl SaTerms {
    /// Packet numbers from 1, the suite's own limits, no deadline.
    #[must_use]
    pub const fn of(suite: CipherSuite) -> Self {
        Self {
            first_pn: PacketNumber::FIRST,
            limits: limits(suite),
            hard_deadline: None,
        }
    }
}

/// What an association has done so far, for `status`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SaUsage {
    /// Frames sealed, or authentic ones opened.
    pub packets: u64,
    /// Octets of them, each frame in whole blocks of 16 and one block more.
    pub bytes: u64,
    /// Frames that failed to authenticate; 0 for a sender, who cannot know.
    pub failed_opens: u64,
    /// Share of the nearest limit, 0.0 to 1.0.
    pub share: f64,
}

impl From<&Meter> for SaUsage {
    fn from(meter: &Meter) -> Self {
        Self {
            packets: meter.packets(),
            bytes: meter.bytes(),
            failed_opens: meter.failed_opens(),
            share: meter.share(),
        }
    }
}

/// Why an association was not installed. Its key is wiped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InstallError {
    /// There is no channel with this SCI, or the key is for another one.
    #[error("key belongs to another channel")]
    WrongChannel,
    /// The key is for another suite than the rest.
    #[error("key belongs to another cipher suite")]
    WrongSuite,
    /// The channel has an association with this number already.
    #[error("association number is in use")]
    AnInUse,
}
