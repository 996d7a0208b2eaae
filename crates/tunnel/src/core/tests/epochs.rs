//! The life of epochs: confirmed or not, displaced, drained, wiped.

use std::time::Duration;

use linkveil_sa::InstallKind;

use crate::PeerState;
use crate::counters::ControlCounter;
use crate::event::Event;
use crate::limits::{
    CONFIRM_FIRST, CONFIRM_LONGEST, DRAIN, DRAINING_PER_PEER, UNCONFIRMED_LIFETIME,
    UNCONFIRMED_PER_PEER,
};
use crate::testing::*;

/// Only the small one calls.
fn one_caller() -> World {
    World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown)
}

fn established() -> World {
    let mut world = one_caller();
    world.settle();
    world.assert_agreed();
    world
}

fn rekey(world: &mut World) {
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
}

fn assert_nothing_unknown(world: &World) {
    for node in [SMALL, GREAT] {
        for counter in [
            ControlCounter::Tombstone,
            ControlCounter::CalledForUnknownSpi,
        ] {
            assert_eq!(world.count(node, counter), 0);
        }
    }
}

// REQ-EPOCH-3, section 13
#[test]
fn confirm_repeats_with_growing_pauses_and_gives_up() {
    let mut world = one_caller();
    world.cuts.push((GREAT, Class::ConfirmAck));
    world.settle();
    let epoch = world.current(SMALL);
    world.advance(UNCONFIRMED_LIFETIME - millis(1));
    let mut expected = vec![Duration::ZERO];
    let mut pause = CONFIRM_FIRST;
    while expected.last().unwrap().saturating_add(pause) < UNCONFIRMED_LIFETIME {
        expected.push(*expected.last().unwrap() + pause);
        pause = (pause * 2).min(CONFIRM_LONGEST);
    }
    assert_eq!(world.times(SMALL, Class::Confirm), expected);
    assert_eq!(world.current(SMALL), epoch);
    world.cuts.push((SMALL, Class::Initiation));
    world.advance(millis(2));
    assert!(!world.nodes[SMALL].lanes.receives_under(epoch));
    assert_eq!(world.nodes[SMALL].lanes.sends_under(PEER), None);
    assert_eq!(world.count(SMALL, ControlCounter::EpochsUnconfirmed), 1);
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesStarted), 2);
    assert_eq!(world.status(SMALL).state, PeerState::Handshaking);
}

// REQ-EPOCH-3
#[test]
fn an_answer_or_any_datagram_of_the_epoch_ends_the_repeats() {
    for answer in [Class::ConfirmAck, Class::Data] {
        let mut world = one_caller();
        world.cuts.push((GREAT, Class::ConfirmAck));
        world.advance(secs(1));
        world.cuts.clear();
        if answer == Class::Data {
            world.cuts.push((GREAT, Class::ConfirmAck));
            world.send_data(GREAT);
        }
        world.advance(CONFIRM_LONGEST);
        let confirms = world.times(SMALL, Class::Confirm).len();
        assert_eq!(world.count(SMALL, ControlCounter::HandshakesCompleted), 1);
        world.advance(secs(60));
        assert_eq!(world.times(SMALL, Class::Confirm).len(), confirms);
        world.assert_agreed();
    }
}

// REQ-EPOCH-8
#[test]
fn the_responder_drops_what_nobody_confirms() {
    let mut world = one_caller();
    world.deliver_first(SMALL, Class::Initiation);
    world.cuts.push((SMALL, Class::Initiation));
    world.wire.clear();
    world.advance(UNCONFIRMED_LIFETIME - millis(1));
    assert_eq!(world.nodes[GREAT].lanes.receiving(), 1);
    world.advance(millis(1));
    assert_eq!(world.nodes[GREAT].lanes.receiving(), 0);
    assert_eq!(world.count(GREAT, ControlCounter::EpochsUnconfirmed), 1);
    assert_eq!(world.status(GREAT).state, PeerState::Idle);
    assert!(world.times(GREAT, Class::Initiation).is_empty(), "REQ-EP-2");
}

// REQ-EPOCH-11
#[test]
fn the_responder_keeps_two_unconfirmed_epochs() {
    let mut world = one_caller();
    world.cuts.push((GREAT, Class::Response));
    world.advance(millis(3_500));
    assert_eq!(world.times(SMALL, Class::Initiation).len(), 3);
    assert_eq!(world.nodes[GREAT].lanes.spis.len(), 3);
    assert_eq!(world.nodes[GREAT].lanes.receiving(), UNCONFIRMED_PER_PEER);
    world.cuts.clear();
    world.advance(secs(10));
    world.assert_agreed();
}

// REQ-EPOCH-9, REQ-LIVE-7
#[test]
fn a_displaced_epoch_receives_for_the_drain_time_and_leaves_a_tombstone() {
    let mut world = established();
    let former = [SMALL, GREAT].map(|node| world.current(node));
    rekey(&mut world);
    let late = [SMALL, GREAT].map(|node| world.nodes[node].seal(None));
    world.settle();
    world.advance(DRAIN - millis(1));
    for flight in &late {
        world.deliver(flight);
    }
    assert_nothing_unknown(&world);
    world.advance(millis(1));
    for node in [SMALL, GREAT] {
        assert!(!world.nodes[node].lanes.receives_under(former[node]));
        let retired = Event::EpochRetired {
            peer: PEER,
            epoch: former[node],
        };
        assert!(world.nodes[node].events.contains(&retired));
    }
    for flight in &late {
        world.deliver(flight);
    }
    for node in [SMALL, GREAT] {
        assert_eq!(world.count(node, ControlCounter::Tombstone), 1);
    }
    assert_eq!(world.classes(), [], "a tombstone calls nobody");
    world.assert_agreed();
}

// REQ-EPOCH-10, REQ-EPOCH-2, REQ-EPOCH-4: whatever is sealed at any step of a switch opens, however late.
#[test]
fn no_step_of_a_switch_loses_a_packet() {
    let mut world = established();
    rekey(&mut world);
    let mut sealed = Vec::new();
    let mut steps = 0;
    while let Some(flight) = world.wire.pop_front() {
        sealed.extend([SMALL, GREAT].map(|node| world.nodes[node].seal(None)));
        world.deliver(&flight);
        steps += 1;
    }
    assert_eq!(steps, 4, "initiation, response, Confirm, ConfirmAck");
    for flight in &sealed {
        world.deliver(flight);
    }
    assert_nothing_unknown(&world);
    world.assert_agreed();
}

// REQ-EPOCH-6: section 9, "fading": as long as the successor is not confirmed, the peer may send under the former.
#[test]
fn the_former_epoch_fades_until_its_successor_is_settled() {
    let mut world = established();
    let former = world.current(SMALL);
    rekey(&mut world);
    world.cuts.push((SMALL, Class::Confirm));
    world.settle();
    assert_ne!(world.current(SMALL), former);
    world.advance(UNCONFIRMED_LIFETIME - millis(1));
    let late = world.nodes[GREAT].seal(None);
    assert!(world.nodes[SMALL].lanes.receives_under(former));
    world.deliver(&late);
    // The successor came to nothing, and the peer knows of no other epoch: no drain time ends this one.
    world.cuts.push((SMALL, Class::Initiation));
    world.advance(DRAIN * 2);
    assert_eq!(world.status(SMALL).epoch, None);
    world.deliver(&late);
    assert_eq!(world.count(SMALL, ControlCounter::Tombstone), 0);
    world.cuts.clear();
    world.advance(secs(40));
    world.assert_agreed();
    assert!(!world.nodes[SMALL].lanes.receives_under(former));
}

// REQ-EPOCH-11
#[test]
fn at_most_four_epochs_drain() {
    let mut world = established();
    for _ in 0..8 {
        rekey(&mut world);
        world.settle();
    }
    for node in [SMALL, GREAT] {
        assert_eq!(world.nodes[node].lanes.receiving(), 1 + DRAINING_PER_PEER);
        assert!(world.nodes[node].lanes.receives_under(world.current(node)));
    }
    world.assert_agreed();
}

// Everything that a peer can make us keep is bounded.
#[test]
fn epochs_that_the_peer_never_confirms_are_bounded() {
    let mut world = established();
    world.cuts.push((GREAT, Class::ConfirmAck));
    for _ in 0..20 {
        rekey(&mut world);
        world.settle();
    }
    let most = 1 + UNCONFIRMED_PER_PEER + 2 * DRAINING_PER_PEER;
    assert!(world.nodes[SMALL].lanes.receiving() <= most);
}

// REQ-LIM-1, REQ-LIM-2, REQ-LIM-3
#[test]
fn the_hard_deadline_is_in_the_installs_and_ends_the_epoch() {
    for (rekey_after, life) in [(secs(60), secs(90)), (secs(3_600), secs(4_500))] {
        let mut world = World::pair(|setups| {
            for setup in setups.iter_mut() {
                setup.rekey_after = rekey_after;
            }
            setups[GREAT].knows_endpoints = Endpoints::Unknown;
        });
        world.settle();
        let end = world.now(SMALL).instant + life;
        for node in [SMALL, GREAT] {
            let epoch = world.current(node);
            let expected = [InstallKind::Rx, InstallKind::Tx].map(|kind| (epoch, kind, end));
            assert_eq!(world.nodes[node].lanes.deadlines, expected);
        }
        world.cuts = vec![(SMALL, Class::Initiation), (GREAT, Class::Initiation)];
        world.advance(life - millis(1));
        world.assert_agreed();
        world.advance(millis(1));
        for node in [SMALL, GREAT] {
            assert_eq!(world.nodes[node].lanes.receiving(), 0);
            assert_eq!(world.nodes[node].lanes.sends_under(PEER), None);
            assert_eq!(world.status(node).state, PeerState::Handshaking);
        }
    }
}

// REQ-EP-1, REQ-EPOCH-7
#[test]
fn the_endpoint_moves_to_where_the_confirmed_initiation_came_from() {
    let mut world = established();
    world.nodes[SMALL].address = address(50);
    rekey(&mut world);
    world.deliver_first(SMALL, Class::Initiation);
    assert_eq!(world.status(GREAT).endpoint, Some(path(address(1))));
    world.settle();
    assert_eq!(world.status(GREAT).endpoint, Some(path(address(50))));
    world.assert_agreed();
    let lanes = &world.nodes[GREAT].lanes;
    let moved = lanes.place_of(Deed::MoveEndpoint(address(50)));
    let installed = lanes.place_of(Deed::InstallTx(world.current(GREAT)));
    assert!(
        moved < installed,
        "the lanes know where to before they have keys"
    );
}

// REQ-EPOCH-10, section 9 ("current: the newest that the other side has proved to hold")
#[test]
fn an_older_epoch_that_opens_late_does_not_displace_a_newer_one() {
    let mut world = established();
    rekey(&mut world);
    world.deliver_first(SMALL, Class::Initiation);
    world.deliver_first(GREAT, Class::Response);
    let late = world.take(SMALL, Class::Confirm);
    rekey(&mut world);
    world.settle();
    world.assert_agreed();
    world.deliver(&late);
    world.settle();
    world.assert_agreed();
}

// REQ-EPOCH-6: the lanes have given up the former sending half, so without the new one somebody must call.
#[test]
fn a_switch_that_the_lanes_never_finish_ends_in_a_new_handshake() {
    let mut world = established();
    rekey(&mut world);
    world.deliver_first(SMALL, Class::Initiation);
    world.nodes[SMALL].lanes.acks = Acks::Held;
    world.deliver_first(GREAT, Class::Response);
    let ack = world.nodes[SMALL].lanes.release().unwrap();
    world.lane_event(SMALL, ack);
    world.advance(UNCONFIRMED_LIFETIME);
    assert_eq!(world.nodes[SMALL].lanes.sends_under(PEER), None);
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesStarted), 3);
}
