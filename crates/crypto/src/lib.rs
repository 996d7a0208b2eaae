//! The cryptography of linkveil: AEAD in place, key schedule, key types and the KEM.
//!
//! Nothing here knows a packet format, a clock or a socket. There is one file per backend library;
//! the rest of the project sees only the types of this crate.
//!
//! | module     | what it holds                                                         |
//! |------------|-----------------------------------------------------------------------|
//! | [`suite`]  | the two AEAD suites                                                   |
//! | [`random`] | where randomness comes from                                           |
//! | [`secret`] | secrets that wipe themselves                                          |
//! | [`keys`]   | X25519 keys, interchangeable with WireGuard's                         |
//! | [`psk`]    | the pre-shared key and its two parts                                  |
//! | [`kem`]    | ML-KEM-768 (FIPS 203), in two backends                                |
//! | [`kdf`]    | SHA-256, HMAC and HKDF                                                |
//! | [`epoch`]  | the key schedule: from a handshake to lane keys                       |
//! | [`aead`]   | sealing and opening in place, in two backends                         |
//! | [`mac`]    | mac1, mac2 and the cookie                                             |
//!
//! # Life of a secret
//!
//! A secret has no `Clone`, no `Copy` and no content in its `Debug`, and overwrites itself when it
//! is dropped. Memory that AWS-LC allocates for keys is overwritten when it is freed. What stays
//! behind are copies that the compiler makes when it moves a value, and the stack of the libraries.
//!
//! # When the backend fails
//!
//! AWS-LC reports failure where none is possible for our inputs: key and nonce lengths are fixed by
//! types, and no message is near a length limit. If it does fail (no memory, no kernel randomness),
//! there is nothing left that is safe to do: going on would send clear text or use a known key.
//! The process then says so on standard error and aborts.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod aead;
pub mod epoch;
pub mod kdf;
pub mod kem;
pub mod keys;
pub mod mac;
pub mod psk;
pub mod random;
pub mod secret;
pub mod suite;
#[cfg(test)]
mod tests;

pub use aead::{Iv, Nonce, OpenFailed, OpenKey, SealKey, TAG_LEN, Tag};
pub use epoch::{
    AesKeyLen, ChannelContext, ChannelKeys, Direction, EpochSecret, Fingerprint, HandshakeHash,
    LaneContext, LaneKeys, PostQuantum, Purpose, SALT_LEN,
};
#[cfg(feature = "rustcrypto")]
pub use kem::DeterministicMlKem768;
pub use kem::{AwsLcMlKem768, Decapsulate, EncapsulationKey, Kem, KemCiphertext, KemError};
pub use keys::{KeyError, NonContributory, PublicKey, StaticSecret};
pub use mac::{Cookie, CookieKey, Mac1Key, WrongMac};
pub use psk::{Psk, PskError, PskPart};
pub use random::{Random, SystemRandom};
pub use secret::{AesKey, KeyBytes, SharedSecret};
pub use suite::{Suite, UnknownSuite};

/// The AEADs in pure Rust, as `rustcrypto::SealKey` and `rustcrypto::OpenKey`.
#[cfg(feature = "rustcrypto")]
pub use aead::rustcrypto;

/// Ends the process because `operation` failed in AWS-LC, which leaves no safe way on.
fn backend_failed(operation: &str) -> ! {
    eprintln!("linkveil: AWS-LC failed to {operation}; aborting rather than going on without it");
    std::process::abort()
}

/// Implements `Debug` for secrets: the type's name and nothing of its content.
macro_rules! opaque_debug {
    ($($secret:ty),+ $(,)?) => {$(
        impl std::fmt::Debug for $secret {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($secret), "(..)"))
            }
        }
    )+};
}
use opaque_debug;
