//! What a tenant is told, how often, and what of it is counted.

use linkveil_net::memory::NetworkOptions;
use linkveil_wire::checksum::Checksum;
use linkveil_wire::transport::{ChecksumVerdict, complete_checksum, verify_checksum};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::*;
use crate::egress::TUN_BATCH;
use crate::testing::{LEFT, Node, RIGHT, linked, packet, snapshot};

/// One byte more than fits: the tests' peers take 1,424.
fn big(from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
    packet(from, to, &[7; 1_405], 0)
}

fn left() -> Node {
    linked(1, 1, NetworkOptions::default()).0
}

fn outcomes(node: &mut Node) -> (u64, u64, u64) {
    let events = node.report().events;
    (
        events.get(LaneCounter::TooBigSent),
        events.get(LaneCounter::TooBigLimited),
        events.get(LaneCounter::TooBigUnsent),
    )
}

// REQ-MTU-1, REQ-MTU-2, REQ-ADM-6
#[test]
fn the_sender_of_what_is_too_big_is_told_what_fits() {
    let mut node = left();
    let about = big(LEFT, RIGHT);
    node.hosts[0].send(&about).unwrap();
    node.settle();
    let answers = node.received();
    assert_eq!(answers.len(), 1);
    let answer = &answers[0];
    assert_eq!(answer.len(), 576);
    assert_eq!(
        (&answer[12..16], &answer[16..20]),
        (&RIGHT.octets()[..], &LEFT.octets()[..])
    );
    assert_eq!((answer[9], &answer[20..22]), (1, &[3, 4][..]));
    assert_eq!(answer[24..28], 1_424_u32.to_be_bytes());
    assert_eq!(answer[28..], about[..548]);
    let sum = |bytes| Checksum::new().add_bytes(bytes).finish();
    assert_eq!((sum(&answer[..20]), sum(&answer[20..])), (0, 0));
    node.assert_drops(&[("too_big", 1)]);
    assert_eq!(outcomes(&mut node), (1, 0, 0));
}

// REQ-MTU-1
#[test]
fn what_fits_is_not_answered() {
    let (mut node, _other) = linked(1, 1, NetworkOptions::default());
    node.hosts[0]
        .send(&packet(LEFT, RIGHT, &[7; 1_404], 0))
        .unwrap();
    node.settle();
    assert_eq!(node.received().len(), 0);
    node.assert_drops(&[]);
    assert_eq!(outcomes(&mut node), (0, 0, 0));
}

// REQ-MTU-1
#[test]
fn a_path_that_became_narrower_is_told_with_its_new_size() {
    let mut node = left();
    let narrow = snapshot(Some(crate::testing::address(2)), "10.2.0.0/24", 1_300);
    node.pool.publish(&Arc::new(narrow));
    node.settle();
    node.hosts[0]
        .send(&packet(LEFT, RIGHT, &[7; 1_281], 0))
        .unwrap();
    node.settle();
    assert_eq!(node.received()[0][24..28], 1_300_u32.to_be_bytes());
}

// REQ-MTU-3, REQ-CNT-1
#[test]
fn what_must_not_be_answered_is_counted() {
    let mut node = left();
    let loopback = big(Ipv4Addr::LOCALHOST, RIGHT);
    let mut error = big(LEFT, RIGHT);
    (error[9], error[20]) = (1, 3);
    let mut fragment = big(LEFT, RIGHT);
    fragment[7] = 1;
    for packet in [loopback, error, fragment] {
        node.hosts[0].send(&packet).unwrap();
    }
    node.settle();
    assert_eq!(node.received().len(), 0);
    node.assert_drops(&[("too_big", 3)]);
    assert_eq!(outcomes(&mut node), (0, 0, 3));
}

// REQ-MTU-5, REQ-CNT-1
#[test]
fn a_flood_gets_the_burst_and_then_the_rate_and_all_is_counted() {
    let mut node = left();
    let mut answers = 0;
    let mut flood = |node: &mut Node| {
        for _ in 0..250 {
            node.hosts[0].send(&big(LEFT, RIGHT)).unwrap();
        }
        node.settle();
        answers += node.received().len();
        answers
    };
    assert_eq!(flood(&mut node), 64);
    assert_eq!(flood(&mut node), 64);
    node.now += Duration::from_millis(200);
    assert_eq!(flood(&mut node), 84);
    node.now += Duration::from_secs(3_600);
    assert_eq!(flood(&mut node), 148);
    assert_eq!(outcomes(&mut node), (148, 852, 0));
    node.assert_drops(&[("too_big", 1_000)]);
}

// REQ-MTU-5
#[test]
fn what_must_not_be_answered_takes_no_token() {
    let mut node = left();
    for _ in 0..2 * TUN_BATCH {
        node.hosts[0]
            .send(&big(Ipv4Addr::LOCALHOST, RIGHT))
            .unwrap();
    }
    for _ in 0..TUN_BATCH {
        node.hosts[0].send(&big(LEFT, RIGHT)).unwrap();
    }
    node.settle();
    assert_eq!(node.received().len(), TUN_BATCH);
    assert_eq!(outcomes(&mut node), (64, 0, 128));
}

// REQ-CNT-1
#[test]
fn what_the_device_refuses_is_counted() {
    let mut node = left();
    // A host that reads nothing: 1,024 packets find room.
    for _ in 0..17 {
        for _ in 0..TUN_BATCH {
            node.hosts[0].send(&big(LEFT, RIGHT)).unwrap();
        }
        node.settle();
        node.now += Duration::from_secs(1);
    }
    assert_eq!(outcomes(&mut node), (1_024, 0, 64));
    node.assert_drops(&[("too_big", 1_088)]);
}

/// A SYN that announces this segment size.
fn syn(from: Ipv4Addr, to: Ipv4Addr, mss: u16) -> Vec<u8> {
    let mut segment = vec![0; 24];
    (segment[12], segment[13], segment[20], segment[21]) = (6 << 4, 2, 2, 4);
    segment[22..].copy_from_slice(&mss.to_be_bytes());
    let mut packet = packet(from, to, &segment, 0);
    packet[9] = 6;
    packet[10..12].fill(0);
    let sum = Checksum::new().add_bytes(&packet[..20]).finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    complete_checksum(&mut packet).unwrap();
    packet
}

fn lowered(node: &mut Node) -> u64 {
    node.report().events.get(LaneCounter::MssLowered)
}

/// Narrows what `node` sends to its peer, and what the peer's answers are told to be.
fn narrow(node: &mut Node, remote: u8, prefix: &str) {
    let narrow = snapshot(Some(crate::testing::address(remote)), prefix, 1_300);
    node.pool.publish(&Arc::new(narrow));
    node.settle();
}

// REQ-MTU-6
#[test]
fn the_segment_size_of_a_syn_is_lowered_on_the_way_out() {
    let (mut a, mut b) = linked(1, 1, NetworkOptions::default());
    narrow(&mut a, 2, "10.2.0.0/24");
    a.hosts[0].send(&syn(LEFT, RIGHT, 1_460)).unwrap();
    a.hosts[0].send(&syn(LEFT, RIGHT, 1_000)).unwrap();
    a.settle();
    b.settle();
    assert_eq!(
        b.received(),
        [syn(LEFT, RIGHT, 1_260), syn(LEFT, RIGHT, 1_000)]
    );
    assert_eq!((lowered(&mut a), lowered(&mut b)), (1, 0));
}

// REQ-MTU-6
#[test]
fn the_segment_size_of_a_syn_is_lowered_on_the_way_in() {
    let (mut a, mut b) = linked(1, 1, NetworkOptions::default());
    narrow(&mut b, 1, "10.1.0.0/24");
    a.hosts[0].send(&syn(LEFT, RIGHT, 1_384)).unwrap();
    a.settle();
    b.settle();
    let received = b.received();
    assert_eq!(received, [syn(LEFT, RIGHT, 1_260)]);
    assert_eq!(verify_checksum(&received[0]), Ok(ChecksumVerdict::Right));
    assert_eq!((lowered(&mut a), lowered(&mut b)), (0, 1));
    b.assert_drops(&[]);
}
