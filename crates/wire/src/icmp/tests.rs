use super::*;
use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Type, Icmpv6Type, NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use proptest::prelude::*;

const HERE: [u8; 4] = [10, 1, 0, 2];
const THERE: [u8; 4] = [10, 2, 0, 3];
const HERE6: [u8; 16] = [0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const THERE6: [u8; 16] = [0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3];

fn udp(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4(HERE, THERE, 64)
        .udp(1000, 2000)
        .write(&mut out, payload)
        .unwrap();
    out
}

fn udp6(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv6(HERE6, THERE6, 64)
        .udp(1000, 2000)
        .write(&mut out, payload)
        .unwrap();
    out
}

fn mtu(bytes: u16) -> InnerMtu {
    InnerMtu::new(bytes).unwrap()
}

fn about(bytes: &[u8]) -> Result<TooBig<'_>, Unanswerable> {
    TooBig::about(InnerPacket::parse(bytes).unwrap(), mtu(1424))
}

fn refusal(bytes: &[u8]) -> Option<Unanswerable> {
    about(bytes).err()
}

fn emitted(bytes: &[u8], path: u16) -> Vec<u8> {
    let mut out = [0xee; TOO_BIG_LEN_MAX];
    let message = TooBig::about(InnerPacket::parse(bytes).unwrap(), mtu(path)).unwrap();
    let len = message.emit(&mut out);
    assert!(out[len..].iter().all(|byte| *byte == 0xee));
    out[..len].to_vec()
}

/// What etherparse makes of an ICMPv4 answer: it checks lengths, and we the two checksums.
fn assert_ipv4_answer(answer: &[u8], about: &[u8], path: u16) {
    let sliced = SlicedPacket::from_ip(answer).unwrap();
    let Some(NetSlice::Ipv4(ip)) = &sliced.net else {
        panic!("no IPv4");
    };
    let header = ip.header().to_header();
    assert_eq!((header.source, header.destination), (THERE, HERE));
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    assert!(header.dont_fragment && !header.more_fragments && header.identification == 0);
    assert_eq!(answer[1], 0xc0);
    let Some(TransportSlice::Icmpv4(icmp)) = &sliced.transport else {
        panic!("no ICMPv4");
    };
    let expected = DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: path };
    assert_eq!(
        icmp.icmp_type(),
        Icmpv4Type::DestinationUnreachable(expected)
    );
    let computed = icmp.icmp_type().calc_checksum(icmp.payload());
    assert_eq!(icmp.checksum(), computed);
    // RFC 1812 s4.3.2.3
    assert_eq!(icmp.payload(), &about[..about.len().min(548)]);
}

fn assert_ipv6_answer(answer: &[u8], about: &[u8], path: u16) {
    let sliced = SlicedPacket::from_ip(answer).unwrap();
    let Some(NetSlice::Ipv6(ip)) = &sliced.net else {
        panic!("no IPv6");
    };
    let header = ip.header().to_header();
    assert_eq!((header.source, header.destination), (THERE6, HERE6));
    let Some(TransportSlice::Icmpv6(icmp)) = &sliced.transport else {
        panic!("no ICMPv6");
    };
    let expected = Icmpv6Type::PacketTooBig { mtu: path.into() };
    assert_eq!(icmp.icmp_type(), expected);
    assert!(icmp.is_checksum_valid(THERE6, HERE6));
    // RFC 4443 s3.2
    assert_eq!(icmp.payload(), &about[..about.len().min(1232)]);
}

proptest! {
    // REQ-MTU-2, REQ-MTU-3
    #[test]
    fn etherparse_understands_every_answer(payload in prop::collection::vec(any::<u8>(), 0..3000), path in 576_u16..=9000) {
        let packet = udp(&payload);
        assert_ipv4_answer(&emitted(&packet, path), &packet, path);
        let packet = udp6(&payload);
        assert_ipv6_answer(&emitted(&packet, path.max(1280)), &packet, path.max(1280));
    }

    // REQ-CNT-2
    #[test]
    fn no_packet_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), version in prop::sample::select(&[0x45_u8, 0x46, 0x60][..])) {
        let mut bytes = bytes;
        let len = u16::try_from(bytes.len()).unwrap();
        if let [first, _, l0, l1, l2, l3, ..] = &mut bytes[..] {
            *first = version;
            [*l0, *l1] = len.to_be_bytes();
            if version == 0x60 {
                [*l2, *l3] = len.saturating_sub(40).to_be_bytes();
            }
        }
        if let Ok(packet) = InnerPacket::parse(&bytes)
            && let Ok(message) = TooBig::about(packet, mtu(1424))
        {
            let mut out = [0; TOO_BIG_LEN_MAX];
            let len = message.emit(&mut out);
            prop_assert!(InnerPacket::parse(&out[..len]).is_ok());
        }
    }
}

// REQ-MTU-2
#[test]
fn answers_have_the_lengths_of_the_standards() {
    assert_eq!(emitted(&udp(&[0; 1500]), 1424).len(), 576);
    assert_eq!(emitted(&udp6(&[0; 1500]), 1424).len(), 1280);
    assert_eq!(emitted(&udp(&[0; 1]), 1424).len(), 28 + 29);
}

// REQ-MTU-3
#[test]
fn an_answer_does_not_answer_itself() {
    for packet in [udp(&[0; 1500]), udp6(&[0; 1500])] {
        let answer = emitted(&packet, 1424);
        assert_eq!(refusal(&answer), Some(Unanswerable::IcmpError));
    }
}

// REQ-MTU-1
#[test]
fn dont_fragment_makes_no_difference() {
    let mut packet = udp(&[0; 1500]);
    packet[6] ^= 0x40;
    assert_eq!(refusal(&packet), None);
}

/// The packet with another protocol, and the first byte behind its IP header.
fn with_type(mut packet: Vec<u8>, protocol: IpProtocol, kind: u8) -> Vec<u8> {
    let (at, behind) = match packet[0] >> 4 {
        4 => (9, 20),
        _ => (6, 40),
    };
    packet[at] = protocol.0;
    packet[behind] = kind;
    packet
}

// REQ-MTU-3
#[test]
fn icmp_errors_are_not_answered_and_other_icmp_is() {
    for kind in 0..=u8::MAX {
        let v4 = refusal(&with_type(udp(&[0; 1500]), IpProtocol::ICMP, kind));
        let error = matches!(kind, 3 | 4 | 5 | 11 | 12);
        assert_eq!(v4, error.then_some(Unanswerable::IcmpError), "{kind}");
        let v6 = refusal(&with_type(udp6(&[0; 1500]), IpProtocol::ICMPV6, kind));
        let error = kind < 128 || kind == 137;
        assert_eq!(v6, error.then_some(Unanswerable::IcmpError), "{kind}");
    }
}

// REQ-MTU-3
#[test]
fn what_may_be_an_icmp_error_is_not_answered() {
    // Nothing behind the IP header.
    let mut empty = with_type(udp(&[]), IpProtocol::ICMP, 8);
    empty.truncate(20);
    empty[3] = 20;
    assert_eq!(refusal(&empty), Some(Unanswerable::Unreadable));
    // More extension headers than we follow: destination options of 8 bytes each.
    let mut chain = udp6(&[0; 1000]);
    chain[6] = 60;
    for header in 0..9 {
        chain[40 + header * 8..48 + header * 8].copy_from_slice(&[60, 0, 1, 4, 0, 0, 0, 0]);
    }
    assert_eq!(refusal(&chain), Some(Unanswerable::Unreadable));
    chain[40 + 16] = 17;
    assert_eq!(refusal(&chain), None);
}

// REQ-MTU-3
#[test]
fn only_the_first_fragment_is_answered() {
    let mut packet = udp(&[0; 1500]);
    packet[6] = 0x20;
    assert_eq!(refusal(&packet), None);
    packet[7] = 1;
    assert_eq!(refusal(&packet), Some(Unanswerable::LaterFragment));
    let mut packet = udp6(&[0; 1500]);
    packet[6] = 44;
    packet[40..48].copy_from_slice(&[17, 0, 0, 1, 0, 0, 0, 9]);
    assert_eq!(refusal(&packet), None);
    packet[43] = 9;
    assert_eq!(refusal(&packet), Some(Unanswerable::LaterFragment));
}

// REQ-MTU-3
#[test]
fn nobody_is_answered_who_is_not_one_host() {
    let nobody = [
        [0, 0, 0, 0],
        [0, 1, 2, 3],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [239, 255, 255, 250],
        [240, 0, 0, 1],
        [255, 255, 255, 255],
    ];
    for address in nobody {
        let mut packet = udp(&[0; 1500]);
        packet[12..16].copy_from_slice(&address);
        assert_eq!(refusal(&packet), Some(Unanswerable::Source), "{address:?}");
        let mut packet = udp(&[0; 1500]);
        packet[16..20].copy_from_slice(&address);
        assert_eq!(refusal(&packet), Some(Unanswerable::Destination));
    }
    for (first, last) in [(0, 0), (0, 1), (0xff, 1)] {
        let mut address = [0; 16];
        (address[0], address[15]) = (first, last);
        let mut packet = udp6(&[0; 1500]);
        packet[8..24].copy_from_slice(&address);
        assert_eq!(refusal(&packet), Some(Unanswerable::Source), "{address:?}");
        let mut packet = udp6(&[0; 1500]);
        packet[24..40].copy_from_slice(&address);
        assert_eq!(refusal(&packet), Some(Unanswerable::Destination));
    }
}

// REQ-MTU-4
#[test]
fn ipv6_is_not_told_of_less_than_1280_bytes() {
    let packet = udp6(&[0; 1500]);
    let answer = |path| TooBig::about(InnerPacket::parse(&packet).unwrap(), mtu(path));
    assert_eq!(answer(1279).err(), Some(Unanswerable::BelowIpv6Minimum));
    assert!(answer(1280).is_ok());
    let packet = udp(&[0; 1500]);
    assert!(TooBig::about(InnerPacket::parse(&packet).unwrap(), mtu(576)).is_ok());
}
