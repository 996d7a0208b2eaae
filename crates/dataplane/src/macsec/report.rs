//! The numbers of a port's lanes, copied out when control asks.

use linkveil_macsec::{RxScCounter, SaUsage, SecyCounter, TxCounter};
use linkveil_sa::{Counters, EpochId};
use linkveil_wire::{An, PacketNumber, Sci};

use super::counters::{MacsecCounter, MacsecDrop};

/// The numbers of all lanes of a port.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MacsecReport {
    /// What the lanes dropped.
    pub drops: Counters<MacsecDrop>,
    /// What else they did.
    pub events: Counters<MacsecCounter>,
    /// Received frames that belong to no channel.
    pub secy: Counters<SecyCounter>,
    /// The transmit channels, in lane order.
    pub tx: Vec<TxChannelReport>,
    /// The receive channels, by SCI.
    pub rx: Vec<RxChannelReport>,
}

/// A transmit channel.
#[derive(Clone, PartialEq, Debug)]
pub struct TxChannelReport {
    /// Its name.
    pub sci: Sci,
    /// The association under which frames go out.
    pub encoding: Option<An>,
    /// Its counters.
    pub counters: Counters<TxCounter>,
    /// Its associations, by [`An::index`].
    pub associations: [Option<TxAssociationReport>; An::COUNT],
}

/// An association of a transmit channel.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TxAssociationReport {
    /// The epoch of its key.
    pub epoch: EpochId,
    /// The next frame's number; `None` when all are used up.
    pub next_pn: Option<PacketNumber>,
    /// The last number that is reserved.
    pub reserved: PacketNumber,
    /// How far the key is used up.
    pub usage: SaUsage,
}

/// A receive channel.
#[derive(Clone, PartialEq, Debug)]
pub struct RxChannelReport {
    /// Its name.
    pub sci: Sci,
    /// Its counters.
    pub counters: Counters<RxScCounter>,
    /// Its associations, by [`An::index`].
    pub associations: [Option<RxAssociationReport>; An::COUNT],
}

/// An association of a receive channel.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RxAssociationReport {
    /// The epoch of its key.
    pub epoch: EpochId,
    /// One above the highest number that was authentic.
    pub next_pn: PacketNumber,
    /// The lowest number that is acceptable.
    pub lowest_pn: PacketNumber,
    /// How far the key is used up.
    pub usage: SaUsage,
}
