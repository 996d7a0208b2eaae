//! What one lane knows and owns besides its queues: snapshot, associations, numbers.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkveil_net::Offloads;
use linkveil_sa::{Counters, EpochId, LaneEvent, Path, PeerId, RxEpoch, TxSa, Usage};
use linkveil_wire::tcp_mss::Clamp;
use linkveil_wire::{Lane, LaneCount, Spi};

use crate::coalesce::Coalescer;
use crate::counters::{DropReason, LaneCounter};
use crate::inward::Inward;
use crate::orders::Answer;
use crate::outbox::{Outbox, Posted};
use crate::report::{Report, Traffic};
use crate::route_cache::RouteCache;
use crate::sighting::{Delivered, Sightings};
use crate::snapshot::{Snapshot, VpcIndex};

/// Between two reports of a peer's activity. Control's shortest silence limit is ten of them.
pub(crate) const ACTIVITY_INTERVAL: Duration = Duration::from_secs(1);
/// Between two reports of an unknown SPI from one peer's address.
const UNKNOWN_SPI_INTERVAL: Duration = Duration::from_secs(1);

/// Between two reports of a new address of one peer. Control asks there four times a second at most.
const CANDIDATE_INTERVAL: Duration = Duration::from_millis(100);

/// See the module's text.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) lane: Lane,
    pub(crate) lanes: LaneCount,
    pub(crate) now: Instant,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) route_cache: RouteCache,
    pub(crate) table: SaTable,
    pub(crate) peers: Peers,
    pub(crate) drops: Counters<DropReason>,
    pub(crate) counters: Counters<LaneCounter>,
    pub(crate) outbox: Outbox<Answer>,
    /// What the device of each VPC does of itself.
    pub(crate) offloads: Box<[Offloads]>,
    pub(crate) inward: Inward,
    pub(crate) sightings: Sightings,
    /// The newest frame of a train, which goes on in the next train of the batch: a train holds fewer packets than a full
    /// super-packet is cut into.
    pub(crate) coalescer: Coalescer,
}

impl State {
    /// The peer behind the longest prefix of the VPC that holds the address.
    #[inline]
    pub(crate) fn route(&mut self, vpc: VpcIndex, address: IpAddr) -> Option<PeerId> {
        let routes = self.snapshot.routes();
        self.route_cache.lookup(routes, vpc, address)
    }

    /// What a VPC's device does of itself.
    #[inline]
    pub(crate) fn offloads(&self, vpc: VpcIndex) -> Offloads {
        self.offloads.get(vpc.index()).copied().unwrap_or_default()
    }

    /// Tells control, or counts that it could not be told.
    pub(crate) fn tell(&mut self, event: LaneEvent) {
        if self.outbox.post(event) == Posted::No {
            self.counters.add(LaneCounter::EventsDropped);
        }
    }

    /// Counts a SYN whose segment size was lowered.
    pub(crate) fn note_clamp(&mut self, clamp: Clamp) {
        if clamp == Clamp::Lowered {
            self.counters.add(LaneCounter::MssLowered);
        }
    }

    /// Someone used an SPI that we do not know. Control hears of it if that was a peer's address, and not too often.
    #[cold]
    pub(crate) fn note_unknown_spi(&mut self, spi: Spi, path: Path) {
        let now = self.now;
        let peer = self.snapshot.peer_at(path.remote);
        let Some(slot) = peer.and_then(|peer| self.peers.get(peer)) else {
            return;
        };
        let free = slot
            .unknown_spi_told
            .is_none_or(|told| now.saturating_duration_since(told) >= UNKNOWN_SPI_INTERVAL);
        if free {
            slot.unknown_spi_told = Some(now);
            self.tell(LaneEvent::UnknownSpi { spi, path });
        }
    }

    /// A sending key that came near a limit; once for each level. Left for the next packet if control cannot be told now.
    #[inline]
    pub(crate) fn tell_tx_pressure(&mut self, peer: PeerId) {
        if !self.outbox.has_room() {
            return;
        }
        let Some(tx) = self.peers.tx(peer) else {
            return;
        };
        if let Some(pressure) = tx.take_pressure() {
            let epoch = tx.epoch();
            self.tell(LaneEvent::Pressure {
                peer,
                epoch,
                pressure,
            });
        }
    }

    /// A peer's newest datagram came from elsewhere than its endpoint. Control hears of it, not too often.
    #[cold]
    pub(crate) fn note_candidate(&mut self, peer: PeerId, epoch: EpochId, path: Path) {
        let now = self.now;
        let Some(slot) = self.peers.get(peer) else {
            return;
        };
        let free = slot
            .candidate_told
            .is_none_or(|told| now.saturating_duration_since(told) >= CANDIDATE_INTERVAL);
        if free {
            slot.candidate_told = Some(now);
            self.tell(LaneEvent::Candidate { peer, epoch, path });
        }
    }

    /// Tells control which peers were active, once an interval.
    pub(crate) fn tell_activity(&mut self) {
        if self.peers.active.is_empty() || self.now < self.peers.next_activity {
            return;
        }
        self.peers.next_activity = self.now + ACTIVITY_INTERVAL;
        while let Some(peer) = self.peers.active.pop() {
            let Some(slot) = self.peers.get(peer) else {
                continue;
            };
            let event = LaneEvent::Activity {
                peer,
                tx_packets: std::mem::take(&mut slot.tx_since),
                rx_packets: std::mem::take(&mut slot.rx_since),
            };
            self.tell(event);
        }
    }

    /// Tells control which stations were seen, once an interval.
    pub(crate) fn tell_sightings(&mut self) {
        if self.sightings.deliver(self.now) == Delivered::Something {
            self.outbox.announce();
        }
    }

    /// When this lane has something to tell.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let activity = self.peers.activity_deadline();
        activity.into_iter().chain(self.sightings.deadline()).min()
    }

    /// Fills control's memory with this lane's numbers.
    pub(crate) fn fill(&self, report: &mut Report) {
        report.drops.copy_from(&self.drops);
        report.events.copy_from(&self.counters);
        for (slot, out) in self.peers.slots.iter().zip(&mut report.peers) {
            out.tx = slot.tx_traffic;
            out.rx = slot.rx_traffic;
            out.usage = slot.tx.as_ref().map_or(Usage::NONE, |tx| tx.usage());
        }
        for epoch in self.table.epochs() {
            if let Some(out) = report.peers.get_mut(epoch.peer().index()) {
                out.usage = out.usage.merge(epoch.usage());
            }
        }
    }
}

/// The epochs that this lane receives under, by our SPI.
#[derive(Debug, Default)]
pub(crate) struct SaTable {
    by_spi: HashMap<Spi, Box<RxEpoch>, BuildHasherDefault<SpiHasher>>,
}

impl SaTable {
    #[inline]
    pub(crate) fn rx_mut(&mut self, spi: Spi) -> Option<&mut RxEpoch> {
        self.by_spi.get_mut(&spi).map(|epoch| &mut **epoch)
    }

    pub(crate) fn insert(&mut self, epoch: Box<RxEpoch>) -> Option<Box<RxEpoch>> {
        self.by_spi.insert(epoch.spi(), epoch)
    }

    pub(crate) fn remove(&mut self, spi: Spi) -> Option<Box<RxEpoch>> {
        self.by_spi.remove(&spi)
    }

    fn epochs(&self) -> impl Iterator<Item = &RxEpoch> {
        self.by_spi.values().map(|epoch| &**epoch)
    }
}

/// The keys of the table are our own random numbers, so they need no mixing against an attacker; the multiplication
/// spreads them over the bits that the table looks at.
#[derive(Debug, Default)]
pub(crate) struct SpiHasher(u64);

impl Hasher for SpiHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        // 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming 3, 6.4).
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// What this lane keeps for each peer.
#[derive(Debug)]
pub(crate) struct Peers {
    slots: Box<[PeerSlot]>,
    /// Peers with something to report, each once.
    active: Vec<PeerId>,
    next_activity: Instant,
}

/// One peer in this lane. The first and the last of a lane share no cache line with the tables of another one.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct PeerSlot {
    pub(crate) tx: Option<Box<TxSa>>,
    pub(crate) tx_traffic: Traffic,
    pub(crate) rx_traffic: Traffic,
    tx_since: u64,
    rx_since: u64,
    unknown_spi_told: Option<Instant>,
    candidate_told: Option<Instant>,
}

impl Peers {
    pub(crate) fn new(count: usize, now: Instant) -> Self {
        Self {
            slots: (0..count).map(|_| PeerSlot::default()).collect(),
            active: Vec::with_capacity(count),
            next_activity: now,
        }
    }

    #[inline]
    pub(crate) fn get(&mut self, peer: PeerId) -> Option<&mut PeerSlot> {
        self.slots.get_mut(peer.index())
    }

    /// What seals for the peer.
    #[inline]
    pub(crate) fn tx(&mut self, peer: PeerId) -> Option<&mut TxSa> {
        self.get(peer)?.tx.as_deref_mut()
    }

    /// Inner packets were sealed for the peer.
    #[inline]
    pub(crate) fn note_sent(&mut self, peer: PeerId, sent: Traffic) {
        if let Some(slot) = self.slots.get_mut(peer.index()) {
            slot.tx_traffic.merge(sent);
            if slot.tx_since + slot.rx_since == 0 && sent.packets > 0 {
                self.active.push(peer);
            }
            slot.tx_since += sent.packets;
        }
    }

    /// So many datagrams of the peer were authentic, and so much of them was admitted.
    pub(crate) fn note_opened(&mut self, peer: PeerId, opened: u64, admitted: Traffic) {
        if let Some(slot) = self.slots.get_mut(peer.index()) {
            if slot.tx_since + slot.rx_since == 0 && opened > 0 {
                self.active.push(peer);
            }
            slot.rx_since += opened;
            slot.rx_traffic.merge(admitted);
        }
    }

    /// When [`State::tell_activity`] has something to tell.
    pub(crate) fn activity_deadline(&self) -> Option<Instant> {
        (!self.active.is_empty()).then_some(self.next_activity)
    }
}
