//! Secrets that overwrite themselves when they are dropped.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::kdf::hmac_sha256;
use crate::opaque_debug;
use crate::random::Random;

/// A symmetric key of 32 bytes.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct KeyBytes([u8; Self::LEN]);

impl KeyBytes {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Takes the bytes over. The caller's array is a copy that the caller wipes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Draws a key.
    #[must_use]
    pub fn generate(random: &mut dyn Random) -> Self {
        Self::filled_by(|out| random.fill(out))
    }

    /// The bytes, for a cipher or a key derivation.
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// A key that `fill` writes where it stays, so that no copy is left behind.
    pub(crate) fn filled_by(fill: impl FnOnce(&mut [u8; Self::LEN])) -> Self {
        let mut key = Self([0; Self::LEN]);
        fill(&mut key.0);
        key
    }
}

/// A key for AES, of 128 or 256 bits: MACsec's suites have both lengths.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct AesKey(AesKeyBytes);

#[derive(Zeroize)]
pub(crate) enum AesKeyBytes {
    Aes128([u8; AesKey::LEN_128]),
    Aes256([u8; AesKey::LEN_256]),
}

impl AesKey {
    /// Length of a key for AES-128, in bytes.
    pub const LEN_128: usize = 16;
    /// Length of a key for AES-256, in bytes.
    pub const LEN_256: usize = 32;

    /// Copies a key of either length, which the caller wipes; `None` for any other length.
    #[must_use]
    pub fn copy_from(bytes: &[u8]) -> Option<Self> {
        if let Ok(bytes) = bytes.try_into() {
            return Some(Self(AesKeyBytes::Aes128(bytes)));
        }
        let bytes = bytes.try_into().ok()?;
        Some(Self(AesKeyBytes::Aes256(bytes)))
    }

    /// Length of the key, in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no key is empty")]
    pub const fn len(&self) -> usize {
        match self.0 {
            AesKeyBytes::Aes128(_) => Self::LEN_128,
            AesKeyBytes::Aes256(_) => Self::LEN_256,
        }
    }

    /// Whether the other key is the same. All of it is looked at, wherever a difference is.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let pairs = self.bytes().iter().zip(other.bytes());
        let difference = pairs.fold(0, |all, (a, b)| all | (a ^ b));
        self.len() == other.len() && difference == 0
    }

    /// A public name of the key and `context`: HMAC-SHA-256 (RFC 2104) of the context under the key, cut to 16 bytes. It
    /// tells nothing of a key that was made at random.
    #[must_use]
    pub fn fingerprint(&self, context: &[u8]) -> [u8; 16] {
        let mac = hmac_sha256(self.bytes(), context);
        let mut name = [0; 16];
        name.iter_mut()
            .zip(mac.expose())
            .for_each(|(to, from)| *to = *from);
        name
    }

    /// The bytes by their length, for a cipher.
    pub(crate) const fn expose(&self) -> &AesKeyBytes {
        &self.0
    }

    const fn bytes(&self) -> &[u8] {
        match &self.0 {
            AesKeyBytes::Aes128(bytes) => bytes,
            AesKeyBytes::Aes256(bytes) => bytes,
        }
    }
}

/// What a Diffie-Hellman or KEM operation yields: 32 bytes, to be fed into a key derivation.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SharedSecret([u8; Self::LEN]);

impl SharedSecret {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Copies the bytes of a backend's secret.
    #[must_use]
    pub const fn copy_from(bytes: &[u8; Self::LEN]) -> Self {
        Self(*bytes)
    }

    /// The bytes, for a key derivation.
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

opaque_debug!(KeyBytes, AesKey, SharedSecret);

/// Joins secret byte strings, each preceded by its length as two big-endian bytes, behind `head`.
/// The buffer never grows, so that no part stays in freed memory.
pub(crate) fn length_prefixed(head: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let len = parts.iter().map(|part| 2 + part.len()).sum::<usize>();
    let mut joined = Zeroizing::new(Vec::with_capacity(head.len() + len));
    joined.extend_from_slice(head);
    for part in parts {
        // Every part is at most 32 bytes long.
        let len = u16::try_from(part.len()).unwrap_or(u16::MAX);
        joined.extend_from_slice(&len.to_be_bytes());
        joined.extend_from_slice(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_content() {
        assert_eq!(format!("{:?}", KeyBytes::new([7; 32])), "KeyBytes(..)");
        let secret = SharedSecret::copy_from(&[7; 32]);
        assert_eq!(format!("{secret:?}"), "SharedSecret(..)");
    }

    #[test]
    fn an_aes_key_has_16_or_32_bytes_and_shows_none() {
        for len in 0..=64 {
            let key = AesKey::copy_from(&vec![7; len]);
            assert_eq!(key.is_some(), len == 16 || len == 32, "{len}");
            if let Some(key) = key {
                assert_eq!(key.len(), len);
                assert_eq!(format!("{key:?}"), "AesKey(..)");
            }
        }
    }

    #[test]
    fn aes_keys_are_the_same_if_every_bit_is() {
        let key = |bytes: &[u8]| AesKey::copy_from(bytes).unwrap();
        for len in [16, 32] {
            let mut bytes = vec![7; len];
            assert!(key(&bytes).is_same_as(&key(&bytes)));
            for bit in 0..len * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(!key(&bytes).is_same_as(&key(&vec![7; len])));
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        assert!(!key(&[7; 16]).is_same_as(&key(&[7; 32])));
    }

    #[test]
    fn wiping_an_aes_key_leaves_zeros() {
        fn wiped_when_dropped(_: &impl ZeroizeOnDrop) {}
        for len in [16, 32] {
            let mut key = AesKey::copy_from(&vec![7; len]).unwrap();
            wiped_when_dropped(&key);
            key.zeroize();
            assert!(key.bytes().iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn wiping_leaves_zeros() {
        let mut key = KeyBytes::new([7; 32]);
        key.zeroize();
        assert_eq!(key.expose(), &[0; 32]);
    }

    #[test]
    fn parts_are_joined_behind_their_lengths_without_growth() {
        let joined = length_prefixed(&[9], &[&[1, 2], &[], &[3]]);
        assert_eq!(joined.as_slice(), [9, 0, 2, 1, 2, 0, 0, 0, 1, 3]);
        assert_eq!(joined.capacity(), joined.len());
    }
}
