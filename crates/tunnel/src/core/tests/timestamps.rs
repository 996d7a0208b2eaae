//! Clocks that step, replays, and peers that lie about time.

use std::sync::Arc;

use linkveil_crypto::{DeterministicMlKem768, Psk, Suite};
use linkveil_noise::{Identity, ReceivedInitiation, Refusal, consume_initiation};
use linkveil_sa::{LaneEvent, PeerId};
use linkveil_wire::{Initiation, Timestamp};

use crate::counters::ControlCounter;
use crate::event::{Event, RefusedReason};
use crate::limits::UNCONFIRMED_LIFETIME;
use crate::testing::*;

const DAY: u64 = 86_400;

/// Only the small one calls.
fn one_caller() -> World {
    World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown)
}

/// An initiation that the small one sent when its clock was ahead by so many days.
fn from_the_future(days: u64) -> Flight {
    let mut world = World::pair(|setups| setups[SMALL].wall += days * DAY);
    world.take(SMALL, Class::Initiation)
}

/// What someone with the private key of a node reads in an initiation to it.
fn read<const N: usize>(node: usize, flight: &Flight) -> ReceivedInitiation {
    let setup = sorted_setups::<N>().into_iter().nth(node).unwrap();
    let kem = Arc::new(DeterministicMlKem768);
    let identity = Identity::new(setup.secret, Suite::Aes256Gcm, kem);
    consume_initiation(&identity, &Initiation::parse(flight.bytes()).unwrap()).unwrap()
}

// REQ-CLK-2, REQ-CLK-3, REQ-CLK-4, REQ-HS-14
#[test]
fn a_clock_that_was_set_back_costs_one_round_trip() {
    let mut world = one_caller();
    world.deliver(&from_the_future(1));
    // What was answered then is of no use to anybody.
    world.take(GREAT, Class::Response);
    world.settle();
    world.assert_agreed();
    assert_eq!(world.elapsed(), millis(0));
    assert_eq!(world.count(GREAT, ControlCounter::Stale), 1);
    assert_eq!(world.count(SMALL, ControlCounter::StaleAnswer), 1);
    assert_eq!(world.count(SMALL, ControlCounter::HandshakeRetries), 0);
    let refused = Event::HandshakeRefused {
        peer: PEER,
        reason: RefusedReason::StaleClock,
    };
    assert!(world.nodes[SMALL].events.contains(&refused));
}

// REQ-CLK-1
// FIELD-BUG: a clock that steps back
#[test]
fn timestamps_go_up_although_the_clock_stands_still_or_steps_back() {
    let mut world = one_caller();
    world.settle();
    for step_back in [0, 0, 5 * DAY, 0] {
        world.nodes[SMALL].wall -= step_back;
        world.poke(SMALL, |core, now| core.rekey(PEER, now));
        world.settle();
    }
    assert_eq!(world.counted(GREAT), [("handshakes_completed", 5)]);
    world.assert_agreed();
}

// REQ-CLK-2, REQ-CLK-3
#[test]
fn a_replayed_initiation_is_stale() {
    let mut world = one_caller();
    let initiation = world.wire[0].clone();
    world.settle();
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.settle();
    let receiving = world.nodes[GREAT].lanes.receiving();
    for _ in 0..5 {
        world.deliver(&initiation);
    }
    assert_eq!(world.nodes[GREAT].lanes.receiving(), receiving);
    assert_eq!(world.count(GREAT, ControlCounter::Stale), 1);
    assert_eq!(world.count(GREAT, ControlCounter::RefusalsLimited), 4);
    assert_eq!(world.classes(), [Class::Response]);
}

// REQ-CLK-6
#[test]
fn a_copy_of_the_initiation_that_was_answered_last_gets_no_answer() {
    let mut world = one_caller();
    let initiation = world.take(SMALL, Class::Initiation);
    world.deliver(&initiation);
    world.deliver(&initiation);
    assert_eq!(world.classes(), [Class::Response], "one for both");
    assert_eq!(world.count(GREAT, ControlCounter::Stale), 1);
    world.settle();
    world.assert_agreed();
    assert_eq!(world.count(SMALL, ControlCounter::StaleAnswer), 0);
}

// REQ-EPOCH-6, REQ-EPOCH-7, REQ-EPOCH-8, REQ-CLK-5: the attacker has an initiation that never arrived, so it is new.
#[test]
fn a_replay_from_elsewhere_neither_displaces_nor_moves_the_endpoint() {
    let mut world = one_caller();
    world.settle();
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    let mut stolen = world.take(SMALL, Class::Initiation);
    stolen.from = address(66);
    let (current, endpoint) = (world.current(GREAT), world.status(GREAT).endpoint);
    world.cuts.push((SMALL, Class::Initiation));
    world.deliver(&stolen);
    assert_eq!(world.wire.pop_front().unwrap().to, address(66));
    let unchanged = |world: &World| {
        assert_eq!(world.current(GREAT), current);
        assert_eq!(world.status(GREAT).endpoint, endpoint);
        assert_eq!(
            world.nodes[GREAT].lanes.sends_under(PEER).unwrap().0,
            current
        );
    };
    unchanged(&world);
    assert_eq!(world.nodes[GREAT].lanes.receiving(), 2);
    world.advance(UNCONFIRMED_LIFETIME);
    unchanged(&world);
    assert_eq!(world.nodes[GREAT].lanes.receiving(), 1);
    assert_eq!(world.count(GREAT, ControlCounter::EpochsUnconfirmed), 1);
}

// REQ-CLK-5, REQ-EP-2: after a restart the oldest initiation is new again, and still proves nothing.
#[test]
fn after_a_restart_a_replay_makes_an_unconfirmed_epoch_and_only_that() {
    let mut world = one_caller();
    let mut old = world.wire[0].clone();
    world.settle();
    let [_, mut setup] = sorted_setups();
    setup.knows_endpoints = Endpoints::Unknown;
    world.restart(GREAT, setup);
    old.from = address(66);
    world.deliver(&old);
    assert_eq!(world.status(GREAT).endpoint, None);
    assert_eq!(world.status(GREAT).epoch, None);
    world.wire.clear();
    let path = path(address(66));
    let spi = world.nodes[GREAT].lanes.spis[0];
    let unknown = linkveil_wire::Spi::new(spi.get() ^ 1).unwrap();
    world.lane_event(GREAT, LaneEvent::UnknownSpi { spi: unknown, path });
    assert_eq!(
        world.classes(),
        [],
        "nobody is called at the attacker's address"
    );
}

// REQ-CLK-1, REQ-CLK-4: the floor is that of the peer who said so.
#[test]
fn a_peer_that_lies_about_time_moves_only_what_it_is_told_itself() {
    let mut world = World::of(sorted_setups::<3>().into());
    let (liar, honest) = (PeerId::new(0), PeerId::new(1));
    let own = world.nodes[0].address;
    let to_liar = world.take(0, Class::Initiation);
    assert_eq!(to_liar.to, world.nodes[1].address);
    let refusal = read::<3>(1, &to_liar)
        .create_refusal(
            &Psk::none(),
            Refusal::Stale {
                last: Timestamp::MAX,
            },
            &mut Seeded(5),
        )
        .unwrap();
    world.wire.clear();
    let from = path(world.nodes[1].address);
    world.poke(0, |core, now| core.handle_datagram(from, &refusal, now));
    let again = world.take(0, Class::Initiation);
    assert_eq!(again.to, world.nodes[1].address);
    assert_eq!(read::<3>(1, &again).payload().timestamp, Timestamp::MAX);
    world.next_timer(0);
    let mut retries: Vec<_> = world
        .wire
        .drain(..)
        .filter(|flight| flight.from == own)
        .collect();
    if retries
        .iter()
        .all(|flight| flight.to != world.nodes[2].address)
    {
        world.next_timer(0);
        retries.extend(world.wire.drain(..));
    }
    let to_honest = retries
        .iter()
        .find(|flight| flight.to == world.nodes[2].address);
    let timestamp = read::<3>(2, to_honest.unwrap()).payload().timestamp;
    assert!(
        timestamp <= world.now(0).wall,
        "{timestamp} for {honest}, not {liar}"
    );
}

// REQ-CLK-4: "at once unless it has just done so".
#[test]
fn stale_answers_cause_one_retry_at_once_a_second() {
    let mut world = one_caller();
    for expected in [1, 0] {
        let initiation = world.take(SMALL, Class::Initiation);
        let refusal = Refusal::Stale {
            last: Timestamp::MAX,
        };
        let refusal = read::<2>(GREAT, &initiation)
            .create_refusal(&Psk::none(), refusal, &mut Seeded(5))
            .unwrap();
        let from = path(world.nodes[GREAT].address);
        world.poke(SMALL, |core, now| core.handle_datagram(from, &refusal, now));
        assert_eq!(world.classes().len(), expected);
    }
    assert_eq!(world.count(SMALL, ControlCounter::StaleAnswer), 2);
    world.next_timer(SMALL);
    assert_eq!(
        world.classes(),
        [Class::Initiation],
        "the retry timer goes on"
    );
}
