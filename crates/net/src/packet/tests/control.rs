use super::*;

/// The next control frame, or nothing.
fn next(port: &PacketPort, patience: Duration) -> Option<(HardwareAddress, Vec<u8>)> {
    let mut buffer = [0; 1_600];
    if !is_readable(&port.control, patience) {
        return None;
    }
    let frame = port.control.recv_from(&mut buffer).unwrap()?;
    Some((frame.source, buffer[..frame.len].to_vec()))
}

#[test]
fn control_frames_cross_with_their_source() {
    in_private_netns("control_frames_cross_with_their_source", || {
        let [mut a, mut b] = ports(1_500, 1);
        let payloads = [vec![1; 46], vec![2; 1_300], vec![3; 1_500]];
        for (from, to, source) in [(&a, &b, ADDRESSES[0]), (&b, &a, ADDRESSES[1])] {
            for payload in &payloads {
                from.control.send_to(payload, CONTROL_GROUP).unwrap();
                assert_eq!(next(to, PATIENCE), Some((source, payload.clone())));
            }
            assert_eq!(next(from, SILENCE), None, "it hears itself");
            assert_eq!(to.control.recv_from(&mut [0; 10]).unwrap(), None);
        }
        for lane in [&mut a.lanes[0], &mut b.lanes[0]] {
            assert!(!is_readable(lane, SILENCE), "lanes see control frames");
        }
    });
}

#[test]
fn control_hears_what_is_for_it_and_what_is_for_all() {
    in_private_netns("control_hears_what_is_for_it_and_what_is_for_all", || {
        let [a, b] = ports(1_500, 1);
        let elsewhere = HardwareAddress::new([2, 0, 0, 0, 0, 0xc]);
        a.control.send_to(&[1; 50], elsewhere).unwrap();
        a.control.send_to(&[2; 50], ADDRESSES[1]).unwrap();
        a.control
            .send_to(&[3; 50], HardwareAddress::new([0xff; 6]))
            .unwrap();
        assert_eq!(next(&b, PATIENCE).unwrap().1, [2; 50]);
        assert_eq!(next(&b, PATIENCE).unwrap().1, [3; 50]);
        assert_eq!(next(&b, SILENCE), None);
    });
}

#[test]
fn too_long_control_frames_are_passed_over() {
    in_private_netns("too_long_control_frames_are_passed_over", || {
        let [a, b] = ports(1_500, 1);
        a.control.send_to(&[1; 101], CONTROL_GROUP).unwrap();
        a.control.send_to(&[2; 100], CONTROL_GROUP).unwrap();
        assert!(is_readable(&b.control, PATIENCE));
        let mut buffer = [0; 100];
        let frame = b.control.recv_from(&mut buffer).unwrap().unwrap();
        assert_eq!((frame.len, buffer[0]), (100, 2));
        assert!(a.control.send_to(&[0; 1_501], CONTROL_GROUP).is_err());
    });
}

#[test]
fn control_survives_a_port_that_goes_down() {
    in_private_netns("control_survives_a_port_that_goes_down", || {
        let [a, b] = ports(1_500, 1);
        ip("link set lv-b down");
        assert_eq!(b.control.recv_from(&mut [0; 100]).unwrap(), None);
        assert!(b.control.send_to(&[0; 50], CONTROL_GROUP).is_err());
        ip("link set lv-b up");
        a.control.send_to(&[2; 60], CONTROL_GROUP).unwrap();
        assert_eq!(next(&b, PATIENCE).unwrap().1, [2; 60]);
    });
}
