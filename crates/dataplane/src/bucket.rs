//! A token bucket that is one moment in time: when it will be full again.
//!
//! Taking a token moves that moment by one interval; it may not lie further ahead than a whole burst takes to come back.
//! This is the virtual scheduling form of the generic cell rate algorithm (ITU-T I.371 annex A).

use std::time::{Duration, Instant};

/// How many tokens a bucket holds, and how fast they come back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Tokens of a full bucket, at least 1.
    pub(crate) burst: u32,
    /// Time until one token comes back.
    pub(crate) interval: Duration,
}

/// Whether there was a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token {
    Taken,
    None,
}

/// See the module's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// A bucket that is full now.
    pub(crate) const fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes a token if there is one. A moment that lies before an earlier one counts as that.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> Token {
        let missing = self.full_at.saturating_duration_since(now);
        if missing > rate.interval * rate.burst.saturating_sub(1) {
            return Token::None;
        }
        self.full_at = now.max(self.full_at) + rate.interval;
        Token::Taken
    }
}

#[cfg(test)]
mod tests;
