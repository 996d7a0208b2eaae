use super::*;
use crate::suite::limits;
use crate::testing::{
    AN, SCI, STRICT, counted, from, numbered, packets, plain, pn, rx, rx_with, sak,
};
use crate::{RxError, RxScError};
use linkveil_sa::Limits;

const SUITE: CipherSuite = CipherSuite::GcmAesXpn128;

fn number_of(rx: &crate::RxSecy) -> PacketNumber {
    let sak = rx.channels()[0].association(AN).unwrap();
    sak.next_pn()
}

// REQ-SECY-8
#[test]
fn the_first_number_is_one_of_the_suite() {
    for suite in CipherSuite::ALL {
        let made = |first| RxSak::new(sak(suite), from(suite, first)).err();
        assert_eq!(made(0), Some(TermsError::FirstPn));
        assert_eq!(made(1), None);
        assert_eq!(made(suite.last_pn().get()), None);
    }
    let suite = CipherSuite::GcmAes128;
    let beyond = RxSak::new(sak(suite), from(suite, 1 << 32));
    assert_eq!(beyond.err(), Some(TermsError::FirstPn));
}

// REQ-SECY-17
#[test]
fn reordered_frames_open_across_the_edge_of_the_lower_half() {
    for suite in [CipherSuite::GcmAesXpn128, CipherSuite::GcmAesXpn256] {
        let edge = 1_u64 << 32;
        let first = edge - 100;
        let mut rx = rx_with(STRICT, suite, from(suite, first));
        // Blocks of seven, each from its end to its start.
        for block in 0..30 {
            for back in (0..7).rev() {
                let number = first + block * 7 + back;
                let mut frame = numbered(suite, number);
                let mut again = frame.clone();
                let delivered = rx.validate(&mut frame).unwrap();
                let crate::Provenance::Channel(judged) = delivered.provenance() else {
                    panic!("not of a channel");
                };
                assert_eq!(judged.number, Some(pn(number)));
                assert_eq!(judged.first, block == 0 && back == 6);
                assert_eq!(delivered.into_frame(), plain(100));
                let error = rx.validate(&mut again).unwrap_err();
                assert_eq!(error, RxError::Channel(RxScError::Duplicate));
            }
        }
        assert_eq!(
            packets(&rx),
            [("in_pkts_duplicate", 210), ("in_pkts_ok", 210)]
        );
        assert_eq!(number_of(&rx), pn(first + 210));
    }
}

// REQ-SECY-17
#[test]
fn an_outage_of_two_giga_frames_is_survived_and_a_longer_one_is_not() {
    let mut rx = rx(SUITE);
    assert!(rx.validate(&mut numbered(SUITE, 10)).is_ok());
    let far = 10 + (1 << 31);
    assert!(rx.validate(&mut numbered(SUITE, far)).is_ok());
    let farther = far + 5 + 2 * (1 << 32);
    assert!(rx.validate(&mut numbered(SUITE, farther)).is_err());
    assert!(rx.validate(&mut numbered(SUITE, far + 1)).is_ok());
    assert_eq!(packets(&rx), [("in_pkts_not_valid", 1), ("in_pkts_ok", 3)]);
}

// REQ-SECY-18
#[test]
fn forgeries_leave_the_numbers_alone() {
    for suite in CipherSuite::ALL {
        let mut rx = rx(suite);
        assert!(rx.validate(&mut numbered(suite, 5)).is_ok());
        for number in [6, 7, 1_000, 1 << 31, u64::from(u32::MAX)] {
            let mut forged = numbered(suite, number);
            *forged.last_mut().unwrap() ^= 1;
            let error = rx.validate(&mut forged).unwrap_err();
            assert_eq!(error, RxError::Channel(RxScError::NotValid));
            assert_eq!(number_of(&rx), pn(6));
        }
        for number in [6, 4, 1_000] {
            assert!(rx.validate(&mut numbered(suite, number)).is_ok());
        }
        let sak = rx.channels()[0].association(AN).unwrap();
        assert_eq!((sak.usage().packets, sak.usage().failed_opens), (4, 5));
    }
}

// REQ-SECY-21
#[test]
fn too_many_forgeries_end_the_key_with_warning() {
    let terms = SaTerms {
        limits: Limits {
            failed_opens: 16,
            ..limits(SUITE)
        },
        ..SaTerms::of(SUITE)
    };
    let mut rx = rx_with(STRICT, SUITE, terms);
    let mut pressure = vec![];
    for count in 1..=16 {
        let mut forged = numbered(SUITE, count);
        forged[40] ^= 1;
        assert!(rx.validate(&mut forged).is_err());
        while let Some((sci, an, level)) = rx.take_pressure() {
            assert_eq!((sci, an), (SCI, AN));
            pressure.push((count, level));
        }
    }
    assert_eq!(pressure, [(14, Pressure::Soft), (15, Pressure::Late)]);
    let before = numbered(SUITE, 1);
    let mut frame = before.clone();
    let error = rx.validate(&mut frame).unwrap_err();
    assert_eq!(error, RxError::Channel(RxScError::Exhausted));
    assert_eq!(frame, before);
    let octets = 16 * 100;
    let wanted = [
        ("in_pkts_exhausted", 1),
        ("in_pkts_not_valid", 16),
        ("in_octets_decrypted", octets),
    ];
    assert_eq!(counted(&rx), wanted);
}

// REQ-SECY-21
#[test]
fn authentic_frames_do_not_use_a_receivers_key_up() {
    let terms = SaTerms {
        limits: Limits {
            packets: 3,
            bytes: 3,
            failed_opens: 1,
        },
        ..SaTerms::of(SUITE)
    };
    let mut rx = rx_with(STRICT, SUITE, terms);
    for number in 1..=10 {
        assert!(rx.validate(&mut numbered(SUITE, number)).is_ok());
    }
    assert_eq!(rx.take_pressure(), None);
}

// REQ-SECY-22
#[test]
fn debug_shows_no_key() {
    let shown = format!("{:?}", RxSak::new(sak(SUITE), from(SUITE, 1)).unwrap());
    assert!(
        shown.starts_with("RxSak") && !shown.contains("17, 17"),
        "{shown}"
    );
}
