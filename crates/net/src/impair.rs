//! A bad network on demand: loss, duplication, reordering, delay, corruption.
//!
//! ```text
//!               admit(now, meta, bytes)                poll(now) -> datagram
//!  from below ----------> Dice ----> held back until due ----------> to whoever receives
//!                          |                                next_due() -> when to poll
//!                          +--> lost, or no room: counted
//! ```
//!
//! [`Impairment`] is the engine. It works on single datagrams, reads no clock and draws from a seed, so the same seed
//! with the same datagrams at the same times gives the same result. [`Impaired`] puts it around any
//! [`UdpQueue`](crate::UdpQueue), and [`ImpairedPort`] around any [`PortQueue`](crate::PortQueue). The words and their meaning are those of tc-netem(8), as far as [`ImpairConfig`] does
//! not say otherwise.
//!
//! | part       | content                                       |
//! |------------|-----------------------------------------------|
//! | [`Chance`] | a probability                                 |
//! | [`Dice`]   | what becomes of the next datagram             |
//! | here       | the engine: carries that out, holds, counts   |
//! | [`Impaired`] | the engine around the receiving side of a queue |
//! | [`ImpairedPort`] | the engine around the receiving side of a port |

mod chance;
mod counts;
mod dice;
mod port;
mod queue;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub use chance::{Chance, ChanceError};
pub use counts::ImpairCounts;
pub use dice::{Dice, Fate, Passage, Turn};
pub use port::ImpairedPort;
pub use queue::Impaired;

/// Bytes of datagrams that one engine holds back. A link of 1 Gb/s with a delay of 100 ms has 12.5 MB under way; beyond
/// that the test measures its own memory.
pub const HELD_BYTES_MAX: usize = 16 << 20;

/// What a held datagram costs besides its bytes, about, so that [`HELD_BYTES_MAX`] bounds empty ones, too.
const HELD_OVERHEAD_BYTES: usize = 128;

/// From what an engine draws.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Seed(u64);

impl Seed {
    /// The seed with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Which of several engines with one seed; each draws something else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Stream(u32);

impl Stream {
    /// The stream with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }
}

/// How bad the network is. The default is a perfect one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ImpairConfig {
    /// From what is drawn.
    pub seed: Seed,
    /// A datagram never arrives.
    pub loss: Chance,
    /// A datagram that is not lost arrives twice. The copy has a delay and a corruption of its own.
    pub duplicate: Chance,
    /// A datagram takes no delay and so overtakes those before it. Without a delay nothing can be overtaken.
    pub reorder: Chance,
    /// One bit of a datagram is flipped, any of them.
    pub corrupt: Chance,
    /// What every datagram takes that is not reordered.
    pub delay: Duration,
    /// The delay varies by at most so much in both directions, uniformly; never below zero. Datagrams closer to each
    /// other than that may change their order.
    pub jitter: Duration,
}

/// The engine. See the module's text.
///
/// `M` is what the caller knows about a datagram besides its bytes.
#[derive(Debug)]
pub struct Impairment<M> {
    dice: Dice,
    held: BTreeMap<Place, Arrival<M>>,
    held_bytes: usize,
    /// Datagrams that were ever held: among those due at one time the earlier one comes first.
    number: u64,
    counts: ImpairCounts,
}

/// A datagram that comes out of an engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival<M> {
    /// As it was admitted.
    pub meta: M,
    /// As admitted, up to a flipped bit.
    pub bytes: Vec<u8>,
}

/// Where a held datagram stands in the queue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Place {
    due: Instant,
    number: u64,
}

/// Whether there was room for a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Room {
    Enough,
    Full,
}

impl<M: Clone> Impairment<M> {
    /// An engine that holds nothing yet.
    #[must_use]
    pub fn new(config: ImpairConfig, stream: Stream) -> Self {
        Self {
            dice: Dice::new(config, stream),
            held: BTreeMap::new(),
            held_bytes: 0,
            number: 0,
            counts: ImpairCounts::default(),
        }
    }

    /// Takes a datagram that arrived at `now`. What becomes of it is decided here; when, too.
    pub fn admit(&mut self, now: Instant, meta: M, bytes: &[u8]) {
        let arrival = || Arrival {
            meta: meta.clone(),
            bytes: bytes.to_vec(),
        };
        match self.dice.draw(bytes.len()) {
            Fate::Lost => self.counts.lost += 1,
            Fate::Once(passage) => {
                let _counted = self.hold(now, passage, arrival());
            }
            Fate::Twice(first, second) => {
                let _counted = self.hold(now, first, arrival());
                if self.hold(now, second, arrival()) == Room::Enough {
                    self.counts.duplicated += 1;
                }
            }
        }
    }

    /// The next datagram that is due at `now`, or `None` if there is none.
    pub fn poll(&mut self, now: Instant) -> Option<Arrival<M>> {
        let first = self.held.first_entry()?;
        if first.key().due > now {
            return None;
        }
        let arrival = first.remove();
        self.held_bytes -= cost(&arrival.bytes);
        Some(arrival)
    }

    /// When [`Self::poll`] has something.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.held.first_key_value().map(|(place, _)| place.due)
    }

    /// What was done so far.
    #[must_use]
    pub const fn counts(&self) -> ImpairCounts {
        self.counts
    }

    fn hold(&mut self, now: Instant, passage: Passage, mut arrival: Arrival<M>) -> Room {
        if self.held_bytes + cost(&arrival.bytes) > HELD_BYTES_MAX {
            self.counts.overflow += 1;
            return Room::Full;
        }
        if passage.turn == Turn::Ahead {
            self.counts.reordered += 1;
        }
        if !passage.delay.is_zero() {
            self.counts.delayed += 1;
        }
        if let Some(bit) = passage.flipped {
            flip(&mut arrival.bytes, bit);
            self.counts.corrupted += 1;
        }
        self.number += 1;
        let place = Place {
            due: now + passage.delay,
            number: self.number,
        };
        self.held_bytes += cost(&arrival.bytes);
        self.held.insert(place, arrival);
        Room::Enough
    }
}

fn cost(bytes: &[u8]) -> usize {
    bytes.len() + HELD_OVERHEAD_BYTES
}

/// Flips a bit, counted from the lowest one of the first byte.
fn flip(bytes: &mut [u8], bit: usize) {
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
}

#[cfg(test)]
mod tests;
