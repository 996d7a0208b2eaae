//! What the lanes tell control.

use crate::ids::{EpochId, PeerId};
use crate::limits::Pressure;
use crate::medium::{Medium, Udp};
use linkveil_wire::{ControlFrame, Spi};

/// Which half of an epoch was installed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum InstallKind {
    /// The lanes open under the epoch.
    Rx,
    /// The lanes seal under the epoch.
    Tx,
}

/// Something that a lane met and that control has to know.
///
/// [`LaneEvent::Candidate`] and [`LaneEvent::UnknownSpi`] are of UDP only. Everything but [`LaneEvent::UnknownSpi`] rests on authenticated datagrams or on the lanes' own
/// doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LaneEvent<M: Medium = Udp> {
    /// *Every* lane has carried out an install (the pool gathers the lanes' answers).
    Installed {
        /// The epoch.
        epoch: EpochId,
        /// Its half.
        direction: InstallKind,
    },
    /// A lane opened its first datagram under an epoch; once for each lane and epoch.
    FirstOpen {
        /// Who sealed it.
        peer: PeerId,
        /// Under which epoch.
        epoch: EpochId,
        /// Where it came from.
        path: M::Path,
    },
    /// An authentic link control frame.
    Control {
        /// Who sealed it.
        peer: PeerId,
        /// Under which epoch.
        epoch: EpochId,
        /// What it says.
        frame: ControlFrame,
        /// Where it came from.
        path: M::Path,
    },
    /// The newest authentic datagram of one of the peer's lanes came from elsewhere than the peer's
    /// endpoint in the forwarding snapshot. Rate-limited by the lane.
    Candidate {
        /// Who sealed it.
        peer: PeerId,
        /// Under which epoch.
        epoch: EpochId,
        /// Where it came from.
        path: M::Path,
    },
    /// A lane key, of either direction, came near a limit; once for each key and level.
    Pressure {
        /// Whose epoch.
        peer: PeerId,
        /// Which epoch.
        epoch: EpochId,
        /// How near.
        pressure: Pressure,
    },
    /// A well-formed data datagram for an SPI that the lane does not know. Not authenticated, and
    /// rate-limited by the lane.
    UnknownSpi {
        /// The index that was asked for.
        spi: Spi,
        /// Where it came from, which anyone can choose.
        path: M::Path,
    },
    /// Datagrams since the last such event of this lane and peer; for liveness. Not sent when both
    /// are zero.
    Activity {
        /// The peer.
        peer: PeerId,
        /// Datagrams sealed for it.
        tx_packets: u64,
        /// Authentic datagrams from it.
        rx_packets: u64,
    },
}
