//! The pre-shared key, from none, one or two parts.
//!
//! Two parts may come from two independent systems; whoever breaks into one of them still lacks
//! the other part.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

use crate::kdf::extract;
use crate::keys::{KeyError, decode, encode};
use crate::opaque_debug;
use crate::random::Random;
use crate::secret::{KeyBytes, length_prefixed};

const LABEL: &[u8] = b"linkveil1 psk";
const HAS_A: u8 = 1;
const HAS_B: u8 = 2;

/// One part: 32 random bytes, in base64 as `wg genpsk` prints them.
pub struct PskPart(KeyBytes);

impl PskPart {
    /// Draws a part.
    #[must_use]
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(KeyBytes::generate(random))
    }

    /// Reads a part in base64.
    ///
    /// # Errors
    /// Every [`KeyError`].
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = decode(text)?;
        Ok(Self(KeyBytes::filled_by(|out| *out = *bytes)))
    }

    /// The part in base64.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        encode(self.0.expose())
    }
}

/// Parts that must not be combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PskError {
    /// A part that stands twice gives no second line of defense; it is a copying mistake.
    #[error("the two parts of the pre-shared key are equal")]
    EqualParts,
}

/// The pre-shared key that goes into the handshake.
pub struct Psk(KeyBytes);

impl Psk {
    /// `HKDF-Extract("linkveil1 psk", flags || len16 A || A || len16 B || B)`; 32 zero bytes
    /// without parts. A and B are not interchangeable.
    ///
    /// # Errors
    /// [`PskError::EqualParts`] if A = B.
    pub fn combine(a: Option<&PskPart>, b: Option<&PskPart>) -> Result<Self, PskError> {
        if a.is_none() && b.is_none() {
            return Ok(Self::none());
        }
        if let (Some(a), Some(b)) = (a, b)
            && verify_slices_are_equal(a.0.expose(), b.0.expose()).is_ok()
        {
            return Err(PskError::EqualParts);
        }
        let flags = a.map_or(0, |_| HAS_A) | b.map_or(0, |_| HAS_B);
        let a: &[u8] = a.map_or(&[], |part| part.0.expose());
        let b: &[u8] = b.map_or(&[], |part| part.0.expose());
        Ok(Self(extract(LABEL, &length_prefixed(&[flags], &[a, b]))))
    }

    /// The key without parts: 32 zero bytes, which add nothing to the handshake.
    #[must_use]
    pub const fn none() -> Self {
        Self(KeyBytes::new([0; KeyBytes::LEN]))
    }

    /// The bytes, for the handshake.
    #[must_use]
    pub const fn expose(&self) -> &[u8; KeyBytes::LEN] {
        self.0.expose()
    }
}

opaque_debug!(PskPart, Psk);

#[cfg(test)]
mod tests;
