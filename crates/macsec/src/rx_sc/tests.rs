//! What a channel makes of a frame, for every control and every kind of frame.

use super::*;
use crate::policy::{ReplayProtect, WindowSize};
use crate::sa::SaTerms;
use crate::testing::{AN, SCI, config, counted, from, plain, policy, rx_with, secure, tx_with};
use crate::{CipherSuite, Protection, Provenance, RxError, RxSecy, TxConfig};
use Protection::{Confidentiality, Integrity};
use ReplayProtect::{Off, On};
use Validate::{Check, Disabled, Strict};

const SUITE: CipherSuite = CipherSuite::GcmAesXpn256;
const LEN: usize = 100;

fn frame(protection: Protection, number: u64) -> Vec<u8> {
    let config = TxConfig {
        protection,
        ..config(SUITE)
    };
    secure(&mut tx_with(config, from(SUITE, number)), &plain(LEN))
}

fn forged(protection: Protection, number: u64) -> Vec<u8> {
    let mut frame = frame(protection, number);
    *frame.last_mut().unwrap() ^= 1;
    frame
}

/// A receiver that has accepted frame 1,000.
fn receiver(validate: Validate, replay_protect: ReplayProtect) -> RxSecy {
    let policy = policy(validate, replay_protect, 100);
    let mut rx = rx_with(policy, SUITE, SaTerms::of(SUITE));
    rx.validate(&mut frame(Confidentiality, 1_000)).unwrap();
    rx
}

/// The verdict, and the counters that moved: packets, octets.
fn judge(rx: &mut RxSecy, mut frame: Vec<u8>) -> (Result<Verdict, RxError>, Vec<&'static str>) {
    let before = counted(rx);
    let judged = rx.validate(&mut frame).map(|mut delivered| {
        assert_eq!(delivered.frame(), plain(LEN));
        let Provenance::Channel(judged) = delivered.provenance() else {
            panic!("not of a channel");
        };
        assert_eq!(
            (judged.sci, delivered.is_authentic()),
            (SCI, judged.authentic)
        );
        judged
    });
    let mut moved = vec![];
    for (name, count) in counted(rx) {
        let earlier = before.iter().find(|(other, _)| *other == name);
        let step = count - earlier.map_or(0, |(_, count)| *count);
        if step > 0 {
            let wanted = if name.contains("octets") {
                LEN as u64
            } else {
                1
            };
            assert_eq!(step, wanted, "{name}");
            moved.push(name);
        }
    }
    (judged.map(|judged| judged.verdict), moved)
}

fn drop(error: RxScError) -> Result<Verdict, RxError> {
    Err(RxError::Channel(error))
}

// REQ-SECY-14, REQ-SECY-19, REQ-SECY-20
#[test]
fn every_kind_of_frame_under_every_control_has_its_verdict_and_its_counter() {
    let validated = "in_octets_validated";
    let decrypted = "in_octets_decrypted";
    let ok = "in_pkts_ok";
    let not_valid = "in_pkts_not_valid";
    let late = (drop(RxScError::Late), vec!["in_pkts_late"]);
    let delayed = "in_pkts_delayed";

    for validate in Validate::ALL {
        for replay in [On, Off] {
            let judged = |frame| judge(&mut receiver(validate, replay), frame);
            let octets = |name| (validate != Disabled).then_some(name);
            let with = |packets, name| Some(packets).into_iter().chain(octets(name)).collect();

            // Authentic and in time. Integrity alone is not looked at when validation is disabled.
            let wanted = (Ok(Verdict::Ok), with(ok, decrypted));
            assert_eq!(judged(frame(Confidentiality, 1_001)), wanted);
            let wanted = match validate {
                Disabled => (Ok(Verdict::Unchecked), vec!["in_pkts_unchecked"]),
                _ => (Ok(Verdict::Ok), with(ok, validated)),
            };
            assert_eq!(judged(frame(Integrity, 1_001)), wanted);

            // Forged.
            let wanted = (drop(RxScError::NotValid), with(not_valid, decrypted));
            assert_eq!(judged(forged(Confidentiality, 1_001)), wanted);
            let wanted = match validate {
                Strict => (drop(RxScError::NotValid), with(not_valid, validated)),
                Check => (Ok(Verdict::Invalid), with("in_pkts_invalid", validated)),
                Disabled => (Ok(Verdict::Unchecked), vec!["in_pkts_unchecked"]),
            };
            assert_eq!(judged(forged(Integrity, 1_001)), wanted);

            // Late, and authentic.
            for (protection, name) in [(Confidentiality, decrypted), (Integrity, validated)] {
                let wanted = match (replay, validate, protection) {
                    (On, ..) => late.clone(),
                    (Off, Disabled, Integrity) => (Ok(Verdict::Delayed), vec![delayed]),
                    (Off, ..) => (Ok(Verdict::Delayed), with(delayed, name)),
                };
                assert_eq!(judged(frame(protection, 900)), wanted);
            }

            // Once more.
            let wanted = match replay {
                On => (drop(RxScError::Duplicate), vec!["in_pkts_duplicate"]),
                Off => (Ok(Verdict::Ok), with(ok, decrypted)),
            };
            assert_eq!(judged(frame(Confidentiality, 1_000)), wanted);
        }
    }
}

// REQ-SECY-14, REQ-SECY-20
#[test]
fn an_association_that_is_not_in_use_has_its_own_counters() {
    let not_using = (drop(RxScError::NotUsingSa), vec!["in_pkts_not_using_sa"]);
    for validate in Validate::ALL {
        for protection in [Confidentiality, Integrity] {
            let mut rx = receiver(validate, On);
            assert!(rx.remove(SCI, AN).is_some());
            let wanted = match (validate, protection) {
                (Check | Disabled, Integrity) => (Ok(Verdict::UnusedSa), vec!["in_pkts_unused_sa"]),
                _ => not_using.clone(),
            };
            assert_eq!(judge(&mut rx, frame(protection, 1_001)), wanted);
        }
    }
    // Another association of the same channel is another matter.
    for an in 1..4 {
        let mut rx = receiver(Strict, On);
        let mut other = frame(Confidentiality, 1_001);
        other[14] |= an;
        assert_eq!(judge(&mut rx, other), not_using);
    }
}

// REQ-SECY-20
#[test]
fn changed_user_data_is_never_delivered_unless_it_is_authentic() {
    for validate in Validate::ALL {
        let mut rx = receiver(validate, On);
        // C without E: with our suites, a frame with integrity only that was not sealed so.
        let mut changed = frame(Integrity, 1_001);
        changed[14] |= 4;
        let (verdict, _) = judge(&mut rx, changed);
        assert_eq!(verdict, drop(RxScError::NotValid));
    }
}

// REQ-SECY-20
#[test]
fn a_frame_that_is_delivered_though_forged_teaches_no_number() {
    let mut rx = receiver(Check, On);
    for number in [1_001, 5_000, 1 << 31] {
        let (verdict, _) = judge(&mut rx, forged(Integrity, number));
        assert_eq!(verdict, Ok(Verdict::Invalid));
    }
    for number in [1_001, 1_002, 950] {
        let (verdict, _) = judge(&mut rx, frame(Integrity, number));
        assert_eq!(verdict, Ok(Verdict::Ok));
    }
    let sak = rx.channels()[0].association(AN).unwrap();
    let window = WindowSize::new(100).unwrap();
    assert_eq!(sak.lowest_pn(window).get(), 903);
}
