//! When an epoch is replaced, and by whom.

use std::time::Duration;

use linkveil_noise::Role;
use linkveil_sa::{LaneEvent, PeerId, Pressure};

use crate::Rekey;
use crate::counters::ControlCounter;
use crate::limits::{REKEY_JITTER_PERCENT, REKEY_LATE_PERCENT};
use crate::testing::*;

/// An established pair whose epoch the small one began.
fn established(seed: u64) -> World {
    let mut world = World::pair(|setups| {
        setups[SMALL].seed = seed;
        setups[GREAT].knows_endpoints = Endpoints::Unknown;
    });
    world.settle();
    world.assert_agreed();
    world
}

fn planned(world: &World, node: usize) -> Duration {
    let epoch = world.status(node).epoch.unwrap();
    epoch.next_rekey.unwrap() - epoch.established
}

// REQ-LIM-6
#[test]
fn the_initiator_rekeys_early_by_a_random_part() {
    let ages: Vec<_> = (1..=40)
        .map(|seed| planned(&established(seed), SMALL))
        .collect();
    let range = REKEY_AFTER * (100 - REKEY_JITTER_PERCENT) / 100..=REKEY_AFTER;
    assert!(ages.iter().all(|age| range.contains(age)), "{ages:?}");
    let spread = *ages.iter().max().unwrap() - *ages.iter().min().unwrap();
    assert!(
        spread > REKEY_AFTER * REKEY_JITTER_PERCENT / 100 / 2,
        "{spread:?}"
    );
}

// REQ-LIM-6, REQ-LIM-7
#[test]
fn by_time_the_initiator_alone_begins_and_the_next_epoch_follows() {
    let mut world = established(1);
    let first = world.fingerprint(SMALL);
    world.advance(planned(&world, SMALL) - millis(1));
    assert_eq!(world.fingerprint(SMALL), first);
    world.advance(millis(2));
    world.assert_agreed();
    assert_ne!(world.fingerprint(SMALL), first);
    world.advance(REKEY_AFTER * 10);
    world.assert_agreed();
    let began = world.count(SMALL, ControlCounter::HandshakesStarted);
    assert!((11..=13).contains(&began), "{began}");
    assert_eq!(world.count(GREAT, ControlCounter::HandshakesStarted), 0);
    assert_eq!(world.status(GREAT).epoch.unwrap().role, Role::Responder);
}

// REQ-LIM-7
#[test]
fn the_responder_begins_late_if_the_initiator_did_not() {
    let mut world = established(1);
    world.cuts.push((SMALL, Class::Initiation));
    let late = REKEY_AFTER * REKEY_LATE_PERCENT / 100;
    world.advance(late - millis(1));
    assert_eq!(world.count(GREAT, ControlCounter::HandshakesStarted), 0);
    world.advance(millis(2));
    assert_eq!(world.times(GREAT, Class::Initiation), [late]);
    world.advance(secs(5));
    world.assert_agreed();
}

fn press(world: &mut World, node: usize, pressure: Pressure) {
    let (peer, epoch) = (PEER, world.current(node));
    world.lane_event(
        node,
        LaneEvent::Pressure {
            peer,
            epoch,
            pressure,
        },
    );
}

// REQ-LIM-4, REQ-LIM-5
#[test]
fn soft_pressure_moves_the_initiator_and_late_pressure_both() {
    let cases = [
        (SMALL, Pressure::Soft, 1),
        (SMALL, Pressure::Late, 1),
        (GREAT, Pressure::Soft, 0),
        (GREAT, Pressure::Late, 1),
    ];
    for (node, pressure, expected) in cases {
        let mut world = established(1);
        press(&mut world, node, pressure);
        press(&mut world, node, pressure);
        assert_eq!(world.classes().len(), expected, "{node} {pressure:?}");
        let before = world.fingerprint(SMALL);
        world.settle();
        world.assert_agreed();
        assert_eq!(world.fingerprint(SMALL) != before, expected == 1);
    }
}

// REQ-LIM-4: keys that are on their way out may be worn.
#[test]
fn pressure_on_other_epochs_is_nothing() {
    let mut world = established(1);
    let former = world.current(SMALL);
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.settle();
    world.lane_event(
        SMALL,
        LaneEvent::Pressure {
            peer: PEER,
            epoch: former,
            pressure: Pressure::Late,
        },
    );
    assert_eq!(world.classes(), []);
}

#[test]
fn a_request_for_new_keys_says_what_became_of_it() {
    let mut world = established(1);
    let rekey = |world: &mut World, peer| world.poke(SMALL, |core, now| core.rekey(peer, now));
    assert_eq!(rekey(&mut world, PEER), Rekey::Started);
    assert_eq!(rekey(&mut world, PEER), Rekey::AlreadyPending);
    assert_eq!(rekey(&mut world, PeerId::new(7)), Rekey::NoEndpoint);
    assert_eq!(world.nodes[SMALL].core.peer_status(PeerId::new(7)), None);
    world.settle();
    assert_eq!(rekey(&mut world, PEER), Rekey::Started);
    let mut world = World::pair(|setups| setups[SMALL].knows_endpoints = Endpoints::Unknown);
    assert_eq!(rekey(&mut world, PEER), Rekey::NoEndpoint, "REQ-EP-2");
}
