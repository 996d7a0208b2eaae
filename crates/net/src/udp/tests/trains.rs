//! Whole trains through the kernel: segmentation out, coalescing in.

use super::*;

fn trains_arrive_as_they_were_sent(address: &str) {
    let mut from = group(address, 1);
    let mut to = group(address, 2);
    let mut queue = GsoQueue::new(8);
    let mut expected = Vec::new();
    for (number, len) in
        (0u16..200).map(|number| (number, if number % 50 == 49 { 700 } else { 1400 }))
    {
        // Changes of the lane on train borders only: 50 datagrams each.
        let lane = u8::try_from(number / 50 % 2).unwrap();
        let tos = 0x02 + u8::try_from(number / 100).unwrap();
        let bytes = datagram(lane, number, len);
        enqueue(&mut queue, to.local_addr(), tos, &bytes);
        expected.push(Arrival {
            member: lane.into(),
            bytes,
            tos,
        });
    }
    let report = from.data[0].send_batch(&mut queue).unwrap();
    assert_eq!(
        report,
        UdpSendReport {
            sent: 200,
            ..UdpSendReport::default()
        }
    );
    assert!(queue.is_empty());
    let arrivals = receive(&mut to, 200);
    for member in 0..2 {
        let of_member = |arrivals: &[Arrival]| {
            arrivals
                .iter()
                .filter(|a| a.member == member)
                .cloned()
                .collect::<Vec<_>>()
        };
        assert!(
            of_member(&arrivals) == of_member(&expected),
            "lane {member}: order, bytes or TOS changed"
        );
    }
}

#[test]
fn trains_keep_order_lengths_and_tos_over_ipv4() {
    trains_arrive_as_they_were_sent(V4);
}

#[test]
fn trains_keep_order_lengths_and_tos_over_ipv6() {
    trains_arrive_as_they_were_sent(V6);
}

#[test]
fn one_receive_takes_a_whole_train_with_its_stride_and_source() {
    let mut from = group(V4, 1);
    let mut to = group(V4, 1);
    let mut queue = GsoQueue::new(1);
    for number in 0..40 {
        enqueue(&mut queue, to.local_addr(), 0, &datagram(0, number, 1200));
    }
    from.data[0].send_batch(&mut queue).unwrap();
    let mut batch = UdpBatch::new(4);
    assert_eq!(to.data[0].recv_batch(&mut batch).unwrap(), 1);
    let expected = RecvMeta {
        remote: from.local_addr(),
        len: 48_000,
        stride: 1200,
        tos: 0,
    };
    assert_eq!(batch.meta(0), Some(expected));
    assert_eq!(to.data[0].recv_batch(&mut batch).unwrap(), 0);
    assert!(batch.is_empty());
}

use crate::batch::RecvMeta;

#[test]
fn more_trains_than_one_system_call_takes_all_leave() {
    let mut from = group(V4, 1);
    let mut to = group(V4, 1);
    let mut queue = GsoQueue::new(150);
    for number in 0..150 {
        // Growing lengths: each datagram is a train of its own.
        enqueue(
            &mut queue,
            to.local_addr(),
            0,
            &datagram(0, number, 100 + usize::from(number)),
        );
    }
    assert_eq!(queue.free_trains(), 0);
    let report = from.data[0].send_batch(&mut queue).unwrap();
    assert_eq!((report.sent, queue.free_trains()), (150, 150));
    let numbers: Vec<u8> = receive(&mut to, 150)
        .into_iter()
        .map(|arrival| arrival.bytes[3])
        .collect();
    assert_eq!(numbers, (0..150).collect::<Vec<u8>>());
}

#[test]
fn a_train_of_the_greatest_size_passes() {
    let mut from = group(V4, 1);
    let mut to = group(V4, 1);
    let mut queue = GsoQueue::new(2);
    for number in 0..64 {
        enqueue(&mut queue, to.local_addr(), 0, &datagram(0, number, 1023));
    }
    enqueue(&mut queue, to.local_addr(), 0, &datagram(0, 64, 65_507));
    assert_eq!(from.data[0].send_batch(&mut queue).unwrap().sent, 65);
    assert_eq!(receive(&mut to, 65).len(), 65);
}
