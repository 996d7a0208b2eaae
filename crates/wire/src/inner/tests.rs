use super::*;
use etherparse::{IpFragOffset, IpNumber, Ipv4Header, PacketBuilder};
use proptest::prelude::*;

fn udp_v4(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 3], 64)
        .udp(4000, 5000)
        .write(&mut out, payload)
        .unwrap();
    out
}

fn tcp_v6(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    PacketBuilder::ipv6([0x11; 16], [0x22; 16], 64)
        .tcp(80, 50_000, 1, 4096)
        .write(&mut out, payload)
        .unwrap();
    out
}

/// An IPv6 packet around a chain of extension headers and whatever ends it.
fn v6_chain(first: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = vec![0x60, 0, 0, 0, l0, l1, first, 64];
    out.extend([0x11; 16]);
    out.extend([0x22; 16]);
    out.extend_from_slice(payload);
    out
}

/// An options header of `8 + 8 * units` bytes.
fn options(next: u8, units: u8) -> Vec<u8> {
    let mut out = vec![next, units];
    out.resize(8 + 8 * usize::from(units), 0);
    out
}

const UDP: [u8; 8] = [0, 1, 0, 2, 0, 8, 0xff, 0xff];

#[test]
fn an_ipv4_packet_of_etherparse_is_understood() {
    let bytes = udp_v4(b"hello");
    let packet = InnerPacket::parse(&bytes).unwrap();
    assert_eq!(packet.source(), IpAddr::from([10, 1, 0, 2]));
    assert_eq!(packet.destination(), IpAddr::from([10, 2, 0, 3]));
    assert_eq!(packet.protocol(), IpProtocol::UDP);
    assert_eq!(packet.transport_offset(), 20);
    assert_eq!(packet.fragment(), Fragment::Whole);
    assert_eq!(packet.bytes(), bytes);
    let Some(Transport::Udp(udp)) = packet.transport() else {
        panic!("no UDP header");
    };
    assert_eq!((udp.source_port, udp.destination_port), (4000, 5000));
    assert_eq!(udp.payload, b"hello");
}

#[test]
fn an_ipv6_packet_of_etherparse_is_understood() {
    let bytes = tcp_v6(b"hello");
    let packet = InnerPacket::parse(&bytes).unwrap();
    assert_eq!(packet.source(), IpAddr::from([0x11; 16]));
    assert_eq!(packet.destination(), IpAddr::from([0x22; 16]));
    assert_eq!(packet.protocol(), IpProtocol::TCP);
    assert_eq!(packet.transport_offset(), 40);
    assert!(matches!(packet.transport(), Some(Transport::Tcp(tcp)) if tcp.payload == b"hello"));
}

#[test]
fn protocol_numbers_are_those_of_etherparse() {
    let ours = [
        IpProtocol::ICMP,
        IpProtocol::TCP,
        IpProtocol::UDP,
        IpProtocol::ICMPV6,
    ];
    let theirs = [
        IpNumber::ICMP,
        IpNumber::TCP,
        IpNumber::UDP,
        IpNumber::IPV6_ICMP,
    ];
    assert_eq!(ours.map(|number| number.0), theirs.map(|number| number.0));
    assert_eq!(IpProtocol::UDP.to_string(), "17");
}

#[test]
fn every_truncation_and_every_excess_byte_is_refused() {
    // REQ-ADM-5
    for (whole, fixed) in [(udp_v4(b"x"), 20), (tcp_v6(b"x"), 40)] {
        for len in 0..whole.len() {
            let expected = if len < fixed {
                InnerError::TooShort
            } else {
                InnerError::TotalLength
            };
            assert_eq!(InnerPacket::parse(&whole[..len]).unwrap_err(), expected);
        }
        let longer = [whole, vec![0]].concat();
        assert_eq!(
            InnerPacket::parse(&longer).unwrap_err(),
            InnerError::TotalLength
        );
    }
}

#[test]
fn other_versions_are_refused() {
    // REQ-ADM-5
    for version in (0..16).filter(|version| *version != 4 && *version != 6) {
        let mut bytes = udp_v4(b"x");
        bytes[0] = version << 4 | 5;
        let refused = InnerError::UnknownVersion;
        assert_eq!(InnerPacket::parse(&bytes).unwrap_err(), refused);
        assert_eq!(set_ecn(&mut bytes, Ecn::Ce), Err(refused));
    }
}

#[test]
fn an_impossible_ipv4_header_length_is_refused() {
    let mut bytes = udp_v4(b"");
    for words in 0..5 {
        bytes[0] = 0x40 | words;
        assert_eq!(
            InnerPacket::parse(&bytes).unwrap_err(),
            InnerError::HeaderLength
        );
    }
    // 28 bytes hold a header of seven words at most.
    for words in 8..16 {
        bytes[0] = 0x40 | words;
        assert_eq!(
            InnerPacket::parse(&bytes).unwrap_err(),
            InnerError::HeaderLength
        );
    }
    bytes[0] = 0x47;
    assert_eq!(InnerPacket::parse(&bytes).unwrap().transport_offset(), 28);
}

#[test]
fn ipv4_options_move_the_transport_header() {
    let mut header = Ipv4Header::new(8, 64, IpNumber::UDP, [1, 2, 3, 4], [5, 6, 7, 8]).unwrap();
    header.options = [1; 40].into();
    header.total_len = 68;
    let bytes = [&header.to_bytes()[..], &UDP].concat();
    let packet = InnerPacket::parse(&bytes).unwrap();
    assert_eq!(packet.transport_offset(), 60);
    assert_eq!(packet.transport().map(|udp| udp.ports()), Some((1, 2)));
}

#[test]
fn ipv4_fragments_have_no_transport_header() {
    // REQ-CSUM-2
    let fragment = |offset: u16, more: bool| {
        let mut header = Ipv4Header::new(8, 64, IpNumber::UDP, [1, 2, 3, 4], [5, 6, 7, 8]).unwrap();
        header.fragment_offset = IpFragOffset::try_new(offset).unwrap();
        header.more_fragments = more;
        let bytes = [&header.to_bytes()[..], &UDP].concat();
        let packet = InnerPacket::parse(&bytes).unwrap();
        (packet.fragment(), packet.transport().is_some())
    };
    assert_eq!(fragment(0, false), (Fragment::Whole, true));
    assert_eq!(fragment(0, true), (Fragment::First, false));
    assert_eq!(fragment(1, true), (Fragment::Later, false));
    assert_eq!(fragment(8191, false), (Fragment::Later, false));
}

#[test]
fn ipv6_extension_headers_are_stepped_over() {
    for header in [0, 43, 60] {
        let chain = [options(60, 2), options(17, 0), UDP.to_vec()].concat();
        let bytes = v6_chain(header, &chain);
        let packet = InnerPacket::parse(&bytes).unwrap();
        assert_eq!(packet.protocol(), IpProtocol::UDP);
        assert_eq!(packet.transport_offset(), 40 + 24 + 8);
        assert_eq!(packet.transport().map(|udp| udp.ports()), Some((1, 2)));
    }
}

#[test]
fn a_broken_or_endless_extension_chain_is_an_ip_packet_without_transport() {
    // Runs over the end.
    let bytes = v6_chain(0, &options(17, 0)[..7]);
    let packet = InnerPacket::parse(&bytes).unwrap();
    assert_eq!(packet.protocol(), IpProtocol(0));
    assert_eq!((packet.transport_offset(), packet.transport()), (40, None));
    let bytes = v6_chain(0, &[options(17, 3)[..24].to_vec()].concat());
    assert_eq!(InnerPacket::parse(&bytes).unwrap().transport(), None);
    // Nine headers where eight are followed.
    for (count, found) in [(8, true), (9, false)] {
        let mut chain = options(60, 0).repeat(count - 1);
        chain.extend(options(17, 0));
        chain.extend(UDP);
        let bytes = v6_chain(60, &chain);
        let packet = InnerPacket::parse(&bytes).unwrap();
        assert_eq!(packet.transport().is_some(), found);
        assert_eq!(packet.transport_offset(), 40 + 8 * 8);
    }
}

#[test]
fn ipv6_fragments_have_no_transport_header() {
    // REQ-CSUM-2
    let fragment = |offset: u16, more: u16| {
        let [f0, f1] = (offset << 3 | more).to_be_bytes();
        let chain = [&[17, 0, f0, f1, 0, 0, 0, 1][..], &UDP].concat();
        let bytes = v6_chain(44, &chain);
        let packet = InnerPacket::parse(&bytes).unwrap();
        assert_eq!(packet.transport_offset(), 48);
        assert_eq!(packet.transport(), None);
        (packet.protocol(), packet.fragment())
    };
    assert_eq!(fragment(0, 1), (IpProtocol::UDP, Fragment::First));
    assert_eq!(fragment(0, 0), (IpProtocol::UDP, Fragment::First));
    assert_eq!(fragment(1, 0), (IpProtocol::UDP, Fragment::Later));
    assert_eq!(fragment(8191, 1), (IpProtocol::UDP, Fragment::Later));
}

#[test]
fn the_data_of_a_later_fragment_is_not_read_as_extension_headers() {
    let chain = [&[0, 0, 0, 8, 0, 0, 0, 1][..], &options(17, 0), &UDP].concat();
    let bytes = v6_chain(44, &chain);
    let packet = InnerPacket::parse(&bytes).unwrap();
    assert_eq!(packet.fragment(), Fragment::Later);
    assert_eq!(packet.transport_offset(), 48);
}

#[test]
fn the_traffic_class_is_found_in_both_versions() {
    for class in 0..=u8::MAX {
        let mut v4 = udp_v4(b"");
        v4[1] = class;
        let mut v6 = tcp_v6(b"");
        v6[0] = 0x60 | class >> 4;
        v6[1] = class << 4 | 0x0f;
        for bytes in [v4, v6] {
            let packet = InnerPacket::parse(&bytes).unwrap();
            assert_eq!(packet.traffic_class(), class);
            assert_eq!(packet.ecn(), Ecn::from_tos(class));
        }
    }
}

#[test]
fn setting_the_mark_changes_the_mark_and_the_header_checksum_only() {
    // REQ-ECN-4, REQ-ECN-5
    for class in 0..=u8::MAX {
        for ecn in [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce] {
            let mut header =
                Ipv4Header::new(8, 64, IpNumber::UDP, [1, 2, 3, 4], [5, 6, 7, 8]).unwrap();
            let build = |header: &Ipv4Header| [&header.to_bytes()[..], &UDP].concat();
            header.dscp = (class >> 2).try_into().unwrap();
            header.ecn = (class & 3).try_into().unwrap();
            header.header_checksum = header.calc_header_checksum();
            let mut ours = build(&header);
            set_ecn(&mut ours, ecn).unwrap();
            header.ecn = ecn.bits().try_into().unwrap();
            header.header_checksum = header.calc_header_checksum();
            assert_eq!(ours, build(&header));

            let mut v6 = tcp_v6(b"payload");
            v6[0] = 0x60 | class >> 4;
            v6[1] = class << 4 | 0x0a;
            let mut expected = v6.clone();
            expected[1] = ecn.in_tos(class) << 4 | 0x0a;
            set_ecn(&mut v6, ecn).unwrap();
            assert_eq!(v6, expected);
            assert_eq!(InnerPacket::parse(&v6).unwrap().ecn(), ecn);
        }
    }
}

#[test]
fn the_mark_of_too_few_bytes_is_not_set() {
    let short = Err(InnerError::TooShort);
    assert_eq!(set_ecn(&mut [], Ecn::Ce), short);
    let mut v4 = [0x45; 19];
    assert_eq!(set_ecn(&mut v4, Ecn::Ce), short);
    assert_eq!(v4, [0x45; 19]);
    assert_eq!(set_ecn(&mut [0x60], Ecn::Ce), short);
}

/// Packets that are nearly right: sound version and lengths before random damage.
fn nearly_a_packet() -> impl Strategy<Value = Vec<u8>> {
    let payload = || prop::collection::vec(any::<u8>(), 0..64);
    prop_oneof![
        payload().prop_map(|payload| udp_v4(&payload)),
        payload().prop_map(|payload| tcp_v6(&payload)),
        (
            prop_oneof![Just(0_u8), Just(43), Just(44), Just(60), Just(17)],
            prop::collection::vec(
                prop_oneof![Just(0_u8), Just(44), Just(60), any::<u8>()],
                0..120
            )
        )
            .prop_map(|(first, payload)| v6_chain(first, &payload)),
        payload(),
    ]
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic_or_point_outside(
        mut bytes in nearly_a_packet(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(packet) = InnerPacket::parse(&bytes) {
            prop_assert!(packet.transport_offset() <= bytes.len());
            if let Some(transport) = packet.transport() {
                let end = packet.transport_offset() + transport.header_len() + transport.payload().len();
                prop_assert_eq!(end, bytes.len());
                prop_assert!(transport.checksum_offset() + 2 <= transport.header_len());
            }
        }
        let _ = set_ecn(&mut bytes, Ecn::Ce);
    }

    #[test]
    fn what_etherparse_finds_we_find(bytes in nearly_a_packet()) {
        use etherparse::{IpSlice, NetSlice, SlicedPacket, TransportSlice};
        let Ok(packet) = InnerPacket::parse(&bytes) else { return Ok(()) };
        let Some(transport) = packet.transport() else { return Ok(()) };
        let theirs = SlicedPacket::from_ip(&bytes).unwrap();
        prop_assert!(matches!(theirs.net, Some(NetSlice::Ipv4(_) | NetSlice::Ipv6(_))));
        prop_assert!(IpSlice::from_slice(&bytes).is_ok());
        match (transport, theirs.transport) {
            (Transport::Udp(ours), Some(TransportSlice::Udp(udp))) => {
                prop_assert_eq!(ours.source_port, udp.source_port());
                prop_assert_eq!(ours.payload, udp.payload());
            }
            (Transport::Tcp(ours), Some(TransportSlice::Tcp(tcp))) => {
                prop_assert_eq!(ours.header_len, usize::from(tcp.data_offset()) * 4);
                prop_assert_eq!(ours.payload, tcp.payload());
            }
            (ours, theirs) => prop_assert!(false, "{ours:?} and {theirs:?}"),
        }
    }
}
