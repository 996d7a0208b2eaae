use super::*;
use proptest::prelude::*;

#[test]
fn sha256_gives_the_examples_of_nist() {
    // FIPS 180-4, "SHA256.pdf" of the NIST examples with intermediate values; the empty message
    // and the million times "a" are from the CAVP vectors and FIPS 180-2 B.3.
    let million = vec![b'a'; 1_000_000];
    let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    let examples: [(&[u8], &str); 4] = [
        (
            b"",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            b"abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            two_blocks,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ),
        (
            &million,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
        ),
    ];
    for (message, hash) in examples {
        assert_eq!(hex::encode(sha256(message)), hash);
    }
}

/// Key, message and MAC of RFC 4231 s4; case 5 shows the first 16 bytes only.
fn rfc_4231() -> [(Vec<u8>, Vec<u8>, &'static str); 7] {
    let long = b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec();
    let longer = b"This is a test using a larger than block-size key and a larger than \
        block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
    [
        (
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            vec![0xaa; 20],
            vec![0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            (1..=25).collect(),
            vec![0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            vec![0x0c; 20],
            b"Test With Truncation".to_vec(),
            "a3b6167473100ee06e0c796c2955552b",
        ),
        (
            vec![0xaa; 131],
            long,
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            vec![0xaa; 131],
            longer.to_vec(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ]
}

#[test]
fn hmac_gives_the_vectors_of_rfc_4231() {
    for (key, message, mac) in rfc_4231() {
        let computed = hex::encode(hmac_sha256(&key, &message).expose());
        assert_eq!(computed[..mac.len()], *mac);
    }
}

/// One test case of RFC 5869 appendix A.
struct Hkdf {
    ikm: Vec<u8>,
    salt: Vec<u8>,
    info: Vec<u8>,
    prk: &'static str,
    okm: &'static str,
}

fn assert_hkdf<const N: usize>(case: &Hkdf) {
    let prk = extract(&case.salt, &case.ikm);
    assert_eq!(hex::encode(prk.expose()), case.prk);
    assert_eq!(case.okm.len(), 2 * N);
    assert_eq!(hex::encode(*expand::<N>(&prk, &[&case.info])), case.okm);
}

#[test]
fn hkdf_gives_test_case_1_of_rfc_5869() {
    assert_hkdf::<42>(&Hkdf {
        ikm: vec![0x0b; 22],
        salt: (0x00..=0x0c).collect(),
        info: (0xf0..=0xf9).collect(),
        prk: "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        okm: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    });
}

#[test]
fn hkdf_gives_test_case_2_of_rfc_5869() {
    assert_hkdf::<82>(&Hkdf {
        ikm: (0x00..=0x4f).collect(),
        salt: (0x60..=0xaf).collect(),
        info: (0xb0..=0xff).collect(),
        prk: "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
        okm: concat!(
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c",
            "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71",
            "cc30c58179ec3e87c14c01d5c1f3434f1d87"
        ),
    });
}

#[test]
fn hkdf_gives_test_case_3_of_rfc_5869() {
    // Neither salt nor info.
    assert_hkdf::<42>(&Hkdf {
        ikm: vec![0x0b; 22],
        salt: vec![],
        info: vec![],
        prk: "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
        okm: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    });
}

#[test]
fn an_absent_salt_is_a_salt_of_zeros() {
    // RFC 5869 s2.2.
    let ikm = [0x0b; 22];
    assert_eq!(
        extract(&[], &ikm).expose(),
        extract(&[0; HASH_LEN], &ikm).expose()
    );
}

/// T(1) || T(2) || ... of RFC 5869 s2.3, cut to `len` bytes.
fn expand_by_definition(prk: &KeyBytes, info: &[u8], len: usize) -> Vec<u8> {
    let (mut okm, mut block) = (Vec::new(), Vec::new());
    for counter in 1..=u8::MAX {
        block.extend_from_slice(info);
        block.push(counter);
        block = hmac_sha256(prk.expose(), &block).expose().to_vec();
        okm.extend_from_slice(&block);
    }
    okm.truncate(len);
    okm
}

#[test]
fn expansion_reaches_the_255_hashes_that_the_rfc_allows() {
    let prk = KeyBytes::new([7; 32]);
    let okm = expand::<MAX_EXPANDED_LEN>(&prk, &[b"info"]);
    assert_eq!(
        okm.to_vec(),
        expand_by_definition(&prk, b"info", MAX_EXPANDED_LEN)
    );
}

proptest! {
    #[test]
    fn a_hash_in_pieces_is_the_hash_of_the_whole(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..5),
    ) {
        let mut hash = Sha256::default();
        for piece in &pieces {
            hash.update(piece);
        }
        // A copy goes on by itself and leaves the first one as it is.
        let mut branch = hash.clone();
        branch.update(b"x");
        let whole = pieces.concat();
        prop_assert_eq!(hash.finish(), sha256(&whole));
        prop_assert_eq!(branch.finish(), sha256(&[whole.as_slice(), b"x"].concat()));
    }

    #[test]
    fn hmac_is_its_definition(
        key in prop::collection::vec(any::<u8>(), 0..=130), data in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        // RFC 2104 s2 with blocks of 64 bytes.
        let mut block = if key.len() > 64 { sha256(&key).to_vec() } else { key.clone() };
        block.resize(64, 0);
        let padded = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
        let inner = sha256(&[padded(0x36), data.clone()].concat());
        let mac = sha256(&[padded(0x5c), inner.to_vec()].concat());
        let (computed, extracted) = (hmac_sha256(&key, &data), extract(&key, &data));
        prop_assert_eq!(computed.expose(), &mac);
        prop_assert_eq!(extracted.expose(), &mac);
    }

    #[test]
    fn expansion_is_its_definition_and_joins_the_pieces_of_info(
        prk in any::<[u8; 32]>(), info in prop::collection::vec(any::<u8>(), 0..100), cut in any::<prop::sample::Index>(),
    ) {
        let prk = KeyBytes::new(prk);
        let (head, tail) = info.split_at(cut.index(info.len() + 1));
        let okm = expand::<44>(&prk, &[head, &[], tail]);
        prop_assert_eq!(okm.to_vec(), expand_by_definition(&prk, &info, 44));
    }
}
