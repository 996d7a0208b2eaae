//! What a lane tells control about stations: which MAC address was seen on which side.
//!
//! Every frame is a sighting, and control needs few of them. A lane remembers in a small table of fixed size what it told
//! lately, gathers what is new, and passes it on every few milliseconds over a ring of its own, so that a flood of
//! addresses neither wakes control without end nor takes the room of other events. What finds no room is not remembered
//! as told: the station's next frame tells it.

use std::time::{Duration, Instant};

use linkveil_wire::MacAddr;
use rtrb::Producer;

use crate::mac_table::MacOwner;
use crate::snapshot::VpcIndex;

/// Sightings under way between a lane and control: several intervals of them.
pub(crate) const RING: usize = 1_024;

/// Sightings of one interval. With [`INTERVAL`] they bound what one lane makes control do to 25,600 a second, a few
/// percent of a core.
const WAITING: usize = 256;
/// The share of one side, so that a peer that invents addresses leaves room for the others' stations.
const WAITING_OF_ONE: usize = WAITING / 2;
/// Between two deliveries to control.
const INTERVAL: Duration = Duration::from_millis(10);

/// Places of the table of what was told: 40 KiB a lane. With [`SHARED_PAUSE`], some 30,000 stations stay known.
const TOLD: usize = 1_024;
/// Until a station that control knows where it is is told again: a tenth of the time after which it is forgotten.
const REPEAT_PAUSE: Duration = Duration::from_secs(30);
/// The same for another station in the same place of the table. Shorter, so that they take turns.
const SHARED_PAUSE: Duration = Duration::from_secs(10);
/// Until a station is told again that control does not know, or knows elsewhere: several times what control needs to
/// publish it, and short enough for one that moves there and back.
const SETTLE_PAUSE: Duration = Duration::from_millis(100);

/// A station was seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Sighting {
    /// In which VPC.
    pub vpc: VpcIndex,
    /// Its address.
    pub mac: MacAddr,
    /// On which side.
    pub owner: MacOwner,
}

/// Whether a sighting was taken care of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Noted {
    /// It is on its way, or need not be told now.
    Yes,
    /// No room: the next frame tells it.
    Deferred,
}

/// Whether control has to be woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Delivered {
    Nothing,
    Something,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Sightings {
    told: Box<[Option<Told>]>,
    waiting: Vec<Sighting>,
    ring: Producer<Sighting>,
    next: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    sighting: Sighting,
    at: Instant,
}

/// Whether this node has Ethernet VPCs; without one nothing is seen, and no table is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bridges {
    None,
    Some,
}

impl Sightings {
    pub(crate) fn new(ring: Producer<Sighting>, bridges: Bridges, now: Instant) -> Self {
        let (places, waiting) = match bridges {
            Bridges::None => (0, 0),
            Bridges::Some => (TOLD, WAITING),
        };
        Self {
            told: vec![None; places].into_boxed_slice(),
            waiting: Vec::with_capacity(waiting),
            ring,
            next: now,
        }
    }

    /// A frame came from a station; `known` is where control's table has it.
    #[inline]
    pub(crate) fn note(&mut self, seen: Sighting, known: Option<MacOwner>, now: Instant) -> Noted {
        let Some(slot) = self.told.get_mut(place(&seen)) else {
            return Noted::Yes;
        };
        let settled = known == Some(seen.owner);
        let told_lately = slot.is_some_and(|told| {
            let pause = match (settled, told.sighting == seen) {
                (true, true) => REPEAT_PAUSE,
                (true, false) => SHARED_PAUSE,
                (false, true) => SETTLE_PAUSE,
                (false, false) => Duration::ZERO,
            };
            now.saturating_duration_since(told.at) < pause
        });
        if told_lately {
            return Noted::Yes;
        }
        if !has_room(&self.waiting, seen.owner) {
            return Noted::Deferred;
        }
        self.waiting.push(seen);
        *slot = Some(Told {
            sighting: seen,
            at: now,
        });
        Noted::Yes
    }

    /// Passes on what waits, once an interval. What the ring does not take waits for the next one.
    pub(crate) fn deliver(&mut self, now: Instant) -> Delivered {
        if self.waiting.is_empty() || now < self.next {
            return Delivered::Nothing;
        }
        self.next = now + INTERVAL;
        let count = self.waiting.len().min(self.ring.slots());
        for sighting in self.waiting.drain(..count) {
            // Cannot fail: there was room, and nobody else fills this ring.
            let _room = self.ring.push(sighting);
        }
        Delivered::Something
    }

    /// When [`Self::deliver`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next)
    }
}

/// Counts one by one: only what is new comes here, and no more than [`WAITING`] of it in an interval.
fn has_room(waiting: &[Sighting], owner: MacOwner) -> bool {
    let same = waiting.iter().filter(|other| other.owner == owner).count();
    waiting.len() < WAITING && same < WAITING_OF_ONE
}

/// The table's place for a station. A flood can fill any table, so the spread need not withstand an attacker.
fn place(seen: &Sighting) -> usize {
    let [a, b, c, d, e, f] = seen.mac.octets();
    let [v0, v1] = u16::try_from(seen.vpc.index())
        .unwrap_or_default()
        .to_be_bytes();
    let key = u64::from_be_bytes([v0, v1, a, b, c, d, e, f]);
    // 2^64 divided by the golden ratio; the upper bits depend on all of the key.
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    usize::try_from(mixed).unwrap_or_default() % TOLD
}

#[cfg(test)]
mod tests;
