//! MACsec ports: docs/protocol.md section 18.

use linkveil_sa::{LaneEvent, Pressure};
use linkveil_wire::link::MessageType;
use linkveil_wire::port::PORT_GROUP;
use linkveil_wire::{An, Challenge, CipherSuite, ControlFrame, MacAddr, PortFrame, Protection};

use crate::config::{PORT_PEER, PortConfig, PortError};
use crate::core::{Core, Rekey};
use crate::counters::ControlCounter as C;
use crate::event::{Event, RefusedReason, TermsDiffer};
use crate::testing::ports::{Flying, Port, PortLink, PortSetup, TERMS, station};
use crate::testing::{millis, secs};
use linkveil_noise::PqPolicy;

fn setups() -> [PortSetup; 2] {
    [PortSetup::new(0), PortSetup::new(1)]
}

fn own_station(side: usize) -> MacAddr {
    [station(1), station(2)][side]
}

fn rekey(link: &mut PortLink, side: usize) -> Rekey {
    link.poke(side, |core, now| core.rekey(PORT_PEER, now))
}

// REQ-MSEC-1, REQ-MSEC-12
#[test]
fn messages_go_to_the_group_address_from_the_ports_own() {
    let link = PortLink::new(setups());
    assert_eq!(link.wire.len(), 2);
    for (from, item) in &link.wire {
        let Flying::Frame(frame) = item else {
            panic!("{item:?}")
        };
        assert_eq!(frame[..6], PORT_GROUP.octets());
        assert_eq!(frame[6..12], own_station(*from).octets());
        assert_eq!(frame.len(), 14 + PortConfig::least_mtu(PqPolicy::Required));
    }
}

// REQ-MSEC-18, REQ-LIVE-9
#[test]
fn two_ports_come_to_common_keys_at_once() {
    let mut link = PortLink::new(setups());
    link.settle();
    link.assert_agreed();
    for side in [0, 1] {
        let status = link.ports[side].core.peer_status(PORT_PEER).unwrap();
        assert_eq!(status.endpoint, Some(own_station(1 - side)));
        assert_eq!(link.ports[side].count(C::HandshakesCompleted), 1);
        assert_eq!(link.ports[side].count(C::HandshakeRetries), 0);
    }
}

// REQ-MSEC-2, REQ-MSEC-5
#[test]
fn a_malformed_frame_moves_one_counter() {
    let cases: [(usize, &[u8], C); 9] = [
        (0, &[0x02], C::FrameNotForUs),
        (12, &[0x88, 0xb6], C::FrameNotForUs),
        (6, &[0x01], C::FrameNoStation),
        (14, b"xx", C::FrameForeign),
        (16, &[2], C::FrameVersion),
        (17, &[1], C::FrameReservedBits),
        (18, &[0xff], C::FrameTooShort),
        (19, &[0], C::FrameTooLong),
        (20, &[9], C::UnknownType),
    ];
    for (offset, new, counter) in cases {
        let mut link = PortLink::new(setups());
        let mut frame = link.take(0, MessageType::Initiation);
        let before = link.ports[1].counted();
        frame[offset..offset + new.len()].copy_from_slice(new);
        link.receive(1, &frame);
        assert_eq!(link.ports[1].count(counter), 1, "{counter:?}");
        assert_eq!(link.ports[1].counted().len(), before.len() + 1);
    }
}

// REQ-MSEC-5: a message of a gateway is no message of a port.
#[test]
fn messages_of_other_lengths_are_refused() {
    let mut link = PortLink::new(setups());
    let frame = link.take(0, MessageType::Initiation);
    let parsed = PortFrame::parse(&frame).unwrap();
    let cut = PortFrame {
        message: &parsed.message[..parsed.message.len() - 10],
        ..parsed
    };
    link.receive(1, &cut.emit().unwrap());
    assert_eq!(link.ports[1].count(C::WrongLength), 1);
}

// REQ-MSEC-3
#[test]
fn a_frame_from_our_own_address_is_refused() {
    let mut link = PortLink::new(setups());
    let mirrored = link.take(0, MessageType::Initiation);
    link.receive(0, &mirrored);
    assert_eq!(link.ports[0].count(C::FrameOwnAddress), 1);

    // Two stations with one address: no keys, and both say why.
    let twins = [0, 1].map(|side| PortSetup {
        station: station(7),
        ..PortSetup::new(side)
    });
    let mut link = PortLink::new(twins);
    link.advance(secs(20));
    for side in [0, 1] {
        assert!(link.sends_under(side).is_none());
        assert!(link.ports[side].count(C::FrameOwnAddress) > 3);
    }
}

// REQ-MSEC-4
#[test]
fn a_port_that_cannot_carry_a_handshake_is_refused() {
    let now = PortLink::new(setups()).now();
    for (policy, least) in [
        (PqPolicy::Required, 1_358),
        (PqPolicy::Preferred, 1_358),
        (PqPolicy::Off, 174),
    ] {
        let start = |mtu| {
            let setup = PortSetup {
                mtu,
                policy,
                ..PortSetup::new(0)
            };
            Port::start(0, setup, now).map(|_| ())
        };
        assert_eq!(start(least), Ok(()));
        let needs = usize::from(least);
        let has = least - 1;
        assert_eq!(start(has), Err(PortError::MtuTooSmall { has, needs }));
    }
    let nobody = PortSetup {
        station: PORT_GROUP,
        ..PortSetup::new(0)
    };
    let refused = Port::start(0, nobody, now).map(|_| ());
    assert_eq!(refused, Err(PortError::NotAStation));
}

// REQ-MSEC-6, REQ-MSEC-8
#[test]
fn a_message_from_another_station_than_its_own_is_refused() {
    let mut link = PortLink::new(setups());
    link.wire.retain(|(from, _)| *from == 0);
    let initiation = link.take(0, MessageType::Initiation);
    let mut moved = initiation.clone();
    moved[6..12].copy_from_slice(&station(9).octets());
    link.receive(1, &moved);
    assert_eq!(link.ports[1].count(C::Unauthentic), 1);

    link.receive(1, &initiation);
    // Port 1 has an effort of its own, and the greater key: it answers.
    let response = link.take(1, MessageType::Response);
    let mut moved = response.clone();
    moved[6..12].copy_from_slice(&station(9).octets());
    for _ in 0..10 {
        link.receive(0, &moved);
    }
    assert_eq!(link.ports[0].count(C::StationMismatch), 10);
    link.receive(0, &response);
    link.settle();
    link.assert_agreed();
}

// REQ-MSEC-9
#[test]
fn ports_with_other_terms_refuse_each_other_and_say_why() {
    let others = [
        (CipherSuite::GcmAes256, TERMS.protection),
        (TERMS.suite, Protection::Integrity),
    ];
    for (suite, protection) in others {
        let mut theirs = TERMS;
        (theirs.suite, theirs.protection) = (suite, protection);
        let [small, mut great] = setups();
        great.terms = theirs;
        let mut link = PortLink::new([small, great]);
        link.wire.retain(|(from, _)| *from == 0);
        link.settle();
        assert_eq!(link.ports[1].count(C::TermsDiffer), 1);
        assert_eq!(link.ports[0].count(C::TermsRefused), 1);
        for (side, ours, theirs) in [(0, TERMS, theirs), (1, theirs, TERMS)] {
            let reason = RefusedReason::TermsDiffer(TermsDiffer { ours, theirs });
            let refused = Event::HandshakeRefused {
                peer: PORT_PEER,
                reason,
            };
            assert_eq!(link.ports[side].events, [refused]);
            let text = reason.to_string();
            assert!(
                text.contains(suite.name()) && text.contains(protection.name()),
                "{text}"
            );
            assert!(link.ports[side].history.is_empty());
        }
        link.advance(secs(40));
        assert!(link.sends_under(0).is_none() && link.sends_under(1).is_none());
    }
}

// REQ-MSEC-12
#[test]
fn paths_are_not_challenged_on_a_port() {
    let mut link = PortLink::settled();
    let epoch = link.ports[0].tx.unwrap().epoch;
    let (peer, path) = (PORT_PEER, station(9));
    let challenge = Challenge([5; 16]);
    for frame in [
        ControlFrame::PathChallenge(challenge),
        ControlFrame::PathResponse(challenge),
    ] {
        link.poke(0, |core, now| {
            let event = LaneEvent::Control {
                peer,
                epoch,
                frame,
                path,
            };
            core.handle_lane_event(event, now);
        });
    }
    link.poke(0, |core, now| {
        core.handle_lane_event(LaneEvent::Candidate { peer, epoch, path }, now);
    });
    assert_eq!(link.ports[0].count(C::FramesIgnored), 2);
    assert_eq!(link.ports[0].count(C::CandidatesPinned), 1);
    assert!(link.wire.is_empty());
}

// REQ-MSEC-12, REQ-MSEC-24
#[test]
fn a_peer_with_a_new_interface_is_found() {
    let mut link = PortLink::settled();
    let setup = PortSetup {
        station: station(0x42),
        seed: 99,
        ..PortSetup::new(1)
    };
    link.restart(1, setup);
    link.settle();
    link.assert_agreed();
    let status = link.ports[0].core.peer_status(PORT_PEER).unwrap();
    assert_eq!(status.endpoint, Some(station(0x42)));
    assert_eq!(link.ports[1].count(C::HandshakeRetries), 0);
    // Port 0's next call goes to all, and so to the new one.
    link.advance(secs(5));
    assert_eq!(rekey(&mut link, 0), Rekey::Started);
    let frame = link.take(0, MessageType::Initiation);
    assert_eq!(frame[..6], PORT_GROUP.octets());
}

// REQ-MSEC-16, REQ-MSEC-17, REQ-MSEC-18: the lanes of the test refuse a number that is taken.
#[test]
fn rotation_never_takes_a_number_that_is_in_use() {
    let mut link = PortLink::settled();
    for round in 0..40 {
        rekey(&mut link, round % 2);
        link.advance(millis(700));
        link.assert_agreed();
        assert!(link.ports.iter().all(|port| port.rx.len() <= An::COUNT));
    }
    for port in &link.ports {
        assert_eq!(
            port.history.len(),
            41 + usize::from(port.history.len() > 41)
        );
        let numbers: std::collections::HashSet<_> =
            port.history.iter().map(|held| held.an).collect();
        assert!(numbers.len() > 2);
    }
}

// REQ-MSEC-19
#[test]
fn an_old_epoch_drains_for_two_seconds() {
    let mut link = PortLink::settled();
    let old = link.ports[0].rx[0].epoch;
    rekey(&mut link, 0);
    link.settle();
    let held = |link: &PortLink| link.ports[0].rx.iter().any(|held| held.epoch == old);
    link.advance(millis(1_990));
    assert!(held(&link));
    link.advance(millis(20));
    assert!(!held(&link));
}

// REQ-MSEC-19, REQ-MSEC-20
#[test]
fn where_none_is_free_the_oldest_draining_one_goes_after_half_a_second() {
    let mut link = PortLink::settled();
    for _ in 0..3 {
        rekey(&mut link, 0);
        link.settle();
    }
    // Current and three that drain: the next effort waits.
    assert_eq!(link.ports[0].rx.len(), 4);
    let held = link.ports[0].rx.clone();
    assert_eq!(rekey(&mut link, 0), Rekey::Started);
    assert!(link.wire.is_empty());
    assert_eq!(link.ports[0].count(C::AssociationsAwaited), 1);
    link.advance(millis(490));
    assert_eq!(link.ports[0].rx, held);
    link.advance(millis(20));
    link.assert_agreed();
    let [_, second, third, current] = held[..] else {
        panic!("{held:?}")
    };
    assert_eq!(link.ports[0].rx[..3], [second, third, current]);
    assert_eq!(link.ports[0].rx.len(), 4);
}

// REQ-MSEC-20: one that begins an epoch while its peer has no room gets no answer, and tries again.
#[test]
fn an_initiation_without_a_free_association_is_counted() {
    let mut link = PortLink::settled();
    for _ in 0..3 {
        rekey(&mut link, 0);
        link.settle();
    }
    let held = link.ports[0].rx.clone();
    // The other side has waited, and may; this one is full of what it drains.
    link.poke(1, |core, now| core.rekey(PORT_PEER, now));
    link.elapse(millis(499));
    link.poke(1, Core::handle_timeout);
    let waits = link.ports[1].count(C::AssociationsAwaited);
    assert_eq!((waits, link.wire.len()), (1, 0));
    assert_eq!(link.ports[0].rx, held);
    link.advance(secs(3));
    link.assert_agreed();
    assert_eq!(link.ports[1].count(C::HandshakesCompleted), 5);
}

// REQ-MSEC-20: an unconfirmed epoch gives way to the peer's newer ones, and nothing else does.
#[test]
fn unconfirmed_epochs_take_each_others_place() {
    let mut link = PortLink::settled();
    let current = link.ports[1].rx.clone();
    rekey(&mut link, 0);
    for attempt in 0..5_u64 {
        let initiation = link.take(0, MessageType::Initiation);
        link.receive(1, &initiation);
        let _lost = link.take(1, MessageType::Response);
        assert!(link.ports[1].rx.len() <= 3, "attempt {attempt}");
        assert_eq!(link.ports[1].rx[..1], current);
        // The next retry.
        let (at, _) = link.ports[0].core.poll_timeout().unwrap();
        let wait = at.saturating_duration_since(link.now().instant);
        link.elapse(wait);
        link.poke(0, Core::handle_timeout);
    }
    assert!(link.ports[1].count(C::EpochsUnconfirmed) >= 3);
    assert_eq!(link.ports[1].count(C::NoAssociation), 0);
    link.advance(secs(1));
    link.assert_agreed();
}

// REQ-MSEC-16: all initiations of an effort name one number, however many there are.
#[test]
fn an_effort_keeps_its_number() {
    let mut link = PortLink::new(setups());
    link.wire.clear();
    for _ in 0..6 {
        let (at, _) = link.ports[0].core.poll_timeout().unwrap();
        let wait = at.saturating_duration_since(link.now().instant);
        link.elapse(wait);
        link.poke(0, Core::handle_timeout);
        let initiation = link.take(0, MessageType::Initiation);
        link.receive(1, &initiation);
        let response = link.take(1, MessageType::Response);
        drop(response);
    }
    link.advance(secs(20));
    link.assert_agreed();
    assert_eq!(link.ports[0].history[0].an, An::ALL[0]);
}

// REQ-MSEC-21
#[test]
fn an_effort_waits_until_an_own_epoch_is_settled() {
    let mut link = PortLink::settled();
    rekey(&mut link, 0);
    let initiation = link.take(0, MessageType::Initiation);
    link.receive(1, &initiation);
    let response = link.take(1, MessageType::Response);
    link.receive(0, &response);
    // The Confirm is under way.
    let confirm = link.wire.pop_front().unwrap();
    assert_eq!(rekey(&mut link, 0), Rekey::Started);
    assert!(link.wire.is_empty());
    assert_eq!(link.ports[0].count(C::AssociationsAwaited), 1);
    link.deliver(confirm.0, confirm.1);
    link.settle();
    link.assert_agreed();
    // The effort went on by itself.
    assert_eq!(link.ports[0].count(C::HandshakesCompleted), 3);
    assert_eq!(link.ports[1].count(C::HandshakesCompleted), 3);
}

// REQ-CROSS-5: a response that is overtaken by a call, however late it is, leaves one common epoch.
#[test]
fn a_late_response_leaves_one_common_epoch() {
    for late in [millis(0), millis(600), secs(3), secs(8)] {
        let mut link = PortLink::settled();
        rekey(&mut link, 1);
        let initiation = link.take(1, MessageType::Initiation);
        link.receive(0, &initiation);
        let response = link.take(0, MessageType::Response);
        rekey(&mut link, 0);
        let initiation = link.take(0, MessageType::Initiation);
        link.receive(1, &initiation);
        let crossing = link.take(1, MessageType::Response);
        link.elapse(late);
        link.receive(1, &response);
        link.receive(0, &crossing);
        link.settle();
        link.assert_agreed();
        link.advance(secs(20));
        link.assert_agreed();
    }
}

// REQ-MSEC-23: use of a key leads to the next one, of the initiator first.
#[test]
fn pressure_makes_new_keys() {
    let mut link = PortLink::settled();
    rekey(&mut link, 0);
    link.settle();
    for (side, pressure, begins) in [
        (1, Pressure::Soft, 0),
        (1, Pressure::Late, 1),
        (1, Pressure::Soft, 1),
        (0, Pressure::Soft, 0),
        (0, Pressure::Late, 1),
    ] {
        link.advance(secs(3));
        let before = link.ports[side].count(C::HandshakesStarted);
        let epoch = link.ports[side].tx.unwrap().epoch;
        let peer = PORT_PEER;
        link.poke(side, |core, now| {
            let event = LaneEvent::Pressure {
                peer,
                epoch,
                pressure,
            };
            core.handle_lane_event(event, now);
        });
        let begun = link.ports[side].count(C::HandshakesStarted) - before;
        assert_eq!(begun, begins, "port {side}, {pressure:?}");
        link.settle();
        link.assert_agreed();
    }
}

// REQ-MSEC-25
#[test]
fn recorded_frames_change_nothing() {
    let mut link = PortLink::new(setups());
    let mut recorded = Vec::new();
    while let Some((from, item)) = link.wire.pop_front() {
        if let Flying::Frame(frame) = &item {
            recorded.push((from, frame.clone()));
        }
        link.deliver(from, item);
    }
    link.advance(secs(12));
    let installed =
        |link: &PortLink| [0, 1].map(|side| (link.ports[side].tx, link.ports[side].rx.clone()));
    let before = installed(&link);
    for (from, frame) in recorded {
        link.receive(1 - from, &frame);
        link.receive(from, &frame);
    }
    link.settle();
    for side in [0, 1] {
        assert_eq!(link.ports[side].tx, before[side].0);
    }
    // One that was never answered makes an epoch that nobody confirms.
    link.advance(secs(11));
    assert_eq!(installed(&link), before);
}

// REQ-MSEC-16: what an own initiation asks for is not given to an epoch of the peer's.
#[test]
fn an_answer_gets_another_number_than_the_own_effort_has_named() {
    let mut link = PortLink::new(setups());
    let theirs = link.take(0, MessageType::Initiation);
    let _lost = link.take(1, MessageType::Initiation);
    link.elapse(millis(1_200));
    link.poke(1, Core::handle_timeout);
    let own = link.take(1, MessageType::Initiation);
    link.receive(1, &theirs);
    assert_eq!(link.ports[1].rx[0].an, An::ALL[1]);
    let response = link.take(1, MessageType::Response);
    link.receive(0, &response);
    // Late: port 0 has no effort any more, and answers.
    link.receive(0, &own);
    let response = link.take(0, MessageType::Response);
    link.receive(1, &response);
    let numbers: Vec<_> = link.ports[1].rx.iter().map(|held| held.an).collect();
    assert_eq!(numbers, [An::ALL[1], An::ALL[0]]);
    link.settle();
    link.assert_agreed();
}

// An epoch whose keys a lane cannot take is given up, on either side, and the peers find to each other again.
#[test]
fn an_install_that_lanes_refuse_ends_the_epoch() {
    let mut link = PortLink::settled();
    for side in [0, 1] {
        let before = link.ports[side].rx.clone();
        let given_up = link.ports[side].count(C::EpochsUnconfirmed);
        rekey(&mut link, 0);
        let initiation = link.take(0, MessageType::Initiation);
        link.receive(1, &initiation);
        if side == 0 {
            let response = link.take(1, MessageType::Response);
            link.receive(0, &response);
        }
        let epoch = link.ports[side].rx.last().unwrap().epoch;
        link.poke(side, |core, now| core.handle_install_refused(epoch, now));
        assert_eq!(link.ports[side].rx, before, "port {side}");
        assert_eq!(link.ports[side].count(C::EpochsUnconfirmed), given_up + 1);
        link.advance(secs(20));
        link.assert_agreed();
    }
}

// REQ-MSEC-2, REQ-MSEC-25, REQ-CNT-1: whatever bit is wrong, one counter moves, and nothing else happens. Only mac2 is
// not looked at as long as nobody asks for a cookie.
#[test]
fn each_damaged_frame_moves_one_counter_and_nothing_else() {
    let mut link = PortLink::new(setups());
    let initiation = link.take(0, MessageType::Initiation);
    let _crossing = link.take(1, MessageType::Initiation);
    let sum = |link: &PortLink| {
        link.ports[1]
            .counted()
            .iter()
            .map(|(_, count)| count)
            .sum::<u64>()
    };
    let looked_at = initiation.len() - 16;
    for bit in 0..looked_at * 8 {
        let mut damaged = initiation.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let before = sum(&link);
        link.receive(1, &damaged);
        assert_eq!(sum(&link), before + 1, "bit {bit}");
        assert!(
            link.wire.is_empty() && link.ports[1].history.is_empty(),
            "bit {bit}"
        );
    }
    for len in 0..initiation.len() {
        let before = sum(&link);
        link.receive(1, &initiation[..len]);
        assert_eq!(sum(&link), before + 1, "{len} octets");
    }
    link.receive(1, &initiation);
    let _answered = link.take(1, MessageType::Response);
}
