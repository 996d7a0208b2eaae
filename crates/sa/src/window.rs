//! The replay window: which packet numbers of one key were accepted already. Lane keys use it, and
//! the associations of MACsec.
//!
//! A bitmap in a ring of words (RFC 6479): moving the window forward clears whole words and never
//! shifts a bit. One word is always being entered, so it does not count towards the width.

use linkveil_wire::PacketNumber;

const WORD_BITS: u64 = u64::BITS as u64;
/// Words in the ring: a power of two, so that the index is a mask. 2 KiB a window.
const WORDS: usize = 256;
/// How far behind the highest accepted number a packet may be: 16,320. At a million packets a
/// second on one lane that is 16 ms of reordering.
pub const WINDOW_PACKETS: u64 = (WORDS as u64 - 1) * WORD_BITS;

const _: () = assert!(WORDS.is_power_of_two());
const _: () = assert!(WINDOW_PACKETS >= 8_192);

/// Why a packet number was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replay {
    /// Accepted once already.
    Duplicate,
    /// Too far behind the highest accepted number to tell, or 0.
    TooOld,
}

/// How an accepted number stands to those before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// Above all of them.
    Newest,
    /// A greater one came earlier.
    Late,
}

/// The accepted numbers of one key. Whoever owns the key's only window does check, AEAD and commit
/// in one function, in this order: a number that is committed before its packet is authentic lets
/// forgeries push out what is genuine, and one that is not committed is accepted again.
///
/// Not `Clone`: a second window for one key would accept a second time.
#[derive(Debug)]
pub struct ReplayWindow {
    /// Highest accepted number; 0 before the first.
    highest: u64,
    /// Bit `n % WORD_BITS` of word `n / WORD_BITS % WORDS` stands for number `n`.
    words: [u64; WORDS],
}

impl ReplayWindow {
    /// A window that has accepted nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            highest: 0,
            words: [0; WORDS],
        }
    }

    /// Whether the number may be accepted. Changes nothing: only an authenticated packet may.
    ///
    /// # Errors
    /// [`Replay`] for a number that must not be accepted.
    #[inline]
    pub fn check(&self, number: PacketNumber) -> Result<(), Replay> {
        let number = number.get();
        if number > self.highest {
            return Ok(());
        }
        if number == 0 || self.highest - number >= WINDOW_PACKETS {
            return Err(Replay::TooOld);
        }
        match self.words.get(index(word_of(number))) {
            Some(word) if word & bit(number) == 0 => Ok(()),
            _ => Err(Replay::Duplicate),
        }
    }

    /// Whether no number was ever accepted.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.highest == 0
    }

    /// Marks a number as accepted, for which [`Self::check`] said yes and whose packet is
    /// authentic by now.
    #[inline]
    pub fn commit(&mut self, number: PacketNumber) -> Arrival {
        let number = number.get();
        let arrival = if number > self.highest {
            self.clear_between(word_of(self.highest), word_of(number));
            self.highest = number;
            Arrival::Newest
        } else {
            Arrival::Late
        };
        if let Some(word) = self.words.get_mut(index(word_of(number))) {
            *word |= bit(number);
        }
        arrival
    }

    /// Clears the words after `old` up to and including `new`, each at most once.
    fn clear_between(&mut self, old: u64, new: u64) {
        for step in 1..=(new - old).min(WORDS as u64) {
            if let Some(word) = self.words.get_mut(index(old + step)) {
                *word = 0;
            }
        }
    }
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self::new()
    }
}

const fn word_of(number: u64) -> u64 {
    number / WORD_BITS
}

/// Place of a word in the ring.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is below WORDS"
)]
const fn index(word: u64) -> usize {
    (word % WORDS as u64) as usize
}

const fn bit(number: u64) -> u64 {
    1 << (number % WORD_BITS)
}

#[cfg(test)]
mod tests;
