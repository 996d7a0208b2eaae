//! Real TUN devices in private namespaces: the kernel's UDP on one side, our queues on the other.

mod tap;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::*;
use crate::batch::{InnerSlice, RecvMeta, UdpBatch};
use crate::interface::index_of;
use crate::poll::{Interest, Poller, Token};
use crate::testing::{in_private_netns, ip, without_forks};
use crate::virtio::{ChecksumPlace, SegmentProtocol, Segmentation};

/// How long a test waits for a packet that must come. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(5);

const META: RecvMeta = RecvMeta {
    remote: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1),
    len: 0,
    stride: 65_535,
    tos: 0,
};

/// A device that is up and has addresses; the kernel sends to 10.9.0.0/24 and fd09::/64 through it.
fn device(queues: usize) -> Vec<LinuxTun> {
    let queues =
        TunDevice::create("lv-test", DeviceKind::Tun, queues, Offloads::None, None).unwrap();
    ip("address add 10.9.0.1/24 dev lv-test");
    ip("address add fd09::1/64 dev lv-test nodad");
    ip("link set lv-test up");
    await_own_address();
    queues
}

/// The kernel takes an IPv6 address into use a while after it has taken the command.
fn await_own_address() {
    let known = || {
        let mut command = std::process::Command::new("ip");
        command.args("-6 route show table local".split(' '));
        let output = without_forks(|| command.output());
        String::from_utf8_lossy(&output.unwrap().stdout).contains("local fd09::1 ")
    };
    assert!((0..1_000).any(|_| known()));
}

/// Turns IP and UDP around in place. All checksums stay true, since the sum does not depend on the order.
fn turn_around(packet: &mut [u8]) {
    let (addresses, length, ports) = if packet[0] >> 4 == 4 {
        (12, 4, 20)
    } else {
        (8, 16, 40)
    };
    let (left, right) = packet[addresses..addresses + 2 * length].split_at_mut(length);
    left.swap_with_slice(right);
    let (left, right) = packet[ports..ports + 4].split_at_mut(2);
    left.swap_with_slice(right);
}

fn is_udp(packet: &[u8]) -> bool {
    matches!(
        (packet[0] >> 4, packet[9], packet[6]),
        (4, 17, _) | (6, _, 17)
    )
}

/// Echoes UDP packets that come out of any of the queues until `count` have been, and returns how many went through
/// each queue.
fn echo(queues: &mut [LinuxTun], count: usize) -> Vec<usize> {
    let mut poller = Poller::new().unwrap();
    for (index, queue) in queues.iter().enumerate() {
        poller
            .add(queue, Token(index as u64), Interest::Readable)
            .unwrap();
    }
    let (mut batch, mut arena) = (TunBatch::new(8, usize::MAX), UdpBatch::new(8));
    let mut echoed = vec![0; queues.len()];
    while echoed.iter().sum::<usize>() < count {
        let ready: Vec<_> = poller
            .wait(Some(PATIENCE))
            .unwrap()
            .map(|r| usize::try_from(r.token.0).unwrap())
            .collect();
        assert!(!ready.is_empty(), "{echoed:?} of {count} packets came");
        for index in ready {
            let queue = &mut queues[index];
            queue.recv_batch(&mut batch).unwrap();
            arena.clear();
            for mut packet in batch.packets_mut().filter(|packet| is_udp(packet.bytes())) {
                turn_around(packet.bytes_mut());
                arena.push(META, packet.bytes()).unwrap();
            }
            let whole = |buffer| InnerSlice {
                buffer,
                range: 0..arena.meta(buffer).unwrap().len,
            };
            let frames: FrameList = (0..arena.len()).map(whole).collect();
            assert_eq!(
                queue.send_batch(&frames, &arena),
                TunSendReport {
                    sent: frames.len(),
                    dropped: 0
                }
            );
            echoed[index] += frames.len();
        }
    }
    echoed
}

#[test]
fn packets_of_both_families_come_out_and_go_in_on_every_queue() {
    in_private_netns(
        "packets_of_both_families_come_out_and_go_in_on_every_queue",
        || {
            let mut queues = device(4);
            let sockets: Vec<UdpSocket> = (0..64)
                .map(|i| {
                    UdpSocket::bind(if i % 2 == 0 {
                        "10.9.0.1:0"
                    } else {
                        "[fd09::1]:0"
                    })
                    .unwrap()
                })
                .collect();
            for (number, socket) in sockets.iter().enumerate() {
                let target = if number % 2 == 0 {
                    "10.9.0.2:7"
                } else {
                    "[fd09::2]:7"
                };
                socket
                    .send_to(
                        &vec![u8::try_from(number).unwrap(); 10 + number * 20],
                        target,
                    )
                    .unwrap();
            }
            let per_queue = echo(&mut queues, sockets.len());
            assert!(
                per_queue.iter().filter(|count| **count > 0).count() > 1,
                "64 flows on one queue: {per_queue:?}"
            );
            for (number, socket) in sockets.iter().enumerate() {
                socket.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut buffer = [0; 2000];
                let (len, _) = socket.recv_from(&mut buffer).unwrap();
                assert_eq!(
                    buffer[..len],
                    vec![u8::try_from(number).unwrap(); 10 + number * 20]
                );
            }
        },
    );
}

#[test]
fn queues_work_from_outside_their_namespace() {
    in_private_netns("queues_work_from_outside_their_namespace", || {
        let home = Netns::current().unwrap();
        in_private_netns("queues_work_from_outside_their_namespace", || {
            let mut queues =
                TunDevice::create("lv-test", DeviceKind::Tun, 2, Offloads::None, Some(&home))
                    .unwrap();
            assert_eq!(
                index_of("lv-test").unwrap(),
                None,
                "the device is in the other namespace"
            );
            let socket = home.run(|| {
                ip("address add 10.9.0.1/24 dev lv-test");
                ip("link set lv-test up");
                let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
                socket.send_to(b"there and back", "10.9.0.2:7").unwrap();
                socket
            });
            let socket = socket.unwrap();
            echo(&mut queues, 1);
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut buffer = [0; 100];
            let (len, from) = socket.recv_from(&mut buffer).unwrap();
            assert_eq!(
                (&buffer[..len], from),
                (&b"there and back"[..], "10.9.0.2:7".parse().unwrap())
            );
        });
    });
}

#[test]
fn nothing_waiting_is_an_empty_batch() {
    in_private_netns("nothing_waiting_is_an_empty_batch", || {
        let mut queues =
            TunDevice::create("lv-test", DeviceKind::Tun, 1, Offloads::None, None).unwrap();
        let mut batch = TunBatch::new(4, usize::MAX);
        batch.push(b"old", Offload::None).unwrap();
        assert_eq!(queues[0].recv_batch(&mut batch).unwrap(), 0);
        assert!(batch.is_empty());
    });
}

#[test]
fn what_the_device_refuses_is_dropped_and_counted() {
    in_private_netns("what_the_device_refuses_is_dropped_and_counted", || {
        let mut queues =
            TunDevice::create("lv-test", DeviceKind::Tun, 1, Offloads::None, None).unwrap();
        let mut arena = UdpBatch::new(4);
        arena.push(META, &[0x45; 40]).unwrap();
        arena.push(META, &[0x00; 40]).unwrap();
        let frame = |buffer, range| InnerSlice { buffer, range };
        let frames = [
            frame(0, 0..40),
            frame(1, 0..40),
            frame(0, 0..41),
            frame(3, 0..1),
            frame(0, 0..0),
        ];
        let frames = frames.into_iter().collect();
        assert_eq!(
            queues[0].send_batch(&frames, &arena),
            TunSendReport {
                sent: 0,
                dropped: 5
            },
            "the device is down"
        );
        ip("link set lv-test up");
        assert_eq!(
            queues[0].send_batch(&frames, &arena),
            TunSendReport {
                sent: 1,
                dropped: 4
            }
        );
        assert_eq!(
            queues[0].send_batch(&FrameList::default(), &arena),
            TunSendReport::default()
        );
    });
}

#[test]
fn a_batch_takes_no_more_than_its_capacity_and_the_rest_waits() {
    in_private_netns(
        "a_batch_takes_no_more_than_its_capacity_and_the_rest_waits",
        || {
            let mut queues = device(1);
            let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
            for number in 0..10u8 {
                socket.send_to(&[number], "10.9.0.2:7").unwrap();
            }
            let mut batch = TunBatch::new(4, usize::MAX);
            let mut numbers = Vec::new();
            while numbers.len() < 10 {
                assert!(queues[0].recv_batch(&mut batch).unwrap() <= 4);
                assert!(!batch.is_empty(), "only {numbers:?} came");
                let packets = batch
                    .packets_mut()
                    .filter(|packet| packet.bytes()[0] >> 4 == 4);
                numbers.extend(packets.map(|packet| packet.bytes()[28]));
            }
            assert_eq!(numbers, (0..10).collect::<Vec<u8>>());
        },
    );
}

#[test]
fn the_device_goes_away_with_its_last_queue() {
    in_private_netns("the_device_goes_away_with_its_last_queue", || {
        let mut queues =
            TunDevice::create("lv-test", DeviceKind::Tun, 2, Offloads::None, None).unwrap();
        without_forks(|| {
            queues.pop();
            assert!(index_of("lv-test").unwrap().is_some());
            queues.pop();
            assert_eq!(index_of("lv-test").unwrap(), None);
        });
        assert!(
            TunDevice::create("lv-test", DeviceKind::Tun, 2, Offloads::None, None).is_ok(),
            "and its name is free again"
        );
    });
}

#[test]
fn a_deleted_device_is_an_error_on_receive_and_drops_on_send() {
    in_private_netns(
        "a_deleted_device_is_an_error_on_receive_and_drops_on_send",
        || {
            let mut queues = device(1);
            ip("link delete lv-test");
            assert!(
                queues[0]
                    .recv_batch(&mut TunBatch::new(1, usize::MAX))
                    .is_err()
            );
            let mut arena = UdpBatch::new(1);
            arena.push(META, &[0x45; 40]).unwrap();
            let frames = [InnerSlice {
                buffer: 0,
                range: 0..40,
            }];
            let frames = frames.into_iter().collect();
            assert_eq!(
                queues[0].send_batch(&frames, &arena),
                TunSendReport {
                    sent: 0,
                    dropped: 1
                }
            );
        },
    );
}

/// The next frame of this EtherType that comes out of the queue.
fn frame_of(queue: &mut LinuxTun, ether_type: [u8; 2]) -> Vec<u8> {
    let mut poller = Poller::new().unwrap();
    poller.add(queue, Token(0), Interest::Readable).unwrap();
    let mut batch = TunBatch::new(8, usize::MAX);
    loop {
        assert_ne!(poller.wait(Some(PATIENCE)).unwrap().count(), 0, "no frame");
        queue.recv_batch(&mut batch).unwrap();
        let mut packets = batch.packets_mut();
        if let Some(found) = packets.find(|packet| packet.bytes()[12..14] == ether_type) {
            return found.bytes().to_vec();
        }
    }
}

#[test]
fn a_tap_carries_frames_from_their_addresses_to_their_payload() {
    in_private_netns(
        "a_tap_carries_frames_from_their_addresses_to_their_payload",
        || {
            let mut queues =
                TunDevice::create("lv-test", DeviceKind::Tap, 1, Offloads::None, None).unwrap();
            ip("link set lv-test address 02:00:00:00:00:01");
            ip("address add 10.9.0.1/24 dev lv-test");
            ip("link set lv-test up");
            let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
            socket.send_to(b"hello", "10.9.0.7:9").unwrap();
            let (own, other) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 7]);
            let request = frame_of(&mut queues[0], [8, 6]);
            assert_eq!((request.len(), &request[..6]), (42, &[0xff; 6][..]));
            assert_eq!(request[6..12], own);

            // The answer: addresses of hardware and protocol change their places.
            let mut reply = [&own[..], &other, &request[12..21], &[2], &other].concat();
            reply.extend([&request[38..42], &own, &request[28..32]].concat());
            let mut arena = UdpBatch::new(2);
            arena.push(META, &reply).unwrap();
            arena.push(META, &reply[..13]).unwrap();
            let frames = [(0, 42), (1, 13)].map(|(buffer, len)| InnerSlice {
                buffer,
                range: 0..len,
            });
            let frames = frames.into_iter().collect();
            let (sent, dropped) = (1, 1);
            assert_eq!(
                queues[0].send_batch(&frames, &arena),
                TunSendReport { sent, dropped }
            );
            let datagram = frame_of(&mut queues[0], [8, 0]);
            assert_eq!(datagram[..12], [other, own].concat());
            assert_eq!(datagram[14 + 28..], *b"hello");
        },
    );
}

#[test]
fn a_name_in_use_is_refused_whatever_holds_it() {
    in_private_netns("a_name_in_use_is_refused_whatever_holds_it", || {
        let _first =
            TunDevice::create("lv-test", DeviceKind::Tun, 1, Offloads::None, None).unwrap();
        for name in ["lv-test", "lo"] {
            let error =
                TunDevice::create(name, DeviceKind::Tun, 1, Offloads::None, None).unwrap_err();
            assert!(
                matches!(&error, TunError::Taken(taken) if taken == name),
                "{error}"
            );
        }
    });
}

#[test]
fn wrong_names_and_queue_counts_are_told_before_anything_is_made() {
    let error = TunDevice::create("sixteen-letters-", DeviceKind::Tun, 1, Offloads::None, None)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "device name \"sixteen-letters-\": an interface name has at most 15 bytes"
    );
    for queues in [0, MAX_QUEUES + 1] {
        assert!(
            matches!(TunDevice::create("lv-test", DeviceKind::Tun, queues, Offloads::None, None), Err(TunError::QueueCount(q)) if q == queues)
        );
    }
}

#[test]
fn the_greatest_number_of_queues_can_be_had() {
    in_private_netns("the_greatest_number_of_queues_can_be_had", || {
        assert_eq!(
            TunDevice::create("lv-test", DeviceKind::Tun, MAX_QUEUES, Offloads::None, None)
                .unwrap()
                .len(),
            MAX_QUEUES
        );
    });
}

#[test]
fn errors_of_the_system_become_advice() {
    assert!(matches!(refused("x", Errno::PERM), TunError::Forbidden(_)));
    assert!(matches!(refused("x", Errno::BUSY), TunError::Taken(_)));
    assert!(matches!(
        refused("x", Errno::NOMEM),
        TunError::System { .. }
    ));
    assert!(TunError::NoDriver.to_string().contains("modprobe tun"));
}

/// A device with everything that the kernel can do, up and with an address.
fn capable_device() -> LinuxTun {
    let wanted = Offloads::TcpAndUdp;
    let mut queues = TunDevice::create("lv-test", DeviceKind::Tun, 1, wanted, None).unwrap();
    ip("address add 10.9.0.1/24 dev lv-test");
    ip("link set lv-test up");
    queues.remove(0)
}

/// The next UDP packet over IPv4 that comes out of the queue, and what is left to be done to it.
fn udp_packet(queue: &mut LinuxTun) -> (Vec<u8>, Offload) {
    let mut poller = Poller::new().unwrap();
    poller.add(queue, Token(0), Interest::Readable).unwrap();
    let mut batch = TunBatch::new(8, usize::MAX);
    loop {
        assert_ne!(poller.wait(Some(PATIENCE)).unwrap().count(), 0, "no packet");
        queue.recv_batch(&mut batch).unwrap();
        let mut packets = batch.packets_mut();
        if let Some(found) = packets.find(|packet| is_udp(packet.bytes())) {
            return (found.bytes().to_vec(), found.offload);
        }
    }
}

#[test]
fn a_capable_device_leaves_checksums_and_cutting_to_us() {
    in_private_netns(
        "a_capable_device_leaves_checksums_and_cutting_to_us",
        || {
            let mut queue = capable_device();
            let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
            socket.send_to(b"hello", "10.9.0.7:9").unwrap();
            let (packet, offload) = udp_packet(&mut queue);
            let place = ChecksumPlace {
                start: 20,
                offset: 6,
            };
            assert_eq!(offload, Offload::Checksum(place));
            assert_eq!(packet[28..], *b"hello");
            if queue.offloads() < Offloads::TcpAndUdp {
                // Before Linux 6.2.
                return;
            }
            crate::sys::set_integer(&socket, libc::IPPROTO_UDP, libc::UDP_SEGMENT, 1_000).unwrap();
            let payload: Vec<u8> = (0..4_500_u32).map(|n| n.to_le_bytes()[0]).collect();
            socket.send_to(&payload, "10.9.0.7:9").unwrap();
            let (packet, offload) = udp_packet(&mut queue);
            let Offload::Segments(cut) = offload else {
                panic!("{offload:?}")
            };
            assert_eq!(cut.protocol, SegmentProtocol::Udp);
            assert_eq!((cut.segment_len.get(), cut.checksum), (1_000, place));
            assert_eq!(packet[28..], payload);
        },
    );
}

#[test]
fn a_capable_device_takes_gathered_super_packets() {
    in_private_netns("a_capable_device_takes_gathered_super_packets", || {
        let mut queue = capable_device();
        if queue.offloads() < Offloads::TcpAndUdp {
            // Before Linux 6.2.
            return;
        }
        let socket = UdpSocket::bind("10.9.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        // One real packet to copy the headers of.
        socket.send_to(&[0; 500], "10.9.0.7:9").unwrap();
        let (mut first, offload) = udp_packet(&mut queue);
        let Offload::Checksum(checksum) = offload else {
            panic!("{offload:?}")
        };
        turn_around(&mut first);
        let (len, udp_len) = (28 + 1_300_u16, 8 + 1_300_u16);
        let old: [u8; 2] = first[24..26].try_into().unwrap();
        first[2..4].copy_from_slice(&len.to_be_bytes());
        first[24..26].copy_from_slice(&udp_len.to_be_bytes());
        // The partial checksum covers the length once; RFC 1624 by hand.
        let partial = u32::from(u16::from_be_bytes([first[26], first[27]]));
        let partial = partial + u32::from(udp_len) - u32::from(u16::from_be_bytes(old));
        let folded = u16::try_from(partial % 0xffff).unwrap();
        first[26..28].copy_from_slice(&folded.to_be_bytes());
        first[10..12].fill(0);
        let words = first[..20].chunks(2);
        let sum: u32 = words
            .map(|w| u32::from(u16::from_be_bytes([w[0], w[1]])))
            .sum();
        let sum = !u16::try_from(sum % 0xffff).unwrap();
        first[10..12].copy_from_slice(&sum.to_be_bytes());
        first.truncate(28);
        first.extend([1; 500]);
        let mut arena = UdpBatch::new(2);
        arena.push(META, &first).unwrap();
        arena
            .push(META, &[&[2; 500][..], &[3; 300]].concat())
            .unwrap();
        let part = |buffer, range| InnerSlice { buffer, range };
        let mut frames = FrameList::default();
        let cut = Segmentation {
            protocol: SegmentProtocol::Udp,
            headers_len: 28,
            segment_len: std::num::NonZeroU16::new(500).unwrap(),
            checksum,
        };
        frames.push(part(0, 0..528), Offload::Segments(cut));
        frames.extend_last(part(1, 0..500)).unwrap();
        frames.extend_last(part(1, 500..800)).unwrap();
        let (sent, dropped) = (1, 0);
        let report = queue.send_batch(&frames, &arena);
        assert_eq!(report, TunSendReport { sent, dropped });
        for expected in [vec![1; 500], vec![2; 500], vec![3; 300]] {
            let mut buffer = [0; 2_000];
            let (len, from) = socket.recv_from(&mut buffer).unwrap();
            assert_eq!(buffer[..len], expected);
            assert_eq!(from, "10.9.0.7:9".parse().unwrap());
        }
    });
}

#[test]
fn what_a_device_cannot_do_is_not_asked_of_it() {
    in_private_netns("what_a_device_cannot_do_is_not_asked_of_it", || {
        let mut queues = device(1);
        assert_eq!(queues[0].offloads(), Offloads::None);
        let mut arena = UdpBatch::new(1);
        arena.push(META, &[0x45; 40]).unwrap();
        let part = InnerSlice {
            buffer: 0,
            range: 0..40,
        };
        let mut frames = FrameList::default();
        let place = ChecksumPlace {
            start: 20,
            offset: 6,
        };
        frames.push(part.clone(), Offload::Checksum(place));
        frames.push(part, Offload::None);
        let (sent, dropped) = (1, 1);
        let report = queues[0].send_batch(&frames, &arena);
        assert_eq!(report, TunSendReport { sent, dropped });
    });
}
