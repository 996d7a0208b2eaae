//! X25519 keys (RFC 7748), in the same 32 bytes and the same base64 as `wg genkey` and `wg pubkey`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::opaque_debug;
use crate::random::Random;
use crate::secret::SharedSecret;

/// Length of every key, in bytes.
pub const KEY_LEN: usize = 32;
/// Length of a key in base64, with its padding.
const BASE64_LEN: usize = KEY_LEN.div_ceil(3) * 4;
/// Base64 decodes in threes, so that its buffer must be that much longer.
const DECODED_LEN: usize = BASE64_LEN / 4 * 3;

/// A text that is not a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// Not 44 characters, as 32 bytes in base64 have.
    #[error("a key has 44 characters of base64")]
    WrongLength,
    /// 44 characters that are not the base64 of 32 bytes.
    #[error("a key is 32 bytes in base64, ending in one \"=\"")]
    NotBase64,
}

/// Reads 32 bytes in base64, with white space around them as a file has.
pub(crate) fn decode(text: &str) -> Result<Zeroizing<[u8; KEY_LEN]>, KeyError> {
    let text = text.trim_ascii();
    if text.len() != BASE64_LEN {
        return Err(KeyError::WrongLength);
    }
    let mut decoded = Zeroizing::new([0; DECODED_LEN]);
    let len = STANDARD
        .decode_slice(text, decoded.as_mut_slice())
        .map_err(|_| KeyError::NotBase64)?;
    match decoded.split_first_chunk() {
        Some((key, _)) if len == KEY_LEN => Ok(Zeroizing::new(*key)),
        _ => Err(KeyError::NotBase64),
    }
}

pub(crate) fn encode(bytes: &[u8; KEY_LEN]) -> Zeroizing<String> {
    // Room for all of it at once: growing would leave a part in freed memory.
    let mut text = Zeroizing::new(String::with_capacity(BASE64_LEN));
    STANDARD.encode_string(bytes, &mut text);
    text
}

/// The other side's public key is one of the few from which every secret yields zero
/// (RFC 7748 s6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("public key does not contribute to the shared secret")]
pub struct NonContributory;

/// An X25519 secret key: static or ephemeral.
pub struct StaticSecret(x25519_dalek::StaticSecret);

impl StaticSecret {
    /// Draws a key, clamped as `wg genkey` does.
    #[must_use]
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        random.fill(bytes.as_mut_slice());
        let [first, .., last] = &mut *bytes;
        *first &= 0b1111_1000;
        *last = (*last & 0b0111_1111) | 0b0100_0000;
        Self::from_bytes(&bytes)
    }

    /// Any 32 bytes: they are clamped where they are used (RFC 7748 s5).
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_LEN]) -> Self {
        Self(x25519_dalek::StaticSecret::from(*bytes))
    }

    /// The same key once more, for another user of it in this process. Each copy wipes itself.
    #[must_use]
    pub fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// Reads a key in base64.
    ///
    /// # Errors
    /// Every [`KeyError`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        Ok(Self::from_bytes(&*decode(text)?))
    }

    /// The key in base64, byte for byte as it was read or drawn.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        encode(self.expose())
    }

    /// The public key. Costs a scalar multiplication.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// X25519 of this key and another's public key.
    ///
    /// # Errors
    /// [`NonContributory`] if the result is zero.
    pub fn diffie_hellman(&self, remote: &PublicKey) -> Result<SharedSecret, NonContributory> {
        let secret = self
            .0
            .diffie_hellman(&x25519_dalek::PublicKey::from(remote.0));
        if secret.was_contributory() {
            Ok(SharedSecret::copy_from(secret.as_bytes()))
        } else {
            Err(NonContributory)
        }
    }

    /// The bytes of the key, for a handshake.
    #[must_use]
    pub fn expose(&self) -> &[u8; KEY_LEN] {
        self.0.as_bytes()
    }
}

opaque_debug!(StaticSecret);

/// An X25519 public key. Keys are ordered byte by byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; KEY_LEN]);

impl PublicKey {
    /// Any 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes for the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    /// Base64, as `wg pubkey` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Ok(Self(*decode(text)?))
    }
}

#[cfg(test)]
mod tests;
