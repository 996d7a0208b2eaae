//! What a node does not answer, and how little it says when it does.

use crate::counters::ControlCounter;
use crate::testing::*;

/// Only the small one calls.
fn one_caller() -> World {
    World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown)
}

// REQ-MAC-1, REQ-HDR-1, REQ-HDR-2, REQ-HDR-3, REQ-HDR-7, REQ-RES-1: each refusal moves one counter and nothing else.
#[test]
fn malformed_messages_are_counted_each_under_its_name() {
    let world = one_caller();
    let good = world.wire[0].bytes().to_vec();
    let changed = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] = value;
        bytes
    };
    let mut zero_spi = good.clone();
    zero_spi[4..8].fill(0);
    let mut cookie = vec![0; 64];
    (cookie[0], cookie[7]) = (3, 1);
    let cases = [
        (vec![], "message_unknown_type"),
        (changed(0, 9), "message_unknown_type"),
        (changed(0, 4), "message_unknown_type"),
        (good[..good.len() - 1].to_vec(), "message_wrong_length"),
        (changed(2, 1), "message_reserved_bits"),
        (zero_spi, "message_zero_spi"),
        (changed(20, good[20] ^ 1), "handshake_wrong_mac1"),
        (cookie, "handshake_wrong_receiver"),
    ];
    for (bytes, name) in cases {
        let mut world = one_caller();
        let from = path(world.nodes[SMALL].address);
        world.poke(GREAT, |core, now| core.handle_datagram(from, &bytes, now));
        assert_eq!(world.counted(GREAT), [(name, 1)], "{bytes:02x?}");
        assert_eq!(world.nodes[GREAT].lanes.deeds, []);
    }
}

// REQ-HS-10
#[test]
fn a_stranger_gets_silence() {
    let [a, b, stranger] = sorted_setups();
    let mut world = World::of(vec![a, b]);
    world.settle();
    let [_, known, _] = sorted_setups();
    let others = World::of(vec![known, stranger]);
    // What the stranger says to a node with the key of `b`.
    let flight = others.wire.iter().find(|flight| flight.to == address(1));
    let bytes = flight.unwrap().bytes().to_vec();
    let before = world.nodes[GREAT].lanes.deeds.len();
    let from = path(address(77));
    world.poke(GREAT, |core, now| core.handle_datagram(from, &bytes, now));
    assert_eq!(world.count(GREAT, ControlCounter::UnknownPeer), 1);
    assert_eq!(world.classes(), []);
    assert_eq!(world.nodes[GREAT].lanes.deeds.len(), before);
}

// REQ-HS-20
#[test]
fn no_answer_is_longer_than_what_it_answers() {
    use crate::PqPolicy::{Off, Preferred, Required};
    for (caller, answerer) in [
        (Required, Required),
        (Off, Off),
        (Off, Required),
        (Preferred, Off),
    ] {
        let mut world = World::pair(|setups| {
            setups[SMALL].policy = caller;
            setups[GREAT].policy = answerer;
            setups[GREAT].knows_endpoints = Endpoints::Unknown;
        });
        let question = world.take(SMALL, Class::Initiation);
        world.deliver(&question);
        let answer = world.take(GREAT, Class::Response);
        assert!(answer.bytes().len() <= question.bytes().len());
    }
}
