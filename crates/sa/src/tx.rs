//! Sealing: the sender's half of an epoch.

use crate::ids::{EpochId, PeerId};
use crate::keys::{DirectionSecret, TxKeys};
use crate::limits::{Limits, Pressure, Usage};
use crate::meter::{Exhausted, Meter};
use linkveil_crypto::{Iv, SealKey, Suite};
use linkveil_wire::link::{DataHeader, HEADER_LEN, TAG_LEN};
use linkveil_wire::{HandshakeFlags, Lane, LaneCount, PacketNumber, Spi};
use std::fmt;
use std::time::Instant;

/// Bytes of a packet around its plaintext: the header that [`TxSa::seal_in_place`] writes in front
/// and the tag that it writes behind.
pub const SEAL_OVERHEAD: usize = HEADER_LEN + TAG_LEN;

/// Why nothing was sealed. Each variant is one drop counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum SealError {
    /// A hard limit of the lane key is reached (see [`Limits`]); only a new epoch helps.
    #[error("lane key has reached its limit")]
    Exhausted,
    /// The epoch's hard deadline has passed; the key is gone.
    #[error("epoch has passed its hard deadline")]
    Expired,
    /// Fewer than [`SEAL_OVERHEAD`] bytes: no room for header and tag.
    #[error("buffer is too short for header and tag")]
    TooShort,
}

impl From<Exhausted> for SealError {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

/// Control's order to send to a peer under a new epoch: what all lanes need.
#[derive(Debug)]
pub struct TxInstall {
    /// To whom.
    pub peer: PeerId,
    /// Under which epoch.
    pub epoch: EpochId,
    /// The index that the *peer* chose for the epoch.
    pub spi: Spi,
    /// Our lanes: each gets a key of its own.
    pub lanes: LaneCount,
    /// The sealing half of the epoch.
    pub keys: TxKeys,
    /// Hard limits of each lane key.
    pub limits: Limits,
    /// From here on lanes refuse to seal, whatever control does.
    pub hard_deadline: Instant,
    /// Whether the peer takes partial checksums.
    pub partial_checksums: PartialChecksums,
}

/// Whether a peer takes packets whose transport checksum covers the pseudo-header only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PartialChecksums {
    /// It completes them.
    Accepted,
    /// It is to be sent complete ones (REQ-CSUM-1).
    Refused,
}

impl From<HandshakeFlags> for PartialChecksums {
    fn from(flags: HandshakeFlags) -> Self {
        if flags.contains(HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM) {
            Self::Accepted
        } else {
            Self::Refused
        }
    }
}

impl TxInstall {
    /// One association for each of our lanes, in lane order. Nothing is expanded yet.
    ///
    /// The install is gone afterwards, so no lane can get the same key twice:
    ///
    /// ```compile_fail,E0382
    /// fn twice(install: linkveil_sa::TxInstall) -> usize {
    ///     install.into_lanes().count() + install.into_lanes().count()
    /// }
    /// ```
    pub fn into_lanes(self) -> impl Iterator<Item = TxSa> {
        self.lanes.lanes().map(move |lane| TxSa {
            peer: self.peer,
            epoch: self.epoch,
            spi: self.spi,
            lane,
            key: TxKey::Unexpanded(self.keys.0.share()),
            suite: self.keys.0.suite(),
            meter: Meter::new(self.limits),
            hard_deadline: self.hard_deadline,
            partial_checksums: self.partial_checksums,
        })
    }
}

/// Seals what one lane sends to one peer under one epoch. There is no other for the same key, and
/// none can be made of this one:
///
/// ```compile_fail,E0277
/// fn needs_clone<T: Clone>() {}
/// needs_clone::<linkveil_sa::TxSa>();
/// ```
///
/// # States
/// Unexpanded, from [`TxInstall::into_lanes`]; expanded, by the first seal; expired, by
/// [`Self::check_deadline`] at the hard deadline, with the key wiped.
///
/// It has cache lines of its own: control allocates those of all lanes one after the other, and each lane writes its own
/// with every packet. 128 bytes, as processors fetch lines in pairs.
#[repr(align(128))]
pub struct TxSa {
    peer: PeerId,
    epoch: EpochId,
    spi: Spi,
    lane: Lane,
    key: TxKey,
    suite: Suite,
    meter: Meter,
    hard_deadline: Instant,
    partial_checksums: PartialChecksums,
}

enum TxKey {
    Unexpanded(DirectionSecret),
    /// Boxed so that moving the association between threads leaves no copies of the key behind.
    Expanded(Box<ExpandedTx>),
    Expired,
}

struct ExpandedTx {
    key: SealKey,
    iv: Iv,
}

impl TxSa {
    /// Seals one datagram in place and returns the packet number that it took.
    ///
    /// `packet` is the datagram as it will be sent: 16 bytes that become the header, the plaintext,
    /// 16 bytes that become the tag.
    ///
    /// # Errors
    /// [`SealError`]; the packet is then unchanged and no number is used up.
    #[inline]
    pub fn seal_in_place(&mut self, packet: &mut [u8]) -> Result<PacketNumber, SealError> {
        let (header, plaintext, tag) = split(packet).ok_or(SealError::TooShort)?;
        let (key, iv, packet_number) = self.take_number(plaintext.len(), header)?;
        let nonce = iv.nonce(packet_number.get());
        *tag = *key.seal_in_place(nonce, header, plaintext).as_bytes();
        Ok(packet_number)
    }

    /// Seals one datagram whose plaintext stands elsewhere: encrypting and copying in one pass. Returns the packet number
    /// that it took.
    ///
    /// `packet` is the datagram as it will be sent: 16 bytes that become the header, as many as `plaintext` has, 16 bytes
    /// that become the tag.
    ///
    /// # Errors
    /// [`SealError`], and [`SealError::TooShort`] for any other length; the packet is then unchanged and no number is used
    /// up.
    #[inline]
    pub fn seal_into(
        &mut self,
        plaintext: &[u8],
        packet: &mut [u8],
    ) -> Result<PacketNumber, SealError> {
        let (header, room, tag) = split(packet).ok_or(SealError::TooShort)?;
        if room.len() != plaintext.len() {
            return Err(SealError::TooShort);
        }
        let (key, iv, packet_number) = self.take_number(plaintext.len(), header)?;
        *tag = *key
            .seal_into(iv.nonce(packet_number.get()), header, plaintext, room)
            .as_bytes();
        Ok(packet_number)
    }

    /// The next packet number, and the header that has it.
    #[inline]
    fn take_number(
        &mut self,
        plaintext_len: usize,
        header: &mut [u8; HEADER_LEN],
    ) -> Result<(&SealKey, &Iv, PacketNumber), SealError> {
        let ExpandedTx { key, iv } = self.key.expanded(self.lane)?;
        self.meter.check(plaintext_len)?;
        let packet_number = PacketNumber::new(self.meter.count(plaintext_len));
        *header = DataHeader {
            lane: self.lane,
            spi: self.spi,
            packet_number,
        }
        .emit();
        Ok((key, iv, packet_number))
    }

    /// Whether the peer takes partial checksums, as it said in the handshake of this epoch.
    #[must_use]
    pub const fn partial_checksums(&self) -> PartialChecksums {
        self.partial_checksums
    }

    /// To be called once per batch: from the hard deadline on the key is wiped and nothing is
    /// sealed any more.
    #[inline]
    pub fn check_deadline(&mut self, now: Instant) {
        if now >= self.hard_deadline {
            self.key = TxKey::Expired;
        }
    }

    /// The next level of pressure that was reached since it was last asked; each comes once, the
    /// lower one first.
    pub const fn take_pressure(&mut self) -> Option<Pressure> {
        self.meter.take_pressure()
    }

    /// To whom this seals.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Under which epoch.
    #[must_use]
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// The lane that owns this.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// The peer's index for the epoch.
    #[must_use]
    pub const fn spi(&self) -> Spi {
        self.spi
    }

    /// Datagrams sealed; also the packet number of the last one.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.meter.packets()
    }

    /// Bytes sealed, counted as in [`Limits::bytes`].
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.meter.bytes()
    }

    /// How far the lane key is used up.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.meter.usage(self.suite)
    }
}

impl TxKey {
    /// The key, expanded now if this is its first use.
    #[inline]
    fn expanded(&mut self, lane: Lane) -> Result<&ExpandedTx, SealError> {
        if let Self::Unexpanded(secret) = self {
            *self = Self::Expanded(expand(secret, lane));
        }
        match self {
            Self::Expanded(key) => Ok(key),
            Self::Unexpanded(_) | Self::Expired => Err(SealError::Expired),
        }
    }
}

#[cold]
fn expand(secret: &DirectionSecret, lane: Lane) -> Box<ExpandedTx> {
    let keys = secret.lane_keys(lane);
    Box::new(ExpandedTx {
        key: SealKey::new(secret.suite(), &keys.key),
        iv: keys.iv,
    })
}

/// Header, plaintext and tag of a packet that is to be sealed.
#[inline]
fn split(packet: &mut [u8]) -> Option<(&mut [u8; HEADER_LEN], &mut [u8], &mut [u8; TAG_LEN])> {
    let (header, rest) = packet.split_first_chunk_mut()?;
    let (plaintext, tag) = rest.split_last_chunk_mut()?;
    Some((header, plaintext, tag))
}

impl fmt::Debug for TxSa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxSa")
            .field("peer", &self.peer)
            .field("epoch", &self.epoch)
            .field("lane", &self.lane)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
