use super::*;
use crate::geneve::{GeneveError, GeneveFrame};
use proptest::prelude::*;

fn samples() -> Vec<(ControlFrame, &'static str)> {
    let token = Token(*b"\x01\x02\x03\x04\x05\x06\x07\x08");
    let challenge = Challenge([0xc5; 16]);
    vec![
        (ControlFrame::Confirm, "01000000"),
        (ControlFrame::ConfirmAck, "02000000"),
        (ControlFrame::Probe(token), "030000000102030405060708"),
        (ControlFrame::ProbeAck(token), "040000000102030405060708"),
        (
            ControlFrame::PathChallenge(challenge),
            "05000000c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5",
        ),
        (
            ControlFrame::PathResponse(challenge),
            "06000000c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5",
        ),
        (
            ControlFrame::MtuProbe { token, size: 1500 },
            "07000000010203040506070805dc",
        ),
        (
            ControlFrame::MtuProbeAck { token, size: 9000 },
            "0800000001020304050607082328",
        ),
        (
            ControlFrame::SaDelete(Spi::new(0xdead_beef).unwrap()),
            "09000000deadbeef",
        ),
        (ControlFrame::Keepalive, "0a000000"),
    ]
}

fn parse(plaintext: &[u8]) -> Result<ControlFrame, ControlError> {
    match GeneveFrame::parse(plaintext) {
        Ok(GeneveFrame::Control(frame)) => Ok(frame),
        Err(GeneveError::Control(error)) => Err(error),
        other => panic!("not a control frame: {other:?}"),
    }
}

#[test]
fn every_kind_is_laid_out_byte_for_byte() {
    // REQ-CTRL-1, REQ-PAD-1
    for (frame, body) in samples() {
        let mut expected = hex::decode("0080000000000000").unwrap();
        expected.extend(hex::decode(body).unwrap());
        expected.resize(expected.len().next_multiple_of(16), 0);
        let bytes = frame.emit();
        assert_eq!(&bytes[..], expected, "{frame:?}");
        assert_eq!(parse(&bytes), Ok(frame));
        assert_eq!(bytes[8], frame.kind());
    }
}

#[test]
fn every_kind_is_sampled_once() {
    let kinds: Vec<_> = samples().iter().map(|(frame, _)| frame.kind()).collect();
    assert_eq!(kinds, (1..=10).collect::<Vec<_>>());
}

#[test]
fn every_truncation_is_too_short() {
    // REQ-CTRL-2
    for (frame, body) in samples() {
        let needed = 8 + body.len() / 2;
        for len in 8..needed {
            assert_eq!(parse(&frame.emit()[..len]), Err(ControlError::TooShort));
        }
        assert_eq!(parse(&frame.emit()[..needed]), Ok(frame));
    }
}

#[test]
fn unknown_kinds_are_refused() {
    // REQ-CTRL-3
    for kind in 0..=u8::MAX {
        let mut bytes = [0xff; 40];
        bytes[..8].copy_from_slice(&[0, 0x80, 0, 0, 0, 0, 0, 0]);
        bytes[8..12].copy_from_slice(&[kind, 0, 0, 0]);
        let known = (1..=10).contains(&kind);
        match parse(&bytes) {
            Ok(frame) => assert!(known && frame.kind() == kind),
            Err(error) => assert!(!known && error == ControlError::UnknownKind),
        }
    }
}

#[test]
fn each_reserved_bit_is_refused() {
    // REQ-CTRL-4
    for (frame, _) in samples() {
        for bit in 0..24 {
            let mut bytes = frame.emit().to_vec();
            bytes[9 + bit / 8] |= 1 << (bit % 8);
            assert_eq!(parse(&bytes), Err(ControlError::ReservedBits));
        }
    }
}

#[test]
fn an_sa_delete_of_spi_zero_is_refused() {
    // REQ-CTRL-5
    let mut bytes = ControlFrame::SaDelete(Spi::new(1).unwrap()).emit().to_vec();
    bytes[15] = 0;
    assert_eq!(parse(&bytes), Err(ControlError::ZeroSpi));
}

#[test]
fn what_follows_the_fields_is_ignored() {
    // REQ-CTRL-6
    for (frame, body) in samples() {
        let fields = 8 + body.len() / 2;
        let mut bytes = frame.emit()[..fields].to_vec();
        bytes.resize(1500, 0xee);
        assert_eq!(parse(&bytes), Ok(frame));
    }
}

#[test]
fn each_other_header_bit_is_refused() {
    // REQ-CTRL-1
    for (frame, _) in samples() {
        let good = frame.emit();
        for bit in 0..64 {
            let mut bytes = good.to_vec();
            bytes[bit / 8] |= 1 << (bit % 8);
            if bytes == good[..] {
                // The O bit itself.
                continue;
            }
            let error = GeneveFrame::parse(&bytes).unwrap_err();
            assert!(
                matches!(
                    error,
                    GeneveError::MalformedControlHeader
                        | GeneveError::UnknownVersion
                        | GeneveError::ReservedBits
                ),
                "bit {bit}: {error:?}"
            );
        }
    }
}

#[test]
fn tokens_are_shown_in_hexadecimal() {
    assert_eq!(Token([0xab; 8]).to_string(), "ab".repeat(8));
    assert_eq!(
        format!("{:?}", Challenge([1; 16])),
        format!("Challenge({})", "01".repeat(16))
    );
}

fn any_frame() -> impl Strategy<Value = ControlFrame> {
    let token = || any::<[u8; 8]>().prop_map(Token);
    let challenge = || any::<[u8; 16]>().prop_map(Challenge);
    prop_oneof![
        Just(ControlFrame::Confirm),
        Just(ControlFrame::ConfirmAck),
        token().prop_map(ControlFrame::Probe),
        token().prop_map(ControlFrame::ProbeAck),
        challenge().prop_map(ControlFrame::PathChallenge),
        challenge().prop_map(ControlFrame::PathResponse),
        (token(), any::<u16>()).prop_map(|(token, size)| ControlFrame::MtuProbe { token, size }),
        (token(), any::<u16>()).prop_map(|(token, size)| ControlFrame::MtuProbeAck { token, size }),
        (1..=u32::MAX).prop_map(|spi| ControlFrame::SaDelete(Spi::new(spi).unwrap())),
        Just(ControlFrame::Keepalive),
    ]
}

proptest! {
    #[test]
    fn a_written_frame_reads_back(frame in any_frame()) {
        let bytes = frame.emit();
        prop_assert_eq!(bytes.len() % 16, 0);
        prop_assert!(bytes.len() <= MAX_CONTROL_LEN);
        prop_assert_eq!(parse(&bytes), Ok(frame));
    }

    #[test]
    fn no_body_makes_the_parser_panic(kind in 0..12_u8, body in prop::collection::vec(any::<u8>(), 0..40)) {
        let bytes = [&[0, 0x80, 0, 0, 0, 0, 0, 0, kind, 0, 0, 0], &body[..]].concat();
        if let Ok(frame) = parse(&bytes) {
            prop_assert_eq!(parse(&frame.emit()), Ok(frame));
        }
    }
}
