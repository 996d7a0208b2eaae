//! The halves of an epoch between MACsec ports: one value for each secure channel, consumed once by the
//! association that it becomes (crate `macsec`, module `keys`).
//!
//! Lane `s` of a station sends on the channel with its MAC address and port id `s + 1`.

use crate::ids::{EpochId, PeerId};
use crate::keys::{DirectionSecret, RxKeys, TxKeys};
use crate::limits::Limits;
use linkveil_crypto::{AesKeyLen, ChannelContext, ChannelKeys, Direction};
use linkveil_wire::sectag::PnWidth;
use linkveil_wire::{An, CipherSuite, Lane, LaneCount, MacAddr, PortId, Sci, Spi, Ssci};
use std::fmt;
use std::time::Instant;

/// The channel on which a lane of a station sends.
#[must_use]
pub const fn channel_of(station: MacAddr, lane: Lane) -> Sci {
    Sci::new(station, PortId::new(lane.get() as u16 + 1))
}

/// What all channels of one half of an epoch have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channels {
    /// With whom.
    pub peer: PeerId,
    /// Under which epoch.
    pub epoch: EpochId,
    /// Under which association number, on every channel.
    pub an: An,
    /// The station that sends.
    pub station: MacAddr,
    /// How many channels it has: one for each of its lanes.
    pub lanes: LaneCount,
    /// The suite of the keys.
    pub suite: CipherSuite,
    /// Hard limits of each key.
    pub limits: Limits,
    /// From here on lanes refuse to use the keys, whatever control does.
    pub hard_deadline: Instant,
}

/// Control's order to receive from the peer's station under a new epoch.
///
/// The association number is one that no living epoch of ours receives under: control has ordered the removal of
/// the one before, if there was one.
#[derive(Debug)]
pub struct RxChannelInstall {
    /// The peer's channels.
    pub channels: Channels,
    /// The index that we chose for the epoch; a name only.
    pub spi: Spi,
    /// The opening half of the epoch.
    pub keys: RxKeys,
}

/// Control's order to send under a new epoch, in place of the one before.
///
/// The association number is the peer's choice. It can be the one in use: a peer that restarted knows nothing of it.
/// Then the new key takes the old one's place.
#[derive(Debug)]
pub struct TxChannelInstall {
    /// Our channels.
    pub channels: Channels,
    /// The sealing half of the epoch.
    pub keys: TxKeys,
}

impl RxChannelInstall {
    /// One key for each of the peer's channels, in the order of its lanes; the lane that owns the sender's lane takes
    /// it. The install is gone afterwards, so no second window for the same channel can exist.
    pub fn into_channels(self) -> impl Iterator<Item = RxChannel> {
        let Self { channels, keys, .. } = self;
        let lanes = channels.lanes.lanes();
        lanes.map(move |lane| RxChannel(Channel::new(channels, lane, &keys.0)))
    }
}

impl TxChannelInstall {
    /// One key for each of our lanes, in their order. The install is gone afterwards, so no lane can get the same key
    /// twice.
    pub fn into_channels(self) -> impl Iterator<Item = TxChannel> {
        let Self { channels, keys } = self;
        let lanes = channels.lanes.lanes();
        lanes.map(move |lane| TxChannel(Channel::new(channels, lane, &keys.0)))
    }
}

/// What one channel of the peer is opened with.
#[derive(Debug)]
pub struct RxChannel(Channel);

/// What one channel of ours is sealed with.
#[derive(Debug)]
pub struct TxChannel(Channel);

/// One channel of one half of an epoch.
struct Channel {
    about: Channels,
    lane: Lane,
    secret: DirectionSecret,
}

/// Everything that an association is made of.
pub struct ChannelParts {
    /// The channel.
    pub sci: Sci,
    /// Its short name, in nonces with 64-bit numbers: told apart by direction and port id, although no two channels
    /// share a key.
    pub ssci: Ssci,
    /// What it has in common with the others.
    pub about: Channels,
    /// Key and salt.
    pub keys: ChannelKeys,
}

impl RxChannel {
    /// The channel.
    #[must_use]
    pub const fn sci(&self) -> Sci {
        self.0.sci()
    }

    /// The peer's lane that sends on it.
    #[must_use]
    pub const fn sender(&self) -> Lane {
        self.0.lane
    }

    /// What it has in common with the other channels.
    #[must_use]
    pub const fn about(&self) -> Channels {
        self.0.about
    }

    /// Derives the key.
    #[must_use]
    pub fn into_parts(self) -> ChannelParts {
        self.0.into_parts()
    }
}

impl TxChannel {
    /// The channel.
    #[must_use]
    pub const fn sci(&self) -> Sci {
        self.0.sci()
    }

    /// Our lane that sends on it.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.0.lane
    }

    /// What it has in common with the other channels.
    #[must_use]
    pub const fn about(&self) -> Channels {
        self.0.about
    }

    /// Derives the key.
    #[must_use]
    pub fn into_parts(self) -> ChannelParts {
        self.0.into_parts()
    }
}

impl Channel {
    fn new(about: Channels, lane: Lane, secret: &DirectionSecret) -> Self {
        Self {
            about,
            lane,
            secret: secret.share(),
        }
    }

    const fn sci(&self) -> Sci {
        channel_of(self.about.station, self.lane)
    }

    fn into_parts(self) -> ChannelParts {
        let sci = self.sci();
        let suite = self.about.suite;
        let keys = self
            .secret
            .channel_keys(|post_quantum, direction| ChannelContext {
                suite: suite.number(),
                key_len: key_len(suite),
                post_quantum,
                direction,
                an: self.about.an.get(),
                sci: sci.to_bytes(),
            });
        ChannelParts {
            sci,
            ssci: ssci_of(self.secret.direction(), sci.port()),
            about: self.about,
            keys,
        }
    }
}

const fn key_len(suite: CipherSuite) -> AesKeyLen {
    match suite {
        CipherSuite::GcmAes128 | CipherSuite::GcmAesXpn128 => AesKeyLen::Aes128,
        CipherSuite::GcmAes256 | CipherSuite::GcmAesXpn256 => AesKeyLen::Aes256,
    }
}

/// direction 2 (1: of the initiator, 2: of the responder) || port id 2
fn ssci_of(direction: Direction, port: PortId) -> Ssci {
    let direction = match direction {
        Direction::InitiatorToResponder => 1,
        Direction::ResponderToInitiator => 2,
    };
    Ssci::new(direction << 16 | u32::from(port.get()))
}

impl ChannelParts {
    /// Whether packet numbers have 64 bits, so that salt and SSCI belong to the key.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        self.about.suite.pn_width() == PnWidth::Bits64
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("sci", &self.sci())
            .field("an", &self.about.an)
            .field("epoch", &self.about.epoch)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChannelParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelParts")
            .field("sci", &self.sci)
            .field("ssci", &self.ssci)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
