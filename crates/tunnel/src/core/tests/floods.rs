//! Floods of first messages and forged answers, and the honest peer in the midst of them.

use linkveil_wire::link::MessageType;

use crate::counters::ControlCounter;
use crate::limits::{
    COOKIE_LIFETIME, COOKIE_RETRY_PAUSE, FORGED_RESPONSE_BUDGET, INITIATION_BUDGET,
};
use crate::testing::*;

/// [`SMALL`] has called; [`GREAT`], who cannot call, has not heard it yet and is flooded with copies from elsewhere.
fn flooded() -> World {
    let mut world = World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown);
    let honest = world.take(SMALL, Class::Initiation);
    flood(&mut world, &honest, INITIATION_BUDGET.burst);
    world.wire.push_back(honest);
    world
}

/// Somebody who has seen an initiation sends it on, damaged behind mac1's cover: mac1 holds, Noise does not.
fn flood(world: &mut World, seen: &Flight, count: u32) {
    let mut bytes = seen.bytes().to_vec();
    let mac1_end = bytes.len() - 16;
    let mac1_start = mac1_end - 16;
    bytes[50] ^= 1;
    let key = linkveil_crypto::Mac1Key::for_receiver(&world.nodes[GREAT].core.public_key());
    let mac1 = key.mac(&bytes[..mac1_start]);
    bytes[mac1_start..mac1_end].copy_from_slice(&mac1);
    for number in 0..count {
        let from = address(100 + u8::try_from(number % 100).unwrap());
        world.poke(GREAT, |core, now| {
            core.handle_datagram(path(from), &bytes, now);
        });
    }
}

// REQ-FLOOD-1, REQ-FLOOD-6, REQ-FLOOD-10, REQ-COOKIE-1, REQ-HS-20
#[test]
fn an_honest_peer_gets_in_with_a_cookie_at_once() {
    let mut world = flooded();
    let spent = world.count(GREAT, ControlCounter::Unauthentic);
    assert_eq!(spent, u64::from(INITIATION_BUDGET.burst));
    world.deliver_first(SMALL, Class::Initiation);
    assert_eq!(world.classes(), [Class::CookieReply]);
    assert!(world.wire[0].bytes().len() < 158);
    assert_eq!(world.count(GREAT, ControlCounter::CookieRepliesSent), 1);
    world.settle();
    world.assert_agreed();
    assert_eq!(world.elapsed(), secs(0));
    assert_eq!(world.count(SMALL, ControlCounter::CookiesReceived), 1);
    assert_eq!(world.count(SMALL, ControlCounter::HandshakesCompleted), 1);
}

// REQ-FLOOD-1: a cookie reply is all that a stranger gets, and nothing is kept of it.
#[test]
fn strangers_over_the_budget_get_cookies_and_cost_nothing_else() {
    let mut world = flooded();
    let honest = world.take(SMALL, Class::Initiation);
    flood(&mut world, &honest, 1_000);
    assert_eq!(world.count(GREAT, ControlCounter::CookieRepliesSent), 1_000);
    let spent = world.count(GREAT, ControlCounter::Unauthentic);
    assert_eq!(spent, u64::from(INITIATION_BUDGET.burst));
    assert!(
        world
            .classes()
            .iter()
            .all(|class| *class == Class::CookieReply)
    );
    assert_eq!(world.nodes[GREAT].core.poll_timeout(), None);
}

// REQ-FLOOD-6: the cookie goes into later initiations to the same address, as long as it is good.
#[test]
fn a_cookie_is_used_until_it_is_too_old() {
    let mut world = flooded();
    world.settle();
    let with_cookie = |world: &mut World| {
        world.poke(SMALL, |core, now| core.rekey(PEER, now));
        let flight = world.take(SMALL, Class::Initiation);
        let mac2 = *flight.bytes().last_chunk::<16>().unwrap();
        world.wire.push_back(flight);
        world.settle();
        mac2 != [0; 16]
    };
    assert!(with_cookie(&mut world));
    world.advance(COOKIE_LIFETIME - secs(1));
    assert!(with_cookie(&mut world));
    world.advance(secs(1));
    assert!(!with_cookie(&mut world));
    world.assert_agreed();
}

// REQ-FLOOD-6: a responder that wants cookie after cookie does not make us call faster than once a second.
#[test]
fn cookie_replies_cause_one_retry_in_a_second() {
    let mut world = flooded();
    for port in 1..=5 {
        let honest = world.take(SMALL, Class::Initiation);
        flood(&mut world, &honest, INITIATION_BUDGET.burst);
        world
            .wire
            .retain(|flight| flight.from == world.nodes[SMALL].address);
        let without = Flight {
            // From yet another port the cookie is none.
            from: (honest.from.ip(), port).into(),
            ..honest
        };
        world.deliver(&without);
        let mut reply = world.take(GREAT, Class::CookieReply);
        reply.to = world.nodes[SMALL].address;
        world.deliver(&reply);
        if world.classes().is_empty() {
            break;
        }
    }
    let calls = world.times(SMALL, Class::Initiation);
    assert_eq!(calls, [secs(0), secs(0)], "the first, and one retry");
    assert_eq!(world.count(SMALL, ControlCounter::CookiesReceived), 2);
    assert!(COOKIE_RETRY_PAUSE >= secs(1));
}

// REQ-FLOOD-7, REQ-COOKIE-1
#[test]
fn a_cookie_reply_that_is_not_for_us_changes_nothing() {
    let mut world = flooded();
    world.deliver_first(SMALL, Class::Initiation);
    let reply = world.take(GREAT, Class::CookieReply);
    assert_eq!(reply.bytes()[0], MessageType::CookieReply.byte());
    let damage = |place: usize| {
        let mut bytes = reply.bytes().to_vec();
        bytes[place] ^= 1;
        Flight {
            body: Body::Handshake(bytes),
            ..reply.clone()
        }
    };
    for (place, counter) in [
        (5, ControlCounter::WrongReceiver),
        (10, ControlCounter::UnauthenticCookie),
        (40, ControlCounter::UnauthenticCookie),
        (63, ControlCounter::UnauthenticCookie),
    ] {
        let before = world.count(SMALL, counter);
        world.deliver(&damage(place));
        assert_eq!(world.count(SMALL, counter), before + 1, "byte {place}");
        assert_eq!(world.classes(), []);
    }
    // The true one still works.
    world.deliver(&reply);
    world.settle();
    world.assert_agreed();
}

// REQ-FLOOD-10: whatever the flood, the established epoch and its rekey by the peer go on.
#[test]
fn an_established_peer_rekeys_through_a_flood() {
    let mut world = flooded();
    world.settle();
    for round in 0..5 {
        world.poke(SMALL, |core, now| core.rekey(PEER, now));
        let honest = world.take(SMALL, Class::Initiation);
        flood(&mut world, &honest, 2 * INITIATION_BUDGET.burst);
        world
            .wire
            .retain(|flight| flight.to == world.nodes[SMALL].address);
        world.wire.push_back(honest);
        world.settle();
        world.assert_agreed();
        let done = world.count(SMALL, ControlCounter::HandshakesCompleted);
        assert_eq!(done, 2 + round);
        world.advance(secs(1));
    }
}

// REQ-FLOOD-8, REQ-HS-21: forged answers are looked at up to a budget; the true one gets through after a moment.
#[test]
fn a_flood_of_forged_answers_is_cut_off() {
    let mut world = World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown);
    world.deliver_first(SMALL, Class::Initiation);
    let response = world.take(GREAT, Class::Response);
    let mut forged = response.bytes().to_vec();
    let mac1_start = forged.len() - 32;
    forged[60] ^= 1;
    let key = linkveil_crypto::Mac1Key::for_receiver(&world.nodes[SMALL].core.public_key());
    let mac1 = key.mac(&forged[..mac1_start]);
    forged[mac1_start..mac1_start + 16].copy_from_slice(&mac1);
    let burst = FORGED_RESPONSE_BUDGET.burst;
    for _ in 0..burst + 50 {
        world.poke(SMALL, |core, now| {
            core.handle_datagram(path(address(2)), &forged, now);
        });
    }
    assert_eq!(
        world.count(SMALL, ControlCounter::Unauthentic),
        u64::from(burst)
    );
    assert_eq!(world.count(SMALL, ControlCounter::ResponsesLimited), 50);
    world.advance(millis(1));
    world.deliver(&response);
    world.settle();
    world.assert_agreed();
}
