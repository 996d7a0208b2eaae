//! The protocol between control and lanes in every order in which their threads can run (within a bound on preemptions).
//!
//! This is a model: `Pool`, `Lane` and `Outbox` are written again in [`pool`], [`lane`] and [`parts`], statement by
//! statement where threads meet, with keys that are numbers. What is *not* modelled is the ring itself: `rtrb` has no
//! support for loom, so a ring is taken for what its documentation promises, a bounded queue with one writer and one
//! reader. So this finds wrong orders, lost wake-ups and lost values; it does not find a missing fence.
//!
//! Each property that holds stands beside a broken variant, which the model must find: that is the proof that it looks.
//!
//! `scripts/loom` tries more preemptions. Nothing here needs `--cfg loom`: the code under test does not switch types, so
//! it is an ordinary test.

mod lane;
mod parts;
mod pool;

use lane::{Datagram, Lane, Order};
use parts::{Ledger, Place};
use pool::{Announce, Farewell, Pool};

/// Preemptions unless `LOOM_MAX_PREEMPTIONS` says otherwise, so that a scene takes seconds: with one lane and with two.
/// One is enough to find every broken variant below.
const ONE_LANE: usize = 3;
const TWO_LANES: usize = 1;
/// Orders and answers that a ring holds: few, so that rings are full.
const RING: usize = 1;

fn explore(preemptions: usize, scene: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.max_branches = 20_000;
    builder.check(scene);
}

/// Lanes as threads, and control's end of them.
struct Scene {
    pool: Pool,
    threads: Vec<loom::thread::JoinHandle<Vec<u32>>>,
    ledger: Ledger,
}

impl Scene {
    fn new(lanes: usize) -> Self {
        let ledger = Ledger::default();
        let (pool, lanes) = pool::build(lanes, RING, &ledger);
        let run = |lane: Lane| loom::thread::spawn(move || lane.run());
        Self {
            threads: lanes.into_iter().map(run).collect(),
            pool,
            ledger,
        }
    }

    /// Stops the lanes and looks at what they hold then, and at what became of every key.
    fn end(mut self, held: &[u32], retired: &[u32]) {
        self.pool.stop();
        for thread in self.threads {
            assert_eq!(thread.join().unwrap(), held);
        }
        let mut expected = Vec::new();
        for _ in self.pool.lanes() {
            expected.extend(retired.iter().map(|epoch| (*epoch, Place::Control)));
            expected.extend(held.iter().map(|epoch| (*epoch, Place::EndOfLane)));
        }
        expected.sort_unstable();
        assert_eq!(self.ledger.sorted(), expected, "keys and who wiped them");
    }
}

/// A responder installs an epoch and announces it. Whoever hears of it sends at once, to every lane.
fn announce(when: Announce) {
    let mut scene = Scene::new(2);
    // Fills the rings, so that the lanes get the install at different times.
    scene.pool.order_all(Order::RemoveRx { epoch: 9, spi: 9 });
    scene.pool.install(1, 7, when);
    for lane in scene.pool.lanes() {
        lane.deliver(Datagram { spi: 7, epoch: 1 });
    }
    scene.end(&[1], &[]);
}

// REQ-EPOCH-1, REQ-EPOCH-2
#[test]
fn nothing_arrives_under_an_epoch_at_a_lane_that_has_not_installed_it() {
    explore(TWO_LANES, || announce(Announce::AfterAll));
}

#[test]
#[should_panic(expected = "a datagram under an epoch that is not installed here")]
fn the_model_finds_a_response_that_leaves_after_the_first_acknowledgement() {
    explore(TWO_LANES, || announce(Announce::AfterOne));
}

// REQ-EPOCH-6, REQ-EPOCH-9
#[test]
fn the_removal_of_an_epoch_leaves_its_successors_alone() {
    explore(ONE_LANE, || {
        let mut scene = Scene::new(1);
        scene.pool.install(1, 7, Announce::AfterAll);
        scene.pool.install(2, 8, Announce::AfterAll);
        scene.pool.order_all(Order::RemoveRx { epoch: 1, spi: 7 });
        // Control is late with a removal: that SPI belongs to another epoch by now.
        scene.pool.order_all(Order::RemoveRx { epoch: 1, spi: 8 });
        scene.end(&[2], &[1]);
    });
}

// ARCHITECTURE.md, invariant 12
#[test]
fn a_stop_behind_waiting_orders_loses_no_retired_value() {
    explore(ONE_LANE, || {
        let mut scene = Scene::new(1);
        for epoch in 1..=3 {
            scene.pool.order_install(epoch, 7);
        }
        scene.end(&[3], &[1, 2]);
    });
}

/// Control gives up with orders that its rings do not take.
fn abandon(farewell: Farewell) {
    let mut scene = Scene::new(1);
    for epoch in 1..=2 {
        scene.pool.order_install(epoch, 7);
    }
    let Scene {
        pool,
        threads,
        ledger: _,
    } = scene;
    pool.give_up(farewell);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn lanes_end_when_control_is_dropped_with_full_rings() {
    explore(ONE_LANE, || abandon(Farewell::WakesAfterwards));
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_model_finds_a_lane_that_is_woken_before_its_ring_is_abandoned() {
    explore(ONE_LANE, || abandon(Farewell::WakesBefore));
}
