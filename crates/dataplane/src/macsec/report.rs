//! The numbers of a port's lanes, copied out when control asks.

use linkveil_macsec::{MAX_CHANNELS, RxScCounter, SaUsage, SecyCounter, TxCounter};
use linkveil_net::ImpairCounts;
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
    /// What was done on purpose to what arrived.
    pub impaired: ImpairCounts,
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

/// The numbers of one lane, in memory that control has made.
#[derive(Debug)]
pub(crate) struct LaneReport {
    pub(crate) drops: Counters<MacsecDrop>,
    pub(crate) events: Counters<MacsecCounter>,
    pub(crate) impaired: ImpairCounts,
    pub(crate) secy: Counters<SecyCounter>,
    pub(crate) tx: TxChannelReport,
    /// Room for all channels that a lane can have.
    pub(crate) rx: Vec<RxChannelReport>,
    /// How many it has.
    pub(crate) channels: usize,
}

impl LaneReport {
    pub(crate) fn new() -> Self {
        let rx = || RxChannelReport {
            sci: Sci::RESERVED,
            counters: Counters::new(),
            associations: [None; An::COUNT],
        };
        Self {
            drops: Counters::new(),
            events: Counters::new(),
            impaired: ImpairCounts::default(),
            secy: Counters::new(),
            tx: TxChannelReport {
                sci: Sci::RESERVED,
                encoding: None,
                counters: Counters::new(),
                associations: [None; An::COUNT],
            },
            rx: std::iter::repeat_with(rx).take(MAX_CHANNELS).collect(),
            channels: 0,
        }
    }
}

impl MacsecReport {
    /// Adds the numbers of one more lane.
    pub(crate) fn merge(&mut self, lane: LaneReport) {
        self.drops.merge(&lane.drops);
        self.events.merge(&lane.events);
        self.impaired.merge(lane.impaired);
        self.secy.merge(&lane.secy);
        self.tx.push(lane.tx);
        self.tx.sort_unstable_by_key(|channel| channel.sci);
        self.rx.extend(lane.rx.into_iter().take(lane.channels));
        self.rx.sort_unstable_by_key(|channel| channel.sci);
    }
}
