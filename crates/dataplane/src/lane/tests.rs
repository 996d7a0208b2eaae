//! What a lane tells control by itself.

mod impaired;
mod trains;

use linkveil_net::memory::NetworkOptions;
use linkveil_sa::{LaneEvent, Pressure};
use std::sync::Arc;
use std::time::Duration;

use crate::testing::{LEFT, Node, PEER, RIGHT, address, linked, packet, snapshot};

// REQ-LIVE-4, REQ-LIVE-5
#[test]
fn activity_is_told_once_a_second_and_not_at_all_when_idle() {
    let (mut a, mut b) = linked(1, 1, NetworkOptions::default());
    a.now += Duration::from_secs(1);
    for _ in 0..3 {
        a.hosts[0].send(&packet(LEFT, RIGHT, b"x", 0)).unwrap();
    }
    a.settle();
    b.now += Duration::from_secs(1);
    b.settle();
    let activity = |events: &[LaneEvent]| {
        let all = events.iter().filter_map(|event| match *event {
            LaneEvent::Activity {
                peer,
                tx_packets,
                rx_packets,
            } if peer == PEER => Some((tx_packets, rx_packets)),
            _ => None,
        });
        all.fold((0, 0, 0), |(count, tx, rx), (t, r)| {
            (count + 1, tx + t, rx + r)
        })
    };
    a.now += Duration::from_secs(1);
    b.now += Duration::from_secs(1);
    a.settle();
    b.settle();
    let (count, tx, rx) = activity(&a.events);
    assert!(count <= 2);
    assert_eq!((tx, rx), (3, 0));
    let (_, tx, rx) = activity(&b.events);
    assert_eq!((tx, rx), (0, 3));
    a.events.clear();
    a.now += Duration::from_secs(60);
    a.settle();
    assert_eq!(activity(&a.events).0, 0);
}

// REQ-LIM-4, REQ-LIM-5
#[test]
fn a_key_that_wears_out_is_told_once_for_each_level_on_both_sides() {
    let options = NetworkOptions {
        capacity: 8_192,
        ..NetworkOptions::default()
    };
    let (mut a, mut b) = linked(1, 1, options);
    for _ in 0..410 {
        for _ in 0..10 {
            a.hosts[0].send(&packet(LEFT, RIGHT, b"x", 0)).unwrap();
        }
        a.settle();
        b.settle();
        b.received();
    }
    let pressure = |events: &[LaneEvent]| -> Vec<Pressure> {
        let all = events.iter().filter_map(|event| match event {
            LaneEvent::Pressure { pressure, .. } => Some(*pressure),
            _ => None,
        });
        all.collect()
    };
    assert_eq!(pressure(&a.events), [Pressure::Soft, Pressure::Late]);
    assert_eq!(pressure(&b.events), [Pressure::Soft, Pressure::Late]);
    // 4,100 packets for a limit of 4,096.
    a.assert_drops(&[("tx_key_exhausted", 4)]);
    b.assert_drops(&[]);
}

/// The addresses that a lane told control of as a peer's new ones.
fn candidates(node: &Node) -> Vec<std::net::SocketAddr> {
    let all = node.events.iter().filter_map(|event| match event {
        LaneEvent::Candidate { peer, path, .. } if *peer == PEER => Some(path.remote),
        _ => None,
    });
    all.collect()
}

// REQ-PATH-1, REQ-PATH-6
#[test]
fn a_new_address_is_told_ten_times_a_second_while_traffic_goes_on() {
    let (mut a, mut b) = linked(1, 1, NetworkOptions::default());
    let elsewhere = snapshot(Some(address(77)), "10.1.0.0/24", 1_424);
    let home = snapshot(Some(address(1)), "10.1.0.0/24", 1_424);
    let mut send = |b: &mut Node| {
        a.hosts[0].send(&packet(LEFT, RIGHT, b"x", 0)).unwrap();
        a.settle();
        b.settle();
        assert_eq!(b.received().len(), 1, "a new address is no reason to drop");
    };
    send(&mut b);
    assert_eq!(candidates(&b), [], "where it is expected");
    b.pool.publish(&Arc::new(elsewhere));
    send(&mut b);
    send(&mut b);
    assert_eq!(candidates(&b), [address(1)]);
    b.now += Duration::from_millis(100);
    send(&mut b);
    assert_eq!(candidates(&b), [address(1); 2]);
    b.pool.publish(&Arc::new(home));
    b.now += Duration::from_secs(1);
    send(&mut b);
    assert_eq!(candidates(&b).len(), 2);
    b.assert_drops(&[]);
}
