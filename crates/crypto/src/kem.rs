//! The post-quantum half of the handshake: ML-KEM-768 (FIPS 203).

use crate::random::Random;
use crate::secret::SharedSecret;

pub mod aws_lc;
#[cfg(feature = "rustcrypto")]
pub mod deterministic;

pub use aws_lc::AwsLcMlKem768;
#[cfg(feature = "rustcrypto")]
pub use deterministic::DeterministicMlKem768;

/// Length of an encapsulation key, in bytes (FIPS 203 s8).
pub const ENCAPSULATION_KEY_LEN: usize = 1184;
/// Length of a ciphertext, in bytes (FIPS 203 s8).
pub const CIPHERTEXT_LEN: usize = 1088;

/// Why a KEM operation failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KemError {
    /// The encapsulation key fails the check of FIPS 203 s7.2.
    #[error("malformed ML-KEM encapsulation key")]
    MalformedKey,
    /// The library failed on well-formed input.
    #[error("ML-KEM backend failed")]
    Backend,
}

/// The public half of a one-time ML-KEM key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncapsulationKey(Box<[u8; ENCAPSULATION_KEY_LEN]>);

impl EncapsulationKey {
    /// Bytes as received: checked by [`Kem::encapsulate`].
    #[must_use]
    pub const fn new(bytes: Box<[u8; ENCAPSULATION_KEY_LEN]>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; ENCAPSULATION_KEY_LEN] {
        &self.0
    }

    /// The bytes for the wire.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8; ENCAPSULATION_KEY_LEN]> {
        self.0
    }
}

/// A shared secret on its way to the holder of the decapsulation key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KemCiphertext(Box<[u8; CIPHERTEXT_LEN]>);

impl KemCiphertext {
    /// Bytes as received. Every ciphertext of this length is well-formed.
    #[must_use]
    pub const fn new(bytes: Box<[u8; CIPHERTEXT_LEN]>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; CIPHERTEXT_LEN] {
        &self.0
    }

    /// The bytes for the wire.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8; CIPHERTEXT_LEN]> {
        self.0
    }
}

/// An implementation of ML-KEM-768.
pub trait Kem: Send + Sync {
    /// Makes a one-time key pair (FIPS 203 s7.1).
    ///
    /// # Errors
    /// [`KemError::Backend`].
    fn generate(
        &self,
        random: &mut dyn Random,
    ) -> Result<(Box<dyn Decapsulate>, EncapsulationKey), KemError>;

    /// Makes a shared secret and hides it under a public key (FIPS 203 s7.2).
    ///
    /// # Errors
    /// Every [`KemError`].
    fn encapsulate(
        &self,
        key: &EncapsulationKey,
        random: &mut dyn Random,
    ) -> Result<(KemCiphertext, SharedSecret), KemError>;
}

/// The secret half of a one-time ML-KEM key. It wipes itself when dropped.
pub trait Decapsulate: Send {
    /// Recovers the shared secret (FIPS 203 s7.3). A ciphertext for another key yields another,
    /// unpredictable secret, not an error.
    ///
    /// # Errors
    /// [`KemError::Backend`].
    fn decapsulate(&self, ciphertext: &KemCiphertext) -> Result<SharedSecret, KemError>;
}

#[cfg(test)]
mod tests;
