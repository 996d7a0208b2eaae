//! Time that passes only when the world says so.

use linkveil_wire::Timestamp;
use std::time::{Duration, Instant};

/// Seconds since the Unix epoch at which every world begins.
const START_UNIX: u64 = 1_750_000_000;

/// Longer than any run takes.
const AHEAD: Duration = Duration::from_secs(86_400);

/// The one clock of a world. Gateways see it as their monotonic clock; their wall clocks may be
/// off, each by as much as it likes.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    base: Instant,
    elapsed: Duration,
}

impl VirtualClock {
    /// A clock that shows zero.
    #[must_use]
    pub fn new() -> Self {
        // An Instant has no other constructor; only differences to it are ever used. It lies ahead of the real time that
        // new lanes read once, so that they never find virtual time in their past.
        let base = linkveil_net::clock::now() + AHEAD;
        Self {
            base,
            elapsed: Duration::ZERO,
        }
    }

    /// Time since the world began.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The same as a point in monotonic time.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.base + self.elapsed
    }

    /// Time since the world began of a point in monotonic time; zero for the past.
    #[must_use]
    pub fn elapsed_at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.base)
    }

    /// The time of day of a gateway whose wall clock is off.
    #[must_use]
    pub fn wall(&self, offset: WallOffset) -> Timestamp {
        let seconds = START_UNIX
            .saturating_add(self.elapsed.as_secs())
            .saturating_add_signed(offset.0);
        Timestamp::from_unix(seconds, self.elapsed.subsec_nanos())
    }

    /// Lets time pass up to a later point; an earlier one changes nothing.
    pub fn advance_to(&mut self, elapsed: Duration) {
        self.elapsed = self.elapsed.max(elapsed);
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

/// How far a gateway's wall clock is off, in whole seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WallOffset(i64);

impl WallOffset {
    /// So many seconds ahead, or behind when negative.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// After a step by so many seconds, forwards or back.
    #[must_use]
    pub const fn stepped(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}
