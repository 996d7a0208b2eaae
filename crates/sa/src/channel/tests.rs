use super::*;
use crate::keys::split_epoch;
use crate::testing::secret;
use linkveil_crypto::{
    AesKey, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, SharedSecret, Suite,
};
use serde_json::Value;
use std::time::Duration;

const STATION: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other constructor"
)]
fn later() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

fn channels(an: An, lanes: u8, suite: CipherSuite) -> Channels {
    Channels {
        peer: PeerId::new(0),
        epoch: EpochId::new(1),
        an,
        station: STATION,
        lanes: LaneCount::new(lanes).unwrap(),
        suite,
        limits: Limits::SMALL,
        hard_deadline: later(),
    }
}

fn tx(
    secret: EpochSecret,
    post_quantum: PostQuantum,
    channels: Channels,
    to: Direction,
) -> Vec<TxChannel> {
    let (keys, _) = split_epoch(secret, Suite::Aes256Gcm, post_quantum, to);
    TxChannelInstall { channels, keys }
        .into_channels()
        .collect()
}

fn rx(secret: EpochSecret, channels: Channels, from: Direction) -> Vec<RxChannel> {
    let (_, keys) = split_epoch(
        secret,
        Suite::Aes256Gcm,
        PostQuantum::Hybrid,
        from.reverse(),
    );
    let spi = Spi::new(1).unwrap();
    let install = RxChannelInstall {
        channels,
        spi,
        keys,
    };
    install.into_channels().collect()
}

// REQ-MSEC-13: each side opens with what the other seals with.
#[test]
fn both_halves_of_an_epoch_are_the_same_keys() {
    for suite in CipherSuite::ALL {
        for direction in [
            Direction::InitiatorToResponder,
            Direction::ResponderToInitiator,
        ] {
            let about = channels(An::ALL[3], 5, suite);
            let sealing = tx(secret(), PostQuantum::Hybrid, about, direction);
            let opening = rx(secret(), about, direction);
            assert_eq!((sealing.len(), opening.len()), (5, 5));
            for (port, (sealing, opening)) in (1..).zip(sealing.into_iter().zip(opening)) {
                assert_eq!(sealing.sci(), Sci::new(STATION, PortId::new(port)));
                assert_eq!(sealing.lane(), opening.sender());
                let (one, other) = (sealing.into_parts(), opening.into_parts());
                assert_eq!((one.sci, one.ssci), (other.sci, other.ssci));
                assert!(one.keys.key.is_same_as(&other.keys.key));
                assert_eq!(one.keys.salt, other.keys.salt);
                assert_eq!(one.keys.key.len(), suite.key_len());
            }
        }
    }
}

// REQ-MSEC-14
#[test]
fn every_association_of_an_epoch_has_a_key_of_its_own() {
    let mut seen = std::collections::HashSet::new();
    for suite in CipherSuite::ALL {
        for post_quantum in [PostQuantum::Hybrid, PostQuantum::Classical] {
            for direction in [
                Direction::InitiatorToResponder,
                Direction::ResponderToInitiator,
            ] {
                for an in An::ALL {
                    for channel in tx(secret(), post_quantum, channels(an, 8, suite), direction) {
                        let parts = channel.into_parts();
                        assert!(seen.insert(parts.keys.salt.to_vec()));
                        assert_eq!(
                            parts.ssci.get() >> 16 == 1,
                            direction == Direction::InitiatorToResponder
                        );
                    }
                }
            }
        }
    }
    assert_eq!(seen.len(), 4 * 2 * 2 * 4 * 8);
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

// REQ-MSEC-13
#[test]
fn keys_are_as_another_implementation_has_them() {
    let file = include_str!("../../vectors/sak.json");
    let file: Value = serde_json::from_str(file).unwrap();
    assert_eq!(file["keys"].as_array().unwrap().len(), 48);
    for vector in file["keys"].as_array().unwrap() {
        let hybrid = vector["hybrid"].as_bool().unwrap();
        let shared = SharedSecret::copy_from(&array(&file["shared_secret"]));
        let secret = EpochSecret::derive(
            &HandshakeHash::new(array(&file["handshake_hash"])),
            &KeyBytes::new(array(&file["k1"])),
            &KeyBytes::new(array(&file["k2"])),
            hybrid.then_some(&shared),
        );
        let (post_quantum, direction) = (
            if hybrid {
                PostQuantum::Hybrid
            } else {
                PostQuantum::Classical
            },
            match vector["direction"].as_u64() {
                Some(1) => Direction::InitiatorToResponder,
                _ => Direction::ResponderToInitiator,
            },
        );
        let an = An::new(vector["an"].as_u64().unwrap().try_into().unwrap()).unwrap();
        let mut about = channels(an, 64, vector["suite"].as_str().unwrap().parse().unwrap());
        about.station = MacAddr::new(array(&file["station"]));
        let lane = usize::try_from(vector["lane"].as_u64().unwrap()).unwrap();
        let channel = tx(secret, post_quantum, about, direction).swap_remove(lane);
        let parts = channel.into_parts();
        assert_eq!(parts.sci.to_bytes(), array(&vector["sci"]));
        assert_eq!(u64::from(parts.ssci.get()), vector["ssci"]);
        let sak = AesKey::copy_from(&bytes(&vector["sak"])).unwrap();
        assert!(parts.keys.key.is_same_as(&sak));
        assert_eq!(parts.keys.salt.to_vec(), bytes(&vector["salt"]));
    }
}

// REQ-KEY-5
#[test]
fn nothing_of_a_key_is_in_any_output() {
    let about = channels(An::ALL[1], 1, CipherSuite::GcmAes128);
    let [channel] = tx(
        secret(),
        PostQuantum::Hybrid,
        about,
        Direction::InitiatorToResponder,
    )
    .try_into()
    .unwrap();
    let text = format!("{channel:?}");
    assert!(
        text.contains("0200000000010001") && !text.contains("secret"),
        "{text}"
    );
    let parts = channel.into_parts();
    assert!(!format!("{parts:?}").contains("salt"));
    assert_eq!(format!("{:?}", parts.keys), "ChannelKeys(..)");
}
