//! AES-GCM with keys of both lengths, as MACsec uses it.

use proptest::prelude::*;

use super::*;
use crate::secret::AesKey;

struct Backend {
    name: &'static str,
    seal: fn(&AesKey, Clear<'_>, &mut [u8]) -> Tag,
    open: fn(&AesKey, Clear<'_>, &mut [u8], &Tag) -> Result<(), OpenFailed>,
}

/// What comes with a message in clear.
#[derive(Clone, Copy)]
struct Clear<'a> {
    nonce: [u8; NONCE_LEN],
    aad: &'a [u8],
}

macro_rules! backend {
    ($name:literal, $($path:ident)::+) => {
        Backend {
            name: $name,
            seal: |key, clear, text| {
                let sealing = $($path)::+::SealKey::aes_gcm(key);
                sealing.seal_in_place(Nonce::new(clear.nonce), clear.aad, text)
            },
            open: |key, clear, text, tag| {
                let opening = $($path)::+::OpenKey::aes_gcm(key);
                opening.open_in_place(Nonce::new(clear.nonce), clear.aad, text, tag)
            },
        }
    };
}

fn backends() -> Vec<Backend> {
    vec![
        backend!("AWS-LC", aws_lc),
        #[cfg(feature = "rustcrypto")]
        backend!("RustCrypto", rustcrypto),
    ]
}

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn key(text: &str) -> AesKey {
    AesKey::copy_from(&hex(text)).unwrap()
}

struct Vector {
    key: &'static str,
    nonce: &'static str,
    aad: &'static str,
    plaintext: &'static str,
    ciphertext: &'static str,
    tag: &'static str,
}

/// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 1, 2 and 4 with
/// 128 bits, 14 and 16 with 256.
const DESIGNERS: [Vector; 5] = [
    Vector {
        key: "00000000000000000000000000000000",
        nonce: "000000000000000000000000",
        aad: "",
        plaintext: "",
        ciphertext: "",
        tag: "58e2fccefa7e3061367f1d57a4e7455a",
    },
    Vector {
        key: "00000000000000000000000000000000",
        nonce: "000000000000000000000000",
        aad: "",
        plaintext: "00000000000000000000000000000000",
        ciphertext: "0388dace60b6a392f328c2b971b2fe78",
        tag: "ab6e47d42cec13bdf53a67b21257bddf",
    },
    Vector {
        key: "feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ),
        ciphertext: concat!(
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e",
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
        ),
        tag: "5bc94fbc3221a5db94fae95ae7121a47",
    },
    Vector {
        key: "0000000000000000000000000000000000000000000000000000000000000000",
        nonce: "000000000000000000000000",
        aad: "",
        plaintext: "00000000000000000000000000000000",
        ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
        tag: "d0d1c8a799996bf0265b98b5d48ab919",
    },
    Vector {
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ),
        ciphertext: concat!(
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        ),
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
];

#[test]
fn aes_gcm_gives_the_test_cases_of_its_designers() {
    for vector in &DESIGNERS {
        let (key, aad) = (key(vector.key), hex(vector.aad));
        let nonce = hex(vector.nonce).try_into().unwrap();
        let clear = Clear { nonce, aad: &aad };
        for backend in backends() {
            let mut text = hex(vector.plaintext);
            let tag = (backend.seal)(&key, clear, &mut text);
            assert_eq!(hex::encode(&text), vector.ciphertext, "{}", backend.name);
            assert_eq!(hex::encode(tag.as_bytes()), vector.tag, "{}", backend.name);
            assert_eq!((backend.open)(&key, clear, &mut text, &tag), Ok(()));
            assert_eq!(hex::encode(&text), vector.plaintext, "{}", backend.name);
        }
    }
}

#[test]
fn a_message_opens_with_its_own_length_of_key_only() {
    let clear = Clear {
        nonce: [1; NONCE_LEN],
        aad: &[2; 20],
    };
    let keys = [16, 32].map(|len| AesKey::copy_from(&vec![3; len]).unwrap());
    for backend in backends() {
        for (key, other) in [(&keys[0], &keys[1]), (&keys[1], &keys[0])] {
            let mut text = [4; 40];
            let tag = (backend.seal)(key, clear, &mut text);
            let opened = (backend.open)(other, clear, &mut text, &tag);
            assert_eq!((opened, text), (Err(OpenFailed), [0; 40]));
        }
    }
}

fn keys() -> impl Strategy<Value = AesKey> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(|key| AesKey::copy_from(&key).unwrap()),
        any::<[u8; 32]>().prop_map(|key| AesKey::copy_from(&key).unwrap()),
    ]
}

proptest! {
    #[test]
    fn every_backend_opens_what_every_backend_sealed_and_nothing_else(
        (key, nonce) in (keys(), any::<[u8; NONCE_LEN]>()),
        aad in prop::collection::vec(any::<u8>(), 1..2_000),
        plaintext in prop::collection::vec(any::<u8>(), 0..2_000),
        at in any::<prop::sample::Index>(),
    ) {
        for sender in backends() {
            let mut text = plaintext.clone();
            let tag = (sender.seal)(&key, Clear { nonce, aad: &aad }, &mut text);
            for receiver in backends() {
                let mut opened = text.clone();
                let clear = Clear { nonce, aad: &aad };
                prop_assert_eq!((receiver.open)(&key, clear, &mut opened, &tag), Ok(()));
                prop_assert_eq!(&opened, &plaintext, "{} to {}", sender.name, receiver.name);

                let mut aad = aad.clone();
                let bit = at.index(aad.len() * 8);
                aad[bit / 8] ^= 1 << (bit % 8);
                let clear = Clear { nonce, aad: &aad };
                prop_assert_eq!((receiver.open)(&key, clear, &mut opened, &tag), Err(OpenFailed));
            }
        }
    }
}
