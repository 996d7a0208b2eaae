use super::*;
use proptest::prelude::*;

const STATION: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 9]);

fn frame(message: &[u8]) -> Vec<u8> {
    let frame = PortFrame {
        source: STATION,
        message,
    };
    frame.emit().unwrap()
}

fn with(mut bytes: Vec<u8>, offset: usize, new: &[u8]) -> Vec<u8> {
    bytes[offset..offset + new.len()].copy_from_slice(new);
    bytes
}

// REQ-MSEC-1
#[test]
fn a_frame_is_laid_out_as_the_text_says() {
    let bytes = frame(&[0xaa; 64]);
    let head = [
        0x01, 0x80, 0xc2, 0, 0, 3, 2, 0, 0, 0, 0, 9, 0x88, 0xb5, b'l', b'v', 1, 0, 0, 64,
    ];
    assert_eq!(bytes[..20], head);
    assert_eq!(bytes[20..], [0xaa; 64]);
    let parsed = PortFrame::parse(&bytes).unwrap();
    assert_eq!((parsed.source, parsed.message), (STATION, &bytes[20..]));
}

// REQ-MSEC-2
#[test]
fn each_fault_of_a_frame_has_its_own_error() {
    let good = frame(&[0xaa; 64]);
    let cases: [(usize, &[u8], PortFrameError); 10] = [
        (0, &[0xff; 6], PortFrameError::NotForUs),
        (5, &[0x0e], PortFrameError::NotForUs),
        (12, &[0x88, 0xb6], PortFrameError::NotForUs),
        (6, &[0x03], PortFrameError::NoStation),
        (6, &[0; 6], PortFrameError::NoStation),
        (14, b"lw", PortFrameError::Foreign),
        (16, &[2], PortFrameError::Version),
        (17, &[1], PortFrameError::ReservedBits),
        (19, &[65], PortFrameError::TooShort),
        (19, &[63], PortFrameError::TooLong),
    ];
    for (offset, new, error) in cases {
        let bytes = with(good.clone(), offset, new);
        assert_eq!(PortFrame::parse(&bytes), Err(error), "at {offset}");
    }
    for len in 0..good.len() {
        let cut = PortFrame::parse(&good[..len]);
        assert_eq!(cut, Err(PortFrameError::TooShort), "{len} octets");
    }
}

// REQ-MSEC-2: what pads a frame to 60 octets is no fault, one octet more is.
#[test]
fn short_frames_are_padded() {
    let mut bytes = frame(&[7; 10]);
    assert_eq!(bytes.len(), 60);
    assert_eq!(PortFrame::parse(&bytes).unwrap().message, [7; 10]);
    bytes.push(0);
    assert_eq!(PortFrame::parse(&bytes), Err(PortFrameError::TooLong));
}

fn offer() -> PortOffer {
    PortOffer {
        an: An::ALL[2],
        terms: PortTerms {
            suite: CipherSuite::GcmAesXpn256,
            protection: Protection::Integrity,
        },
        station: STATION,
    }
}

// REQ-MSEC-7
#[test]
fn an_offer_has_only_what_exists() {
    let good = [&offer().emit()[..], b"rest"].concat();
    assert_eq!(good[..10], [2, 4, 2, 0, 2, 0, 0, 0, 0, 9]);
    assert_eq!(PortOffer::split(&good), Ok((offer(), &b"rest"[..])));
    let cases: [(usize, &[u8], PayloadError); 9] = [
        (0, &[4], PayloadError::PortTerms),
        (0, &[255], PayloadError::PortTerms),
        (1, &[0], PayloadError::PortTerms),
        (1, &[5], PayloadError::PortTerms),
        (2, &[0], PayloadError::PortTerms),
        (2, &[3], PayloadError::PortTerms),
        (3, &[1], PayloadError::ReservedBits),
        (4, &[1], PayloadError::PortTerms),
        (4, &[0; 6], PayloadError::PortTerms),
    ];
    for (offset, new, error) in cases {
        let bytes = with(good.clone(), offset, new);
        assert_eq!(PortOffer::split(&bytes), Err(error), "{new:?} at {offset}");
    }
    for len in 0..PORT_OFFER_LEN {
        let cut = PortOffer::split(&good[..len]);
        assert_eq!(cut, Err(PayloadError::WrongLength));
    }
}

proptest! {
    #[test]
    fn what_is_parsed_is_what_was_sent(
        message in proptest::collection::vec(any::<u8>(), 0..1400),
        octets: [u8; 5],
    ) {
        let [a, b, c, d, e] = octets;
        let source = MacAddr::new([2, a, b, c, d, e]);
        let sent = PortFrame { source, message: &message };
        let bytes = sent.emit().unwrap();
        prop_assert_eq!(PortFrame::parse(&bytes), Ok(sent));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(parsed) = PortFrame::parse(&bytes) {
            prop_assert!(parsed.source.is_station());
        }
        let _offer = PortOffer::split(&bytes);
    }
}
