//! Which association a new epoch receives under. A UDP link has as many as it needs; a MACsec channel has four.
//!
//! The most that is held at once, where none of it may be taken away: one epoch that is sent under, one more that is being
//! made or fades, and two that the peer began and has not confirmed, or that fade because ours is newer. An effort holds one
//! for all its initiations, from the first on; it does not begin before the own epoch before it is settled. So what is left over is at most the draining
//! ones, and they give way to a newer epoch once they have drained for a while.

use std::time::Instant;

use linkveil_sa::EpochId;

use super::Scope;
use crate::counters::ControlCounter;
use crate::epoch::Epoch;
use crate::limits::UNCONFIRMED_PER_PEER;
use crate::machine::{Input, State};
use crate::peer::Waits;
use crate::transport::{Efforts, Transport};

impl<M: Transport> Scope<'_, M> {
    /// What the initiations of the present effort ask to receive under. `None`: the effort waits.
    pub(super) fn claim_for_effort(&mut self) -> Option<M::Association> {
        let effort = self.peer.effort?;
        let claimed = match (effort.association, self.unsettled_until()) {
            (Some(held), _) => Ok(held),
            (None, Some(until)) => Err(until),
            (None, None) => self.free_association(),
        };
        let effort = self.peer.effort.as_mut()?;
        match claimed {
            Ok(association) => {
                effort.association = Some(association);
                effort.waits = Waits::ForNothing;
                Some(association)
            }
            Err(until) => {
                effort.waits = Waits::ForAssociation;
                effort.next_retry = until;
                self.node.counters.add(ControlCounter::AssociationsAwaited);
                None
            }
        }
    }

    /// What an epoch of the peer's making receives under. One more of these takes the oldest one's place if it must.
    pub(super) fn claim_for_answer(&mut self) -> Result<M::Association, ControlCounter> {
        if let Ok(association) = self.free_association() {
            return Ok(association);
        }
        let oldest = self
            .peer
            .oldest_beyond(UNCONFIRMED_PER_PEER - 1, Epoch::is_unconfirmed);
        if let Some(oldest) = oldest {
            self.feed(oldest, Input::GiveUp);
        }
        self.free_association()
            .map_err(|_| ControlCounter::NoAssociation)
    }

    /// An effort that waited for an own epoch to settle begins now.
    pub(super) fn resume_effort(&mut self) {
        let waits = self
            .peer
            .effort
            .is_some_and(|effort| effort.waits == Waits::ForAssociation);
        if let (true, Some(path)) = (waits, self.peer.endpoint) {
            self.initiate(path);
        }
    }

    /// A free one, if need be that of the oldest epoch that has drained for long enough. Otherwise, when there is one.
    fn free_association(&mut self) -> Result<M::Association, Instant> {
        if let Some(free) = self.look_for_free() {
            return Ok(free);
        }
        let now = self.now.instant;
        match self.oldest_draining() {
            Some((epoch, from)) if from <= now => self.feed(epoch, Input::DrainOver),
            Some((_, from)) => return Err(from),
            // Only living epochs hold the rest; each of them has an end.
            None => return Err(now + M::DRAIN),
        }
        self.look_for_free().ok_or(now + M::DRAIN)
    }

    fn look_for_free(&self) -> Option<M::Association> {
        let held = self.peer.effort.and_then(|effort| effort.association);
        M::free_association(|association| {
            let mut epochs = self.peer.epochs.iter();
            held == Some(association) || epochs.any(|epoch| epoch.association == association)
        })
    }

    /// The epoch that has drained longest, and from when on its association may be taken away.
    fn oldest_draining(&self) -> Option<(EpochId, Instant)> {
        let draining = |epoch: &&Epoch<M>| epoch.state == State::Draining;
        let ends = self.peer.epochs.iter().filter(draining);
        let ends = ends.filter_map(|epoch| Some((epoch.id, epoch.drain_end?)));
        let (epoch, end) = ends.min_by_key(|(_, end)| *end)?;
        Some((epoch, end + M::DRAIN_LEAST - M::DRAIN))
    }

    /// Until when an effort waits at most, because an own epoch is not settled.
    fn unsettled_until(&self) -> Option<Instant> {
        if M::EFFORTS == Efforts::Overlap {
            return None;
        }
        let unsettled = self.peer.epochs.iter().filter(|epoch| epoch.is_unsettled());
        let until = unsettled.map(|epoch| epoch.give_up().0);
        until.filter(|until| *until > self.now.instant).max()
    }
}
