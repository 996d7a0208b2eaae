use std::thread;
use std::time::Duration;

use linkveil_crypto::{Direction, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_macsec::{RxSak, SaTerms, TxSak};
use linkveil_net::memory::{PortWireOptions, port_wire, tun};
use linkveil_sa::{
    Channels, LaneCommand, LaneEvent, Limits, Macsec, Pressure, RxChannelInstall, TxChannelInstall,
    split_epoch,
};
use linkveil_wire::{LaneCount, MacAddr, Spi};

use super::*;
use crate::bell::{Belled, wait_for};
use crate::macsec::testing::host::Wish;
use crate::macsec::testing::{AN, EPOCH, LEFT, Link, PEER, RIGHT, Setup, Side, frame, moved, pn};
use crate::macsec::{
    InstallRx, InstallTx, MacsecCommand, MacsecCounter, MacsecEvent, MacsecPool, build,
};
use crate::thread::{self as thread_loop, LaneThread, Worker};
use linkveil_net::poll::Poller;

fn epoch(number: u64) -> EpochId {
    EpochId::new(number)
}

/// Sends frames of these lengths from left to right, as far as they come.
fn cross(link: &mut Link, lens: std::ops::Range<usize>) -> usize {
    for len in lens {
        link.left.hosts[0].send(&frame(len)).unwrap();
    }
    link.carry();
    link.right.received().len()
}

// REQ-SECLANE-6
#[test]
fn keys_follow_each_other_under_traffic_and_nothing_is_lost() {
    let setup = Setup::default();
    let mut link = Link::new(&setup);
    let (mut sent, mut an) = (0, AN);
    for next in 2..12 {
        // Frames under the former key are in the device and in the cable.
        let mut send = |link: &mut Link| {
            for _ in 0..50 {
                link.left.hosts[0].send(&frame(100 + sent % 900)).unwrap();
                sent += 1;
            }
        };
        send(&mut link);
        let in_flight = link.sent();
        an = an.successor();
        let install = setup.install_rx(LEFT, epoch(next), an);
        link.right.order(MacsecCommand::InstallRx(install));
        send(&mut link);
        let install = setup.install_tx(LEFT, epoch(next), an);
        link.left.order(MacsecCommand::InstallTx(install));
        send(&mut link);
        let later = link.sent();
        // What is newer comes first.
        for frame in later.iter().chain(&in_flight) {
            link.give(frame);
        }
        link.right.settle();
        let epoch = epoch(next - 1);
        link.right.order(MacsecCommand::RemoveRx { epoch });
    }
    assert_eq!(link.right.received().len(), sent);
    assert_eq!(link.right.ended(), [("in_pkts_ok", sent as u64)]);
    assert_eq!(link.left.ended(), [("out_pkts_encrypted", sent as u64)]);
}

// REQ-SECLANE-6
#[test]
fn installs_are_answered_and_the_first_frame_under_each_key_is_told_once() {
    let mut link = Link::new(&Setup::default());
    let installed = |direction| LaneEvent::Installed {
        epoch: EPOCH,
        direction,
    };
    let both = [installed(InstallKind::Rx), installed(InstallKind::Tx)];
    assert_eq!(link.left.core_events(), both);
    assert_eq!(link.right.core_events(), both);
    assert_eq!(cross(&mut link, 60..70), 10);
    assert_eq!(cross(&mut link, 60..70), 10);
    let first = LaneEvent::FirstOpen {
        peer: PEER,
        epoch: EPOCH,
        path: LEFT,
    };
    let mut events = link.right.core_events();
    events.retain(|event| matches!(event, LaneEvent::FirstOpen { .. }));
    assert_eq!(events, [first]);
}

// REQ-SECY-7, REQ-SECLANE-6
#[test]
fn a_removed_key_is_used_no_more_and_a_newer_one_stays() {
    let setup = Setup::default();
    let mut link = Link::new(&setup);
    link.install(&setup, epoch(2), AN.successor());
    link.left.order(MacsecCommand::RemoveTx { epoch: EPOCH });
    link.right.order(MacsecCommand::RemoveRx { epoch: EPOCH });
    assert_eq!(cross(&mut link, 60..70), 10);
    link.right
        .order(MacsecCommand::RemoveRx { epoch: epoch(2) });
    assert_eq!(cross(&mut link, 60..70), 0);
    link.left.order(MacsecCommand::RemoveTx { epoch: epoch(2) });
    assert_eq!(cross(&mut link, 60..70), 0);
    assert_eq!(
        link.left.ended(),
        [("out_pkts_encrypted", 20), ("out_pkts_no_sa", 10)]
    );
    assert_eq!(
        link.right.ended(),
        [("in_pkts_not_using_sa", 10), ("in_pkts_ok", 10)]
    );
}

// REQ-SECLANE-6: a peer that restarted may ask for the number that is in use.
#[test]
fn a_key_takes_the_place_of_one_with_the_same_number() {
    let setup = Setup::default();
    let mut link = Link::new(&setup);
    link.right.order(MacsecCommand::RemoveRx { epoch: EPOCH });
    let install = setup.install_rx(LEFT, epoch(2), AN);
    link.right.order(MacsecCommand::InstallRx(install));
    let install = setup.install_tx(LEFT, epoch(2), AN);
    link.left.order(MacsecCommand::InstallTx(install));
    assert_eq!(cross(&mut link, 60..70), 10);
    let report = link.left.report();
    let living = report.tx[0].associations.iter().flatten();
    assert_eq!(living.map(|sa| sa.epoch).collect::<Vec<_>>(), [epoch(2)]);
}

// REQ-SECLANE-4
#[test]
fn control_frames_leave_under_the_epoch_that_they_are_meant_for_alone() {
    let mut link = Link::new(&Setup::default());
    let frame = ControlFrame::Keepalive;
    link.left.order(MacsecCommand::SendControl {
        epoch: epoch(2),
        frame,
    });
    assert!(link.sent().is_empty());
    let events = link.left.report().events;
    assert_eq!(moved(&events), [("control_frames_unsent", 1)]);
    link.left.order(MacsecCommand::RemoveTx { epoch: EPOCH });
    link.left.order(MacsecCommand::SendControl {
        epoch: EPOCH,
        frame,
    });
    let events = link.left.report().events;
    assert_eq!(moved(&events), [("control_frames_unsent", 2)]);
}

// REQ-SECLANE-4
#[test]
fn a_control_frame_finds_room_behind_a_full_queue() {
    let setup = Setup {
        capacity: 4,
        ..Setup::default()
    };
    let mut link = Link::new(&setup);
    let wish = Wish {
        payload: 10 * PORT_FRAMES,
        segment: 2,
        ..Wish::TCP
    };
    let handed = wish.handed_over();
    let host = &link.left.hosts[0];
    host.send_with(&handed.bytes, handed.offload).unwrap();
    link.left.settle();
    assert!(!link.left.lanes[0].queue.has_room_for(5, 128), "full");
    let order = || MacsecCommand::SendControl {
        epoch: EPOCH,
        frame: ControlFrame::Keepalive,
    };
    for _ in 0..6 {
        link.left.order(order());
    }
    let events = link.left.report().events;
    assert_eq!(events.get(MacsecCounter::ControlSent), 4);
    assert_eq!(events.get(MacsecCounter::ControlUnsent), 2);
    link.carry();
    assert_eq!(link.right.news().len(), 4);
    assert_eq!(link.right.received().len(), 5 * PORT_FRAMES);
}

// REQ-SECY-9
#[test]
fn keys_near_a_limit_are_told_by_both_ends() {
    let setup = Setup::default();
    let mut link = Link::bare(&setup);
    let sci = setup.scis(LEFT)[0];
    let limits = Limits {
        packets: 16,
        bytes: 1 << 30,
        failed_opens: 16,
    };
    let terms = SaTerms {
        limits,
        ..SaTerms::of(setup.suite)
    };
    link.right.order(MacsecCommand::InstallRx(InstallRx {
        epoch: EPOCH,
        an: AN,
        keys: vec![RxSak::new(setup.sak(sci, 1), terms).unwrap()],
    }));
    link.left.order(MacsecCommand::InstallTx(InstallTx {
        epoch: EPOCH,
        an: AN,
        keys: vec![TxSak::new(setup.sak(sci, 1), terms).unwrap()],
    }));
    let pressed = |pressure| LaneEvent::Pressure {
        peer: PEER,
        epoch: EPOCH,
        pressure,
    };
    assert_eq!(cross(&mut link, 60..73), 13);
    assert!(link.left.news().is_empty());
    assert_eq!(cross(&mut link, 60..61), 1);
    assert_eq!(link.left.news(), [pressed(Pressure::Soft)]);
    assert_eq!(cross(&mut link, 60..63), 2);
    assert_eq!(link.left.news(), [pressed(Pressure::Late)]);
    assert_eq!(
        link.left.ended(),
        [("out_pkts_encrypted", 16), ("out_pkts_exhausted", 1)]
    );
    let mut forged = frame(100);
    forged.splice(12..12, [0x88, 0xe5, 0x2c, 0, 0, 0, 0, 99]);
    forged.splice(20..20, sci.to_bytes());
    for _ in 0..14 {
        link.give(&forged);
    }
    link.right.settle();
    assert_eq!(link.right.news(), [pressed(Pressure::Soft)]);
}

// REQ-SECY-24
#[test]
fn a_key_ends_at_its_deadline_in_both_directions() {
    let setup = Setup::default();
    let mut link = Link::bare(&setup);
    let sci = setup.scis(LEFT)[0];
    let end = link.left.now + Duration::from_secs(10);
    let terms = |deadline| SaTerms {
        hard_deadline: Some(deadline),
        ..SaTerms::of(setup.suite)
    };
    let later = end + Duration::from_secs(10);
    link.right.order(MacsecCommand::InstallRx(InstallRx {
        epoch: EPOCH,
        an: AN,
        keys: vec![RxSak::new(setup.sak(sci, 1), terms(end)).unwrap()],
    }));
    link.left.order(MacsecCommand::InstallTx(InstallTx {
        epoch: EPOCH,
        an: AN,
        keys: vec![TxSak::new(setup.sak(sci, 1), terms(later)).unwrap()],
    }));
    assert_eq!(cross(&mut link, 60..61), 1);
    (link.left.now, link.right.now) = (end, end);
    assert_eq!(cross(&mut link, 60..61), 0);
    link.left.now = later;
    link.left.order(MacsecCommand::SendControl {
        epoch: EPOCH,
        frame: ControlFrame::Keepalive,
    });
    let events = link.left.report().events;
    assert_eq!(moved(&events), [("control_frames_unsent", 1)]);
    assert_eq!(cross(&mut link, 60..61), 0);
    assert_eq!(
        link.left.ended(),
        [("out_pkts_encrypted", 2), ("out_pkts_no_sa", 1)]
    );
    assert_eq!(
        link.right.ended(),
        [("in_pkts_not_using_sa", 1), ("in_pkts_ok", 1)]
    );
}

#[test]
fn activity_is_told_once_an_interval() {
    let mut link = Link::new(&Setup::default());
    link.left.core_events();
    link.right.core_events();
    let activity = |side: &mut Side| {
        let mut events = side.core_events();
        events.retain(|event| matches!(event, LaneEvent::Activity { .. }));
        events
    };
    let told = |tx_packets, rx_packets| LaneEvent::Activity {
        peer: PEER,
        tx_packets,
        rx_packets,
    };
    cross(&mut link, 60..63);
    assert_eq!(activity(&mut link.left), [told(3, 0)]);
    let seen = activity(&mut link.right);
    assert_eq!(seen, [told(0, 3)]);
    cross(&mut link, 60..62);
    cross(&mut link, 60..62);
    assert!(activity(&mut link.left).is_empty());
    assert_eq!(
        link.left.lanes[0].state.deadline(),
        Some(link.left.now + crate::state::ACTIVITY_INTERVAL)
    );
    link.left.now += crate::state::ACTIVITY_INTERVAL;
    link.left.settle();
    assert_eq!(activity(&mut link.left), [told(4, 0)]);
    assert_eq!(link.left.lanes[0].state.deadline(), None);
}

/// Keys whose numbers are reserved up to this one.
fn reserved(setup: &Setup, through: u64) -> InstallTx {
    let mut install = setup.install_tx(LEFT, EPOCH, AN);
    for key in &mut install.keys {
        key.reserve_through(pn(through));
    }
    install
}

fn asked(side: &mut Side) -> Vec<(An, u64)> {
    let events = std::mem::take(&mut side.events).into_iter();
    let asked = events.filter_map(|event| match event {
        MacsecEvent::ReserveMore { an, reserved } => Some((an, reserved.get())),
        _ => None,
    });
    asked.collect()
}

// REQ-SECY-11, REQ-SECLANE-7
#[test]
fn more_numbers_are_asked_for_when_half_are_used_and_what_comes_too_late_is_counted() {
    let setup = Setup::default();
    let mut link = Link::new(&setup);
    let install = reserved(&setup, 10);
    link.left.order(MacsecCommand::InstallTx(install));
    assert!(asked(&mut link.left).is_empty());
    cross(&mut link, 60..63);
    assert!(asked(&mut link.left).is_empty(), "4 is next");
    cross(&mut link, 60..61);
    assert_eq!(asked(&mut link.left), [(AN, 10)], "5 is next");
    cross(&mut link, 60..63);
    assert!(asked(&mut link.left).is_empty(), "once");
    let order = |last| MacsecCommand::ReserveThrough { an: AN, last };
    link.left.order(order(pn(20)));
    // An older word, and one about another association.
    link.left.order(order(pn(5)));
    link.left.order(MacsecCommand::ReserveThrough {
        an: AN.successor(),
        last: pn(1_000),
    });
    assert!(asked(&mut link.left).is_empty());
    cross(&mut link, 60..80);
    assert_eq!(asked(&mut link.left), [(AN, 20)]);
    let report = link.left.report();
    let living = report.tx[0].associations[0].unwrap();
    assert_eq!((living.next_pn, living.reserved), (Some(pn(21)), pn(20)));
    assert_eq!(
        link.left.ended(),
        [("out_pkts_encrypted", 20), ("out_pkts_unreserved", 7)]
    );
    link.left.order(order(pn(30)));
    assert_eq!(cross(&mut link, 60..61), 1);
}

#[test]
fn keys_all_of_whose_numbers_are_reserved_ask_for_none() {
    let mut link = Link::new(&Setup::default());
    cross(&mut link, 60..90);
    assert!(asked(&mut link.left).is_empty());
}

// REQ-SECLANE-7
#[test]
fn a_key_without_reserved_numbers_asks_at_once() {
    let setup = Setup::default();
    let mut link = Link::bare(&setup);
    let install = reserved(&setup, 0);
    link.left.order(MacsecCommand::InstallTx(install));
    assert_eq!(asked(&mut link.left), [(AN, 0)]);
    link.left.hosts[0].send(&frame(60)).unwrap();
    assert!(link.sent().is_empty());
    assert_eq!(link.left.ended(), [("out_pkts_unreserved", 1)]);
}

/// The orders of a control core, for both halves of an epoch.
fn core_orders(own: MacAddr, other: MacAddr, direction: Direction) -> [LaneCommand<Macsec>; 2] {
    let setup = Setup::default();
    let secret = EpochSecret::derive(
        &HandshakeHash::new([3; 32]),
        &KeyBytes::new([1; 32]),
        &KeyBytes::new([2; 32]),
        None,
    );
    let (tx, rx) = split_epoch(secret, Suite::Aes256Gcm, PostQuantum::Classical, direction);
    let channels = |station| Channels {
        peer: PEER,
        epoch: EPOCH,
        an: AN,
        station,
        lanes: LaneCount::new(1).unwrap(),
        suite: setup.suite,
        limits: Limits::TINY,
        hard_deadline: clock::now() + Duration::from_secs(100),
    };
    [
        LaneCommand::InstallRx(RxChannelInstall {
            channels: channels(other),
            spi: Spi::new(1).unwrap(),
            keys: rx,
        }),
        LaneCommand::InstallTx(TxChannelInstall {
            channels: channels(own),
            keys: tx,
        }),
    ]
}

// REQ-SECLANE-6
#[test]
fn the_control_core_gives_its_orders_in_its_own_words() {
    let mut link = Link::bare(&Setup::default());
    let ends = [
        (&mut link.left, LEFT, RIGHT, Direction::InitiatorToResponder),
        (
            &mut link.right,
            RIGHT,
            LEFT,
            Direction::ResponderToInitiator,
        ),
    ];
    for (side, own, other, direction) in ends {
        for order in core_orders(own, other, direction) {
            side.order(MacsecCommand::try_from(order).unwrap());
        }
    }
    assert_eq!(cross(&mut link, 60..70), 10);
    let control = LaneCommand::SendControl {
        peer: PEER,
        epoch: EPOCH,
        frame: ControlFrame::Confirm,
        path: None,
    };
    link.left.order(MacsecCommand::try_from(control).unwrap());
    link.carry();
    assert_eq!(link.right.news().len(), 1);
    let removals = [
        LaneCommand::RemoveRx {
            epoch: EPOCH,
            spi: Spi::new(1).unwrap(),
        },
        LaneCommand::RemoveTx {
            peer: PEER,
            epoch: EPOCH,
        },
    ];
    for order in removals {
        link.right.order(MacsecCommand::try_from(order).unwrap());
    }
    let report = link.right.report();
    assert_eq!(report.tx[0].associations, [None; An::COUNT]);
    assert_eq!(report.rx[0].associations, [None; An::COUNT]);
}

#[test]
fn a_lane_stops_when_it_is_told_and_when_nobody_is_left_to_tell() {
    let setup = Setup::default();
    let mut link = Link::bare(&setup);
    link.left.pool.stop();
    link.left.pool.flush();
    let now = link.left.now;
    assert_eq!(link.left.lanes[0].turn(now).unwrap(), Turn::Stopped);
    let Side {
        pool, mut lanes, ..
    } = link.right;
    assert_eq!(lanes[0].turn(now).unwrap(), Turn::Idle);
    drop(pool);
    assert_eq!(lanes[0].turn(now).unwrap(), Turn::Stopped);
}

fn wait_for_installs(pool: &mut MacsecPool) {
    let mut missing = 2;
    wait_for(|| {
        pool.flush();
        while let Some(event) = pool.poll_event() {
            let installed = matches!(event, MacsecEvent::Lane(LaneEvent::Installed { .. }));
            missing -= usize::from(installed);
        }
        (missing == 0).then_some(())
    });
}

#[test]
fn a_lane_on_its_thread_wakes_for_device_port_and_orders() {
    let setup = Setup::default();
    let [mut ports, mut cable] = port_wire([1, 1], PortWireOptions::default());
    let (port, port_rope) = Belled::new(ports.remove(0));
    let (device, host) = tun(16);
    let (tap, tap_rope) = Belled::new(device);
    let queues = vec![MacsecQueues { tap, port }];
    let (mut pool, mut lanes) = build(&setup.config(LEFT), queues).unwrap();
    let lane = lanes.remove(0);
    let thread = thread::spawn(move || lane.run(LaneThread::default()));
    pool.command(MacsecCommand::InstallTx(setup.install_tx(LEFT, EPOCH, AN)));
    // Its own channel: what it sends comes back.
    pool.command(MacsecCommand::InstallRx(setup.install_rx(LEFT, EPOCH, AN)));
    wait_for_installs(&mut pool);
    host.send(&frame(100)).unwrap();
    tap_rope.send(b"!").unwrap();
    let secured = wait_for(|| cable[0].recv());
    cable[0].send(&secured).unwrap();
    port_rope.send(b"!").unwrap();
    assert_eq!(wait_for(|| host.recv()), frame(100));
    pool.stop();
    pool.flush();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_wake_up_is_taken_once_and_costs_nothing_in_later_turns() {
    let setup = Setup::default();
    let [mut ports, _cable] = port_wire([1, 1], PortWireOptions::default());
    let (port, _port_rope) = Belled::new(ports.remove(0));
    let (device, _host) = tun(16);
    let (tap, _tap_rope) = Belled::new(device);
    let queues = vec![MacsecQueues { tap, port }];
    let (mut pool, mut lanes) = build(&setup.config(LEFT), queues).unwrap();
    let lane = &mut lanes[0];
    let mut poller = Poller::new().unwrap();
    lane.watch(&poller).unwrap();
    let awake_until = clock::now() + Duration::from_secs(3_600);
    let mut looks = Vec::new();
    for turn in 0..6 {
        if turn % 3 == 1 {
            pool.request_report();
            pool.flush();
        }
        thread_loop::wait(lane, &mut poller, awake_until).unwrap();
        looks.push(lane.ready.waker);
        Worker::work(lane, clock::now()).unwrap();
        while pool.poll_event().is_some() {}
    }
    let once = [Look::Skip, Look::Take, Look::Skip];
    assert_eq!(looks, [once, once].concat());
}
