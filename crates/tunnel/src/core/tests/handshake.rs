//! The order of a handshake, lost, late and forged messages, and how far the answers go.

use linkveil_sa::{InstallKind, LaneEvent};
use linkveil_wire::{ControlFrame, InnerMtu};

use crate::counters::ControlCounter;
use crate::event::{Event, TimerKind};
use crate::limits::{ATTEMPTS_PER_PEER, RETRY_FIRST, RETRY_LONGEST};
use crate::status::PeerState;
use crate::testing::*;

/// Only the small one calls.
fn one_caller() -> World {
    World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown)
}

/// Releases the oldest acknowledgement that a node's lanes hold back.
fn release(world: &mut World, node: usize) {
    let ack = world.nodes[node]
        .lanes
        .release()
        .expect("a held acknowledgement");
    world.lane_event(node, ack);
}

fn assert_send<T: Send>() {}

#[test]
fn a_core_can_move_to_another_thread() {
    assert_send::<crate::Core>();
}

// REQ-LIVE-1, REQ-EP-2
#[test]
fn at_start_everybody_is_called_whose_endpoint_is_known() {
    let world = one_caller();
    assert_eq!(world.classes(), [Class::Initiation]);
    assert_eq!(world.wire[0].to, world.nodes[GREAT].address);
    assert_eq!(world.status(SMALL).state, PeerState::Handshaking);
    assert_eq!(world.status(GREAT).state, PeerState::Idle);
}

// REQ-EPOCH-1
#[test]
fn the_response_waits_for_every_lane_to_receive() {
    let mut world = one_caller();
    world.nodes[GREAT].lanes.acks = Acks::Held;
    world.settle();
    assert_eq!(world.classes(), []);
    assert!(world.times(GREAT, Class::Response).is_empty());
    release(&mut world, GREAT);
    assert_eq!(world.classes(), [Class::Response]);
}

// REQ-EPOCH-2, REQ-EPOCH-3
#[test]
fn the_initiator_seals_only_after_every_lane_receives_and_confirms_at_once() {
    let mut world = one_caller();
    world.nodes[SMALL].lanes.acks = Acks::Held;
    world.settle();
    let lanes = &world.nodes[SMALL].lanes;
    assert!(matches!(
        lanes.deeds[..],
        [Deed::Transmit(1), Deed::InstallRx(_)]
    ));
    release(&mut world, SMALL);
    let lanes = &world.nodes[SMALL].lanes;
    assert!(matches!(lanes.deeds.last(), Some(Deed::InstallTx(_))));
    assert_eq!(world.classes(), []);
    release(&mut world, SMALL);
    assert_eq!(world.classes(), [Class::Confirm]);
}

// REQ-EPOCH-4, REQ-EPOCH-6: neither keys to send with nor anything that was sent, before the initiator proves itself.
#[test]
fn the_responder_sends_nothing_before_something_opens() {
    let mut world = one_caller();
    world.cuts.push((SMALL, Class::Confirm));
    world.settle();
    assert_eq!(world.nodes[GREAT].lanes.sends_under(PEER), None);
    assert_eq!(world.status(GREAT).epoch, None);
    assert_eq!(world.status(GREAT).endpoint, None);
    world.send_data(SMALL);
    world.settle();
    world.assert_agreed();
}

// REQ-EPOCH-1 to REQ-EPOCH-5, REQ-EP-1: section 9.1 in one line for each side.
#[test]
fn the_whole_order_of_a_handshake() {
    let mut world = one_caller();
    world.settle();
    world.assert_agreed();
    let (ours, theirs) = (world.current(SMALL), world.current(GREAT));
    assert_eq!(
        world.nodes[SMALL].lanes.deeds,
        [
            Deed::Transmit(1),
            Deed::InstallRx(ours),
            Deed::Acknowledged(ours, InstallKind::Rx),
            Deed::InstallTx(ours),
            Deed::Acknowledged(ours, InstallKind::Tx),
            Deed::Send(ours, ControlFrame::Confirm),
        ]
    );
    assert_eq!(
        world.nodes[GREAT].lanes.deeds,
        [
            Deed::InstallRx(theirs),
            Deed::Acknowledged(theirs, InstallKind::Rx),
            Deed::Transmit(2),
            Deed::MoveEndpoint(world.nodes[SMALL].address),
            Deed::InstallTx(theirs),
            Deed::Acknowledged(theirs, InstallKind::Tx),
            Deed::Send(theirs, ControlFrame::ConfirmAck),
        ]
    );
    assert_eq!(
        world.counted(SMALL),
        [("handshakes_started", 1), ("handshakes_completed", 1)]
    );
    assert_eq!(world.counted(GREAT), [("handshakes_completed", 1)]);
    for node in [SMALL, GREAT] {
        assert_eq!(world.nodes[node].lanes.refused_frames, []);
        let completed = |event: &&Event| matches!(event, Event::HandshakeCompleted { .. });
        assert_eq!(world.nodes[node].events.iter().filter(completed).count(), 1);
        assert_eq!(
            world.nodes[node].core.poll_timeout().unwrap().1,
            TimerKind::Rekey
        );
    }
}

// REQ-HS-12
#[test]
fn what_the_peer_announces_is_told_once_and_again_when_it_changes() {
    let small = InnerMtu::new(900).unwrap();
    let mut world = World::pair(|setups| setups[SMALL].mtu = small);
    world.settle();
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.settle();
    let told = |event: &&Event| matches!(event, Event::RemoteMtu { .. });
    let mtus: Vec<_> = world.nodes[GREAT].events.iter().filter(told).collect();
    assert_eq!(
        mtus,
        [&Event::RemoteMtu {
            peer: PEER,
            mtu: small
        }]
    );
    assert_eq!(world.status(GREAT).remote_mtu, Some(small));
}

// REQ-LIVE-2, REQ-LIVE-3
#[test]
fn initiations_repeat_for_ever_with_growing_pauses_and_are_all_new() {
    let mut world = one_caller();
    world.nodes[GREAT].address = address(99);
    let mut seen = vec![world.wire[0].bytes().to_vec()];
    world.cuts.push((SMALL, Class::Initiation));
    world.advance(secs(3_600));
    let times = world.times(SMALL, Class::Initiation);
    let mut expected = RETRY_FIRST;
    for pair in times.windows(2) {
        let pause = pair[1] - pair[0];
        let range = expected * 90 / 100..=expected * 110 / 100 + millis(1);
        assert!(range.contains(&pause), "{pause:?} not in {range:?}");
        expected = (expected * 2).min(RETRY_LONGEST);
    }
    assert!(times.len() > 200, "{}", times.len());
    assert!(*times.last().unwrap() > secs(3_580));
    world.cuts.clear();
    world.poke(SMALL, |core, now| {
        let later = crate::Now {
            instant: now.instant + RETRY_LONGEST * 2,
            ..now
        };
        core.handle_timeout(later);
    });
    seen.push(world.wire[0].bytes().to_vec());
    // Clear SPI and ephemeral key.
    assert_ne!(seen[0][4..8], seen[1][4..8]);
    assert_ne!(seen[0][8..40], seen[1][8..40]);
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesStarted), 1);
    let retries = u64::try_from(times.len()).unwrap();
    assert_eq!(
        world.count(SMALL, ControlCounter::HandshakeRetries),
        retries
    );
}

// REQ-HS-22
// FIELD-BUG: a good response discarded for being 250 ms late
#[test]
fn a_response_to_the_last_but_one_attempt_counts() {
    let mut world = one_caller();
    world.deliver_first(SMALL, Class::Initiation);
    let late = world.take(GREAT, Class::Response);
    world.cuts.push((GREAT, Class::Response));
    world.advance(RETRY_FIRST * 2);
    assert_eq!(
        world.times(SMALL, Class::Initiation).len(),
        ATTEMPTS_PER_PEER
    );
    world.deliver(&late);
    world.settle();
    world.assert_agreed();
}

// REQ-HS-22, REQ-HS-13: the third initiation ends the first attempt, and success ends the other one.
#[test]
fn answers_to_attempts_that_are_over_are_counted_and_change_nothing() {
    let mut world = one_caller();
    world.deliver_first(SMALL, Class::Initiation);
    let first = world.take(GREAT, Class::Response);
    world.cuts.push((GREAT, Class::Response));
    world.advance(millis(3_500));
    assert_eq!(world.times(SMALL, Class::Initiation).len(), 3);
    world.deliver(&first);
    assert_eq!(world.count(SMALL, ControlCounter::WrongReceiver), 1);
    assert_eq!(world.status(SMALL).epoch, None);
    world.cuts.clear();
    world.advance(secs(10));
    world.assert_agreed();
    world.deliver(&first);
    assert_eq!(world.count(SMALL, ControlCounter::WrongReceiver), 2);
    world.assert_agreed();
}

/// A copy of a response with one bit of its Noise part turned, and mac1 made right again.
fn forge(world: &World, response: &Flight, bit: usize) -> Flight {
    let mut bytes = response.bytes().to_vec();
    let noise = 12..bytes.len() - 32;
    let place = noise.start + bit / 8 % noise.len();
    bytes[place] ^= 1 << (bit % 8);
    let mac1 = bytes.len() - 32;
    let receiver = world.nodes[SMALL].core.public_key();
    let stamp = linkveil_crypto::Mac1Key::for_receiver(&receiver).mac(&bytes[..mac1]);
    bytes[mac1..mac1 + 16].copy_from_slice(&stamp);
    Flight {
        body: Body::Handshake(bytes),
        ..response.clone()
    }
}

// REQ-HS-21
#[test]
fn after_a_thousand_forged_responses_the_true_one_counts() {
    let mut world = one_caller();
    world.deliver_first(SMALL, Class::Initiation);
    let truth = world.take(GREAT, Class::Response);
    for number in 0..1_000 {
        let forged = forge(&world, &truth, number * 37);
        world.deliver(&forged);
    }
    let refused: u64 = world
        .counted(SMALL)
        .iter()
        .skip(1)
        .map(|(_, count)| count)
        .sum();
    assert_eq!(refused, 1_000);
    assert_eq!(world.status(SMALL).epoch, None);
    world.deliver(&truth);
    world.settle();
    world.assert_agreed();
}

// REQ-HS-21, REQ-HS-22
#[test]
fn a_forged_response_does_not_change_which_attempt_is_dropped_next() {
    let mut world = one_caller();
    // The first attempt is lost, the second is answered late.
    world.wire.clear();
    world.next_timer(SMALL);
    world.deliver_first(SMALL, Class::Initiation);
    let truth = world.take(GREAT, Class::Response);
    let forged = forge(&world, &truth, 0);
    world.deliver(&forged);
    world.next_timer(SMALL);
    assert_eq!(world.times(SMALL, Class::Initiation).len(), 3);
    world.wire.clear();
    world.deliver(&truth);
    world.settle();
    world.assert_agreed();
}

// REQ-EPOCH-5: repeated Confirms are answered each time.
#[test]
fn every_confirm_is_answered() {
    let mut world = one_caller();
    world.cuts.push((GREAT, Class::ConfirmAck));
    world.advance(secs(3));
    let confirms = world.times(SMALL, Class::Confirm).len();
    assert!(confirms > 2);
    assert_eq!(world.times(GREAT, Class::ConfirmAck).len(), confirms);
}

// REQ-HDR-10
#[test]
fn no_spi_is_used_twice() {
    let mut world = World::pair(|_| {});
    world.settle();
    for number in 0..60 {
        world.poke(number % 2, |core, now| core.rekey(PEER, now));
        world.advance(secs(1));
    }
    for node in [SMALL, GREAT] {
        let mut spis = world.nodes[node].lanes.spis.clone();
        let count = spis.len();
        spis.sort();
        spis.dedup();
        assert_eq!(spis.len(), count);
        assert!(count > 60);
    }
    world.assert_agreed();
}

#[test]
fn an_acknowledgement_for_an_epoch_that_nobody_knows_changes_nothing() {
    let mut world = one_caller();
    world.settle();
    let deeds = world.nodes[SMALL].lanes.deeds.clone();
    for direction in [InstallKind::Rx, InstallKind::Tx] {
        let epoch = linkveil_sa::EpochId::new(999);
        world.lane_event(SMALL, LaneEvent::Installed { epoch, direction });
    }
    assert_eq!(world.nodes[SMALL].lanes.deeds, deeds);
}
