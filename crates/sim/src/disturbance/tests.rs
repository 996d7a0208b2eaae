use super::*;
use crate::random::Seed;

#[test]
fn many_troubles_hold_every_kind_of_disturbance_in_order_and_end_after_the_last() {
    let mut random = Seed::new(3).stream(0);
    let mut kinds = std::collections::BTreeSet::new();
    for _ in 0..500 {
        let trouble = Trouble::draw(&mut random, Mobility::Mobile(SIDES[0]));
        assert!(trouble.events.is_sorted_by_key(|(at, _)| *at));
        let stops = |wanted: GatewayId| {
            let events = trouble.events.iter();
            events
                .filter(|(_, event)| matches!(event, Disturbance::Stop(side, _) if *side == wanted))
                .count()
        };
        for (at, event) in &trouble.events {
            assert!(*at <= trouble.length);
            if let Disturbance::Start(side) = event {
                assert!(stops(*side) > 0);
            }
            let name = format!("{event:?}");
            kinds.insert(name.split('(').next().map(str::to_owned));
        }
    }
    assert_eq!(kinds.len(), 10, "{kinds:?}");
}

#[test]
fn who_is_fixed_is_never_moved() {
    let mut random = Seed::new(4).stream(0);
    for _ in 0..200 {
        let trouble = Trouble::draw(&mut random, Mobility::Fixed);
        let moved = |(_, event): &(Duration, Disturbance)| matches!(event, Disturbance::Move(_));
        assert!(!trouble.events.iter().any(moved));
    }
}
