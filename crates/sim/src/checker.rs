//! Watches a world from outside and says what must never happen.
//!
//! The checker sees every sealed datagram on the sender's side of the link, every installed half of
//! an epoch, and every inner packet at both ends. It holds no key: keys have names (fingerprint and
//! direction of their epoch, lane of the sender).

use crate::link::GatewayId;
use crate::packet::{PacketId, id_of};
use linkveil_crypto::{Direction, Fingerprint};
use linkveil_sa::{RxInstall, TxInstall};
use linkveil_wire::{DataHeader, Lane, PacketNumber, Spi};
use std::collections::{BTreeMap, HashMap};

/// The name of the keys of one direction of one epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyName {
    fingerprint: Fingerprint,
    direction: Direction,
}

/// What must never happen.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    /// Two different datagrams were sealed with one key and one nonce.
    #[error("{gateway:?} used packet number {number} of lane {lane} twice under {key:?}")]
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
    /// A datagram was sealed for an SPI for which nothing was installed.
    #[error("{gateway:?} sealed for SPI {spi}, for which it has no keys")]
    UnknownSpi {
        /// Who sealed.
        gateway: GatewayId,
        /// For whom.
        spi: Spi,
    },
    /// A sender's keys were installed before the receiver's, or are not the same.
    #[error("{gateway:?} sends to SPI {spi} with {sender:?}, the receiver holds {receiver:?}")]
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
    /// An inner packet came out of the tunnel more than once.
    #[error("{0} was delivered twice")]
    DeliveredTwice(PacketId),
    /// An inner packet came out at the wrong gateway.
    #[error("{packet} for {meant:?} was delivered to {gateway:?}")]
    Misrouted {
        /// Which.
        packet: PacketId,
        /// Where it should have come out.
        meant: GatewayId,
        /// Where it did.
        gateway: GatewayId,
    },
    /// Something came out of the tunnel that nobody put in, or put in differently.
    #[error("{0:?} delivered a packet that nobody sent")]
    Invented(GatewayId),
    /// An inner packet came out although the link had lost its datagram.
    #[error("{0} was delivered without having arrived")]
    DeliveredUnsent(PacketId),
}

/// How far one inner packet has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Progress {
    /// Given to the sender's TUN; no datagram left the gateway for it.
    Offered,
    /// Sealed and given to the link.
    Sealed,
    /// The link delivered its datagram at least once.
    Arrived,
    /// It came out of the receiver's TUN.
    Delivered,
}

/// The reference model of one inner packet.
#[derive(Clone, Debug)]
struct Expected {
    bytes: Vec<u8>,
    destination: GatewayId,
    progress: Progress,
}

/// Collects what happened and what must not have.
#[derive(Debug, Default)]
pub struct Checker {
    senders: HashMap<(GatewayId, Spi), KeyName>,
    receivers: HashMap<Spi, KeyName>,
    sealed: HashMap<(KeyName, Lane, PacketNumber), Vec<u8>>,
    packets: BTreeMap<PacketId, Expected>,
    epochs: Vec<Fingerprint>,
    violations: Vec<Violation>,
}

impl Checker {
    /// A gateway's lanes are told to receive.
    pub fn installed_rx(&mut self, install: &RxInstall) {
        let key = KeyName {
            fingerprint: install.keys.fingerprint(),
            direction: install.keys.direction(),
        };
        self.receivers.insert(install.spi, key);
    }

    /// A gateway's lanes are told to send: the receiver must hold the same keys by now.
    pub fn installed_tx(&mut self, gateway: GatewayId, install: &TxInstall) {
        let sender = KeyName {
            fingerprint: install.keys.fingerprint(),
            direction: install.keys.direction(),
        };
        let receiver = self.receivers.get(&install.spi).copied();
        if receiver != Some(sender) {
            self.violations.push(Violation::KeysDisagree {
                gateway,
                spi: install.spi,
                sender,
                receiver,
            });
        }
        self.senders.insert((gateway, install.spi), sender);
        if !self.epochs.contains(&sender.fingerprint) {
            self.epochs.push(sender.fingerprint);
        }
    }

    /// A gateway gave a sealed datagram to the link.
    pub fn sealed(&mut self, gateway: GatewayId, header: DataHeader, datagram: &[u8]) {
        let Some(&key) = self.senders.get(&(gateway, header.spi)) else {
            let spi = header.spi;
            self.violations.push(Violation::UnknownSpi { gateway, spi });
            return;
        };
        let name = (key, header.lane, header.packet_number);
        let before = self.sealed.entry(name).or_insert_with(|| datagram.to_vec());
        if before.as_slice() != datagram {
            self.violations.push(Violation::NonceReused {
                gateway,
                key,
                lane: header.lane,
                number: header.packet_number,
            });
        }
    }

    /// An inner packet is given to a gateway's TUN, meant for another one.
    pub fn offered(&mut self, id: PacketId, destination: GatewayId, bytes: &[u8]) {
        let expected = Expected {
            bytes: bytes.to_vec(),
            destination,
            progress: Progress::Offered,
        };
        self.packets.insert(id, expected);
    }

    /// The packet has come at least this far.
    pub fn progressed(&mut self, id: PacketId, progress: Progress) {
        if let Some(expected) = self.packets.get_mut(&id) {
            expected.progress = expected.progress.max(progress);
        }
    }

    /// An inner packet came out of a gateway's TUN.
    pub fn delivered(&mut self, gateway: GatewayId, bytes: &[u8]) {
        let expected = id_of(bytes)
            .and_then(|id| Some((id, self.packets.get_mut(&id)?)))
            .filter(|(_, expected)| expected.bytes == bytes);
        let Some((id, expected)) = expected else {
            self.violations.push(Violation::Invented(gateway));
            return;
        };
        if expected.destination != gateway {
            self.violations.push(Violation::Misrouted {
                packet: id,
                meant: expected.destination,
                gateway,
            });
        }
        match expected.progress {
            Progress::Arrived => {}
            Progress::Delivered => self.violations.push(Violation::DeliveredTwice(id)),
            Progress::Offered | Progress::Sealed => {
                self.violations.push(Violation::DeliveredUnsent(id));
            }
        }
        expected.progress = Progress::Delivered;
    }

    /// All that must never have happened, in order.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The packets that came exactly so far and no farther.
    #[must_use]
    pub fn stuck_at(&self, progress: Progress) -> Vec<PacketId> {
        self.packets
            .iter()
            .filter(|(_, expected)| expected.progress == progress)
            .map(|(id, _)| *id)
            .collect()
    }

    /// The epochs under which anyone was told to send, in order.
    #[must_use]
    pub fn epochs(&self) -> &[Fingerprint] {
        &self.epochs
    }

    /// Datagrams that were sealed.
    #[must_use]
    pub fn sealed_count(&self) -> usize {
        self.sealed.len()
    }
}

#[cfg(test)]
mod tests;
