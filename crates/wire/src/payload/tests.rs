use super::*;
use proptest::prelude::*;

fn payload1() -> InitiationPayload {
    InitiationPayload {
        timestamp: Timestamp::from_unix(1_700_000_000, 5),
        spi: Spi::new(0xcafe_f00d).unwrap(),
        lanes: LaneCount::new(3).unwrap(),
        source_ports: SourcePorts::ONE,
        flags: HandshakeFlags::NONE,
        mtu: InnerMtu::new(1424).unwrap(),
        encapsulation_key: None,
    }
}

fn payload2(status: ResponseStatus) -> ResponsePayload {
    ResponsePayload {
        status,
        flags: HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM,
        lanes: LaneCount::new(64).unwrap(),
        source_ports: SourcePorts::ONE,
        spi: Spi::new(0x0102_0304).unwrap(),
        mtu: InnerMtu::new(8924).unwrap(),
        ciphertext: None,
    }
}

fn with(mut bytes: Vec<u8>, offset: usize, replacement: &[u8]) -> Vec<u8> {
    bytes[offset..offset + replacement.len()].copy_from_slice(replacement);
    bytes
}

#[test]
fn payload_1_is_laid_out_byte_for_byte() {
    let bytes = payload1().emit();
    assert_eq!(
        hex::encode(&bytes),
        "400000006553f10a00000005cafef00d030100000590"
    );
    assert_eq!(InitiationPayload::parse(&bytes), Ok(payload1()));
}

#[test]
fn payload_1_ends_with_the_kem_key_and_says_so() {
    // REQ-HS-6
    let payload = InitiationPayload {
        encapsulation_key: Some(Box::new([0x5a; 1184])),
        flags: HandshakeFlags::POST_QUANTUM.union(HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM),
        ..payload1()
    };
    let bytes = payload.emit();
    assert_eq!(bytes.len(), 1206);
    assert_eq!(bytes[18], 3);
    assert_eq!(bytes[22..], [0x5a; 1184]);
    assert_eq!(InitiationPayload::parse(&bytes), Ok(payload));
}

#[test]
fn payload_2_is_laid_out_byte_for_byte() {
    let payload = payload2(ResponseStatus::Ok);
    let bytes = payload.emit();
    assert_eq!(
        hex::encode(&bytes),
        "000240010102030422dc0000000000000000000000000000"
    );
    assert_eq!(ResponsePayload::parse(&bytes), Ok(payload));

    let last = Timestamp::from_unix(1_700_000_000, 5);
    let payload = payload2(ResponseStatus::Stale { last });
    let bytes = payload.emit();
    assert_eq!(
        hex::encode(&bytes),
        "010240010102030422dc0000400000006553f10a00000005"
    );
    assert_eq!(ResponsePayload::parse(&bytes), Ok(payload));

    let payload = payload2(ResponseStatus::PostQuantumRequired);
    let bytes = payload.emit();
    assert_eq!(bytes[0], 2);
    assert_eq!(ResponsePayload::parse(&bytes), Ok(payload));
}

#[test]
fn payload_2_ends_with_the_ciphertext_and_says_so() {
    let payload = ResponsePayload {
        ciphertext: Some(Box::new([0xa5; 1088])),
        flags: HandshakeFlags::POST_QUANTUM,
        ..payload2(ResponseStatus::Ok)
    };
    let bytes = payload.emit();
    assert_eq!((bytes.len(), bytes[1]), (1112, 1));
    assert_eq!(bytes[24..], [0xa5; 1088]);
    assert_eq!(ResponsePayload::parse(&bytes), Ok(payload));
}

#[test]
fn the_post_quantum_flag_follows_the_kem_part() {
    let lying = InitiationPayload {
        flags: HandshakeFlags::POST_QUANTUM,
        ..payload1()
    };
    assert_eq!(lying.emit(), payload1().emit());
    let silent = ResponsePayload {
        ciphertext: Some(Box::new([1; 1088])),
        ..payload2(ResponseStatus::Ok)
    };
    let parsed = ResponsePayload::parse(&silent.emit()).unwrap();
    assert!(parsed.flags.contains(HandshakeFlags::POST_QUANTUM));
}

#[test]
fn no_length_but_the_one_that_the_flags_ask_for_is_valid() {
    // REQ-HS-6
    let hybrid = InitiationPayload {
        encapsulation_key: Some(Box::new([0; 1184])),
        ..payload1()
    };
    let hybrid = hybrid.emit();
    for len in 0..hybrid.len() {
        assert_eq!(
            InitiationPayload::parse(&hybrid[..len]),
            Err(PayloadError::WrongLength)
        );
    }
    let longer = [hybrid, vec![0]].concat();
    assert_eq!(
        InitiationPayload::parse(&longer),
        Err(PayloadError::WrongLength)
    );
    let short = payload1().emit();
    for len in 0..short.len() {
        assert_eq!(
            InitiationPayload::parse(&short[..len]),
            Err(PayloadError::WrongLength)
        );
    }
    for extra in [1, 16, 1184] {
        let bytes = [short.clone(), vec![0; extra]].concat();
        assert_eq!(
            InitiationPayload::parse(&bytes),
            Err(PayloadError::WrongLength)
        );
    }
}

#[test]
fn every_truncation_of_payload_2_is_refused() {
    // REQ-HS-6
    let bytes = payload2(ResponseStatus::Ok).emit();
    for len in 0..bytes.len() {
        assert_eq!(
            ResponsePayload::parse(&bytes[..len]),
            Err(PayloadError::WrongLength)
        );
    }
    let hybrid = with([bytes.clone(), vec![0; 1088]].concat(), 1, &[1]);
    assert!(ResponsePayload::parse(&hybrid).is_ok());
    for len in bytes.len()..hybrid.len() {
        assert_eq!(
            ResponsePayload::parse(&hybrid[..len]),
            Err(PayloadError::WrongLength)
        );
    }
    let longer = [hybrid, vec![0]].concat();
    assert_eq!(
        ResponsePayload::parse(&longer),
        Err(PayloadError::WrongLength)
    );
}

#[test]
fn every_field_of_payload_1_out_of_range_has_its_error() {
    // REQ-HS-7, REQ-HS-8, REQ-HS-9
    let cases: &[(usize, &[u8], PayloadError)] = &[
        (0, &[0x80], PayloadError::MalformedTimestamp),
        (
            8,
            &[0x3b, 0x9a, 0xca, 0x00],
            PayloadError::MalformedTimestamp,
        ),
        (12, &[0; 4], PayloadError::ZeroSpi),
        (16, &[0], PayloadError::LanesOutOfRange),
        (16, &[65], PayloadError::LanesOutOfRange),
        (17, &[0], PayloadError::ZeroSourcePorts),
        (19, &[1], PayloadError::ReservedBits),
        (19, &[0x80], PayloadError::ReservedBits),
        (20, &575_u16.to_be_bytes(), PayloadError::MtuOutOfRange),
        (20, &65_460_u16.to_be_bytes(), PayloadError::MtuOutOfRange),
    ];
    for (offset, bytes, expected) in cases {
        let bytes = with(payload1().emit(), *offset, bytes);
        assert_eq!(InitiationPayload::parse(&bytes), Err(*expected));
    }
    for bit in 2..8 {
        let bytes = with(payload1().emit(), 18, &[1 << bit]);
        assert_eq!(
            InitiationPayload::parse(&bytes),
            Err(PayloadError::ReservedBits)
        );
    }
}

#[test]
fn every_field_of_payload_2_out_of_range_has_its_error() {
    // REQ-HS-7, REQ-HS-8, REQ-HS-17
    let cases: &[(usize, &[u8], PayloadError)] = &[
        (0, &[3], PayloadError::UnknownStatus),
        (0, &[0xff], PayloadError::UnknownStatus),
        (1, &[4], PayloadError::ReservedBits),
        (2, &[0], PayloadError::LanesOutOfRange),
        (2, &[65], PayloadError::LanesOutOfRange),
        (3, &[0], PayloadError::ZeroSourcePorts),
        (4, &[0; 4], PayloadError::ZeroSpi),
        (8, &[0; 2], PayloadError::MtuOutOfRange),
        (10, &[1], PayloadError::ReservedBits),
        (11, &[1], PayloadError::ReservedBits),
        (12, &[0x80], PayloadError::MalformedTimestamp),
    ];
    for (offset, bytes, expected) in cases {
        let bytes = with(payload2(ResponseStatus::Ok).emit(), *offset, bytes);
        assert_eq!(ResponsePayload::parse(&bytes), Err(*expected));
    }
}

#[test]
fn other_counts_of_source_ports_are_taken() {
    // REQ-HS-11
    let bytes = with(payload1().emit(), 17, &[8]);
    let parsed = InitiationPayload::parse(&bytes).unwrap();
    assert_eq!(parsed.source_ports.get(), 8);
}

#[test]
fn a_response_must_not_contradict_its_status() {
    // REQ-HS-15, REQ-HS-16
    let contradiction = Err(PayloadError::ContradictsStatus);
    let with_time = with(payload2(ResponseStatus::Ok).emit(), 23, &[1]);
    assert_eq!(ResponsePayload::parse(&with_time), contradiction);
    let refusal = with(with_time, 0, &[2]);
    assert_eq!(ResponsePayload::parse(&refusal), contradiction);
    let last = Timestamp::from_unix(3, 4);
    for status in [
        ResponseStatus::Stale { last },
        ResponseStatus::PostQuantumRequired,
    ] {
        let with_ciphertext = ResponsePayload {
            ciphertext: Some(Box::new([0; 1088])),
            ..payload2(status)
        };
        assert_eq!(
            ResponsePayload::parse(&with_ciphertext.emit()),
            contradiction
        );
    }
}

#[test]
fn flags_are_a_set_of_two() {
    let both = HandshakeFlags::POST_QUANTUM.union(HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM);
    assert_eq!(HandshakeFlags::from_bits(3), Some(both));
    for bits in 4..=u8::MAX {
        assert_eq!(HandshakeFlags::from_bits(bits), None);
    }
    assert!(both.contains(HandshakeFlags::POST_QUANTUM));
    assert!(!HandshakeFlags::NONE.contains(HandshakeFlags::POST_QUANTUM));
    assert_eq!(
        both.difference(HandshakeFlags::POST_QUANTUM),
        HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM
    );
}

fn any_timestamp() -> impl Strategy<Value = Timestamp> {
    (any::<u64>(), any::<u32>()).prop_map(|(secs, nanos)| Timestamp::from_unix(secs, nanos))
}

fn checksum_flag() -> impl Strategy<Value = HandshakeFlags> {
    prop_oneof![
        Just(HandshakeFlags::NONE),
        Just(HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM)
    ]
}

prop_compose! {
    fn any_payload1()(
        timestamp in any_timestamp(), spi in 1..=u32::MAX, lanes in 1..=64_u8, ports in 1..=u8::MAX,
        mtu in 576..=65_459_u16, flags in checksum_flag(), key in any::<Option<u8>>(),
    ) -> InitiationPayload {
        let encapsulation_key = key.map(|byte| Box::new([byte; 1184]));
        InitiationPayload {
            timestamp,
            spi: Spi::new(spi).unwrap(),
            lanes: LaneCount::new(lanes).unwrap(),
            source_ports: SourcePorts::new(ports).unwrap(),
            flags: flags.for_kem(encapsulation_key.as_ref()),
            mtu: InnerMtu::new(mtu).unwrap(),
            encapsulation_key,
        }
    }
}

prop_compose! {
    fn any_payload2()(
        status in prop_oneof![
            Just(ResponseStatus::Ok),
            any_timestamp().prop_map(|last| ResponseStatus::Stale { last }),
            Just(ResponseStatus::PostQuantumRequired),
        ],
        spi in 1..=u32::MAX, lanes in 1..=64_u8, ports in 1..=u8::MAX,
        mtu in 576..=65_459_u16, flags in checksum_flag(), ciphertext in any::<Option<u8>>(),
    ) -> ResponsePayload {
        let ciphertext = ciphertext
            .filter(|_| status == ResponseStatus::Ok)
            .map(|byte| Box::new([byte; 1088]));
        ResponsePayload {
            status,
            flags: flags.for_kem(ciphertext.as_ref()),
            lanes: LaneCount::new(lanes).unwrap(),
            source_ports: SourcePorts::new(ports).unwrap(),
            spi: Spi::new(spi).unwrap(),
            mtu: InnerMtu::new(mtu).unwrap(),
            ciphertext,
        }
    }
}

proptest! {
    #[test]
    fn a_written_payload_1_reads_back(payload in any_payload1()) {
        prop_assert_eq!(InitiationPayload::parse(&payload.emit()), Ok(payload));
    }

    #[test]
    fn a_written_payload_2_reads_back(payload in any_payload2()) {
        prop_assert_eq!(ResponsePayload::parse(&payload.emit()), Ok(payload));
    }

    #[test]
    fn a_damaged_payload_1_is_refused_or_canonical(payload in any_payload1(), at in 0..22_usize, byte in any::<u8>()) {
        let mut bytes = payload.emit();
        bytes[at] = byte;
        if let Ok(parsed) = InitiationPayload::parse(&bytes) {
            prop_assert_eq!(parsed.emit(), bytes);
        }
    }

    #[test]
    fn a_damaged_payload_2_is_refused_or_canonical(payload in any_payload2(), at in 0..24_usize, byte in any::<u8>()) {
        let mut bytes = payload.emit();
        bytes[at] = byte;
        if let Ok(parsed) = ResponsePayload::parse(&bytes) {
            prop_assert_eq!(parsed.emit(), bytes);
        }
    }

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..1300)) {
        if let Ok(parsed) = InitiationPayload::parse(&bytes) {
            prop_assert_eq!(parsed.emit(), bytes.clone());
        }
        if let Ok(parsed) = ResponsePayload::parse(&bytes) {
            prop_assert_eq!(parsed.emit(), bytes);
        }
    }
}

// REQ-MSEC-10
#[test]
fn terms_differ_between_ports_only() {
    let bytes = payload2(ResponseStatus::TermsDiffer).emit();
    assert_eq!(bytes[0], 3);
    let refused = ResponsePayload::parse(&bytes);
    assert_eq!(refused, Err(PayloadError::UnknownStatus));
    let on_port = ResponsePayload::parse_on_port(&bytes).unwrap();
    assert_eq!(on_port.status, ResponseStatus::TermsDiffer);
}
