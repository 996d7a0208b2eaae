//! What travels between control and one lane, by value.

use std::sync::Arc;

use linkveil_net::GsoNotice;
use linkveil_sa::{EpochId, InstallKind, LaneEvent, Path, PeerId, RxEpoch, SocketIndex, TxSa};
use linkveil_wire::{ControlFrame, Spi};

use crate::report::Report;
use crate::snapshot::Snapshot;

/// From control to a lane; carried out in order, between two batches.
#[derive(Debug)]
pub(crate) enum Order {
    Snapshot(Arc<Snapshot>),
    InstallRx(Box<RxEpoch>),
    InstallTx(Box<TxSa>),
    RemoveRx {
        epoch: EpochId,
        spi: Spi,
    },
    RemoveTx {
        peer: PeerId,
        epoch: EpochId,
    },
    SendControl(SendControl),
    /// Memory for the lane's numbers, which comes back filled.
    Report(Box<Report>),
    Stop,
}

/// One link control frame, for lane 0.
#[derive(Debug)]
pub(crate) struct SendControl {
    pub(crate) peer: PeerId,
    pub(crate) epoch: EpochId,
    pub(crate) frame: ControlFrame,
    pub(crate) path: Option<Path>,
}

/// From a lane to control.
#[derive(Debug)]
pub(crate) enum Answer {
    Installed(EpochId, InstallKind),
    Event(LaneEvent),
    /// What became of a socket's trains; twice in its life at most.
    Trains(SocketIndex, GsoNotice),
    Retired(Retired),
    Report(Box<Report>),
}

impl From<LaneEvent> for Answer {
    fn from(event: LaneEvent) -> Self {
        Self::Event(event)
    }
}

/// Values that a lane no longer needs: control frees them, so that no lane ever waits for the allocator. Freeing a key
/// wipes it.
#[derive(Debug)]
#[expect(dead_code, reason = "held only to be dropped in the control thread")]
pub(crate) enum Retired {
    Snapshot(Arc<Snapshot>),
    Rx(Box<RxEpoch>),
    Tx(Box<TxSa>),
}
