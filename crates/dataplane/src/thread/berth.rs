//! Where a lane's thread runs.
//!
//! A busy lane stays on its own core: what it owns is in that core's cache, and lanes do not get in each other's way. A lane
//! that wakes for single packets runs where the kernel wakes it. On its own core it would have to be woken across cores for
//! every packet, and an idle core takes tens of microseconds to wake, more than all that a gateway does to the packet.

use linkveil_net::affinity::{Core, allowed_cores, keep_to, pin_to};

/// Turns between two decisions: enough for an average, few enough that a flow is at full speed long before one would notice.
const TURNS: u32 = 64;
/// Bytes of an average turn from which on a lane is busy: more than any single packet of an ordinary MTU.
const BUSY_BYTES: usize = 2_048;
/// And below which it is not any more. In between it stays as it is, so that it does not go back and forth.
const CALM_BYTES: usize = 512;

/// A lane's core, and whether the lane is on it.
#[derive(Debug)]
pub(super) struct Berth {
    core: Core,
    anywhere: Vec<Core>,
    place: Place,
    turns: u32,
    bytes: usize,
}

/// Where the thread may run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Core,
    Anywhere,
}

impl Berth {
    /// For the calling thread, which may run where it could so far. `None`: the system does not say where that is.
    pub(super) fn new(core: Core) -> Option<Self> {
        Some(Self {
            core,
            anywhere: allowed_cores().ok()?,
            place: Place::Anywhere,
            turns: 0,
            bytes: 0,
        })
    }

    /// After every turn of the calling thread, with the bytes that it took from devices and sockets.
    pub(super) fn note_turn(&mut self, bytes: usize) {
        self.turns += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.turns < TURNS {
            return;
        }
        let place = next_place(self.place, self.bytes);
        (self.turns, self.bytes) = (0, 0);
        if place != self.place {
            self.place = place;
            // A core that is not ours to use any more: the lane runs where the system puts it.
            let _runs_anywhere = match place {
                Place::Core => pin_to(self.core),
                Place::Anywhere => keep_to(&self.anywhere),
            };
        }
    }
}

/// Where to run after [`TURNS`] turns with so many bytes.
fn next_place(place: Place, bytes: usize) -> Place {
    let turns = TURNS as usize;
    match place {
        Place::Anywhere if bytes >= turns * BUSY_BYTES => Place::Core,
        Place::Core if bytes < turns * CALM_BYTES => Place::Anywhere,
        stays => stays,
    }
}

#[cfg(test)]
mod tests;
