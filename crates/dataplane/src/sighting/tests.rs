//! What is told, when, and what is not.

use linkveil_net::clock;
use linkveil_sa::PeerId;
use rtrb::{Consumer, RingBuffer};

use super::*;

const LOCAL: Option<MacOwner> = Some(MacOwner::Local);

struct Bench {
    sightings: Sightings,
    ring: Consumer<Sighting>,
    now: Instant,
}

impl Bench {
    fn new(room: usize) -> Self {
        let (producer, ring) = RingBuffer::new(room);
        let now = clock::now();
        Self {
            sightings: Sightings::new(producer, Bridges::Some, now),
            ring,
            now,
        }
    }

    fn note(&mut self, seen: Sighting, known: Option<MacOwner>) -> Noted {
        self.sightings.note(seen, known, self.now)
    }

    /// Lets time pass and returns what arrives at control.
    fn after(&mut self, pause: Duration) -> Vec<Sighting> {
        self.now += pause;
        let _woken = self.sightings.deliver(self.now);
        std::iter::from_fn(|| self.ring.pop().ok()).collect()
    }
}

fn station(number: u32) -> Sighting {
    let [a, b, c, d] = number.to_be_bytes();
    Sighting {
        vpc: VpcIndex::new(0),
        mac: MacAddr::new([2, 0, a, b, c, d]),
        owner: MacOwner::Local,
    }
}

fn behind(peer: u32) -> Sighting {
    Sighting {
        owner: MacOwner::Peer(PeerId::new(peer)),
        ..station(1)
    }
}

#[test]
fn the_first_is_told_at_once_and_more_of_it_only_to_keep_it_known() {
    let mut bench = Bench::new(RING);
    assert_eq!(bench.note(station(1), None), Noted::Yes);
    assert_eq!(bench.note(station(1), None), Noted::Yes);
    assert_eq!(bench.after(Duration::ZERO), [station(1)]);
    // Control has learned it.
    for _ in 0..29 {
        assert_eq!(bench.note(station(1), LOCAL), Noted::Yes);
        assert_eq!(bench.after(Duration::from_secs(1)), []);
    }
    bench.now += Duration::from_secs(1);
    assert_eq!(bench.note(station(1), LOCAL), Noted::Yes);
    assert_eq!(bench.after(Duration::ZERO), [station(1)]);
}

#[test]
fn what_control_does_not_know_is_told_again_soon() {
    let mut bench = Bench::new(RING);
    assert_eq!(bench.note(station(1), None), Noted::Yes);
    assert_eq!(bench.after(SETTLE_PAUSE), [station(1)]);
    assert_eq!(bench.note(station(1), None), Noted::Yes);
    assert_eq!(bench.after(INTERVAL), [station(1)]);
}

// REQ-L2-6
#[test]
fn a_station_that_moves_is_told_at_once_and_back_again_soon() {
    let mut bench = Bench::new(RING);
    let (there, here) = (behind(1), behind(2));
    for (seen, known) in [(there, None), (here, Some(there.owner))] {
        assert_eq!(bench.note(seen, known), Noted::Yes);
    }
    assert_eq!(bench.after(INTERVAL), [there, here]);
    assert_eq!(bench.note(there, Some(here.owner)), Noted::Yes);
    assert_eq!(bench.after(INTERVAL), [there]);
}

#[test]
fn a_flood_is_bounded_and_what_was_deferred_is_told_by_the_next_frame() {
    let mut bench = Bench::new(RING);
    let mut told = Vec::new();
    let round = |bench: &mut Bench, told: &[Sighting]| {
        let noted = (0..1_000).map(station).map(|seen| {
            let known = told.contains(&seen).then_some(seen.owner);
            bench.note(seen, known)
        });
        noted.filter(|noted| *noted == Noted::Deferred).count()
    };
    assert_eq!(round(&mut bench, &told), 1_000 - WAITING_OF_ONE);
    // There is room for another side's station.
    assert_eq!(bench.note(behind(1), None), Noted::Yes);
    told.extend(bench.after(Duration::ZERO));
    assert_eq!(told.len(), WAITING_OF_ONE + 1);
    assert_eq!(bench.after(Duration::ZERO), []);
    for _ in 0..8 {
        round(&mut bench, &told);
        told.extend(bench.after(INTERVAL));
    }
    assert_eq!(told.len(), 1_001, "each is told once");
}

#[test]
fn a_full_ring_delays_and_loses_nothing() {
    let mut bench = Bench::new(2);
    for number in 0..5 {
        assert_eq!(bench.note(station(number), None), Noted::Yes);
    }
    assert_eq!(bench.sightings.deadline(), Some(bench.now));
    let mut told = bench.after(Duration::ZERO);
    assert_eq!(told.len(), 2);
    told.extend(bench.after(INTERVAL));
    told.extend(bench.after(INTERVAL));
    assert_eq!(told, (0..5).map(station).collect::<Vec<_>>());
    assert_eq!(bench.sightings.deadline(), None);
}

#[test]
fn stations_that_share_a_place_take_turns_to_stay_known() {
    let mut bench = Bench::new(RING);
    let first = station(0);
    let same_place = |seen: &Sighting| place(seen) == place(&first);
    let second = (1..).map(station).find(same_place).unwrap();
    let mut told = Vec::new();
    for _ in 0..120 {
        // The first one always speaks first.
        assert_eq!(bench.note(first, LOCAL), Noted::Yes);
        assert_eq!(bench.note(second, LOCAL), Noted::Yes);
        told.extend(bench.after(Duration::from_secs(1)));
    }
    let times = |station| told.iter().filter(|seen| **seen == station).count();
    assert!(times(first) >= 4 && times(second) >= 4, "{told:?}");
    assert!(told.len() <= 13, "{told:?}");
}

#[test]
fn without_ethernet_vpcs_nothing_is_kept() {
    let (producer, _ring) = RingBuffer::new(1);
    let now = clock::now();
    let mut sightings = Sightings::new(producer, Bridges::None, now);
    assert_eq!(sightings.note(station(1), None, now), Noted::Yes);
    assert_eq!(sightings.deadline(), None);
    assert_eq!(sightings.deliver(now), Delivered::Nothing);
}
