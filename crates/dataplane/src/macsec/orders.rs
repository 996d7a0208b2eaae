//! What travels between control and one MACsec lane, by value.

use linkveil_macsec::{RxSak, RxSc, TxSak};
use linkveil_sa::{EpochId, InstallKind, LaneEvent, Macsec};
use linkveil_wire::{An, ControlFrame, PacketNumber, Sci};

use super::event::InstallRefusal;
use super::report::LaneReport;

/// From control to a lane; carried out in order, between two batches.
#[derive(Debug)]
pub(crate) enum Order {
    AddChannel(Sci),
    RemoveChannel(Sci),
    /// The keys of the lane's channels; there may be none.
    InstallRx {
        epoch: EpochId,
        an: An,
        keys: Vec<RxSak>,
    },
    InstallTx {
        epoch: EpochId,
        an: An,
        key: TxSak,
    },
    /// With memory for the keys, which come back in it.
    RemoveRx {
        epoch: EpochId,
        keys: Vec<RxSak>,
    },
    RemoveTx {
        epoch: EpochId,
    },
    /// For lane 0.
    SendControl {
        epoch: EpochId,
        frame: ControlFrame,
    },
    ReserveThrough {
        an: An,
        last: PacketNumber,
    },
    /// Memory for the lane's numbers, which comes back filled.
    Report(Box<LaneReport>),
    Stop,
}

/// From a lane to control.
#[derive(Debug)]
pub(crate) enum Answer {
    Installed(EpochId, InstallKind),
    Refused(EpochId, InstallKind, InstallRefusal),
    Event(LaneEvent<Macsec>),
    ReserveMore { an: An, reserved: PacketNumber },
    Retired(Retired),
    Report(Box<LaneReport>),
}

impl From<LaneEvent<Macsec>> for Answer {
    fn from(event: LaneEvent<Macsec>) -> Self {
        Self::Event(event)
    }
}

/// Values that a lane no longer needs: control frees them, so that no lane ever waits for the allocator. Freeing a key
/// wipes it.
#[derive(Debug)]
#[expect(dead_code, reason = "held only to be dropped in the control thread")]
pub(crate) enum Retired {
    Rx(Vec<RxSak>),
    Tx(TxSak),
    Channel(Box<RxSc>),
}
