//! Sealing and opening in place with a detached tag, under an explicit nonce.
//!
//! Nothing in this module keeps count of nonces: the packet number that becomes one is taken by
//! the security association itself, in one place of the project.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::opaque_debug;

pub mod aws_lc;
#[cfg(feature = "rustcrypto")]
pub mod rustcrypto;

pub use aws_lc::{OpenKey, SealKey};

/// Length of a nonce and of an IV, in bytes, for both suites.
pub const NONCE_LEN: usize = 12;
/// Length of a tag, in bytes, for both suites.
pub const TAG_LEN: usize = 16;

/// A nonce. It has no `Clone` and is consumed by its use; a second one under the same key takes a
/// second packet number.
pub struct Nonce([u8; NONCE_LEN]);

impl Nonce {
    /// A nonce from bytes that the caller knows to be unused under the key.
    #[must_use]
    pub const fn new(bytes: [u8; NONCE_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a backend or a checker in tests.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; NONCE_LEN] {
        &self.0
    }
}

/// The secret part of a lane's nonces.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Iv([u8; NONCE_LEN]);

impl Iv {
    /// Takes the bytes over.
    #[must_use]
    pub const fn new(bytes: [u8; NONCE_LEN]) -> Self {
        Self(bytes)
    }

    /// The nonce of a packet number: IV XOR (four zero bytes || packet number), as in TLS 1.3
    /// (RFC 8446 s5.3).
    #[must_use]
    #[inline]
    pub fn nonce(&self, packet_number: u64) -> Nonce {
        let mut nonce = self.0;
        let (_, low) = nonce.split_at_mut(NONCE_LEN - size_of::<u64>());
        for (byte, number) in low.iter_mut().zip(packet_number.to_be_bytes()) {
            *byte ^= number;
        }
        Nonce(nonce)
    }

    /// The bytes, to compare with test vectors.
    #[must_use]
    pub const fn expose(&self) -> &[u8; NONCE_LEN] {
        &self.0
    }

    pub(crate) fn filled_by(fill: impl FnOnce(&mut [u8; NONCE_LEN])) -> Self {
        let mut iv = Self([0; NONCE_LEN]);
        fill(&mut iv.0);
        iv
    }
}

opaque_debug!(Nonce, Iv);

/// The authentication tag of one sealed message.
#[derive(Clone, Copy, Debug)]
pub struct Tag([u8; TAG_LEN]);

impl Tag {
    /// A tag as received.
    #[must_use]
    pub const fn new(bytes: [u8; TAG_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes for the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; TAG_LEN] {
        &self.0
    }
}

/// The ciphertext, its associated data or its tag is not what the holder of the key made. The
/// buffer holds zeros now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("message is not authentic")]
pub struct OpenFailed;

#[cfg(test)]
mod aes_gcm_tests;
#[cfg(test)]
mod tests;
