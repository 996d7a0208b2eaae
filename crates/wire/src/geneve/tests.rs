use super::*;
use proptest::prelude::*;

fn encapsulation() -> Encapsulation {
    Encapsulation {
        vni: Vni::new(5001).unwrap(),
        protocol: InnerProtocol::Ipv4,
        checksum: ChecksumState::Complete,
        inner_len: 20,
    }
}

/// A frame as we send it: 16 bytes, an inner packet of 20, padding of 12.
fn frame() -> Vec<u8> {
    let mut bytes = encapsulation().emit().to_vec();
    bytes.extend([0x45; 20]);
    bytes.extend([0; 12]);
    bytes
}

fn with(offset: usize, replacement: &[u8]) -> Vec<u8> {
    let mut bytes = frame();
    bytes[offset..offset + replacement.len()].copy_from_slice(replacement);
    bytes
}

/// A data frame with the given option bytes and flag byte, and 8 bytes after the options.
fn with_options(flags: u8, options: &[u8]) -> Vec<u8> {
    let words = u8::try_from(options.len() / 4).unwrap();
    let mut bytes = vec![words, flags, 0x86, 0xdd, 0, 0, 7, 0];
    bytes.extend_from_slice(options);
    bytes.extend([0x60; 8]);
    bytes
}

const LINK_OPTION: [u8; 8] = [0xff, 0x6c, 0x81, 1, 0, 0, 0, 5];
/// Class 0x0101, type 0x02, two words: for somebody else, and not critical.
const FOREIGN_OPTION: [u8; 12] = [1, 1, 2, 2, 9, 9, 9, 9, 8, 8, 8, 8];

fn error(bytes: &[u8]) -> GeneveError {
    GeneveFrame::parse(bytes).unwrap_err()
}

#[test]
fn a_data_frame_is_laid_out_byte_for_byte() {
    // REQ-GEN-1, REQ-GEN-12
    let complete = encapsulation();
    assert_eq!(
        hex::encode(complete.emit()),
        "0240080000138900ff6c810100000014"
    );
    let partial = Encapsulation {
        vni: Vni::MAX,
        protocol: InnerProtocol::Ipv6,
        checksum: ChecksumState::Partial,
        inner_len: 0xfedc,
    };
    assert_eq!(
        hex::encode(partial.emit()),
        "024086ddffffff00ff6c81010100fedc"
    );
    let ethernet = Encapsulation {
        protocol: InnerProtocol::Ethernet,
        ..complete
    };
    assert_eq!(
        hex::encode(ethernet.emit()),
        "0240655800138900ff6c810100000014"
    );
}

#[test]
fn a_data_frame_reads_back_without_its_padding() {
    // REQ-PAD-3
    let expected = GeneveFrame::Data {
        encapsulation: encapsulation(),
        inner: 16..36,
    };
    assert_eq!(GeneveFrame::parse(&frame()), Ok(expected.clone()));
    assert_eq!(GeneveFrame::parse(&frame()[..36]), Ok(expected.clone()));
    let dirty = with(36, &[0xff; 12]);
    assert_eq!(GeneveFrame::parse(&dirty), Ok(expected));
}

#[test]
fn every_truncation_has_its_error() {
    // REQ-GEN-6, REQ-GEN-11
    for len in 0..36 {
        let expected = match len {
            0..8 => GeneveError::TooShort,
            8..16 => GeneveError::OptionsOverrun,
            _ => GeneveError::InnerLength,
        };
        assert_eq!(error(&frame()[..len]), expected, "{len} bytes");
    }
}

#[test]
fn other_versions_are_refused() {
    // REQ-GEN-4
    for version in 1..4_u8 {
        assert_eq!(
            error(&with(0, &[version << 6 | 2])),
            GeneveError::UnknownVersion
        );
    }
}

#[test]
fn each_reserved_bit_is_refused() {
    // REQ-GEN-5
    for bit in 0..6 {
        assert_eq!(
            error(&with(1, &[0x40 | 1 << bit])),
            GeneveError::ReservedBits
        );
    }
    for bit in 0..8 {
        assert_eq!(error(&with(7, &[1 << bit])), GeneveError::ReservedBits);
        assert_eq!(error(&with(13, &[1 << bit])), GeneveError::ReservedBits);
    }
    for bit in 5..8 {
        assert_eq!(error(&with(11, &[1 | 1 << bit])), GeneveError::ReservedBits);
    }
    for bit in 1..8 {
        assert_eq!(error(&with(12, &[1 << bit])), GeneveError::ReservedBits);
    }
}

#[test]
fn only_three_protocol_types_are_known() {
    // REQ-GEN-3
    for value in 0..=u16::MAX {
        let parsed = GeneveFrame::parse(&with(2, &value.to_be_bytes()));
        match (value, parsed) {
            (0x0800, Ok(GeneveFrame::Data { encapsulation, .. })) => {
                assert_eq!(encapsulation.protocol, InnerProtocol::Ipv4);
            }
            (0x86dd, Ok(GeneveFrame::Data { encapsulation, .. })) => {
                assert_eq!(encapsulation.protocol, InnerProtocol::Ipv6);
            }
            (0x6558, Ok(GeneveFrame::Data { encapsulation, .. })) => {
                assert_eq!(encapsulation.protocol, InnerProtocol::Ethernet);
            }
            (_, Err(GeneveError::UnknownProtocol)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_frame_without_the_option_is_all_inner_packet() {
    // REQ-GEN-2
    let bytes = with_options(0, &[]);
    let expected = GeneveFrame::Data {
        encapsulation: Encapsulation {
            vni: Vni::new(7).unwrap(),
            protocol: InnerProtocol::Ipv6,
            checksum: ChecksumState::Complete,
            inner_len: 8,
        },
        inner: 8..16,
    };
    assert_eq!(GeneveFrame::parse(&bytes), Ok(expected));
    assert!(GeneveFrame::parse(&bytes[..8]).is_ok());
}

#[test]
fn an_inner_packet_beyond_16_bits_of_length_is_refused() {
    let mut bytes = with_options(0, &[]);
    bytes.resize(8 + 65_535, 0);
    assert!(GeneveFrame::parse(&bytes).is_ok());
    bytes.push(0);
    assert_eq!(error(&bytes), GeneveError::InnerLength);
}

#[test]
fn an_unknown_option_that_is_not_critical_is_skipped() {
    // REQ-GEN-8
    for options in [
        [&FOREIGN_OPTION[..], &LINK_OPTION].concat(),
        [&LINK_OPTION[..], &FOREIGN_OPTION].concat(),
    ] {
        let parsed = GeneveFrame::parse(&with_options(0x40, &options));
        let Ok(GeneveFrame::Data { inner, .. }) = parsed else {
            panic!("{parsed:?}");
        };
        assert_eq!(inner, 28..33);
    }
    let alone = GeneveFrame::parse(&with_options(0, &FOREIGN_OPTION));
    assert!(matches!(alone, Ok(GeneveFrame::Data { inner, .. }) if inner == (20..28)));
}

#[test]
fn reserved_bits_of_a_skipped_option_are_its_own_matter() {
    let mut option = FOREIGN_OPTION;
    option[3] |= 0xe0;
    assert!(GeneveFrame::parse(&with_options(0, &option)).is_ok());
}

#[test]
fn an_unknown_critical_option_is_refused() {
    // REQ-GEN-7
    let unknown: [[u8; 4]; 3] = [
        [1, 1, 0x82, 0],
        // Our class with another type, our type in another class.
        [0xff, 0x6c, 0x82, 0],
        [0xff, 0x6d, 0x81, 0],
    ];
    for option in unknown {
        let options = [&LINK_OPTION[..], &option].concat();
        for flags in [0, 0x40] {
            let bytes = with_options(flags, &options);
            assert_eq!(error(&bytes), GeneveError::UnknownCriticalOption);
        }
    }
}

#[test]
fn the_option_type_without_its_critical_bit_is_another_option() {
    let mut option = LINK_OPTION;
    option[2] = 0x01;
    let parsed = GeneveFrame::parse(&with_options(0, &option));
    assert!(matches!(parsed, Ok(GeneveFrame::Data { inner, .. }) if inner == (16..24)));
}

#[test]
fn the_c_bit_must_agree_with_the_options() {
    // REQ-GEN-9
    let mismatch = GeneveError::CriticalBitMismatch;
    assert_eq!(error(&with_options(0, &LINK_OPTION)), mismatch);
    assert_eq!(error(&with_options(0x40, &[])), mismatch);
    assert_eq!(error(&with_options(0x40, &FOREIGN_OPTION)), mismatch);
}

#[test]
fn an_option_that_runs_over_the_options_is_refused() {
    // REQ-GEN-6
    let mut option = FOREIGN_OPTION;
    option[3] = 3;
    assert_eq!(
        error(&with_options(0, &option)),
        GeneveError::OptionsOverrun
    );
    option[3] = 1;
    // Now a second option begins in the data of the first, with length 8 words.
    assert_eq!(
        error(&with_options(0, &option)),
        GeneveError::OptionsOverrun
    );
}

#[test]
fn linkveils_option_is_refused_twice_and_in_other_lengths() {
    // REQ-GEN-10
    let twice = [LINK_OPTION, LINK_OPTION].concat();
    assert_eq!(
        error(&with_options(0x40, &twice)),
        GeneveError::MalformedOption
    );
    for words in [0, 2, 31] {
        let mut option = vec![0xff, 0x6c, 0x81, words];
        option.resize(4 + 4 * usize::from(words), 0);
        let bytes = with_options(0x40, &option);
        assert_eq!(error(&bytes), GeneveError::MalformedOption);
    }
}

#[test]
fn the_most_options_that_fit_are_walked() {
    let options = [1, 1, 2, 0].repeat(61);
    let options = [&LINK_OPTION[..], &options].concat();
    assert_eq!(options.len(), 252);
    assert!(GeneveFrame::parse(&with_options(0x40, &options)).is_ok());
}

#[test]
fn an_inner_length_over_the_end_is_refused() {
    // REQ-GEN-11
    let fits = with(14, &32_u16.to_be_bytes());
    assert!(GeneveFrame::parse(&fits).is_ok());
    for len in [33, 0xffff_u16] {
        assert_eq!(
            error(&with(14, &len.to_be_bytes())),
            GeneveError::InnerLength
        );
    }
}

#[test]
fn a_control_header_must_be_bare() {
    // REQ-CTRL-1
    let good = [0, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    assert!(GeneveFrame::parse(&good).is_ok());
    for (offset, byte) in [(0, 1), (1, 0xc0), (2, 8), (3, 1), (4, 1), (5, 1), (6, 1)] {
        let mut bytes = good.to_vec();
        bytes[offset] = byte;
        assert_eq!(error(&bytes), GeneveError::MalformedControlHeader);
    }
}

fn any_encapsulation() -> impl Strategy<Value = Encapsulation> {
    let protocol = prop_oneof![
        Just(InnerProtocol::Ipv4),
        Just(InnerProtocol::Ipv6),
        Just(InnerProtocol::Ethernet)
    ];
    let checksum = prop_oneof![Just(ChecksumState::Complete), Just(ChecksumState::Partial)];
    (0..1_u32 << 24, protocol, checksum, 0..3000_u16).prop_map(
        |(vni, protocol, checksum, inner_len)| Encapsulation {
            vni: Vni::new(vni).unwrap(),
            protocol,
            checksum,
            inner_len,
        },
    )
}

proptest! {
    #[test]
    fn a_written_frame_reads_back(encapsulation in any_encapsulation(), padding in 0..20_usize) {
        let len = usize::from(encapsulation.inner_len);
        let mut bytes = encapsulation.emit().to_vec();
        bytes.resize(16 + len + padding, 0xaa);
        let expected = GeneveFrame::Data { encapsulation, inner: 16..16 + len };
        prop_assert_eq!(GeneveFrame::parse(&bytes), Ok(expected));
    }

    #[test]
    fn no_bytes_make_the_parser_panic_or_point_outside(
        head in prop::collection::vec(prop_oneof![Just(0_u8), Just(2), Just(0x40), Just(0x80), any::<u8>()], 0..12),
        tail in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [head, tail].concat();
        if let Ok(GeneveFrame::Data { encapsulation, inner }) = GeneveFrame::parse(&bytes) {
            prop_assert_eq!(inner.len(), usize::from(encapsulation.inner_len));
            prop_assert!(bytes.get(inner).is_some());
        }
    }

    #[test]
    fn a_flipped_header_bit_is_refused_or_means_something_else(at in 0..128_usize) {
        let mut bytes = frame();
        bytes[at / 8] ^= 1 << (at % 8);
        prop_assert_ne!(GeneveFrame::parse(&bytes), GeneveFrame::parse(&frame()));
    }
}
