use super::*;

/// A MACsec frame of `len` bytes with an SCI of this port id, and a number at its end.
fn frame(port_id: u16, len: usize, number: u8) -> Vec<u8> {
    let mut frame = vec![0; len];
    frame[12..15].copy_from_slice(&[0x88, 0xe5, 0x20]);
    frame[26..28].copy_from_slice(&port_id.to_be_bytes());
    frame[len - 1] = number;
    frame
}

fn outbox(frames: &[Vec<u8>]) -> PortOutbox {
    let mut outbox = PortOutbox::new(64, 1 << 20);
    for frame in frames {
        let mut slot = outbox.reserve(frame.len()).unwrap();
        slot.copy_from_slice(frame);
        slot.commit();
    }
    outbox
}

#[test]
fn frames_arrive_in_order_at_the_lane_of_their_channel() {
    let [mut left, mut right] = port_wire([2, 3], PortWireOptions::default());
    let frames: Vec<_> = (0..12)
        .map(|n| frame(1 + u16::from(n % 6), 60, n))
        .collect();
    let report = left[1].send_batch(&mut outbox(&frames)).unwrap();
    assert_eq!(
        (report.sent, report.dropped, report.blocked),
        (12, 0, false)
    );
    let mut batch = PortBatch::new(3);
    for (lane, port) in right.iter_mut().enumerate() {
        let mut numbers = Vec::new();
        while port.recv_batch(&mut batch).unwrap() > 0 {
            let frames = 0..batch.len();
            numbers.extend(frames.map(|index| *batch.frame_mut(index).unwrap().last().unwrap()));
        }
        let expected: Vec<u8> = (0..12).filter(|n| usize::from(*n) % 3 == lane).collect();
        assert_eq!(numbers, expected);
    }
    right[0].send(&frame(2, 60, 9)).unwrap();
    assert_eq!(left[1].recv(), Some(frame(2, 60, 9)));
    assert_eq!(left[0].recv(), None);
}

#[test]
fn a_full_receiver_blocks_or_loses_as_told() {
    for (when_full, sent, left_over) in [(WhenFull::Block, 4, 2), (WhenFull::Drop, 6, 0)] {
        let options = PortWireOptions {
            capacity: 4,
            when_full,
            ..PortWireOptions::default()
        };
        let [mut left, mut right] = port_wire([1, 1], options);
        let mut queue = outbox(&vec![frame(1, 60, 0); 6]);
        let report = left[0].send_batch(&mut queue).unwrap();
        assert_eq!((report.sent, queue.len()), (sent, left_over));
        assert_eq!(report.blocked, left_over > 0);
        assert_eq!(right[0].recv_batch(&mut PortBatch::new(9)).unwrap(), 4);
        let report = left[0].send_batch(&mut queue).unwrap();
        assert_eq!((report.sent, report.blocked), (left_over, false));
    }
}

#[test]
fn what_does_not_fit_is_counted_by_the_one_that_meets_it() {
    let options = PortWireOptions {
        frame_len_max: 100,
        ..PortWireOptions::default()
    };
    let [mut left, mut right] = port_wire([1, 1], options);
    let mut queue = outbox(&[frame(1, 101, 1), frame(1, 100, 2)]);
    let report = left[0].send_batch(&mut queue).unwrap();
    assert_eq!((report.dropped_too_big, report.sent), (1, 1));
    left[0].send(&frame(1, PORT_FRAME_LEN + 1, 3)).unwrap();
    let mut batch = PortBatch::new(4);
    assert_eq!(right[0].recv_batch(&mut batch).unwrap(), 1);
    assert_eq!(batch.truncated(), 1);
    assert_eq!(batch.frame_mut(0).unwrap(), frame(1, 100, 2));
    drop(right);
    let report = left[0].send_batch(&mut outbox(&[frame(1, 60, 4)])).unwrap();
    assert_eq!((report.dropped, report.sent), (1, 0));
}
