//! Which keys exist, who holds them, and which nonces are used up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use linkveil_crypto::Fingerprint;
use linkveil_sa::EpochId;
use linkveil_wire::{DataHeader, Lane, PacketNumber, Spi};

use super::{Held, KeyName};
use crate::link::GatewayId;
use crate::packet::PacketId;

#[derive(Debug, Default)]
pub(super) struct Keys {
    /// By the SPI of the receiver.
    receiving: HashMap<Spi, Receiving>,
    /// All that a gateway was told to seal with in its present life.
    sealing: HashMap<(GatewayId, Spi), KeyName>,
    /// What it was told last.
    sending: BTreeMap<GatewayId, Sending>,
    /// Keys that were ever installed to open and to seal with.
    ever_opened: HashSet<KeyName>,
    ever_sealed: HashSet<KeyName>,
    sealed: HashMap<(KeyName, Lane, PacketNumber), Sealed>,
    lanes: HashMap<(KeyName, Lane), Numbers>,
    epochs: Vec<Fingerprint>,
    held: BTreeMap<GatewayId, usize>,
    most_held: usize,
    installs: u64,
}

/// One SPI that a gateway receives under, or did.
#[derive(Debug)]
struct Receiving {
    gateway: GatewayId,
    key: KeyName,
    held: Held,
}

#[derive(Debug)]
struct Sending {
    epoch: EpochId,
    spi: Spi,
    key: KeyName,
}

#[derive(Debug)]
struct Sealed {
    datagram: Rc<[u8]>,
    packet: Option<PacketId>,
}

/// The packet numbers that were seen of one lane key.
#[derive(Debug, Default)]
struct Numbers {
    count: u64,
    greatest: u64,
}

impl Keys {
    /// `None`: the keys were installed before.
    pub(super) fn add_rx(&mut self, gateway: GatewayId, spi: Spi, key: KeyName) -> Option<()> {
        let held = Held::Now;
        self.receiving.insert(spi, Receiving { gateway, key, held });
        *self.held.entry(gateway).or_default() += 1;
        self.installs += 1;
        self.ever_opened.insert(key).then_some(())
    }

    /// `None`: the keys were installed before.
    pub(super) fn add_tx(
        &mut self,
        gateway: GatewayId,
        epoch: EpochId,
        spi: Spi,
        key: KeyName,
    ) -> Option<()> {
        self.sealing.insert((gateway, spi), key);
        self.sending.insert(gateway, Sending { epoch, spi, key });
        if !self.epochs.contains(&key.fingerprint) {
            self.epochs.push(key.fingerprint);
        }
        self.ever_sealed.insert(key).then_some(())
    }

    pub(super) fn remove_rx(&mut self, gateway: GatewayId, spi: Spi) {
        let known = self.receiving.get_mut(&spi);
        let known = known.filter(|known| known.gateway == gateway && known.held == Held::Now);
        if let Some(known) = known {
            known.held = Held::NoLonger;
            *self.held.entry(gateway).or_default() -= 1;
        }
    }

    pub(super) fn remove_tx(&mut self, gateway: GatewayId, epoch: EpochId) {
        if self
            .sending
            .get(&gateway)
            .is_some_and(|sending| sending.epoch == epoch)
        {
            self.sending.remove(&gateway);
        }
    }

    /// Nothing that this gateway holds lives on.
    pub(super) fn forget_life(&mut self, gateway: GatewayId) {
        self.sending.remove(&gateway);
        self.sealing.retain(|(owner, _), _| *owner != gateway);
        for receiving in self.receiving.values_mut() {
            if receiving.gateway == gateway {
                receiving.held = Held::NoLonger;
            }
        }
        self.held.insert(gateway, 0);
    }

    /// What the receiver was told to open this SPI with, however long ago.
    pub(super) fn opened_with(&self, spi: Spi) -> Option<KeyName> {
        self.receiving.get(&spi).map(|receiving| receiving.key)
    }

    /// Whether the gateway opens this SPI.
    pub(super) fn holds(&self, gateway: GatewayId, spi: Spi) -> bool {
        self.receiving
            .get(&spi)
            .is_some_and(|known| known.gateway == gateway && known.held == Held::Now)
    }

    /// What the gateway was told in its present life to seal with for this SPI.
    pub(super) fn sealed_with(&self, gateway: GatewayId, spi: Spi) -> Option<KeyName> {
        self.sealing.get(&(gateway, spi)).copied()
    }

    /// The same, if it was told nothing else since.
    pub(super) fn sealing_now(&self, gateway: GatewayId, spi: Spi) -> Option<KeyName> {
        let sending = self.sending.get(&gateway)?;
        (sending.spi == spi).then_some(sending.key)
    }

    /// `None`: another datagram has this nonce already. The same bytes tell nothing new.
    pub(super) fn seal(
        &mut self,
        key: KeyName,
        header: DataHeader,
        datagram: &Rc<[u8]>,
        packet: Option<PacketId>,
    ) -> Option<()> {
        let name = (key, header.lane, header.packet_number);
        if let Some(before) = self.sealed.get(&name) {
            return (before.datagram == *datagram).then_some(());
        }
        let datagram = Rc::clone(datagram);
        self.sealed.insert(name, Sealed { datagram, packet });
        let numbers = self.lanes.entry((key, header.lane)).or_default();
        numbers.count += 1;
        numbers.greatest = numbers.greatest.max(header.packet_number.get());
        Some(())
    }

    /// Which packet the datagram carries and whether this gateway has its keys; `None` if it carries none, or is not
    /// what was sealed, or was never for this gateway.
    pub(super) fn find(
        &self,
        gateway: GatewayId,
        header: DataHeader,
        datagram: &[u8],
    ) -> Option<(PacketId, Held)> {
        let known = self.receiving.get(&header.spi)?;
        let name = (known.key, header.lane, header.packet_number);
        let sealed = self.sealed.get(&name)?;
        let same = known.gateway == gateway && *sealed.datagram == *datagram;
        sealed
            .packet
            .filter(|_| same)
            .map(|packet| (packet, known.held))
    }

    /// The lane keys of which some packet number was never seen.
    pub(super) fn incomplete(&self) -> impl Iterator<Item = (KeyName, Lane)> {
        self.lanes
            .iter()
            .filter(|(_, numbers)| numbers.count != numbers.greatest)
            .map(|(name, _)| *name)
    }

    /// What the gateway holds when it has done all that there was to do: on the way it may hold one more.
    pub(super) fn settle(&mut self, gateway: GatewayId) -> usize {
        let held = self.held(gateway);
        self.most_held = self.most_held.max(held);
        held
    }

    pub(super) fn held(&self, gateway: GatewayId) -> usize {
        self.held.get(&gateway).copied().unwrap_or(0)
    }

    pub(super) const fn installs(&self) -> u64 {
        self.installs
    }

    pub(super) const fn most_held(&self) -> usize {
        self.most_held
    }

    pub(super) fn sending_under(&self, gateway: GatewayId) -> Option<Fingerprint> {
        let sending = self.sending.get(&gateway)?;
        Some(sending.key.fingerprint)
    }

    pub(super) fn epochs(&self) -> &[Fingerprint] {
        &self.epochs
    }

    pub(super) fn sealed_count(&self) -> usize {
        self.sealed.len()
    }
}
