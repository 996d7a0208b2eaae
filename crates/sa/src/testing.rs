//! Epochs for this crate's tests: both ends of one, from fixed secrets.

use crate::{
    EpochId, Limits, OpenError, PartialChecksums, PeerId, RxEpoch, RxInstall, TxInstall, TxSa,
    split_epoch,
};
use linkveil_crypto::{Direction, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_wire::{Datagram, Lane, LaneCount, Spi};
use std::time::{Duration, Instant};

pub(crate) const SUITES: [Suite; 2] = Suite::ALL;

/// A moment to count from; the tests never compare it with the real time.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other constructor"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}

pub(crate) fn lane(number: u8) -> Lane {
    Lane::new(number).unwrap()
}

pub(crate) fn count(number: u8) -> LaneCount {
    LaneCount::new(number).unwrap()
}

pub(crate) fn spi(number: u32) -> Spi {
    Spi::new(number).unwrap()
}

/// What tests vary about an epoch.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) suite: Suite,
    pub(crate) tx_lanes: u8,
    pub(crate) rx_lanes: u8,
    pub(crate) limits: Limits,
    pub(crate) deadline: Instant,
}

impl Setup {
    pub(crate) fn new(suite: Suite) -> Self {
        Self {
            suite,
            tx_lanes: 1,
            rx_lanes: 1,
            limits: Limits::TINY,
            deadline: start() + Duration::from_secs(100),
        }
    }

    pub(crate) const fn lanes(mut self, tx_lanes: u8, rx_lanes: u8) -> Self {
        self.tx_lanes = tx_lanes;
        self.rx_lanes = rx_lanes;
        self
    }

    pub(crate) const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The initiator's sending half and the responder's receiving half of one epoch.
    pub(crate) fn build(self) -> (Vec<TxSa>, Vec<RxEpoch>) {
        let (initiator_tx, _) = self.split(Direction::InitiatorToResponder);
        let (_, responder_rx) = self.split(Direction::ResponderToInitiator);
        let tx = TxInstall {
            peer: PeerId::new(1),
            epoch: EpochId::new(7),
            spi: spi(0x0102_0304),
            lanes: count(self.tx_lanes),
            keys: initiator_tx,
            limits: self.limits,
            hard_deadline: self.deadline,
            partial_checksums: PartialChecksums::Accepted,
        };
        let rx = RxInstall {
            peer: PeerId::new(2),
            epoch: EpochId::new(8),
            spi: spi(0x0102_0304),
            peer_lanes: count(self.tx_lanes),
            keys: responder_rx,
            limits: self.limits,
            hard_deadline: self.deadline,
        };
        (
            tx.into_lanes().collect(),
            rx.into_lanes(count(self.rx_lanes)).collect(),
        )
    }

    /// The single lanes of a 1:1 epoch.
    pub(crate) fn build_one(self) -> (TxSa, RxEpoch) {
        let (mut tx, mut rx) = self.build();
        (tx.remove(0), rx.remove(0))
    }

    pub(crate) fn split(self, tx: Direction) -> (crate::TxKeys, crate::RxKeys) {
        split_epoch(secret(), self.suite, PostQuantum::Hybrid, tx)
    }
}

pub(crate) fn secret() -> EpochSecret {
    EpochSecret::derive(
        &HandshakeHash::new([3; 32]),
        &KeyBytes::new([1; 32]),
        &KeyBytes::new([2; 32]),
        None,
    )
}

/// A whole datagram around the plaintext.
pub(crate) fn seal(tx: &mut TxSa, plaintext: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 16 + plaintext.len() + 16];
    packet[16..16 + plaintext.len()].copy_from_slice(plaintext);
    tx.seal_in_place(&mut packet).unwrap();
    packet
}

/// Opens a copy; the plaintext, or why not.
pub(crate) fn open(rx: &mut RxEpoch, datagram: &[u8]) -> Result<Vec<u8>, OpenError> {
    let mut copy = datagram.to_vec();
    let opened = rx.open_in_place(Datagram::parse(&mut copy).unwrap())?;
    Ok(opened.into_plaintext().to_vec())
}
