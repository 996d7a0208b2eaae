use super::*;

/// Sends a frame of each channel and demands that it comes to its lane.
fn assert_steered(from: &mut PacketPort, to: &mut PacketPort) {
    let lanes = to.lanes.len();
    let frames: Vec<_> = (0..40)
        .map(|port_id| of_channel(port_id, port_id))
        .collect();
    from.lanes[0].send_batch(&mut outbox(&frames)).unwrap();
    for (lane, port) in to.lanes.iter_mut().enumerate() {
        let expected: Vec<_> = frames
            .iter()
            .zip(0..)
            .filter(|(_, port_id)| (port_id + lanes - 1) % lanes == lane)
            .map(|(frame, _)| frame.clone())
            .collect();
        assert_eq!(received(port, expected.len()), expected, "lane {lane}");
        assert!(!is_readable(port, SILENCE), "more on lane {lane}");
    }
}

#[test]
fn each_channel_has_its_lane() {
    in_private_netns("each_channel_has_its_lane", || {
        cable(1_500);
        let mut from = open("lv-a", 1);
        for lanes in [1, 2, 3, 7] {
            assert_steered(&mut from, &mut open("lv-b", lanes));
        }
    });
}

#[test]
fn lanes_keep_their_channels_when_the_port_was_down() {
    in_private_netns("lanes_keep_their_channels_when_the_port_was_down", || {
        let [mut a, mut b] = ports(1_500, 3);
        ip("link set lv-b down");
        let mut batch = PortBatch::new(8);
        for lane in &mut b.lanes {
            assert_eq!(lane.recv_batch(&mut batch).unwrap(), 0, "down is no error");
        }
        ip("link set lv-b up");
        assert_steered(&mut a, &mut b);
    });
}

#[test]
fn kernel_and_memory_steer_alike() {
    in_private_netns("kernel_and_memory_steer_alike", || {
        let [mut a, mut b] = ports(1_500, 5);
        let mut frames = Vec::new();
        for tci in [0, 0x20, 0x2c, 0x40, 0xff] {
            for len in 14..40 {
                let mut frame = macsec(len, 0);
                let bytes = (14..len).zip((0..=255).cycle().skip(usize::from(tci)));
                bytes.for_each(|(place, byte)| frame[place] = byte);
                frame[14..len.min(15)].fill(tci);
                frames.push(frame);
            }
        }
        a.lanes[0].send_batch(&mut outbox(&frames)).unwrap();
        for (lane, port) in b.lanes.iter_mut().enumerate() {
            let of_lane = frames.iter().filter(|f| steer::lane_of(f, 5) == lane);
            let expected: Vec<_> = of_lane.cloned().collect();
            assert_eq!(received(port, expected.len()), expected, "lane {lane}");
            assert!(!is_readable(port, SILENCE), "more on lane {lane}");
        }
    });
}
