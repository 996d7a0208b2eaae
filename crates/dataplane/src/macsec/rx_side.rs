//! A lane's receive channels, and what control has to know of their associations.

use linkveil_macsec::{ChannelError, MAX_CHANNELS, RxSak, RxSc, RxSecy};
use linkveil_sa::{EpochId, Pressure};
use linkveil_wire::{An, Sci};

use super::event::InstallRefusal;
use super::report::{LaneReport, RxAssociationReport, RxChannelReport};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct RxSide {
    pub(crate) secy: RxSecy,
    /// Of each channel the epochs of its associations, by [`An::index`].
    epochs: Vec<(Sci, [Option<EpochId>; An::COUNT])>,
}

impl RxSide {
    pub(crate) fn new(secy: RxSecy) -> Self {
        Self {
            secy,
            epochs: Vec::with_capacity(MAX_CHANNELS),
        }
    }

    /// Receives on this channel.
    pub(crate) fn add_channel(&mut self, sci: Sci) -> Result<(), InstallRefusal> {
        match self.secy.add_channel(sci) {
            Ok(()) => self.epochs.push((sci, [None; An::COUNT])),
            Err(ChannelError::Exists) => {}
            Err(ChannelError::ReservedSci | ChannelError::TooMany) => {
                return Err(InstallRefusal::Channel);
            }
        }
        Ok(())
    }

    /// Receives on this channel no more.
    pub(crate) fn remove_channel(&mut self, sci: Sci) -> Option<RxSc> {
        self.epochs.retain(|(known, _)| *known != sci);
        self.secy.remove_channel(sci)
    }

    /// Opens from now on what comes under this key.
    ///
    /// # Errors
    ///
    /// The key is wiped.
    pub(crate) fn install(
        &mut self,
        epoch: EpochId,
        an: An,
        key: RxSak,
    ) -> Result<(), InstallRefusal> {
        let sci = key.sci();
        if self.secy.channel(sci).is_none() {
            self.forget_idle(sci);
            self.add_channel(sci)?;
        }
        self.secy.install(an, key)?;
        let known = self.epochs.iter_mut().find(|(known, _)| *known == sci);
        let place = known.and_then(|(_, epochs)| epochs.get_mut(an.index()));
        if let Some(place) = place {
            *place = Some(epoch);
        }
        Ok(())
    }

    /// A peer that has another address now never comes back to its former channels.
    fn forget_idle(&mut self, new: Sci) {
        let idle = |channel: &&RxSc| {
            let unused = |an| channel.association(an).is_none();
            channel.sci().address() != new.address() && An::ALL.into_iter().all(unused)
        };
        while let Some(sci) = self.secy.channels().iter().find(idle).map(RxSc::sci) {
            self.remove_channel(sci);
        }
    }

    /// Takes the keys of this epoch out.
    pub(crate) fn remove(&mut self, epoch: EpochId, keys: &mut Vec<RxSak>) {
        for (sci, epochs) in &mut self.epochs {
            for (an, place) in An::ALL.into_iter().zip(epochs) {
                if *place == Some(epoch) {
                    *place = None;
                    keys.extend(self.secy.remove(*sci, an));
                }
            }
        }
    }

    /// The epoch of an association.
    pub(crate) fn epoch(&self, sci: Sci, an: An) -> Option<EpochId> {
        let (_, epochs) = self.epochs.iter().find(|(known, _)| *known == sci)?;
        *epochs.get(an.index())?
    }

    /// The next level of pressure of any key.
    pub(crate) fn take_pressure(&mut self) -> Option<(EpochId, Pressure)> {
        let (sci, an, pressure) = self.secy.take_pressure()?;
        Some((self.epoch(sci, an)?, pressure))
    }

    pub(crate) fn fill(&self, report: &mut LaneReport) {
        report.secy.copy_from(self.secy.counters());
        report.channels = self.secy.channels().len();
        for (channel, out) in self.secy.channels().iter().zip(&mut report.rx) {
            self.fill_channel(channel, out);
        }
    }

    fn fill_channel(&self, channel: &RxSc, out: &mut RxChannelReport) {
        let window = self.secy.policy().window;
        out.sci = channel.sci();
        out.counters.copy_from(channel.counters());
        for (an, out) in An::ALL.into_iter().zip(&mut out.associations) {
            let found = self.epoch(channel.sci(), an).zip(channel.association(an));
            *out = found.map(|(epoch, sak)| RxAssociationReport {
                epoch,
                next_pn: sak.next_pn(),
                lowest_pn: sak.lowest_pn(window),
                usage: sak.usage(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
