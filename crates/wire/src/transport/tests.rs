use super::*;
use etherparse::PacketBuilder;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Family {
    V4,
    V6,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Tcp,
    Udp,
}

/// A packet as etherparse builds it, with its checksums.
fn build(family: Family, kind: Kind, payload: &[u8]) -> Vec<u8> {
    let builder = match family {
        Family::V4 => PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 3], 64),
        Family::V6 => PacketBuilder::ipv6([0x20; 16], [0xfd; 16], 64),
    };
    let mut out = Vec::new();
    match kind {
        Kind::Tcp => builder
            .tcp(443, 50_000, 0x0102_0304, 1024)
            .ack(0x0506_0708)
            .psh()
            .fin()
            .write(&mut out, payload),
        Kind::Udp => builder.udp(53, 60_000).write(&mut out, payload),
    }
    .unwrap();
    out
}

fn transport(bytes: &[u8]) -> Option<Transport<'_>> {
    InnerPacket::parse(bytes).unwrap().transport()
}

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];
const KINDS: [Kind; 2] = [Kind::Tcp, Kind::Udp];

/// Where the checksum lies in the packets of `build`.
fn checksum_at(family: Family, kind: Kind) -> usize {
    let start = match family {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    start
        + match kind {
            Kind::Tcp => 16,
            Kind::Udp => 6,
        }
}

#[test]
fn a_tcp_header_of_etherparse_is_understood() {
    for family in FAMILIES {
        let bytes = build(family, Kind::Tcp, b"hello");
        let Some(view @ Transport::Tcp(tcp)) = transport(&bytes) else {
            panic!("no TCP header");
        };
        assert_eq!(view.ports(), (443, 50_000));
        assert_eq!(
            (tcp.sequence, tcp.acknowledgment),
            (0x0102_0304, 0x0506_0708)
        );
        assert_eq!(
            tcp.flags.bits(),
            TcpFlags::ACK.bits() | TcpFlags::PSH.bits() | TcpFlags::FIN.bits()
        );
        assert!(tcp.flags.contains(TcpFlags::PSH) && !tcp.flags.contains(TcpFlags::SYN));
        assert_eq!((view.header_len(), view.checksum_offset()), (20, 16));
        assert_eq!(view.payload(), b"hello");
        assert_ne!(view.checksum(), 0);
    }
}

#[test]
fn a_udp_header_of_etherparse_is_understood() {
    for family in FAMILIES {
        let bytes = build(family, Kind::Udp, b"hello");
        let view = transport(&bytes).unwrap();
        assert!(matches!(view, Transport::Udp(_)));
        assert_eq!(view.ports(), (53, 60_000));
        assert_eq!((view.header_len(), view.checksum_offset()), (8, 6));
        assert_eq!(view.payload(), b"hello");
    }
}

#[test]
fn headers_whose_lengths_disagree_are_not_seen() {
    // TCP data offset below 5 words, and beyond the segment.
    for words in (0..5).chain(7..16) {
        let mut bytes = build(Family::V4, Kind::Tcp, b"abcd");
        bytes[32] = words << 4;
        assert_eq!(transport(&bytes), None);
    }
    let mut bytes = build(Family::V4, Kind::Tcp, b"abcd");
    bytes[32] = 6 << 4;
    assert_eq!(transport(&bytes).map(|tcp| tcp.header_len()), Some(24));
    // UDP length that is not the packet's.
    for len in [0_u16, 7, 8, 11, 13, 0xffff] {
        let mut bytes = build(Family::V4, Kind::Udp, b"abcd");
        bytes[24..26].copy_from_slice(&len.to_be_bytes());
        assert_eq!(transport(&bytes), None, "{len}");
    }
}

#[test]
fn segments_shorter_than_their_header_are_not_seen() {
    for kind in KINDS {
        let whole = build(Family::V4, kind, b"");
        for len in 20..whole.len() {
            let mut bytes = whole[..len].to_vec();
            bytes[2..4].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
            assert_eq!(transport(&bytes), None);
        }
    }
}

#[test]
fn other_protocols_have_no_transport_header() {
    let mut bytes = build(Family::V4, Kind::Udp, b"");
    for protocol in (0..=u8::MAX).filter(|protocol| *protocol != 17 && *protocol != 6) {
        bytes[9] = protocol;
        assert_eq!(transport(&bytes), None);
        assert_eq!(complete_checksum(&mut bytes), Err(NoTransportChecksum));
    }
}

#[test]
fn the_checksum_of_what_is_no_packet_is_not_completed() {
    assert_eq!(complete_checksum(&mut []), Err(NoTransportChecksum));
    let mut bytes = build(Family::V6, Kind::Tcp, b"x");
    bytes.push(0);
    let before = bytes.clone();
    assert_eq!(complete_checksum(&mut bytes), Err(NoTransportChecksum));
    assert_eq!(verify_checksum(&bytes), Err(NoTransportChecksum));
    assert_eq!(bytes, before);
}

#[test]
fn an_absent_udp_checksum_is_right_over_ipv4_only() {
    for (family, verdict) in [
        (Family::V4, ChecksumVerdict::Absent),
        (Family::V6, ChecksumVerdict::Wrong),
    ] {
        let mut bytes = build(family, Kind::Udp, b"abc");
        let at = checksum_at(family, Kind::Udp);
        bytes[at..at + 2].fill(0);
        assert_eq!(verify_checksum(&bytes), Ok(verdict));
    }
}

#[test]
fn a_udp_checksum_that_computes_to_zero_is_written_as_all_ones() {
    // The last word is chosen so that the sum becomes all ones.
    let mut bytes = build(Family::V4, Kind::Udp, &[0, 0]);
    let checksum = transport(&bytes).unwrap().checksum();
    bytes[28..30].copy_from_slice(&checksum.to_be_bytes());
    complete_checksum(&mut bytes).unwrap();
    assert_eq!(transport(&bytes).unwrap().checksum(), 0xffff);
    assert_eq!(verify_checksum(&bytes), Ok(ChecksumVerdict::Right));
}

proptest! {
    #[test]
    fn completed_checksums_are_those_of_etherparse(
        payload in prop::collection::vec(any::<u8>(), 0..1500), family in prop::sample::select(&FAMILIES[..]),
        kind in prop::sample::select(&KINDS[..]), garbage in any::<[u8; 2]>(),
    ) {
        // REQ-CSUM-4
        let whole = build(family, kind, &payload);
        prop_assert_eq!(verify_checksum(&whole), Ok(ChecksumVerdict::Right));
        let mut partial = whole.clone();
        let at = checksum_at(family, kind);
        partial[at..at + 2].copy_from_slice(&garbage);
        complete_checksum(&mut partial).unwrap();
        prop_assert_eq!(partial, whole);
    }

    #[test]
    fn damage_to_one_bit_is_found(
        payload in prop::collection::vec(any::<u8>(), 1..200), family in prop::sample::select(&FAMILIES[..]),
        kind in prop::sample::select(&KINDS[..]), at in any::<prop::sample::Index>(), bit in 0..8_u8,
    ) {
        let mut bytes = build(family, kind, &payload);
        let start = bytes.len() - payload.len();
        bytes[start + at.index(payload.len())] ^= 1 << bit;
        prop_assert_eq!(verify_checksum(&bytes), Ok(ChecksumVerdict::Wrong));
    }
}
