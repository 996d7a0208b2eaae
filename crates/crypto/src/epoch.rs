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
//! ```

use std::fmt;

use crate::aead::{Iv, NONCE_LEN};
use crate::kdf::{HASH_LEN, expand, extract};
use crate::opaque_debug;
use crate::secret::{KeyBytes, SharedSecret, length_prefixed};
use crate::suite::Suite;

/// First bytes of every HKDF info of protocol version 1.
const LABEL: &[u8] = b"linkveil1 ";
const FINGERPRINT: &[u8] = b"fingerprint";
/// Length of a fingerprint, in bytes.
const FINGERPRINT_LEN: usize = 8;
const LANE_MATERIAL_LEN: usize = KeyBytes::LEN + NONCE_LEN;

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

    /// The epoch's public name.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(*expand::<FINGERPRINT_LEN>(&self.0, &[LABEL, FINGERPRINT]))
    }
}

opaque_debug!(EpochSecret, HandshakeHash);

#[cfg(test)]
mod tests;
