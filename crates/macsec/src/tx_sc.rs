//! The transmit channel: secures frames under one of up to four associations (10.5).

use crate::counter::TxCounter;
use crate::sa::InstallError;
use crate::suite::CipherSuite;
use crate::tx_sak::TxSak;
use linkveil_sa::{Counters, Exhausted, Pressure};
pub use linkveil_wire::Protection;
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;
pub use linkveil_wire::port::PortMtu;
use linkveil_wire::sectag::{ADDRESSES_LEN, ICV_LEN, PnField, SciForm, ShortLength, UserData};
use linkveil_wire::{An, PacketNumber, PortId, Sci, SecTag};
use std::time::Instant;

/// How frames name the channel (9.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TxForm {
    /// The SCI is in every SecTAG, which takes 8 octets more.
    Explicit,
    /// By their source address (the ES bit): all frames come from the channel's own address, and
    /// its port is 1.
    EndStation,
    /// Not at all: the receiver has one channel only.
    PointToPoint,
}

/// What a transmit channel is, for its whole life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TxConfig {
    /// The suite of all its keys.
    pub suite: CipherSuite,
    /// Its name.
    pub sci: Sci,
    /// How frames tell it.
    pub form: TxForm,
    /// What is done with user data.
    pub protection: Protection,
    /// How long a secured frame may be: this and an Ethernet header.
    pub mtu: PortMtu,
}

/// Why there is no such channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TxConfigError {
    /// The SCI is the one that no channel has (9.9).
    #[error("SCI is the reserved one")]
    ReservedSci,
    /// An end station's channel has port 1 (9.5).
    #[error("the channel of an end station has port 1")]
    NotEndStation,
}

/// Why a frame was not sent. Each variant is one counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum ProtectError {
    /// The plain frame is shorter than an Ethernet header.
    #[error("frame is shorter than an Ethernet header")]
    Runt,
    /// The secured frame is longer than the common port carries.
    #[error("frame is too long for the port")]
    TooLong,
    /// No association was chosen to send under, or it has expired.
    #[error("there is no association to send under")]
    NoSa,
    /// The packet numbers or another limit of the key are used up; only a new key helps.
    #[error("key has reached its limit")]
    Exhausted,
    /// The next packet number is not reserved yet ([`TxSak::reserve_through`]).
    #[error("packet number is not reserved yet")]
    Unreserved,
}

impl From<Exhausted> for ProtectError {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

impl From<ProtectError> for TxCounter {
    fn from(error: ProtectError) -> Self {
        match error {
            ProtectError::Runt => Self::OutPktsRunt,
            ProtectError::TooLong => Self::OutPktsTooLong,
            ProtectError::NoSa => Self::OutPktsNoSa,
            ProtectError::Exhausted => Self::OutPktsExhausted,
            ProtectError::Unreserved => Self::OutPktsUnreserved,
        }
    }
}

/// A transmit channel. Nothing leaves it unprotected: the standard's `protectFrames` is always on.
#[derive(Debug)]
pub struct TxSc {
    config: TxConfig,
    associations: [Option<TxSak>; An::COUNT],
    /// The standard's `encodingSA`.
    encoding: Option<An>,
    counters: Counters<TxCounter>,
}

impl TxSc {
    /// A channel without associations.
    ///
    /// # Errors
    /// [`TxConfigError`].
    pub fn new(config: TxConfig) -> Result<Self, TxConfigError> {
        if config.sci == Sci::RESERVED {
            return Err(TxConfigError::ReservedSci);
        }
        if config.form == TxForm::EndStation && config.sci.port() != PortId::END_STATION {
            return Err(TxConfigError::NotEndStation);
        }
        Ok(Self {
            config,
            associations: [const { None }; An::COUNT],
            encoding: None,
            counters: Counters::new(),
        })
    }

    /// Adds an association. Frames go out under it from [`Self::encode_with`] on.
    ///
    /// # Errors
    /// [`InstallError`].
    pub fn install(&mut self, an: An, sak: TxSak) -> Result<(), InstallError> {
        if sak.sci() != self.config.sci {
            return Err(InstallError::WrongChannel);
        }
        if sak.suite() != self.config.suite {
            return Err(InstallError::WrongSuite);
        }
        match self.associations.get_mut(an.index()) {
            Some(place @ None) => {
                *place = Some(sak);
                Ok(())
            }
            _ => Err(InstallError::AnInUse),
        }
    }

    /// Sends everything under this association from now on. Without effect, and `false`, if there is
    /// none.
    #[must_use]
    pub fn encode_with(&mut self, an: An) -> bool {
        let installed = self.association(an).is_some();
        if installed {
            self.encoding = Some(an);
        }
        installed
    }

    /// Takes an association out, to be wiped where it costs no frame's time. If frames went out
    /// under it, none does until another is chosen.
    pub fn remove(&mut self, an: An) -> Option<TxSak> {
        self.encoding = self.encoding.filter(|encoding| *encoding != an);
        self.associations.get_mut(an.index())?.take()
    }

    /// To be called once per batch: wipes the associations whose hard deadline has passed.
    pub fn expire(&mut self, now: Instant) {
        for an in An::ALL {
            if self.association(an).is_some_and(|sak| sak.is_expired(now)) {
                self.remove(an);
            }
        }
    }

    /// Octets before a plain frame in the buffer of [`Self::protect`].
    #[must_use]
    pub const fn headroom(&self) -> usize {
        self.template(0).encoded_len()
    }

    /// Octets that a secured frame has more than the plain one: [`Self::headroom`] and the ICV.
    #[must_use]
    pub const fn overhead(&self) -> usize {
        self.headroom() + ICV_LEN
    }

    /// Secures one frame in place and returns the packet number that it took.
    ///
    /// `frame` is the frame as it will be sent: [`Self::headroom`] octets, the plain frame from its
    /// destination address on and without check sequence, 16 octets. What stands in the octets
    /// around the plain frame does not matter.
    ///
    /// # Errors
    /// [`ProtectError`], counted; the frame is then unchanged and no number is used up.
    #[inline]
    pub fn protect(&mut self, frame: &mut [u8]) -> Result<PacketNumber, ProtectError> {
        let secured = self.secure(frame);
        match secured {
            Ok(_) => self.count_sent(frame.len()),
            Err(error) => self.counters.add(error),
        }
        secured
    }

    #[inline]
    fn secure(&mut self, frame: &mut [u8]) -> Result<PacketNumber, ProtectError> {
        let plain_len = frame
            .len()
            .checked_sub(self.overhead())
            .filter(|plain_len| *plain_len >= ETHERNET_HEADER_LEN)
            .ok_or(ProtectError::Runt)?;
        if frame.len() > usize::from(self.config.mtu.get()) + ETHERNET_HEADER_LEN {
            return Err(ProtectError::TooLong);
        }
        let tag = self.template(plain_len - ADDRESSES_LEN);
        let protection = self.config.protection;
        self.encoding_sak()
            .ok_or(ProtectError::NoSa)?
            .protect(tag, protection, frame)
    }

    /// [`Self::protect`] of a plain frame that lies elsewhere, in one pass over it. `out` becomes the secured frame; it has
    /// [`Self::overhead`] octets more than `plain`.
    ///
    /// # Errors
    /// [`ProtectError`], counted; no number is used up. [`ProtectError::Runt`] also if `out` has another length.
    #[inline]
    pub fn protect_into(
        &mut self,
        plain: &[u8],
        out: &mut [u8],
    ) -> Result<PacketNumber, ProtectError> {
        let secured = self.secure_into(plain, out);
        match secured {
            Ok(_) => self.count_sent(out.len()),
            Err(error) => self.counters.add(error),
        }
        secured
    }

    #[inline]
    fn secure_into(&mut self, plain: &[u8], out: &mut [u8]) -> Result<PacketNumber, ProtectError> {
        if plain.len() < ETHERNET_HEADER_LEN {
            return Err(ProtectError::Runt);
        }
        if plain.len() > self.longest_plain() {
            return Err(ProtectError::TooLong);
        }
        let tag = self.template(plain.len() - ADDRESSES_LEN);
        let protection = self.config.protection;
        self.encoding_sak()
            .ok_or(ProtectError::NoSa)?
            .protect_into(tag, protection, plain, out)
    }

    /// The longest plain frame that the common port carries when it is secured, in octets.
    #[must_use]
    pub const fn longest_plain(&self) -> usize {
        let longest = self.config.mtu.get() as usize + ETHERNET_HEADER_LEN;
        longest.saturating_sub(self.overhead())
    }

    /// Counts plain frames that are longer than [`Self::longest_plain`] and for which nobody makes room therefore.
    pub fn refuse_too_long(&mut self, frames: usize) {
        self.counters.add_many(TxCounter::OutPktsTooLong, frames);
    }

    fn encoding_sak(&mut self) -> Option<&mut TxSak> {
        self.associations.get_mut(self.encoding?.index())?.as_mut()
    }

    /// The SecTAG for so much user data, but for the packet number (10.5.3).
    const fn template(&self, user_data_len: usize) -> SecTag {
        SecTag {
            an: match self.encoding {
                Some(an) => an,
                None => An::ALL[0],
            },
            sci: match self.config.form {
                TxForm::Explicit => SciForm::Explicit(self.config.sci),
                TxForm::EndStation => SciForm::EndStation,
                TxForm::PointToPoint => SciForm::PointToPoint,
            },
            user_data: match self.config.protection {
                Protection::Confidentiality => UserData::Encrypted,
                Protection::Integrity => UserData::Unchanged,
            },
            short_length: ShortLength::of(user_data_len),
            pn: PnField::new(0),
        }
    }

    #[inline]
    fn count_sent(&mut self, frame_len: usize) {
        let octets = frame_len.saturating_sub(self.overhead() + ADDRESSES_LEN);
        let (packets_counter, octets_counter) = match self.config.protection {
            Protection::Confidentiality => {
                (TxCounter::OutPktsEncrypted, TxCounter::OutOctetsEncrypted)
            }
            Protection::Integrity => (TxCounter::OutPktsProtected, TxCounter::OutOctetsProtected),
        };
        self.counters.add(packets_counter);
        self.counters.add_many(octets_counter, octets);
    }

    /// The next level of pressure that a key reached since it was last asked; each comes once for
    /// each key, the lower one first.
    pub fn take_pressure(&mut self) -> Option<(An, Pressure)> {
        An::ALL.into_iter().find_map(|an| {
            let sak = self.associations.get_mut(an.index())?.as_mut()?;
            Some((an, sak.take_pressure()?))
        })
    }

    /// What the channel is.
    #[must_use]
    pub const fn config(&self) -> &TxConfig {
        &self.config
    }

    /// The association under which frames go out; `None` while there is none.
    #[must_use]
    pub const fn encoding(&self) -> Option<An> {
        self.encoding
    }

    /// One of its associations.
    #[must_use]
    pub fn association(&self, an: An) -> Option<&TxSak> {
        self.associations.get(an.index())?.as_ref()
    }

    /// One of its associations, to reserve numbers.
    pub fn association_mut(&mut self, an: An) -> Option<&mut TxSak> {
        self.associations.get_mut(an.index())?.as_mut()
    }

    /// Its counters.
    #[must_use]
    pub const fn counters(&self) -> &Counters<TxCounter> {
        &self.counters
    }
}

#[cfg(test)]
mod tests;
