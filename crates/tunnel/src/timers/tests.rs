//! The ordered set against a plain scan.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::testing::start;

proptest! {
    #[test]
    fn the_next_deadline_is_the_least_of_all(
        orders in prop::collection::vec((0usize..5, prop::option::of(0u64..50)), 0..60),
    ) {
        let base = start();
        let mut timers = Timers::new(5);
        let mut model = [None; 5];
        for (peer, deadline) in orders {
            let deadline = deadline.map(|ms| (base + Duration::from_millis(ms), TimerKind::Retry));
            model[peer] = deadline;
            timers.set(PeerId::new(u32::try_from(peer).unwrap()), deadline);
            let least = model.iter().flatten().min().copied();
            prop_assert_eq!(timers.next(), least);
            let due = timers.due(base + Duration::from_millis(25));
            let expected = least.filter(|(at, _)| *at <= base + Duration::from_millis(25));
            prop_assert_eq!(due.is_some(), expected.is_some());
            if let Some(peer) = due {
                prop_assert_eq!(model[peer.index()], expected);
            }
        }
    }
}

#[test]
fn a_peer_that_does_not_exist_has_no_timer() {
    let mut timers = Timers::new(1);
    timers.set(PeerId::new(1), Some((start(), TimerKind::Drain)));
    assert_eq!(timers.next(), None);
}
