//! Peers behind NATs that forget who is silent.

use linkveil_sa::LaneEvent;

use crate::config::Keepalive;
use crate::counters::ControlCounter;
use crate::limits::{PROBE_PATIENCE, PROBE_REPEAT};
use crate::testing::*;

const INTERVAL: std::time::Duration = secs(25);

/// [`SMALL`] keeps its mapping alive; [`GREAT`] cannot call it.
fn behind_nat() -> World {
    let mut world = World::pair(|setups| {
        setups[GREAT].knows_endpoints = Endpoints::Unknown;
        setups[SMALL].keepalive = Keepalive::Every(INTERVAL);
    });
    world.settle();
    world.assert_agreed();
    world
}

fn report(world: &mut World, node: usize, tx_packets: u64, rx_packets: u64) {
    let activity = LaneEvent::Activity {
        peer: PEER,
        tx_packets,
        rx_packets,
    };
    world.lane_event(node, activity);
}

/// When [`SMALL`] gave signs of life.
fn signs(world: &World) -> Vec<std::time::Duration> {
    let mut signs = world.times(SMALL, Class::Keepalive);
    signs.extend(world.times(SMALL, Class::Probe));
    signs.sort();
    signs
}

// REQ-KEEP-2
#[test]
fn an_idle_peer_gives_a_sign_of_life_every_interval() {
    let mut world = behind_nat();
    world.advance(4 * INTERVAL);
    let expected = [1, 2, 3, 4].map(|count| count * INTERVAL);
    assert_eq!(signs(&world), expected);
    assert!(world.count(SMALL, ControlCounter::KeepalivesSent) >= 1);
    world.assert_agreed();
}

// REQ-KEEP-1, REQ-KEEP-3, FIELD-BUG: keepalive ping-pong between idle peers
#[test]
fn signs_of_life_do_not_multiply() {
    let mut world = World::pair(|setups| {
        for setup in setups {
            setup.keepalive = Keepalive::Every(INTERVAL);
        }
    });
    world.settle();
    let before = world.sent.len();
    let intervals = 100;
    world.advance(intervals * INTERVAL);
    let sent = world.sent.len() - before;
    // Each side: one sign an interval, and one answer to each question of the other.
    let most = 2 * 2 * usize::try_from(intervals).unwrap();
    assert!((most / 4..=most).contains(&sent), "{sent}");
    for node in [SMALL, GREAT] {
        assert_eq!(world.count(node, ControlCounter::HandshakesStarted), 1);
    }
}

// REQ-KEEP-2: what is sent anyway keeps the mapping alive.
#[test]
fn traffic_puts_the_sign_of_life_off() {
    let mut world = behind_nat();
    for _ in 0..10 {
        world.advance(INTERVAL - secs(1));
        report(&mut world, SMALL, 1, 1);
    }
    assert_eq!(signs(&world), []);
    world.advance(INTERVAL);
    assert_eq!(signs(&world).len(), 1);
}

// REQ-KEEP-2, FIELD-BUG: a peer that went deaf one way (it lost its keys and cannot call)
#[test]
fn a_deaf_peer_is_found_while_nobody_sends_anything() {
    let mut world = behind_nat();
    world.advance(INTERVAL);
    let [_, mut setup] = sorted_setups();
    setup.knows_endpoints = Endpoints::Unknown;
    setup.seed = 77;
    world.restart(GREAT, setup);
    assert!(!world.agreed());
    world.advance(2 * INTERVAL + PROBE_PATIENCE);
    world.assert_agreed();
}

// REQ-LIVE-13: one lost datagram is no reason for a handshake.
#[test]
fn a_question_is_repeated_until_it_is_answered() {
    let mut world = behind_nat();
    world.cuts.push((GREAT, Class::ProbeAck));
    while world.times(SMALL, Class::Probe).is_empty() {
        world.advance(secs(1));
    }
    world.advance(PROBE_REPEAT * 5 / 2);
    let asked = world.times(SMALL, Class::Probe).len();
    world.cuts.clear();
    world.advance(PROBE_REPEAT);
    assert!(asked >= 3, "{asked}");
    assert_eq!(world.times(SMALL, Class::Probe).len(), asked + 1);
    world.advance(PROBE_PATIENCE);
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesStarted), 1);
}

// REQ-KEEP-2: without keys there is nothing to keep alive, and calling is the retry timer's business.
#[test]
fn without_an_epoch_nothing_is_sent() {
    let mut world = behind_nat();
    world.poke(GREAT, crate::Core::close);
    world.settle();
    let before = signs(&world).len();
    world.advance(4 * INTERVAL);
    assert_eq!(signs(&world).len(), before);
}
