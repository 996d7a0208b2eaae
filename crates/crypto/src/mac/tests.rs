use proptest::prelude::*;

use super::*;
use crate::random::SystemRandom;

const RECEIVER: PublicKey = PublicKey::new([0x11; 32]);
const STRANGER: PublicKey = PublicKey::new([0x12; 32]);

fn flips(bytes: &[u8; MAC_LEN]) -> impl Iterator<Item = [u8; MAC_LEN]> {
    (0..MAC_LEN * 8).map(|bit| {
        let mut flipped = *bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

#[test]
fn mac1_mac2_and_cookies_have_the_bytes_of_the_protocol() {
    // docs/protocol.md sections 7.3 and 7.8, computed with Python's hashlib and hmac.
    let mac1 = Mac1Key::for_receiver(&RECEIVER).mac(b"bytes before mac1");
    assert_eq!(hex::encode(mac1), "bddd0d29e02cd21d896b883822afb00b");
    let mac2 = Cookie::from_bytes([0x22; COOKIE_LEN]).mac2(b"bytes before mac2");
    assert_eq!(hex::encode(mac2), "4fd9396fc999cd0ee0fc909bb24cb55b");
    let secret = KeyBytes::new([0x33; 32]);
    let cookie = Cookie::for_address(&secret, b"an address");
    assert_eq!(hex::encode(cookie.0), "50b64da1fadaa757d39a22b208a81c33");
}

#[test]
fn a_sealed_cookie_has_the_bytes_of_the_protocol() {
    // docs/protocol.md section 7.8, computed with HKDF and AES-GCM of Python's `cryptography`.
    let key = CookieKey::derive(&RECEIVER, &[0x44; COOKIE_NONCE_LEN]);
    assert_eq!(
        hex::encode(key.0.expose()),
        "a7596d8a748050e41b249fe834186ca2019376165b96afca0dc14ff3e03fc804"
    );
    let sealed = key.seal(&Cookie::from_bytes([0x22; COOKIE_LEN]), &[0x55; MAC_LEN]);
    assert_eq!(
        hex::encode(sealed),
        "c431d138d9f90ef40d2a047862d2acc634e36f23d5a531b298c7fddd409995ad"
    );
}

// REQ-MAC-1
#[test]
fn mac1_holds_for_its_receiver_and_its_bytes_only() {
    let key = Mac1Key::for_receiver(&RECEIVER);
    let mac = key.mac(b"message");
    assert_eq!(key.verify(b"message", &mac), Ok(()));
    assert_eq!(key.clone().verify(b"message", &mac), Ok(()));
    let stranger = Mac1Key::for_receiver(&STRANGER);
    assert_eq!(stranger.verify(b"message", &mac), Err(WrongMac));
    for other in [b"messagf".as_slice(), b"messag", b"message\0", b""] {
        assert_eq!(key.verify(other, &mac), Err(WrongMac));
    }
    for flipped in flips(&mac) {
        assert_eq!(key.verify(b"message", &flipped), Err(WrongMac));
    }
    assert_eq!(key.verify(b"message", &[0; MAC_LEN]), Err(WrongMac));
}

#[test]
fn mac2_holds_for_its_cookie_and_its_bytes_only() {
    let cookie = Cookie::from_bytes([0x22; COOKIE_LEN]);
    let mac = cookie.mac2(b"message");
    assert_eq!(cookie.verify_mac2(b"message", &mac), Ok(()));
    assert_eq!(cookie.verify_mac2(b"messagf", &mac), Err(WrongMac));
    for flipped in flips(&mac) {
        assert_eq!(cookie.verify_mac2(b"message", &flipped), Err(WrongMac));
    }
    for other in flips(&cookie.0).map(Cookie::from_bytes) {
        assert_eq!(other.verify_mac2(b"message", &mac), Err(WrongMac));
    }
    // REQ-MAC-3: what is sent without a cookie is not a mac2.
    let absent = cookie.verify_mac2(b"message", &[0; MAC_LEN]);
    assert_eq!(absent, Err(WrongMac));
}

#[test]
fn a_cookie_belongs_to_one_address_and_one_secret() {
    let [secret, other] = [1, 2].map(|byte| KeyBytes::new([byte; 32]));
    let cookie = Cookie::for_address(&secret, b"192.0.2.1:51840");
    let mac = cookie.mac2(b"message");
    let verify =
        |secret, address| Cookie::for_address(secret, address).verify_mac2(b"message", &mac);
    assert_eq!(verify(&secret, b"192.0.2.1:51840"), Ok(()));
    assert_eq!(verify(&secret, b"192.0.2.1:51841"), Err(WrongMac));
    assert_eq!(verify(&other, b"192.0.2.1:51840"), Err(WrongMac));
}

fn sealed() -> ([u8; SEALED_COOKIE_LEN], [u8; COOKIE_NONCE_LEN]) {
    let nonce = [0x44; COOKIE_NONCE_LEN];
    let cookie = Cookie::from_bytes([0x22; COOKIE_LEN]);
    let sealed = CookieKey::derive(&RECEIVER, &nonce).seal(&cookie, &[0x55; MAC_LEN]);
    (sealed, nonce)
}

// REQ-COOKIE-1
#[test]
fn a_sealed_cookie_opens_for_its_responder_nonce_and_message_only() {
    let (sealed, nonce) = sealed();
    let open = |responder: &PublicKey, nonce: &[u8; COOKIE_NONCE_LEN], mac1: &[u8; MAC_LEN]| {
        let opened = CookieKey::derive(responder, nonce).open(&sealed, mac1);
        opened.map(|cookie| cookie.0)
    };
    let mac1 = [0x55; MAC_LEN];
    assert_eq!(open(&RECEIVER, &nonce, &mac1), Ok([0x22; COOKIE_LEN]));
    assert_eq!(open(&STRANGER, &nonce, &mac1), Err(OpenFailed));
    for flipped in flips(&mac1) {
        assert_eq!(open(&RECEIVER, &nonce, &flipped), Err(OpenFailed));
    }
    for at in 0..COOKIE_NONCE_LEN {
        let mut other = nonce;
        other[at] ^= 1;
        assert_eq!(open(&RECEIVER, &other, &mac1), Err(OpenFailed));
    }
}

// REQ-COOKIE-1
#[test]
fn a_changed_sealed_cookie_does_not_open() {
    let (sealed, nonce) = sealed();
    for bit in 0..SEALED_COOKIE_LEN * 8 {
        let mut changed = sealed;
        changed[bit / 8] ^= 1 << (bit % 8);
        let key = CookieKey::derive(&RECEIVER, &nonce);
        let opened = key.open(&changed, &[0x55; MAC_LEN]);
        assert_eq!(opened.err(), Some(OpenFailed), "bit {bit}");
    }
}

// REQ-COOKIE-2
#[test]
fn the_nonce_of_a_cookie_key_is_drawn() {
    /// Counts on from its last byte.
    struct Counting(u8);
    impl Random for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            for byte in out {
                self.0 += 1;
                *byte = self.0;
            }
        }
    }
    let mut random = Counting(0);
    let (key, nonce) = CookieKey::generate(&RECEIVER, &mut random);
    assert_eq!(nonce.to_vec(), (1..=24).collect::<Vec<_>>());
    let same = CookieKey::derive(&RECEIVER, &nonce);
    assert_eq!(key.0.expose(), same.0.expose());
    let (other, next) = CookieKey::generate(&RECEIVER, &mut random);
    assert_eq!(next.to_vec(), (25..=48).collect::<Vec<_>>());
    assert_ne!(key.0.expose(), other.0.expose());

    let (_, first) = CookieKey::generate(&RECEIVER, &mut SystemRandom);
    let (_, second) = CookieKey::generate(&RECEIVER, &mut SystemRandom);
    assert_ne!(first, second);
}

// REQ-KEY-5
#[test]
fn cookies_are_wiped() {
    fn wiped_when_dropped(_: &impl ZeroizeOnDrop) {}
    let mut cookie = Cookie::from_bytes([7; COOKIE_LEN]);
    wiped_when_dropped(&cookie);
    wiped_when_dropped(&CookieKey::derive(&RECEIVER, &[0; COOKIE_NONCE_LEN]).0);
    cookie.zeroize();
    assert_eq!(cookie.0, [0; COOKIE_LEN]);
}

#[test]
fn debug_shows_nothing_of_keys_and_cookies() {
    let key = Mac1Key::for_receiver(&RECEIVER);
    assert_eq!(format!("{key:?}"), "Mac1Key(..)");
    let cookie = Cookie::from_bytes([7; COOKIE_LEN]);
    assert_eq!(format!("{cookie:?}"), "Cookie(..)");
    let key = CookieKey::derive(&RECEIVER, &[0; COOKIE_NONCE_LEN]);
    assert_eq!(format!("{key:?}"), "CookieKey(..)");
}

proptest! {
    #[test]
    fn macs_are_the_first_half_of_an_hmac(
        receiver in any::<[u8; 32]>(), cookie in any::<[u8; COOKIE_LEN]>(),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let key = crate::kdf::sha256(&[b"linkveil1 mac1".as_slice(), &receiver].concat());
        let mac1 = Mac1Key::for_receiver(&PublicKey::new(receiver)).mac(&bytes);
        let hmac = hmac_sha256(&key, &bytes);
        prop_assert_eq!(mac1.as_slice(), &hmac.expose()[..MAC_LEN]);
        let mac2 = Cookie::from_bytes(cookie).mac2(&bytes);
        let hmac = hmac_sha256(&cookie, &bytes);
        prop_assert_eq!(mac2.as_slice(), &hmac.expose()[..MAC_LEN]);
    }

    #[test]
    fn every_cookie_survives_sealing(
        (responder, nonce) in (any::<[u8; 32]>(), any::<[u8; COOKIE_NONCE_LEN]>()),
        (cookie, mac1) in (any::<[u8; COOKIE_LEN]>(), any::<[u8; MAC_LEN]>()),
    ) {
        let key = || CookieKey::derive(&PublicKey::new(responder), &nonce);
        let sealed = key().seal(&Cookie::from_bytes(cookie), &mac1);
        let opened = key().open(&sealed, &mac1).map(|cookie| cookie.0);
        prop_assert_eq!(opened, Ok(cookie));
    }
}

/// Why timing is not measured: a statistical test would fail by chance. Instead, there is one way to compare a MAC, and it
/// is AWS-LC's: the types that hold keys cannot be compared, this file compares in one place, and nobody else compares what
/// a message has for MACs with anything but the sixteen zeros that everybody knows.
// REQ-MAC-2
#[test]
fn macs_are_compared_in_one_place_and_there_in_constant_time() {
    let code: String = include_str!("../mac.rs")
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    assert_eq!(code.matches("verify_slices_are_equal(").count(), 1);
    assert_eq!(
        code.matches(" == ").count() + code.matches(" != ").count(),
        0
    );
    assert_eq!(code.matches("verify(&self.mac").count(), 2, "mac1 and mac2");

    let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = 0;
    for file in ["noise/src", "tunnel/src", "dataplane/src", "linkveil/src"]
        .iter()
        .flat_map(|folder| sources(&crates.join(folder)))
    {
        let text = std::fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| names_a_mac(line)) {
            seen += 1;
            let compared = line.contains(" == ") || line.contains(" != ");
            let with_zeros = line.contains("== [0; MAC_LEN]");
            assert!(!compared || with_zeros, "{}: {line}", file.display());
        }
    }
    assert!(seen > 5, "the places that check MACs have gone elsewhere");
}

fn names_a_mac(line: &str) -> bool {
    ["mac1()", "mac2()", ".mac(", ".mac2("]
        .iter()
        .any(|name| line.contains(name))
}

/// Source files below a folder, tests aside.
fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default().to_owned();
        if name == "tests" || name == "testing" {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found
}

/// Whether a type can be compared with `==`: the inherent constant hides the trait's where its bound holds.
trait Incomparable {
    const COMPARABLE: bool = false;
}
impl<T> Incomparable for T {}
struct Comparable<T>(std::marker::PhantomData<T>);
impl<T: PartialEq> Comparable<T> {
    const COMPARABLE: bool = true;
}

// REQ-MAC-2
#[test]
fn keys_of_macs_cannot_be_compared() {
    const {
        assert!(Comparable::<WrongMac>::COMPARABLE, "the probe works");
        assert!(!Comparable::<Mac1Key>::COMPARABLE);
        assert!(!Comparable::<Cookie>::COMPARABLE);
        assert!(!Comparable::<CookieKey>::COMPARABLE);
        assert!(!Comparable::<KeyBytes>::COMPARABLE);
    }
}
