//! A token bucket in one number: the moment at which it will be full again. Control and lanes limit with it what others
//! may make them do.

use std::time::{Duration, Instant};

/// How many tokens a bucket holds and how fast they come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Time for one token to come back.
    pub every: Duration,
    /// Tokens of a full bucket.
    pub burst: u32,
}

impl Budget {
    /// So many a second, and as many at once.
    #[must_use]
    pub const fn per_second(tokens: u32) -> Self {
        Self {
            every: Duration::from_nanos(1_000_000_000 / tokens as u64),
            burst: tokens,
        }
    }

    /// Time for an empty bucket to be full again.
    const fn refill(self) -> Duration {
        self.every.saturating_mul(self.burst)
    }
}

/// No token is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused;

/// A bucket; full at first. Its budget is a constant of the one who owns it, so it is not kept in each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes a token out.
    ///
    /// # Errors
    ///
    /// There is none; the bucket stays as it was.
    pub fn take(&mut self, budget: Budget, now: Instant) -> Result<(), Refused> {
        if !self.has(budget, now) {
            return Err(Refused);
        }
        let from = self.full_at.map_or(now, |full| full.max(now));
        self.full_at = Some(from + budget.every);
        Ok(())
    }

    /// Whether a token is in it.
    #[must_use]
    pub fn has(&self, budget: Budget, now: Instant) -> bool {
        self.missing(now) + budget.every <= budget.refill()
    }

    /// Whether none is missing, so that a new bucket would do as well.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.missing(now).is_zero()
    }

    fn missing(&self, now: Instant) -> Duration {
        self.full_at
            .map_or(Duration::ZERO, |full| full.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests;
