//! An association that seals: key, nonces and packet numbers of one AN.

use crate::frame::{insert_tag, write_header};
use crate::sa::{SaTerms, SaUsage};
use crate::sak::Sak;
use crate::suite::CipherSuite;
use crate::tx_sc::{ProtectError, Protection};
use linkveil_crypto::{Iv, SealKey};
use linkveil_sa::{Limits, Meter, Pressure};
use linkveil_wire::sectag::{ADDRESSES_LEN, ICV_LEN, PnField};
use linkveil_wire::{PacketNumber, Sci, SecTag};
use std::fmt;
use std::time::Instant;

/// Why there is no association under these terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TermsError {
    /// The first packet number is 0 or beyond the suite's last.
    #[error("first packet number is outside of the cipher suite's numbers")]
    FirstPn,
}

/// Seals frames and takes their packet numbers itself. There is no other for the same key, unless
/// its owner made the key twice, and none can be made of this one:
///
/// ```compile_fail,E0277
/// fn needs_clone<T: Clone>() {}
/// needs_clone::<linkveil_macsec::TxSak>();
/// ```
pub struct TxSak {
    /// Boxed so that moving the association between threads leaves no copies of the key behind.
    secret: Box<Secret>,
    suite: CipherSuite,
    sci: Sci,
    meter: Meter,
    /// `None` when all numbers are used up.
    next: Option<PacketNumber>,
    reserved: PacketNumber,
    hard_deadline: Option<Instant>,
}

struct Secret {
    key: SealKey,
    iv: Iv,
}

impl TxSak {
    /// An association that begins with the terms' first packet number. All numbers up to the
    /// suite's last are reserved.
    ///
    /// # Errors
    /// [`TermsError`]; the key is wiped.
    pub fn new(sak: Sak, terms: SaTerms) -> Result<Self, TermsError> {
        let (suite, sci, key, iv) = sak.into_parts();
        let (first, last) = (terms.first_pn, suite.last_pn());
        if first < PacketNumber::FIRST || first > last {
            return Err(TermsError::FirstPn);
        }
        // So that pressure rises before the numbers end, however many there are.
        let numbers_left = (last.get() - first.get()).saturating_add(1);
        let limits = Limits {
            packets: terms.limits.packets.min(numbers_left),
            ..terms.limits
        };
        Ok(Self {
            secret: Box::new(Secret {
                key: SealKey::aes_gcm(&key),
                iv,
            }),
            suite,
            sci,
            meter: Meter::new(limits),
            next: Some(first),
            reserved: last,
            hard_deadline: terms.hard_deadline,
        })
    }

    /// Allows packet numbers up to and including this one, for an owner who writes down in advance
    /// what may be used. Call it before the first frame and whenever more numbers are written down.
    pub const fn reserve_through(&mut self, last: PacketNumber) {
        self.reserved = last;
    }

    /// The last packet number that is reserved.
    #[must_use]
    pub const fn reserved(&self) -> PacketNumber {
        self.reserved
    }

    /// The packet number of the next frame; `None` when there is none left.
    #[must_use]
    pub const fn next_pn(&self) -> Option<PacketNumber> {
        self.next
    }

    /// The suite of its key.
    #[must_use]
    pub const fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// The channel of its key.
    #[must_use]
    pub const fn sci(&self) -> Sci {
        self.sci
    }

    /// How far the key is used up.
    #[must_use]
    pub fn usage(&self) -> SaUsage {
        SaUsage::from(&self.meter)
    }

    /// The next level of pressure that was reached since it was last asked; each comes once, the
    /// lower one first.
    pub const fn take_pressure(&mut self) -> Option<Pressure> {
        self.meter.take_pressure()
    }

    /// Whether the hard deadline has passed.
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.hard_deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Secures a frame (10.5.2 to 10.5.4): room for the SecTAG, the plain frame, room for the ICV.
    /// `tag` is the SecTAG but for its packet number.
    ///
    /// # Errors
    /// [`ProtectError`]; the frame is then unchanged and no number is used up.
    #[inline]
    pub(crate) fn protect(
        &mut self,
        mut tag: SecTag,
        protection: Protection,
        frame: &mut [u8],
    ) -> Result<PacketNumber, ProtectError> {
        let (sealed, icv) = frame
            .split_last_chunk_mut::<ICV_LEN>()
            .ok_or(ProtectError::Runt)?;
        let header_len = ADDRESSES_LEN + tag.encoded_len();
        if sealed.len() < header_len {
            return Err(ProtectError::Runt);
        }
        let number = self.take_number(sealed.len())?;
        tag.pn = PnField::of(number);
        insert_tag(sealed, &tag);
        let clear_len = match protection {
            Protection::Confidentiality => header_len,
            Protection::Integrity => sealed.len(),
        };
        let (clear, text) = sealed.split_at_mut(clear_len);
        let Secret { key, iv } = &*self.secret;
        let nonce = iv.nonce(number.get());
        *icv = *key.seal_in_place(nonce, clear, text).as_bytes();
        Ok(number)
    }

    /// [`Self::protect`] of a plain frame that lies elsewhere: `out` becomes the secured frame.
    ///
    /// # Errors
    /// [`ProtectError`]; no number is used up, and `out` is unchanged.
    #[inline]
    pub(crate) fn protect_into(
        &mut self,
        mut tag: SecTag,
        protection: Protection,
        plain: &[u8],
        out: &mut [u8],
    ) -> Result<PacketNumber, ProtectError> {
        let header_len = ADDRESSES_LEN + tag.encoded_len();
        let (sealed, icv) = out
            .split_last_chunk_mut::<ICV_LEN>()
            .ok_or(ProtectError::Runt)?;
        let (addresses, user_data) = plain
            .split_first_chunk::<ADDRESSES_LEN>()
            .ok_or(ProtectError::Runt)?;
        if sealed.len() != header_len + user_data.len() {
            return Err(ProtectError::Runt);
        }
        let number = self.take_number(sealed.len())?;
        tag.pn = PnField::of(number);
        let (header, text) = sealed.split_at_mut(header_len);
        write_header(header, addresses, &tag);
        let Secret { key, iv } = &*self.secret;
        let nonce = iv.nonce(number.get());
        let tag = match protection {
            Protection::Confidentiality => key.seal_into(nonce, header, user_data, text),
            Protection::Integrity => {
                text.copy_from_slice(user_data);
                key.seal_in_place(nonce, sealed, &mut [])
            }
        };
        *icv = *tag.as_bytes();
        Ok(number)
    }

    /// The number of a frame with so many octets, which nobody gets again.
    #[inline]
    fn take_number(&mut self, sealed_len: usize) -> Result<PacketNumber, ProtectError> {
        let number = self.next.ok_or(ProtectError::Exhausted)?;
        self.meter.check(sealed_len)?;
        if number > self.reserved {
            return Err(ProtectError::Unreserved);
        }
        self.meter.count(sealed_len);
        let last = self.suite.last_pn();
        self.next = number.successor().filter(|next| *next <= last);
        Ok(number)
    }
}

impl fmt::Debug for TxSak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxSak")
            .field("suite", &self.suite)
            .field("sci", &self.sci)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
