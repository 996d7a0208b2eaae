use super::*;
use crate::port::PORT_FRAME_LEN;
use crate::testing::succeeds;

#[test]
fn frames_of_every_length_cross_both_ways() {
    in_private_netns("frames_of_every_length_cross_both_ways", || {
        let [mut a, mut b] = ports(9_216, 1);
        let jumbo = [1_515, 2_047, 4_096, 8_999, 9_014, 9_216, 9_230];
        let frames: Vec<_> = (14..=1_514)
            .chain(jumbo)
            .map(|len| macsec(len, u16::try_from(len).unwrap()))
            .collect();
        for _ in 0..2 {
            let (from, to) = (&mut a, &mut b);
            let mut outbox = outbox(&frames);
            let report = from.lanes[0].send_batch(&mut outbox).unwrap();
            let all = PortSendReport {
                sent: frames.len(),
                ..PortSendReport::default()
            };
            assert_eq!((report, outbox.len()), (all, 0));
            assert_eq!(received(&mut to.lanes[0], frames.len()), frames);
            assert!(!is_readable(&from.lanes[0], SILENCE), "it hears itself");
            assert_eq!(to.lanes[0].take_overruns(), 0);
            std::mem::swap(from, to);
        }
    });
}

#[test]
fn nothing_waiting_is_an_empty_batch() {
    in_private_netns("port: nothing_waiting_is_an_empty_batch", || {
        let [mut a, _b] = ports(1_500, 1);
        let mut batch = PortBatch::new(4);
        batch.push(b"old").unwrap();
        assert_eq!(a.lanes[0].recv_batch(&mut batch).unwrap(), 0);
        assert!(batch.is_empty());
    });
}

#[test]
fn a_batch_takes_no_more_than_its_capacity_and_the_rest_waits() {
    in_private_netns(
        "port: a_batch_takes_no_more_than_its_capacity_and_the_rest_waits",
        || {
            let [mut a, mut b] = ports(1_500, 1);
            let frames: Vec<_> = (0..300).map(|number| macsec(100, number)).collect();
            a.lanes[0].send_batch(&mut outbox(&frames)).unwrap();
            let mut batch = PortBatch::new(70);
            let mut sizes = Vec::new();
            let mut arrived = Vec::new();
            while arrived.len() < 300 {
                sizes.push(b.lanes[0].recv_batch(&mut batch).unwrap());
                let frames = 0..batch.len();
                arrived.extend(frames.map(|index| batch.frame_mut(index).unwrap().to_vec()));
            }
            assert_eq!(sizes, [70, 70, 70, 70, 20]);
            assert_eq!(arrived, frames);
        },
    );
}

#[test]
fn other_protocols_are_neither_seen_nor_disturbed() {
    in_private_netns("other_protocols_are_neither_seen_nor_disturbed", || {
        let [mut a, mut b] = ports(1_500, 2);
        let others = [
            0x88cc,
            0x888e,
            0x0800,
            0x86dd,
            0x0806,
            ETHERTYPE_CONTROL + 1,
        ];
        for ethertype in others {
            let from = stranger("lv-a", ethertype);
            let to = stranger("lv-b", ethertype);
            send(&from, &frame(ethertype, 60, 1));
            assert!(
                is_readable(&to, PATIENCE),
                "{ethertype:04x} does not arrive"
            );
            let mut buffer = [0; 100];
            let (_, len) = rustix::net::recv(&to, &mut buffer, RecvFlags::empty()).unwrap();
            assert_eq!(buffer[..len], frame(ethertype, 60, 1));
        }
        let lanes = a.lanes.iter_mut().chain(&mut b.lanes);
        for lane in lanes {
            assert!(!is_readable(lane, SILENCE));
        }
        assert!(!is_readable(&b.control, SILENCE));
    });
}

#[test]
fn tags_inside_are_nobodys_business() {
    in_private_netns("tags_inside_are_nobodys_business", || {
        let [mut a, mut b] = ports(1_500, 1);
        // What a frame with two VLAN tags looks like when its integrity only is protected.
        let mut tagged = macsec(100, 7);
        tagged[20..28].copy_from_slice(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]);
        a.lanes[0].send_batch(&mut outbox([&tagged])).unwrap();
        assert_eq!(received(&mut b.lanes[0], 1), [tagged]);
    });
}

#[test]
fn a_tag_outside_is_taken_off_unless_the_vlan_has_an_interface() {
    in_private_netns(
        "a_tag_outside_is_taken_off_unless_the_vlan_has_an_interface",
        || {
            let [_a, mut b] = ports(1_500, 1);
            let plain = macsec(100, 7);
            let mut tagged = plain.clone();
            tagged.splice(12..12, [0x81, 0, 0, 5]);
            let from = stranger("lv-a", 0x8100);
            send(&from, &tagged);
            assert_eq!(received(&mut b.lanes[0], 1), [plain]);
            if !succeeds("ip", "link add link lv-b name lv-b.5 type vlan id 5") {
                println!("half of it skipped: this kernel has no VLANs");
                return;
            }
            ip("link set lv-b.5 up");
            send(&from, &tagged);
            assert!(!is_readable(&b.lanes[0], SILENCE));
        },
    );
}

#[test]
fn what_is_too_long_for_a_batch_is_counted_and_not_cut() {
    in_private_netns(
        "what_is_too_long_for_a_batch_is_counted_and_not_cut",
        || {
            let [_a, mut b] = ports(65_535, 1);
            let from = stranger("lv-a", ETHERTYPE_MACSEC);
            for (number, len) in [(1, 100), (2, PORT_FRAME_LEN + 1), (3, PORT_FRAME_LEN)] {
                send(&from, &macsec(len, number));
            }
            assert!(is_readable(&b.lanes[0], PATIENCE));
            let mut batch = PortBatch::new(8);
            assert_eq!(b.lanes[0].recv_batch(&mut batch).unwrap(), 2);
            assert_eq!(batch.truncated(), 1);
            assert_eq!(batch.frame_mut(0).unwrap(), macsec(100, 1));
            assert_eq!(batch.frame_mut(1).unwrap(), macsec(PORT_FRAME_LEN, 3));
        },
    );
}

#[test]
fn what_nobody_took_in_time_is_counted() {
    in_private_netns("what_nobody_took_in_time_is_counted", || {
        let [mut a, mut b] = ports(1_500, 1);
        let frames: Vec<_> = (0..9_000).map(|number| macsec(1_514, number)).collect();
        let report = a.lanes[0].send_batch(&mut outbox(&frames)).unwrap();
        assert_eq!(report.sent, frames.len());
        let (mut arrived, mut batch) = (0, PortBatch::new(256));
        while b.lanes[0].recv_batch(&mut batch).unwrap() > 0 {
            arrived += batch.len();
        }
        let overruns = usize::try_from(b.lanes[0].take_overruns()).unwrap();
        assert!(overruns > 0 && arrived > 1_000, "{arrived} {overruns}");
        assert_eq!(arrived + overruns, frames.len());
        assert_eq!(b.lanes[0].take_overruns(), 0, "told once");
    });
}
