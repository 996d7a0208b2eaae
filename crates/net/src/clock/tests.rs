//! Clocks run forward.

use super::*;

#[test]
fn time_does_not_go_back() {
    let first = now();
    assert!(now() >= first);
}

#[test]
fn the_wall_clock_is_past_the_day_this_was_written() {
    let (seconds, nanoseconds) = wall();
    assert!(seconds > 1_700_000_000);
    assert!(nanoseconds < 1_000_000_000);
}
