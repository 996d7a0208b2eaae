//! A receive channel: up to four associations and the channel's counters.

use crate::counter::RxScCounter;
use crate::numbers::Timeliness;
use crate::policy::{RxPolicy, Validate};
use crate::rx_sak::{Authenticity, RxSak, Verified};
use crate::sa::InstallError;
use linkveil_sa::{Counters, Exhausted, Pressure};
use linkveil_wire::sectag::{TaggedFrame, UserData};
use linkveil_wire::{An, PacketNumber, Sci};
use std::time::Instant;

/// Why a channel delivers a frame. Each variant is one counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// Authentic and in time.
    Ok,
    /// Below the lowest acceptable packet number, without replay protection. Authentic, unless
    /// validation is disabled.
    Delayed,
    /// Not authentic, and validation only counts.
    Invalid,
    /// Not looked at: validation is disabled.
    Unchecked,
    /// Of an association that is not in use, and validation is not strict.
    UnusedSa,
}

/// Why a channel discards a frame. Each variant is one counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum RxScError {
    /// The association is not in use.
    #[error("association is not in use")]
    NotUsingSa,
    /// The packet number is below the lowest acceptable one.
    #[error("packet number is below the replay window")]
    Late,
    /// The packet number was accepted once already.
    #[error("packet number was accepted already")]
    Duplicate,
    /// So many frames were not authentic that the key must not be used any more.
    #[error("key has reached its limit of frames that are not authentic")]
    Exhausted,
    /// Forged, damaged, or sealed under another key.
    #[error("frame is not authentic")]
    NotValid,
}

impl From<Verdict> for RxScCounter {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Ok => Self::InPktsOk,
            Verdict::Delayed => Self::InPktsDelayed,
            Verdict::Invalid => Self::InPktsInvalid,
            Verdict::Unchecked => Self::InPktsUnchecked,
            Verdict::UnusedSa => Self::InPktsUnusedSa,
        }
    }
}

impl From<RxScError> for RxScCounter {
    fn from(error: RxScError) -> Self {
        match error {
            RxScError::NotUsingSa => Self::InPktsNotUsingSa,
            RxScError::Late => Self::InPktsLate,
            RxScError::Duplicate => Self::InPktsDuplicate,
            RxScError::Exhausted => Self::InPktsExhausted,
            RxScError::NotValid => Self::InPktsNotValid,
        }
    }
}

impl From<Exhausted> for RxScError {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

/// What a channel found out about a frame that it delivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judged {
    /// The channel: who sent the frame, if it is authentic.
    pub sci: Sci,
    /// The association.
    pub an: An,
    /// Why it is delivered.
    pub verdict: Verdict,
    /// The whole packet number; `None` of an association that is not in use.
    pub number: Option<PacketNumber>,
    /// Whether the holder of the key made it.
    pub authentic: bool,
    /// Whether it is the first authentic frame under its key.
    pub first: bool,
}

/// A channel of one sender.
#[derive(Debug)]
pub struct RxSc {
    sci: Sci,
    associations: [Option<RxSak>; An::COUNT],
    counters: Counters<RxScCounter>,
}

impl RxSc {
    pub(crate) fn new(sci: Sci) -> Self {
        Self {
            sci,
            associations: [const { None }; An::COUNT],
            counters: Counters::new(),
        }
    }

    pub(crate) fn install(&mut self, an: An, sak: RxSak) -> Result<(), InstallError> {
        if sak.sci() != self.sci {
            return Err(InstallError::WrongChannel);
        }
        match self.associations.get_mut(an.index()) {
            Some(place @ None) => {
                *place = Some(sak);
                Ok(())
            }
            _ => Err(InstallError::AnInUse),
        }
    }

    pub(crate) fn remove(&mut self, an: An) -> Option<RxSak> {
        self.associations.get_mut(an.index())?.take()
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        for place in &mut self.associations {
            if place.as_ref().is_some_and(|sak| sak.is_expired(now)) {
                *place = None;
            }
        }
    }

    pub(crate) fn take_pressure(&mut self) -> Option<(An, Pressure)> {
        An::ALL.into_iter().find_map(|an| {
            let sak = self.associations.get_mut(an.index())?.as_mut()?;
            Some((an, sak.take_pressure()?))
        })
    }

    /// Checks a frame of this channel, and counts it.
    #[inline]
    pub(crate) fn validate(
        &mut self,
        frame: &mut [u8],
        tagged: &TaggedFrame,
        policy: &RxPolicy,
    ) -> Result<Judged, RxScError> {
        let judged = self.judge(frame, tagged, policy);
        match judged {
            Ok(judged) => self.counters.add(judged.verdict),
            Err(error) => self.counters.add(error),
        }
        judged
    }

    /// From the assignment to an association to the indication (10.6.1 to 10.6.5).
    #[inline]
    fn judge(
        &mut self,
        frame: &mut [u8],
        tagged: &TaggedFrame,
        policy: &RxPolicy,
    ) -> Result<Judged, RxScError> {
        let tag = tagged.tag();
        // The C bit: what the receiver would deliver is not what the sender meant.
        let must_be_valid =
            policy.validate == Validate::Strict || tag.user_data != UserData::Unchanged;
        let mut judged = Judged {
            sci: self.sci,
            an: tag.an,
            verdict: Verdict::UnusedSa,
            number: None,
            authentic: false,
            first: false,
        };
        let place = self.associations.get_mut(tag.an.index());
        let Some(sak) = place.and_then(Option::as_mut) else {
            return if must_be_valid {
                Err(RxScError::NotUsingSa)
            } else {
                Ok(judged)
            };
        };
        let verified = sak.verify(frame, tagged, policy)?;
        self.count_octets(verified, tagged, policy);
        judged.verdict = match (verified.authenticity, verified.timeliness) {
            (Authenticity::Invalid, _) if must_be_valid => return Err(RxScError::NotValid),
            (Authenticity::Invalid, _) => Verdict::Invalid,
            (_, Timeliness::Delayed) => Verdict::Delayed,
            (Authenticity::Valid, Timeliness::InTime) => Verdict::Ok,
            (Authenticity::Unchecked, Timeliness::InTime) => Verdict::Unchecked,
        };
        judged.number = Some(verified.number);
        judged.authentic = verified.authenticity == Authenticity::Valid;
        judged.first = verified.first;
        Ok(judged)
    }

    /// What was validated counts, be it valid or not, unless validation is disabled (figure 10-5).
    #[inline]
    fn count_octets(&mut self, verified: Verified, tagged: &TaggedFrame, policy: &RxPolicy) {
        if policy.validate == Validate::Disabled || verified.authenticity == Authenticity::Unchecked
        {
            return;
        }
        let counter = match tagged.tag().user_data {
            UserData::Encrypted => RxScCounter::InOctetsDecrypted,
            UserData::Unchanged | UserData::Changed => RxScCounter::InOctetsValidated,
        };
        self.counters.add_many(counter, tagged.secure_data().len());
    }

    /// Its name.
    #[must_use]
    pub const fn sci(&self) -> Sci {
        self.sci
    }

    /// One of its associations.
    #[must_use]
    pub fn association(&self, an: An) -> Option<&RxSak> {
        self.associations.get(an.index())?.as_ref()
    }

    /// Its counters.
    #[must_use]
    pub const fn counters(&self) -> &Counters<RxScCounter> {
        &self.counters
    }
}

#[cfg(test)]
mod tests;
