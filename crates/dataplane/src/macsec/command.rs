//! What control tells the lanes of a port.

use linkveil_macsec::{ChannelKeyError, RxSak, TxSak};
use linkveil_sa::{EpochId, LaneCommand, Macsec};
use linkveil_wire::{An, ControlFrame, PacketNumber, Sci};

/// One order to the lanes of a port. Orders are carried out in the order in which they were given.
///
/// An install is answered by one [`LaneEvent::Installed`](linkveil_sa::LaneEvent::Installed) when every lane has carried it
/// out, or by one [`MacsecEvent::Refused`](super::MacsecEvent::Refused).
#[derive(Debug)]
pub enum MacsecCommand {
    /// Receive on this channel. Without effect if it exists. An install does it by itself.
    AddChannel(Sci),
    /// Receive on this channel no more; wipes its keys and forgets its counters.
    RemoveChannel(Sci),
    /// Open what arrives under these keys.
    InstallRx(InstallRx),
    /// Secure everything under these keys from now on, in place of the former ones, which are wiped.
    InstallTx(InstallTx),
    /// Open nothing under this epoch any more and wipe its keys.
    RemoveRx {
        /// The epoch that its keys were installed with.
        epoch: EpochId,
    },
    /// Secure nothing under this epoch any more and wipe its keys. Without effect if others took their place.
    RemoveTx {
        /// The epoch that its keys were installed with.
        epoch: EpochId,
    },
    /// Secure and send one link control frame, on lane 0. Dropped and counted unless `epoch` is the one that lane 0 sends
    /// under.
    SendControl {
        /// Under which epoch.
        epoch: EpochId,
        /// What to say.
        frame: ControlFrame,
    },
    /// Packet numbers up to and with this one may be used, for they are written down. Without effect if there is no such
    /// association, or if it has more already.
    ReserveThrough {
        /// The association.
        an: An,
        /// The last number.
        last: PacketNumber,
    },
}

/// Keys to open with, all of one epoch.
#[derive(Debug)]
pub struct InstallRx {
    /// Their epoch.
    pub epoch: EpochId,
    /// The association number that they all get.
    pub an: An,
    /// One for each channel of the peer, in any order. Channels that do not exist are added; to make place for them, those
    /// of other addresses go that have no keys.
    pub keys: Vec<RxSak>,
}

/// Keys to secure with, all of one epoch.
#[derive(Debug)]
pub struct InstallTx {
    /// Their epoch.
    pub epoch: EpochId,
    /// The association number that they all get.
    pub an: An,
    /// One for each lane, in lane order. A key whose numbers are reserved in advance
    /// ([`TxSak::reserve_through`]) makes its lane ask for more: [`MacsecEvent::ReserveMore`](super::MacsecEvent::ReserveMore).
    pub keys: Vec<TxSak>,
}

/// What the control core tells the lanes. The peer is the port's only one.
impl TryFrom<LaneCommand<Macsec>> for MacsecCommand {
    type Error = ChannelKeyError;

    fn try_from(command: LaneCommand<Macsec>) -> Result<Self, ChannelKeyError> {
        Ok(match command {
            LaneCommand::InstallRx(install) => {
                let (epoch, an) = (install.channels.epoch, install.channels.an);
                let keys = install.into_channels().map(RxSak::of_channel);
                let keys = keys.collect::<Result<_, _>>()?;
                Self::InstallRx(InstallRx { epoch, an, keys })
            }
            LaneCommand::InstallTx(install) => {
                let (epoch, an) = (install.channels.epoch, install.channels.an);
                let keys = install.into_channels().map(TxSak::of_channel);
                let keys = keys.collect::<Result<_, _>>()?;
                Self::InstallTx(InstallTx { epoch, an, keys })
            }
            LaneCommand::RemoveRx { epoch, .. } => Self::RemoveRx { epoch },
            LaneCommand::RemoveTx { epoch, .. } => Self::RemoveTx { epoch },
            LaneCommand::SendControl { epoch, frame, .. } => Self::SendControl { epoch, frame },
        })
    }
}
