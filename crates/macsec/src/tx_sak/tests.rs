use super::*;
use crate::suite::limits;
use crate::testing::{config, from, plain, pn, sak, secure, sent, tx_with, with_room};
use linkveil_sa::Limits;

const FOUR_GIGA: u64 = 1 << 32;

// REQ-SECY-8
#[test]
fn numbers_begin_where_the_terms_say_and_count_up() {
    for suite in CipherSuite::ALL {
        for first in [1, 5, 0xffff_fff0] {
            let mut tx = tx_with(config(suite), from(suite, first));
            for number in first..first + 10 {
                let mut frame = with_room(&tx, &plain(60));
                assert_eq!(tx.protect(&mut frame), Ok(pn(number)));
                let field = u32::from_be_bytes(frame[16..20].try_into().unwrap());
                assert_eq!(u64::from(field), number % FOUR_GIGA);
            }
        }
    }
}

// REQ-SECY-8
#[test]
fn the_first_number_is_one_of_the_suite() {
    for suite in CipherSuite::ALL {
        let made = |first| TxSak::new(sak(suite), from(suite, first)).err();
        assert_eq!(made(0), Some(TermsError::FirstPn));
        assert_eq!(made(1), None);
        assert_eq!(made(suite.last_pn().get()), None);
        let beyond = (suite.pn_width() == linkveil_wire::sectag::PnWidth::Bits32)
            .then_some(TermsError::FirstPn);
        assert_eq!(made(FOUR_GIGA), beyond);
    }
}

// REQ-SECY-8, REQ-SECY-9
#[test]
fn the_last_number_is_used_and_none_comes_after_it() {
    for suite in CipherSuite::ALL {
        let last = suite.last_pn().get();
        let mut tx = tx_with(config(suite), from(suite, last - 31));
        let mut pressure = vec![];
        for count in 1..=32 {
            secure(&mut tx, &plain(60));
            while let Some((_, level)) = tx.take_pressure() {
                pressure.push((count, level));
            }
        }
        assert_eq!(pressure, [(28, Pressure::Soft), (30, Pressure::Late)]);
        let sak = tx.association(crate::testing::AN).unwrap();
        assert_eq!(sak.next_pn(), None);
        assert!((sak.usage().share - 1.0).abs() < 1e-9);
        let before = with_room(&tx, &plain(60));
        for _ in 0..3 {
            let mut frame = before.clone();
            assert_eq!(tx.protect(&mut frame), Err(ProtectError::Exhausted));
            assert_eq!(frame, before);
        }
        let counted = [
            ("out_pkts_encrypted", 32),
            ("out_octets_encrypted", 32 * 60),
            ("out_pkts_exhausted", 3),
        ];
        assert_eq!(sent(&tx), counted);
    }
}

// REQ-SECY-9
#[test]
fn other_limits_end_a_key_as_well() {
    let suite = CipherSuite::GcmAesXpn256;
    // A frame of 60 octets of user data and 28 before them is 88 octets in 6 blocks, and one more.
    for (limits, frames) in [
        (
            Limits {
                packets: 16,
                ..limits(suite)
            },
            16,
        ),
        (
            Limits {
                bytes: 7 * 16 * 32,
                ..limits(suite)
            },
            32,
        ),
    ] {
        let terms = SaTerms {
            limits,
            ..SaTerms::of(suite)
        };
        let mut tx = tx_with(config(suite), terms);
        for _ in 0..frames {
            secure(&mut tx, &plain(60));
        }
        assert_eq!(tx.take_pressure().unwrap().1, Pressure::Soft);
        let mut frame = with_room(&tx, &plain(60));
        assert_eq!(tx.protect(&mut frame), Err(ProtectError::Exhausted));
        let sak = tx.association(crate::testing::AN).unwrap();
        assert_eq!(sak.next_pn(), Some(pn(frames + 1)), "numbers are left");
    }
}

// REQ-SECY-11
#[test]
fn numbers_above_the_reserved_ones_wait() {
    let suite = CipherSuite::GcmAes256;
    let mut tx = tx_with(config(suite), from(suite, 100));
    let reserve = |tx: &mut crate::TxSc, last| {
        let sak = tx.association_mut(crate::testing::AN).unwrap();
        sak.reserve_through(pn(last));
    };
    reserve(&mut tx, 101);
    let protect = |tx: &mut crate::TxSc| {
        let mut frame = with_room(tx, &plain(60));
        tx.protect(&mut frame)
    };
    assert_eq!(protect(&mut tx), Ok(pn(100)));
    assert_eq!(protect(&mut tx), Ok(pn(101)));
    assert_eq!(protect(&mut tx), Err(ProtectError::Unreserved));
    assert_eq!(protect(&mut tx), Err(ProtectError::Unreserved));
    reserve(&mut tx, 102);
    assert_eq!(protect(&mut tx), Ok(pn(102)), "no number was lost");
    assert_eq!(protect(&mut tx), Err(ProtectError::Unreserved));
    assert_eq!(tx.counters().get(crate::TxCounter::OutPktsUnreserved), 3);
}

// REQ-SECY-22
#[test]
fn debug_shows_no_key() {
    let suite = CipherSuite::GcmAes128;
    let shown = format!("{:?}", TxSak::new(sak(suite), from(suite, 1)).unwrap());
    assert!(
        shown.starts_with("TxSak") && !shown.contains("17, 17"),
        "{shown}"
    );
}
