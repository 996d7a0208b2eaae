//! Opening: the receiver's half of an epoch.
//!
//! The peer's lane `s` is opened by our lane `s mod N` and by no other: that lane alone holds the
//! replay window for `s`. What arrives elsewhere travels to its owner unopened.

use crate::ids::{EpochId, PeerId};
use crate::keys::{DirectionSecret, RxKeys};
use crate::limits::{Limits, Pressure, Usage};
use crate::meter::{Exhausted, Meter};
use crate::window::{Arrival, Replay, ReplayWindow};
use linkveil_crypto::{Iv, OpenKey, Suite, Tag};
use linkveil_wire::link::TAG_LEN;
use linkveil_wire::{Datagram, Lane, LaneCount, Spi};
use std::fmt;
use std::time::Instant;

/// Why a datagram was not opened. Each variant is one drop counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum OpenError {
    /// The sender's lane is at or above the number of lanes that the peer announced.
    #[error("the peer has not announced this lane")]
    LaneNotAnnounced,
    /// Another lane of ours owns the sender's lane; the datagram was brought here by mistake.
    #[error("another lane owns this sender lane")]
    NotOwner,
    /// The epoch's hard deadline has passed; the keys are gone.
    #[error("epoch has passed its hard deadline")]
    Expired,
    /// A hard limit of the lane key is reached (see [`Limits`]).
    #[error("lane key has reached its limit")]
    Exhausted,
    /// This packet number was opened before.
    #[error("packet number was received before")]
    Duplicate,
    /// The packet number is behind the replay window.
    #[error("packet number is behind the replay window")]
    TooOld,
    /// The tag is wrong: forged, damaged, or sealed under another key.
    #[error("datagram is not authentic")]
    Unauthentic,
}

impl From<Exhausted> for OpenError {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

impl From<Replay> for OpenError {
    fn from(replay: Replay) -> Self {
        match replay {
            Replay::Duplicate => Self::Duplicate,
            Replay::TooOld => Self::TooOld,
        }
    }
}

/// Control's order to receive from a peer under a new epoch: what all lanes need.
#[derive(Debug)]
pub struct RxInstall {
    /// From whom.
    pub peer: PeerId,
    /// Under which epoch.
    pub epoch: EpochId,
    /// The index that *we* chose for the epoch.
    pub spi: Spi,
    /// Lanes that the peer announced.
    pub peer_lanes: LaneCount,
    /// The opening half of the epoch.
    pub keys: RxKeys,
    /// Hard limits of each lane key.
    pub limits: Limits,
    /// From here on lanes refuse to open, whatever control does.
    pub hard_deadline: Instant,
}

impl RxInstall {
    /// What each of our `lanes` lanes keeps for the epoch, in lane order. Nothing is expanded yet.
    ///
    /// The install is gone afterwards, so no second window for the same sender can exist:
    ///
    /// ```compile_fail,E0382
    /// fn twice(install: linkveil_sa::RxInstall, lanes: linkveil_wire::LaneCount) -> usize {
    ///     install.into_lanes(lanes).count() + install.into_lanes(lanes).count()
    /// }
    /// ```
    pub fn into_lanes(self, lanes: LaneCount) -> impl Iterator<Item = RxEpoch> {
        lanes.lanes().map(move |owner| RxEpoch {
            peer: self.peer,
            epoch: self.epoch,
            spi: self.spi,
            owner,
            lanes,
            peer_lanes: self.peer_lanes,
            suite: self.keys.0.suite(),
            keys: Some(self.keys.0.share()),
            associations: self
                .peer_lanes
                .lanes()
                .filter(|sender| lanes.owner_of(*sender) == owner)
                .map(|sender| RxSa::new(sender, self.limits))
                .collect(),
            first_open: FirstOpen::Awaited,
            hard_deadline: self.hard_deadline,
        })
    }
}

/// An authenticated plaintext, opened in the receive buffer. Only a successful open makes one:
///
/// ```compile_fail,E0451
/// fn from_nothing(bytes: &mut [u8], opened: linkveil_sa::Opened<'_>) {
///     let forged = linkveil_sa::Opened { plaintext: bytes, ..opened };
/// }
/// ```
#[derive(Debug)]
pub struct Opened<'a> {
    plaintext: &'a mut [u8],
    arrival: Arrival,
    peer: PeerId,
    epoch: EpochId,
    first_open: FirstOpen,
}

impl<'a> Opened<'a> {
    /// The plaintext: Geneve header, options, inner packet, padding.
    #[must_use]
    pub fn plaintext(&mut self) -> &mut [u8] {
        self.plaintext
    }

    /// The plaintext, for as long as the receive buffer lives.
    #[must_use]
    pub fn into_plaintext(self) -> &'a mut [u8] {
        self.plaintext
    }

    /// Who sealed it.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Under which epoch.
    #[must_use]
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// Whether this is the first datagram that this lane opened under the epoch.
    #[must_use]
    pub const fn first_open(&self) -> bool {
        matches!(self.first_open, FirstOpen::Awaited)
    }

    /// Whether no datagram with a greater packet number came from this lane of the peer before:
    /// only then does its source say where the peer is now (RFC 9000 section 9.3 has the same rule).
    #[must_use]
    pub const fn is_newest(&self) -> bool {
        matches!(self.arrival, Arrival::Newest)
    }
}

#[derive(Clone, Copy, Debug)]
enum FirstOpen {
    Awaited,
    Done,
}

/// What one lane of ours keeps for one SPI: the associations of the sender lanes that it owns.
/// There is no other for the same sender lanes.
///
/// # States
/// Live, from [`RxInstall::into_lanes`]; expired, by [`Self::check_deadline`] at the hard deadline,
/// with all keys and windows wiped.
///
/// It has cache lines of its own, as [`TxSa`](crate::TxSa).
#[repr(align(128))]
pub struct RxEpoch {
    peer: PeerId,
    epoch: EpochId,
    spi: Spi,
    owner: Lane,
    lanes: LaneCount,
    peer_lanes: LaneCount,
    suite: Suite,
    /// `None` once expired.
    keys: Option<DirectionSecret>,
    /// Sender lane `s` at place `s / lanes`; 64 at most.
    associations: Box<[RxSa]>,
    first_open: FirstOpen,
    hard_deadline: Instant,
}

impl RxEpoch {
    /// Opens one datagram in place: is the sender's lane announced, is it ours to open, and then
    /// window check, AEAD and window commit in one step.
    ///
    /// # Errors
    /// One [`OpenError`] for each check, in the order of its variants. After
    /// [`OpenError::Unauthentic`] the datagram's content is wiped; after the others it is as it
    /// was.
    #[inline]
    pub fn open_in_place<'a>(&mut self, datagram: Datagram<'a>) -> Result<Opened<'a>, OpenError> {
        let sender = datagram.header().lane;
        if !self.peer_lanes.contains(sender) {
            return Err(OpenError::LaneNotAnnounced);
        }
        if self.lanes.owner_of(sender) != self.owner {
            return Err(OpenError::NotOwner);
        }
        let keys = self.keys.as_ref().ok_or(OpenError::Expired)?;
        let place = sender.index() / usize::from(self.lanes.get());
        let association = self
            .associations
            .get_mut(place)
            .ok_or(OpenError::LaneNotAnnounced)?;
        let (plaintext, arrival) = association.open_in_place(keys, datagram)?;
        Ok(Opened {
            plaintext,
            arrival,
            peer: self.peer,
            epoch: self.epoch,
            first_open: std::mem::replace(&mut self.first_open, FirstOpen::Done),
        })
    }

    /// To be called once per batch that uses this epoch: from the hard deadline on all keys and
    /// windows are wiped and nothing is opened any more.
    #[inline]
    pub fn check_deadline(&mut self, now: Instant) {
        if now >= self.hard_deadline {
            self.keys = None;
            self.associations = Box::default();
        }
    }

    /// The next level of pressure that a sender lane's key reached since it was last asked; each
    /// comes once for each key, the lower one first.
    pub fn take_pressure(&mut self) -> Option<Pressure> {
        self.associations
            .iter_mut()
            .find_map(|association| association.meter.take_pressure())
    }

    /// From whom this opens.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Under which epoch.
    #[must_use]
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// Our index for the epoch, by which the lane finds this.
    #[must_use]
    pub const fn spi(&self) -> Spi {
        self.spi
    }

    /// The lane of ours that owns this.
    #[must_use]
    pub const fn owner(&self) -> Lane {
        self.owner
    }

    /// How far the lane keys are used up, all sender lanes merged.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.associations
            .iter()
            .map(|association| association.meter.usage(self.suite))
            .fold(Usage::NONE, Usage::merge)
    }
}

/// What one sender lane's key has done, and the key and window once a datagram has proved that
/// the sender uses it. Its meter counts every datagram, on cache lines of its own.
#[repr(align(128))]
struct RxSa {
    sender: Lane,
    /// Outlives discarded keys: a forgery counts against the key whether or not we keep it.
    meter: Meter,
    expanded: Option<Box<ExpandedRx>>,
}

struct ExpandedRx {
    key: OpenKey,
    iv: Iv,
    window: ReplayWindow,
}

impl RxSa {
    const fn new(sender: Lane, limits: Limits) -> Self {
        Self {
            sender,
            meter: Meter::new(limits),
            expanded: None,
        }
    }

    /// Window check, AEAD and window commit. The key is expanded at its first use, and discarded
    /// again, with its window, if not even one datagram was authentic under it.
    #[inline]
    fn open_in_place<'a>(
        &mut self,
        keys: &DirectionSecret,
        datagram: Datagram<'a>,
    ) -> Result<(&'a mut [u8], Arrival), OpenError> {
        let (header, aad, sealed) = datagram.into_parts();
        let (text, tag) = sealed
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(OpenError::Unauthentic)?;
        self.meter.check(text.len())?;
        let expanded = self
            .expanded
            .get_or_insert_with(|| expand(keys, self.sender));
        let ExpandedRx { key, iv, window } = &mut **expanded;
        window.check(header.packet_number)?;
        let nonce = iv.nonce(header.packet_number.get());
        if key
            .open_in_place(nonce, aad, text, &Tag::new(*tag))
            .is_err()
        {
            self.meter.count_failed_open(text.len());
            if window.is_empty() {
                self.expanded = None;
            }
            return Err(OpenError::Unauthentic);
        }
        let arrival = window.commit(header.packet_number);
        self.meter.count(text.len());
        Ok((text, arrival))
    }
}

#[cold]
fn expand(secret: &DirectionSecret, sender: Lane) -> Box<ExpandedRx> {
    let keys = secret.lane_keys(sender);
    Box::new(ExpandedRx {
        key: OpenKey::new(secret.suite(), &keys.key),
        iv: keys.iv,
        window: ReplayWindow::new(),
    })
}

impl fmt::Debug for RxEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RxEpoch")
            .field("peer", &self.peer)
            .field("epoch", &self.epoch)
            .field("spi", &self.spi)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
