use proptest::prelude::*;

use super::*;
use crate::secret::KeyBytes;
use crate::suite::Suite;

/// A suite's key, which both directions of both backends expand anew for each message.
#[derive(Clone, Copy)]
struct Key(Suite, [u8; KeyBytes::LEN]);

/// What comes with a message in clear.
#[derive(Clone, Copy)]
struct Clear<'a> {
    nonce: [u8; NONCE_LEN],
    aad: &'a [u8],
}

struct Backend {
    name: &'static str,
    seal: fn(Key, Clear<'_>, &mut [u8]) -> Tag,
    open: fn(Key, Clear<'_>, &mut [u8], &Tag) -> Result<(), OpenFailed>,
}

macro_rules! backend {
    ($name:literal, $($path:ident)::+) => {
        Backend {
            name: $name,
            seal: |key, clear, text| {
                let sealing = $($path)::+::SealKey::new(key.0, &KeyBytes::new(key.1));
                let mut out = vec![0xa5; text.len()];
                let into = sealing.seal_into(Nonce::new(clear.nonce), clear.aad, text, &mut out);
                let tag = sealing.seal_in_place(Nonce::new(clear.nonce), clear.aad, text);
                assert!(text == out && tag.as_bytes() == into.as_bytes(), "in place and elsewhere");
                tag
            },
            open: |key, clear, text, tag| {
                let opening = $($path)::+::OpenKey::new(key.0, &KeyBytes::new(key.1));
                opening.open_in_place(Nonce::new(clear.nonce), clear.aad, text, tag)
            },
        }
    };
}

/// Every backend that this build has.
fn backends() -> Vec<Backend> {
    vec![
        backend!("AWS-LC", aws_lc),
        #[cfg(feature = "rustcrypto")]
        backend!("RustCrypto", rustcrypto),
    ]
}

struct Vector {
    key: Key,
    nonce: &'static str,
    aad: &'static str,
    plaintext: Vec<u8>,
    ciphertext: &'static str,
    tag: &'static str,
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    hex::decode(hex).unwrap().try_into().unwrap()
}

fn assert_vector(vector: &Vector) {
    let aad = hex::decode(vector.aad).unwrap();
    let nonce = array(vector.nonce);
    let clear = Clear { nonce, aad: &aad };
    for backend in backends() {
        let mut text = vector.plaintext.clone();
        let tag = (backend.seal)(vector.key, clear, &mut text);
        assert_eq!(hex::encode(&text), vector.ciphertext, "{}", backend.name);
        assert_eq!(hex::encode(tag.as_bytes()), vector.tag, "{}", backend.name);

        let tag = Tag::new(array(vector.tag));
        let opened = (backend.open)(vector.key, clear, &mut text, &tag);
        assert_eq!(opened, Ok(()), "{}", backend.name);
        assert_eq!(text, vector.plaintext, "{}", backend.name);
    }
}

#[test]
fn chacha20_poly1305_gives_the_example_of_rfc_8439() {
    // RFC 8439 s2.8.2.
    assert_vector(&Vector {
        key: Key(
            Suite::ChaCha20Poly1305,
            array("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
        ),
        nonce: "070000004041424344454647",
        aad: "50515253c0c1c2c3c4c5c6c7",
        plaintext: b"Ladies and Gentlemen of the class of '99: If I could offer you only \
            one tip for the future, sunscreen would be it."
            .to_vec(),
        ciphertext: concat!(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6",
            "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36",
            "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc",
            "3ff4def08e4b7a9de576d26586cec64b6116"
        ),
        tag: "1ae10b594f09e26a7e902ecbd0600691",
    });
}

#[test]
fn chacha20_poly1305_gives_the_appendix_of_rfc_8439() {
    // RFC 8439 appendix A.5.
    let text = "Internet-Drafts are draft documents valid for a maximum of six months and may be \
        updated, replaced, or obsoleted by other documents at any time. It is inappropriate to \
        use Internet-Drafts as reference material or to cite them other than as \
        /\u{201c}work in progress./\u{201d}";
    assert_vector(&Vector {
        key: Key(
            Suite::ChaCha20Poly1305,
            array("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"),
        ),
        nonce: "000000000102030405060708",
        aad: "f33388860000000000004e91",
        plaintext: text.as_bytes().to_vec(),
        ciphertext: concat!(
            "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2",
            "4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf",
            "332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855",
            "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4",
            "b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e",
            "af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a",
            "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10",
            "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29",
            "a6ad5cb4022b02709b"
        ),
        tag: "eead9d67890cbb22392336fea1851f38",
    });
}

#[test]
fn aes_256_gcm_gives_test_cases_13_and_14_of_its_designers() {
    // McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, as submitted to NIST.
    let (key, nonce) = (Key(Suite::Aes256Gcm, [0; 32]), "000000000000000000000000");
    assert_vector(&Vector {
        key,
        nonce,
        aad: "",
        plaintext: vec![],
        ciphertext: "",
        tag: "530f8afbc74536b9a963b4f1c4cb738b",
    });
    assert_vector(&Vector {
        key,
        nonce,
        aad: "",
        plaintext: vec![0; 16],
        ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
        tag: "d0d1c8a799996bf0265b98b5d48ab919",
    });
}

#[test]
fn aes_256_gcm_gives_test_cases_15_and_16_of_its_designers() {
    let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    let (key, nonce) = (
        Key(Suite::Aes256Gcm, array(key)),
        "cafebabefacedbaddecaf888",
    );
    let plaintext = hex::decode(concat!(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
    ))
    .unwrap();
    let ciphertext = concat!(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
    );
    // Test case 16 is 15 without the last four bytes, but with associated data.
    assert_vector(&Vector {
        key,
        nonce,
        aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plaintext: plaintext[..60].to_vec(),
        ciphertext: &ciphertext[..120],
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    });
    assert_vector(&Vector {
        key,
        nonce,
        aad: "",
        plaintext,
        ciphertext,
        tag: "b094dac5d93471bdec1a502270e3cc6c",
    });
}

/// NIST's validation program for SP 800-38D, gcmEncryptExtIV256.rsp: the first with 128 bits of text
/// and of associated data, and the last with 408 and 720.
#[test]
fn aes_256_gcm_gives_vectors_of_the_validation_program() {
    let key = "92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b";
    assert_vector(&Vector {
        key: Key(Suite::Aes256Gcm, array(key)),
        nonce: "ac93a1a6145299bde902f21a",
        aad: "1e0889016f67601c8ebea4943bc23ad6",
        plaintext: hex::decode("2d71bcfa914e4ac045b2aa60955fad24").unwrap(),
        ciphertext: "8995ae2e6df3dbf96fac7b7137bae67f",
        tag: "eca5aa77d51d4a0a14d9c51e1da474ab",
    });
    let key = "6be7f4d18ff0fbdd9b3b3cacaba4629a0c617387079add62f6ce1584b33faad1";
    assert_vector(&Vector {
        key: Key(Suite::Aes256Gcm, array(key)),
        nonce: "fda568c9cb13d9c176bcef03",
        aad: concat!(
            "11ebeb97dd4a9925c1fbe2b9af77392058d2d971e42db15da39f090d7bc13257",
            "3c34bf7d92a2d72dc66ee6840c3ff07985b8976ee8d8f36bf47ae330b899fdc6",
            "0652dd5a23c45f3680f11951f019e0697c8acfcaa95f01b9c7dd"
        ),
        plaintext: hex::decode(concat!(
            "4df668e99d5068604a48bcca5baa8245435928558a83d68d7b0b081861224e9b",
            "d39ea8f2d55a635949e66c6f6a7ff5cc34dd94"
        ))
        .unwrap(),
        ciphertext: concat!(
            "488b40ad594e1845ccdd9e9467fc5e1afbbfde34e57d45bfcd30b61cc326d57f",
            "e8e3f31a39cdebf00f60bbd2c3cdf69f756eff"
        ),
        tag: "3bf3fbab9b48486fd08a5552604df639",
    });
}

// REQ-DATA-2
#[test]
fn a_nonce_is_the_iv_with_the_packet_number_in_its_last_eight_bytes() {
    let iv = Iv::new(array("a0a1a2a3a4a5a6a7a8a9aaab"));
    let nonce = |number: u64| hex::encode(iv.nonce(number).as_bytes());
    assert_eq!(nonce(0), "a0a1a2a3a4a5a6a7a8a9aaab");
    assert_eq!(nonce(1), "a0a1a2a3a4a5a6a7a8a9aaaa");
    assert_eq!(nonce(0x0102_0304_0506_0708), "a0a1a2a3a5a7a5a3adafada3");
    assert_eq!(nonce(u64::MAX), "a0a1a2a35b5a595857565554");
}

/// One sealed message of every field's usual length.
struct Sealed {
    key: Key,
    nonce: [u8; NONCE_LEN],
    header: [u8; 16],
    text: [u8; 48],
    tag: [u8; TAG_LEN],
}

fn sealed(suite: Suite) -> Sealed {
    let key = Key(suite, [0x42; 32]);
    let (nonce, header, mut text) = ([0x17; NONCE_LEN], [0x04; 16], [0x55; 48]);
    let aad = &header;
    let tag = (backends()[0].seal)(key, Clear { nonce, aad }, &mut text);
    Sealed {
        key,
        nonce,
        header,
        text,
        tag: *tag.as_bytes(),
    }
}

/// Opens a message in which `change` has been made; what the buffer holds then comes first.
fn open_changed(
    backend: &Backend,
    suite: Suite,
    change: impl FnOnce(&mut Sealed),
) -> ([u8; 48], Result<(), OpenFailed>) {
    let mut message = sealed(suite);
    change(&mut message);
    let clear = Clear {
        nonce: message.nonce,
        aad: &message.header,
    };
    let tag = Tag::new(message.tag);
    let opened = (backend.open)(message.key, clear, &mut message.text, &tag);
    (message.text, opened)
}

#[test]
fn an_unchanged_message_opens() {
    for suite in Suite::ALL {
        for backend in backends() {
            let opened = open_changed(&backend, suite, |_| {});
            assert_eq!(opened, ([0x55; 48], Ok(())), "{suite}, {}", backend.name);
        }
    }
}

/// A mutable view of one part of a message.
type Part = fn(&mut Sealed) -> &mut [u8];

// REQ-DATA-1, REQ-DATA-4, REQ-DATA-5
#[test]
fn any_flipped_bit_fails_and_wipes_the_buffer() {
    let parts: [(&str, Part); 5] = [
        ("header", |message| &mut message.header),
        ("text", |message| &mut message.text),
        ("tag", |message| &mut message.tag),
        ("nonce", |message| &mut message.nonce),
        ("key", |message| &mut message.key.1),
    ];
    for suite in Suite::ALL {
        for backend in backends() {
            for (name, part) in parts {
                for bit in 0..part(&mut sealed(suite)).len() * 8 {
                    let flip = |message: &mut Sealed| part(message)[bit / 8] ^= 1 << (bit % 8);
                    let opened = open_changed(&backend, suite, flip);
                    let what = format!("{suite}, {}, bit {bit} of {name}", backend.name);
                    assert_eq!(opened, ([0; 48], Err(OpenFailed)), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_message_of_one_suite_does_not_open_in_the_other() {
    for backend in backends() {
        for (suite, other) in [(0, 1), (1, 0)].map(|(a, b)| (Suite::ALL[a], Suite::ALL[b])) {
            let opened = open_changed(&backend, suite, |message| message.key.0 = other);
            assert_eq!(opened, ([0; 48], Err(OpenFailed)));
        }
    }
}

// REQ-DATA-1
#[test]
fn the_border_between_header_and_text_is_authentic() {
    for suite in Suite::ALL {
        for backend in backends() {
            let Sealed {
                key,
                nonce,
                header,
                text,
                tag,
            } = sealed(suite);
            let tag = Tag::new(tag);
            let longer = [header.as_slice(), &text[..1]].concat();
            for (aad, text) in [
                (&header[..15], &text[..]),
                (&longer, &text[1..]),
                (&header, &text[..47]),
                (&[], &text[..]),
                (&header, &[]),
            ] {
                let mut text = text.to_vec();
                let opened = (backend.open)(key, Clear { nonce, aad }, &mut text, &tag);
                assert_eq!(opened, Err(OpenFailed), "{suite}, {}", backend.name);
                assert!(text.iter().all(|&byte| byte == 0));
            }
        }
    }
}

// REQ-KEY-5
#[test]
fn an_iv_can_be_wiped_and_is_wiped_when_dropped() {
    fn wiped_when_dropped(_: &impl ZeroizeOnDrop) {}
    let mut iv = Iv::filled_by(|out| out.fill(7));
    wiped_when_dropped(&iv);
    assert_eq!(iv.expose(), &[7; NONCE_LEN]);
    iv.zeroize();
    assert_eq!(iv.expose(), &[0; NONCE_LEN]);
}

#[test]
fn debug_shows_nothing_of_keys_ivs_and_nonces() {
    assert_eq!(format!("{:?}", Iv::new([7; NONCE_LEN])), "Iv(..)");
    assert_eq!(format!("{:?}", Nonce::new([7; NONCE_LEN])), "Nonce(..)");
    for suite in Suite::ALL {
        let key = KeyBytes::new([7; KeyBytes::LEN]);
        assert_eq!(format!("{:?}", SealKey::new(suite, &key)), "SealKey(..)");
        assert_eq!(format!("{:?}", OpenKey::new(suite, &key)), "OpenKey(..)");
        #[cfg(feature = "rustcrypto")]
        {
            let sealing = rustcrypto::SealKey::new(suite, &key);
            assert_eq!(format!("{sealing:?}"), "SealKey(..)");
            let opening = rustcrypto::OpenKey::new(suite, &key);
            assert_eq!(format!("{opening:?}"), "OpenKey(..)");
        }
    }
}

fn suites() -> impl Strategy<Value = Suite> {
    prop::sample::select(Suite::ALL.as_slice())
}

proptest! {
    #[test]
    fn every_backend_opens_what_every_backend_sealed(
        (suite, key, nonce) in (suites(), any::<[u8; 32]>(), any::<[u8; NONCE_LEN]>()),
        aad in prop::collection::vec(any::<u8>(), 0..40),
        plaintext in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let (key, clear) = (Key(suite, key), Clear { nonce, aad: &aad });
        for sender in backends() {
            let mut text = plaintext.clone();
            let tag = (sender.seal)(key, clear, &mut text);
            prop_assert!(plaintext.len() < 16 || text != plaintext);
            for receiver in backends() {
                let mut text = text.clone();
                prop_assert_eq!((receiver.open)(key, clear, &mut text, &tag), Ok(()));
                prop_assert_eq!(&text, &plaintext, "{} to {}", sender.name, receiver.name);
            }
        }
    }

    // REQ-DATA-4, REQ-DATA-5
    #[test]
    fn a_flipped_bit_at_any_place_of_any_length_fails_and_wipes(
        (suite, key, nonce) in (suites(), any::<[u8; 32]>(), any::<[u8; NONCE_LEN]>()),
        (plaintext, at) in (prop::collection::vec(any::<u8>(), 1..2000), any::<prop::sample::Index>()),
    ) {
        let (key, clear) = (Key(suite, key), Clear { nonce, aad: &[4; 16] });
        for backend in backends() {
            let mut text = plaintext.clone();
            let tag = (backend.seal)(key, clear, &mut text);
            let bit = at.index(text.len() * 8);
            text[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!((backend.open)(key, clear, &mut text, &tag), Err(OpenFailed));
            prop_assert!(text.iter().all(|&byte| byte == 0), "{}", backend.name);
        }
    }

    // REQ-DATA-2
    #[test]
    fn different_packet_numbers_have_different_nonces(iv in any::<[u8; NONCE_LEN]>(), a in any::<u64>(), b in any::<u64>()) {
        let iv = Iv::new(iv);
        let (first, second) = (iv.nonce(a), iv.nonce(b));
        prop_assert_eq!(first.as_bytes() == second.as_bytes(), a == b);
        // XOR with the IV is 96 bits of the number.
        let number: Vec<_> = first.as_bytes().iter().zip(iv.expose()).map(|(n, i)| n ^ i).collect();
        prop_assert_eq!(number, u128::from(a).to_be_bytes()[4..].to_vec());
    }
}
