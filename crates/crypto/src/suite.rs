//! The AEAD suites. A suite is configured and part of the handshake's name; it is never negotiated.

use std::fmt;
use std::str::FromStr;

/// An AEAD with 256-bit keys, 96-bit nonces and 128-bit tags.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Suite {
    /// AES-256 in Galois/Counter Mode (NIST SP 800-38D). The default: fast where AES has
    /// instructions.
    #[default]
    Aes256Gcm,
    /// ChaCha20 and Poly1305 (RFC 8439), for processors without AES instructions.
    ChaCha20Poly1305,
}

impl Suite {
    /// Both suites.
    pub const ALL: [Self; 2] = [Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// The suite's byte in the key schedule.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    /// The suite's name in configuration and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::ChaCha20Poly1305 => "chacha20-poly1305",
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of the suites.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown suite; there are \"aes-256-gcm\" and \"chacha20-poly1305\"")]
pub struct UnknownSuite;

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(name: &str) -> Result<Self, UnknownSuite> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name() == name)
            .ok_or(UnknownSuite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ids_are_those_of_configuration_and_protocol() {
        assert_eq!(Suite::Aes256Gcm.id(), 1);
        assert_eq!(Suite::ChaCha20Poly1305.id(), 2);
        for suite in Suite::ALL {
            assert_eq!(suite.to_string().parse(), Ok(suite));
        }
        assert_eq!("AES-256-GCM".parse::<Suite>(), Err(UnknownSuite));
        assert_eq!(Suite::default(), Suite::Aes256Gcm);
    }
}
