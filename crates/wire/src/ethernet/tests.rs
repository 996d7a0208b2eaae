use super::*;
use etherparse::{EtherType as TheirType, PacketBuilder, VlanId};
use proptest::prelude::*;

const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 1];
const DESTINATION: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// An untagged frame of etherparse around IPv4 and UDP.
fn udp_v4(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(SOURCE, DESTINATION)
        .ipv4([10, 1, 0, 2], [10, 2, 0, 3], 64)
        .udp(4000, 5000);
    let mut out = Vec::new();
    builder.write(&mut out, payload).unwrap();
    out
}

/// Where the packet inside lies.
fn ip_range(frame: &EthernetFrame<'_>) -> Option<std::ops::Range<usize>> {
    let (start, packet) = (frame.payload_offset(), frame.ip_packet()?);
    Some(start..start + packet.bytes().len())
}

fn id(number: u16) -> VlanId {
    VlanId::try_new(number).unwrap()
}

// REQ-L2-1
#[test]
fn a_frame_of_etherparse_is_understood() {
    let mut bytes = udp_v4(b"hello");
    let len = bytes.len();
    // Padding of a short frame does not belong to the packet.
    bytes.resize(60, 0);
    let frame = EthernetFrame::parse(&bytes).unwrap();
    assert_eq!(frame.source(), MacAddr::new(SOURCE));
    assert_eq!(frame.destination(), MacAddr::new(DESTINATION));
    assert_eq!(frame.ether_type(), EtherType::IPV4);
    assert_eq!(frame.payload_offset(), 14);
    assert_eq!(ip_range(&frame), Some(14..len));
}

// REQ-L2-12
#[test]
fn up_to_two_tags_are_looked_behind() {
    let single = PacketBuilder::ethernet2(SOURCE, DESTINATION)
        .single_vlan(id(7))
        .ipv6([0x11; 16], [0x22; 16], 64)
        .udp(1, 2);
    let double = PacketBuilder::ethernet2(SOURCE, DESTINATION)
        .double_vlan(id(7), id(8))
        .ipv4([1; 4], [2; 4], 64)
        .udp(1, 2);
    let (mut one, mut two) = (Vec::new(), Vec::new());
    single.write(&mut one, b"x").unwrap();
    double.write(&mut two, b"x").unwrap();
    let frame = EthernetFrame::parse(&one).unwrap();
    assert_eq!(
        (frame.ether_type(), frame.payload_offset()),
        (EtherType::IPV6, 18)
    );
    assert_eq!(ip_range(&frame), Some(18..one.len()));
    let frame = EthernetFrame::parse(&two).unwrap();
    assert_eq!(
        (frame.ether_type(), frame.payload_offset()),
        (EtherType::IPV4, 22)
    );
    assert_eq!(ip_range(&frame), Some(22..two.len()));

    // A third tag stays unopened.
    let third = [&two[..12], &[0x88, 0xa8, 0, 9], &two[12..]].concat();
    let frame = EthernetFrame::parse(&third).unwrap();
    assert_eq!(frame.ether_type(), EtherType::VLAN);
    assert_eq!(ip_range(&frame), None);
}

#[test]
fn what_is_no_whole_ip_packet_is_none() {
    let good = udp_v4(b"hello");
    let broken = |change: fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        ip_range(&EthernetFrame::parse(&bytes).unwrap())
    };
    assert_eq!(broken(|_| {}), Some(14..good.len()));
    assert_eq!(broken(|bytes| bytes[13] = 6), None, "ARP");
    assert_eq!(broken(|bytes| bytes[14] = 0x65), None, "another version");
    assert_eq!(broken(|bytes| bytes[14] = 0x44), None, "header length");
    assert_eq!(broken(|bytes| bytes[16] = 1), None, "longer than the frame");
    assert_eq!(broken(|bytes| bytes[17] = 8), None, "shorter than a header");
    assert_eq!(broken(|bytes| bytes.truncate(14)), None, "nothing");
    let v6 = |bytes: &mut Vec<u8>| {
        bytes[12..14].copy_from_slice(&[0x86, 0xdd]);
    };
    assert_eq!(broken(v6), None, "another EtherType");
}

#[test]
fn a_frame_needs_its_header_and_no_more() {
    let bytes = udp_v4(b"");
    for len in 0..14 {
        assert_eq!(
            EthernetFrame::parse(&bytes[..len]).unwrap_err(),
            EthernetError::TooShort
        );
    }
    assert!(EthernetFrame::parse(&bytes[..14]).is_ok());
    // A tag that is cut.
    let cut = [&bytes[..12], &[0x81, 0, 0, 7, 8]].concat();
    let frame = EthernetFrame::parse(&cut).unwrap();
    assert_eq!(
        (frame.ether_type(), frame.payload_offset()),
        (EtherType::VLAN, 14)
    );
}

#[test]
fn stations_are_neither_groups_nor_zero() {
    let multicast = MacAddr::new([0x33, 0x33, 0, 0, 0, 1]);
    assert!(multicast.is_multicast() && !multicast.is_station());
    assert!(MacAddr::BROADCAST.is_multicast());
    assert!(MacAddr::new([0; 6]).is_zero() && !MacAddr::new([0; 6]).is_station());
    let station = MacAddr::new([0x02, 0xab, 0, 0, 0, 0x0f]);
    assert!(station.is_station());
    assert_eq!(station.to_string(), "02:ab:00:00:00:0f");
}

proptest! {
    #[test]
    fn any_bytes_are_read_as_etherparse_reads_them(
        mut bytes in prop::collection::vec(any::<u8>(), 0..80),
        type_ in prop::sample::select(vec![[0x08, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0xa8], [8, 6]]),
        first in prop::sample::select(vec![0x45_u8, 0x60, 0x00]),
    ) {
        if bytes.len() > 30 {
            bytes[12..14].copy_from_slice(&type_);
            bytes[14] = first;
            bytes[18] = first;
        }
        let ours = EthernetFrame::parse(&bytes);
        prop_assert_eq!(ours.is_ok(), bytes.len() >= 14);
        if let Ok(frame) = ours {
            let (theirs, _) = etherparse::Ethernet2Header::from_slice(&bytes).unwrap();
            prop_assert_eq!(frame.source().octets(), theirs.source);
            prop_assert_eq!(frame.destination().octets(), theirs.destination);
            if theirs.ether_type != TheirType(0x8100) && theirs.ether_type != TheirType(0x88a8) {
                prop_assert_eq!(frame.ether_type().0, theirs.ether_type.0);
            }
            if let Some(range) = ip_range(&frame) {
                prop_assert!(InnerPacket::parse(&bytes[range]).is_ok());
            }
        }
    }
}

// REQ-SECLANE-4
#[test]
fn link_control_is_told_by_address_and_type_without_tags() {
    let frame = |destination: [u8; 6], rest: &[u8]| {
        let bytes = [&destination, &[2, 0, 0, 0, 0, 1][..], rest].concat();
        EthernetFrame::parse(&bytes).unwrap().is_link_control()
    };
    let group = [0x01, 0x80, 0xc2, 0, 0, 3];
    assert!(frame(group, &[0x88, 0xb5, 1, 2]));
    assert!(!frame([0x01, 0x80, 0xc2, 0, 0, 0], &[0x88, 0xb5]));
    assert!(!frame(group, &[0x88, 0x8e]), "EAPOL");
    assert!(!frame(group, &[0x81, 0, 0, 7, 0x88, 0xb5]), "tagged");
}
