//! Reception: from a frame of the common port to its verdict (10.6). In the order of the checks:
//!
//! | check | section | strict | check, disabled |
//! |---|---|---|---|
//! | shorter than an Ethernet header | | drop | drop |
//! | no SecTAG | 10.6 | `InPktsNoTag` | deliver, `InPktsUntagged` |
//! | E without C | 9.5 | drop | drop |
//! | SecTAG not valid | 9.12 | `InPktsBadTag` | `InPktsBadTag` |
//! | channel unknown | 10.6.1 | `InPktsNoSCI` | C: the same; else deliver, `InPktsUnknownSCI` |
//! | then, on the channel | 10.6.1 to 10.6.5 | [`RxScError`] | [`RxScError`], [`Verdict`](crate::Verdict) |

use crate::counter::SecyCounter;
use crate::frame::{start_of, strip_tag};
use crate::policy::{RxPolicy, Validate};
use crate::rx_sak::RxSak;
use crate::rx_sc::{Judged, RxSc, RxScError};
use crate::sa::InstallError;
use crate::suite::CipherSuite;
use linkveil_sa::{Counters, Pressure};
use linkveil_wire::sectag::{TaggedFrame, UserData};
use linkveil_wire::{An, MAX_LANES, Sci, SecTagError};
use std::time::Instant;

/// Most channels of one [`RxSecy`]: those of a peer with as many lanes as there can be.
pub const MAX_CHANNELS: usize = MAX_LANES as usize;

/// Why a frame is discarded. Each variant is one counter, those of [`Self::Channel`] one each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum RxError {
    /// Shorter than an Ethernet header.
    #[error("frame is shorter than an Ethernet header")]
    Runt,
    /// Without SecTAG, and validation is strict.
    #[error("frame has no SecTAG")]
    NoTag,
    /// E without C: for key agreement only.
    #[error("frame is not for the controlled port")]
    Uncontrolled,
    /// With a SecTAG that is not valid, for this reason.
    #[error("SecTAG is not valid: {0}")]
    BadTag(SecTagError),
    /// Of an unknown channel.
    #[error("channel is unknown")]
    NoSci,
    /// The channel refuses it.
    #[error(transparent)]
    Channel(#[from] RxScError),
}

/// Why a channel was not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChannelError {
    /// The SCI is the one that no channel has (9.9).
    #[error("SCI is the reserved one")]
    ReservedSci,
    /// There is a channel with this SCI.
    #[error("channel exists already")]
    Exists,
    /// There are [`MAX_CHANNELS`].
    #[error("there are as many channels as there can be")]
    TooMany,
}

/// How a delivered frame came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provenance {
    /// Without SecTAG.
    Untagged,
    /// With the SecTAG of an unknown channel.
    UnknownSci,
    /// Over a channel, which says what it thinks of it.
    Channel(Judged),
}

/// A plain frame for the controlled port, in the receive buffer. Only [`RxSecy::validate`] makes
/// one:
///
/// ```compile_fail,E0451
/// fn from_nothing(bytes: &mut [u8], other: linkveil_macsec::Delivered<'_>) {
///     let forged = linkveil_macsec::Delivered { frame: bytes, ..other };
/// }
/// ```
#[derive(Debug)]
pub struct Delivered<'a> {
    frame: &'a mut [u8],
    /// Of the frame within what was received.
    start: usize,
    provenance: Provenance,
}

impl<'a> Delivered<'a> {
    /// Whether the holder of a key made it. With strict validation all frames are authentic.
    #[must_use]
    pub const fn is_authentic(&self) -> bool {
        matches!(self.provenance, Provenance::Channel(judged) if judged.authentic)
    }

    /// Where the frame begins within what was received, in octets.
    #[must_use]
    pub const fn start(&self) -> usize {
        self.start
    }

    /// How it came.
    #[must_use]
    pub const fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The frame from its destination address on, without SecTAG and ICV.
    #[must_use]
    pub const fn frame(&mut self) -> &mut [u8] {
        self.frame
    }

    /// The frame, for as long as the receive buffer lives.
    #[must_use]
    pub const fn into_frame(self) -> &'a mut [u8] {
        self.frame
    }
}

/// The receiving half of a `SecY`, or the share of it that one lane owns.
#[derive(Debug)]
pub struct RxSecy {
    suite: CipherSuite,
    policy: RxPolicy,
    channels: Vec<RxSc>,
    /// Place of the channel of the last frame: frames come in runs.
    last: usize,
    counters: Counters<SecyCounter>,
}

impl RxSecy {
    /// A receiver without channels.
    #[must_use]
    pub fn new(suite: CipherSuite, policy: RxPolicy) -> Self {
        Self {
            suite,
            policy,
            channels: Vec::new(),
            last: 0,
            counters: Counters::new(),
        }
    }

    /// Adds a channel without associations.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn add_channel(&mut self, sci: Sci) -> Result<(), ChannelError> {
        if sci == Sci::RESERVED {
            return Err(ChannelError::ReservedSci);
        }
        if self.channel(sci).is_some() {
            return Err(ChannelError::Exists);
        }
        if self.channels.len() >= MAX_CHANNELS {
            return Err(ChannelError::TooMany);
        }
        self.channels.push(RxSc::new(sci));
        Ok(())
    }

    /// Takes a channel out, with its associations and counters.
    pub fn remove_channel(&mut self, sci: Sci) -> Option<RxSc> {
        let place = self.channels.iter().position(|sc| sc.sci() == sci)?;
        Some(self.channels.remove(place))
    }

    /// Opens from now on what comes under this association of the key's channel.
    ///
    /// # Errors
    /// [`InstallError`].
    pub fn install(&mut self, an: An, sak: RxSak) -> Result<(), InstallError> {
        if sak.suite() != self.suite {
            return Err(InstallError::WrongSuite);
        }
        let sci = sak.sci();
        self.channels
            .iter_mut()
            .find(|sc| sc.sci() == sci)
            .ok_or(InstallError::WrongChannel)?
            .install(an, sak)
    }

    /// Takes an association out, to be wiped where it costs no frame's time.
    pub fn remove(&mut self, sci: Sci, an: An) -> Option<RxSak> {
        self.channels
            .iter_mut()
            .find(|sc| sc.sci() == sci)?
            .remove(an)
    }

    /// To be called once per batch: wipes the associations whose hard deadline has passed.
    pub fn expire(&mut self, now: Instant) {
        for channel in &mut self.channels {
            channel.expire(now);
        }
    }

    /// Counts frames that were lost, or cut off, before they came here.
    pub fn count_overrun(&mut self, frames: usize) {
        self.counters.add_many(SecyCounter::InPktsOverrun, frames);
    }

    /// Validates one frame in place: from its destination address to the end of what was received,
    /// without check sequence.
    ///
    /// # Errors
    /// One [`RxError`] for each check, in the order of the module's table, counted. What was
    /// encrypted and is not authentic is wiped; else the frame is as it was.
    #[inline]
    pub fn validate<'a>(&mut self, frame: &'a mut [u8]) -> Result<Delivered<'a>, RxError> {
        let tagged = match TaggedFrame::parse(frame, self.suite.pn_width()) {
            Ok(tagged) => tagged,
            Err(SecTagError::NotTagged) => return self.untagged(frame),
            Err(error) => return Err(self.bad_tag(error)),
        };
        let policy = self.policy;
        let Some(channel) = self.channel_of(&tagged) else {
            return self.unknown_sci(frame, &tagged);
        };
        let judged = channel.validate(frame, &tagged, &policy)?;
        Ok(Delivered {
            start: start_of(&tagged),
            frame: strip_tag(frame, &tagged),
            provenance: Provenance::Channel(judged),
        })
    }

    #[cold]
    fn untagged<'a>(&mut self, frame: &'a mut [u8]) -> Result<Delivered<'a>, RxError> {
        if self.policy.validate == Validate::Strict {
            self.counters.add(SecyCounter::InPktsNoTag);
            return Err(RxError::NoTag);
        }
        self.counters.add(SecyCounter::InPktsUntagged);
        Ok(Delivered {
            start: 0,
            frame,
            provenance: Provenance::Untagged,
        })
    }

    #[cold]
    fn bad_tag(&mut self, error: SecTagError) -> RxError {
        let (counter, error) = match error {
            SecTagError::Runt => (SecyCounter::InPktsRunt, RxError::Runt),
            SecTagError::Uncontrolled => (SecyCounter::InPktsUncontrolled, RxError::Uncontrolled),
            error => (SecyCounter::InPktsBadTag, RxError::BadTag(error)),
        };
        self.counters.add(counter);
        error
    }

    #[cold]
    fn unknown_sci<'a>(
        &mut self,
        frame: &'a mut [u8],
        tagged: &TaggedFrame,
    ) -> Result<Delivered<'a>, RxError> {
        let unchanged = tagged.tag().user_data == UserData::Unchanged;
        if self.policy.validate == Validate::Strict || !unchanged {
            self.counters.add(SecyCounter::InPktsNoSci);
            return Err(RxError::NoSci);
        }
        self.counters.add(SecyCounter::InPktsUnknownSci);
        Ok(Delivered {
            start: start_of(tagged),
            frame: strip_tag(frame, tagged),
            provenance: Provenance::UnknownSci,
        })
    }

    /// The channel that a SecTAG names (9.5, 10.6.1): one that names none means the only one.
    #[inline]
    fn channel_of(&mut self, tagged: &TaggedFrame) -> Option<&mut RxSc> {
        let Some(sci) = tagged.tag().sci.sci(tagged.source()) else {
            return match self.channels.as_mut_slice() {
                [only] => Some(only),
                _ => None,
            };
        };
        if self.channels.get(self.last).map(RxSc::sci) != Some(sci) {
            self.last = self.channels.iter().position(|sc| sc.sci() == sci)?;
        }
        self.channels.get_mut(self.last)
    }

    /// The next level of pressure that a key reached since it was last asked; each comes once for
    /// each key, the lower one first.
    pub fn take_pressure(&mut self) -> Option<(Sci, An, Pressure)> {
        self.channels.iter_mut().find_map(|channel| {
            let (an, pressure) = channel.take_pressure()?;
            Some((channel.sci(), an, pressure))
        })
    }

    /// The suite of all its keys.
    #[must_use]
    pub const fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// How it treats what it receives.
    #[must_use]
    pub const fn policy(&self) -> RxPolicy {
        self.policy
    }

    /// Its channels, in the order in which they were added.
    #[must_use]
    pub fn channels(&self) -> &[RxSc] {
        &self.channels
    }

    /// The channel with this SCI.
    #[must_use]
    pub fn channel(&self, sci: Sci) -> Option<&RxSc> {
        self.channels.iter().find(|sc| sc.sci() == sci)
    }

    /// The counters of frames that belong to no channel.
    #[must_use]
    pub const fn counters(&self) -> &Counters<SecyCounter> {
        &self.counters
    }
}

#[cfg(test)]
mod tests;
