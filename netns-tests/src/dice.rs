//! Numbers that look random and are the same in every run, so that what fails once fails again.

/// A SplitMix64 generator (Steele, Lea, Flood, OOPSLA 2014). Good enough for garbage, useless for keys.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
    /// Garbage to be copied from: drawing every byte of long datagrams would take longer than sending them.
    pool: Vec<u8>,
}

/// Bytes of the pool: twice the longest UDP payload, so that every length has many places to begin.
const POOL: usize = 1 << 17;

impl Dice {
    /// A generator that gives the same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Self {
            state: seed,
            pool: Vec::new(),
        };
        dice.pool = (0..POOL / 8)
            .flat_map(|_| dice.number().to_be_bytes())
            .collect();
        dice
    }

    /// 64 bits.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    ///
    /// # Panics
    ///
    /// Never: the result is smaller than a `usize`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % end as u64).unwrap()
    }

    /// A byte.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    /// `len` bytes, half of the pool at most.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let start = self.below(POOL - len);
        self.pool[start..start + len].to_vec()
    }

    /// Any one of them.
    pub fn pick<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        let index = self.below(things.len());
        &things[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_gives_others() {
        let draw = |seed| {
            let mut dice = Dice::new(seed);
            (dice.number(), dice.bytes(20), dice.below(1000))
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // The first output of SplitMix64 from state 0.
        let mut dice = Dice::new(0);
        dice.state = 0;
        assert_eq!(dice.number(), 0xe220_a839_7b1d_cdaf);
    }
}
