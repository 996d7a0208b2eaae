use linkveil_macsec::{InstallError, RxSak, SaTerms};
use linkveil_net::clock;
use linkveil_net::memory::{PortWireOptions, port_wire, tun};
use linkveil_wire::{MacAddr, PortId, Sci};

use super::*;
use crate::lane::Turn;
use crate::macsec::testing::{AN, EPOCH, LEFT, Link, RIGHT, Setup, Side, frame, moved, pn};

fn lanes(lanes: usize) -> Setup {
    Setup {
        lanes,
        ..Setup::default()
    }
}

fn built(setup: &Setup, lanes: usize) -> Result<(), MacsecBuildError> {
    let [ports, _] = port_wire([lanes.max(1), 1], PortWireOptions::default());
    let queues = ports.into_iter().take(lanes).map(|port| MacsecQueues {
        tap: tun(1).0,
        port,
    });
    build(&setup.config(LEFT), queues.collect()).map(|_| ())
}

#[test]
fn a_port_has_as_many_lanes_as_its_frames_can_name() {
    let setup = Setup::default();
    assert!(built(&setup, 64).is_ok());
    for wrong in [0, 65] {
        let refused = built(&setup, wrong);
        assert!(matches!(refused, Err(MacsecBuildError::LaneCount)));
    }
    for form in [TxForm::EndStation, TxForm::PointToPoint] {
        let implied = Setup { form, ..setup };
        assert!(built(&implied, 1).is_ok());
        let refused = built(&implied, 2);
        assert!(matches!(refused, Err(MacsecBuildError::ImpliedSci)));
    }
}

#[test]
fn port_ids_are_those_behind_the_first_one() {
    let with = |first_port, form, count: u8| {
        let config = MacsecConfig {
            first_port: PortId::new(first_port),
            form,
            ..Setup::default().config(LEFT)
        };
        let lanes = LaneCount::new(count).unwrap();
        config.tx(lanes.lanes().last().unwrap())
    };
    let last = with(9, TxForm::Explicit, 3).unwrap();
    assert_eq!(last.sci, Sci::new(LEFT, PortId::new(11)));
    assert!(with(65_533, TxForm::Explicit, 3).is_ok());
    let beyond = with(65_534, TxForm::Explicit, 3);
    assert!(matches!(beyond, Err(MacsecBuildError::PortId)));
}

#[test]
fn an_end_station_has_port_id_1() {
    let config = MacsecConfig {
        first_port: PortId::new(2),
        form: TxForm::EndStation,
        ..Setup::default().config(LEFT)
    };
    let [mut ports, _] = port_wire([1, 1], PortWireOptions::default());
    let (tap, port) = (tun(1).0, ports.remove(0));
    let refused = build(&config, vec![MacsecQueues { tap, port }]);
    assert!(matches!(refused, Err(MacsecBuildError::Channel(_))));
}

// REQ-SECLANE-6
#[test]
fn each_lane_sends_on_its_channel_and_receives_its_share_of_the_others() {
    let setup = lanes(3);
    let mut link = Link::new(&setup);
    for (lane, host) in link.left.hosts.iter().enumerate() {
        for _ in 0..=lane {
            host.send(&frame(100 + lane)).unwrap();
        }
    }
    link.carry();
    for (lane, host) in link.right.hosts.iter().enumerate() {
        let received: Vec<_> = std::iter::from_fn(|| host.recv()).collect();
        assert_eq!(received, vec![frame(100 + lane); lane + 1]);
    }
    let (left, right) = (link.left.report(), link.right.report());
    let sent: Vec<_> = left
        .tx
        .iter()
        .map(|sc| (sc.sci, moved(&sc.counters)[0]))
        .collect();
    let counts = [1, 2, 3];
    let expected = setup.scis(LEFT).into_iter().zip(counts);
    let named = |name| move |(sci, count)| (sci, (name, count));
    let all: Vec<_> = expected.clone().map(named("out_pkts_encrypted")).collect();
    assert_eq!(sent, all);
    let seen: Vec<_> = right
        .rx
        .iter()
        .map(|sc| (sc.sci, moved(&sc.counters)[0]))
        .collect();
    let all: Vec<_> = expected.map(named("in_pkts_ok")).collect();
    assert_eq!(seen, all);
    assert!(moved(&right.secy).is_empty());
}

// REQ-SECLANE-6
#[test]
fn an_install_is_answered_when_every_lane_has_carried_it_out() {
    let setup = lanes(3);
    let mut link = Link::bare(&setup);
    let side = &mut link.left;
    // Of the three lanes only one has a channel to receive on.
    let mut install = setup.install_rx(RIGHT, EPOCH, AN);
    install.keys.truncate(1);
    side.pool.command(MacsecCommand::InstallRx(install));
    side.pool.flush();
    for place in 0..3 {
        assert!(side.pool.poll_event().is_none());
        side.lanes[place].turn(side.now).unwrap();
    }
    let told = side.pool.poll_event();
    let installed = LaneEvent::Installed {
        epoch: EPOCH,
        direction: InstallKind::Rx,
    };
    assert!(matches!(told, Some(MacsecEvent::Lane(event)) if event == installed));
    assert!(side.pool.poll_event().is_none());
}

fn refusals(side: &mut Side) -> Vec<(EpochId, InstallKind, InstallRefusal)> {
    let events = std::mem::take(&mut side.events).into_iter();
    let refused = events.filter_map(|event| match event {
        MacsecEvent::Refused {
            epoch,
            direction,
            error,
        } => Some((epoch, direction, error)),
        MacsecEvent::Lane(event) => panic!("{event:?}"),
        _ => None,
    });
    refused.collect()
}

// REQ-SECY-22
#[test]
fn an_install_that_lanes_refuse_is_told_once_and_never_as_installed() {
    let setup = lanes(2);
    let mut link = Link::new(&setup);
    let side = &mut link.left;
    side.events.clear();
    let next = EpochId::new(2);
    // The same number once more, on both lanes.
    let install = setup.install_rx(RIGHT, next, AN);
    side.order(MacsecCommand::InstallRx(install));
    let error = InstallRefusal::Key(InstallError::AnInUse);
    assert_eq!(refusals(side), [(next, InstallKind::Rx, error)]);
    // The other lane's keys.
    let mut install = setup.install_tx(LEFT, next, AN.successor());
    install.keys.reverse();
    side.order(MacsecCommand::InstallTx(install));
    let error = InstallRefusal::Key(InstallError::WrongChannel);
    assert_eq!(refusals(side), [(next, InstallKind::Tx, error)]);
    let mut install = setup.install_tx(LEFT, next, AN.successor());
    install.keys.pop();
    side.order(MacsecCommand::InstallTx(install));
    let error = InstallRefusal::KeyCount;
    assert_eq!(refusals(side), [(next, InstallKind::Tx, error)]);
    let other = Setup {
        suite: linkveil_macsec::CipherSuite::GcmAes128,
        ..setup
    };
    let install = other.install_tx(LEFT, next, AN.successor());
    side.order(MacsecCommand::InstallTx(install));
    let error = InstallRefusal::Key(InstallError::WrongSuite);
    assert_eq!(refusals(side), [(next, InstallKind::Tx, error)]);
    // What was there before is there.
    let report = side.report();
    let epochs = |sc: &super::super::TxChannelReport| {
        sc.associations
            .iter()
            .flatten()
            .map(|sa| sa.epoch)
            .collect::<Vec<_>>()
    };
    assert!(
        report
            .tx
            .iter()
            .all(|sc| epochs(sc) == [EPOCH] && sc.encoding == Some(AN))
    );
}

#[test]
fn channels_come_and_go_by_order() {
    let setup = lanes(2);
    let mut link = Link::bare(&setup);
    let side = &mut link.left;
    let scis = setup.scis(RIGHT);
    for sci in &scis {
        side.order(MacsecCommand::AddChannel(*sci));
        side.order(MacsecCommand::AddChannel(*sci));
    }
    side.order(MacsecCommand::AddChannel(Sci::RESERVED));
    let names = |side: &mut Side| side.report().rx.iter().map(|sc| sc.sci).collect::<Vec<_>>();
    assert_eq!(names(side), scis);
    side.order(MacsecCommand::RemoveChannel(scis[0]));
    side.order(MacsecCommand::RemoveChannel(scis[0]));
    assert_eq!(names(side), scis[1..]);
}

#[test]
fn a_report_tells_of_each_association() {
    let setup = Setup::default();
    let mut link = Link::new(&setup);
    for _ in 0..100 {
        link.left.hosts[0].send(&frame(100)).unwrap();
    }
    link.carry();
    let (left, right) = (link.left.report(), link.right.report());
    let tx = &left.tx[0];
    assert_eq!((tx.sci, tx.encoding), (setup.scis(LEFT)[0], Some(AN)));
    assert_eq!(tx.associations[1..], [None; 3]);
    let sa = tx.associations[0].unwrap();
    assert_eq!((sa.epoch, sa.next_pn), (EPOCH, Some(pn(101))));
    assert_eq!(sa.reserved, setup.suite.last_pn());
    assert_eq!(sa.usage.packets, 100);
    let rx = &right.rx[0];
    assert_eq!(rx.sci, tx.sci);
    let sa = rx.associations[0].unwrap();
    assert_eq!((sa.next_pn, sa.lowest_pn), (pn(101), pn(101 - 64)));
    assert_eq!((sa.epoch, sa.usage.packets), (EPOCH, 100));
    let counted: Vec<_> = rx.counters.named().filter(|(_, n)| *n > 0).collect();
    assert_eq!(
        counted,
        [("in_pkts_ok", 100), ("in_octets_decrypted", 8_800)]
    );
}

#[test]
fn a_second_request_waits_for_the_first_one_s_answer() {
    let mut link = Link::bare(&lanes(2));
    let side = &mut link.left;
    side.pool.request_report();
    side.pool.request_report();
    side.settle();
    let reports = side.events.iter();
    assert_eq!(
        reports
            .filter(|event| matches!(event, MacsecEvent::Report(_)))
            .count(),
        1
    );
}

#[test]
fn a_pool_that_is_dropped_ends_its_lanes_even_behind_full_rings() {
    let mut link = Link::bare(&lanes(2));
    let other = Sci::new(MacAddr::new([2; 6]), PortId::END_STATION);
    for _ in 0..2 * ends::RING {
        link.left.pool.command(MacsecCommand::AddChannel(other));
    }
    assert_eq!(link.left.pool.flush(), Backlog::Waiting);
    let Side {
        pool, mut lanes, ..
    } = link.left;
    drop(pool);
    for lane in &mut lanes {
        let ended = (0..10).any(|_| lane.turn(clock::now()).unwrap() == Turn::Stopped);
        assert!(ended);
    }
}

#[test]
fn more_channels_than_there_can_be_are_refused() {
    let setup = Setup::default();
    let mut link = Link::bare(&setup);
    let side = &mut link.left;
    let key = |port: u16| {
        let sci = Sci::new(RIGHT, PortId::new(port));
        RxSak::new(setup.sak(sci, 1), SaTerms::of(setup.suite)).unwrap()
    };
    let most = u16::try_from(MAX_CHANNELS).unwrap();
    let install = |keys| InstallRx {
        epoch: EPOCH,
        an: AN,
        keys,
    };
    side.order(MacsecCommand::InstallRx(install(
        (1..=most).map(key).collect(),
    )));
    side.events.clear();
    side.order(MacsecCommand::InstallRx(install(vec![key(most + 1)])));
    assert_eq!(
        refusals(side),
        [(EPOCH, InstallKind::Rx, InstallRefusal::Channel)]
    );
    assert_eq!(side.report().rx.len(), MAX_CHANNELS);
}
