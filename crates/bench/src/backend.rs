//! The AEAD implementations behind one face, so that all of them run the same benchmark.

#[cfg(feature = "rustcrypto")]
use linkveil_crypto::rustcrypto;
use linkveil_crypto::{KeyBytes, Nonce, OpenFailed, OpenKey, SealKey, Suite, Tag};

/// Expanded keys for both directions. Monomorphized: a benchmark pays for no indirection.
pub trait Backend: Send {
    /// The library's name in reports.
    const NAME: &'static str;

    /// Expands one key.
    fn new(suite: Suite, key: &KeyBytes) -> Self;

    /// Seals in place.
    fn seal(&self, nonce: Nonce, aad: &[u8], text: &mut [u8]) -> Tag;

    /// Opens in place.
    ///
    /// # Errors
    /// [`OpenFailed`] for what [`Self::seal`] did not make.
    fn open(&self, nonce: Nonce, aad: &[u8], text: &mut [u8], tag: &Tag) -> Result<(), OpenFailed>;
}

/// The backend of the packet path.
#[derive(Debug)]
pub struct AwsLc(SealKey, OpenKey);

impl Backend for AwsLc {
    const NAME: &'static str = "aws-lc";

    fn new(suite: Suite, key: &KeyBytes) -> Self {
        Self(SealKey::new(suite, key), OpenKey::new(suite, key))
    }

    fn seal(&self, nonce: Nonce, aad: &[u8], text: &mut [u8]) -> Tag {
        self.0.seal_in_place(nonce, aad, text)
    }

    fn open(&self, nonce: Nonce, aad: &[u8], text: &mut [u8], tag: &Tag) -> Result<(), OpenFailed> {
        self.1.open_in_place(nonce, aad, text, tag)
    }
}

/// The backend in pure Rust.
#[cfg(feature = "rustcrypto")]
#[derive(Debug)]
pub struct RustCrypto(rustcrypto::SealKey, rustcrypto::OpenKey);

#[cfg(feature = "rustcrypto")]
impl Backend for RustCrypto {
    const NAME: &'static str = "rustcrypto";

    fn new(suite: Suite, key: &KeyBytes) -> Self {
        Self(
            rustcrypto::SealKey::new(suite, key),
            rustcrypto::OpenKey::new(suite, key),
        )
    }

    fn seal(&self, nonce: Nonce, aad: &[u8], text: &mut [u8]) -> Tag {
        self.0.seal_in_place(nonce, aad, text)
    }

    fn open(&self, nonce: Nonce, aad: &[u8], text: &mut [u8], tag: &Tag) -> Result<(), OpenFailed> {
        self.1.open_in_place(nonce, aad, text, tag)
    }
}
