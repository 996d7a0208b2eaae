use std::collections::HashSet;

use proptest::prelude::*;
use zeroize::ZeroizeOnDrop;

use super::*;
use crate::random::SystemRandom;

fn key(hex: &str) -> [u8; KEY_LEN] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

/// X25519 of a scalar and a u-coordinate.
fn x25519(scalar: &[u8; KEY_LEN], u: &[u8; KEY_LEN]) -> [u8; KEY_LEN] {
    let secret = StaticSecret::from_bytes(scalar);
    *secret.diffie_hellman(&PublicKey::new(*u)).unwrap().expose()
}

/// The u-coordinate of the base point.
const NINE: [u8; KEY_LEN] = {
    let mut nine = [0; KEY_LEN];
    nine[0] = 9;
    nine
};

#[test]
fn x25519_gives_the_two_vectors_of_rfc_7748() {
    // RFC 7748 s5.2. The second u has its unused top bit set.
    for (scalar, u, result) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ] {
        assert_eq!(hex::encode(x25519(&key(scalar), &key(u))), result);
    }
}

#[test]
fn x25519_gives_the_iterated_vector_of_rfc_7748() {
    // RFC 7748 s5.2, after 1 and after 1,000 iterations.
    let (mut k, mut u) = (NINE, NINE);
    for iteration in 1..=1000 {
        (k, u) = (x25519(&k, &u), k);
        if iteration == 1 {
            let once = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
            assert_eq!(hex::encode(k), once);
        }
    }
    let result = "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";
    assert_eq!(hex::encode(k), result);
}

#[test]
fn alice_and_bob_of_rfc_7748_agree() {
    // RFC 7748 s6.1.
    let alice = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
    let bob = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
    let [alice, bob] = [alice, bob].map(|secret| StaticSecret::from_bytes(&key(secret)));
    assert_eq!(
        hex::encode(alice.public().as_bytes()),
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
    );
    assert_eq!(
        hex::encode(bob.public().as_bytes()),
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    );
    let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    for (secret, remote) in [(&alice, bob.public()), (&bob, alice.public())] {
        let agreed = secret.diffie_hellman(&remote).unwrap();
        assert_eq!(hex::encode(agreed.expose()), shared);
    }
}

/// The u-coordinates of small order in all their encodings of 255 bits: 0, 1, two of order 8,
/// p - 1, p and p + 1, where p = 2^255 - 19 (D. J. Bernstein, <https://cr.yp.to/ecdh.html>, "How do
/// I validate Curve25519 public keys?").
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

// REQ-HS-4
#[test]
fn public_keys_of_small_order_are_refused() {
    // RFC 7748 s6.1: the result is zero whatever the secret is. The top bit of u is ignored (s5).
    let mut secrets = vec![StaticSecret::from_bytes(&[0; KEY_LEN])];
    secrets.extend((0..4).map(|_| StaticSecret::generate(&mut SystemRandom)));
    for point in SMALL_ORDER {
        for top_bit in [0, 0x80] {
            let mut point = key(point);
            point[KEY_LEN - 1] |= top_bit;
            for secret in &secrets {
                let refused = secret.diffie_hellman(&PublicKey::new(point)).err();
                assert_eq!(refused, Some(NonContributory), "{}", hex::encode(point));
            }
        }
    }
}

#[test]
fn points_beside_those_of_small_order_are_accepted() {
    let secret = StaticSecret::generate(&mut SystemRandom);
    for u in [[2; KEY_LEN], NINE] {
        assert!(secret.diffie_hellman(&PublicKey::new(u)).is_ok());
    }
    // p + 2 is 2 in another encoding.
    let [two, other] = [
        "0200000000000000000000000000000000000000000000000000000000000000",
        "efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
    .map(|u| x25519(secret.expose(), &key(u)));
    assert_eq!(two, other);
}

#[test]
fn pairs_of_wireguard_are_pairs_here() {
    // The private keys of the example configurations on wireguard.com ("Cryptokey Routing") and,
    // from the other end of each, the public keys that belong to them.
    for (secret, public) in [
        (
            "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=",
            "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=",
        ),
        (
            "gI6EdUSYvn8ugXOt8QQD6Yc+JyiZxIhp3GInSWRfWGE=",
            "gN65BkIKy1eCE9pP1wdc8ROUtkHLF2PfAqYdyYBz6EA=",
        ),
    ] {
        let key = StaticSecret::from_base64(secret).unwrap();
        assert_eq!(key.public().to_string(), public);
        assert_eq!(public.parse(), Ok(key.public()));
        assert_eq!(*key.to_base64(), secret);
    }
}

#[test]
fn a_drawn_key_is_clamped_as_that_of_wg_genkey() {
    /// Gives out one byte for ever.
    struct Constant(u8);
    impl Random for Constant {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }
    let ones = StaticSecret::generate(&mut Constant(0xff));
    let mut clamped = [0xff; KEY_LEN];
    (clamped[0], clamped[KEY_LEN - 1]) = (0xf8, 0x7f);
    assert_eq!(ones.expose(), &clamped);

    let zeros = StaticSecret::generate(&mut Constant(0));
    let mut clamped = [0; KEY_LEN];
    clamped[KEY_LEN - 1] = 0x40;
    assert_eq!(zeros.expose(), &clamped);
}

#[test]
fn drawn_keys_differ() {
    let keys = (0..8).map(|_| StaticSecret::generate(&mut SystemRandom).public());
    assert_eq!(keys.collect::<HashSet<_>>().len(), 8);
}

#[test]
fn clamping_makes_no_difference_to_the_public_key() {
    let mut clamped = [0x5a; KEY_LEN];
    clamped[0] &= 0xf8;
    clamped[KEY_LEN - 1] = clamped[KEY_LEN - 1] & 0x7f | 0x40;
    let raw = StaticSecret::from_bytes(&[0x5a; KEY_LEN]);
    assert_eq!(raw.expose(), &[0x5a; KEY_LEN]);
    assert_eq!(raw.public(), StaticSecret::from_bytes(&clamped).public());
}

#[test]
fn white_space_around_a_key_is_ignored_and_within_it_refused() {
    let text = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";
    let padded = format!("\t {text}\r\n");
    assert_eq!(padded.parse(), text.parse::<PublicKey>());
    let split = text.replacen('F', " ", 1);
    assert_eq!(split.parse::<PublicKey>(), Err(KeyError::NotBase64));
}

#[test]
fn texts_that_are_no_keys_are_refused() {
    let zeros = "A".repeat(42);
    for (text, error) in [
        (String::new(), KeyError::WrongLength),
        (format!("{zeros}A"), KeyError::WrongLength),
        (format!("{zeros}AA=="), KeyError::WrongLength),
        // 33 and 31 bytes.
        (format!("{zeros}AA"), KeyError::NotBase64),
        (format!("{zeros}=="), KeyError::NotBase64),
        // Bits behind the last byte: a second text for the same key.
        (format!("{zeros}B="), KeyError::NotBase64),
        // The alphabet of URLs, and padding in the middle.
        (format!("-{zeros}="), KeyError::NotBase64),
        (format!("=A{}=", &zeros[1..]), KeyError::NotBase64),
        (format!("{}\u{e9}A=", &zeros[..40]), KeyError::NotBase64),
    ] {
        assert_eq!(text.parse::<PublicKey>(), Err(error), "{text}");
        assert_eq!(StaticSecret::from_base64(&text).err(), Some(error));
    }
    assert_eq!(
        format!("{zeros}A=").parse(),
        Ok(PublicKey::new([0; KEY_LEN]))
    );
}

// REQ-CROSS-1
#[test]
fn public_keys_are_ordered_from_their_first_byte_as_unsigned_numbers() {
    let with = |at: usize, byte: u8| {
        let mut bytes = [0x10; KEY_LEN];
        bytes[at] = byte;
        PublicKey::new(bytes)
    };
    assert!(with(0, 0x80) > with(0, 0x7f));
    assert!(with(0, 0x11) > with(KEY_LEN - 1, 0xff));
    assert!(with(KEY_LEN - 1, 0x11) > with(KEY_LEN - 1, 0x10));
}

// REQ-KEY-5
#[test]
fn secrets_are_wiped_when_dropped() {
    fn wiped_when_dropped(_: &impl ZeroizeOnDrop) {}
    let secret = StaticSecret::from_bytes(&[7; KEY_LEN]);
    wiped_when_dropped(&secret.0);
    wiped_when_dropped(&secret.to_base64());
    wiped_when_dropped(&secret.diffie_hellman(&PublicKey::new(NINE)).unwrap());
}

// REQ-KEY-5
#[test]
fn a_secret_in_base64_was_never_moved_by_growth() {
    let text = StaticSecret::from_bytes(&[7; KEY_LEN]).to_base64();
    assert_eq!((text.len(), text.capacity()), (BASE64_LEN, BASE64_LEN));
}

#[test]
fn debug_shows_public_keys_only() {
    let secret = StaticSecret::from_bytes(&[7; KEY_LEN]);
    assert_eq!(format!("{secret:?}"), "StaticSecret(..)");
    let public = PublicKey::new([0; KEY_LEN]);
    let text = format!("PublicKey({}=)", "A".repeat(43));
    assert_eq!(format!("{public:?}"), text);
    assert_eq!(format!("{public:>46}").trim_start(), public.to_string());
}

proptest! {
    #[test]
    fn every_key_survives_its_text(bytes in any::<[u8; KEY_LEN]>()) {
        let public = PublicKey::new(bytes);
        prop_assert_eq!(public.to_string().parse(), Ok(public));
        let text = StaticSecret::from_bytes(&bytes).to_base64();
        let secret = StaticSecret::from_base64(&text).unwrap();
        prop_assert_eq!(secret.expose(), &bytes);
    }

    #[test]
    fn no_text_makes_the_parser_panic_and_what_it_reads_is_canonical(text in "[A-D/+=é]{42,45}|.{0,50}") {
        if let Ok(key) = text.parse::<PublicKey>() {
            prop_assert_eq!(key.to_string(), text.trim_ascii());
        }
    }

    #[test]
    fn both_ends_agree(a in any::<[u8; KEY_LEN]>(), b in any::<[u8; KEY_LEN]>()) {
        let (a, b) = (StaticSecret::from_bytes(&a), StaticSecret::from_bytes(&b));
        let here = a.diffie_hellman(&b.public()).unwrap();
        let there = b.diffie_hellman(&a.public()).unwrap();
        prop_assert_eq!(here.expose(), there.expose());
    }
}
