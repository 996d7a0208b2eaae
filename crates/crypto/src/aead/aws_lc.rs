//! The AEADs of AWS-LC. The expanded key lives in memory that AWS-LC overwrites when it frees it.
//!
//! `LessSafeKey` is the type that takes nonces from the caller.

use aws_lc_rs::aead::{
    self, AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, UnboundKey,
};

use super::{Nonce, OpenFailed, TAG_LEN, Tag};
use crate::backend_failed;
use crate::opaque_debug;
use crate::secret::{AesKey, AesKeyBytes, KeyBytes};
use crate::suite::Suite;

fn expand(suite: Suite, key: &KeyBytes) -> LessSafeKey {
    let algorithm = match suite {
        Suite::Aes256Gcm => &AES_256_GCM,
        Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
    };
    expand_bytes(algorithm, key.expose())
}

fn expand_aes(key: &AesKey) -> LessSafeKey {
    match key.expose() {
        AesKeyBytes::Aes128(bytes) => expand_bytes(&AES_128_GCM, bytes),
        AesKeyBytes::Aes256(bytes) => expand_bytes(&AES_256_GCM, bytes),
    }
}

fn expand_bytes(algorithm: &'static Algorithm, key: &[u8]) -> LessSafeKey {
    match UnboundKey::new(algorithm, key) {
        Ok(key) => LessSafeKey::new(key),
        Err(_) => backend_failed("expand an AEAD key"),
    }
}

impl From<Nonce> for aead::Nonce {
    fn from(nonce: Nonce) -> Self {
        Self::assume_unique_for_key(nonce.0)
    }
}

/// An expanded key that can seal and cannot open.
pub struct SealKey(LessSafeKey);

impl SealKey {
    /// Expands a key.
    #[must_use]
    pub fn new(suite: Suite, key: &KeyBytes) -> Self {
        Self(expand(suite, key))
    }

    /// Expands a key for AES-GCM, of either length.
    #[must_use]
    pub fn aes_gcm(key: &AesKey) -> Self {
        Self(expand_aes(key))
    }

    /// Replaces `plaintext` by ciphertext of the same length and returns the tag over it and `aad`.
    #[must_use]
    #[inline]
    pub fn seal_in_place(&self, nonce: Nonce, aad: &[u8], plaintext: &mut [u8]) -> Tag {
        let mut tag = [0; TAG_LEN];
        let sealed =
            self.0
                .seal_in_place_scatter(nonce.into(), Aad::from(aad), plaintext, &[], &mut tag);
        if sealed.is_err() {
            backend_failed("seal");
        }
        Tag(tag)
    }

    /// Writes the ciphertext of `plaintext` to `out`, which has the same length, and returns the tag over it and `aad`:
    /// encrypting and copying in one pass.
    #[must_use]
    #[inline]
    pub fn seal_into(&self, nonce: Nonce, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Tag {
        let mut tag = [0; TAG_LEN];
        let (nonce, aad) = (nonce.into(), Aad::from(aad));
        let sealed = self
            .0
            .seal_out_of_place_scatter(nonce, aad, plaintext, out, &[], &mut tag);
        if sealed.is_err() {
            backend_failed("seal");
        }
        Tag(tag)
    }
}

/// An expanded key that can open and cannot seal.
pub struct OpenKey(LessSafeKey);

impl OpenKey {
    /// Expands a key.
    #[must_use]
    pub fn new(suite: Suite, key: &KeyBytes) -> Self {
        Self(expand(suite, key))
    }

    /// Expands a key for AES-GCM, of either length.
    #[must_use]
    pub fn aes_gcm(key: &AesKey) -> Self {
        Self(expand_aes(key))
    }

    /// Replaces `ciphertext` by plaintext of the same length.
    ///
    /// # Errors
    /// [`OpenFailed`] if ciphertext, `aad` and `tag` do not belong together under this key and
    /// nonce; `ciphertext` is overwritten with zeros then.
    #[inline]
    pub fn open_in_place(
        &self,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenFailed> {
        let opened = self.0.open_in_place_separate_tag(
            nonce.into(),
            Aad::from(aad),
            tag.as_bytes(),
            ciphertext,
        );
        // The borrow of the plaintext ends here, so that the buffer can be wiped.
        let opened = opened.map(|_| ());
        opened.map_err(|_| {
            ciphertext.fill(0);
            OpenFailed
        })
    }
}

opaque_debug!(SealKey, OpenKey);
