use super::*;
use crate::transport::{ChecksumVerdict, verify_checksum};
use etherparse::PacketBuilder;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Family {
    V4,
    V6,
}

/// What may follow the segment size: nothing, other options, the end of the list.
const BEHIND: [&[u8]; 4] = [&[], &[4, 2], &[3, 3, 7, 4, 2], &[0, 0, 0]];
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// A SYN as etherparse builds it, with its checksum computed over everything.
fn syn(family: Family, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let builder = match family {
        Family::V4 => PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 3], 64),
        Family::V6 => PacketBuilder::ipv6([0x20; 16], [0xfd; 16], 64),
    };
    let mut out = Vec::new();
    builder
        .tcp(443, 50_000, 0x0102_0304, 1024)
        .syn()
        .options_raw(options)
        .unwrap()
        .write(&mut out, payload)
        .unwrap();
    out
}

fn mss(value: u16) -> [u8; 4] {
    let [high, low] = value.to_be_bytes();
    [2, 4, high, low]
}

fn find(bytes: &[u8]) -> Option<Syn> {
    find_syn(&InnerPacket::parse(bytes).unwrap())
}

fn clamped(bytes: &[u8], mtu: u16) -> (Clamp, Vec<u8>) {
    let mut bytes = bytes.to_vec();
    let syn = find(&bytes).unwrap();
    let mtu = InnerMtu::new(mtu).unwrap();
    let clamp = clamp(&mut bytes, syn, mtu, ChecksumState::Complete);
    (clamp, bytes)
}

/// The options that Linux and others send, with the segment size in their midst.
fn options(nops: usize, value: u16, behind: &[u8]) -> Vec<u8> {
    [&vec![1; nops][..], &mss(value), behind].concat()
}

// REQ-MTU-6
#[test]
fn the_segment_size_is_the_mtu_less_the_headers_without_options() {
    let rest = [4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
    for (family, mtu, expected) in [(Family::V4, 1424, 1384), (Family::V6, 1404, 1344)] {
        let (clamp, bytes) = clamped(&syn(family, &options(0, 1460, &rest), b""), mtu);
        assert_eq!(clamp, Clamp::Lowered);
        assert_eq!(bytes, syn(family, &options(0, expected, &rest), b""));
        let (clamp, same) = clamped(&bytes, mtu);
        assert_eq!((clamp, same), (Clamp::Unchanged, bytes));
    }
}

proptest! {
    // REQ-MTU-6
    #[test]
    fn a_lowered_packet_is_the_one_that_etherparse_builds(
        family in prop::sample::select(&FAMILIES[..]), nops in 0..6_usize, value in any::<u16>(), mtu in 576_u16..9000,
        behind in prop::sample::select(&BEHIND[..]),
        payload in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let overhead = if family == Family::V4 { 40 } else { 60 };
        let before = syn(family, &options(nops, value, behind), &payload);
        let (clamp, after) = clamped(&before, mtu);
        let expected = value.min(mtu - overhead);
        prop_assert_eq!(clamp == Clamp::Lowered, expected < value);
        prop_assert_eq!(after, syn(family, &options(nops, expected, behind), &payload));
    }

    // REQ-MTU-6, REQ-CNT-2
    #[test]
    fn any_bytes_for_options_leave_a_right_checksum_and_no_greater_value(
        family in prop::sample::select(&FAMILIES[..]), options in prop::collection::vec(0_u8..6, 0..=40), payload in any::<[u8; 3]>(),
    ) {
        let before = syn(family, &options, &payload);
        let (clamp, after) = clamped(&before, 576);
        prop_assert_eq!(verify_checksum(&after), Ok(ChecksumVerdict::Right));
        prop_assert_eq!(after.len(), before.len());
        prop_assert_eq!(clamp == Clamp::Lowered, after != before);
    }
}

// REQ-MTU-6
#[test]
fn of_two_options_none_stays_above() {
    let twice = [mss(1460), mss(9000)].concat();
    let (_, bytes) = clamped(&syn(Family::V4, &twice, b""), 1424);
    assert_eq!(
        bytes,
        syn(Family::V4, &[mss(1384), mss(1384)].concat(), b"")
    );
}

// REQ-MTU-6
#[test]
fn nothing_is_inserted_and_misshapen_options_stay() {
    let reaching_over = [2, 4, 0x23, 0x28, 30, 40, 2, 4];
    for options in [
        &[][..],
        &[1, 1, 4, 2],
        &[2, 3, 9, 0],
        &[2, 0, 9, 9],
        &[3, 1, 2, 4],
    ] {
        let packet = syn(Family::V4, options, b"data");
        assert_eq!(clamped(&packet, 576), (Clamp::Unchanged, packet));
    }
    // What comes before the misshapen one is lowered all the same.
    let (clamp, bytes) = clamped(&syn(Family::V4, &reaching_over, b""), 1424);
    assert_eq!(clamp, Clamp::Lowered);
    assert_eq!(
        bytes,
        syn(Family::V4, &[2, 4, 0x05, 0x68, 30, 40, 2, 4], b"")
    );
    // Behind the end of the list nothing is an option.
    let packet = syn(Family::V4, &[0, 2, 4, 0x23, 0x28, 0, 0, 0], b"");
    assert_eq!(clamped(&packet, 576), (Clamp::Unchanged, packet));
}

// REQ-MTU-6
#[test]
fn a_syn_is_any_segment_with_that_flag_and_nothing_else_is_touched() {
    let packet = syn(Family::V4, &mss(1460), b"");
    for flags in 0..=u8::MAX {
        let mut packet = packet.clone();
        packet[33] = flags;
        assert_eq!(find(&packet).is_some(), flags & 2 != 0, "{flags:#x}");
    }
    for protocol in (0..=u8::MAX).filter(|protocol| *protocol != 6) {
        let mut packet = packet.clone();
        packet[9] = protocol;
        assert_eq!(find(&packet), None);
    }
}

// REQ-MTU-6
#[test]
fn a_first_fragment_has_the_option_and_a_later_one_has_not() {
    let mut packet = syn(Family::V4, &mss(1460), b"");
    packet[6] = 0x20;
    assert!(find(&packet).is_some());
    packet[7] = 1;
    assert_eq!(find(&packet), None);
}

// REQ-MTU-6
#[test]
fn a_header_that_is_cut_is_left_alone() {
    let whole = syn(Family::V4, &mss(1460), b"");
    for len in 20..whole.len() {
        let mut cut = whole[..len].to_vec();
        cut[3] = u8::try_from(len).unwrap();
        assert_eq!(find(&cut), None, "{len}");
    }
}

#[test]
fn a_place_of_another_packet_changes_nothing() {
    let syn_place = find(&syn(Family::V6, &mss(1460), b"")).unwrap();
    let mut short = [0xff; 50];
    let mtu = InnerMtu::new(576).unwrap();
    let result = clamp(&mut short, syn_place, mtu, ChecksumState::Complete);
    assert_eq!((result, short), (Clamp::Unchanged, [0xff; 50]));
}

// REQ-CSUM-4
#[test]
fn a_partial_checksum_stays_as_it_is() {
    let mut packet = syn(Family::V4, &mss(1460), b"");
    let before = packet.clone();
    let (place, mtu) = (find(&packet).unwrap(), InnerMtu::new(576).unwrap());
    let result = clamp(&mut packet, place, mtu, ChecksumState::Partial);
    assert_eq!(result, Clamp::Lowered);
    assert_eq!(packet[36..38], before[36..38]);
    assert_eq!(packet[40..44], mss(536));
}
