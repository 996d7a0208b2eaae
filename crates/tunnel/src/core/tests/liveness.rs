//! Silence, probes, unknown SPIs and restarts.

use linkveil_sa::LaneEvent;
use linkveil_wire::{Challenge, ControlFrame, Spi, Token};

use crate::PeerState;
use crate::counters::ControlCounter;
use crate::event::Event;
use crate::limits::{LEARNED_ENDPOINT_PATIENCE, PROBE_PATIENCE, SILENCE, UNKNOWN_SPI_PAUSE};
use crate::testing::*;

fn established() -> World {
    let mut world = World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown);
    world.settle();
    world.assert_agreed();
    world
}

fn report(world: &mut World, node: usize, tx_packets: u64, rx_packets: u64) {
    let activity = LaneEvent::Activity {
        peer: PEER,
        tx_packets,
        rx_packets,
    };
    world.lane_event(node, activity);
}

fn hear(world: &mut World, node: usize, frame: ControlFrame) {
    let epoch = world.current(node);
    let path = path(world.nodes[1 - node].address);
    let control = LaneEvent::Control {
        peer: PEER,
        epoch,
        frame,
        path,
    };
    world.lane_event(node, control);
}

// REQ-LIVE-4, REQ-CTRL-8
#[test]
fn silence_is_asked_about_and_an_answer_ends_it() {
    let mut world = established();
    report(&mut world, SMALL, 3, 0);
    world.advance(SILENCE - millis(1));
    assert!(world.times(SMALL, Class::Probe).is_empty());
    // More of the same does not put off the question.
    report(&mut world, SMALL, 3, 0);
    world.advance(millis(1));
    assert_eq!(world.times(SMALL, Class::Probe), [SILENCE]);
    assert_eq!(world.times(GREAT, Class::ProbeAck), [SILENCE]);
    world.advance(secs(60));
    assert_eq!(world.times(SMALL, Class::Probe).len(), 1);
    assert_eq!(world.count(SMALL, ControlCounter::ProbesSent), 1);
    assert_eq!(world.count(SMALL, ControlCounter::ProbeAckUnexpected), 0);
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesStarted), 1);
}

// REQ-LIVE-4
#[test]
fn a_peer_that_does_not_answer_is_called_while_the_epoch_stays() {
    let mut world = established();
    let epoch = world.current(SMALL);
    world.nodes[GREAT].address = address(99);
    report(&mut world, SMALL, 1, 0);
    world.advance(SILENCE + PROBE_PATIENCE - millis(1));
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesStarted), 1);
    world.advance(millis(1));
    assert!(
        world.nodes[SMALL]
            .events
            .contains(&Event::PeerSilent { peer: PEER })
    );
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesStarted), 2);
    assert_eq!(world.current(SMALL), epoch);
    assert_eq!(world.nodes[SMALL].lanes.sends_under(PEER).unwrap().0, epoch);
}

// REQ-LIVE-4: whatever is authentic is a sign of life.
#[test]
fn every_authentic_thing_ends_the_wait() {
    let signs: [fn(&mut World); 3] = [
        |world| report(world, SMALL, 0, 1),
        |world| hear(world, SMALL, ControlFrame::Keepalive),
        |world| {
            let (peer, epoch) = (PEER, world.current(SMALL));
            let path = path(address(2));
            world.lane_event(SMALL, LaneEvent::FirstOpen { peer, epoch, path });
        },
    ];
    for sign in signs {
        let mut world = established();
        report(&mut world, SMALL, 1, 0);
        world.advance(SILENCE - millis(1));
        sign(&mut world);
        world.advance(secs(60));
        assert!(world.times(SMALL, Class::Probe).is_empty());
        // After the Probe as well.
        world.cuts.push((GREAT, Class::ProbeAck));
        report(&mut world, SMALL, 1, 0);
        world.advance(SILENCE + millis(1));
        sign(&mut world);
        world.advance(secs(60));
        assert_eq!(world.times(SMALL, Class::Probe).len(), 1);
        assert_eq!(world.count(SMALL, ControlCounter::HandshakesStarted), 1);
    }
}

// REQ-LIVE-5
#[test]
fn idle_peers_stay_silent() {
    let mut world = established();
    // Both ways in one report: nothing is owed.
    report(&mut world, SMALL, 5, 5);
    let sent = world.sent.len();
    world.advance(secs(3_000));
    assert_eq!(world.sent.len(), sent);
}

// REQ-CTRL-10, REQ-RES-1
#[test]
fn only_questions_are_answered() {
    let (token, challenge) = (Token([7; 8]), Challenge([7; 16]));
    let cases = [
        (ControlFrame::ProbeAck(token), Some("probe_acks_unexpected")),
        (ControlFrame::Keepalive, None),
        (ControlFrame::ConfirmAck, None),
        (
            ControlFrame::PathResponse(challenge),
            Some("path_responses_unexpected"),
        ),
        (
            ControlFrame::MtuProbe { token, size: 1_400 },
            Some("control_frames_ignored"),
        ),
        (
            ControlFrame::MtuProbeAck { token, size: 1_400 },
            Some("control_frames_ignored"),
        ),
    ];
    for (frame, name) in cases {
        let mut world = established();
        let before = world.counted(GREAT);
        hear(&mut world, GREAT, frame);
        assert_eq!(world.classes(), [], "{frame:?}");
        let mut expected = before;
        expected.extend(name.map(|name| (name, 1)));
        assert_eq!(world.counted(GREAT), expected);
        world.assert_agreed();
    }
    let questions = [
        (ControlFrame::Probe(token), ControlFrame::ProbeAck(token)),
        (
            ControlFrame::PathChallenge(challenge),
            ControlFrame::PathResponse(challenge),
        ),
    ];
    for (question, answer) in questions {
        let mut world = established();
        hear(&mut world, GREAT, question);
        let Body::Sealed { frame, .. } = world.wire[0].body else {
            panic!("not sealed")
        };
        assert_eq!(frame, Some(answer), "REQ-CTRL-8: the same token");
        assert_eq!(world.wire.len(), 1);
    }
}

fn unknown_spi(world: &mut World, node: usize, from: u8) {
    let mut number = 0x4321;
    while world.nodes[node]
        .lanes
        .spis
        .iter()
        .any(|spi| spi.get() == number)
    {
        number += 1;
    }
    let (spi, path) = (Spi::new(number).unwrap(), path(address(from)));
    world.lane_event(node, LaneEvent::UnknownSpi { spi, path });
}

// REQ-LIVE-6
#[test]
fn an_unknown_spi_from_a_peers_endpoint_calls_it_once_in_five_seconds() {
    let mut world = established();
    for round in 1..=3 {
        let initiations = world.times(GREAT, Class::Initiation).len();
        for _ in 0..10 {
            unknown_spi(&mut world, GREAT, 1);
            world.settle();
        }
        assert_eq!(world.times(GREAT, Class::Initiation).len(), initiations + 1);
        assert_eq!(
            world.count(GREAT, ControlCounter::CalledForUnknownSpi),
            round
        );
        assert_eq!(
            world.count(GREAT, ControlCounter::UnknownSpiLimited),
            9 * round
        );
        world.advance(UNKNOWN_SPI_PAUSE);
    }
    world.assert_agreed();
}

// REQ-LIVE-6: while we call already, another call does not help.
#[test]
fn an_unknown_spi_during_an_attempt_calls_nobody() {
    let mut world = established();
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    unknown_spi(&mut world, SMALL, 2);
    assert_eq!(world.classes(), [Class::Initiation]);
    assert_eq!(world.count(SMALL, ControlCounter::UnknownSpiLimited), 1);
}

// REQ-LIVE-8
#[test]
fn an_unknown_spi_from_elsewhere_causes_nothing() {
    let mut world = established();
    unknown_spi(&mut world, GREAT, 66);
    assert_eq!(world.classes(), []);
    assert_eq!(world.count(GREAT, ControlCounter::UnknownSpiStranger), 1);
}

// REQ-LIVE-9, for either node and whoever knows an endpoint
#[test]
fn after_a_restart_the_first_handshake_succeeds_without_a_retry() {
    for node in [SMALL, GREAT] {
        let mut world = World::pair(|_| {});
        world.settle();
        world.advance(secs(100));
        let setup = sorted_setups::<2>().into_iter().nth(node).unwrap();
        world.restart(
            node,
            Setup {
                seed: 77,
                wall: setup.wall + 1,
                ..setup
            },
        );
        world.settle();
        world.assert_agreed();
        for node in [SMALL, GREAT] {
            assert_eq!(world.count(node, ControlCounter::HandshakeRetries), 0);
        }
    }
}

// REQ-LIVE-4, REQ-LIVE-8: the restarted one cannot call, so that the other one has to find out.
#[test]
fn a_restart_of_one_who_cannot_call_is_found_by_probing() {
    let mut world = established();
    let [_, mut setup] = sorted_setups();
    setup.knows_endpoints = Endpoints::Unknown;
    setup.seed = 77;
    world.restart(GREAT, setup);
    world.send_data(SMALL);
    report(&mut world, SMALL, 1, 0);
    world.settle();
    assert_eq!(world.count(GREAT, ControlCounter::UnknownSpiStranger), 1);
    world.advance(SILENCE + PROBE_PATIENCE);
    world.settle();
    world.assert_agreed();
    assert_eq!(world.elapsed(), SILENCE + PROBE_PATIENCE);
}

// REQ-LIVE-6, REQ-LIVE-2: data under lost keys adds nothing to the calls of a node that has just restarted.
#[test]
fn a_restarted_node_calls_once_whatever_still_comes_for_its_old_keys() {
    let mut world = World::pair(|_| {});
    world.settle();
    let old = world.nodes[SMALL].seal(None);
    let [_, mut setup] = sorted_setups();
    setup.seed = 77;
    world.restart(GREAT, setup);
    world.wire.clear();
    world.deliver(&old);
    assert_eq!(world.classes(), []);
    assert_eq!(
        world.count(GREAT, ControlCounter::UnknownSpiLimited),
        1,
        "it is calling already"
    );
    world.advance(secs(5));
    world.assert_agreed();
}

// REQ-LIVE-2: a learned endpoint is called for a while, a configured one for ever.
#[test]
fn a_learned_endpoint_is_given_up_and_a_configured_one_is_not() {
    let mut world = established();
    world.cuts = vec![(SMALL, Class::Initiation), (GREAT, Class::Initiation)];
    world.poke(GREAT, |core, now| core.rekey(PEER, now));
    world.advance(LEARNED_ENDPOINT_PATIENCE * 2);
    let last = *world.times(GREAT, Class::Initiation).last().unwrap();
    let pause = LEARNED_ENDPOINT_PATIENCE - secs(20)..LEARNED_ENDPOINT_PATIENCE;
    assert!(pause.contains(&last), "{last:?}");
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.advance(secs(1_000));
    let last = *world.times(SMALL, Class::Initiation).last().unwrap();
    assert!(last + secs(20) > world.elapsed(), "{last:?}");
}

// REQ-LIVE-2: keys that end while nobody can be reached leave the state that calls for ever, or none.
#[test]
fn without_keys_the_state_says_whether_anything_is_done() {
    let mut world = established();
    world.cuts = vec![(SMALL, Class::Initiation), (GREAT, Class::Initiation)];
    world.advance(REKEY_AFTER * 2);
    assert_eq!(world.status(SMALL).state, PeerState::Handshaking);
    assert_eq!(world.status(GREAT).state, PeerState::Idle);
    assert_eq!(world.nodes[GREAT].core.poll_timeout(), None);
}

// REQ-LIVE-2: a peer that is heard again is called again soon, however long it was away.
#[test]
fn a_peer_that_is_heard_again_is_called_within_a_second() {
    let mut world = established();
    world.cuts = vec![(SMALL, Class::Initiation)];
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.advance(secs(100));
    let calls = world.times(SMALL, Class::Initiation).len();
    world.cuts.clear();
    report(&mut world, SMALL, 0, 1);
    world.advance(secs(1));
    assert_eq!(world.times(SMALL, Class::Initiation).len(), calls + 1);
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesCompleted), 2);
}
