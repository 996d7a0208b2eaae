//! What control tells the lanes. `tunnel` emits these, the dataplane's pool carries them out.

use crate::ids::{EpochId, PeerId};
use crate::medium::{Medium, Udp};
use linkveil_wire::{ControlFrame, Spi};

/// One order to all lanes of a node, or to lane 0 where it says so.
///
/// Orders are carried out in the order in which they were given. An install is acknowledged by one
/// [`crate::LaneEvent::Installed`] when every lane has carried it out.
#[derive(Debug)]
pub enum LaneCommand<M: Medium = Udp> {
    /// Open what arrives for this SPI.
    InstallRx(M::RxInstall),
    /// Seal everything for this peer under this epoch from now on, in place of the one before.
    InstallTx(M::TxInstall),
    /// Open nothing for this SPI any more and wipe its keys.
    RemoveRx {
        /// The epoch that the SPI was installed with.
        epoch: EpochId,
        /// Our own index.
        spi: Spi,
    },
    /// Seal nothing under this epoch any more and wipe its keys. Without effect on a newer epoch
    /// of the same peer.
    RemoveTx {
        /// To whom.
        peer: PeerId,
        /// Under which epoch.
        epoch: EpochId,
    },
    /// Seal and send one link control frame, on lane 0. Dropped and counted unless `epoch` is the
    /// one that lane 0 sends to the peer under.
    SendControl {
        /// To whom.
        peer: PeerId,
        /// Under which epoch.
        epoch: EpochId,
        /// What to say.
        frame: ControlFrame,
        /// Where to; `None` for the peer's endpoint in the forwarding snapshot.
        path: Option<M::Path>,
    },
}
