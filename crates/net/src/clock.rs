//! The clock, read here and in the binary and nowhere else.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The monotonic time. A lane reads it once a turn and hands it down.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the clock"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock as (seconds, nanoseconds) since 1970 in UTC. A clock set before 1970 reads as zero.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the clock"
)]
pub fn wall() -> (u64, u32) {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    (since.as_secs(), since.subsec_nanos())
}

#[cfg(test)]
mod tests;
