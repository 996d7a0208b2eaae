//! What the lanes of a port tell control.

use linkveil_macsec::InstallError;
use linkveil_sa::{EpochId, InstallKind, LaneEvent, Macsec};
use linkveil_wire::{An, PacketNumber};

use super::report::MacsecReport;

/// Something that a lane met and that control has to know.
#[derive(Debug)]
pub enum MacsecEvent {
    /// For the control core: [`LaneEvent::Installed`], [`LaneEvent::FirstOpen`], [`LaneEvent::Control`],
    /// [`LaneEvent::Pressure`] or [`LaneEvent::Activity`].
    Lane(LaneEvent<Macsec>),
    /// A lane refused a key, which is wiped. Comes once for an install, which is then never answered as installed; keys that
    /// other lanes took stay until they are removed.
    Refused {
        /// The epoch.
        epoch: EpochId,
        /// Its half.
        direction: InstallKind,
        /// Why.
        error: InstallRefusal,
    },
    /// Half of the reserved packet numbers of an association are used. Write down more, then answer with
    /// [`MacsecCommand::ReserveThrough`](super::MacsecCommand::ReserveThrough). Comes once for each reservation.
    ReserveMore {
        /// The association.
        an: An,
        /// The last number that is reserved.
        reserved: PacketNumber,
    },
    /// The numbers that were asked for by [`MacsecPool::request_report`](super::MacsecPool::request_report).
    Report(Box<MacsecReport>),
}

/// Why keys were not installed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InstallRefusal {
    /// There is not one key for each lane.
    #[error("number of keys differs from the number of lanes")]
    KeyCount,
    /// There are as many receive channels as there can be, or the SCI is the reserved one.
    #[error("there is no place for the receive channel")]
    Channel,
    /// The channel refused a key.
    #[error(transparent)]
    Key(#[from] InstallError),
}
