//! One deadline per peer, ordered: the next one is found without looking at every peer.

use std::collections::BTreeSet;
use std::time::Instant;

use linkveil_sa::PeerId;

use crate::event::TimerKind;

/// The nearest deadline of each peer.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Instant, TimerKind, PeerId)>,
    of_peer: Vec<Option<(Instant, TimerKind)>>,
}

impl Timers {
    /// Timers of so many peers, none set.
    pub(crate) fn new(peers: usize) -> Self {
        Self {
            by_time: BTreeSet::new(),
            of_peer: vec![None; peers],
        }
    }

    /// Replaces the deadline of a peer.
    pub(crate) fn set(&mut self, peer: PeerId, deadline: Option<(Instant, TimerKind)>) {
        let Some(slot) = self.of_peer.get_mut(peer.index()) else {
            return;
        };
        if *slot == deadline {
            return;
        }
        if let Some((at, kind)) = std::mem::replace(slot, deadline) {
            self.by_time.remove(&(at, kind, peer));
        }
        if let Some((at, kind)) = deadline {
            self.by_time.insert((at, kind, peer));
        }
    }

    /// The nearest deadline of all.
    pub(crate) fn next(&self) -> Option<(Instant, TimerKind)> {
        self.by_time.first().map(|(at, kind, _)| (*at, *kind))
    }

    /// The peer whose deadline is nearest, if that is not after `now`.
    pub(crate) fn due(&self, now: Instant) -> Option<PeerId> {
        self.by_time
            .first()
            .filter(|(at, _, _)| *at <= now)
            .map(|(_, _, peer)| *peer)
    }
}

#[cfg(test)]
mod tests;
