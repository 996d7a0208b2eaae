//! The learner against a plain list, and each row of its table.

use linkveil_net::clock;
use linkveil_sa::PeerId;
use proptest::prelude::*;

use super::*;

const VPC: VpcIndex = VpcIndex::new(0);
const B: MacOwner = MacOwner::Peer(PeerId::new(0));
const C: MacOwner = MacOwner::Peer(PeerId::new(1));

fn mac(number: u16) -> MacAddr {
    let [a, b] = number.to_be_bytes();
    MacAddr::new([2, 0, 0, 0, a, b])
}

fn seen(number: u16, owner: MacOwner) -> Sighting {
    let mac = mac(number);
    Sighting {
        vpc: VPC,
        mac,
        owner,
    }
}

/// The counters that moved.
fn counted(learner: &MacLearner) -> Vec<(&'static str, u64)> {
    let named = learner.counters().named();
    named.filter(|(_, count)| *count > 0).collect()
}

// REQ-L2-5, REQ-L2-6
#[test]
fn a_station_moves_between_peers_and_to_the_local_side_and_never_from_it() {
    let now = clock::now();
    let mut learner = MacLearner::new(1, now);
    let steps = [(B, B), (C, C), (MacOwner::Local, MacOwner::Local)];
    let refused = [(B, MacOwner::Local), (C, MacOwner::Local)];
    for (owner, expected) in steps.into_iter().chain(refused) {
        learner.handle_sighting(seen(1, owner), now);
        for place in [B, C, MacOwner::Local] {
            let count = usize::from(place == expected);
            assert_eq!(learner.count(place), count, "{owner:?} {place:?}");
        }
    }
    assert_eq!(
        counted(&learner),
        [
            ("macs_learned", 1),
            ("macs_moved", 2),
            ("macs_refused_local", 2)
        ]
    );
}

// REQ-L2-14
#[test]
fn a_full_share_takes_no_more_and_leaves_the_others_alone() {
    let now = clock::now();
    let mut learner = MacLearner::new(2, now);
    learner.handle_sighting(seen(0, C), now);
    for number in 1..=4_100 {
        learner.handle_sighting(seen(number, B), now);
    }
    // A station at another peer stays there, too.
    learner.handle_sighting(seen(0, B), now);
    learner.handle_sighting(seen(5_000, C), now);
    let elsewhere = Sighting {
        vpc: VpcIndex::new(1),
        ..seen(5_000, B)
    };
    learner.handle_sighting(elsewhere, now);
    assert_eq!(learner.count_in(VPC, B), MAX_MACS_PER_OWNER);
    assert_eq!((learner.count(B), learner.count(C)), (4_097, 2));
    assert_eq!(
        counted(&learner),
        [("macs_learned", 4_099), ("macs_refused_full", 5)]
    );
    let tables = learner.poll_tables(now).unwrap();
    assert_eq!(tables.owner(VPC, mac(0)), Some(C));
}

// REQ-L2-14
#[test]
fn stations_that_say_nothing_are_forgotten_local_ones_too() {
    let start = clock::now();
    let mut learner = MacLearner::new(1, start);
    for owner in [B, MacOwner::Local] {
        let number = u16::from(owner == B);
        learner.handle_sighting(seen(number, owner), start);
    }
    learner.handle_sighting(seen(7, C), start);
    learner.poll_tables(start).unwrap();
    let later = start + Duration::from_secs(290);
    learner.handle_sighting(seen(7, C), later);
    learner.handle_timeout(later);
    assert_eq!(learner.poll_tables(later).map(|_| ()), None);
    assert!(learner.poll_timeout().is_some_and(|due| due > later));

    let end = start + Duration::from_secs(301);
    learner.handle_timeout(end);
    let tables = learner.poll_tables(end).unwrap();
    let known = [0, 1, 7].map(|number| tables.owner(VPC, mac(number)));
    assert_eq!(known, [None, None, Some(C)]);
    // It may be anywhere now.
    learner.handle_sighting(seen(0, C), end);
    assert_eq!(learner.count(C), 2);
    assert_eq!(counted(&learner), [("macs_learned", 4), ("macs_aged", 2)]);
}

#[test]
fn changes_are_published_in_batches_that_grow_apart_with_the_table() {
    let mut now = clock::now();
    let mut learner = MacLearner::new(2, now);
    assert_eq!(learner.poll_timeout(), None);
    learner.handle_sighting(seen(1, B), now);
    assert_eq!(learner.poll_timeout(), Some(now));
    let first = learner.poll_tables(now).unwrap();
    learner.handle_sighting(seen(2, B), now);
    assert_eq!(learner.poll_timeout(), Some(now + PUBLISH_INTERVAL));
    assert!(learner.poll_tables(now).is_none(), "too early");
    now += PUBLISH_INTERVAL;
    let second = learner.poll_tables(now).unwrap();
    assert!(learner.poll_tables(now).is_none(), "nothing new");
    // What is published is not changed any more, and VPCs that did not change are shared.
    assert_eq!(first.owner(VPC, mac(2)), None);
    assert_eq!(second.owner(VPC, mac(2)), Some(B));
    assert_eq!(second.owner(VpcIndex::new(1), mac(2)), None);

    for (peer, number) in (0..10_000_u16).map(|number| (u32::from(number / 4_000), number)) {
        learner.handle_sighting(seen(number, MacOwner::Peer(PeerId::new(peer))), now);
    }
    now += PUBLISH_INTERVAL;
    learner.poll_tables(now).unwrap();
    learner.handle_sighting(seen(10_001, C), now);
    assert_eq!(learner.poll_timeout(), Some(now + 2 * PUBLISH_INTERVAL));
}

#[test]
fn sightings_of_vpcs_that_do_not_exist_change_nothing() {
    let now = clock::now();
    let mut learner = MacLearner::new(0, now);
    learner.handle_sighting(seen(1, B), now);
    assert_eq!((learner.count(B), counted(&learner)), (0, vec![]));
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    See(u16, MacOwner),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let owner = prop::sample::select(vec![MacOwner::Local, B, C]);
    prop_oneof![
        8 => (0_u16..12, owner).prop_map(|(number, owner)| Step::See(number, owner)),
        1 => (0_u64..200).prop_map(Step::Wait),
    ]
}

proptest! {
    // REQ-L2-5, REQ-L2-6, REQ-L2-14
    #[test]
    fn the_published_table_is_that_of_a_plain_list(steps in prop::collection::vec(step(), 1..200)) {
        let start = clock::now();
        let (mut now, mut learner) = (start, MacLearner::new(1, start));
        let mut list: Vec<(u16, MacOwner, Instant)> = Vec::new();
        for step in steps {
            match step {
                Step::See(number, owner) => {
                    learner.handle_sighting(seen(number, owner), now);
                    match list.iter_mut().find(|(known, ..)| *known == number) {
                        None => list.push((number, owner, now)),
                        Some((_, known, _)) if *known == MacOwner::Local && owner != *known => {}
                        Some(entry) => (entry.1, entry.2) = (owner, now),
                    }
                }
                Step::Wait(seconds) => {
                    // A sweep comes every ten seconds.
                    for _ in 0..seconds {
                        now += Duration::from_secs(1);
                        let due = (now - start).as_secs().is_multiple_of(10);
                        if due {
                            list.retain(|(_, _, seen)| now - *seen < AGEING);
                        }
                        learner.handle_timeout(now);
                    }
                }
            }
        }
        now += PUBLISH_INTERVAL;
        let tables = learner.poll_tables(now).unwrap_or_default();
        for number in 0..12 {
            let expected = list.iter().find(|(known, ..)| *known == number).map(|(_, owner, _)| *owner);
            prop_assert_eq!(tables.owner(VPC, mac(number)), expected);
        }
        for owner in [MacOwner::Local, B, C] {
            let expected = list.iter().filter(|(_, known, _)| *known == owner).count();
            prop_assert_eq!(learner.count(owner), expected);
        }
    }
}
