//! A token bucket in one number: the moment at which it will be full again.

use std::time::{Duration, Instant};

use crate::limits::Budget;

/// No token is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refused;

/// A bucket; full at first. Its budget is a constant of the one who owns it, so it is not kept in each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes a token out.
    pub(crate) fn take(&mut self, budget: Budget, now: Instant) -> Result<(), Refused> {
        if !self.has(budget, now) {
            return Err(Refused);
        }
        let from = self.full_at.map_or(now, |full| full.max(now));
        self.full_at = Some(from + budget.every);
        Ok(())
    }

    /// Whether a token is in it.
    pub(crate) fn has(&self, budget: Budget, now: Instant) -> bool {
        self.missing(now) + budget.every <= budget.refill()
    }

    /// Whether none is missing, so that a new bucket would do as well.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.missing(now).is_zero()
    }

    fn missing(&self, now: Instant) -> Duration {
        self.full_at
            .map_or(Duration::ZERO, |full| full.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests;
