use super::*;
use proptest::prelude::*;

/// Lane 5, SPI 0x1a2b3c4d, packet number 0x0102030405060708, smallest body.
fn datagram() -> Vec<u8> {
    let mut bytes = hex::decode("040500001a2b3c4d0102030405060708").unwrap();
    bytes.extend(0..24);
    bytes
}

fn header() -> DataHeader {
    DataHeader {
        lane: Lane::new(5).unwrap(),
        spi: Spi::new(0x1a2b_3c4d).unwrap(),
        packet_number: PacketNumber::new(0x0102_0304_0506_0708),
    }
}

fn parse_error(mut bytes: Vec<u8>) -> LinkError {
    Datagram::parse(&mut bytes).unwrap_err()
}

fn with(offset: usize, replacement: &[u8]) -> Vec<u8> {
    let mut bytes = datagram();
    bytes[offset..offset + replacement.len()].copy_from_slice(replacement);
    bytes
}

#[test]
fn a_datagram_is_read_byte_for_byte() {
    let mut bytes = datagram();
    let expected_aad = bytes[..16].to_vec();
    let datagram = Datagram::parse(&mut bytes).unwrap();
    assert_eq!(datagram.header(), header());
    let (parsed, aad, sealed) = datagram.into_parts();
    assert_eq!(parsed, header());
    // REQ-DATA-1
    assert_eq!(aad.as_slice(), expected_aad);
    assert_eq!(sealed, (0..24).collect::<Vec<u8>>());
}

#[test]
fn a_header_is_written_byte_for_byte() {
    assert_eq!(header().emit().as_slice(), &datagram()[..16]);
}

#[test]
fn what_is_sealed_lies_in_the_callers_buffer() {
    let mut bytes = datagram();
    let (_, _, sealed) = Datagram::parse(&mut bytes).unwrap().into_parts();
    sealed.fill(0xee);
    assert_eq!(&bytes[16..], [0xee; 24]);
}

#[test]
fn every_truncation_is_too_short() {
    // REQ-HDR-1, REQ-HDR-4
    for len in 0..MIN_DATAGRAM_LEN {
        assert_eq!(
            parse_error(datagram()[..len].to_vec()),
            LinkError::TooShort,
            "{len} bytes"
        );
    }
}

#[test]
fn only_four_type_bytes_are_known() {
    // REQ-HDR-1
    assert_eq!(message_type(&[]), Err(LinkError::TooShort));
    for byte in 0..=u8::MAX {
        let expected = match byte {
            1 => Ok(MessageType::Initiation),
            2 => Ok(MessageType::Response),
            3 => Ok(MessageType::CookieReply),
            4 => Ok(MessageType::Data),
            _ => Err(LinkError::UnknownType),
        };
        assert_eq!(message_type(&[byte, 0, 0]), expected);
        if let Ok(known) = expected {
            assert_eq!(known.byte(), byte);
        }
        match byte {
            1..=3 => assert_eq!(parse_error(with(0, &[byte])), LinkError::NotData),
            4 => {}
            _ => assert_eq!(parse_error(with(0, &[byte])), LinkError::UnknownType),
        }
    }
}

#[test]
fn each_reserved_bit_is_refused() {
    // REQ-HDR-5
    for bit in 0..16 {
        let reserved = (1_u16 << bit).to_be_bytes();
        assert_eq!(parse_error(with(2, &reserved)), LinkError::ReservedBits);
    }
}

#[test]
fn lanes_from_64_on_are_refused() {
    // REQ-HDR-6
    for lane in 0..=u8::MAX {
        let mut bytes = with(1, &[lane]);
        let parsed = Datagram::parse(&mut bytes).map(|datagram| datagram.header().lane.get());
        if lane < 64 {
            assert_eq!(parsed, Ok(lane));
        } else {
            assert_eq!(parsed, Err(LinkError::LaneOutOfRange));
        }
    }
}

#[test]
fn spi_zero_and_packet_number_zero_are_refused() {
    // REQ-HDR-7, REQ-HDR-8
    assert_eq!(parse_error(with(4, &[0; 4])), LinkError::ZeroSpi);
    assert_eq!(parse_error(with(8, &[0; 8])), LinkError::ZeroPacketNumber);
    for number in [1, u64::MAX] {
        let mut bytes = with(8, &number.to_be_bytes());
        let parsed = Datagram::parse(&mut bytes).unwrap().header();
        assert_eq!(parsed.packet_number.get(), number);
    }
}

#[test]
fn a_run_key_is_made_of_type_lane_and_spi() {
    // REQ-LANE-6
    let key = run_key(&datagram()).unwrap();
    assert_eq!(key.message_type, MessageType::Data);
    assert_eq!((key.lane, key.spi), (header().lane, header().spi));
    assert_ne!(run_key(&with(1, &[6])), Some(key));
    assert_ne!(run_key(&with(4, &[6])), Some(key));
    assert_ne!(run_key(&with(0, &[1])), Some(key));
    // The packet number and the rest do not matter.
    assert_eq!(run_key(&with(8, &[0xff; 32])), Some(key));
}

#[test]
fn what_can_be_no_message_has_no_run_key() {
    for len in 0..8 {
        assert_eq!(run_key(&datagram()[..len]), None);
    }
    assert_eq!(run_key(&with(0, &[0])), None);
    assert_eq!(run_key(&with(0, &[5])), None);
    assert_eq!(run_key(&with(1, &[64])), None);
    assert_eq!(run_key(&with(4, &[0; 4])), None);
}

fn any_header() -> impl Strategy<Value = DataHeader> {
    (0..64_u8, 1..=u32::MAX, 1..=u64::MAX).prop_map(|(lane, spi, number)| DataHeader {
        lane: Lane::new(lane).unwrap(),
        spi: Spi::new(spi).unwrap(),
        packet_number: PacketNumber::new(number),
    })
}

proptest! {
    #[test]
    fn a_written_header_reads_back(header in any_header(), body in prop::collection::vec(any::<u8>(), 24..80)) {
        let mut bytes = header.emit().to_vec();
        bytes.extend_from_slice(&body);
        let key = run_key(&bytes).unwrap();
        prop_assert_eq!((key.lane, key.spi), (header.lane, header.spi));
        let (parsed, aad, sealed) = Datagram::parse(&mut bytes).unwrap().into_parts();
        prop_assert_eq!(parsed, header);
        prop_assert_eq!(*aad, header.emit());
        prop_assert_eq!(&*sealed, &body[..]);
    }

    #[test]
    fn no_bytes_make_the_parser_panic_and_what_parses_is_canonical(
        head in prop::collection::vec(prop_oneof![Just(0_u8), Just(4), any::<u8>()], 0..20),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = [head, tail].concat();
        let copy = bytes.clone();
        let key = run_key(&bytes);
        if let Ok(datagram) = Datagram::parse(&mut bytes) {
            prop_assert_eq!(&datagram.header().emit()[..], &copy[..16]);
            prop_assert_eq!(key.map(|key| key.spi), Some(datagram.header().spi));
        }
    }
}
