//! Waiting for something, with an end.

use std::time::{Duration, Instant};

use linkveil_net::clock;

/// How long a test waits for what must come. Only a failing test waits that long.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(20);

/// Lets time pass.
#[expect(
    clippy::disallowed_methods,
    reason = "real sockets and processes live in real time"
)]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Looks again and again until `look` finds something, and returns that.
///
/// # Panics
///
/// If nothing is found within [`PATIENCE`]; the message names `what`.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = clock::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            clock::now() < end,
            "{what}: not within {} s",
            PATIENCE.as_secs()
        );
        pause(INTERVAL);
    }
}

/// A pace to keep: one step in so much time.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// From now on one step every `interval`.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self {
            interval,
            next: clock::now(),
        }
    }

    /// Waits for the time of the next step. One who is late catches up.
    pub fn keep(&mut self) {
        self.next += self.interval;
        pause(self.next.saturating_duration_since(clock::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_first_thing_found() {
        let mut looks = 0;
        let found = wait_for("the third look", || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found, 3);
    }
}
