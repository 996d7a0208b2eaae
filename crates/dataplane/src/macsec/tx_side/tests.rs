use super::*;
use crate::macsec::testing::{AN, EPOCH, LEFT, Setup};
use linkveil_macsec::CipherSuite;
use linkveil_wire::LaneCount;

fn side(setup: &Setup) -> TxSide {
    let lane = LaneCount::new(1).unwrap().lanes().next().unwrap();
    TxSide::new(TxSc::new(setup.config(LEFT).tx(lane).unwrap()).unwrap())
}

fn key(setup: &Setup, epoch: EpochId) -> TxSak {
    setup.install_tx(LEFT, epoch, AN).keys.remove(0)
}

// REQ-SECLANE-6: it is given back, to be wiped where that costs no frame's time.
#[test]
fn the_former_key_comes_back_whatever_its_number() {
    let setup = Setup::default();
    let mut tx = side(&setup);
    let next = AN.successor();
    for (number, an) in [(1, AN), (2, next), (3, next), (4, AN)] {
        let epoch = EpochId::new(number);
        let former = tx.install(epoch, an, key(&setup, epoch)).unwrap();
        assert_eq!(former.is_some(), number > 1);
        assert_eq!(tx.encoding_epoch(), Some(epoch));
        let living = An::ALL.into_iter().filter_map(|an| tx.epoch(an));
        assert_eq!(living.collect::<Vec<_>>(), [epoch]);
    }
    assert!(tx.remove(EpochId::new(3)).is_none());
    assert!(tx.remove(EpochId::new(4)).is_some());
    assert_eq!(tx.encoding_epoch(), None);
}

// REQ-SECY-22
#[test]
fn a_key_that_does_not_fit_changes_nothing() {
    let setup = Setup::default();
    let mut tx = side(&setup);
    tx.install(EPOCH, AN, key(&setup, EPOCH)).unwrap();
    let other = Setup {
        suite: CipherSuite::GcmAes256,
        ..setup
    };
    let refused = tx.install(EpochId::new(2), AN, key(&other, EPOCH));
    assert_eq!(refused.unwrap_err(), InstallError::WrongSuite);
    assert_eq!(tx.encoding_epoch(), Some(EPOCH));
}
