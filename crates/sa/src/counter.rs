//! Counters with names: what control and lanes drop, refuse and do, for `status` and metrics.
//!
//! A set of counters is an enum made by [`counters!`](crate::counters!); [`Counters`] holds one number for each of its
//! variants. Everybody counts in plain integers of their own; sums are made when somebody asks.

use std::fmt::Debug;
use std::marker::PhantomData;

/// A closed set of counters; made by [`counters!`](crate::counters!).
pub trait Counter: Copy + Debug + 'static {
    /// All of them, in the order of [`Self::index`].
    const ALL: &'static [Self];

    /// Its place in [`Self::ALL`].
    fn index(self) -> usize;

    /// Its name for users: `snake_case`, unique within the set, and kept for ever.
    fn name(self) -> &'static str;
}

/// Makes an enum of counters: `enum Name { doc comment, Variant => "name_for_users", ... }`.
#[macro_export]
macro_rules! counters {
    ($(#[$about:meta])* $vis:vis enum $Set:ident {
        $($(#[$doc:meta])* $variant:ident => $name:literal,)+
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        $vis enum $Set {
            $($(#[$doc])* $variant,)+
        }

        impl $crate::counter::Counter for $Set {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

/// Numbers on cache lines of their own: the sets of all lanes are allocated one after the other, and each is written by
/// another core. 128 bytes, as processors fetch lines in pairs.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[repr(align(128))]
struct Lines([u64; NUMBERS]);

/// Numbers of [`Lines`].
const NUMBERS: usize = 16;

/// One number for each counter of a set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counters<C> {
    counts: Box<[Lines]>,
    set: PhantomData<C>,
}

impl<C: Counter> Counters<C> {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            counts: vec![Lines::default(); C::ALL.len().div_ceil(NUMBERS)].into_boxed_slice(),
            set: PhantomData,
        }
    }

    /// Counts one more.
    #[inline]
    pub fn add(&mut self, counter: impl Into<C>) {
        self.add_many(counter, 1);
    }

    /// Counts so many more.
    #[inline]
    pub fn add_many(&mut self, counter: impl Into<C>, count: usize) {
        let index = counter.into().index();
        let lines = self.counts.get_mut(index / NUMBERS);
        if let Some(slot) = lines.and_then(|Lines(numbers)| numbers.get_mut(index % NUMBERS)) {
            *slot = slot.wrapping_add(count as u64);
        }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, counter: C) -> u64 {
        let index = counter.index();
        let lines = self.counts.get(index / NUMBERS);
        let slot = lines.and_then(|Lines(numbers)| numbers.get(index % NUMBERS));
        slot.copied().unwrap_or_default()
    }

    /// Adds the numbers of another place.
    pub fn merge(&mut self, other: &Self) {
        let sums = self.counts.iter_mut().flat_map(|Lines(numbers)| numbers);
        let counts = other.counts.iter().flat_map(|Lines(numbers)| numbers);
        for (sum, count) in sums.zip(counts) {
            *sum = sum.wrapping_add(*count);
        }
    }

    /// Takes over the numbers of another place, in memory that is there already.
    pub fn copy_from(&mut self, other: &Self) {
        self.counts.clone_from_slice(&other.counts);
    }

    /// All of them by name, also those at zero.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        C::ALL
            .iter()
            .map(|counter| (counter.name(), self.get(*counter)))
    }
}

impl<C: Counter> Default for Counters<C> {
    fn default() -> Self {
        Self::new()
    }
}

/// Asserts what every set of counters must be: each variant has a place and a name of its own.
///
/// # Panics
///
/// If two share one.
pub fn assert_distinct<C: Counter + PartialEq>() {
    let mut names: Vec<_> = C::ALL.iter().map(|counter| counter.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), C::ALL.len(), "two counters share a name");
    for counter in C::ALL {
        let mut counters: Counters<C> = Counters::new();
        counters.add(*counter);
        let moved: Vec<_> = counters.named().filter(|(_, count)| *count > 0).collect();
        assert_eq!(moved, [(counter.name(), 1)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    counters! {
        enum Fruit {
            /// Red.
            Apple => "apples",
            /// Yellow.
            Pear => "pears",
        }
    }

    #[test]
    fn each_counter_counts_for_itself_and_sums_are_by_counter() {
        assert_distinct::<Fruit>();
        let mut here: Counters<Fruit> = Counters::new();
        here.add_many(Fruit::Apple, 3);
        let mut there: Counters<Fruit> = Counters::default();
        there.add(Fruit::Pear);
        there.merge(&here);
        assert_eq!(
            there.named().collect::<Vec<_>>(),
            [("apples", 3), ("pears", 1)]
        );
        here.copy_from(&there);
        assert_eq!(here, there);
        assert_eq!(here.get(Fruit::Pear), 1);
    }
}
