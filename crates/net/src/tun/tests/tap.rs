//! TAP devices with offloads: offsets count from the start of the frame, with its VLAN tags.

use std::num::NonZeroU16;

use super::*;

/// Two TAP devices with all offloads on one bridge: what is written to the first comes out of the second.
fn bridged() -> Option<[LinuxTun; 2]> {
    ip("link add lv-bridge type bridge forward_delay 0");
    let devices = ["lv-tap1", "lv-tap2"].map(|name| {
        let wanted = Offloads::TcpAndUdp;
        let mut queues = TunDevice::create(name, DeviceKind::Tap, 1, wanted, None).unwrap();
        ip(&format!(
            "link set {name} master lv-bridge addrgenmode none"
        ));
        ip(&format!("link set {name} up"));
        queues.remove(0)
    });
    ip("link set lv-bridge addrgenmode none");
    ip("link set lv-bridge up");
    let [mut from, mut to] = devices;
    // The kernel takes its time to see that there is a carrier.
    let probe = [
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb6][..],
        &[0; 46],
    ]
    .concat();
    let arrives = (0..200).any(|_| {
        write(&mut from, &probe, Offload::None);
        next(&mut to, Duration::from_millis(20)).is_some()
    });
    assert!(arrives);
    while next(&mut to, Duration::from_millis(50)).is_some() {}
    // Before Linux 6.2 there is no UDP segmentation.
    (from.offloads() == Offloads::TcpAndUdp).then_some([from, to])
}

/// Completes the checksum of the IPv4 header at the end: some bridges look at it.
fn complete_header(frame: &mut [u8]) {
    let header = frame.last_chunk_mut::<20>().unwrap();
    header[10..12].fill(0);
    let words = header.chunks(2);
    let sum: u32 = words
        .map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])))
        .sum();
    let sum = !u16::try_from(sum % 0xffff).unwrap();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// A frame to be cut into pieces with 1,000 bytes of payload, and how.
fn super_frame(tags: &[[u8; 4]], protocol: SegmentProtocol) -> (Vec<u8>, Segmentation) {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend(tags.as_flattened());
    let (transport, number, offset) = match protocol {
        SegmentProtocol::Udp => (8, 17, 6),
        SegmentProtocol::TcpV4 | SegmentProtocol::TcpV6 => (20, 6, 16),
    };
    let payload = 3_500;
    let len = u16::try_from(transport + payload).unwrap();
    if protocol == SegmentProtocol::TcpV6 {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend(len.to_be_bytes());
        frame.extend([number, 64]);
        frame.extend([0xfd; 32]);
    } else {
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((20 + len).to_be_bytes());
        frame.extend([0, 1, 0x40, 0, 64, number, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2]);
        complete_header(&mut frame);
    }
    let start = frame.len();
    frame.resize(start + transport, 0);
    frame[start..start + 4].copy_from_slice(&[0x10, 0, 0x20, 0]);
    if protocol == SegmentProtocol::Udp {
        frame[start + 4..start + 6].copy_from_slice(&len.to_be_bytes());
    } else {
        frame[start + 12..start + 14].copy_from_slice(&[0x50, 0x10]);
    }
    let headers_len = u16::try_from(frame.len()).unwrap();
    frame.resize(frame.len() + payload, 0xda);
    let start = u16::try_from(start).unwrap();
    let cut = Segmentation {
        protocol,
        headers_len,
        segment_len: NonZeroU16::new(1_000).unwrap(),
        checksum: ChecksumPlace { start, offset },
    };
    (frame, cut)
}

/// The next frame to a station of ours that comes out, and what is left to be done to it.
fn next(queue: &mut LinuxTun, patience: Duration) -> Option<(Vec<u8>, Offload)> {
    let mut poller = Poller::new().unwrap();
    poller.add(queue, Token(0), Interest::Readable).unwrap();
    let mut batch = TunBatch::new(1, usize::MAX);
    while poller.wait(Some(patience)).unwrap().count() > 0 {
        queue.recv_batch(&mut batch).unwrap();
        let packet = batch.packet_mut(0).unwrap();
        // The host says which groups it is in.
        if packet.bytes().starts_with(&[2, 0, 0, 0, 0]) {
            return Some((packet.bytes().to_vec(), packet.offload));
        }
    }
    None
}

/// The same, where one must come.
fn frame(queue: &mut LinuxTun) -> (Vec<u8>, Offload) {
    next(queue, PATIENCE).expect("a frame")
}

/// Hands the device a frame in one part.
fn write(queue: &mut LinuxTun, bytes: &[u8], offload: Offload) -> TunSendReport {
    let mut arena = UdpBatch::new(1);
    arena.push(META, bytes).unwrap();
    let mut frames = FrameList::default();
    let range = 0..bytes.len();
    frames.push(InnerSlice { buffer: 0, range }, offload);
    queue.send_batch(&frames, &arena)
}

const TAGS: [[u8; 4]; 2] = [[0x88, 0xa8, 0, 5], [0x81, 0, 0, 6]];

#[test]
fn a_tap_passes_super_frames_with_their_tags() {
    in_private_netns("a_tap_passes_super_frames_with_their_tags", || {
        let Some([mut from, mut to]) = bridged() else {
            return;
        };
        let protocols = [
            SegmentProtocol::TcpV4,
            SegmentProtocol::TcpV6,
            SegmentProtocol::Udp,
        ];
        for tags in [&TAGS[..0], &TAGS[1..]] {
            for protocol in protocols {
                let (sent, cut) = super_frame(tags, protocol);
                let report = write(&mut from, &sent, Offload::Segments(cut));
                assert_eq!((report.sent, report.dropped), (1, 0));
                let (came, offload) = frame(&mut to);
                let Offload::Segments(found) = offload else {
                    panic!("{tags:?} {protocol:?}: {offload:?}")
                };
                assert_eq!(came, sent, "{tags:?} {protocol:?}");
                assert_eq!(found.protocol, protocol);
                assert_eq!(
                    (found.checksum, found.segment_len),
                    (cut.checksum, cut.segment_len)
                );
            }
        }
    });
}

#[test]
fn a_tap_passes_partial_checksums_behind_any_number_of_tags() {
    in_private_netns(
        "a_tap_passes_partial_checksums_behind_any_number_of_tags",
        || {
            let Some([mut from, mut to]) = bridged() else {
                return;
            };
            for tags in [&TAGS[..0], &TAGS[1..], &TAGS] {
                let (mut sent, cut) = super_frame(tags, SegmentProtocol::TcpV4);
                sent.truncate(usize::from(cut.headers_len) + 100);
                let ip_start = usize::from(cut.checksum.start) - 20;
                sent[ip_start + 2..ip_start + 4].copy_from_slice(&140_u16.to_be_bytes());
                complete_header(&mut sent[..ip_start + 20]);
                let partial = Offload::Checksum(cut.checksum);
                assert_eq!(write(&mut from, &sent, partial).sent, 1);
                assert_eq!(frame(&mut to), (sent, partial), "{tags:?}");
            }
        },
    );
}

#[test]
fn a_tap_refuses_offsets_beyond_its_frame() {
    in_private_netns("a_tap_refuses_offsets_beyond_its_frame", || {
        let Some([mut from, mut to]) = bridged() else {
            return;
        };
        let (sent, cut) = super_frame(&TAGS[1..], SegmentProtocol::TcpV4);
        for start in [3_600, u16::MAX] {
            let checksum = ChecksumPlace {
                start,
                ..cut.checksum
            };
            let wrong = [
                Offload::Checksum(checksum),
                Offload::Segments(Segmentation { checksum, ..cut }),
            ];
            for offload in wrong {
                assert_eq!(write(&mut from, &sent, offload).dropped, 1, "{offload:?}");
            }
        }
        assert_eq!(write(&mut from, &sent[..100], Offload::None).sent, 1);
        assert_eq!(frame(&mut to).0, sent[..100], "and nothing before it");
    });
}

#[test]
fn a_host_hands_a_tap_super_frames() {
    in_private_netns("a_host_hands_a_tap_super_frames", || {
        let wanted = Offloads::TcpAndUdp;
        let mut queues = TunDevice::create("lv-test", DeviceKind::Tap, 1, wanted, None).unwrap();
        if queues[0].offloads() < wanted {
            return;
        }
        ip("link set lv-test addrgenmode none");
        ip("address add 10.9.0.1/24 dev lv-test");
        ip("link set lv-test up");
        ip("neighbor add 10.9.0.7 lladdr 02:00:00:00:00:07 dev lv-test");
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        crate::sys::set_integer(&socket, libc::IPPROTO_UDP, libc::UDP_SEGMENT, 1_000).unwrap();
        socket.send_to(&[0xda; 60_000], "10.9.0.7:9").unwrap();
        let (bytes, offload) = frame(&mut queues[0]);
        let Offload::Segments(cut) = offload else {
            panic!("{offload:?}")
        };
        assert_eq!(bytes[..6], [2, 0, 0, 0, 0, 7]);
        assert_eq!(bytes.len(), 14 + 20 + 8 + 60_000);
        assert_eq!((cut.checksum.start, cut.checksum.offset), (34, 6));
        assert_eq!(
            (cut.protocol, cut.segment_len.get()),
            (SegmentProtocol::Udp, 1_000)
        );
    });
}
