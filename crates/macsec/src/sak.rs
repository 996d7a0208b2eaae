//! A Secure Association Key, together with what makes nonces of packet numbers on one channel.
//!
//! ```text
//!   32-bit numbers:   SCI 8                     || PN 4         (14.5)
//!   64-bit numbers:   salt XOR (SSCI 4          || PN 8)        (14.7)
//! ```
//!
//! Both are an IV of 12 octets XOR the packet number in its last 8; with 32-bit numbers the IV is
//! the SCI and four zero octets.

use crate::suite::CipherSuite;
use linkveil_crypto::aead::NONCE_LEN;
use linkveil_crypto::{AesKey, Iv};
use linkveil_wire::sectag::PnWidth;
use linkveil_wire::{Sci, Ssci};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The salt of a key for an XPN suite (14.7). Distributed with the key and as secret.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Salt([u8; Self::LEN]);

impl Salt {
    /// Length in bytes.
    pub const LEN: usize = NONCE_LEN;

    /// Takes the bytes over. The caller's array is a copy that the caller wipes.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

/// Why something is not a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SakError {
    /// The suite has keys of another length.
    #[error("key has the wrong length for the cipher suite")]
    KeyLength,
    /// An XPN suite without salt and SSCI, or another suite with them.
    #[error("salt and SSCI belong to the XPN suites, and only to them")]
    Salt,
}

/// Which nonces a key makes of packet numbers, as names that tell nothing of the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NonceSpace {
    /// Equal for two keys that can come upon the same nonce ([`Sak::can_share_a_nonce_with`]).
    pub id: [u8; 16],
    /// Equal if, besides, equal packet numbers make equal nonces.
    pub origin: [u8; 16],
}

/// A key for one channel. It has no `Clone` and is consumed by the association that uses it:
///
/// ```compile_fail,E0382
/// # use linkveil_macsec::{CipherSuite, RxSak, Sak, SaTerms, TxSak};
/// fn twice(sak: Sak) {
///     let terms = SaTerms::of(CipherSuite::GcmAes256);
///     let (one, other) = (TxSak::new(sak, terms), TxSak::new(sak, terms));
/// }
/// ```
pub struct Sak {
    suite: CipherSuite,
    sci: Sci,
    key: AesKey,
    iv: Iv,
}

impl Sak {
    /// A key for a suite with 32-bit packet numbers, on the channel with this SCI.
    ///
    /// # Errors
    /// [`SakError`].
    pub fn new(suite: CipherSuite, sci: Sci, key: AesKey) -> Result<Self, SakError> {
        if suite.pn_width() != PnWidth::Bits32 {
            return Err(SakError::Salt);
        }
        let [a, b, c, d, e, f, g, h] = sci.to_bytes();
        let iv = Iv::new([a, b, c, d, e, f, g, h, 0, 0, 0, 0]);
        Self::with_iv(suite, sci, key, iv)
    }

    /// A key for an XPN suite, on the channel with this SCI, whose sender has this SSCI.
    ///
    /// # Errors
    /// [`SakError`].
    pub fn extended(
        suite: CipherSuite,
        (sci, ssci): (Sci, Ssci),
        key: AesKey,
        salt: &Salt,
    ) -> Result<Self, SakError> {
        if suite.pn_width() != PnWidth::Bits64 {
            return Err(SakError::Salt);
        }
        let mut iv = Zeroizing::new(salt.0);
        for (octet, ssci) in iv.iter_mut().zip(ssci.get().to_be_bytes()) {
            *octet ^= ssci;
        }
        let iv = Iv::new(*iv);
        Self::with_iv(suite, sci, key, iv)
    }

    fn with_iv(suite: CipherSuite, sci: Sci, key: AesKey, iv: Iv) -> Result<Self, SakError> {
        if key.len() != suite.key_len() {
            return Err(SakError::KeyLength);
        }
        Ok(Self {
            suite,
            sci,
            key,
            iv,
        })
    }

    /// The suite.
    #[must_use]
    pub const fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// The channel.
    #[must_use]
    pub const fn sci(&self) -> Sci {
        self.sci
    }

    /// Whether two channels with these keys can come upon the same nonce under the same key: equal
    /// keys, and what tells their nonces apart (SCI, or salt and SSCI) is equal. One who configures
    /// keys refuses such a pair.
    #[must_use]
    pub fn can_share_a_nonce_with(&self, other: &Self) -> bool {
        // The packet number covers the rest of the nonce: 4 octets, or 8.
        let fixed = match (self.suite.pn_width(), other.suite.pn_width()) {
            (PnWidth::Bits32, PnWidth::Bits32) => NONCE_LEN - size_of::<u32>(),
            _ => NONCE_LEN - size_of::<u64>(),
        };
        let ivs = self.iv.expose().iter().zip(other.iv.expose());
        ivs.take(fixed).all(|(a, b)| a == b) && self.key.is_same_as(&other.key)
    }

    /// Public names of the key and its nonces, for one who writes down which were used.
    #[must_use]
    pub fn nonce_space(&self) -> NonceSpace {
        let fixed = match self.suite.pn_width() {
            PnWidth::Bits32 => NONCE_LEN - size_of::<u32>(),
            PnWidth::Bits64 => NONCE_LEN - size_of::<u64>(),
        };
        let iv = self.iv.expose();
        let shared = iv.get(..fixed).unwrap_or(iv);
        NonceSpace {
            id: self.key.fingerprint(shared),
            origin: self.key.fingerprint(iv),
        }
    }

    /// Suite, channel, key and IV, for the association that uses them.
    pub(crate) fn into_parts(self) -> (CipherSuite, Sci, AesKey, Iv) {
        (self.suite, self.sci, self.key, self.iv)
    }
}

impl fmt::Debug for Sak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sak")
            .field("suite", &self.suite)
            .field("sci", &self.sci)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
