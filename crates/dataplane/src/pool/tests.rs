//! Orders, answers, reports and the end, also when rings are full.

use linkveil_net::memory::NetworkOptions;
use linkveil_wire::ControlFrame;

use super::*;
use crate::counters::LaneCounter;
use crate::ends::RING;
use crate::lane::Turn;
use crate::testing::{EPOCH, LEFT, PEER, RIGHT, linked, packet, pair, spi};

// REQ-EPOCH-1, REQ-EPOCH-2
#[test]
fn an_install_is_told_once_when_every_lane_has_carried_it_out() {
    let (a, _b) = linked(4, 2, NetworkOptions::default());
    let kinds: Vec<_> = a
        .events
        .iter()
        .filter_map(|event| match event {
            LaneEvent::Installed { epoch, direction } if *epoch == EPOCH => Some(*direction),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [InstallKind::Rx, InstallKind::Tx]);
}

#[test]
fn removed_keys_neither_seal_nor_open() {
    let (mut a, mut b) = linked(1, 1, NetworkOptions::default());
    let (peer, epoch) = (PEER, EPOCH);
    let other = EpochId::new(99);
    a.pool.command(LaneCommand::RemoveTx { peer, epoch: other });
    a.settle();
    a.hosts[0].send(&packet(LEFT, RIGHT, b"still", 0)).unwrap();
    a.settle();
    b.settle();
    assert_eq!(
        b.received().len(),
        1,
        "another epoch's removal changed something"
    );

    let spi = spi(2);
    b.pool.command(LaneCommand::RemoveRx { epoch: other, spi });
    b.settle();
    a.hosts[0].send(&packet(LEFT, RIGHT, b"still", 0)).unwrap();
    a.settle();
    b.settle();
    assert_eq!(b.received().len(), 1, "the SPI belongs to another epoch");
    b.pool.command(LaneCommand::RemoveRx { epoch, spi });
    b.settle();
    a.hosts[0].send(&packet(LEFT, RIGHT, b"late", 0)).unwrap();
    a.settle();
    b.assert_drops(&[("unknown_spi", 1)]);
    a.pool.command(LaneCommand::RemoveTx { peer, epoch });
    a.settle();
    a.hosts[0].send(&packet(LEFT, RIGHT, b"never", 0)).unwrap();
    a.assert_drops(&[("no_epoch", 1)]);
}

#[test]
fn more_orders_than_a_ring_holds_are_all_carried_out() {
    let (mut a, mut b) = linked(
        2,
        1,
        NetworkOptions {
            capacity: 4 * RING,
            ..NetworkOptions::default()
        },
    );
    let count = 2 * RING + 10;
    for _ in 0..count {
        a.pool.command(LaneCommand::SendControl {
            peer: PEER,
            epoch: EPOCH,
            frame: ControlFrame::Keepalive,
            path: None,
        });
    }
    assert_eq!(a.pool.flush(), Backlog::Waiting);
    a.settle();
    assert_eq!(a.pool.flush(), Backlog::Empty);
    let sent = a.report().events.get(LaneCounter::ControlSent);
    assert_eq!(sent, count as u64);
    b.settle();
    let received = b.report().events.get(LaneCounter::ControlReceived);
    assert_eq!(received, count as u64);
}

#[test]
fn a_control_frame_of_another_epoch_is_not_sent_and_counted() {
    let (mut a, mut b) = linked(1, 1, NetworkOptions::default());
    a.pool.command(LaneCommand::SendControl {
        peer: PEER,
        epoch: EpochId::new(99),
        frame: ControlFrame::Confirm,
        path: None,
    });
    a.settle();
    assert_eq!(a.report().events.get(LaneCounter::ControlUnsent), 1);
    a.assert_drops(&[]);
    b.settle();
    assert_eq!(b.report().events.get(LaneCounter::ControlReceived), 0);
}

#[test]
fn a_farewell_that_was_ordered_before_the_stop_still_leaves() {
    let (mut a, mut b) = linked(1, 1, NetworkOptions::default());
    a.pool.command(LaneCommand::SendControl {
        peer: PEER,
        epoch: EPOCH,
        frame: ControlFrame::SaDelete(spi(1)),
        path: None,
    });
    a.pool.stop();
    a.pool.flush();
    assert_eq!(a.lanes[0].turn(a.now).unwrap(), Turn::Stopped);
    b.settle();
    assert_eq!(b.report().events.get(LaneCounter::ControlReceived), 1);
}

#[test]
fn lanes_end_when_control_is_gone_even_with_answers_that_nobody_reads() {
    let (mut a, _b) = pair(1, 1, NetworkOptions::default());
    for _ in 0..2 * RING {
        a.pool.publish(&Arc::new(crate::testing::snapshot(
            None,
            "10.2.0.0/24",
            1_424,
        )));
        a.pool.flush();
        a.lanes[0].turn(a.now).unwrap();
    }
    drop(a.pool);
    let ended = (0..10).any(|_| a.lanes[0].turn(a.now).unwrap() == Turn::Stopped);
    assert!(ended);
}

#[test]
fn a_node_has_one_to_sixty_four_lanes() {
    use linkveil_net::memory::{MemoryTun, MemoryUdp};
    let snapshot = || Arc::new(crate::testing::snapshot(None, "10.2.0.0/24", 1_424));
    let none: Vec<LaneQueues<MemoryTun, MemoryUdp>> = Vec::new();
    let error = build(none, &snapshot()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
