//! The same AEADs in pure Rust: a second opinion for tests, and a backend where C is unwelcome.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;

use super::{Nonce, OpenFailed, Tag};
use crate::backend_failed;
use crate::opaque_debug;
use crate::secret::{AesKey, AesKeyBytes, KeyBytes};
use crate::suite::Suite;

/// An expanded key. Boxed, so that moving it leaves no copy behind.
enum Cipher {
    Aes128Gcm(Box<Aes128Gcm>),
    Aes256Gcm(Box<Aes256Gcm>),
    ChaCha20Poly1305(Box<ChaCha20Poly1305>),
}

impl Cipher {
    fn new(suite: Suite, key: &KeyBytes) -> Self {
        let key = key.expose().into();
        match suite {
            Suite::Aes256Gcm => Self::Aes256Gcm(Box::new(Aes256Gcm::new(key))),
            Suite::ChaCha20Poly1305 => Self::ChaCha20Poly1305(Box::new(ChaCha20Poly1305::new(key))),
        }
    }

    fn aes_gcm(key: &AesKey) -> Self {
        match key.expose() {
            AesKeyBytes::Aes128(key) => Self::Aes128Gcm(Box::new(Aes128Gcm::new(key.into()))),
            AesKeyBytes::Aes256(key) => Self::Aes256Gcm(Box::new(Aes256Gcm::new(key.into()))),
        }
    }
}

/// An expanded key that can seal and cannot open.
pub struct SealKey(Cipher);

impl SealKey {
    /// Expands a key.
    #[must_use]
    pub fn new(suite: Suite, key: &KeyBytes) -> Self {
        Self(Cipher::new(suite, key))
    }

    /// Expands a key for AES-GCM, of either length.
    #[must_use]
    pub fn aes_gcm(key: &AesKey) -> Self {
        Self(Cipher::aes_gcm(key))
    }

    /// Replaces `plaintext` by ciphertext of the same length and returns the tag over it and `aad`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a nonce is used up by its use"
    )]
    pub fn seal_in_place(&self, nonce: Nonce, aad: &[u8], plaintext: &mut [u8]) -> Tag {
        let nonce = nonce.as_bytes().into();
        let tag = match &self.0 {
            Cipher::Aes128Gcm(cipher) => {
                cipher.encrypt_inout_detached(nonce, aad, plaintext.into())
            }
            Cipher::Aes256Gcm(cipher) => {
                cipher.encrypt_inout_detached(nonce, aad, plaintext.into())
            }
            Cipher::ChaCha20Poly1305(cipher) => {
                cipher.encrypt_inout_detached(nonce, aad, plaintext.into())
            }
        };
        match tag {
            Ok(tag) => Tag(tag.into()),
            Err(_) => backend_failed("seal"),
        }
    }

    /// Writes the ciphertext of `plaintext` to `out`, which has the same length, and returns the tag over it and `aad`.
    #[must_use]
    pub fn seal_into(&self, nonce: Nonce, aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Tag {
        out.copy_from_slice(plaintext);
        self.seal_in_place(nonce, aad, out)
    }
}

/// An expanded key that can open and cannot seal.
pub struct OpenKey(Cipher);

impl OpenKey {
    /// Expands a key.
    #[must_use]
    pub fn new(suite: Suite, key: &KeyBytes) -> Self {
        Self(Cipher::new(suite, key))
    }

    /// Expands a key for AES-GCM, of either length.
    #[must_use]
    pub fn aes_gcm(key: &AesKey) -> Self {
        Self(Cipher::aes_gcm(key))
    }

    /// Replaces `ciphertext` by plaintext of the same length.
    ///
    /// # Errors
    /// [`OpenFailed`] if ciphertext, `aad` and `tag` do not belong together under this key and
    /// nonce; `ciphertext` is overwritten with zeros then.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a nonce is used up by its use"
    )]
    pub fn open_in_place(
        &self,
        nonce: Nonce,
        aad: &[u8],
        ciphertext: &mut [u8],
        tag: &Tag,
    ) -> Result<(), OpenFailed> {
        let (nonce, tag) = (nonce.as_bytes().into(), tag.as_bytes().into());
        let buffer = (&mut *ciphertext).into();
        let opened = match &self.0 {
            Cipher::Aes128Gcm(cipher) => cipher.decrypt_inout_detached(nonce, aad, buffer, tag),
            Cipher::Aes256Gcm(cipher) => cipher.decrypt_inout_detached(nonce, aad, buffer, tag),
            Cipher::ChaCha20Poly1305(cipher) => {
                cipher.decrypt_inout_detached(nonce, aad, buffer, tag)
            }
        };
        opened.map_err(|_| {
            ciphertext.fill(0);
            OpenFailed
        })
    }
}

opaque_debug!(SealKey, OpenKey);
