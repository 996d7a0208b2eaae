//! Peers that turn up elsewhere: NATs that forget, laptops that move, and those who only pretend.

use linkveil_sa::LaneEvent;
use linkveil_wire::{Challenge, ControlFrame};

use crate::config::Roaming;
use crate::counters::ControlCounter;
use crate::limits::{CHALLENGE_LIFETIME, CHALLENGE_PAUSE, MOVE_PAUSE};
use crate::testing::*;

fn established() -> World {
    let mut world = World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown);
    world.settle();
    world.assert_agreed();
    world
}

/// From now on the node is somewhere else.
fn relocate(world: &mut World, node: usize, number: u8) {
    world.nodes[node].address = address(number);
}

fn endpoint(world: &World, node: usize) -> std::net::SocketAddr {
    let known = world.status(node).endpoint.expect("an endpoint").remote;
    assert_eq!(known, world.nodes[node].lanes.endpoint_of(PEER));
    known
}

/// Something authentic arrives at [`GREAT`] from an address of somebody's choice.
fn candidate(world: &mut World, number: u8) {
    let (peer, epoch) = (PEER, world.current(GREAT));
    let path = path(address(number));
    world.lane_event(GREAT, LaneEvent::Candidate { peer, epoch, path });
}

// REQ-PATH-1, REQ-PATH-2, REQ-PATH-3, REQ-PATH-4
#[test]
fn an_endpoint_follows_its_peer_after_a_challenge() {
    let mut world = established();
    relocate(&mut world, SMALL, 50);
    world.send_data(SMALL);
    world.deliver_first(SMALL, Class::Data);
    assert_eq!(endpoint(&world, GREAT), address(1), "not yet (REQ-PATH-6)");
    assert_eq!(world.classes(), [Class::Challenge]);
    assert_eq!(world.wire[0].to, address(50));
    world.settle();
    assert_eq!(endpoint(&world, GREAT), address(50));
    assert_eq!(world.count(GREAT, ControlCounter::ChallengesSent), 1);
    assert_eq!(world.count(GREAT, ControlCounter::EndpointsMoved), 1);
    assert_eq!(world.count(SMALL, ControlCounter::ChallengesAnswered), 1);
    world.send_data(GREAT);
    assert_eq!(world.wire[0].to, address(50));
    world.settle();
    world.assert_agreed();
}

// REQ-PATH-4: nobody answers at an address that an attacker wrote onto a captured datagram.
#[test]
fn an_address_where_the_peer_is_not_moves_nothing() {
    let mut world = established();
    candidate(&mut world, 66);
    assert_eq!(world.wire[0].to, address(66));
    world.settle();
    assert_eq!(endpoint(&world, GREAT), address(1));
    assert_eq!(world.count(GREAT, ControlCounter::EndpointsMoved), 0);
}

// REQ-PATH-8, FIELD-BUG: roaming on an unauthenticated reply
#[test]
fn an_answer_to_no_challenge_moves_nothing() {
    let mut world = established();
    candidate(&mut world, 66);
    let asked = world.take(GREAT, Class::Challenge);
    relocate(&mut world, SMALL, 50);
    let invented = ControlFrame::PathResponse(Challenge([9; 16]));
    let flight = world.nodes[SMALL].seal(Some(invented));
    world.deliver(&flight);
    assert_eq!(endpoint(&world, GREAT), address(1));
    let unexpected = ControlCounter::PathResponseUnexpected;
    assert_eq!(world.count(GREAT, unexpected), 1);
    // The true answer counts once.
    world.wire.clear();
    relocate(&mut world, SMALL, 66);
    world.deliver(&asked);
    let answer = world.take(SMALL, Class::PathResponse);
    world.deliver(&answer);
    assert_eq!(endpoint(&world, GREAT), address(66));
    world.deliver(&answer);
    assert_eq!(world.count(GREAT, unexpected), 2);
}

// REQ-PATH-4
#[test]
fn a_late_answer_moves_nothing() {
    for (delay, moved) in [(CHALLENGE_LIFETIME - millis(1), 1), (CHALLENGE_LIFETIME, 0)] {
        let mut world = established();
        relocate(&mut world, SMALL, 50);
        candidate(&mut world, 50);
        world.deliver_first(GREAT, Class::Challenge);
        let answer = world.take(SMALL, Class::PathResponse);
        world.advance(delay);
        world.deliver(&answer);
        assert_eq!(world.count(GREAT, ControlCounter::EndpointsMoved), moved);
    }
}

// REQ-PATH-2: a lost challenge is repeated while datagrams come, and the answer to the first one still counts.
#[test]
fn a_challenge_is_repeated_but_not_too_often() {
    let mut world = established();
    candidate(&mut world, 50);
    for _ in 0..10 {
        candidate(&mut world, 50);
    }
    assert_eq!(world.classes(), [Class::Challenge]);
    assert_eq!(world.count(GREAT, ControlCounter::CandidatesLimited), 10);
    let first = world.take(GREAT, Class::Challenge);
    world.advance(CHALLENGE_PAUSE);
    candidate(&mut world, 50);
    let second = world.take(GREAT, Class::Challenge);
    assert_eq!(first.body, second.body);
    // Another address gets another challenge.
    world.advance(CHALLENGE_PAUSE);
    candidate(&mut world, 51);
    assert_ne!(world.take(GREAT, Class::Challenge).body, first.body);
}

// REQ-PATH-5
#[test]
fn an_endpoint_does_not_swing() {
    let mut world = established();
    relocate(&mut world, SMALL, 50);
    candidate(&mut world, 50);
    world.settle();
    world.advance(MOVE_PAUSE - millis(1));
    candidate(&mut world, 1);
    assert_eq!(world.classes(), []);
    world.advance(millis(1));
    candidate(&mut world, 1);
    assert_eq!(world.classes(), [Class::Challenge]);
}

// REQ-PATH-1: what comes under a former epoch is late.
#[test]
fn a_datagram_of_a_former_epoch_makes_no_candidate() {
    let mut world = established();
    let (peer, epoch) = (PEER, world.current(GREAT));
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.settle();
    let path = path(address(50));
    world.lane_event(GREAT, LaneEvent::Candidate { peer, epoch, path });
    assert_eq!(world.classes(), []);
    assert_eq!(world.count(GREAT, ControlCounter::ChallengesSent), 0);
}

// REQ-PATH-7
#[test]
fn a_pinned_peer_stays_where_it_is() {
    let mut world = World::pair(|setups| setups[GREAT].roaming = Roaming::Pin);
    world.settle();
    world.assert_agreed();
    relocate(&mut world, SMALL, 50);
    world.send_data(SMALL);
    world.settle();
    assert_eq!(endpoint(&world, GREAT), address(1));
    assert_eq!(world.count(GREAT, ControlCounter::CandidatesPinned), 1);
    assert_eq!(world.count(GREAT, ControlCounter::ChallengesSent), 0);
    // A handshake from elsewhere is refused as well.
    let done = world.count(GREAT, ControlCounter::HandshakesCompleted);
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.settle();
    assert_eq!(world.count(GREAT, ControlCounter::Pinned), 1);
    assert_eq!(
        world.count(GREAT, ControlCounter::HandshakesCompleted),
        done
    );
    // Back home everything goes on.
    relocate(&mut world, SMALL, 1);
    world.advance(secs(5));
    world.assert_agreed();
    assert_eq!(
        world.count(GREAT, ControlCounter::HandshakesCompleted),
        done + 1
    );
}

// REQ-LIVE-12: the one that moved away from its configured endpoint may be back there.
#[test]
fn a_peer_is_called_at_the_learned_and_at_the_configured_endpoint() {
    let mut world = World::pair(|_| {});
    world.settle();
    relocate(&mut world, SMALL, 50);
    candidate(&mut world, 50);
    world.settle();
    assert_eq!(endpoint(&world, GREAT), address(50));
    world.cuts.push((GREAT, Class::OtherFrame));
    relocate(&mut world, SMALL, 1);
    world.poke(GREAT, |core, now| core.rekey(PEER, now));
    let first = world.take(GREAT, Class::Initiation);
    world.next_timer(GREAT);
    let second = world.take(GREAT, Class::Initiation);
    world.next_timer(GREAT);
    let third = world.take(GREAT, Class::Initiation);
    assert_eq!(
        [first.to, second.to, third.to],
        [address(50), address(1), address(50)]
    );
    world.deliver(&second);
    world.settle();
    world.assert_agreed();
    assert_eq!(endpoint(&world, GREAT), address(1));
}

// REQ-EPOCH-7, REQ-PATH-4: a copy of the peer's own initiation from another address leads there, for as long as the peer
// needs to send one datagram.
#[test]
fn an_initiation_that_somebody_else_brought_does_not_hold_the_endpoint() {
    let mut world = established();
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    let mut brought = world.take(SMALL, Class::Initiation);
    brought.from = address(66);
    world.deliver(&brought);
    let mut response = world.take(GREAT, Class::Response);
    assert_eq!(response.to, address(66));
    response.to = address(1);
    world.deliver(&response);
    world.settle();
    world.send_data(SMALL);
    world.settle();
    assert_eq!(endpoint(&world, GREAT), address(1));
    world.assert_agreed();
}
