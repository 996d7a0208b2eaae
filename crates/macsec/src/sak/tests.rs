use super::*;
use crate::testing::{OTHER_SCI, SCI};

const SALT: [u8; 12] = [
    0xe6, 0x30, 0xe8, 0x1a, 0x48, 0xde, 0x86, 0xa2, 0x1c, 0x66, 0xfa, 0x6d,
];

fn key(octet: u8) -> AesKey {
    AesKey::copy_from(&[octet; 16]).unwrap()
}

fn short(sci: Sci, octet: u8) -> Sak {
    Sak::new(CipherSuite::GcmAes128, sci, key(octet)).unwrap()
}

fn extended(ssci: u32, octet: u8, salt: [u8; 12]) -> Sak {
    let names = (SCI, Ssci::new(ssci));
    let suite = CipherSuite::GcmAesXpn128;
    Sak::extended(suite, names, key(octet), &Salt::new(salt)).unwrap()
}

// REQ-SECY-5
#[test]
fn nonces_are_those_of_14_5_and_14_7() {
    let nonce = |sak: &Sak, number| hex::encode(sak.iv.nonce(number).as_bytes());
    let sak = short(SCI, 1);
    assert_eq!(nonce(&sak, 0x76d4_57ed), "02aa00000001000176d457ed");
    let sak = extended(0x7a30_c118, 1, SALT);
    // e630e81a XOR 7a30c118, and 48de86a21c66fa6d XOR b0df459c76d457ed.
    let number = 0xb0df_459c_76d4_57ed;
    assert_eq!(nonce(&sak, number), "9c002902f801c33e6ab2ad80");
}

// REQ-SECY-22
#[test]
fn a_suite_takes_its_own_length_of_key_and_its_own_kind_of_nonce() {
    for suite in CipherSuite::ALL {
        for len in [16, 32] {
            let key = || AesKey::copy_from(&vec![1; len]).unwrap();
            let names = (SCI, Ssci::new(1));
            let made = [
                Sak::new(suite, SCI, key()).err(),
                Sak::extended(suite, names, key(), &Salt::new(SALT)).err(),
            ];
            let length = (len != suite.key_len()).then_some(SakError::KeyLength);
            let wanted = match suite.pn_width() {
                PnWidth::Bits32 => [length, Some(SakError::Salt)],
                PnWidth::Bits64 => [Some(SakError::Salt), length],
            };
            assert_eq!(made, wanted, "{suite}, {len}");
        }
    }
}

// REQ-SECY-23
#[test]
fn nonces_are_shared_if_key_and_channel_are() {
    let shared = |a: &Sak, b: &Sak| {
        assert_eq!(a.can_share_a_nonce_with(b), b.can_share_a_nonce_with(a));
        a.can_share_a_nonce_with(b)
    };
    assert!(shared(&short(SCI, 1), &short(SCI, 1)));
    assert!(!shared(&short(SCI, 1), &short(SCI, 2)));
    assert!(!shared(&short(SCI, 1), &short(OTHER_SCI, 1)));

    assert!(shared(&extended(1, 1, SALT), &extended(1, 1, SALT)));
    assert!(!shared(&extended(1, 1, SALT), &extended(1, 2, SALT)));
    assert!(!shared(&extended(1, 1, SALT), &extended(2, 1, SALT)));
    // Another salt helps only where a packet number cannot make up for it.
    let mut salt = SALT;
    salt[4] ^= 1;
    assert!(shared(&extended(1, 1, SALT), &extended(1, 1, salt)));
    salt[0] ^= 1;
    assert!(!shared(&extended(1, 1, SALT), &extended(1, 1, salt)));
}

// REQ-SECY-23
#[test]
fn names_of_nonces_are_equal_where_nonces_can_be() {
    let keys = || {
        let mut other_salt = SALT;
        other_salt[4] ^= 1;
        [
            short(SCI, 1),
            short(SCI, 2),
            short(OTHER_SCI, 1),
            extended(1, 1, SALT),
            extended(1, 2, SALT),
            extended(2, 1, SALT),
            extended(1, 1, other_salt),
        ]
    };
    for (i, a) in keys().iter().enumerate() {
        for (j, b) in keys().iter().enumerate() {
            let (left, right) = (a.nonce_space(), b.nonce_space());
            if a.suite() == b.suite() {
                assert_eq!(left.id == right.id, a.can_share_a_nonce_with(b), "{i} {j}");
            }
            assert_eq!(left.origin == right.origin, i == j, "{i} {j}");
        }
    }
}

// REQ-SECY-22
#[test]
fn debug_shows_no_key_and_salts_wipe_themselves() {
    fn wiped_when_dropped(_: &impl ZeroizeOnDrop) {}
    let mut salt = Salt::new([7; 12]);
    wiped_when_dropped(&salt);
    assert_eq!(format!("{salt:?}"), "Salt(..)");
    salt.zeroize();
    assert_eq!(salt.0, [0; 12]);
    let shown = format!("{:?}", short(SCI, 0x77));
    assert!(!shown.contains("77") && !shown.contains("119"), "{shown}");
}
