use super::*;
use crate::testing::{SUITES, lane, secret};

fn halves(suite: Suite, post_quantum: PostQuantum, tx: Direction) -> (TxKeys, RxKeys) {
    split_epoch(secret(), suite, post_quantum, tx)
}

/// Key and IV of a lane, as plain bytes for comparison.
fn material(secret: &DirectionSecret, number: u8) -> ([u8; 32], [u8; 12]) {
    let keys = secret.lane_keys(lane(number));
    (*keys.key.expose(), *keys.iv.expose())
}

#[test]
fn each_side_seals_with_what_the_other_opens_with() {
    for suite in SUITES {
        let (i_tx, i_rx) = halves(suite, PostQuantum::Hybrid, Direction::InitiatorToResponder);
        let (r_tx, r_rx) = halves(suite, PostQuantum::Hybrid, Direction::ResponderToInitiator);
        for number in [0, 1, 63] {
            assert_eq!(material(&i_tx.0, number), material(&r_rx.0, number));
            assert_eq!(material(&r_tx.0, number), material(&i_rx.0, number));
        }
        assert_eq!(i_tx.direction(), r_rx.direction());
        assert_eq!(r_tx.direction(), i_rx.direction());
        assert_ne!(i_tx.direction(), i_rx.direction());
    }
}

// REQ-KEY-3
#[test]
fn lanes_directions_suites_and_kem_use_all_give_different_keys() {
    let mut seen = std::collections::HashSet::new();
    for suite in SUITES {
        for post_quantum in [PostQuantum::Hybrid, PostQuantum::Classical] {
            let (tx, rx) = halves(suite, post_quantum, Direction::InitiatorToResponder);
            for number in 0..64 {
                assert!(seen.insert(material(&tx.0, number).0));
                assert!(seen.insert(material(&rx.0, number).0));
            }
        }
    }
    assert_eq!(seen.len(), 2 * 2 * 2 * 64);
}

// REQ-KEY-4
#[test]
fn all_halves_of_one_epoch_have_its_fingerprint() {
    let (i_tx, i_rx) = halves(
        Suite::Aes256Gcm,
        PostQuantum::Hybrid,
        Direction::InitiatorToResponder,
    );
    let (r_tx, r_rx) = halves(
        Suite::Aes256Gcm,
        PostQuantum::Hybrid,
        Direction::ResponderToInitiator,
    );
    let expected = secret().fingerprint();
    assert_eq!([i_tx.fingerprint(), r_tx.fingerprint()], [expected; 2]);
    assert_eq!([i_rx.fingerprint(), r_rx.fingerprint()], [expected; 2]);
}

// REQ-KEY-5
#[test]
fn the_secret_lives_as_long_as_its_last_holder() {
    let (tx, rx) = halves(
        Suite::Aes256Gcm,
        PostQuantum::Hybrid,
        Direction::InitiatorToResponder,
    );
    let watch = Arc::downgrade(&tx.0.secret);
    let shared = tx.0.share();
    drop(tx);
    drop(rx);
    assert!(watch.upgrade().is_some());
    drop(shared);
    assert!(watch.upgrade().is_none());
}

#[test]
fn debug_output_has_no_content() {
    let (tx, rx) = halves(
        Suite::Aes256Gcm,
        PostQuantum::Hybrid,
        Direction::InitiatorToResponder,
    );
    assert_eq!(format!("{tx:?} {rx:?}"), "TxKeys(..) RxKeys(..)");
}
