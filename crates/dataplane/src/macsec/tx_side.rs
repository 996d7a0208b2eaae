//! A lane's transmit channel, and what control has to know of its associations.

use linkveil_macsec::{InstallError, TxSak, TxSc};
use linkveil_sa::{EpochId, Pressure};
use linkveil_wire::{An, PacketNumber};

use super::report::{TxAssociationReport, TxChannelReport};

/// See the module's text.
#[derive(Debug)]
pub(crate) struct TxSide {
    pub(crate) channel: TxSc,
    /// Of the association with this number, by [`An::index`].
    epochs: [Option<EpochId>; An::COUNT],
    /// The packet number at which to ask for more reserved ones; nothing while no more are needed, or after that.
    ask_at: Option<PacketNumber>,
}

impl TxSide {
    pub(crate) const fn new(channel: TxSc) -> Self {
        Self {
            channel,
            epochs: [None; An::COUNT],
            ask_at: None,
        }
    }

    /// Sends everything under this key from now on. Returns the former one.
    ///
    /// # Errors
    ///
    /// The key is for another channel or suite; nothing changes.
    pub(crate) fn install(
        &mut self,
        epoch: EpochId,
        an: An,
        key: TxSak,
    ) -> Result<Option<TxSak>, InstallError> {
        let config = self.channel.config();
        if key.sci() != config.sci {
            return Err(InstallError::WrongChannel);
        }
        if key.suite() != config.suite {
            return Err(InstallError::WrongSuite);
        }
        let encoding = self.channel.encoding();
        let same = self.channel.remove(an);
        self.channel.install(an, key)?;
        let _there = self.channel.encode_with(an);
        if let Some(place) = self.epochs.get_mut(an.index()) {
            *place = Some(epoch);
        }
        self.plan_asking();
        let other = encoding
            .filter(|former| *former != an)
            .and_then(|former| self.channel.remove(former));
        Ok(same.or(other))
    }

    /// Takes the key of this epoch out.
    pub(crate) fn remove(&mut self, epoch: EpochId) -> Option<TxSak> {
        let an = An::ALL
            .into_iter()
            .find(|an| self.epoch(*an) == Some(epoch))?;
        self.channel.remove(an)
    }

    /// The epoch of an association.
    pub(crate) fn epoch(&self, an: An) -> Option<EpochId> {
        self.channel.association(an)?;
        *self.epochs.get(an.index())?
    }

    /// The epoch under which frames go out.
    pub(crate) fn encoding_epoch(&self) -> Option<EpochId> {
        self.epoch(self.channel.encoding()?)
    }

    /// The key's next level of pressure.
    pub(crate) fn take_pressure(&mut self) -> Option<(EpochId, Pressure)> {
        let (an, pressure) = self.channel.take_pressure()?;
        Some((self.epoch(an)?, pressure))
    }

    /// Numbers up to this one are written down. An older word changes nothing.
    pub(crate) fn reserve_through(&mut self, an: An, last: PacketNumber) {
        let Some(sak) = self.channel.association_mut(an) else {
            return;
        };
        if last > sak.reserved() {
            sak.reserve_through(last);
            self.plan_asking();
        }
    }

    /// Half-way from the next number to the last reserved one, where not all are reserved.
    fn plan_asking(&mut self) {
        let sak = self
            .channel
            .encoding()
            .and_then(|an| self.channel.association(an));
        self.ask_at = sak.and_then(|sak| {
            let (next, last) = (sak.next_pn()?, sak.reserved());
            let left = last.get().saturating_sub(next.get());
            let ask = PacketNumber::new(next.get() + left / 2);
            (last < sak.suite().last_pn()).then_some(ask)
        });
    }

    /// The association that needs more numbers, and its last reserved one; once for each reservation.
    pub(crate) fn take_need(&mut self) -> Option<(An, PacketNumber)> {
        let ask_at = self.ask_at?;
        let an = self.channel.encoding()?;
        let sak = self.channel.association(an)?;
        if sak.next_pn().is_some_and(|next| next < ask_at) {
            return None;
        }
        self.ask_at = None;
        Some((an, sak.reserved()))
    }

    pub(crate) fn fill(&self, report: &mut TxChannelReport) {
        report.sci = self.channel.config().sci;
        report.encoding = self.channel.encoding();
        report.counters.copy_from(self.channel.counters());
        for (an, out) in An::ALL.into_iter().zip(&mut report.associations) {
            let found = self.epoch(an).zip(self.channel.association(an));
            *out = found.map(|(epoch, sak)| TxAssociationReport {
                epoch,
                next_pn: sak.next_pn(),
                reserved: sak.reserved(),
                usage: sak.usage(),
            });
        }
    }
}

#[cfg(test)]
mod tests;
