//! The in-memory network behaves like the kernel's groups as far as lanes can tell.

use super::*;
use crate::batch::InnerSlice;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn data(lane: u8, body: u8) -> [u8; 4] {
    [4, lane, body, body]
}

fn pair(options: NetworkOptions) -> (MemoryUdp, MemoryGroup) {
    let mut groups = network(&[(address(1), 1), (address(2), 3)], options).into_iter();
    (
        groups.next().unwrap().data.remove(0),
        groups.next().unwrap(),
    )
}

fn enqueue(queue: &mut GsoQueue, to: SocketAddr, datagram: &[u8]) {
    let mut slot = queue.reserve(to, 3, datagram.len()).unwrap();
    slot.copy_from_slice(datagram);
    slot.commit();
}

fn received(socket: &mut MemoryUdp) -> Vec<Vec<u8>> {
    let mut batch = UdpBatch::new(64);
    let count = socket.recv_batch(&mut batch).unwrap();
    let train = |index| {
        let (meta, bytes) = batch.buffer_mut(index).unwrap();
        meta.segments()
            .map(|range| bytes[range].to_vec())
            .collect::<Vec<_>>()
    };
    (0..count).flat_map(train).collect()
}

#[test]
fn data_goes_to_the_socket_of_its_lane_and_the_rest_to_control() {
    let (mut sender, mut group) = pair(NetworkOptions::default());
    for lane in 0..64 {
        sender.send_to(&data(lane, lane), address(2)).unwrap();
    }
    for kind in [0, 1, 2, 3, 5, 255] {
        sender.send_to(&[kind, 1, 0, 0], address(2)).unwrap();
    }
    for (index, socket) in group.data.iter_mut().enumerate() {
        let lanes: Vec<usize> = received(socket)
            .iter()
            .map(|bytes| usize::from(bytes[1]))
            .collect();
        assert_eq!(
            lanes,
            (0..64).filter(|lane| lane % 3 == index).collect::<Vec<_>>()
        );
    }
    assert_eq!(received(&mut group.control).len(), 6);
}

#[test]
fn what_is_too_short_to_steer_goes_to_the_first_lane() {
    let (mut sender, mut group) = pair(NetworkOptions::default());
    sender.send_to(&[4], address(2)).unwrap();
    sender.send_to(&[], address(2)).unwrap();
    sender.send_to(&[1], address(2)).unwrap();
    assert_eq!(received(&mut group.data[0]), [vec![4], vec![]]);
    assert_eq!(received(&mut group.control), [vec![1]]);
}

#[test]
fn a_train_arrives_whole_with_its_stride_tos_and_source() {
    let (mut sender, mut group) = pair(NetworkOptions::default());
    let mut queue = GsoQueue::new(2);
    for body in 0..3 {
        enqueue(&mut queue, address(2), &data(0, body));
    }
    let report = sender.send_batch(&mut queue).unwrap();
    assert_eq!(
        report,
        UdpSendReport {
            sent: 3,
            ..UdpSendReport::default()
        }
    );
    let (bytes, meta) = group.data[0].recv_from().unwrap();
    assert_eq!(bytes, [data(0, 0), data(0, 1), data(0, 2)].concat());
    assert_eq!(
        meta,
        RecvMeta {
            remote: address(1),
            len: 12,
            stride: 4,
            tos: 3
        }
    );
    assert!(group.data[0].recv_from().is_none());
}

#[test]
fn a_train_of_several_lanes_arrives_at_the_lane_of_its_first_datagram() {
    let (mut sender, mut group) = pair(NetworkOptions::default());
    let bytes = [data(1, 0), data(2, 0), data(0, 0)].concat();
    let train = Train {
        remote: address(2),
        tos: 0,
        segment_len: 4,
        bytes: &bytes,
    };
    sender.send_train(train).unwrap();
    assert_eq!(received(&mut group.data[1]).len(), 3);
    assert!(received(&mut group.data[0]).is_empty() && received(&mut group.data[2]).is_empty());
}

#[test]
fn without_coalescing_each_datagram_arrives_alone() {
    let options = NetworkOptions {
        coalesce: Coalesce::Datagrams,
        ..NetworkOptions::default()
    };
    let (mut sender, mut group) = pair(options);
    let mut queue = GsoQueue::new(2);
    for lane in [0, 1, 2, 0] {
        enqueue(&mut queue, address(2), &data(lane, 9));
    }
    assert_eq!(sender.send_batch(&mut queue).unwrap().sent, 4);
    let counts: Vec<usize> = group
        .data
        .iter_mut()
        .map(|socket| received(socket).len())
        .collect();
    assert_eq!(counts, [2, 1, 1]);
}

#[test]
fn a_full_receiver_blocks_the_sender_who_keeps_the_rest_in_order() {
    let options = NetworkOptions {
        capacity: 2,
        coalesce: Coalesce::Datagrams,
        ..NetworkOptions::default()
    };
    let (mut sender, mut group) = pair(options);
    let mut queue = GsoQueue::new(2);
    for body in 0..5 {
        enqueue(&mut queue, address(2), &data(0, body));
    }
    let mut bodies = Vec::new();
    let mut reports = Vec::new();
    while !queue.is_empty() {
        let report = sender.send_batch(&mut queue).unwrap();
        reports.push((report.sent, report.blocked));
        bodies.extend(received(&mut group.data[0]).iter().map(|bytes| bytes[2]));
    }
    assert_eq!(reports, [(2, true), (2, true), (1, false)]);
    assert_eq!(bodies, [0, 1, 2, 3, 4]);
}

#[test]
fn a_full_receiver_loses_trains_silently_when_asked_to() {
    let options = NetworkOptions {
        capacity: 1,
        when_full: WhenFull::Drop,
        coalesce: Coalesce::Datagrams,
    };
    let (mut sender, mut group) = pair(options);
    let mut queue = GsoQueue::new(2);
    for body in 0..3 {
        enqueue(&mut queue, address(2), &data(0, body));
    }
    assert_eq!(sender.send_batch(&mut queue).unwrap().sent, 3);
    assert_eq!(received(&mut group.data[0]), [data(0, 0).to_vec()]);
}

#[test]
fn a_train_to_nowhere_is_dropped_and_does_not_stop_the_others() {
    let (mut sender, mut group) = pair(NetworkOptions::default());
    let mut queue = GsoQueue::new(3);
    enqueue(&mut queue, address(9), &data(0, 1));
    enqueue(&mut queue, address(9), &data(0, 2));
    enqueue(&mut queue, address(2), &data(0, 3));
    let report = sender.send_batch(&mut queue).unwrap();
    assert_eq!((report.sent, report.dropped, report.blocked), (1, 2, false));
    assert_eq!(received(&mut group.data[0]), [data(0, 3).to_vec()]);
}

#[test]
fn a_tun_pair_carries_packets_both_ways_and_bounds_them() {
    let (mut queue, host) = tun(2);
    host.send(b"in-1").unwrap();
    host.send(b"in-2").unwrap();
    assert_eq!(host.send(b"in-3"), None);
    let mut batch = TunBatch::new(1, usize::MAX);
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 1);
    assert_eq!(batch.packet_mut(0).unwrap().bytes(), b"in-1");
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 1);
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 0);

    let mut arena = UdpBatch::new(1);
    arena
        .push(
            RecvMeta {
                remote: address(1),
                len: 0,
                stride: 100,
                tos: 0,
            },
            b"..out-1out-2out-3",
        )
        .unwrap();
    let frames = [2..7, 7..12, 12..17, 12..99].map(|range| InnerSlice { buffer: 0, range });
    let frames = frames.into_iter().collect();
    assert_eq!(
        queue.send_batch(&frames, &arena),
        TunSendReport {
            sent: 2,
            dropped: 2
        }
    );
    assert_eq!(
        (host.recv().unwrap(), host.recv().unwrap()),
        (b"out-1".to_vec(), b"out-2".to_vec())
    );
    assert!(host.recv().is_none());
}

#[test]
fn a_tun_queue_without_host_fails_once_it_is_empty() {
    let (mut queue, host) = tun(2);
    host.send(b"last").unwrap();
    drop(host);
    let mut batch = TunBatch::new(4, usize::MAX);
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 1);
    assert!(queue.recv_batch(&mut batch).is_err());
}
