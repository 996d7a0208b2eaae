//! What leaves a node, and why something does not.

use linkveil_net::memory::{NetworkOptions, WhenFull};

use super::*;
use crate::testing::{LEFT, RIGHT, linked, packet, pair, snapshot};
use std::net::Ipv4Addr;
use std::sync::Arc;

mod sealed;

// REQ-PAD-1, REQ-PAD-2
#[test]
fn padding_goes_to_sixteen_bytes_and_never_beyond_the_path() {
    assert_eq!(padded_len(1, 1_424), 32);
    assert_eq!(padded_len(16, 1_424), 32);
    assert_eq!(padded_len(17, 1_424), 48);
    assert_eq!(padded_len(1_424, 1_424), 1_440);
    assert_eq!(padded_len(1_420, 1_422), 1_438);
    assert_eq!(padded_len(1_422, 1_422), 1_438);
}

// REQ-ADM-1, REQ-ADM-6, REQ-ADM-7
#[test]
fn each_reason_not_to_send_moves_its_own_counter() {
    let (mut without_keys, _) = pair(1, 1, NetworkOptions::default());
    without_keys.hosts[0]
        .send(&packet(LEFT, RIGHT, b"x", 0))
        .unwrap();
    without_keys.assert_drops(&[("no_epoch", 1)]);

    let (mut node, _other) = linked(1, 1, NetworkOptions::default());
    let whole = packet(LEFT, RIGHT, b"x", 0);
    let mut long = whole.clone();
    long.push(0);
    let mut header = whole.clone();
    header[0] = 0x4f;
    let nowhere = packet(LEFT, Ipv4Addr::new(10, 9, 0, 1), b"x", 0);
    let big = packet(LEFT, RIGHT, &[0; 1_405], 0);
    for bad in [&b"\x45"[..], b"\x00\x00", &long, &header, &nowhere, &big] {
        node.hosts[0].send(bad).unwrap();
    }
    node.assert_drops(&[
        ("no_route", 1),
        ("too_big", 1),
        ("tx_ip_header_length", 1),
        ("tx_ip_total_length", 1),
        ("tx_too_short", 1),
        ("tx_unknown_ip_version", 1),
    ]);

    let unknown = snapshot(None, "10.2.0.0/24", 1_424);
    node.pool.publish(&Arc::new(unknown));
    node.settle();
    node.hosts[0].send(&whole).unwrap();
    let report = node.report();
    assert_eq!(report.drops.get(DropReason::NoEndpoint), 1);
}

// REQ-LIM-1, REQ-LIM-3
#[test]
fn after_the_hard_deadline_nothing_is_sealed() {
    let (mut node, _other) = linked(1, 1, NetworkOptions::default());
    node.now += std::time::Duration::from_secs(100);
    node.hosts[0].send(&packet(LEFT, RIGHT, b"x", 0)).unwrap();
    node.assert_drops(&[("tx_key_expired", 1)]);
}

// REQ-UDP-4
#[test]
fn a_blocked_underlay_makes_the_device_wait_and_loses_nothing() {
    let options = NetworkOptions {
        capacity: 1,
        when_full: WhenFull::Block,
        ..NetworkOptions::default()
    };
    let (mut a, mut b) = linked(1, 1, options);
    // Falling lengths with a longer one behind: each of these packets opens a train of its own.
    for number in 0..200_usize {
        let sent = packet(LEFT, RIGHT, &vec![1; 16 + number * 5], 0);
        a.hosts[0].send(&sent).unwrap();
    }
    let mut received = Vec::new();
    for _ in 0..1_000 {
        a.lanes[0].turn(a.now).unwrap();
        b.settle();
        received.extend(b.received());
    }
    assert_eq!(received.len(), 200);
    assert!(received.is_sorted_by_key(Vec::len), "the order changed");
    let report = a.report();
    assert!(report.events.get(LaneCounter::UnderlayBlocked) > 0);
    a.assert_drops(&[]);
    b.assert_drops(&[]);
}
