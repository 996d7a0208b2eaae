//! The packet numbers of a receiving association: recovery of their upper half, the standard's floor,
//! and the bitmap that the standard does not have.
//!
//! The floor alone (10.6.2) accepts a number inside the window any number of times, so whoever copies
//! frames has them delivered twice. The bitmap is the tunnel's.

use crate::policy::{ReplayProtect, RxPolicy, WindowSize};
use crate::rx_sc::RxScError;
use linkveil_sa::{Replay, ReplayWindow, WINDOW_PACKETS};
use linkveil_wire::PacketNumber;
use linkveil_wire::sectag::{PnField, PnWidth};

/// Lower 31 bits: a half of what the PN field can say.
const HALF_MASK: u64 = (1 << 31) - 1;
const FIELD_MASK: u64 = u32::MAX as u64;

/// How a frame's number stands to the floor, where it may be below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timeliness {
    InTime,
    Delayed,
}

/// Which numbers an association has accepted.
#[derive(Debug)]
pub(crate) struct Numbers {
    width: PnWidth,
    /// No number below it is ever acceptable.
    first: u64,
    /// One above the highest accepted number; `first` before there is one.
    next: u64,
    accepted: ReplayWindow,
}

impl Numbers {
    pub(crate) const fn new(width: PnWidth, first: PacketNumber) -> Self {
        Self {
            width,
            first: first.get(),
            next: first.get(),
            accepted: ReplayWindow::new(),
        }
    }

    /// The standard's `lowestPN` for a window of this size.
    #[inline]
    pub(crate) const fn lowest(&self, window: WindowSize) -> PacketNumber {
        let lowest = self.next.saturating_sub(window.get());
        PacketNumber::new(if lowest > self.first {
            lowest
        } else {
            self.first
        })
    }

    /// One above the highest accepted number.
    pub(crate) const fn next(&self) -> PacketNumber {
        PacketNumber::new(self.next)
    }

    /// The whole number of which a frame tells the lower half (10.6.2): the upper half is that of
    /// the lowest acceptable number, or one more if the lower half has passed from above 2^31 to
    /// below.
    ///
    /// The lowest number here is that of the widest window, whatever is acceptable: so frames which
    /// are late are recognized as late, and not taken for numbers 2^32 further on.
    #[inline]
    pub(crate) fn recover(&self, field: PnField) -> PacketNumber {
        let field = u64::from(field.get());
        if self.width == PnWidth::Bits32 {
            return PacketNumber::new(field);
        }
        let lowest = self.next.saturating_sub(WINDOW_PACKETS);
        let base = lowest & !HALF_MASK;
        let ahead = field.wrapping_sub(base) & FIELD_MASK;
        // Nothing lies beyond the end of the numbers: then it is an old one.
        let number = base
            .checked_add(ahead)
            .unwrap_or((lowest & !FIELD_MASK) | field);
        PacketNumber::new(number)
    }

    /// Whether a frame with this number may be looked at (10.6.2). Changes nothing.
    ///
    /// # Errors
    /// [`RxScError::Late`] or [`RxScError::Duplicate`], both with replay protection only.
    #[inline]
    pub(crate) fn check(
        &self,
        number: PacketNumber,
        policy: &RxPolicy,
    ) -> Result<Timeliness, RxScError> {
        let late = number < self.lowest(policy.window);
        match (policy.replay_protect, late) {
            (ReplayProtect::Off, true) => Ok(Timeliness::Delayed),
            (ReplayProtect::Off, false) => Ok(Timeliness::InTime),
            (ReplayProtect::On, true) => Err(RxScError::Late),
            (ReplayProtect::On, false) => match self.accepted.check(number) {
                Ok(()) => Ok(Timeliness::InTime),
                Err(Replay::Duplicate) => Err(RxScError::Duplicate),
                // Not reached: no window is wider than the bitmap.
                Err(Replay::TooOld) => Err(RxScError::Late),
            },
        }
    }

    /// Notes the number of an authentic frame (10.6.4).
    #[inline]
    pub(crate) fn accept(&mut self, number: PacketNumber) {
        self.next = self.next.max(number.get().saturating_add(1));
        // Without replay protection a number may be too old to have a bit, or have it already.
        if self.accepted.check(number).is_ok() {
            self.accepted.commit(number);
        }
    }

    /// Whether no number was accepted yet.
    pub(crate) const fn is_unused(&self) -> bool {
        self.accepted.is_empty()
    }
}

#[cfg(test)]
mod tests;
