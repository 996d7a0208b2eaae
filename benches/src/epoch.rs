//! Both ends of one epoch with one lane each, from fixed secrets.

use linkveil_crypto::{
    Direction, EpochSecret, HandshakeHash, Iv, KeyBytes, LaneContext, PostQuantum, Purpose,
    SealKey, Suite,
};
use linkveil_sa::tx::SEAL_OVERHEAD;
use linkveil_sa::{
    EpochId, Limits, PartialChecksums, PeerId, RxEpoch, RxInstall, RxKeys, TxInstall, TxKeys, TxSa,
    split_epoch,
};
use linkveil_wire::link::{HEADER_LEN, TAG_LEN};
use linkveil_wire::{DataHeader, Lane, LaneCount, PacketNumber, Spi};
use std::time::{Duration, Instant};

const SPI: Spi = match Spi::new(0x0102_0304) {
    Some(spi) => spi,
    None => unreachable!(),
};
const POST_QUANTUM: PostQuantum = PostQuantum::Hybrid;
const SENDS: Direction = Direction::InitiatorToResponder;

fn secret() -> EpochSecret {
    EpochSecret::derive(
        &HandshakeHash::new([3; 32]),
        &KeyBytes::new([1; 32]),
        &KeyBytes::new([2; 32]),
        None,
    )
}

fn split(suite: Suite, tx: Direction) -> (TxKeys, RxKeys) {
    split_epoch(secret(), suite, POST_QUANTUM, tx)
}

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other constructor"
)]
fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(24 * 60 * 60)
}

/// The sender's lane, with the limits of real use whatever the build.
///
/// # Panics
/// Never: an epoch with one lane has one.
#[must_use]
pub fn sender(suite: Suite) -> TxSa {
    let (keys, _) = split(suite, SENDS);
    let install = TxInstall {
        peer: PeerId::new(1),
        epoch: EpochId::new(1),
        spi: SPI,
        lanes: LaneCount::ONE,
        keys,
        limits: Limits::production(suite),
        hard_deadline: deadline(),
        partial_checksums: PartialChecksums::Accepted,
    };
    install.into_lanes().next().expect("one lane")
}

/// The receiver's lane that opens what [`sender`] and [`NumberedSender`] seal.
///
/// # Panics
/// Never: an epoch with one lane has one.
#[must_use]
pub fn receiver(suite: Suite) -> RxEpoch {
    let (_, keys) = split(suite, SENDS.reverse());
    let install = RxInstall {
        peer: PeerId::new(1),
        epoch: EpochId::new(1),
        spi: SPI,
        peer_lanes: LaneCount::ONE,
        keys,
        limits: Limits::production(suite),
        hard_deadline: deadline(),
    };
    let mut lanes = install.into_lanes(LaneCount::ONE);
    lanes.next().expect("one lane")
}

/// A datagram's buffer around a plaintext of `len` zero bytes.
#[must_use]
pub fn buffer(len: usize) -> Vec<u8> {
    vec![0; len + SEAL_OVERHEAD]
}

/// A datagram around `len` zero bytes under the next packet number.
///
/// # Panics
/// When the sender's lane key is used up.
#[must_use]
pub fn sealed(tx: &mut TxSa, len: usize) -> Vec<u8> {
    let mut datagram = buffer(len);
    tx.seal_in_place(&mut datagram).expect("within the limits");
    datagram
}

/// Seals under any packet number, as a [`TxSa`] by design cannot: a network that reorders and
/// repeats, in one value.
#[derive(Debug)]
pub struct NumberedSender {
    key: SealKey,
    iv: Iv,
}

impl NumberedSender {
    /// The lane key of [`sender`].
    #[must_use]
    pub fn new(suite: Suite) -> Self {
        let keys = secret().lane_keys(&LaneContext {
            purpose: Purpose::VpcData,
            suite,
            post_quantum: POST_QUANTUM,
            direction: SENDS,
            lane: 0,
        });
        Self {
            key: SealKey::new(suite, &keys.key),
            iv: keys.iv,
        }
    }

    /// The datagram of this number around `len` zero bytes.
    #[must_use]
    pub fn seal(&self, packet_number: PacketNumber, len: usize) -> Vec<u8> {
        let header = DataHeader {
            lane: Lane::ZERO,
            spi: SPI,
            packet_number,
        }
        .emit();
        let mut datagram = buffer(len);
        datagram[..HEADER_LEN].copy_from_slice(&header);
        let tag_at = datagram.len() - TAG_LEN;
        let (text, tag) = datagram.split_at_mut(tag_at);
        let nonce = self.iv.nonce(packet_number.get());
        let text = &mut text[HEADER_LEN..];
        tag.copy_from_slice(self.key.seal_in_place(nonce, &header, text).as_bytes());
        datagram
    }
}
