//! SHA-256 (FIPS 180-4), HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869), all from AWS-LC.

use aws_lc_rs::{digest, hkdf, hmac};
use zeroize::Zeroizing;

use crate::backend_failed;
use crate::secret::KeyBytes;

/// Length of a SHA-256 hash, in bytes.
pub const HASH_LEN: usize = 32;
/// RFC 5869 s2.3: HKDF-Expand yields at most 255 hashes.
const MAX_EXPANDED_LEN: usize = 255 * HASH_LEN;

fn into_array(digest: &digest::Digest) -> [u8; HASH_LEN] {
    digest
        .as_ref()
        .try_into()
        .unwrap_or_else(|_| backend_failed("hash"))
}

/// SHA-256 of one byte string.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; HASH_LEN] {
    into_array(&digest::digest(&digest::SHA256, data))
}

/// SHA-256 over input that comes in pieces.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// The hash of nothing, yet.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Appends to the input.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of all that was appended.
    #[must_use]
    pub fn finish(self) -> [u8; HASH_LEN] {
        into_array(&self.0.finish())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

/// HMAC-SHA256 as a MAC or as a key: the result wipes itself.
#[must_use]
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> KeyBytes {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    KeyBytes::filled_by(|out| {
        // Straight into the result: a returned tag would leave its bytes on the stack.
        if hmac::sign_to_buffer(&key, data, out).is_err() {
            backend_failed("compute an HMAC");
        }
    })
}

/// HKDF-Extract (RFC 5869 s2.2): an HMAC of the input keying material under the salt.
#[must_use]
pub fn extract(salt: &[u8], ikm: &[u8]) -> KeyBytes {
    hmac_sha256(salt, ikm)
}

/// A requested length, in the form that AWS-LC wants.
struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand (RFC 5869 s2.3) to `N` bytes. The pieces of `info` are joined.
#[must_use]
pub fn expand<const N: usize>(prk: &KeyBytes, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= MAX_EXPANDED_LEN) };
    let mut out = Zeroizing::new([0; N]);
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, prk.expose());
    let filled = prk
        .expand(info, Len(N))
        .and_then(|okm| okm.fill(out.as_mut_slice()));
    if filled.is_err() {
        backend_failed("expand a key");
    }
    out
}

#[cfg(test)]
mod tests;
