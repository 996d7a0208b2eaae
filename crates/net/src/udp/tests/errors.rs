//! What the kernel refuses costs one train, never the socket and never the datagrams behind it.

use super::*;
use crate::testing::{in_private_netns, ip, succeeds};
use crate::traits::GsoNotice;

fn numbers(arrivals: &[Arrival]) -> Vec<u8> {
    arrivals.iter().map(|arrival| arrival.bytes[3]).collect()
}

#[test]
fn a_remote_without_route_does_not_stop_the_others() {
    in_private_netns("a_remote_without_route_does_not_stop_the_others", || {
        let mut from = group("0.0.0.0:0", 1);
        let mut to = group(V4, 1);
        let nowhere = SocketAddr::from(([203, 0, 113, 1], 9));
        let mut queue = GsoQueue::new(8);
        enqueue(&mut queue, to.local_addr(), 0, &datagram(0, 1, 100));
        enqueue(&mut queue, nowhere, 0, &datagram(0, 2, 100));
        enqueue(&mut queue, nowhere, 0, &datagram(0, 3, 100));
        enqueue(&mut queue, to.local_addr(), 1, &datagram(0, 4, 100));
        let report = from.data[0].send_batch(&mut queue).unwrap();
        assert_eq!(
            report,
            UdpSendReport {
                sent: 2,
                dropped: 2,
                ..UdpSendReport::default()
            }
        );
        assert_eq!(numbers(&receive(&mut to, 2)), [1, 4]);
    });
}

#[test]
fn a_remote_of_the_other_family_is_dropped() {
    let mut from = group(V4, 1);
    let mut queue = GsoQueue::new(1);
    enqueue(
        &mut queue,
        "[2001:db8::1]:9".parse().unwrap(),
        0,
        &datagram(0, 1, 100),
    );
    let report = from.data[0].send_batch(&mut queue).unwrap();
    assert_eq!(
        report,
        UdpSendReport {
            dropped: 1,
            ..UdpSendReport::default()
        }
    );
    assert!(queue.is_empty());
}

// REQ-UDP-1
#[test]
fn what_exceeds_the_link_is_dropped_by_name_and_a_shorter_last_datagram_still_leaves() {
    in_private_netns("what_exceeds_the_link_is_dropped_by_name", || {
        ip("link set lo mtu 1500");
        let mut from = group(V4, 1);
        let mut to = group(V4, 1);
        let mut queue = GsoQueue::new(8);
        for number in 1..=3 {
            enqueue(&mut queue, to.local_addr(), 0, &datagram(0, number, 1473));
        }
        enqueue(&mut queue, to.local_addr(), 0, &datagram(0, 4, 700));
        for number in 5..=6 {
            enqueue(&mut queue, to.local_addr(), 1, &datagram(0, number, 1472));
        }
        let report = from.data[0].send_batch(&mut queue).unwrap();
        assert_eq!(
            report,
            UdpSendReport {
                sent: 3,
                dropped_too_big: 3,
                ..UdpSendReport::default()
            }
        );
        assert_eq!(numbers(&receive(&mut to, 3)), [4, 5, 6]);
    });
}

#[test]
fn without_segmentation_offload_datagrams_leave_one_by_one_and_this_is_told_once() {
    let mut from = group(V4, 1);
    let mut to = group(V4, 1);
    // A socket without UDP checksums refuses UDP_SEGMENT, as a device without checksum offload does.
    crate::sys::set_integer(&from.data[0].socket, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1).unwrap();
    let mut queue = GsoQueue::new(8);
    let mut notices = Vec::new();
    for round in 0..2 {
        for number in 0..70 {
            enqueue(
                &mut queue,
                to.local_addr(),
                0,
                &datagram(0, round * 70 + number, 300),
            );
        }
        let report = from.data[0].send_batch(&mut queue).unwrap();
        assert_eq!(
            (report.sent, report.dropped, report.dropped_too_big),
            (70, 0, 0)
        );
        notices.push(report.gso);
    }
    assert_eq!(notices, [GsoNotice::TurnedOff, GsoNotice::Unchanged]);
    assert_eq!(
        numbers(&receive(&mut to, 140)),
        (0..140).collect::<Vec<u8>>()
    );
}

// REQ-UDP-4
// FIELD-BUG: a partial sendmmsg that loses the rest
#[test]
fn a_full_socket_blocks_and_loses_nothing() {
    in_private_netns("a_full_socket_blocks_and_loses_nothing", || {
        // A shaper holds what it delays, and the socket is charged for it.
        if !succeeds(
            "tc",
            "qdisc add dev lo root tbf rate 400mbit burst 70000 limit 20000000",
        ) {
            println!("skipped a_full_socket_blocks_and_loses_nothing: no tbf in this kernel");
            return;
        }
        let mut from = group(V4, 1);
        let mut to = group(V4, 1);
        let mut queue = GsoQueue::new(64);
        for number in 0..1500 {
            enqueue(&mut queue, to.local_addr(), 0, &datagram(0, number, 1400));
        }
        let mut poller = Poller::new().unwrap();
        poller
            .add(&from.data[0], Token(0), Interest::Writable)
            .unwrap();
        let mut blocked = 0;
        let mut sent = 0;
        let mut arrivals = Vec::new();
        while !queue.is_empty() {
            let report = from.data[0].send_batch(&mut queue).unwrap();
            sent += report.sent;
            assert_eq!(report.blocked, !queue.is_empty());
            if report.blocked {
                blocked += 1;
                assert_eq!(poller.wait(Some(PATIENCE)).unwrap().count(), 1);
            }
            let waiting = receive(&mut to, 1);
            arrivals.extend(waiting);
        }
        arrivals.extend(receive(&mut to, 1500 - arrivals.len()));
        let order: Vec<u16> = arrivals
            .iter()
            .map(|a| u16::from_be_bytes([a.bytes[2], a.bytes[3]]))
            .collect();
        assert_eq!(order, (0..1500).collect::<Vec<u16>>());
        assert_eq!(sent, 1500);
        assert!(blocked > 0, "two megabytes fitted a socket buffer of one");
    });
}
