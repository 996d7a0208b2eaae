//! Why a handshake message was refused.

use linkveil_crypto::{KemError, NonContributory, WrongMac};
use linkveil_wire::PayloadError;

/// Why a handshake message was refused. Each variant, and each [`PayloadError`], is one counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum NoiseError {
    /// mac1 was not made for our public key.
    #[error("mac1 is wrong")]
    WrongMac1,
    /// mac2 was not made with a cookie that we gave to this address lately.
    #[error("mac2 is wrong")]
    WrongMac2,
    /// The message answers another attempt than this one.
    #[error("message is for another handshake")]
    WrongReceiver,
    /// Noise refused the message: forged, damaged, or made with another key, PSK or suite.
    #[error("handshake message is not authentic")]
    Unauthentic,
    /// A Diffie-Hellman result is zero.
    #[error("public key does not contribute to the handshake")]
    NonContributory,
    /// The payload is authentic but malformed.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The clear sender SPI is not the one in the payload.
    #[error("clear and sealed SPI differ")]
    SpiMismatch,
    /// The initiator's ML-KEM key fails its check.
    #[error("malformed ML-KEM key in an initiation")]
    MalformedKemKey,
    /// A KEM ciphertext came, though we sent no key.
    #[error("response has a KEM ciphertext that nobody asked for")]
    UnsolicitedCiphertext,
    /// Our policy requires ML-KEM and the other side does without.
    #[error("the other side does without ML-KEM, which is required here")]
    PostQuantumMissing,
    /// The station in the payload is not the one whose frame brought it.
    #[error("handshake message comes from another station than it says")]
    StationMismatch,
    /// Suite or protection of the ports differ.
    #[error("the other side's port has another suite or protection")]
    TermsDiffer,
    /// The cookie was not made for our last message by the one whom we called.
    #[error("cookie reply is not authentic")]
    UnauthenticCookie,
    /// A library failed on correct use. Nothing that a peer sends can cause it.
    #[error("handshake library failed")]
    Internal,
}

impl From<snow::Error> for NoiseError {
    fn from(error: snow::Error) -> Self {
        match error {
            snow::Error::Decrypt | snow::Error::Input => Self::Unauthentic,
            snow::Error::Dh => Self::NonContributory,
            _ => Self::Internal,
        }
    }
}

impl From<WrongMac> for NoiseError {
    fn from(WrongMac: WrongMac) -> Self {
        Self::WrongMac1
    }
}

impl From<NonContributory> for NoiseError {
    fn from(NonContributory: NonContributory) -> Self {
        Self::NonContributory
    }
}

impl From<KemError> for NoiseError {
    fn from(error: KemError) -> Self {
        match error {
            KemError::MalformedKey => Self::MalformedKemKey,
            KemError::Backend => Self::Internal,
        }
    }
}
