use std::collections::HashSet;

use super::*;
use crate::random::SystemRandom;

/// Every backend that this build has.
fn backends() -> Vec<(&'static str, Box<dyn Kem>)> {
    vec![
        ("AWS-LC", Box::new(AwsLcMlKem768)),
        #[cfg(feature = "rustcrypto")]
        ("RustCrypto", Box::new(DeterministicMlKem768)),
    ]
}

fn generate(kem: &dyn Kem) -> (Box<dyn Decapsulate>, EncapsulationKey) {
    kem.generate(&mut SystemRandom).unwrap()
}

fn encapsulate(kem: &dyn Kem, key: &EncapsulationKey) -> (KemCiphertext, SharedSecret) {
    kem.encapsulate(key, &mut SystemRandom).unwrap()
}

fn decapsulate(secret: &dyn Decapsulate, ciphertext: &KemCiphertext) -> [u8; SharedSecret::LEN] {
    *secret.decapsulate(ciphertext).unwrap().expose()
}

fn flipped(ciphertext: &KemCiphertext, at: usize, bit: u8) -> KemCiphertext {
    let mut bytes = ciphertext.clone().into_bytes();
    bytes[at] ^= 1 << bit;
    KemCiphertext::new(bytes)
}

/// `key` with another coefficient number `at` (0 to 767): 12 bits each, low bits first
/// (FIPS 203 s4.2.1, `ByteEncode`).
fn with_coefficient(key: &EncapsulationKey, at: usize, value: u16) -> EncapsulationKey {
    let mut bytes = key.clone().into_bytes();
    let [low, high] = value.to_le_bytes();
    let pair = &mut bytes[at / 2 * 3..][..3];
    if at.is_multiple_of(2) {
        pair[0] = low;
        pair[1] = pair[1] & 0xf0 | high;
    } else {
        pair[1] = pair[1] & 0x0f | low << 4;
        pair[2] = low >> 4 | high << 4;
    }
    EncapsulationKey::new(bytes)
}

/// The prime of FIPS 203 s2.4.
const Q: u16 = 3329;
/// Three polynomials of 256 coefficients.
const COEFFICIENTS: usize = 3 * 256;

#[test]
fn every_backend_opens_what_every_backend_sealed() {
    for (holder, of_holder) in backends() {
        let (secret, key) = generate(&*of_holder);
        for (sender, of_sender) in backends() {
            let (ciphertext, shared) = encapsulate(&*of_sender, &key);
            let opened = decapsulate(&*secret, &ciphertext);
            assert_eq!(&opened, shared.expose(), "{sender} to {holder}");
            assert_ne!(opened, [0; SharedSecret::LEN]);
        }
    }
}

// REQ-PQ-1
#[test]
fn keys_ciphertexts_and_secrets_are_fresh() {
    for (_, kem) in backends() {
        let keys: Vec<_> = (0..4).map(|_| generate(&*kem).1).collect();
        let distinct: HashSet<_> = keys.iter().map(|key| *key.as_bytes()).collect();
        assert_eq!(distinct.len(), keys.len());
        let (first, secret) = encapsulate(&*kem, &keys[0]);
        let (second, other) = encapsulate(&*kem, &keys[0]);
        assert_ne!(first, second);
        assert_ne!(secret.expose(), other.expose());
    }
}

// REQ-PQ-6
#[test]
fn a_coefficient_that_is_not_reduced_makes_a_key_malformed() {
    // FIPS 203 s7.2, the modulus check.
    for (name, kem) in backends() {
        let (_, key) = generate(&*kem);
        for at in 0..COEFFICIENTS {
            let malformed = with_coefficient(&key, at, Q);
            let refused = kem.encapsulate(&malformed, &mut SystemRandom).err();
            assert_eq!(refused, Some(KemError::MalformedKey), "{name}, {at}");
        }
        for value in [Q + 1, 3500, 4094, 4095] {
            let malformed = with_coefficient(&key, 300, value);
            let refused = kem.encapsulate(&malformed, &mut SystemRandom).err();
            assert_eq!(refused, Some(KemError::MalformedKey), "{name}, {value}");
        }
    }
}

// REQ-PQ-6
#[test]
fn the_check_refuses_nothing_that_is_reduced() {
    for (name, kem) in backends() {
        let (_, key) = generate(&*kem);
        for (at, value) in [(0, Q - 1), (1, Q - 1), (256, 0), (767, Q - 1)] {
            let other = with_coefficient(&key, at, value);
            let accepted = kem.encapsulate(&other, &mut SystemRandom);
            assert!(accepted.is_ok(), "{name}, {at}");
        }
        // The last 32 bytes seed the matrix: any value will do.
        let mut bytes = key.into_bytes();
        bytes[ENCAPSULATION_KEY_LEN - 32..].fill(0xff);
        let seeded = EncapsulationKey::new(bytes);
        assert!(
            kem.encapsulate(&seeded, &mut SystemRandom).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn a_changed_ciphertext_yields_another_secret_and_always_the_same() {
    // FIPS 203 s6.3: implicit rejection.
    for (name, kem) in backends() {
        let (secret, key) = generate(&*kem);
        let (ciphertext, shared) = encapsulate(&*kem, &key);
        let mut seen = HashSet::from([*shared.expose()]);
        for at in (0..CIPHERTEXT_LEN).step_by(64).chain([CIPHERTEXT_LEN - 1]) {
            let changed = flipped(&ciphertext, at, 7);
            let rejected = decapsulate(&*secret, &changed);
            assert_eq!(rejected, decapsulate(&*secret, &changed), "{name}, {at}");
            assert!(seen.insert(rejected), "{name}, {at}");
        }
        assert_eq!(&decapsulate(&*secret, &ciphertext), shared.expose());
    }
}

#[test]
fn a_ciphertext_for_another_key_yields_another_secret() {
    for (_, kem) in backends() {
        let (_, key) = generate(&*kem);
        let (stranger, _) = generate(&*kem);
        let (ciphertext, shared) = encapsulate(&*kem, &key);
        assert_ne!(&decapsulate(&*stranger, &ciphertext), shared.expose());
    }
}

#[test]
fn bytes_come_back_as_they_went_in() {
    let key = EncapsulationKey::new(Box::new([5; ENCAPSULATION_KEY_LEN]));
    assert_eq!(key.as_bytes(), &[5; ENCAPSULATION_KEY_LEN]);
    assert_eq!(*key.into_bytes(), [5; ENCAPSULATION_KEY_LEN]);
    let ciphertext = KemCiphertext::new(Box::new([6; CIPHERTEXT_LEN]));
    assert_eq!(ciphertext.as_bytes(), &[6; CIPHERTEXT_LEN]);
    assert_eq!(*ciphertext.into_bytes(), [6; CIPHERTEXT_LEN]);
}

/// What only a backend with given randomness can show.
#[cfg(feature = "rustcrypto")]
mod deterministic_backend {
    use serde::Deserialize;

    use super::*;
    use crate::random::Random;

    #[derive(Deserialize)]
    struct Vectors {
        key_generation: KeyGeneration,
        encapsulation: Encapsulation,
        implicit_rejection: ImplicitRejection,
    }

    #[derive(Deserialize)]
    struct KeyGeneration {
        d: String,
        z: String,
        encapsulation_key: String,
    }

    #[derive(Deserialize)]
    struct Encapsulation {
        encapsulation_key: String,
        message: String,
        ciphertext: String,
        shared_secret: String,
    }

    #[derive(Deserialize)]
    struct ImplicitRejection {
        shared_secret: String,
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../vectors/ml-kem-768.json")).unwrap()
    }

    fn boxed<const N: usize>(hex: &str) -> Box<[u8; N]> {
        hex::decode(hex).unwrap().try_into().unwrap()
    }

    /// Gives out fixed bytes, and no more than there are.
    struct Fixed(Vec<u8>);

    impl Random for Fixed {
        fn fill(&mut self, out: &mut [u8]) {
            let rest = self.0.split_off(out.len());
            out.copy_from_slice(&std::mem::replace(&mut self.0, rest));
        }
    }

    fn generate_from(d: &str, z: &str) -> (Box<dyn Decapsulate>, EncapsulationKey) {
        let mut random = Fixed(hex::decode([d, z].concat()).unwrap());
        let pair = DeterministicMlKem768.generate(&mut random).unwrap();
        assert!(random.0.is_empty(), "the seed is d || z and nothing else");
        pair
    }

    #[test]
    fn key_generation_gives_the_example_key_of_the_certificate_draft() {
        let vector = vectors().key_generation;
        let (_, key) = generate_from(&vector.d, &vector.z);
        assert_eq!(hex::encode(key.as_bytes()), vector.encapsulation_key);
    }

    #[test]
    fn encapsulation_gives_the_vector_of_cctv() {
        let vector = vectors().encapsulation;
        let key = EncapsulationKey::new(boxed(&vector.encapsulation_key));
        let mut random = Fixed(hex::decode(&vector.message).unwrap());
        let made = DeterministicMlKem768.encapsulate(&key, &mut random);
        let (ciphertext, shared) = made.unwrap();
        assert!(random.0.is_empty(), "the message is all that is drawn");
        assert_eq!(hex::encode(ciphertext.as_bytes()), vector.ciphertext);
        assert_eq!(hex::encode(shared.expose()), vector.shared_secret);
    }

    #[test]
    fn a_rejected_ciphertext_yields_the_hash_that_fips_203_prescribes() {
        let vectors = vectors();
        let (d, z) = (&vectors.key_generation.d, &vectors.key_generation.z);
        let (secret, _) = generate_from(d, z);
        let foreign = KemCiphertext::new(boxed(&vectors.encapsulation.ciphertext));
        let rejected = hex::encode(decapsulate(&*secret, &foreign));
        assert_eq!(rejected, vectors.implicit_rejection.shared_secret);
    }

    #[test]
    fn the_same_randomness_gives_the_same_bytes() {
        let run = || {
            let mut random = Fixed((0..96).collect());
            let (secret, key) = DeterministicMlKem768.generate(&mut random).unwrap();
            let made = DeterministicMlKem768.encapsulate(&key, &mut random);
            let (ciphertext, shared) = made.unwrap();
            assert_eq!(&decapsulate(&*secret, &ciphertext), shared.expose());
            (key, ciphertext, *shared.expose())
        };
        assert_eq!(run(), run());
    }
}
