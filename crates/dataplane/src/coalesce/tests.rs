//! Two nodes with devices of every ability between them: whatever one host means to send, the other one gets, in as few
//! frames as its device takes.

mod sctp;

use std::num::NonZeroU16;

use linkveil_crypto::Direction;
use linkveil_net::memory::{HostPacket, NetworkOptions, network};
use linkveil_sa::PartialChecksums;
use linkveil_wire::Checksum;
use linkveil_wire::transport::verify_checksum;
use proptest::prelude::*;

use super::*;
use crate::counters::LaneCounter;
use crate::testing::{EPOCH, Keys, LEFT, Node, PEER, RIGHT, address, order_keys, snapshot};

/// What the two devices do, and what the receiving side has said that it takes.
#[derive(Clone, Copy, Debug)]
struct Abilities {
    sender: Offloads,
    receiver: Offloads,
    accepts: PartialChecksums,
}

const ABLE: Abilities = Abilities {
    sender: Offloads::TcpAndUdp,
    receiver: Offloads::TcpAndUdp,
    accepts: PartialChecksums::Accepted,
};

fn linked(abilities: Abilities) -> (Node, Node) {
    let options = NetworkOptions {
        capacity: 1_024,
        ..NetworkOptions::default()
    };
    let mut groups = network(&[(address(1), 1), (address(2), 1)], options).into_iter();
    let mut node = |remote, prefix, offloads| {
        let sockets = groups.next().unwrap().data;
        let snapshot = snapshot(Some(address(remote)), prefix, 1_424);
        Node::with_offloads(sockets, snapshot, offloads)
    };
    let mut left = node(2, "10.2.0.0/24", abilities.sender);
    let mut right = node(1, "10.1.0.0/24", abilities.receiver);
    for (node, tx, spis) in [
        (&mut left, Direction::InitiatorToResponder, (1, 2)),
        (&mut right, Direction::ResponderToInitiator, (2, 1)),
    ] {
        let keys = Keys {
            peer: PEER,
            epoch: EPOCH,
            tx,
            spis,
            counts: (1, 1),
            partial_checksums: abilities.accepts,
        };
        order_keys(&mut node.pool, node.now, &keys);
        node.settle();
    }
    (left, right)
}

/// A transport header and the place of its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tcp { flags: u8, sequence: u32 },
    Udp,
}

impl Kind {
    const fn protocol(self) -> u8 {
        match self {
            Self::Tcp { .. } => 6,
            Self::Udp => 17,
        }
    }

    const fn header_len(self) -> usize {
        match self {
            Self::Tcp { .. } => 20,
            Self::Udp => 8,
        }
    }

    const fn checksum_offset(self) -> u16 {
        match self {
            Self::Tcp { .. } => 16,
            Self::Udp => 6,
        }
    }
}

/// What a host wants to send.
#[derive(Clone, Debug)]
struct Wish {
    kind: Kind,
    port: u16,
    id: u16,
    payload: usize,
    /// Payload of each packet, if there are to be several.
    segment: Option<u16>,
    partial: bool,
}

fn bytes_of(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n % 253).unwrap()).collect()
}

/// One packet with an empty checksum field.
fn raw(wish: &Wish, kind: Kind, id: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + kind.header_len() + payload.len()).unwrap();
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, kind.protocol(), 0, 0];
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    packet.extend(LEFT.octets().iter().chain(&RIGHT.octets()));
    let sum = Checksum::new().add_bytes(&packet).finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet.extend([wish.port.to_be_bytes(), [0, 80]].concat());
    match kind {
        Kind::Tcp { flags, sequence } => {
            packet.extend(sequence.to_be_bytes());
            packet.extend([0, 0, 0, 9, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        }
        Kind::Udp => packet.extend([(len - 20).to_be_bytes(), [0, 0]].concat()),
    }
    packet.extend(payload);
    packet
}

/// Writes the checksum that covers everything: a sum of our own, over pseudo-header and segment.
fn complete(packet: &mut [u8]) {
    let kind = if packet[9] == 6 { 36 } else { 26 };
    packet[kind..kind + 2].fill(0);
    let len = u16::try_from(packet.len() - 20).unwrap();
    let pseudo = [&packet[12..20], &[0, packet[9]], &len.to_be_bytes()].concat();
    let sum = Checksum::new().add_bytes(&pseudo).add_bytes(&packet[20..]);
    let sum = match sum.finish() {
        0 => 0xffff,
        sum => sum,
    };
    packet[kind..kind + 2].copy_from_slice(&sum.to_be_bytes());
}

impl Wish {
    fn checksum(&self) -> ChecksumPlace {
        ChecksumPlace {
            start: 20,
            offset: self.kind.checksum_offset(),
        }
    }

    /// What a host with this device hands over.
    fn handed_over(&self, offloads: Offloads) -> Vec<HostPacket> {
        let able = offloads >= Offloads::Tcp
            && (self.kind != Kind::Udp || offloads == Offloads::TcpAndUdp);
        let whole = |mut bytes: Vec<u8>| {
            complete(&mut bytes);
            let offload = Offload::None;
            HostPacket { bytes, offload }
        };
        if !able || (self.segment.is_none() && !self.partial) {
            return self.packets().into_iter().map(whole).collect();
        }
        let mut bytes = raw(self, self.kind, self.id, &bytes_of(self.payload));
        make_partial(&mut bytes).unwrap();
        let offload = match self.segment.and_then(NonZeroU16::new) {
            Some(segment_len) if self.payload > usize::from(segment_len.get()) => {
                Offload::Segments(Segmentation {
                    protocol: match self.kind {
                        Kind::Tcp { .. } => SegmentProtocol::TcpV4,
                        Kind::Udp => SegmentProtocol::Udp,
                    },
                    headers_len: u16::try_from(20 + self.kind.header_len()).unwrap(),
                    segment_len,
                    checksum: self.checksum(),
                })
            }
            _ => Offload::Checksum(self.checksum()),
        };
        vec![HostPacket { bytes, offload }]
    }

    /// The packets that it means, checksums left out.
    fn packets(&self) -> Vec<Vec<u8>> {
        cut(
            self,
            self.kind,
            self.id,
            &bytes_of(self.payload),
            self.segment,
        )
    }
}

/// A kernel's cutting, written down once more (RFC 9293, RFC 3168).
fn cut(wish: &Wish, kind: Kind, id: u16, payload: &[u8], segment: Option<u16>) -> Vec<Vec<u8>> {
    let segment = segment
        .map_or(usize::MAX, usize::from)
        .min(payload.len().max(1));
    let count = payload.len().div_ceil(segment).max(1);
    let piece = |number: usize| {
        let offset = number * segment;
        let part = &payload[offset..payload.len().min(offset + segment)];
        let kind = match kind {
            Kind::Udp => Kind::Udp,
            Kind::Tcp {
                mut flags,
                sequence,
            } => {
                if number > 0 {
                    flags &= !0x80;
                }
                if number + 1 < count {
                    flags &= !0x09;
                }
                let sequence = sequence.wrapping_add(u32::try_from(offset).unwrap());
                Kind::Tcp { flags, sequence }
            }
        };
        let id = id.wrapping_add(u16::try_from(number).unwrap());
        raw(wish, kind, id, part)
    };
    (0..count).map(piece).collect()
}

/// The packets that the other host's kernel makes of a frame: cut where it is told to, checksums completed where it is told
/// to. Everything that it is told is checked against the frame itself.
fn understood(frame: &HostPacket) -> Vec<Vec<u8>> {
    let mut bytes = frame.bytes.clone();
    let (place, segment) = match frame.offload {
        Offload::None => return vec![bytes],
        Offload::Checksum(place) => (place, None),
        Offload::Segments(cut) => (cut.checksum, Some(cut)),
    };
    let kind = match bytes[9] {
        6 => Kind::Tcp {
            flags: bytes[33],
            sequence: u32::from_be_bytes(bytes[24..28].try_into().unwrap()),
        },
        17 => Kind::Udp,
        other => panic!("protocol {other} with an offload"),
    };
    assert_eq!((place.start, place.offset), (20, kind.checksum_offset()));
    let field = usize::from(20 + kind.checksum_offset());
    let told = [bytes[field], bytes[field + 1]];
    make_partial(&mut bytes).unwrap();
    assert_eq!(
        told,
        bytes[field..field + 2],
        "the sum of the pseudo-header"
    );
    let Some(cutting) = segment else {
        complete(&mut bytes);
        return vec![bytes];
    };
    let headers = 20 + kind.header_len();
    assert_eq!(usize::from(cutting.headers_len), headers);
    assert_eq!(cutting.protocol == SegmentProtocol::Udp, kind == Kind::Udp);
    let port = u16::from_be_bytes([bytes[20], bytes[21]]);
    let id = u16::from_be_bytes([bytes[4], bytes[5]]);
    let payload = bytes[headers..].to_vec();
    let wish = Wish {
        kind,
        port,
        id,
        payload: payload.len(),
        segment: None,
        partial: true,
    };
    let mut packets = cut(&wish, kind, id, &payload, Some(cutting.segment_len.get()));
    packets.iter_mut().for_each(|packet| complete(packet));
    packets
}

/// Sends wishes and returns the frames that came out.
fn carry(abilities: Abilities, wishes: &[Wish]) -> Vec<HostPacket> {
    let (mut left, mut right) = linked(abilities);
    for packet in wishes
        .iter()
        .flat_map(|wish| wish.handed_over(abilities.sender))
    {
        left.hosts[0]
            .send_with(&packet.bytes, packet.offload)
            .unwrap();
    }
    left.settle();
    right.settle();
    left.assert_drops(&[]);
    right.assert_drops(&[]);
    std::iter::from_fn(|| right.hosts[0].recv_with()).collect()
}

fn meant(wishes: &[Wish]) -> Vec<Vec<u8>> {
    let mut packets: Vec<_> = wishes.iter().flat_map(Wish::packets).collect();
    packets.iter_mut().for_each(|packet| complete(packet));
    packets
}

fn tcp(payload: usize) -> Wish {
    Wish {
        kind: Kind::Tcp {
            flags: 0x10,
            sequence: 1_000,
        },
        port: 4_000,
        id: 7,
        payload,
        segment: Some(1_384),
        partial: true,
    }
}

// REQ-OFFLOAD-4, REQ-CSUM-3: 47 pieces and 47 more are three trains, and each of the two ends in the midst of one.
#[test]
fn super_packets_that_two_trains_carried_come_out_as_they_went_in() {
    let next = |wish: &Wish, after: usize| {
        let mut next = wish.clone();
        if let Kind::Tcp { sequence, .. } = &mut next.kind {
            *sequence += u32::try_from(after).unwrap();
        }
        next.id += u16::try_from(after / 1_372).unwrap();
        next
    };
    for kind in [tcp(0).kind, Kind::Udp] {
        let first = Wish {
            kind,
            segment: Some(1_372),
            ..tcp(47 * 1_372)
        };
        let second = next(&first, 47 * 1_372);
        // Not only because the first one is full: it must not be joined with what does not belong to it.
        let other = Wish {
            port: 4_001,
            ..next(&second, 47 * 1_372)
        };
        let wishes = [first, second, other];
        let frames = carry(ABLE, &wishes);
        let handed = wishes.map(|wish| wish.handed_over(Offloads::TcpAndUdp).remove(0));
        assert_eq!(frames, handed);
    }
}

// REQ-OFFLOAD-1, REQ-OFFLOAD-4, REQ-CSUM-3
#[test]
fn a_super_packet_crosses_as_many_datagrams_and_comes_out_as_one() {
    for kind in [tcp(0).kind, Kind::Udp] {
        let wish = Wish {
            kind,
            ..tcp(20_000)
        };
        let frames = carry(ABLE, std::slice::from_ref(&wish));
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0], wish.handed_over(Offloads::TcpAndUdp)[0]);
    }
}

// REQ-CSUM-1, REQ-CSUM-4: without offloads, or to a peer that takes no partial checksums, all are complete.
#[test]
fn whoever_cannot_complete_checksums_gets_them_complete() {
    let wishes = [tcp(5_000)];
    let refused = Abilities {
        accepts: PartialChecksums::Refused,
        receiver: Offloads::None,
        ..ABLE
    };
    let plain = Abilities {
        receiver: Offloads::None,
        ..ABLE
    };
    for abilities in [refused, plain] {
        let frames = carry(abilities, &wishes);
        let bytes: Vec<_> = frames.iter().map(|frame| frame.bytes.clone()).collect();
        assert_eq!(bytes, meant(&wishes), "{abilities:?}");
        assert!(frames.iter().all(|frame| frame.offload == Offload::None));
    }
}

// REQ-OFFLOAD-5: a wrong checksum is not washed clean by a super-packet that nobody verifies.
#[test]
fn packets_with_a_wrong_checksum_are_not_joined() {
    let plain_sender = Abilities {
        sender: Offloads::None,
        ..ABLE
    };
    for spoiled in [Some(0), Some(1), Some(2), None] {
        let (mut left, mut right) = linked(plain_sender);
        let mut packets = meant(&[tcp(4 * 1_384)]);
        if let Some(spoiled) = spoiled {
            packets[spoiled][100] ^= 1;
        }
        for packet in &packets {
            left.hosts[0].send(packet).unwrap();
        }
        left.settle();
        right.settle();
        let frames: Vec<_> = std::iter::from_fn(|| right.hosts[0].recv_with()).collect();
        let out: Vec<_> = frames.iter().flat_map(understood).collect();
        assert_eq!(out, packets, "{spoiled:?}");
        let wrong = out
            .iter()
            .filter(|packet| verify_checksum(packet) != Ok(ChecksumVerdict::Right));
        assert_eq!(wrong.count(), usize::from(spoiled.is_some()));
        let expected = match spoiled {
            Some(0) => 2,
            Some(_) => 3,
            None => 1,
        };
        assert_eq!(frames.len(), expected, "{spoiled:?}");
    }
}

#[test]
fn a_packet_alone_keeps_its_complete_checksum() {
    let wish = Wish {
        partial: false,
        segment: None,
        ..tcp(100)
    };
    let frames = carry(ABLE, &[wish]);
    assert_eq!(frames[0].offload, Offload::None);
}

#[test]
fn flows_that_alternate_are_told_apart() {
    let flows = [4_000, 5_000];
    let wishes: Vec<_> = (0..6)
        .map(|number| Wish {
            port: flows[number % 2],
            ..tcp(3_000)
        })
        .collect();
    let frames = carry(ABLE, &wishes);
    assert_eq!(frames.len(), 6);
    let out: Vec<_> = frames.iter().flat_map(understood).collect();
    assert_eq!(out, meant(&wishes));
}

// REQ-MTU-1, REQ-OFFLOAD-3
#[test]
fn a_super_packet_with_too_large_pieces_is_one_packet_that_is_too_big() {
    let (mut left, _right) = linked(ABLE);
    let wish = Wish {
        segment: Some(1_385),
        ..tcp(9_000)
    };
    let packet = wish.handed_over(Offloads::TcpAndUdp).remove(0);
    left.hosts[0]
        .send_with(&packet.bytes, packet.offload)
        .unwrap();
    left.settle();
    left.assert_drops(&[("too_big", 1)]);
    let report = left.report();
    assert_eq!(report.events.get(LaneCounter::TooBigSent), 1);
    assert_eq!(left.hosts[0].recv().unwrap()[9], 1, "ICMP");
}

// REQ-CSUM-2: the kernel's word counts only where it is ours as well.
#[test]
fn a_super_packet_that_we_read_differently_is_dropped() {
    let good = tcp(9_000).handed_over(Offloads::TcpAndUdp).remove(0);
    let Offload::Segments(cut) = good.offload else {
        panic!("{:?}", good.offload)
    };
    let elsewhere = ChecksumPlace {
        start: 24,
        ..cut.checksum
    };
    for cut in [
        Segmentation {
            checksum: elsewhere,
            ..cut
        },
        Segmentation {
            protocol: SegmentProtocol::Udp,
            ..cut
        },
    ] {
        let (mut left, _right) = linked(ABLE);
        let offload = Offload::Segments(cut);
        left.hosts[0].send_with(&good.bytes, offload).unwrap();
        left.settle();
        left.assert_drops(&[("tx_not_splittable", 1)]);
    }
}

// REQ-CSUM-2: a checksum of a protocol that we do not know is completed as the kernel says.
#[test]
fn a_partial_checksum_of_another_protocol_is_completed_before_it_leaves() {
    let (mut left, mut right) = linked(ABLE);
    let mut packet = crate::testing::packet(LEFT, RIGHT, &bytes_of(100), 0);
    let place = ChecksumPlace {
        start: 20,
        offset: 4,
    };
    packet[24..26].fill(0);
    left.hosts[0]
        .send_with(&packet, Offload::Checksum(place))
        .unwrap();
    left.settle();
    right.settle();
    let out = right.hosts[0].recv_with().unwrap();
    assert_eq!(out.offload, Offload::None);
    assert_eq!(Checksum::new().add_bytes(&out.bytes[20..]).finish(), 0);
    right.assert_drops(&[]);
}

#[test]
fn more_than_the_queue_holds_waits_and_none_is_lost() {
    let wishes: Vec<_> = (0..60_u32)
        .map(|number| Wish {
            kind: Kind::Tcp {
                flags: 0x10,
                sequence: number * 60_000,
            },
            segment: Some(1_000),
            ..tcp(60_000)
        })
        .collect();
    let frames = carry(ABLE, &wishes);
    let out: Vec<_> = frames.iter().flat_map(understood).collect();
    assert_eq!(out.len(), 3_600);
    assert!(out == meant(&wishes));
}

fn wish() -> impl Strategy<Value = Wish> {
    let tcp =
        (any::<u8>(), any::<u32>()).prop_map(|(flags, sequence)| Kind::Tcp { flags, sequence });
    let plain = any::<u32>().prop_map(|sequence| Kind::Tcp {
        flags: 0x10,
        sequence,
    });
    let kind = prop_oneof![tcp, plain, Just(Kind::Udp)];
    let port = prop::sample::select(vec![4_000_u16, 5_000]);
    let segment = prop::option::of(100_u16..1_384);
    (
        kind,
        port,
        any::<u16>(),
        1_usize..8_000,
        segment,
        any::<bool>(),
    )
        .prop_map(|(kind, port, id, payload, segment, partial)| Wish {
            kind,
            port,
            id,
            payload: if segment.is_some() {
                payload
            } else {
                payload % 1_385
            },
            segment,
            partial,
        })
}

fn abilities() -> impl Strategy<Value = Abilities> {
    let level = || prop::sample::select(vec![Offloads::None, Offloads::Tcp, Offloads::TcpAndUdp]);
    (level(), level(), any::<bool>()).prop_map(|(sender, receiver, accepted)| Abilities {
        sender,
        receiver,
        accepts: if accepted {
            PartialChecksums::Accepted
        } else {
            PartialChecksums::Refused
        },
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    // REQ-OFFLOAD-1, REQ-OFFLOAD-2, REQ-OFFLOAD-4, REQ-OFFLOAD-6, REQ-CSUM-4, REQ-DATA-7
    #[test]
    fn whatever_the_devices_do_hosts_get_what_was_meant(
        abilities in abilities(),
        wishes in prop::collection::vec(wish(), 1..12),
    ) {
        let frames = carry(abilities, &wishes);
        for frame in &frames {
            prop_assert!(frame.offload.needs() <= abilities.receiver);
        }
        let out: Vec<_> = frames.iter().flat_map(understood).collect();
        prop_assert!(out == meant(&wishes), "{abilities:?}");
    }
}
