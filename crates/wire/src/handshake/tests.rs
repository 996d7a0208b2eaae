use super::*;
use proptest::prelude::*;

const SENDER: u32 = 0x0a0b_0c0d;
const RECEIVER: u32 = 0x0102_0304;

fn spi(value: u32) -> Spi {
    Spi::new(value).unwrap()
}

fn initiation(noise_len: usize) -> Vec<u8> {
    let noise = vec![0xab; noise_len];
    Unmacced::initiation(spi(SENDER), &noise)
        .unwrap()
        .with_mac1(&[0x11; 16])
        .with_mac2(&[0x22; 16])
}

fn response(noise_len: usize) -> Vec<u8> {
    let noise = vec![0xcd; noise_len];
    Unmacced::response(spi(SENDER), spi(RECEIVER), &noise)
        .unwrap()
        .with_mac1(&[0x11; 16])
        .with_mac2(&[0x22; 16])
}

fn cookie_reply() -> Vec<u8> {
    CookieReply {
        receiver: spi(RECEIVER),
        nonce: &[0x33; 24],
        sealed: &[0x44; 32],
    }
    .emit()
}

/// Replaces bytes at an offset.
fn with(mut bytes: Vec<u8>, offset: usize, replacement: &[u8]) -> Vec<u8> {
    bytes[offset..offset + replacement.len()].copy_from_slice(replacement);
    bytes
}

#[test]
fn an_initiation_is_laid_out_byte_for_byte() {
    for (noise_len, total) in [(118, 158), (1302, 1342)] {
        let bytes = initiation(noise_len);
        assert_eq!(bytes.len(), total);
        assert_eq!(bytes[..8], [1, 0, 0, 0, 0x0a, 0x0b, 0x0c, 0x0d]);
        assert_eq!(bytes[8..8 + noise_len], vec![0xab; noise_len]);
        assert_eq!(bytes[total - 32..total - 16], [0x11; 16]);
        assert_eq!(bytes[total - 16..], [0x22; 16]);

        let message = Initiation::parse(&bytes).unwrap();
        assert_eq!(message.sender(), spi(SENDER));
        assert_eq!(message.noise(), vec![0xab; noise_len]);
        assert_eq!(message.mac1(), &[0x11; 16]);
        assert_eq!(message.mac2(), &[0x22; 16]);
        assert_eq!(message.bytes_before_mac1(), &bytes[..total - 32]);
        assert_eq!(message.bytes_before_mac2(), &bytes[..total - 16]);
    }
}

#[test]
fn a_response_is_laid_out_byte_for_byte() {
    for (noise_len, total) in [(72, 116), (1160, 1204)] {
        let bytes = response(noise_len);
        assert_eq!(bytes.len(), total);
        assert_eq!(
            bytes[..12],
            [2, 0, 0, 0, 0x0a, 0x0b, 0x0c, 0x0d, 1, 2, 3, 4]
        );
        let message = Response::parse(&bytes).unwrap();
        assert_eq!(message.sender(), spi(SENDER));
        assert_eq!(message.receiver(), spi(RECEIVER));
        assert_eq!(message.noise(), vec![0xcd; noise_len]);
        assert_eq!(message.mac1(), &[0x11; 16]);
        assert_eq!(message.mac2(), &[0x22; 16]);
        assert_eq!(message.bytes_before_mac1(), &bytes[..total - 32]);
        assert_eq!(message.bytes_before_mac2(), &bytes[..total - 16]);
    }
}

#[test]
fn a_cookie_reply_is_laid_out_byte_for_byte() {
    let bytes = cookie_reply();
    let expected = [
        &[3, 0, 0, 0, 1, 2, 3, 4][..],
        &[0x33; 24][..],
        &[0x44; 32][..],
    ]
    .concat();
    assert_eq!(bytes, expected);
    let reply = CookieReply::parse(&bytes).unwrap();
    assert_eq!(reply.receiver, spi(RECEIVER));
    assert_eq!(reply.nonce, &[0x33; 24]);
    assert_eq!(reply.sealed, &[0x44; 32]);
}

#[test]
fn without_a_cookie_mac2_is_zero() {
    // REQ-MAC-3
    let message = Unmacced::initiation(spi(1), &[7; 118])
        .unwrap()
        .with_mac1(&[9; 16]);
    assert_eq!(message.bytes().len(), 158 - 16);
    let bytes = message.without_cookie();
    assert_eq!(Initiation::parse(&bytes).unwrap().mac2(), &[0; 16]);
}

#[test]
fn what_a_mac_covers_is_the_same_when_written_and_when_read() {
    let unmacced = Unmacced::response(spi(1), spi(2), &[7; 72]).unwrap();
    let before_mac1 = unmacced.bytes().to_vec();
    let mac1_done = unmacced.with_mac1(&[9; 16]);
    let before_mac2 = mac1_done.bytes().to_vec();
    let bytes = mac1_done.without_cookie();
    let message = Response::parse(&bytes).unwrap();
    assert_eq!(message.bytes_before_mac1(), before_mac1);
    assert_eq!(message.bytes_before_mac2(), before_mac2);
}

#[test]
fn no_other_length_is_valid() {
    // REQ-HDR-3
    for len in 0..2000 {
        let mut bytes = vec![0; len];
        let mut parse_as = |kind: u8| {
            if let Some(prefix) = bytes.first_chunk_mut::<12>() {
                *prefix = [kind, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
            }
            match kind {
                1 => Initiation::parse(&bytes).err(),
                2 => Response::parse(&bytes).err(),
                _ => CookieReply::parse(&bytes).err(),
            }
        };
        let short = Some(HandshakeError::WrongLength);
        let expect = |valid: bool, got: Option<HandshakeError>| match (valid, got) {
            (true, None) => {}
            (false, got) if got == short => {}
            (false, Some(HandshakeError::WrongType)) if len < 12 => {}
            other => panic!("{len} bytes: {other:?}"),
        };
        expect([158, 1342].contains(&len), parse_as(1));
        expect([116, 1204].contains(&len), parse_as(2));
        expect(len == 64, parse_as(3));
    }
}

#[test]
fn noise_of_an_impossible_length_is_not_sent() {
    for len in [0, 71, 73, 117, 119, 1159, 1161, 1301, 1303] {
        let noise = vec![0; len];
        let wrong = HandshakeError::WrongLength;
        assert_eq!(Unmacced::initiation(spi(1), &noise).unwrap_err(), wrong);
        assert_eq!(
            Unmacced::response(spi(1), spi(2), &noise).unwrap_err(),
            wrong
        );
    }
}

#[test]
fn each_reserved_bit_is_refused_in_each_message() {
    // REQ-HDR-2
    for bit in 0..24 {
        let [_, reserved @ ..] = (1_u32 << bit).to_be_bytes();
        let refused = HandshakeError::ReservedBits;
        let bytes = with(initiation(118), 1, &reserved);
        assert_eq!(Initiation::parse(&bytes).unwrap_err(), refused);
        let bytes = with(response(72), 1, &reserved);
        assert_eq!(Response::parse(&bytes).unwrap_err(), refused);
        let bytes = with(cookie_reply(), 1, &reserved);
        assert_eq!(CookieReply::parse(&bytes).unwrap_err(), refused);
    }
}

#[test]
fn spi_zero_is_refused_in_each_place() {
    // REQ-HDR-7
    let refused = HandshakeError::ZeroSpi;
    let bytes = with(initiation(118), 4, &[0; 4]);
    assert_eq!(Initiation::parse(&bytes).unwrap_err(), refused);
    let bytes = with(response(72), 4, &[0; 4]);
    assert_eq!(Response::parse(&bytes).unwrap_err(), refused);
    let bytes = with(response(72), 8, &[0; 4]);
    assert_eq!(Response::parse(&bytes).unwrap_err(), refused);
    let bytes = with(cookie_reply(), 4, &[0; 4]);
    assert_eq!(CookieReply::parse(&bytes).unwrap_err(), refused);
}

#[test]
fn one_message_is_not_taken_for_another() {
    let wrong = HandshakeError::WrongType;
    for kind in (0..=u8::MAX).filter(|kind| *kind != 1) {
        let bytes = with(initiation(118), 0, &[kind]);
        assert_eq!(Initiation::parse(&bytes).unwrap_err(), wrong);
    }
    for kind in (0..=u8::MAX).filter(|kind| *kind != 2) {
        let bytes = with(response(72), 0, &[kind]);
        assert_eq!(Response::parse(&bytes).unwrap_err(), wrong);
    }
    for kind in (0..=u8::MAX).filter(|kind| *kind != 3) {
        let bytes = with(cookie_reply(), 0, &[kind]);
        assert_eq!(CookieReply::parse(&bytes).unwrap_err(), wrong);
    }
}

/// Bytes that get past the first checks often: right lengths, right types, any of the rest.
fn nearly_a_message() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![
        Just(158),
        Just(1342),
        Just(116),
        Just(1204),
        Just(64),
        0..1400_usize
    ];
    (len, 0..6_u8, any::<[u8; 3]>(), any::<bool>(), any::<u8>()).prop_map(
        |(len, kind, reserved, clean, fill)| {
            let mut bytes = vec![fill; len];
            if let Some(prefix) = bytes.first_chunk_mut::<4>() {
                let [a, b, c] = if clean { [0; 3] } else { reserved };
                *prefix = [kind, a, b, c];
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic_and_what_parses_is_canonical(bytes in nearly_a_message()) {
        if let Ok(m) = Initiation::parse(&bytes) {
            let again = Unmacced::initiation(m.sender(), m.noise()).unwrap()
                .with_mac1(m.mac1()).with_mac2(m.mac2());
            prop_assert_eq!(&again, &bytes);
        }
        if let Ok(m) = Response::parse(&bytes) {
            let again = Unmacced::response(m.sender(), m.receiver(), m.noise()).unwrap()
                .with_mac1(m.mac1()).with_mac2(m.mac2());
            prop_assert_eq!(&again, &bytes);
        }
        if let Ok(m) = CookieReply::parse(&bytes) {
            prop_assert_eq!(m.emit(), bytes);
        }
    }
}

// REQ-MSEC-5
#[test]
fn messages_on_ports_are_ten_bytes_longer_and_no_other_length() {
    let spi = Spi::new(7).unwrap();
    for noise in [INITIATION_NOISE_LEN, INITIATION_NOISE_LEN_HYBRID] {
        let noise = vec![5; noise + PORT_OFFER_LEN];
        let message = Unmacced::initiation(spi, &noise).unwrap();
        let bytes = message.with_mac1(&[1; 16]).without_cookie();
        assert_eq!(Initiation::parse_on_port(&bytes).unwrap().noise(), noise);
        let wrong = Some(HandshakeError::WrongLength);
        assert_eq!(Initiation::parse(&bytes).err(), wrong);
        assert_eq!(
            Initiation::parse_on_port(&bytes[..bytes.len() - 10]).err(),
            wrong
        );
    }
    for noise in [RESPONSE_NOISE_LEN, RESPONSE_NOISE_LEN_HYBRID] {
        let noise = vec![5; noise + PORT_OFFER_LEN];
        let message = Unmacced::response(spi, spi, &noise).unwrap();
        let bytes = message.with_mac1(&[1; 16]).without_cookie();
        assert_eq!(Response::parse_on_port(&bytes).unwrap().noise(), noise);
        let wrong = Some(HandshakeError::WrongLength);
        assert_eq!(Response::parse(&bytes).err(), wrong);
        assert_eq!(
            Response::parse_on_port(&bytes[..bytes.len() - 10]).err(),
            wrong
        );
    }
}
