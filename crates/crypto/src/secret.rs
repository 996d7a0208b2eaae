//! 32-byte secrets that overwrite themselves when they are dropped.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

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

opaque_debug!(KeyBytes, SharedSecret);

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
