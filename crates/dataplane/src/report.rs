//! A lane's numbers, copied out when control asks, and their sum over all lanes.

use linkveil_net::ImpairCounts;
use linkveil_sa::{Counters, Usage};

use crate::counters::{DropReason, LaneCounter};

/// One direction of a peer's traffic.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// Inner packets.
    pub packets: u64,
    /// Bytes of inner packets.
    pub bytes: u64,
}

impl Traffic {
    #[inline]
    pub(crate) const fn count(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    pub(crate) const fn merge(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// What lanes did with one peer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PeerReport {
    /// Sealed for it.
    pub tx: Traffic,
    /// Received from it and admitted.
    pub rx: Traffic,
    /// How far the living lane keys with it are used up.
    pub usage: Usage,
}

impl Default for PeerReport {
    fn default() -> Self {
        Self {
            tx: Traffic::default(),
            rx: Traffic::default(),
            usage: Usage::NONE,
        }
    }
}

/// The numbers of one lane or the sums over all.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// What was dropped.
    pub drops: Counters<DropReason>,
    /// What else happened.
    pub events: Counters<LaneCounter>,
    /// What was done on purpose to what arrived.
    pub impaired: ImpairCounts,
    /// By [`linkveil_sa::PeerId`].
    pub peers: Vec<PeerReport>,
}

impl Report {
    /// A report on so many peers, empty.
    #[must_use]
    pub fn new(peers: usize) -> Self {
        Self {
            drops: Counters::new(),
            events: Counters::new(),
            impaired: ImpairCounts::default(),
            peers: vec![PeerReport::default(); peers],
        }
    }

    /// Adds the numbers of one more lane.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.drops.merge(&other.drops);
        self.events.merge(&other.events);
        self.impaired.merge(other.impaired);
        for (sum, peer) in self.peers.iter_mut().zip(&other.peers) {
            sum.tx.merge(peer.tx);
            sum.rx.merge(peer.rx);
            sum.usage = sum.usage.merge(peer.usage);
        }
    }
}
