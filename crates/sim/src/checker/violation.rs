//! What must never happen, by name.

use linkveil_wire::{Lane, PacketNumber, Spi};

use super::KeyName;
use crate::link::GatewayId;
use crate::packet::PacketId;

/// What must never happen.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    /// Two different datagrams were sealed with one key and one nonce.
    #[error("{gateway} used packet number {number} of lane {lane} twice under {key:?}")]
    NonceReused {
        /// Who sealed.
        gateway: GatewayId,
        /// With which keys.
        key: KeyName,
        /// On which lane.
        lane: Lane,
        /// With which number.
        number: PacketNumber,
    },
    /// A lane left packet numbers out.
    #[error("lane {lane} left out packet numbers under {key:?}")]
    NumbersLeftOut {
        /// With which keys.
        key: KeyName,
        /// On which lane.
        lane: Lane,
    },
    /// A datagram was sealed for an SPI for which nothing was installed, or, with a packet, no longer.
    #[error("{gateway} sealed for SPI {spi}, for which it has no keys")]
    UnknownSpi {
        /// Who sealed.
        gateway: GatewayId,
        /// For whom.
        spi: Spi,
    },
    /// A sender's keys were installed before the receiver's, or are not the same.
    #[error("{gateway} sends to SPI {spi} with {sender:?}, the receiver holds {receiver:?}")]
    KeysDisagree {
        /// Who installed keys to send.
        gateway: GatewayId,
        /// For whom.
        spi: Spi,
        /// The sender's keys.
        sender: KeyName,
        /// The receiver's, if any were installed by then.
        receiver: Option<KeyName>,
    },
    /// The same keys were installed twice for one purpose.
    #[error("{gateway} installed {key:?} once more")]
    KeysReturned {
        /// Who.
        gateway: GatewayId,
        /// Which.
        key: KeyName,
    },
    /// An initiation made a second epoch.
    #[error("{0} made an epoch from an initiation that had made one before")]
    AnsweredAgain(GatewayId),
    /// A gateway receives under too many epochs.
    #[error("{gateway} receives under {held} epochs")]
    TooManyEpochs {
        /// Who.
        gateway: GatewayId,
        /// Under how many.
        held: usize,
    },
    /// A timer is due again and again and never moves.
    #[error("a timer never moves: time stands still")]
    TimeStandsStill,
    /// An inner packet left for an address where its receiver never was.
    #[error("{gateway} sent a packet astray")]
    SentAstray {
        /// Who.
        gateway: GatewayId,
    },
    /// A gateway had keys, was given a packet and did not send it.
    #[error("{0} was not sent, although its gateway had keys")]
    NotSent(PacketId),
    /// A packet arrived under keys that its receiver had and did not come out.
    #[error("{0} arrived whole and was not delivered")]
    NotDelivered(PacketId),
    /// An inner packet came out of the tunnel more than once.
    #[error("{0} was delivered twice")]
    DeliveredTwice(PacketId),
    /// An inner packet came out at the wrong gateway.
    #[error("{packet} for {meant} was delivered to {gateway}")]
    Misrouted {
        /// Which.
        packet: PacketId,
        /// Where it should have come out.
        meant: GatewayId,
        /// Where it did.
        gateway: GatewayId,
    },
    /// Something came out of the tunnel that nobody put in, or put in differently.
    #[error("{0} delivered a packet that nobody sent")]
    Invented(GatewayId),
    /// An inner packet came out although its datagram had not arrived.
    #[error("{0} was delivered without having arrived")]
    DeliveredUnsent(PacketId),
    /// An inner packet came out that had arrived under keys that the receiver must not have any more.
    #[error("{0} was delivered under keys that were given up or are from before a restart")]
    DeliveredUnderOldKeys(PacketId),
}
