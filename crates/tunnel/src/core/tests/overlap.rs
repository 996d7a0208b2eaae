//! Both rekey, and the handshakes overlap: each side may finish them in another order, and both must keep the same one.

use std::time::Duration;

use linkveil_wire::Spi;

use crate::PqPolicy;
use crate::counters::ControlCounter;
use crate::testing::*;

/// By how much wall clocks differ: each side's epochs may be the newer ones.
#[derive(Clone, Copy, Debug)]
enum Clocks {
    Equal,
    Ahead(usize),
}

const CLOCKS: [Clocks; 3] = [Clocks::Equal, Clocks::Ahead(SMALL), Clocks::Ahead(GREAT)];

/// Two nodes with common keys. Without ML-KEM, so that thousands of runs are cheap.
fn settled(clocks: Clocks) -> World {
    let mut world = World::pair(|setups| {
        for setup in &mut *setups {
            setup.policy = PqPolicy::Off;
        }
        if let Clocks::Ahead(node) = clocks {
            setups[node].wall += 3_600;
        }
    });
    world.settle();
    world.assert_agreed();
    world
}

fn rekey(world: &mut World, node: usize) {
    world.poke(node, |core, now| core.rekey(PEER, now));
}

/// Whether the other node opens what this one would send now.
fn is_heard(world: &World, node: usize) -> bool {
    let body = world.nodes[node].lanes.seal(PEER, None);
    let other = &world.nodes[1 - node].lanes;
    matches!(body, Some(Body::Sealed { spi, .. }) if other.receives_on(spi))
}

/// Lets time pass in small steps; for how long the nodes did not agree, and how often one sent what nobody opens.
fn watch(world: &mut World, duration: Duration) -> (Duration, usize) {
    let step = millis(50);
    let end = world.elapsed() + duration;
    let (mut apart, mut unheard) = (Duration::ZERO, 0);
    while world.elapsed() < end {
        if !world.agreed() {
            apart += step;
        }
        unheard += [SMALL, GREAT]
            .iter()
            .filter(|node| !is_heard(world, **node))
            .count();
        world.step(step);
    }
    (apart, unheard)
}

/// The great node's response is on its way when the other one calls, too, and is overtaken by that call: the great one
/// finishes the other's handshake first and its own last, and the small one the other way round.
fn overtaken(world: &mut World) {
    rekey(world, GREAT);
    world.deliver_first(GREAT, Class::Initiation);
    let late = world.take(SMALL, Class::Response);
    rekey(world, SMALL);
    world.deliver_first(SMALL, Class::Initiation);
    world.deliver(&late);
}

// REQ-CROSS-3, REQ-CROSS-5, REQ-EPOCH-10
#[test]
fn a_response_that_is_overtaken_by_a_call_leaves_one_common_epoch() {
    for clocks in CLOCKS {
        let mut world = settled(clocks);
        overtaken(&mut world);
        let (apart, unheard) = watch(&mut world, secs(40));
        // One way for the Confirms, one for the answer.
        assert!(apart <= millis(100), "{clocks:?}: {apart:?}");
        assert_eq!(unheard, 0, "{clocks:?}");
        world.assert_agreed();
    }
}

/// What a run of the nodes does next, besides what arrives.
struct Run {
    world: World,
    /// Who rekeys next, and who later.
    rekeys: Vec<usize>,
    /// Messages that may still be lost.
    losses: usize,
    /// To whom, on which SPI something was sent: it may arrive at any time until the epoch has drained.
    under_way: Vec<(usize, Spi)>,
}

impl Run {
    fn note_what_is_sent(&mut self) {
        for node in [SMALL, GREAT] {
            let body = self.world.nodes[node].lanes.seal(PEER, None);
            let Some(Body::Sealed { spi, .. }) = body else {
                panic!("{node} has no keys to send under");
            };
            if !self.under_way.contains(&(1 - node, spi)) {
                self.under_way.push((1 - node, spi));
            }
        }
    }

    /// The next of all the things that can happen: a message arrives, or is lost, or a node rekeys. False at the end.
    fn next(&mut self, choices: &mut Choices) -> bool {
        let waiting = self.world.wire.len();
        let lost = if self.losses > 0 { waiting } else { 0 };
        let all = waiting + lost + usize::from(!self.rekeys.is_empty());
        if all == 0 {
            return false;
        }
        let choice = choices.choose(all);
        self.world.wait(Duration::from_micros(1));
        if choice >= waiting + lost {
            let node = self.rekeys.remove(0);
            rekey(&mut self.world, node);
        } else {
            let flight = self.world.wire.remove(choice % waiting).unwrap();
            if choice < waiting {
                self.world.deliver(&flight);
            } else {
                self.losses -= 1;
            }
        }
        self.note_what_is_sent();
        true
    }

    #[track_caller]
    fn assert_nothing_lost(&self, choices: &Choices) {
        for (node, spi) in &self.under_way {
            let receives = self.world.nodes[*node].lanes.receives_on(*spi);
            assert!(
                receives,
                "{node} no longer receives on {spi:?}: {:?}",
                choices.taken
            );
        }
    }
}

fn assert_all_agree(clocks: Clocks, rekeys: &[usize], depth: usize, losses: usize) -> usize {
    let mut choices = Choices::new(depth);
    let mut runs = 0;
    loop {
        let world = settled(clocks);
        let (rekeys, under_way) = (rekeys.to_vec(), Vec::new());
        let mut run = Run {
            world,
            rekeys,
            losses,
            under_way,
        };
        while run.next(&mut choices) {}
        run.assert_nothing_lost(&choices);
        if losses == 0 {
            assert!(run.world.agreed(), "{clocks:?} {:?}", choices.taken);
        }
        let (_, unheard) = watch(&mut run.world, secs(15));
        assert_eq!(unheard, 0, "{clocks:?} {:?}", choices.taken);
        assert!(run.world.agreed(), "{clocks:?} {:?}", choices.taken);
        for node in [SMALL, GREAT] {
            let receiving = run.world.nodes[node].lanes.receiving();
            assert_eq!(receiving, 1, "{clocks:?} {:?}", choices.taken);
        }
        runs += 1;
        if !choices.advance() {
            return runs;
        }
    }
}

// REQ-CROSS-3, REQ-CROSS-5, REQ-CROSS-6, REQ-EPOCH-10
#[test]
fn overlapping_rekeys_agree_in_every_order() {
    for clocks in CLOCKS {
        for first in [SMALL, GREAT] {
            let runs = assert_all_agree(clocks, &[first, 1 - first], 12, 0);
            assert!(runs >= 30, "{runs}");
            let runs = assert_all_agree(clocks, &[first, 1 - first, first], 6, 0);
            assert!(runs >= 20, "{runs}");
        }
    }
}

// REQ-CROSS-3, REQ-CROSS-5, REQ-CROSS-6, REQ-EPOCH-10: the same with up to two of the messages lost.
#[test]
fn overlapping_rekeys_agree_in_every_order_with_two_losses() {
    for clocks in CLOCKS {
        for first in [SMALL, GREAT] {
            let runs = assert_all_agree(clocks, &[first, 1 - first], 8, 2);
            assert!(runs >= 100, "{runs}");
        }
    }
}

// REQ-CROSS-6: a late initiation, and one of a peer that has restarted and whose clock is far behind.
#[test]
fn an_initiation_older_than_an_own_epoch_is_told_so() {
    let mut world = settled(Clocks::Ahead(GREAT));
    rekey(&mut world, GREAT);
    world.deliver_first(GREAT, Class::Initiation);
    world.deliver_first(SMALL, Class::Response);
    let _lost = world.take(GREAT, Class::Confirm);
    let [mut setup, _] = sorted_setups();
    setup.policy = PqPolicy::Off;
    setup.seed = 77;
    setup.wall += 1;
    world.restart(SMALL, setup);
    world.deliver_first(SMALL, Class::Initiation);
    assert_eq!(world.count(GREAT, ControlCounter::Stale), 1);
    world.deliver_first(GREAT, Class::Response);
    assert_eq!(world.count(SMALL, ControlCounter::StaleAnswer), 1);
    world.settle();
    world.assert_agreed();
    assert_eq!(world.count(SMALL, ControlCounter::HandshakeRetries), 0);
}

// REQ-CROSS-5: what is overtaken before it was ever sent under is wiped at once.
#[test]
fn an_own_epoch_that_is_overtaken_while_lanes_install_it_goes() {
    let mut world = settled(Clocks::Equal);
    rekey(&mut world, GREAT);
    world.deliver_first(GREAT, Class::Initiation);
    let response = world.take(SMALL, Class::Response);
    world.wait(millis(1));
    rekey(&mut world, SMALL);
    world.deliver_first(SMALL, Class::Initiation);
    world.nodes[GREAT].lanes.acks = Acks::Held;
    let installed = world.nodes[GREAT].lanes.receiving();
    world.deliver(&response);
    assert_eq!(world.nodes[GREAT].lanes.receiving(), installed + 1);
    world.settle();
    // What was answered is sent under; what was begun is gone.
    assert_eq!(world.nodes[GREAT].lanes.receiving(), installed);
    while let Some(event) = world.nodes[GREAT].lanes.release() {
        world.lane_event(GREAT, event);
    }
    world.settle();
    world.assert_agreed();
    assert!(is_heard(&world, GREAT) && is_heard(&world, SMALL));
}
