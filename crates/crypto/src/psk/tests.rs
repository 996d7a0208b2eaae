use std::collections::HashSet;

use proptest::prelude::*;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::*;
use crate::kdf::{hmac_sha256, sha256};
use crate::random::SystemRandom;

fn part(byte: u8) -> PskPart {
    PskPart(KeyBytes::new([byte; KeyBytes::LEN]))
}

fn combine(a: Option<&PskPart>, b: Option<&PskPart>) -> [u8; KeyBytes::LEN] {
    *Psk::combine(a, b).unwrap().expose()
}

/// The formula of docs/protocol.md section 7.6, with the layout of the input written out.
fn by_definition(a: Option<[u8; 32]>, b: Option<[u8; 32]>) -> [u8; 32] {
    let input = match (a, b) {
        (None, None) => return [0; 32],
        (Some(a), None) => [&[1, 0, 32], a.as_slice(), &[0, 0]].concat(),
        (None, Some(b)) => [&[2, 0, 0, 0, 32], b.as_slice()].concat(),
        (Some(a), Some(b)) => [&[3, 0, 32], a.as_slice(), &[0, 32], b.as_slice()].concat(),
    };
    *hmac_sha256(b"linkveil1 psk", &input).expose()
}

// REQ-PSK-1
#[test]
fn known_parts_give_known_keys() {
    // HMAC-SHA256 by Python's hmac over the input written out in `by_definition`.
    let (a, b) = (part(0xaa), part(0xbb));
    for (computed, expected) in [
        (
            combine(Some(&a), None),
            "bea8a294614b02ad0d42f99bd23a2c85994ae5a22326855729c2475a45552420",
        ),
        (
            combine(None, Some(&b)),
            "cebbb0c3a9d3dc6b497c5ff7f3684cefca750bea1cd2cf8db39e9d0b9466f721",
        ),
        (
            combine(Some(&a), Some(&b)),
            "4c3faef06399a2b09a4787e39f49eea4a6c924eafcb7f18c76cdad9da62743cf",
        ),
    ] {
        assert_eq!(hex::encode(computed), expected);
    }
}

// REQ-PSK-1
#[test]
fn without_parts_the_key_is_32_zero_bytes() {
    assert_eq!(combine(None, None), [0; 32]);
    assert_eq!(Psk::none().expose(), &[0; 32]);
}

// REQ-PSK-1, REQ-PSK-3
#[test]
fn presence_place_and_content_of_a_part_each_change_the_key() {
    let (a, b, zero) = (part(1), part(2), part(0));
    let keys = [
        combine(None, None),
        combine(Some(&a), None),
        combine(None, Some(&a)),
        combine(Some(&b), None),
        combine(None, Some(&b)),
        combine(Some(&a), Some(&b)),
        combine(Some(&b), Some(&a)),
        // A part of zeros is not an absent one.
        combine(Some(&zero), None),
        combine(None, Some(&zero)),
        combine(Some(&a), Some(&zero)),
        combine(Some(&zero), Some(&a)),
    ];
    assert_eq!(HashSet::from(keys).len(), keys.len());
}

// REQ-PSK-2
#[test]
fn equal_parts_are_refused() {
    for byte in [0, 1, 0xff] {
        let refused = Psk::combine(Some(&part(byte)), Some(&part(byte))).err();
        assert_eq!(refused, Some(PskError::EqualParts));
    }
    // One bit makes the difference, wherever it is.
    for at in 0..KeyBytes::LEN {
        let mut bytes = [1; KeyBytes::LEN];
        bytes[at] ^= 0x80;
        let near = PskPart(KeyBytes::new(bytes));
        assert!(Psk::combine(Some(&part(1)), Some(&near)).is_ok());
    }
}

#[test]
fn a_part_is_base64_as_wg_genpsk_prints_it() {
    let text = "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE=";
    let part = PskPart::from_base64(&format!("{text}\n")).unwrap();
    assert_eq!(*part.to_base64(), text);
    let raw = "1690b2870b3d731c16a15e3110bb5f26f8c937ecd05513c84a59515a07a8a551";
    assert_eq!(hex::encode(part.0.expose()), raw);

    let short = PskPart::from_base64(&text[1..]).err();
    assert_eq!(short, Some(KeyError::WrongLength));
    let other = PskPart::from_base64(&text.replace('=', "A")).err();
    assert_eq!(other, Some(KeyError::NotBase64));
}

#[test]
fn drawn_parts_are_random() {
    let texts = (0..8).map(|_| PskPart::generate(&mut SystemRandom).to_base64().to_string());
    assert_eq!(texts.collect::<HashSet<_>>().len(), 8);
}

// REQ-KEY-5
#[test]
fn parts_and_keys_are_wiped() {
    fn wiped_when_dropped(_: &impl ZeroizeOnDrop) {}
    let mut part = part(7);
    wiped_when_dropped(&part.0);
    wiped_when_dropped(&part.to_base64());
    let mut psk = Psk::combine(Some(&part), None).unwrap();
    wiped_when_dropped(&psk.0);
    part.0.zeroize();
    psk.0.zeroize();
    assert_eq!(part.0.expose(), &[0; 32]);
    assert_eq!(psk.expose(), &[0; 32]);
}

#[test]
fn debug_shows_nothing_of_the_content() {
    assert_eq!(format!("{:?}", part(7)), "PskPart(..)");
    assert_eq!(format!("{:?}", Psk::none()), "Psk(..)");
}

proptest! {
    // REQ-PSK-1
    #[test]
    fn every_combination_is_that_of_the_definition(a in any::<Option<[u8; 32]>>(), b in any::<Option<[u8; 32]>>()) {
        let [part_a, part_b] = [a, b].map(|bytes| bytes.map(|bytes| PskPart(KeyBytes::new(bytes))));
        let psk = Psk::combine(part_a.as_ref(), part_b.as_ref());
        if a.is_some() && a == b {
            prop_assert_eq!(psk.err(), Some(PskError::EqualParts));
        } else {
            let psk = psk.unwrap();
            prop_assert_eq!(psk.expose(), &by_definition(a, b));
        }
    }

    // REQ-PSK-3
    #[test]
    fn swapped_parts_give_another_key(a in any::<[u8; 32]>()) {
        let b = PskPart(KeyBytes::new(sha256(&a)));
        let a = PskPart(KeyBytes::new(a));
        prop_assert_ne!(combine(Some(&a), Some(&b)), combine(Some(&b), Some(&a)));
    }
}
