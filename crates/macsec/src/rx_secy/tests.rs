use super::*;
use crate::policy::ReplayProtect;
use crate::sa::SaTerms;
use crate::testing::{
    AN, OTHER_SCI, SCI, SOURCE, STRICT, config, packets, plain, policy, rx, rx_with, sak, sak_of,
    secure, tx, tx_with,
};
use crate::{Protection, TxConfig, TxForm, TxSc};
use linkveil_wire::PortId;
use proptest::prelude::*;
use std::time::Duration;

const SUITE: CipherSuite = CipherSuite::GcmAesXpn256;
const FORMS: [TxForm; 3] = [TxForm::Explicit, TxForm::EndStation, TxForm::PointToPoint];
const PROTECTIONS: [Protection; 2] = [Protection::Confidentiality, Protection::Integrity];

fn sender(form: TxForm, protection: Protection) -> TxSc {
    let config = TxConfig {
        form,
        protection,
        ..config(SUITE)
    };
    tx_with(config, SaTerms::of(SUITE))
}

fn secured(form: TxForm, protection: Protection, len: usize) -> Vec<u8> {
    secure(&mut sender(form, protection), &plain(len))
}

fn validated(validate: Validate) -> RxSecy {
    let policy = policy(validate, ReplayProtect::On, 100);
    rx_with(policy, SUITE, SaTerms::of(SUITE))
}

/// The error of a fresh receiver, which must be counted once, under this name, and under no other.
fn refused(mut frame: Vec<u8>) -> (RxError, &'static str) {
    let mut rx = rx(SUITE);
    let error = rx.validate(&mut frame).unwrap_err();
    let counted = packets(&rx);
    assert_eq!(counted.len(), 1, "{error}: {counted:?}");
    assert_eq!(counted[0].1, 1);
    (error, counted[0].0)
}

/// Where the octet with TCI and AN is.
const TCI_AT: usize = 14;
const SL_AT: usize = 15;
const BAD_TAG: &str = "in_pkts_bad_tag";

// REQ-SECY-2, REQ-SECY-4, REQ-SECY-14
#[test]
fn each_fault_of_a_frame_has_its_counter() {
    let good = || secured(TxForm::Explicit, Protection::Confidentiality, 100);
    let with = |at: usize, xor: u8| {
        let mut frame = good();
        frame[at] ^= xor;
        refused(frame)
    };
    let channel = RxError::Channel;
    assert_eq!(with(12, 1), (RxError::NoTag, "in_pkts_no_tag"));
    assert_eq!(
        with(TCI_AT, 4),
        (RxError::Uncontrolled, "in_pkts_uncontrolled")
    );
    let bad = |error| (RxError::BadTag(error), BAD_TAG);
    assert_eq!(with(TCI_AT, 0x80), bad(SecTagError::Version));
    assert_eq!(with(TCI_AT, 0x40), bad(SecTagError::AmbiguousSci));
    assert_eq!(with(TCI_AT, 0x10), bad(SecTagError::AmbiguousSci));
    assert_eq!(with(SL_AT, 0x80), bad(SecTagError::ReservedBits));
    assert_eq!(with(SL_AT, 0x40), bad(SecTagError::ReservedBits));
    assert_eq!(with(SL_AT, 47), bad(SecTagError::Length));
    assert_eq!(with(20, 1), (RxError::NoSci, "in_pkts_no_sci"));
    assert_eq!(with(27, 1), (RxError::NoSci, "in_pkts_no_sci"));
    for an in 1..4 {
        let wanted = (channel(RxScError::NotUsingSa), "in_pkts_not_using_sa");
        assert_eq!(with(TCI_AT, an), wanted);
    }
    let late = (channel(RxScError::Late), "in_pkts_late");
    assert_eq!(with(19, 1), late, "number 0");
    let not_valid = (channel(RxScError::NotValid), "in_pkts_not_valid");
    assert_eq!(with(19, 2), not_valid);
    assert_eq!(with(0, 1), not_valid);
    assert_eq!(with(TCI_AT, 8), not_valid, "integrity only, changed text");
    assert_eq!(with(28, 1), not_valid);
}

// REQ-SECY-2, REQ-SECY-14
#[test]
fn number_zero_is_a_bad_tag_where_numbers_are_short() {
    let suite = CipherSuite::GcmAes256;
    let mut frame = secure(&mut tx(suite), &plain(100));
    frame[19] = 0;
    let mut rx = rx(suite);
    let error = rx.validate(&mut frame).unwrap_err();
    assert_eq!(error, RxError::BadTag(SecTagError::ZeroPn));
    assert_eq!(packets(&rx), [(BAD_TAG, 1)]);
}

// REQ-SECY-2, REQ-SECY-14, REQ-SECY-18
#[test]
fn a_frame_cut_anywhere_is_refused_and_counted_once() {
    for form in FORMS {
        for protection in PROTECTIONS {
            for user_data in [2, 47, 48, 100] {
                let whole = secured(form, protection, user_data);
                for end in 0..whole.len() {
                    let (error, counter) = refused(whole[..end].to_vec());
                    let wanted = match end {
                        0..14 => "in_pkts_runt",
                        // Enough is left for some secure data, of which 48 octets have no length.
                        _ if error == RxError::Channel(RxScError::NotValid) => {
                            assert!(user_data == 100 && end >= 48 + 36);
                            "in_pkts_not_valid"
                        }
                        _ => BAD_TAG,
                    };
                    assert_eq!(counter, wanted, "{form:?} {user_data} {end}");
                }
            }
        }
    }
}

// REQ-SECY-14, REQ-SECY-18
#[test]
fn any_flipped_bit_is_refused_counted_once_and_changes_nothing_else() {
    for form in FORMS {
        for protection in PROTECTIONS {
            for user_data in [30, 100] {
                let whole = secured(form, protection, user_data);
                let mut rx = rx(SUITE);
                for bit in 0..whole.len() * 8 {
                    let mut frame = whole.clone();
                    frame[bit / 8] ^= 1 << (bit % 8);
                    assert!(rx.validate(&mut frame).is_err(), "{form:?} bit {bit}");
                    let sum: u64 = packets(&rx).iter().map(|(_, count)| count).sum();
                    assert_eq!(sum, bit as u64 + 1);
                }
                let mut frame = whole.clone();
                let delivered = rx.validate(&mut frame).unwrap();
                assert!(delivered.is_authentic());
                assert_eq!(delivered.into_frame(), plain(user_data));
            }
        }
    }
}

// REQ-SECY-18
#[test]
fn what_was_encrypted_and_is_not_authentic_is_wiped() {
    let mut frame = secured(TxForm::Explicit, Protection::Confidentiality, 100);
    let last = frame.len() - 1;
    frame[last] ^= 1;
    assert!(rx(SUITE).validate(&mut frame).is_err());
    assert_eq!(frame[28..last - 15], [0; 100]);
}

// REQ-SECY-2
#[test]
fn frames_longer_than_their_short_length_are_refused_unless_the_medium_padded_them() {
    for form in FORMS {
        let whole = secured(form, Protection::Confidentiality, 2);
        for total in whole.len()..100 {
            let mut frame = whole.clone();
            frame.resize(total, 0);
            let mut rx = rx(SUITE);
            let delivered = rx.validate(&mut frame);
            if total == whole.len() || total == 60 {
                assert_eq!(delivered.unwrap().into_frame(), plain(2));
            } else {
                assert_eq!(packets(&rx), [(BAD_TAG, 1)]);
            }
        }
    }
}

// REQ-SECY-19, REQ-SECY-20
#[test]
fn untagged_frames_pass_unless_validation_is_strict() {
    for validate in Validate::ALL {
        let mut rx = validated(validate);
        let mut frame = plain(64);
        match rx.validate(&mut frame) {
            Ok(mut delivered) => {
                assert_eq!(delivered.frame(), plain(64));
                assert_eq!(delivered.provenance(), Provenance::Untagged);
                assert!(!delivered.is_authentic());
                assert_eq!(packets(&rx), [("in_pkts_untagged", 1)]);
            }
            Err(error) => {
                assert_eq!((error, validate), (RxError::NoTag, Validate::Strict));
                assert_eq!(packets(&rx), [("in_pkts_no_tag", 1)]);
            }
        }
    }
}

// REQ-SECY-19, REQ-SECY-20
#[test]
fn frames_of_unknown_channels_pass_if_they_are_readable_and_validation_is_not_strict() {
    for validate in Validate::ALL {
        for protection in PROTECTIONS {
            let mut rx = validated(validate);
            assert!(rx.remove_channel(SCI).is_some());
            let mut frame = secured(TxForm::Explicit, protection, 64);
            let before = frame.clone();
            let readable = protection == Protection::Integrity;
            if readable && validate != Validate::Strict {
                let delivered = rx.validate(&mut frame).unwrap();
                assert_eq!(delivered.provenance(), Provenance::UnknownSci);
                assert_eq!(delivered.into_frame(), plain(64));
                assert_eq!(packets(&rx), [("in_pkts_unknown_sci", 1)]);
            } else {
                assert_eq!(rx.validate(&mut frame).unwrap_err(), RxError::NoSci);
                assert_eq!(frame, before);
                assert_eq!(packets(&rx), [("in_pkts_no_sci", 1)]);
            }
        }
    }
}

/// A key that no other channel has.
fn own_sak(sci: Sci) -> crate::Sak {
    let [.., octet] = sci.to_bytes();
    sak_of(SUITE, sci, octet)
}

/// A receiver with one channel for each of these, all with keys of their own.
fn channels(scis: &[Sci]) -> RxSecy {
    let mut rx = RxSecy::new(SUITE, STRICT);
    for sci in scis {
        rx.add_channel(*sci).unwrap();
        let sak = own_sak(*sci);
        rx.install(AN, RxSak::new(sak, SaTerms::of(SUITE)).unwrap())
            .unwrap();
    }
    rx
}

fn port(number: u16) -> Sci {
    Sci::new(SOURCE, PortId::new(number))
}

// REQ-SECY-3
#[test]
fn each_frame_goes_to_the_channel_that_it_names() {
    let scis: Vec<_> = (1..=64).map(port).collect();
    let mut rx = channels(&scis);
    let mut senders: Vec<_> = scis
        .iter()
        .map(|sci| {
            let config = TxConfig {
                sci: *sci,
                ..config(SUITE)
            };
            let mut tx = TxSc::new(config).unwrap();
            let sak = own_sak(*sci);
            let sak = crate::TxSak::new(sak, SaTerms::of(SUITE)).unwrap();
            tx.install(AN, sak).unwrap();
            assert!(tx.encode_with(AN));
            tx
        })
        .collect();
    for step in 0..640 {
        let place = step * 37 % 64;
        let mut frame = secure(&mut senders[place], &plain(50));
        let delivered = rx.validate(&mut frame).unwrap();
        let Provenance::Channel(judged) = delivered.provenance() else {
            panic!("not of a channel");
        };
        assert_eq!((judged.sci, judged.an), (scis[place], AN));
    }
    for channel in rx.channels() {
        assert_eq!(channel.counters().get(crate::RxScCounter::InPktsOk), 10);
    }
}

// REQ-SECY-3
#[test]
fn a_frame_that_names_no_channel_belongs_to_the_only_one() {
    let frame = secured(TxForm::PointToPoint, Protection::Confidentiality, 64);
    let mut rx = RxSecy::new(SUITE, STRICT);
    assert_eq!(rx.validate(&mut frame.clone()).unwrap_err(), RxError::NoSci);
    rx.add_channel(SCI).unwrap();
    rx.install(AN, RxSak::new(sak(SUITE), SaTerms::of(SUITE)).unwrap())
        .unwrap();
    assert!(rx.validate(&mut frame.clone()).is_ok());
    rx.add_channel(OTHER_SCI).unwrap();
    assert_eq!(rx.validate(&mut frame.clone()).unwrap_err(), RxError::NoSci);
    // With the ES bit it is named by its source.
    let mut frame = secured(TxForm::EndStation, Protection::Confidentiality, 64);
    let error = rx.validate(&mut frame.clone()).unwrap_err();
    assert_eq!(error, RxError::Channel(RxScError::Duplicate));
    frame[6] ^= 1;
    assert_eq!(rx.validate(&mut frame).unwrap_err(), RxError::NoSci);
}

// REQ-SECY-22
#[test]
fn channels_and_keys_that_do_not_fit_are_refused() {
    let mut rx = channels(&[SCI]);
    assert_eq!(rx.add_channel(SCI), Err(ChannelError::Exists));
    assert_eq!(
        rx.add_channel(Sci::RESERVED),
        Err(ChannelError::ReservedSci)
    );
    let made = |suite, sci| RxSak::new(sak_of(suite, sci, 3), SaTerms::of(suite)).unwrap();
    let an = An::ALL[1];
    let wrong = rx.install(an, made(SUITE, OTHER_SCI));
    assert_eq!(wrong, Err(InstallError::WrongChannel));
    let wrong = rx.install(an, made(CipherSuite::GcmAes256, SCI));
    assert_eq!(wrong, Err(InstallError::WrongSuite));
    assert_eq!(rx.install(AN, made(SUITE, SCI)), Err(InstallError::AnInUse));
    assert_eq!(rx.install(an, made(SUITE, SCI)), Ok(()));
    for number in 2..=u16::try_from(MAX_CHANNELS).unwrap() {
        assert_eq!(rx.add_channel(port(number)), Ok(()));
    }
    assert_eq!(rx.add_channel(port(99)), Err(ChannelError::TooMany));
    assert!(rx.remove_channel(port(2)).is_some());
    assert!(rx.remove_channel(port(2)).is_none());
    assert_eq!(rx.add_channel(port(99)), Ok(()));
}

// REQ-SECY-24
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other constructor"
)]
fn an_expired_association_is_not_in_use() {
    let deadline = Instant::now() + Duration::from_secs(60);
    let terms = SaTerms {
        hard_deadline: Some(deadline),
        ..SaTerms::of(SUITE)
    };
    let mut rx = rx_with(STRICT, SUITE, terms);
    let mut tx = tx(SUITE);
    rx.expire(deadline - Duration::from_nanos(1));
    assert!(rx.validate(&mut secure(&mut tx, &plain(60))).is_ok());
    rx.expire(deadline);
    let error = rx.validate(&mut secure(&mut tx, &plain(60))).unwrap_err();
    assert_eq!(error, RxError::Channel(RxScError::NotUsingSa));
}

// REQ-SECY-14
#[test]
fn frames_that_were_lost_before_are_counted_as_such() {
    let mut rx = rx(SUITE);
    rx.count_overrun(3);
    rx.count_overrun(0);
    assert_eq!(packets(&rx), [("in_pkts_overrun", 3)]);
}

proptest! {
    // REQ-SECY-18, REQ-SECY-19
    #[test]
    fn a_changed_frame_is_never_delivered_and_the_unchanged_one_still_is(
        suite in prop::sample::select(CipherSuite::ALL.as_slice()),
        form in prop::sample::select(FORMS.as_slice()),
        protection in prop::sample::select(PROTECTIONS.as_slice()),
        len in 2..300_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let config = TxConfig { suite, form, protection, ..config(suite) };
        let whole = secure(&mut tx_with(config, SaTerms::of(suite)), &plain(len));
        let mut rx = rx(suite);
        let mut changed = whole.clone();
        for (at, xor) in changes {
            let at = at.index(changed.len());
            changed[at] ^= xor;
        }
        prop_assume!(changed != whole);
        prop_assert!(rx.validate(&mut changed).is_err());
        let mut whole = whole;
        prop_assert_eq!(rx.validate(&mut whole).unwrap().into_frame(), plain(len));
    }
}

// REQ-SECY-1
#[test]
fn a_delivered_frame_tells_where_it_lies() {
    for form in FORMS {
        let mut frame = secured(form, Protection::Confidentiality, 100);
        let copy = frame.clone();
        let mut rx = rx(SUITE);
        let delivered = rx.validate(&mut frame).unwrap();
        let (start, len) = (delivered.start(), delivered.into_frame().len());
        assert_eq!(frame[start..start + len], plain(100));
        assert_eq!(start + len + 16, copy.len());
    }
    let mut rx = validated(Validate::Check);
    assert_eq!(rx.validate(&mut plain(100)).unwrap().start(), 0);
}
