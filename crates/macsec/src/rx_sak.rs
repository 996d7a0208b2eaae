//! An association that opens: key, nonces, packet numbers and replay protection of one AN.

use crate::numbers::{Numbers, Timeliness};
use crate::policy::{RxPolicy, Validate, WindowSize};
use crate::rx_sc::RxScError;
use crate::sa::{SaTerms, SaUsage};
use crate::sak::Sak;
use crate::suite::CipherSuite;
use crate::tx_sak::TermsError;
use linkveil_crypto::{Iv, OpenKey, Tag};
use linkveil_sa::{Limits, Meter, Pressure};
use linkveil_wire::sectag::{ICV_LEN, TaggedFrame, UserData};
use linkveil_wire::{PacketNumber, Sci};
use std::fmt;
use std::time::Instant;

/// What validation found out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Authenticity {
    Valid,
    Invalid,
    /// Nobody looked.
    Unchecked,
}

/// A frame that replay protection lets pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Verified {
    pub(crate) authenticity: Authenticity,
    pub(crate) timeliness: Timeliness,
    pub(crate) number: PacketNumber,
    /// The first authentic frame under the key.
    pub(crate) first: bool,
}

/// Opens frames, each once. It has no `Clone`: a second one would accept a second time.
///
/// ```compile_fail,E0277
/// fn needs_clone<T: Clone>() {}
/// needs_clone::<linkveil_macsec::RxSak>();
/// ```
pub struct RxSak {
    /// Boxed so that moving the association between threads leaves no copies of the key behind.
    secret: Box<Secret>,
    suite: CipherSuite,
    sci: Sci,
    meter: Meter,
    hard_deadline: Option<Instant>,
}

struct Secret {
    key: OpenKey,
    iv: Iv,
    numbers: Numbers,
}

impl RxSak {
    /// An association that accepts the terms' first packet number and what comes after.
    ///
    /// # Errors
    /// [`TermsError`]; the key is wiped.
    pub fn new(sak: Sak, terms: SaTerms) -> Result<Self, TermsError> {
        let (suite, sci, key, iv) = sak.into_parts();
        if terms.first_pn < PacketNumber::FIRST || terms.first_pn > suite.last_pn() {
            return Err(TermsError::FirstPn);
        }
        let limits = Limits {
            packets: u64::MAX,
            bytes: u64::MAX,
            ..terms.limits
        };
        Ok(Self {
            secret: Box::new(Secret {
                key: OpenKey::aes_gcm(&key),
                iv,
                numbers: Numbers::new(suite.pn_width(), terms.first_pn),
            }),
            suite,
            sci,
            meter: Meter::new(limits),
            hard_deadline: terms.hard_deadline,
        })
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

    /// One above the highest packet number that was authentic.
    #[must_use]
    pub const fn next_pn(&self) -> PacketNumber {
        self.secret.numbers.next()
    }

    /// The lowest packet number that is in time with a window of this size.
    #[must_use]
    pub const fn lowest_pn(&self, window: WindowSize) -> PacketNumber {
        self.secret.numbers.lowest(window)
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

    /// Replay check, validation and replay update in one (10.6.2 to 10.6.4). The secure data is
    /// plain afterwards, if it is valid; if it was encrypted and is not valid, it is wiped.
    ///
    /// # Errors
    /// [`RxScError::Late`], [`RxScError::Duplicate`] or [`RxScError::Exhausted`]; the frame is then
    /// unchanged.
    #[inline]
    pub(crate) fn verify(
        &mut self,
        frame: &mut [u8],
        tagged: &TaggedFrame,
        policy: &RxPolicy,
    ) -> Result<Verified, RxScError> {
        let number = self.secret.numbers.recover(tagged.tag().pn);
        let timeliness = self.secret.numbers.check(number, policy)?;
        let user_data = tagged.tag().user_data;
        let mut verified = Verified {
            authenticity: Authenticity::Unchecked,
            timeliness,
            number,
            first: false,
        };
        if policy.validate == Validate::Disabled && user_data == UserData::Unchanged {
            return Ok(verified);
        }
        let sealed_len = tagged.secure_data().end;
        self.meter.check(sealed_len)?;
        if self.secret.open(frame, tagged, number) {
            self.meter.count(sealed_len);
            verified.first = self.secret.numbers.is_unused();
            self.secret.numbers.accept(number);
            verified.authenticity = Authenticity::Valid;
        } else {
            self.meter.count_failed_open(sealed_len);
            verified.authenticity = Authenticity::Invalid;
        }
        Ok(verified)
    }
}

impl Secret {
    /// Whether the frame is authentic (10.6.3); decrypts it if it is.
    #[inline]
    fn open(&self, frame: &mut [u8], tagged: &TaggedFrame, number: PacketNumber) -> bool {
        let data = tagged.secure_data();
        let clear_len = match tagged.tag().user_data {
            UserData::Encrypted => data.start,
            UserData::Unchanged | UserData::Changed => data.end,
        };
        // Ranges of a parsed frame lie within it, so this fails for no frame.
        let Some((sealed, rest)) = frame.split_at_mut_checked(data.end) else {
            return false;
        };
        let Some(icv) = rest.first_chunk::<ICV_LEN>() else {
            return false;
        };
        let Some((clear, text)) = sealed.split_at_mut_checked(clear_len) else {
            return false;
        };
        let nonce = self.iv.nonce(number.get());
        let opened = self.key.open_in_place(nonce, clear, text, &Tag::new(*icv));
        opened.is_ok()
    }
}

impl fmt::Debug for RxSak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RxSak")
            .field("suite", &self.suite)
            .field("sci", &self.sci)
            .field("next", &self.next_pn())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
