use super::*;
use crate::sa::SaTerms;
use crate::testing::{
    AN, OTHER_SCI, SCI, config, plain, rx, sak_of, secure, sent, tx, tx_with, with_room,
};
use proptest::prelude::*;
use std::time::Duration;

const SUITE: CipherSuite = CipherSuite::GcmAesXpn256;
const FORMS: [TxForm; 3] = [TxForm::Explicit, TxForm::EndStation, TxForm::PointToPoint];
const PROTECTIONS: [Protection; 2] = [Protection::Confidentiality, Protection::Integrity];

fn of(form: TxForm, protection: Protection) -> TxSc {
    let config = TxConfig {
        form,
        protection,
        ..config(SUITE)
    };
    tx_with(config, SaTerms::of(SUITE))
}

fn tx_sak(octet: u8) -> TxSak {
    TxSak::new(sak_of(SUITE, SCI, octet), SaTerms::of(SUITE)).unwrap()
}

// REQ-SECY-1, REQ-SECY-6
#[test]
fn addresses_stay_the_tag_comes_between_and_the_icv_behind() {
    for form in FORMS {
        for protection in PROTECTIONS {
            let mut tx = of(form, protection);
            let plain = plain(100);
            let frame = secure(&mut tx, &plain);
            assert_eq!(frame.len(), plain.len() + tx.overhead());
            assert_eq!(frame[..12], plain[..12]);
            assert_eq!(frame[12..14], [0x88, 0xe5]);
            let data = &frame[12 + tx.headroom()..frame.len() - 16];
            let same = data == &plain[12..];
            assert_eq!(same, protection == Protection::Integrity);
            let explicit = form == TxForm::Explicit;
            assert_eq!(tx.headroom(), if explicit { 16 } else { 8 });
        }
    }
}

// REQ-SECY-13
#[test]
fn nothing_of_the_user_data_shows_when_it_is_encrypted() {
    let mut tx = tx(SUITE);
    let mut frame = plain(200);
    frame[12..].fill(0xa5);
    let secured = secure(&mut tx, &frame);
    let data = &secured[28..secured.len() - 16];
    assert!(!data.windows(4).any(|octets| octets == [0xa5; 4]));
}

// REQ-SECY-10, REQ-SECY-12
#[test]
fn a_secured_frame_is_as_long_as_the_port_carries_and_no_longer() {
    for form in FORMS {
        let mtu = PortMtu::new(1_500);
        let mut tx = tx_with(
            TxConfig {
                form,
                mtu,
                ..config(SUITE)
            },
            SaTerms::of(SUITE),
        );
        let longest = 1_514 - 12 - tx.overhead();
        secure(&mut tx, &plain(longest));
        let before = with_room(&tx, &plain(longest + 1));
        let mut frame = before.clone();
        assert_eq!(tx.protect(&mut frame), Err(ProtectError::TooLong));
        assert_eq!(frame, before);
        assert_eq!(
            tx.association(AN).unwrap().next_pn(),
            Some(crate::testing::pn(2))
        );
        assert_eq!(tx.counters().get(TxCounter::OutPktsTooLong), 1);
    }
}

// REQ-SECY-10
#[test]
fn what_is_no_frame_is_not_sent() {
    for form in FORMS {
        let mut tx = of(form, Protection::Confidentiality);
        let shortest = ETHERNET_HEADER_LEN + tx.overhead();
        for len in 0..shortest {
            let mut frame = vec![7; len];
            assert_eq!(tx.protect(&mut frame), Err(ProtectError::Runt));
            assert_eq!(frame, vec![7; len]);
        }
        assert_eq!(sent(&tx), [("out_pkts_runt", shortest as u64)]);
        assert!(tx.protect(&mut vec![7; shortest]).is_ok());
    }
}

// REQ-SECY-13
#[test]
fn without_an_association_nothing_leaves() {
    let mut tx = TxSc::new(config(SUITE)).unwrap();
    let before = with_room(&tx, &plain(60));
    let refused = |tx: &mut TxSc| {
        let mut frame = before.clone();
        assert_eq!(tx.protect(&mut frame), Err(ProtectError::NoSa));
        assert_eq!(frame, before);
    };
    refused(&mut tx);
    assert!(!tx.encode_with(AN));
    tx.install(AN, tx_sak(1)).unwrap();
    refused(&mut tx);
    assert!(tx.encode_with(AN));
    assert_eq!(tx.encoding(), Some(AN));
    secure(&mut tx, &plain(60));
    assert!(tx.remove(AN).is_some());
    refused(&mut tx);
    // A new key in the old place is not in use before somebody says so.
    tx.install(AN, tx_sak(2)).unwrap();
    refused(&mut tx);
    assert_eq!(tx.counters().get(TxCounter::OutPktsNoSa), 4);
}

// REQ-SECY-24
#[test]
fn an_expired_association_is_gone() {
    let start = start();
    let deadline = start + Duration::from_secs(60);
    let mut tx = TxSc::new(config(SUITE)).unwrap();
    for (an, hard_deadline) in [(An::ALL[0], Some(deadline)), (An::ALL[1], None)] {
        let terms = SaTerms {
            hard_deadline,
            ..SaTerms::of(SUITE)
        };
        let sak = TxSak::new(sak_of(SUITE, SCI, an.get()), terms).unwrap();
        tx.install(an, sak).unwrap();
    }
    assert!(tx.encode_with(An::ALL[0]));
    tx.expire(deadline - Duration::from_nanos(1));
    secure(&mut tx, &plain(60));
    tx.expire(deadline);
    assert!(tx.association(An::ALL[0]).is_none());
    let mut frame = with_room(&tx, &plain(60));
    assert_eq!(tx.protect(&mut frame), Err(ProtectError::NoSa));
    tx.expire(deadline + Duration::from_secs(1_000_000));
    assert!(tx.encode_with(An::ALL[1]), "a key without end stays");
}

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other constructor"
)]
fn start() -> Instant {
    Instant::now()
}

// REQ-SECY-22
#[test]
fn a_key_of_another_channel_or_suite_or_in_a_taken_place_is_refused() {
    let mut tx = tx(SUITE);
    let made = |suite, sci| TxSak::new(sak_of(suite, sci, 3), SaTerms::of(suite)).unwrap();
    let an = An::ALL[1];
    let wrong = tx.install(an, made(SUITE, OTHER_SCI));
    assert_eq!(wrong, Err(InstallError::WrongChannel));
    let wrong = tx.install(an, made(CipherSuite::GcmAes256, SCI));
    assert_eq!(wrong, Err(InstallError::WrongSuite));
    let taken = tx.install(AN, made(SUITE, SCI));
    assert_eq!(taken, Err(InstallError::AnInUse));
    assert_eq!(tx.install(an, made(SUITE, SCI)), Ok(()));
}

#[test]
fn a_channel_has_a_name_that_its_form_can_tell() {
    let made = |sci, form| {
        let config = TxConfig {
            sci,
            form,
            ..config(SUITE)
        };
        TxSc::new(config).err()
    };
    for form in FORMS {
        assert_eq!(made(SCI, form), None);
        assert_eq!(made(Sci::RESERVED, form), Some(TxConfigError::ReservedSci));
        let end_station = form == TxForm::EndStation;
        let wanted = end_station.then_some(TxConfigError::NotEndStation);
        assert_eq!(made(OTHER_SCI, form), wanted);
    }
}

// REQ-SECY-7
#[test]
fn frames_change_to_another_key_when_told() {
    let (mut tx, mut rx) = (tx(SUITE), rx(SUITE));
    let next = An::ALL[1];
    let sak = || sak_of(SUITE, SCI, 0x22);
    rx.install(next, crate::RxSak::new(sak(), SaTerms::of(SUITE)).unwrap())
        .unwrap();
    tx.install(next, TxSak::new(sak(), SaTerms::of(SUITE)).unwrap())
        .unwrap();
    for an in [AN, next, AN] {
        assert!(tx.encode_with(an));
        for _ in 0..3 {
            let mut frame = secure(&mut tx, &plain(60));
            assert_eq!(frame[14] & 3, an.get());
            assert_eq!(rx.validate(&mut frame).unwrap().into_frame(), plain(60));
        }
    }
    assert_eq!(crate::testing::packets(&rx), [("in_pkts_ok", 9)]);
}

proptest! {
    // REQ-SECY-1, REQ-SECY-6
    #[test]
    fn what_one_side_secures_the_other_gets_back(
        suite in prop::sample::select(CipherSuite::ALL.as_slice()),
        form in prop::sample::select(FORMS.as_slice()),
        protection in prop::sample::select(PROTECTIONS.as_slice()),
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 2..1_600), 1..8),
    ) {
        let config = TxConfig { suite, form, protection, ..config(suite) };
        let mut tx = tx_with(config, SaTerms::of(suite));
        let mut rx = rx(suite);
        let mut octets = 0;
        for user_data in &frames {
            let mut plain = plain(2);
            plain.truncate(12);
            plain.extend_from_slice(user_data);
            octets += user_data.len() as u64;
            let mut secured = secure(&mut tx, &plain);
            let delivered = rx.validate(&mut secured).unwrap();
            prop_assert!(delivered.is_authentic());
            prop_assert_eq!(delivered.into_frame(), plain);
        }
        let count = frames.len() as u64;
        let (sent_names, received) = match protection {
            Protection::Confidentiality => {
                (["out_pkts_encrypted", "out_octets_encrypted"], "in_octets_decrypted")
            }
            Protection::Integrity => {
                (["out_pkts_protected", "out_octets_protected"], "in_octets_validated")
            }
        };
        prop_assert_eq!(sent(&tx), [(sent_names[0], count), (sent_names[1], octets)]);
        prop_assert_eq!(
            crate::testing::counted(&rx),
            [("in_pkts_ok", count), (received, octets)]
        );
    }
}

/// Each suite, form and protection, on a port of 1,500 octets.
fn configs() -> impl Iterator<Item = TxConfig> {
    let suites = CipherSuite::ALL.into_iter();
    let forms = suites.flat_map(|suite| FORMS.map(|form| (suite, form)));
    let all = forms.flat_map(|pair| PROTECTIONS.map(|protection| (pair, protection)));
    all.map(|((suite, form), protection)| TxConfig {
        form,
        protection,
        mtu: PortMtu::new(1_500),
        ..config(suite)
    })
}

// REQ-SECY-5, REQ-SECY-6
#[test]
fn a_frame_is_secured_elsewhere_as_it_is_in_place() {
    for config in configs() {
        let terms = SaTerms::of(config.suite);
        let (mut here, mut there) = (tx_with(config, terms), tx_with(config, terms));
        for len in [2, 46, 47, 48, 1_400] {
            let plain = plain(len);
            let mut out = vec![0xee; plain.len() + there.overhead()];
            let number = there.protect_into(&plain, &mut out).unwrap();
            assert_eq!(out, secure(&mut here, &plain));
            assert_eq!(here.association(AN).unwrap().next_pn(), number.successor());
        }
        assert_eq!(sent(&there), sent(&here));
    }
}

// REQ-SECY-10, REQ-SECY-12
#[test]
fn a_frame_that_is_not_secured_elsewhere_leaves_the_room_as_it_was() {
    for config in configs() {
        let mut tx = tx_with(config, SaTerms::of(config.suite));
        let mut refused = |len: usize, room: usize| {
            let mut out = vec![0xee; room];
            let refused = tx.protect_into(&vec![0; len], &mut out);
            assert!(out.iter().all(|octet| *octet == 0xee));
            refused.unwrap_err()
        };
        let overhead = TxSc::new(config).unwrap().overhead();
        let longest = 1_514 - overhead;
        assert_eq!(refused(longest + 1, 1_515), ProtectError::TooLong);
        assert_eq!(refused(13, 13 + overhead), ProtectError::Runt);
        assert_eq!(refused(100, 101 + overhead), ProtectError::Runt);
        assert_eq!(refused(100, 15), ProtectError::Runt);
        assert_eq!(sent(&tx), [("out_pkts_too_long", 1), ("out_pkts_runt", 3)]);
        assert_eq!(tx.longest_plain(), longest);
        let number = tx.protect_into(&vec![0; longest], &mut vec![0; 1_514]);
        assert_eq!(number, Ok(PacketNumber::FIRST));
    }
}

// REQ-SECY-12
#[test]
fn frames_for_which_nobody_makes_room_are_too_long() {
    let mut tx = tx(CipherSuite::GcmAes128);
    tx.refuse_too_long(3);
    assert_eq!(sent(&tx), [("out_pkts_too_long", 3)]);
}
