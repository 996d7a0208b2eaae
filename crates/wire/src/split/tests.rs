use std::net::IpAddr;

use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::transport::{ChecksumVerdict, complete_checksum, verify_checksum};

const ETHERNET: [u8; 18] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 7, 0x08, 0];

/// What a test varies about a super-packet.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) v6: bool,
    pub(crate) tcp: bool,
    pub(crate) options: usize,
    pub(crate) flags: u8,
    pub(crate) payload: usize,
    pub(crate) segment: u16,
    pub(crate) id: u16,
}

impl Shape {
    pub(crate) const fn new() -> Self {
        Self {
            v6: false,
            tcp: true,
            options: 12,
            flags: 0x18,
            payload: 5_000,
            segment: 1_388,
            id: 65_534,
        }
    }
}

pub(crate) fn payload(len: usize) -> Vec<u8> {
    (0..len)
        .map(|n| u8::try_from(n * 7 % 251).unwrap())
        .collect()
}

/// A super-packet, by another library. Its transport checksum covers everything.
pub(crate) fn super_packet(shape: &Shape) -> Vec<u8> {
    let ip = if shape.v6 {
        let (from, to) = ([0xfd; 16], [0xfe; 16]);
        PacketBuilder::ipv6(from, to, 63)
    } else {
        PacketBuilder::ipv4([10, 1, 0, 1], [10, 2, 0, 2], 63)
    };
    let bytes = payload(shape.payload);
    let mut out = Vec::new();
    if shape.tcp {
        let options = vec![1; shape.options];
        let tcp = ip.tcp(40_000, 443, 0xffff_f000, 8_192);
        let tcp = tcp.options_raw(&options).unwrap();
        tcp.write(&mut out, &bytes).unwrap();
        let flags = if shape.v6 { 53 } else { 33 };
        out[flags] = shape.flags;
    } else {
        ip.udp(40_000, 443).write(&mut out, &bytes).unwrap();
    }
    if !shape.v6 {
        out[4..6].copy_from_slice(&shape.id.to_be_bytes());
        fix_header(&mut out);
    }
    complete_checksum(&mut out).unwrap();
    out
}

pub(crate) fn fix_header(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let sum = Checksum::new().add_bytes(&packet[..20]).finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// All cut packets, with partial checksums.
pub(crate) fn cut(frame: &[u8], network: usize, segment: u16) -> Vec<Vec<u8>> {
    let splitter = Splitter::new(
        frame,
        NetworkOffset::new(network),
        NonZeroU16::new(segment).unwrap(),
    )
    .unwrap();
    let packets: Vec<_> = splitter
        .segments()
        .map(|segment| {
            let range = splitter.payload_of(segment);
            assert_eq!(range.len(), segment.payload_len());
            let mut packet = vec![0xee; splitter.headers_len()];
            splitter.write_headers(segment, &mut packet).unwrap();
            packet.extend_from_slice(&frame[range]);
            packet
        })
        .collect();
    assert_eq!(packets.len(), splitter.count());
    let longest = packets.iter().map(Vec::len).max();
    assert_eq!(longest, Some(splitter.longest()));
    packets
}

/// Checks one cut packet with another library's eyes, apart from its flags.
fn check(shape: &Shape, number: usize, packet: &[u8]) {
    let mut completed = packet.to_vec();
    complete_checksum(&mut completed).unwrap();
    assert_eq!(verify_checksum(&completed), Ok(ChecksumVerdict::Right));
    let sliced = SlicedPacket::from_ip(&completed).unwrap();
    let offset = number * usize::from(shape.segment);
    let piece = payload(shape.payload);
    let piece = &piece[offset..shape.payload.min(offset + usize::from(shape.segment))];
    match sliced.transport.unwrap() {
        TransportSlice::Tcp(tcp) => {
            let sequence = 0xffff_f000_u32.wrapping_add(u32::try_from(offset).unwrap());
            assert_eq!(tcp.sequence_number(), sequence);
            assert_eq!(tcp.options(), vec![1; shape.options]);
            assert_eq!((tcp.source_port(), tcp.destination_port()), (40_000, 443));
            assert_eq!(tcp.payload(), piece);
        }
        TransportSlice::Udp(udp) => {
            assert_eq!(usize::from(udp.length()), 8 + piece.len());
            assert_eq!(udp.payload(), piece);
        }
        other => panic!("{other:?}"),
    }
    if !shape.v6 {
        assert_eq!(Checksum::new().add_bytes(&packet[..20]).finish(), 0);
        let id = u16::from_be_bytes([packet[4], packet[5]]);
        assert_eq!(id, shape.id.wrapping_add(u16::try_from(number).unwrap()));
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let numbers = (0_usize..4, 0_usize..20_000, 500_u16..2_000, any::<u16>());
    (any::<bool>(), any::<bool>(), any::<u8>(), numbers).prop_map(
        |(v6, tcp, flags, (options, payload, segment, id))| Shape {
            v6,
            tcp,
            options: options * 4,
            flags,
            payload,
            segment,
            id,
        },
    )
}

proptest! {
    #[test]
    fn cut_packets_are_what_another_library_reads(shape in shapes()) {
        for (number, packet) in cut(&super_packet(&shape), 0, shape.segment).iter().enumerate() {
            check(&shape, number, packet);
        }
    }

    #[test]
    fn whatever_is_no_super_packet_is_refused_or_cut(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(splitter) = Splitter::new(&bytes, NetworkOffset::IP, NonZeroU16::MIN) {
            prop_assert!(splitter.count() <= bytes.len());
        }
    }
}

#[test]
fn flags_stay_where_they_belong() {
    // CWR, ECE, URG, ACK, PSH, RST, SYN, FIN
    let shape = Shape {
        flags: 0xff,
        ..Shape::new()
    };
    let packets = cut(&super_packet(&shape), 0, shape.segment);
    let flags: Vec<_> = packets.iter().map(|packet| packet[33]).collect();
    assert_eq!(flags, [0b1111_0110, 0b0111_0110, 0b0111_0110, 0b0111_1111]);
    let whole = Shape {
        payload: 100,
        ..shape
    };
    assert_eq!(cut(&super_packet(&whole), 0, 1_388)[0][33], 0xff);
}

#[test]
fn ethernet_and_vlan_tags_are_copied() {
    for v6 in [false, true] {
        let shape = Shape { v6, ..Shape::new() };
        let inner = super_packet(&shape);
        let frame = [&ETHERNET[..], &inner].concat();
        let plain = cut(&inner, 0, shape.segment);
        for (frame, packet) in cut(&frame, ETHERNET.len(), shape.segment).iter().zip(plain) {
            assert_eq!(*frame, [&ETHERNET[..], &packet].concat());
        }
    }
}

#[test]
fn a_packet_that_fits_stays_one() {
    for payload in [0, 1, 1_388] {
        let shape = Shape {
            payload,
            ..Shape::new()
        };
        let packets = cut(&super_packet(&shape), 0, shape.segment);
        assert_eq!(packets.len(), 1);
        check(&shape, 0, &packets[0]);
    }
}

#[test]
fn fragments_and_other_protocols_are_refused() {
    let refused =
        |packet: &[u8]| Splitter::new(packet, NetworkOffset::IP, NonZeroU16::MAX).unwrap_err();
    let mut fragment = super_packet(&Shape::new());
    fragment[6] = 0x20;
    assert_eq!(refused(&fragment), SplitError::NotSplittable);
    let mut other = super_packet(&Shape::new());
    other[9] = 47;
    assert_eq!(refused(&other), SplitError::NotSplittable);
    assert_eq!(refused(&[]), SplitError::NotSplittable);
    let beyond = Splitter::new(&other, NetworkOffset::new(other.len() + 1), NonZeroU16::MAX);
    assert_eq!(beyond.unwrap_err(), SplitError::NotSplittable);
}

#[test]
fn headers_have_a_bound() {
    let packet = super_packet(&Shape::new());
    let long = |extra: usize| {
        let frame = [vec![0; extra], packet.clone()].concat();
        Splitter::new(&frame, NetworkOffset::new(extra), NonZeroU16::MAX)
            .map(|splitter| splitter.headers_len())
    };
    let headers = 20 + 20 + 12;
    assert_eq!(long(MAX_HEADERS_LEN - headers), Ok(MAX_HEADERS_LEN));
    assert_eq!(
        long(MAX_HEADERS_LEN - headers + 1),
        Err(SplitError::HeadersTooLong)
    );
}

#[test]
fn headers_are_written_into_their_very_length() {
    let frame = super_packet(&Shape::new());
    let splitter = Splitter::new(&frame, NetworkOffset::IP, NonZeroU16::MAX).unwrap();
    let segment = splitter.segments().next().unwrap();
    for len in [splitter.headers_len() - 1, splitter.headers_len() + 1] {
        let mut out = vec![7; len];
        assert_eq!(splitter.write_headers(segment, &mut out), None);
        assert_eq!(out, vec![7; len]);
    }
}

#[test]
fn addresses_are_part_of_the_partial_checksum() {
    let shape = Shape::new();
    let packet = &cut(&super_packet(&shape), 0, shape.segment)[0];
    let ends: (IpAddr, IpAddr) = ([10, 1, 0, 1].into(), [10, 2, 0, 2].into());
    let len = u16::try_from(packet.len() - 20).unwrap();
    let pseudo = Checksum::new().add_pseudo_header(ends, 6, len).fold();
    assert_eq!(packet[36..38], pseudo.to_be_bytes());
}
