//! From a channel of a fresh epoch to its association: the step where a handshake's secret becomes a SAK.
//!
//! Each value of crate `sa` is consumed, so that there is one association for each key, and each
//! direction has a type of its own: what opens cannot come to seal.

use crate::rx_sak::RxSak;
use crate::sa::SaTerms;
use crate::sak::{Sak, SakError, Salt};
use crate::tx_sak::{TermsError, TxSak};
use linkveil_sa::{ChannelParts, RxChannel, TxChannel};
use linkveil_wire::PacketNumber;

/// Why a channel of an epoch gives no association. Key and salt have the lengths that the suite asks
/// for, so this is not seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChannelKeyError {
    /// The key does not fit its suite.
    #[error(transparent)]
    Sak(#[from] SakError),
    /// The terms do not fit the suite.
    #[error(transparent)]
    Terms(#[from] TermsError),
}

impl TxSak {
    /// The association that seals on this channel.
    ///
    /// # Errors
    /// [`ChannelKeyError`].
    pub fn of_channel(channel: TxChannel) -> Result<Self, ChannelKeyError> {
        let (sak, terms) = sak_of(channel.into_parts())?;
        Ok(Self::new(sak, terms)?)
    }
}

impl RxSak {
    /// The association that opens on this channel.
    ///
    /// # Errors
    /// [`ChannelKeyError`].
    pub fn of_channel(channel: RxChannel) -> Result<Self, ChannelKeyError> {
        let (sak, terms) = sak_of(channel.into_parts())?;
        Ok(Self::new(sak, terms)?)
    }
}

fn sak_of(parts: ChannelParts) -> Result<(Sak, SaTerms), SakError> {
    let about = parts.about;
    let terms = SaTerms {
        first_pn: PacketNumber::FIRST,
        limits: about.limits,
        hard_deadline: Some(about.hard_deadline),
    };
    let sak = if parts.is_extended() {
        let salt = Salt::new(*parts.keys.salt);
        let name = (parts.sci, parts.ssci);
        Sak::extended(about.suite, name, parts.keys.key, &salt)?
    } else {
        Sak::new(about.suite, parts.sci, parts.keys.key)?
    };
    Ok((sak, terms))
}

#[cfg(test)]
mod tests;
