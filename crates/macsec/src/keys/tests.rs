use super::*;
use crate::testing::{plain, with_room};
use crate::{
    CipherSuite, PortMtu, Protection, ReplayProtect, RxPolicy, RxSecy, TxConfig, TxForm, TxSc,
    Validate, WindowSize,
};
use linkveil_crypto::{Direction, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_sa::{
    Channels, EpochId, Limits, PeerId, RxChannelInstall, TxChannelInstall, split_epoch,
};
use linkveil_wire::{An, LaneCount, MacAddr, Spi};
use std::time::{Duration, Instant};

const LANES: u8 = 3;

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other constructor"
)]
fn now() -> Instant {
    Instant::now()
}

fn about(suite: CipherSuite, hard_deadline: Instant) -> Channels {
    Channels {
        peer: PeerId::new(0),
        epoch: EpochId::new(1),
        an: An::ALL[2],
        station: MacAddr::new([2, 0, 0, 0, 0, 1]),
        lanes: LaneCount::new(LANES).unwrap(),
        suite,
        limits: Limits {
            packets: 16,
            ..Limits::SMALL
        },
        hard_deadline,
    }
}

fn secret() -> EpochSecret {
    let key = || KeyBytes::new([5; 32]);
    EpochSecret::derive(&HandshakeHash::new([4; 32]), &key(), &key(), None)
}

/// What the initiator seals with, and what the responder opens it with.
fn ends(suite: CipherSuite, end: Instant) -> (Vec<TxSc>, RxSecy) {
    let to = Direction::InitiatorToResponder;
    let split = |side| split_epoch(secret(), Suite::Aes256Gcm, PostQuantum::Classical, side);
    let channels = about(suite, end);
    let (keys, _) = split(to);
    let tx = TxChannelInstall { channels, keys }.into_channels();
    let tx = tx.map(|channel| {
        let config = TxConfig {
            suite,
            sci: channel.sci(),
            form: TxForm::Explicit,
            protection: Protection::Confidentiality,
            mtu: PortMtu::new(1_500),
        };
        let mut sc = TxSc::new(config).unwrap();
        let an = channel.about().an;
        sc.install(an, TxSak::of_channel(channel).unwrap()).unwrap();
        assert!(sc.encode_with(an));
        sc
    });
    let policy = RxPolicy {
        validate: Validate::Strict,
        replay_protect: ReplayProtect::On,
        window: WindowSize::MAX,
    };
    let mut rx = RxSecy::new(suite, policy);
    let (_, keys) = split(to.reverse());
    let spi = Spi::new(1).unwrap();
    for channel in (RxChannelInstall {
        channels,
        spi,
        keys,
    })
    .into_channels()
    {
        rx.add_channel(channel.sci()).unwrap();
        let an = channel.about().an;
        rx.install(an, RxSak::of_channel(channel).unwrap()).unwrap();
    }
    (tx.collect(), rx)
}

// REQ-MSEC-13, REQ-MSEC-15
#[test]
fn what_one_end_seals_the_other_opens_on_every_channel() {
    for suite in CipherSuite::ALL {
        let (tx, mut rx) = ends(suite, now() + Duration::from_secs(60));
        assert_eq!(tx.len(), usize::from(LANES));
        for (place, mut sc) in tx.into_iter().enumerate() {
            for number in 1..=4 {
                let plain = plain(60 + place);
                let mut frame = with_room(&sc, &plain);
                assert_eq!(sc.protect(&mut frame).unwrap().get(), number);
                let delivered = rx.validate(&mut frame).unwrap();
                assert!(delivered.is_authentic());
                assert_eq!(delivered.into_frame(), plain);
            }
        }
    }
}

// REQ-MSEC-23: the limits and the end are those of the epoch.
#[test]
fn an_association_has_the_terms_of_its_epoch() {
    let end = now() + Duration::from_secs(60);
    let (mut tx, mut rx) = ends(CipherSuite::GcmAes128, end);
    let sc = &mut tx[0];
    let seal = |sc: &mut TxSc| {
        let mut frame = with_room(sc, &plain(60));
        sc.protect(&mut frame).map(|_| frame)
    };
    for _ in 0..14 {
        assert_eq!(sc.take_pressure(), None);
        seal(sc).unwrap();
    }
    assert!(sc.take_pressure().is_some());
    let mut last = seal(sc).unwrap();
    seal(sc).unwrap();
    assert_eq!(seal(sc), Err(crate::ProtectError::Exhausted));
    sc.expire(end);
    rx.expire(end);
    assert_eq!(seal(sc), Err(crate::ProtectError::NoSa));
    assert!(rx.validate(&mut last).is_err());
}
