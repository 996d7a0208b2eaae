//! The key schedule of an epoch: from a finished handshake to the keys of every lane.
//!
//! ```text
//! Noise: handshake hash, k1, k2            ML-KEM-768: ss (or nothing)
//!             |          |    |                 |
//!             v          v    v                 v
//!   epoch secret = HKDF-Extract(salt = handshake hash, ikm = len16 k1 || k1 || len16 k2 || k2 || len16 ss || ss)
//!             |
//!             +-- HKDF-Expand("linkveil1 fingerprint", 8) -> fingerprint
//!             +-- HKDF-Expand("linkveil1 " || purpose || suite || pq || direction || lane16, 44) -> key 32 || IV 12
//!             +-- HKDF-Expand("linkveil1 macsec sa" || suite || pq || direction || AN || SCI 8, K + 12) -> SAK K || salt 12
//! ```

use std::fmt;

use zeroize::Zeroizing;

use crate::aead::{Iv, NONCE_LEN};
use crate::kdf::{HASH_LEN, expand, extract};
use crate::secret::{AesKey, KeyBytes, SharedSecret, length_prefixed};
use crate::suite::Suite;
use crate::{backend_failed, opaque_debug};

/// First bytes of every HKDF info of protocol version 1.
const LABEL: &[u8] = b"linkveil1 ";
const FINGERPRINT: &[u8] = b"fingerprint";
/// Length of a fingerprint, in bytes.
const FINGERPRINT_LEN: usize = 8;
const LANE_MATERIAL_LEN: usize = KeyBytes::LEN + NONCE_LEN;
/// Begins the info of every MACsec key, where [`Purpose::label`] begins that of lane keys.
const MACSEC: &[u8; 9] = b"macsec sa";
/// Length of the salt of a MACsec key (IEEE 802.1AE-2018 14.7), in bytes.
pub const SALT_LEN: usize = NONCE_LEN;

/// What keys are for. Each purpose has keys of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// Data datagrams between VPC gateways.
    VpcData,
}

impl Purpose {
    const fn label(self) -> &'static [u8; 9] {
        match self {
            Self::VpcData => b"vpc data ",
        }
    }
}

/// Whether an ML-KEM secret went into an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PostQuantum {
    /// X25519 and ML-KEM-768: confidential unless both are broken.
    Hybrid,
    /// X25519 only.
    Classical,
}

impl PostQuantum {
    const fn id(self) -> u8 {
        match self {
            Self::Hybrid => 1,
            Self::Classical => 0,
        }
    }
}

/// Who seals, seen from the handshake of the epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// What the initiator sends.
    InitiatorToResponder,
    /// What the responder sends.
    ResponderToInitiator,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn reverse(self) -> Self {
        match self {
            Self::InitiatorToResponder => Self::ResponderToInitiator,
            Self::ResponderToInitiator => Self::InitiatorToResponder,
        }
    }

    const fn id(self) -> u8 {
        match self {
            Self::InitiatorToResponder => 1,
            Self::ResponderToInitiator => 2,
        }
    }
}

/// All that tells the keys of one lane from those of every other lane of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LaneContext {
    /// What the keys are for.
    pub purpose: Purpose,
    /// The AEAD they are for.
    pub suite: Suite,
    /// Whether the epoch is hybrid.
    pub post_quantum: PostQuantum,
    /// Who seals.
    pub direction: Direction,
    /// The lane of the one who seals.
    pub lane: u16,
}

impl LaneContext {
    /// purpose 9 | suite 1 | pq 1 | direction 1 | lane 2
    fn info(&self) -> [u8; 14] {
        let mut info = [0; 14];
        let (purpose, rest) = info.split_at_mut(9);
        purpose.copy_from_slice(self.purpose.label());
        let [high, low] = self.lane.to_be_bytes();
        let (suite, pq) = (self.suite.id(), self.post_quantum.id());
        rest.copy_from_slice(&[suite, pq, self.direction.id(), high, low]);
        info
    }
}

/// Key and IV of one (epoch, direction, sender's lane).
#[derive(Debug)]
pub struct LaneKeys {
    /// The AEAD key.
    pub key: KeyBytes,
    /// The secret that packet numbers are XORed to.
    pub iv: Iv,
}

/// How long the keys of a MACsec suite are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AesKeyLen {
    /// 128 bits.
    Aes128,
    /// 256 bits.
    Aes256,
}

/// All that tells the MACsec key of one association from every other key of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ChannelContext {
    /// The number of the MACsec cipher suite, 1 to 4.
    pub suite: u8,
    /// How long its keys are.
    pub key_len: AesKeyLen,
    /// Whether the epoch is hybrid.
    pub post_quantum: PostQuantum,
    /// Who seals.
    pub direction: Direction,
    /// The association number, 0 to 3.
    pub an: u8,
    /// The channel of the one who seals.
    pub sci: [u8; 8],
}

impl ChannelContext {
    /// purpose 9 | suite 1 | pq 1 | direction 1 | AN 1 | SCI 8
    fn info(&self) -> [u8; 21] {
        let mut info = [0; 21];
        let (purpose, rest) = info.split_at_mut(9);
        purpose.copy_from_slice(MACSEC);
        let (numbers, sci) = rest.split_at_mut(4);
        let (suite, pq) = (self.suite, self.post_quantum.id());
        numbers.copy_from_slice(&[suite, pq, self.direction.id(), self.an]);
        sci.copy_from_slice(&self.sci);
        info
    }
}

/// Key and salt of one MACsec association.
pub struct ChannelKeys {
    /// The SAK.
    pub key: AesKey,
    /// What nonces with 64-bit numbers are XORed with; not used with 32-bit ones.
    pub salt: Zeroizing<[u8; SALT_LEN]>,
}

/// The Noise handshake hash after the last message (Noise rev 34 s5.2, `GetHandshakeHash`).
pub struct HandshakeHash([u8; HASH_LEN]);

impl HandshakeHash {
    /// Takes the hash over.
    #[must_use]
    pub const fn new(hash: [u8; HASH_LEN]) -> Self {
        Self(hash)
    }
}

/// Names an epoch in public: equal on both sides, and no key can be computed from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; FINGERPRINT_LEN]);

impl Fingerprint {
    /// The eight bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; FINGERPRINT_LEN] {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    /// Sixteen hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The secret from which all lane keys of an epoch come.
pub struct EpochSecret(KeyBytes);

impl EpochSecret {
    /// Combines what the handshake yielded: the two keys of Noise's `Split()` and the KEM's secret
    /// if the handshake was hybrid. An attacker must break both to learn the result.
    #[must_use]
    pub fn derive(
        hash: &HandshakeHash,
        k1: &KeyBytes,
        k2: &KeyBytes,
        kem: Option<&SharedSecret>,
    ) -> Self {
        let kem: &[u8] = kem.map_or(&[], |secret| secret.expose());
        let ikm = length_prefixed(&[], &[k1.expose(), k2.expose(), kem]);
        Self(extract(&hash.0, &ikm))
    }

    /// The keys of one lane.
    #[must_use]
    pub fn lane_keys(&self, context: &LaneContext) -> LaneKeys {
        let material = expand::<LANE_MATERIAL_LEN>(&self.0, &[LABEL, &context.info()]);
        let (key, iv) = material.split_at(KeyBytes::LEN);
        LaneKeys {
            key: KeyBytes::filled_by(|out| out.copy_from_slice(key)),
            iv: Iv::filled_by(|out| out.copy_from_slice(iv)),
        }
    }

    /// The keys of one MACsec association.
    #[must_use]
    pub fn channel_keys(&self, context: &ChannelContext) -> ChannelKeys {
        let info: [&[u8]; 2] = [LABEL, &context.info()];
        match context.key_len {
            AesKeyLen::Aes128 => {
                split_channel(&*expand::<{ AesKey::LEN_128 + SALT_LEN }>(&self.0, &info))
            }
            AesKeyLen::Aes256 => {
                split_channel(&*expand::<{ AesKey::LEN_256 + SALT_LEN }>(&self.0, &info))
            }
        }
    }

    /// The epoch's public name.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(*expand::<FINGERPRINT_LEN>(&self.0, &[LABEL, FINGERPRINT]))
    }
}

fn split_channel(material: &[u8]) -> ChannelKeys {
    let parts = material.split_last_chunk::<SALT_LEN>();
    let parts = parts.and_then(|(key, salt)| Some((AesKey::copy_from(key)?, salt)));
    let (key, salt) = parts.unwrap_or_else(|| backend_failed("split a key"));
    ChannelKeys {
        key,
        salt: Zeroizing::new(*salt),
    }
}

opaque_debug!(EpochSecret, HandshakeHash, ChannelKeys);

#[cfg(test)]
mod tests;
