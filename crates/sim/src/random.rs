//! Randomness from a seed: the same seed gives the same run, on every machine.

use linkveil_crypto::Random;
use std::fmt;
use std::time::Duration;

/// From what a run is drawn. Printed when a run fails, and enough to repeat it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The seed with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// An independent source for one part of the run: drawing more from one part changes nothing
    /// for the others.
    #[must_use]
    pub fn stream(self, part: u64) -> SimRandom {
        let mut mixer = SimRandom {
            state: self.0 ^ part.wrapping_mul(STREAM_STEP),
        };
        SimRandom {
            state: mixer.next_u64() ^ mixer.next_u64().rotate_left(32),
        }
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Any odd number with mixed bits keeps the streams of neighboring parts apart.
const STREAM_STEP: u64 = 0xd6e8_feb8_6659_fd93;
/// Step of the state of `SplitMix64` (Steele, Lea, Flood 2014): 2^64 divided by the golden ratio.
const GOLDEN_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// `SplitMix64`: small, fast, good enough to draw fates, and in no way secret.
#[derive(Clone, Debug)]
pub struct SimRandom {
    state: u64,
}

impl SimRandom {
    /// 64 uniform bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_STEP);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0. The bias of the remainder does not matter here.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    /// Whether something with this chance happens now.
    pub const fn happens(&mut self, chance: Chance) -> bool {
        self.below(1_000) < chance.0 as u64
    }

    /// A time from `least` to `most`, in microseconds.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let range = most.saturating_sub(least).as_micros();
        let range = u64::try_from(range).unwrap_or(u64::MAX - 1);
        least + Duration::from_micros(self.below(range + 1))
    }

    /// One of the items.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let bound = u64::try_from(items.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(self.below(bound)).unwrap_or(0);
        items[place]
    }
}

impl Random for SimRandom {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A probability in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Chance(u16);

impl Chance {
    /// It never happens.
    pub const NEVER: Self = Self(0);

    /// So many times in a thousand; 1,000 and more is always.
    #[must_use]
    pub const fn per_mille(times: u16) -> Self {
        Self(times)
    }
}
