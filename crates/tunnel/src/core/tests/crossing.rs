//! Both call at once: whatever the order, one common epoch remains.

use std::sync::Arc;

use linkveil_crypto::{
    Decapsulate, DeterministicMlKem768, EncapsulationKey, Kem, KemCiphertext, KemError, Random,
    SharedSecret,
};

use crate::PqPolicy;
use crate::counters::ControlCounter;
use crate::limits::CROSSED_RETRY_PAUSE;
use crate::testing::*;

/// Both call. Without ML-KEM, so that thousands of runs are cheap; crossing does not look at it.
fn both_call() -> World {
    World::pair(|setups| {
        setups[SMALL].policy = PqPolicy::Off;
        setups[GREAT].policy = PqPolicy::Off;
    })
}

// REQ-CROSS-1, REQ-CROSS-2
#[test]
fn the_greater_key_answers_and_the_smaller_one_ignores() {
    let mut world = both_call();
    world.deliver_first(GREAT, Class::Initiation);
    assert_eq!(world.count(SMALL, ControlCounter::CrossedIgnored), 1);
    assert!(world.times(SMALL, Class::Response).is_empty());
    world.deliver_first(SMALL, Class::Initiation);
    assert_eq!(world.times(GREAT, Class::Response).len(), 1);
    world.settle();
    world.assert_agreed();
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesCompleted), 1);
    assert_eq!(world.count(GREAT, ControlCounter::HandshakesCompleted), 1);
}

/// Runs one world to its end; every datagram of the first rounds arrives in the order of the choices or never.
fn run(choices: &mut Choices, losses: usize) -> World {
    let mut world = both_call();
    let mut losses = losses;
    while !world.wire.is_empty() {
        let waiting = world.wire.len();
        let fates = if losses > 0 { 2 * waiting } else { waiting };
        let choice = choices.choose(fates);
        let flight = world.wire.remove(choice % waiting).unwrap();
        if choice < waiting {
            world.deliver(&flight);
        } else {
            losses -= 1;
        }
    }
    world
}

fn assert_converges(mut choices: Choices, losses: usize) -> usize {
    let mut runs = 0;
    loop {
        let mut world = run(&mut choices, losses);
        if losses == 0 {
            assert!(
                world.agreed(),
                "without a loss no timer is needed: {:?}",
                choices.taken
            );
        }
        world.advance(secs(40));
        assert!(
            world.agreed(),
            "after {:?}: {:#?}",
            choices.taken,
            world.status(SMALL)
        );
        for node in [SMALL, GREAT] {
            assert_eq!(
                world.nodes[node].lanes.receiving(),
                1,
                "{:?}",
                choices.taken
            );
        }
        runs += 1;
        if !choices.advance() {
            return runs;
        }
    }
}

// REQ-CROSS-3
#[test]
fn crossed_initiations_converge_in_every_order() {
    let runs = assert_converges(Choices::new(12), 0);
    assert!(runs >= 20, "{runs}");
}

// REQ-CROSS-3: the same with any one of the first messages lost.
#[test]
fn crossed_initiations_converge_in_every_order_with_one_loss() {
    let runs = assert_converges(Choices::new(5), 1);
    assert!(runs >= 50, "{runs}");
}

// REQ-CROSS-4: the small one is configured with an endpoint where nobody is.
#[test]
fn a_dead_endpoint_is_cured_by_calling_back() {
    let mut world = both_call();
    world.nodes[GREAT].address = address(99);
    world.wire.clear();
    // The great one calls again from where it is now.
    world.next_timer(GREAT);
    world.wire.retain(|flight| flight.from == address(99));
    world.settle();
    world.assert_agreed();
    assert_eq!(world.status(SMALL).endpoint, Some(path(address(99))));
}

// REQ-CROSS-4, section 13
#[test]
fn calls_back_are_limited() {
    let mut world = both_call();
    let initiation = world.take(GREAT, Class::Initiation);
    world.wire.clear();
    for _ in 0..5 {
        world.deliver(&initiation);
    }
    assert_eq!(world.count(SMALL, ControlCounter::CrossedIgnored), 5);
    assert_eq!(world.classes(), [Class::Initiation]);
    world.cuts.push((GREAT, Class::Initiation));
    world.wire.clear();
    while world.elapsed() < CROSSED_RETRY_PAUSE {
        world.next_timer(SMALL);
    }
    world.wire.clear();
    world.deliver(&initiation);
    assert_eq!(world.classes(), [Class::Initiation]);
}

// REQ-CROSS-2, REQ-CLK-2: what was ignored was not accepted.
#[test]
fn an_ignored_initiation_does_not_count_as_accepted() {
    let mut world = both_call();
    let initiation = world.wire[1].clone();
    assert_eq!(initiation.from, world.nodes[GREAT].address);
    world.settle();
    world.assert_agreed();
    assert_eq!(world.count(SMALL, ControlCounter::CrossedIgnored), 1);
    world.deliver(&initiation);
    assert_eq!(world.count(SMALL, ControlCounter::Stale), 0);
    assert_eq!(world.nodes[SMALL].lanes.receiving(), 2);
}

// REQ-CROSS-3, REQ-EPOCH-10: both rekey, nothing is pending when the initiations arrive, and one Confirm is late.
#[test]
fn two_rekeys_that_overlap_leave_one_common_epoch() {
    let mut world = both_call();
    world.settle();
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.deliver_first(SMALL, Class::Initiation);
    world.wait(millis(1));
    world.poke(GREAT, |core, now| core.rekey(PEER, now));
    world.deliver_first(GREAT, Class::Response);
    world.deliver_first(GREAT, Class::Initiation);
    world.deliver_first(SMALL, Class::Response);
    // The Confirms of both cross.
    assert_eq!(world.classes(), [Class::Confirm, Class::Confirm]);
    world.settle();
    world.assert_agreed();
}

/// Sends a key that no responder takes.
struct Malformed;

impl Kem for Malformed {
    fn generate(
        &self,
        random: &mut dyn Random,
    ) -> Result<(Box<dyn Decapsulate>, EncapsulationKey), KemError> {
        let (secret, _) = DeterministicMlKem768.generate(random)?;
        Ok((secret, EncapsulationKey::new(Box::new([0xff; 1_184]))))
    }

    fn encapsulate(
        &self,
        key: &EncapsulationKey,
        random: &mut dyn Random,
    ) -> Result<(KemCiphertext, SharedSecret), KemError> {
        DeterministicMlKem768.encapsulate(key, random)
    }
}

// REQ-PQ-6
#[test]
fn a_malformed_kem_key_is_counted_and_makes_no_epoch() {
    let mut world = World::pair(|setups| {
        setups[SMALL].kem = Arc::new(Malformed);
        setups[GREAT].knows_endpoints = Endpoints::Unknown;
    });
    world.settle();
    assert_eq!(world.counted(GREAT), [("handshake_malformed_kem_key", 1)]);
    assert_eq!(world.nodes[GREAT].lanes.deeds, []);
}

// REQ-LIVE-2: an initiation that makes no epoch does not end our own effort.
#[test]
fn a_crossed_initiation_that_comes_to_nothing_does_not_end_our_own_effort() {
    let mut world = World::pair(|setups| setups[SMALL].kem = Arc::new(Malformed));
    world.cuts.push((GREAT, Class::Initiation));
    world.wire.retain(|flight| flight.from == address(1));
    world.settle();
    assert_eq!(world.count(GREAT, ControlCounter::MalformedKemKey), 1);
    assert!(world.nodes[GREAT].core.poll_timeout().is_some());
}

// REQ-CROSS-1, REQ-CLK-5: a node that calls after its restart answers a recorded initiation, and goes on calling.
#[test]
fn a_recorded_initiation_does_not_end_the_call_of_a_node_that_has_just_restarted() {
    let mut world = World::pair(|_| {});
    let recorded = world.take(SMALL, Class::Initiation);
    world.wire.push_back(recorded.clone());
    world.settle();
    world.advance(secs(100));
    let [_, mut setup] = sorted_setups();
    setup.seed = 77;
    setup.wall += 1;
    world.restart(GREAT, setup);
    let call = world.take(GREAT, Class::Initiation);
    world.deliver(&recorded);
    assert_eq!(world.classes(), [Class::Response]);
    world.wire.clear();
    world.deliver(&call);
    world.settle();
    world.assert_agreed();
    assert_eq!(world.elapsed(), secs(100));
    // And a lost call is repeated.
    world.advance(secs(60));
    world.assert_agreed();
    assert_eq!(world.count(GREAT, ControlCounter::HandshakesCompleted), 1);
}

// REQ-CROSS-1, REQ-LIVE-2: the same with the call lost.
#[test]
fn a_lost_call_is_repeated_whatever_recorded_initiations_come_in_between() {
    let mut world = World::pair(|_| {});
    let recorded = world.take(SMALL, Class::Initiation);
    world.wire.push_back(recorded.clone());
    world.settle();
    let [_, mut setup] = sorted_setups();
    setup.seed = 77;
    setup.wall += 1;
    world.restart(GREAT, setup);
    world.wire.clear();
    world.deliver(&recorded);
    world.wire.clear();
    world.advance(secs(2));
    world.assert_agreed();
}
