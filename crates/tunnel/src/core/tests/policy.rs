//! The nine cells of section 7.5.

use linkveil_crypto::PostQuantum;

use crate::counters::ControlCounter;
use crate::event::{Event, RefusedReason};
use crate::testing::*;
use crate::{PeerState, PqPolicy};

/// Only the small one calls.
fn world(initiator: PqPolicy, responder: PqPolicy) -> World {
    World::pair(|setups| {
        setups[SMALL].policy = initiator;
        setups[GREAT].policy = responder;
        setups[GREAT].knows_endpoints = Endpoints::Unknown;
    })
}

fn kind(world: &World, node: usize) -> Option<PostQuantum> {
    world.status(node).epoch.map(|epoch| epoch.post_quantum)
}

fn refusals(world: &World) -> Vec<RefusedReason> {
    let told = world.nodes[SMALL].events.iter();
    told.filter_map(|event| match event {
        Event::HandshakeRefused { reason, .. } => Some(*reason),
        _ => None,
    })
    .collect()
}

// REQ-PQ-1, REQ-PQ-3, REQ-PQ-5, REQ-PQ-6
#[test]
fn seven_cells_make_an_epoch_of_the_right_kind_on_both_sides() {
    use PostQuantum::{Classical, Hybrid};
    use PqPolicy::{Off, Preferred, Required};
    let cells = [
        (Required, Required, Hybrid),
        (Required, Preferred, Hybrid),
        (Preferred, Required, Hybrid),
        (Preferred, Preferred, Hybrid),
        (Preferred, Off, Classical),
        (Off, Preferred, Classical),
        (Off, Off, Classical),
    ];
    for (initiator, responder, expected) in cells {
        let mut world = world(initiator, responder);
        world.settle();
        world.assert_agreed();
        for node in [SMALL, GREAT] {
            assert_eq!(
                kind(&world, node),
                Some(expected),
                "{initiator:?} {responder:?}"
            );
        }
    }
}

// REQ-PQ-2, REQ-HS-14: status 2 makes no epoch on either side; the retries go on.
#[test]
fn an_initiator_without_a_key_is_refused_by_one_who_requires_it() {
    let mut world = world(PqPolicy::Off, PqPolicy::Required);
    world.settle();
    assert_eq!(
        world.counted(GREAT),
        [("handshake_post_quantum_required", 1)]
    );
    assert_eq!(world.count(SMALL, ControlCounter::PostQuantumRefused), 1);
    assert_eq!(refusals(&world), [RefusedReason::PeerRequiresPostQuantum]);
    assert_eq!(world.nodes[GREAT].lanes.deeds, [Deed::Transmit(2)]);
    assert_eq!(world.nodes[SMALL].lanes.deeds, [Deed::Transmit(1)]);
    assert_eq!(world.status(SMALL).state, PeerState::Handshaking);
    world.advance(secs(2));
    assert_eq!(world.count(SMALL, ControlCounter::HandshakeRetries), 1);
}

// REQ-PQ-4, REQ-PQ-3
#[test]
fn an_initiator_who_requires_a_ciphertext_refuses_a_response_without() {
    let mut world = world(PqPolicy::Required, PqPolicy::Off);
    world.settle();
    assert_eq!(world.count(SMALL, ControlCounter::PostQuantumMissing), 1);
    assert_eq!(refusals(&world), [RefusedReason::PostQuantumMissing]);
    assert_eq!(kind(&world, SMALL), None);
    assert_eq!(kind(&world, GREAT), None);
    assert_eq!(world.nodes[SMALL].lanes.receiving(), 0);
    world.advance(secs(60));
    assert_eq!(kind(&world, SMALL), None);
    assert_eq!(world.nodes[GREAT].lanes.sends_under(PEER), None);
}

// Section 13: answers that refuse are limited, since a replay may ask for them.
#[test]
fn refusals_come_once_a_second_at_most() {
    let mut world = world(PqPolicy::Off, PqPolicy::Required);
    let initiation = world.take(SMALL, Class::Initiation);
    for _ in 0..10 {
        world.deliver(&initiation);
    }
    assert_eq!(world.times(GREAT, Class::Response).len(), 1);
    assert_eq!(world.count(GREAT, ControlCounter::RefusalsLimited), 9);
    world.wire.clear();
    world.advance(millis(1_200));
    world.deliver(&initiation);
    assert_eq!(world.count(GREAT, ControlCounter::PostQuantumRequired), 2);
}
