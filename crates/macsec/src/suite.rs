//! The cipher suites (clause 14). One is configured for a whole `SecY`, on all its channels.

use linkveil_sa::Limits;
pub use linkveil_wire::{CipherSuite, UnknownCipherSuite};

/// Bytes under one key, log2. AES in counter mode tells itself from randomness by 2^-129 times the
/// square of the blocks under the key: 2^48 blocks leave 2^-33.
const LOG2_BYTES: u32 = 52;
/// Failed opens under one key, log2. Each forgery succeeds by 2^-127 times the blocks of the frame,
/// of which the longest has less than 2^13: 2^60 of them leave 2^-54.
const LOG2_FAILED_OPENS: u32 = 60;

/// What one key may do where nothing replaces it by time: the bounds for a single key of GCM
/// with nonces that are not secret. With 32-bit numbers these end long before.
///
/// Keys that a handshake made and can make anew have the tighter [`Limits::for_channels`].
#[must_use]
pub const fn limits(suite: CipherSuite) -> Limits {
    Limits {
        packets: suite.last_pn().get(),
        bytes: 1 << LOG2_BYTES,
        failed_opens: 1 << LOG2_FAILED_OPENS,
    }
}
