//! The cipher suites of MACsec (IEEE 802.1AE-2018 clause 14), as configuration, handshake and keys name them.

use crate::num::PacketNumber;
use crate::sectag::PnWidth;
use std::fmt;
use std::str::FromStr;

/// A cipher suite: AES in Galois/Counter Mode with an ICV of 16 octets and no confidentiality
/// offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CipherSuite {
    /// 128-bit key, 32-bit packet numbers (14.5). What every implementation has.
    GcmAes128,
    /// 256-bit key, 32-bit packet numbers (14.6).
    GcmAes256,
    /// 128-bit key, 64-bit packet numbers (14.7).
    GcmAesXpn128,
    /// 256-bit key, 64-bit packet numbers (14.8).
    GcmAesXpn256,
}

impl CipherSuite {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::GcmAes128,
        Self::GcmAes256,
        Self::GcmAesXpn128,
        Self::GcmAesXpn256,
    ];

    /// Its name in configuration and status; the same as in `ip macsec`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GcmAes128 => "gcm-aes-128",
            Self::GcmAes256 => "gcm-aes-256",
            Self::GcmAesXpn128 => "gcm-aes-xpn-128",
            Self::GcmAesXpn256 => "gcm-aes-xpn-256",
        }
    }

    /// Length of its keys, in bytes.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::GcmAes128 | Self::GcmAesXpn128 => 16,
            Self::GcmAes256 | Self::GcmAesXpn256 => 32,
        }
    }

    /// How long its packet numbers are.
    #[must_use]
    pub const fn pn_width(self) -> PnWidth {
        match self {
            Self::GcmAes128 | Self::GcmAes256 => PnWidth::Bits32,
            Self::GcmAesXpn128 | Self::GcmAesXpn256 => PnWidth::Bits64,
        }
    }

    /// The last packet number that a key has.
    #[must_use]
    pub const fn last_pn(self) -> PacketNumber {
        match self.pn_width() {
            PnWidth::Bits32 => PacketNumber::new(u32::MAX as u64),
            PnWidth::Bits64 => PacketNumber::new(u64::MAX),
        }
    }

    /// Its number in handshake and key schedule: the last octet of its identifier in table 14-1,
    /// 00-80-C2-00-01-00-00-0n.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::GcmAes128 => 1,
            Self::GcmAes256 => 2,
            Self::GcmAesXpn128 => 3,
            Self::GcmAesXpn256 => 4,
        }
    }

    /// The suite with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.number() == number)
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of the suites.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "unknown cipher suite; there are \"gcm-aes-128\", \"gcm-aes-256\", \"gcm-aes-xpn-128\" and \
     \"gcm-aes-xpn-256\""
)]
pub struct UnknownCipherSuite;

impl FromStr for CipherSuite {
    type Err = UnknownCipherSuite;

    fn from_str(name: &str) -> Result<Self, UnknownCipherSuite> {
        Self::ALL
            .into_iter()
            .find(|suite| suite.name() == name)
            .ok_or(UnknownCipherSuite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for suite in CipherSuite::ALL {
            assert_eq!(suite.to_string().parse(), Ok(suite));
            assert!(UnknownCipherSuite.to_string().contains(suite.name()));
        }
        assert_eq!(
            "gcm-aes-192".parse::<CipherSuite>(),
            Err(UnknownCipherSuite)
        );
    }

    #[test]
    fn key_and_number_have_the_length_in_the_name() {
        for suite in CipherSuite::ALL {
            let bits = suite.name().rsplit('-').next().unwrap().parse().unwrap();
            assert_eq!(suite.key_len() * 8, bits);
            let extended = suite.name().contains("xpn");
            assert_eq!(suite.pn_width() == PnWidth::Bits64, extended);
            assert_eq!(suite.last_pn().get() == u64::MAX, extended);
        }
    }

    #[test]
    fn numbers_are_those_of_the_standard() {
        let numbers = CipherSuite::ALL.map(CipherSuite::number);
        assert_eq!(numbers, [1, 2, 3, 4]);
        for number in 0..=u8::MAX {
            let suite = CipherSuite::from_number(number);
            assert_eq!(suite.is_some(), numbers.contains(&number));
            assert_eq!(suite.map(CipherSuite::number), suite.map(|_| number));
        }
    }
}
