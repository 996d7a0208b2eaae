use super::*;
use crate::macsec::testing::{AN, EPOCH, LEFT, RIGHT, Setup};
use linkveil_macsec::SaTerms;
use linkveil_wire::PortId;

fn side(setup: &Setup) -> RxSide {
    RxSide::new(RxSecy::new(setup.suite, setup.policy))
}

fn key(setup: &Setup, sci: Sci) -> RxSak {
    RxSak::new(setup.sak(sci, 1), SaTerms::of(setup.suite)).unwrap()
}

// REQ-SECLANE-6
#[test]
fn a_peer_with_another_address_takes_the_place_of_its_former_channels() {
    let setup = Setup::default();
    let mut rx = side(&setup);
    let of_left = [1, 2].map(|port| Sci::new(LEFT, PortId::new(port)));
    let of_right = Sci::new(RIGHT, PortId::new(1));
    for sci in of_left {
        rx.install(EPOCH, AN, key(&setup, sci)).unwrap();
    }
    let mut keys = Vec::new();
    // One of the channels still has a key that drains.
    keys.extend(rx.secy.remove(of_left[0], AN));
    rx.install(EpochId::new(2), AN, key(&setup, of_right))
        .unwrap();
    let names: Vec<_> = rx.secy.channels().iter().map(RxSc::sci).collect();
    assert_eq!(names, [of_left[1], of_right]);
    assert_eq!(rx.epoch(of_left[0], AN), None);
    assert_eq!(rx.epoch(of_left[1], AN), Some(EPOCH));
    assert_eq!(rx.epoch(of_right, AN), Some(EpochId::new(2)));
    // A key for a channel that is there removes nothing.
    rx.remove(EPOCH, &mut keys);
    rx.install(EpochId::new(3), AN.successor(), key(&setup, of_right))
        .unwrap();
    assert_eq!(rx.secy.channels().len(), 2);
    assert_eq!(keys.len(), 2);
}

#[test]
fn an_epoch_goes_from_all_its_channels_and_no_other() {
    let setup = Setup::default();
    let mut rx = side(&setup);
    let scis = [1, 2].map(|port| Sci::new(LEFT, PortId::new(port)));
    for sci in scis {
        rx.install(EPOCH, AN, key(&setup, sci)).unwrap();
        let next = AN.successor();
        rx.install(EpochId::new(2), next, key(&setup, sci)).unwrap();
    }
    let mut keys = Vec::new();
    rx.remove(EPOCH, &mut keys);
    assert_eq!(keys.len(), 2);
    for sci in scis {
        assert_eq!(rx.epoch(sci, AN), None);
        assert_eq!(rx.epoch(sci, AN.successor()), Some(EpochId::new(2)));
        assert!(rx.secy.channel(sci).unwrap().association(AN).is_none());
    }
    rx.remove(EPOCH, &mut keys);
    assert_eq!(keys.len(), 2);
}

#[test]
fn the_reserved_name_is_no_channel() {
    let mut rx = side(&Setup::default());
    assert_eq!(rx.add_channel(Sci::RESERVED), Err(InstallRefusal::Channel));
    assert!(rx.secy.channels().is_empty());
}
