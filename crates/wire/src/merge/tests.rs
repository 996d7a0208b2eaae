use proptest::prelude::*;

use super::*;
use crate::split::tests::{Shape, cut, fix_header, super_packet};

/// Joins packets as a lane does: one after the other, a new super-packet where one does not fit.
fn join(packets: &[Vec<u8>], network: usize) -> Vec<(Vec<u8>, Option<SuperPacket>)> {
    let mut out: Vec<(Vec<u8>, Option<Merge>)> = Vec::new();
    let mut first: &[u8] = &[];
    for packet in packets {
        let Some(key) = MergeKey::of(packet, NetworkOffset::new(network)) else {
            out.push((packet.clone(), None));
            continue;
        };
        if let Some((frame, Some(merge))) = out.last_mut()
            && merge.join(first, &key, packet) == Joined::Yes
        {
            frame.extend_from_slice(&packet[key.payload()]);
            continue;
        }
        first = packet;
        out.push((packet.clone(), Some(Merge::begin(key))));
    }
    let finish = |(mut frame, merge): (Vec<u8>, Option<Merge>)| {
        let found = merge.map(|merge| merge.finish(&mut frame).unwrap());
        (frame, found)
    };
    out.into_iter().map(finish).collect()
}

/// The super-packet with the partial checksum that a kernel gives it.
fn with_partial_checksum(frame: &[u8], network: usize) -> Vec<u8> {
    cut(frame, network, u16::MAX).remove(0)
}

/// Two packets that can be joined.
fn pair(shape: &Shape) -> [Vec<u8>; 2] {
    let shape = Shape {
        payload: 2 * usize::from(shape.segment),
        ..shape.clone()
    };
    cut(&super_packet(&shape), 0, shape.segment)
        .try_into()
        .unwrap()
}

fn are_joined(pair: &[Vec<u8>]) -> bool {
    join(pair, 0).len() == 1
}

proptest! {
    // REQ-OFFLOAD-4
    #[test]
    fn what_was_cut_is_joined_to_what_it_was(
        v6: bool, tcp: bool, options in 0_usize..4, ending in prop::sample::select(vec![0x10_u8, 0x18, 0x11, 0x19]),
        payload in 1_usize..30_000, segment in 500_u16..2_000, id: u16,
    ) {
        let shape = Shape { v6, tcp, options: options * 4, flags: ending, payload, segment, id };
        let whole = super_packet(&shape);
        let packets = cut(&whole, 0, segment);
        let joined = join(&packets, 0);
        prop_assert_eq!(joined.len(), 1);
        let (frame, found) = &joined[0];
        let expected = with_partial_checksum(&whole, 0);
        prop_assert_eq!(frame, &expected);
        let segment_len = usize::from(segment);
        let kind = match (packets.len(), tcp, v6) {
            (1, ..) => SuperKind::Single,
            (_, true, false) => SuperKind::TcpV4 { segment_len },
            (_, true, true) => SuperKind::TcpV6 { segment_len },
            (_, false, _) => SuperKind::Udp { segment_len },
        };
        let transport_offset = if v6 { 40 } else { 20 };
        let (header, checksum_offset) = if tcp { (20 + options * 4, 16) } else { (8, 6) };
        let headers_len = transport_offset + header;
        prop_assert_eq!(*found, Some(SuperPacket { kind, headers_len, transport_offset, checksum_offset }));
    }

    #[test]
    fn random_bytes_are_no_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), network in 0_usize..30) {
        if let Some(key) = MergeKey::of(&bytes, NetworkOffset::new(network)) {
            let mut merge = Merge::begin(key);
            let _either = merge.join(&bytes, &key, &bytes);
            let mut frame = bytes.clone();
            prop_assert!(merge.finish(&mut frame).is_some());
        }
    }

    /// A change of any header byte but those that cutting makes anew keeps packets apart.
    #[test]
    fn any_other_header_keeps_packets_apart(v6: bool, tcp: bool, place in 0_usize..72, bit in 0_u8..8) {
        let shape = Shape { v6, tcp, flags: 0x10, ..Shape::new() };
        let [first, mut second] = pair(&shape);
        let (ip, transport) = if v6 { (40, 40) } else { (20, 20) };
        let headers = ip + if tcp { 32 } else { 8 };
        let remade = match (v6, tcp) {
            _ if place >= headers => true,
            // The identification, in a test of its own.
            (false, _) if (4..6).contains(&place) => true,
            // PSH and FIN of the last packet.
            (_, true) if place == transport + 13 && [0, 3].contains(&bit) => true,
            // The checksum of TCP and UDP.
            (_, true) if (transport + 16..transport + 18).contains(&place) => true,
            (_, false) if (transport + 6..transport + 8).contains(&place) => true,
            _ => false,
        };
        prop_assume!(!remade);
        second[place] ^= 1 << bit;
        if !v6 && !(10..12).contains(&place) {
            fix_header(&mut second);
        }
        prop_assert!(!are_joined(&[first, second]), "byte {}, bit {}", place, bit);
    }
}

#[test]
fn the_pair_that_the_other_tests_damage_is_joined() {
    for (v6, tcp) in [(false, false), (false, true), (true, false), (true, true)] {
        let shape = Shape {
            v6,
            tcp,
            flags: 0x10,
            ..Shape::new()
        };
        assert!(are_joined(&pair(&shape)));
    }
}

#[test]
fn identification_counts_unless_fragments_are_forbidden() {
    let shape = Shape {
        flags: 0x10,
        ..Shape::new()
    };
    for (dont_fragment, step, expected) in [
        (false, 1, true),
        (false, 0, false),
        (false, 2, false),
        (true, 1, true),
        (true, 0, true),
        (true, 77, true),
    ] {
        let mut pair = pair(&shape);
        for (number, packet) in (0..).zip(&mut pair) {
            packet[6] = if dont_fragment { 0x40 } else { 0 };
            let id = 100 + number * step;
            packet[4..6].copy_from_slice(&u16::to_be_bytes(id));
            fix_header(packet);
        }
        assert_eq!(are_joined(&pair), expected, "{dont_fragment} {step}");
    }
}

#[test]
fn a_wrong_ipv4_header_checksum_is_not_washed_clean() {
    let mut packets = pair(&Shape {
        flags: 0x10,
        ..Shape::new()
    });
    packets[0][10] ^= 1;
    assert_eq!(MergeKey::of(&packets[0], NetworkOffset::IP), None);
}

#[test]
fn only_plain_data_is_joined() {
    for bit in 0..8 {
        let flags = 0x10 ^ (1 << bit);
        let [packet, _] = pair(&Shape {
            flags,
            ..Shape::new()
        });
        // PSH and FIN stand on the last cut packet only.
        let plain = [3, 0].contains(&bit);
        assert_eq!(
            MergeKey::of(&packet, NetworkOffset::IP).is_some(),
            plain,
            "bit {bit}"
        );
    }
    let empty = super_packet(&Shape {
        payload: 0,
        ..Shape::new()
    });
    assert_eq!(MergeKey::of(&empty, NetworkOffset::IP), None);
    let mut fragment = super_packet(&Shape::new());
    fragment[6] = 0x20;
    fix_header(&mut fragment);
    assert_eq!(MergeKey::of(&fragment, NetworkOffset::IP), None);
}

#[test]
fn a_packet_that_ends_or_is_shorter_is_the_last() {
    let shape = Shape {
        flags: 0x10,
        payload: 4 * 1_388,
        ..Shape::new()
    };
    let packets = cut(&super_packet(&shape), 0, shape.segment);
    let sizes = |packets: &[Vec<u8>]| -> Vec<usize> {
        join(packets, 0)
            .iter()
            .map(|(frame, _)| (frame.len() - 52) / 1_388)
            .collect()
    };
    assert_eq!(sizes(&packets), [4]);
    for flag in [0x08, 0x01] {
        let mut ended = packets.clone();
        ended[1][33] |= flag;
        assert_eq!(sizes(&ended), [2, 2]);
        assert_eq!(join(&ended, 0)[0].0[33], 0x10 | flag);
        assert_eq!(join(&ended, 0)[1].0[33], 0x10);
    }
    // A shorter one in the middle: what comes behind it has another place in the stream.
    let short = Shape {
        payload: 1_388 + 500,
        ..shape.clone()
    };
    let mut mixed = cut(&super_packet(&short), 0, 1_388);
    mixed.push(packets[2].clone());
    assert_eq!(join(&mixed, 0).len(), 2);
    // A longer one never joins.
    let [first, second] = pair(&shape);
    let longer = [first[..first.len() - 8].to_vec(), second];
    let mut longer = longer.to_vec();
    let len = u16::try_from(longer[0].len()).unwrap();
    longer[0][2..4].copy_from_slice(&len.to_be_bytes());
    fix_header(&mut longer[0]);
    assert!(!are_joined(&longer));
}

#[test]
fn a_super_packet_is_no_longer_than_an_ip_packet() {
    let shape = Shape {
        flags: 0x10,
        payload: 65_000,
        options: 0,
        segment: 1_000,
        ..Shape::new()
    };
    let mut packets = cut(&super_packet(&shape), 0, 1_000);
    let more = Shape {
        payload: 3_000,
        ..shape
    };
    for (number, mut packet) in (0_u32..).zip(cut(&super_packet(&more), 0, 1_000)) {
        let sequence = 0xffff_f000_u32.wrapping_add(65_000 + 1_000 * number);
        packet[24..28].copy_from_slice(&sequence.to_be_bytes());
        packet[6] = 0x40;
        fix_header(&mut packet);
        packets.push(packet);
    }
    for packet in &mut packets {
        packet[6] = 0x40;
        fix_header(packet);
    }
    let joined = join(&packets, 0);
    let lens: Vec<_> = joined.iter().map(|(frame, _)| frame.len()).collect();
    assert_eq!(lens, [65_040, 3_040]);
}

#[test]
fn frames_of_other_hosts_are_kept_apart() {
    let [first, second] = pair(&Shape {
        flags: 0x10,
        ..Shape::new()
    });
    let link = |last: u8| vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, last, 8, 0];
    let frame = |link: Vec<u8>, packet: &[u8]| [&link[..], packet].concat();
    let same = [frame(link(1), &first), frame(link(1), &second)];
    let other = [frame(link(1), &first), frame(link(3), &second)];
    assert_eq!(join(&same, 14).len(), 1);
    assert_eq!(join(&same, 14)[0].1.unwrap().transport_offset, 34);
    assert_eq!(join(&other, 14).len(), 2);
}

/// Ethernet headers with no, one and two VLAN tags.
fn ethernets(shape: &Shape) -> Vec<Vec<u8>> {
    let addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    let ip: &[u8] = if shape.v6 {
        &[0x86, 0xdd]
    } else {
        &[0x08, 0x00]
    };
    let tags: [&[u8]; 3] = [&[], &[0x81, 0, 0, 7], &[0x88, 0xa8, 0x20, 9, 0x81, 0, 0, 7]];
    tags.map(|tags| [&addresses, tags, ip].concat()).into()
}

proptest! {
    // REQ-OFFLOAD-4
    #[test]
    fn frames_that_were_cut_are_joined_to_what_they_were(
        v6: bool, tcp: bool, tags in 0_usize..3, payload in 1_usize..20_000, segment in 500_u16..2_000, id: u16,
    ) {
        let shape = Shape { v6, tcp, payload, segment, id, ..Shape::new() };
        let ethernet = ethernets(&shape).swap_remove(tags);
        let network = ethernet.len();
        let whole = [ethernet, super_packet(&shape)].concat();
        let frames = cut(&whole, network, segment);
        let parsed = EthernetFrame::parse(&frames[0]).unwrap();
        let key = MergeKey::of_frame(&parsed).unwrap();
        prop_assert_eq!(key.network(), NetworkOffset::new(network));
        prop_assert_eq!(Some(key), MergeKey::of(&frames[0], NetworkOffset::new(network)));
        let joined = join(&frames, network);
        prop_assert_eq!(joined.len(), 1);
        prop_assert_eq!(&joined[0].0, &with_partial_checksum(&whole, network));
        let found = joined[0].1.unwrap();
        prop_assert_eq!(found.transport_offset, network + if v6 { 40 } else { 20 });
    }
}

#[test]
fn a_frame_with_padding_goes_alone() {
    let shape = Shape {
        payload: 600,
        ..Shape::new()
    };
    let mut frame = [ethernets(&shape).swap_remove(0), super_packet(&shape)].concat();
    let key = |frame: &[u8]| MergeKey::of_frame(&EthernetFrame::parse(frame).unwrap());
    assert!(key(&frame).is_some());
    frame.push(0);
    assert_eq!(key(&frame), None);
}

#[test]
fn frames_of_other_stations_or_tags_are_not_joined() {
    let shape = Shape::new();
    let [first, next] = pair(&shape);
    let ethernet = ethernets(&shape).swap_remove(1);
    let frames = |other: &[u8]| [[&ethernet, &first[..]].concat(), [other, &next].concat()];
    let joined = |other: &[u8]| join(&frames(other), ethernet.len()).len() == 1;
    assert!(joined(&ethernet));
    for place in 0..ethernet.len() - 2 {
        let mut other = ethernet.clone();
        other[place] ^= 1;
        assert!(!joined(&other), "byte {place}");
    }
}
