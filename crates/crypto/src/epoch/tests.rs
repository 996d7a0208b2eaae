use std::collections::HashSet;

use proptest::prelude::*;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::*;
use crate::kdf::hmac_sha256;

const CONTEXT: LaneContext = LaneContext {
    purpose: Purpose::VpcData,
    suite: Suite::Aes256Gcm,
    post_quantum: PostQuantum::Hybrid,
    direction: Direction::InitiatorToResponder,
    lane: 3,
};

/// What a handshake yields.
#[derive(Clone, Copy, Debug)]
struct Handshake {
    hash: [u8; 32],
    k1: [u8; 32],
    k2: [u8; 32],
    kem: Option<[u8; 32]>,
}

const HANDSHAKE: Handshake = Handshake {
    hash: [0x11; 32],
    k1: [0x22; 32],
    k2: [0x33; 32],
    kem: Some([0x44; 32]),
};

fn derive(handshake: &Handshake) -> EpochSecret {
    let kem = handshake.kem.map(|secret| SharedSecret::copy_from(&secret));
    EpochSecret::derive(
        &HandshakeHash::new(handshake.hash),
        &KeyBytes::new(handshake.k1),
        &KeyBytes::new(handshake.k2),
        kem.as_ref(),
    )
}

/// Key and IV of a lane, to be compared.
fn lane(secret: &EpochSecret, context: LaneContext) -> ([u8; 32], [u8; NONCE_LEN]) {
    let keys = secret.lane_keys(&context);
    (*keys.key.expose(), *keys.iv.expose())
}

// REQ-KEY-1, REQ-KEY-2, REQ-KEY-4
#[test]
fn a_known_hybrid_handshake_gives_known_keys() {
    // Computed from docs/protocol.md section 8 with Python's hmac and `cryptography`.
    let secret = derive(&HANDSHAKE);
    assert_eq!(
        hex::encode(secret.0.expose()),
        "9d41664ea15601ee3c54a470e0003e7acb3b652ea641b0553842fdd8d835178b"
    );
    assert_eq!(secret.fingerprint().to_string(), "3bf0176e101f30ce");
    let keys = secret.lane_keys(&CONTEXT);
    assert_eq!(
        hex::encode(keys.key.expose()),
        "b9da3f61f106eca3863ec8b0891719bbad2dbe6053d5a6c7e8bca3933ee3e1b9"
    );
    assert_eq!(hex::encode(keys.iv.expose()), "42b662f71397e6a47fa5c625");
}

// REQ-KEY-1, REQ-KEY-2, REQ-KEY-4
#[test]
fn a_known_classical_handshake_gives_known_keys() {
    // As above.
    let secret = derive(&Handshake {
        kem: None,
        ..HANDSHAKE
    });
    assert_eq!(
        hex::encode(secret.0.expose()),
        "163cde2db667ea0dc02b111c0a1c20d7ed293885c06b735a79880cdbfbd98b6c"
    );
    assert_eq!(secret.fingerprint().to_string(), "3c39ac45d25b2984");
    let keys = secret.lane_keys(&LaneContext {
        suite: Suite::ChaCha20Poly1305,
        post_quantum: PostQuantum::Classical,
        direction: Direction::ResponderToInitiator,
        lane: 0x0102,
        ..CONTEXT
    });
    assert_eq!(
        hex::encode(keys.key.expose()),
        "9f60bcdc140ef776a2c0011e7a6e08f0fd6dcbe8acdcb40b57cbf98644aa0993"
    );
    assert_eq!(hex::encode(keys.iv.expose()), "a05c6ec6bcea5db9ab7d7883");
}

// REQ-KEY-2
#[test]
fn the_info_of_a_lane_has_the_layout_of_the_protocol() {
    assert_eq!(&CONTEXT.info(), b"vpc data \x01\x01\x01\x00\x03");
    let other = LaneContext {
        suite: Suite::ChaCha20Poly1305,
        post_quantum: PostQuantum::Classical,
        direction: Direction::ResponderToInitiator,
        lane: 0xabcd,
        ..CONTEXT
    };
    assert_eq!(&other.info(), b"vpc data \x02\x00\x02\xab\xcd");
}

/// Every context over a few lanes, among them those that differ in one byte of the lane only.
fn contexts() -> Vec<LaneContext> {
    let mut contexts = Vec::new();
    for suite in Suite::ALL {
        for post_quantum in [PostQuantum::Hybrid, PostQuantum::Classical] {
            let initiator = Direction::InitiatorToResponder;
            for direction in [initiator, initiator.reverse()] {
                contexts.extend((0..64).chain([0x100, u16::MAX]).map(|lane| LaneContext {
                    purpose: Purpose::VpcData,
                    suite,
                    post_quantum,
                    direction,
                    lane,
                }));
            }
        }
    }
    contexts
}

// REQ-KEY-3
#[test]
fn every_part_of_a_context_changes_both_key_and_iv() {
    let secret = derive(&HANDSHAKE);
    let lanes: Vec<_> = contexts().into_iter().map(|c| lane(&secret, c)).collect();
    let keys: HashSet<_> = lanes.iter().map(|(key, _)| key).collect();
    let ivs: HashSet<_> = lanes.iter().map(|(_, iv)| iv).collect();
    assert_eq!(lanes.len(), 2 * 2 * 2 * 66);
    assert_eq!(keys.len(), lanes.len());
    assert_eq!(ivs.len(), lanes.len());
}

#[test]
fn a_context_always_gives_the_same_keys() {
    for context in [CONTEXT, *contexts().last().unwrap()] {
        let first = lane(&derive(&HANDSHAKE), context);
        assert_eq!(first, lane(&derive(&HANDSHAKE), context));
    }
}

/// A handshake's variants, each with one other input.
fn neighbors() -> Vec<Handshake> {
    let base = HANDSHAKE;
    vec![
        base,
        Handshake {
            hash: [0x10; 32],
            ..base
        },
        Handshake {
            k1: [0x20; 32],
            ..base
        },
        Handshake {
            k2: [0x30; 32],
            ..base
        },
        Handshake {
            kem: Some([0x40; 32]),
            ..base
        },
        Handshake {
            k1: base.k2,
            k2: base.k1,
            ..base
        },
        // A KEM secret of zeros is not an absent one.
        Handshake {
            kem: Some([0; 32]),
            ..base
        },
        Handshake { kem: None, ..base },
    ]
}

// REQ-KEY-1
#[test]
fn every_input_of_the_handshake_changes_everything_that_follows() {
    let secrets: Vec<_> = neighbors().iter().map(derive).collect();
    let keys: HashSet<_> = secrets.iter().map(|s| lane(s, CONTEXT).0).collect();
    let ivs: HashSet<_> = secrets.iter().map(|s| lane(s, CONTEXT).1).collect();
    let names: HashSet<_> = secrets.iter().map(EpochSecret::fingerprint).collect();
    assert_eq!(keys.len(), secrets.len());
    assert_eq!(ivs.len(), secrets.len());
    assert_eq!(names.len(), secrets.len());
}

// REQ-KEY-4
#[test]
fn a_fingerprint_is_no_part_of_the_epoch_secret_or_of_a_key() {
    let secret = derive(&HANDSHAKE);
    let fingerprint = secret.fingerprint().to_bytes();
    let mut secrets = secret.0.expose().to_vec();
    for context in contexts() {
        let (key, iv) = lane(&secret, context);
        secrets.extend(key);
        secrets.extend(iv);
    }
    assert!(!secrets.windows(8).any(|window| window == fingerprint));
}

#[test]
fn a_fingerprint_is_written_as_sixteen_hexadecimal_digits() {
    let fingerprint = Fingerprint([0, 0x01, 0xab, 0, 0, 0, 0, 0xff]);
    assert_eq!(fingerprint.to_string(), "0001ab00000000ff");
    assert_eq!(format!("{fingerprint:?}"), "Fingerprint(0001ab00000000ff)");
    assert_eq!(fingerprint.to_bytes(), [0, 0x01, 0xab, 0, 0, 0, 0, 0xff]);
}

#[test]
fn a_direction_reversed_twice_is_itself() {
    let (there, back) = (
        Direction::InitiatorToResponder,
        Direction::ResponderToInitiator,
    );
    assert_eq!((there.reverse(), back.reverse()), (back, there));
}

// REQ-KEY-5
#[test]
fn secrets_and_keys_of_an_epoch_are_wiped() {
    fn wiped_when_dropped(_: &impl ZeroizeOnDrop) {}
    let mut secret = derive(&HANDSHAKE);
    let mut keys = secret.lane_keys(&CONTEXT);
    wiped_when_dropped(&secret.0);
    wiped_when_dropped(&keys.key);
    wiped_when_dropped(&keys.iv);
    secret.0.zeroize();
    keys.key.zeroize();
    keys.iv.zeroize();
    assert_eq!(secret.0.expose(), &[0; 32]);
    assert_eq!(keys.key.expose(), &[0; 32]);
    assert_eq!(keys.iv.expose(), &[0; NONCE_LEN]);
}

#[test]
fn debug_shows_nothing_of_secrets_and_keys() {
    let secret = derive(&HANDSHAKE);
    assert_eq!(format!("{secret:?}"), "EpochSecret(..)");
    let hash = HandshakeHash::new([7; 32]);
    assert_eq!(format!("{hash:?}"), "HandshakeHash(..)");
    let keys = secret.lane_keys(&CONTEXT);
    let shown = format!("{keys:?}");
    assert_eq!(shown, "LaneKeys { key: KeyBytes(..), iv: Iv(..) }");
}

/// Section 8 of docs/protocol.md with nothing but HMAC. All outputs have at most two blocks.
fn expand_by_definition(prk: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    let first = hmac_sha256(prk, &[info, &[1]].concat());
    let second = hmac_sha256(prk, &[first.expose(), info, &[2]].concat());
    let mut okm = [*first.expose(), *second.expose()].concat();
    okm.truncate(len);
    okm
}

fn handshakes() -> impl Strategy<Value = Handshake> {
    any::<([u8; 32], [u8; 32], [u8; 32], Option<[u8; 32]>)>()
        .prop_map(|(hash, k1, k2, kem)| Handshake { hash, k1, k2, kem })
}

proptest! {
    // REQ-KEY-1, REQ-KEY-2, REQ-KEY-4
    #[test]
    fn every_key_is_that_of_the_definition(handshake in handshakes(), number in any::<u16>(), of_responder in any::<bool>()) {
        let len32 = [0, 32];
        let mut ikm = [&len32, handshake.k1.as_slice(), &len32, &handshake.k2].concat();
        match &handshake.kem {
            Some(kem) => ikm.extend([len32.as_slice(), kem].concat()),
            None => ikm.extend([0, 0]),
        }
        let prk = *hmac_sha256(&handshake.hash, &ikm).expose();
        let secret = derive(&handshake);
        prop_assert_eq!(secret.0.expose(), &prk);

        let name = expand_by_definition(&prk, b"linkveil1 fingerprint", 8);
        prop_assert_eq!(secret.fingerprint().to_bytes().to_vec(), name);

        let [high, low] = number.to_be_bytes();
        let (direction, id) = match of_responder {
            true => (Direction::ResponderToInitiator, 2),
            false => (Direction::InitiatorToResponder, 1),
        };
        let mut info = b"linkveil1 vpc data ".to_vec();
        info.extend([1, 1, id, high, low]);
        let (key, iv) = lane(&secret, LaneContext { direction, lane: number, ..CONTEXT });
        prop_assert_eq!([key.as_slice(), &iv].concat(), expand_by_definition(&prk, &info, 44));
    }
}
