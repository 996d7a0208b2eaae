//! What becomes of each datagram, drawn from a seed.

use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use super::{Chance, ImpairConfig, Stream};

/// 2^64 divided by the golden ratio: neighboring streams start far apart. The generator mixes the sum further.
const STREAM_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// What becomes of one datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives.
    Once(Passage),
    /// It arrives, and so does a copy.
    Twice(Passage, Passage),
}

/// How one copy arrives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passage {
    /// How much later than it came.
    pub delay: Duration,
    /// Whether it keeps its place.
    pub turn: Turn,
    /// The bit that is flipped on the way, counted from the lowest one of the first byte.
    pub flipped: Option<usize>,
}

/// Whether a datagram waits like the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// It takes the delay.
    Waits,
    /// It takes none, and so overtakes those that do.
    Ahead,
}

/// Draws fates. PCG is small, fast, the same on every machine, and in no way secret.
#[derive(Debug, Clone)]
pub struct Dice {
    config: ImpairConfig,
    random: Pcg64Mcg,
}

impl Dice {
    /// The dice of one engine.
    #[must_use]
    pub fn new(config: ImpairConfig, stream: Stream) -> Self {
        let step = u64::from(stream.0).wrapping_mul(STREAM_STEP);
        Self {
            random: Pcg64Mcg::seed_from_u64(config.seed.get().wrapping_add(step)),
            config,
        }
    }

    /// The fate of the next datagram, of so many bytes. What cannot happen costs no draw.
    pub fn draw(&mut self, bytes: usize) -> Fate {
        if self.happens(self.config.loss) {
            return Fate::Lost;
        }
        let twice = self.happens(self.config.duplicate);
        let first = self.passage(bytes);
        if twice {
            Fate::Twice(first, self.passage(bytes))
        } else {
            Fate::Once(first)
        }
    }

    fn passage(&mut self, bytes: usize) -> Passage {
        let ahead = !self.config.delay.is_zero() && self.happens(self.config.reorder);
        let (turn, delay) = if ahead {
            (Turn::Ahead, Duration::ZERO)
        } else {
            (Turn::Waits, self.delay())
        };
        let flipped = (bytes > 0 && self.happens(self.config.corrupt))
            .then(|| usize::try_from(below(self.random.next_u64(), bytes as u64 * 8)).ok());
        Passage {
            delay,
            turn,
            flipped: flipped.flatten(),
        }
    }

    fn delay(&mut self) -> Duration {
        let ImpairConfig { delay, jitter, .. } = self.config;
        let range =
            u64::try_from(jitter.as_nanos()).map_or(u64::MAX, |most| most.saturating_mul(2));
        if range == 0 {
            return delay;
        }
        let drawn = below(self.random.next_u64(), range.saturating_add(1));
        (delay + Duration::from_nanos(drawn)).saturating_sub(jitter)
    }

    fn happens(&mut self, chance: Chance) -> bool {
        chance != Chance::NEVER && chance.decide(self.random.next_u64())
    }
}

/// A number below `bound` from 64 uniform bits: their product's upper half. The bias is at most `bound` in 2^64.
pub(super) fn below(random: u64, bound: u64) -> u64 {
    let product = u128::from(random) * u128::from(bound);
    u64::try_from(product >> 64).unwrap_or(u64::MAX)
}
