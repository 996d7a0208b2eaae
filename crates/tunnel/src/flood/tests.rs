use std::sync::Arc;

use linkveil_crypto::{Cookie, DeterministicMlKem768, Psk, StaticSecret, Suite};
use linkveil_noise::{AwaitingResponse, KemOffer, Offer, RemotePeer, create_initiation};
use linkveil_wire::{CookieReply, HandshakeFlags, InnerMtu, LaneCount, Spi, Timestamp};

use std::net::SocketAddr;

use super::*;
use crate::testing::{Seeded, address, millis, secs, start};

/// A responder's gate, and an initiator that calls it.
struct Scene {
    gate: Gate,
    responder: Identity,
    initiator: Identity,
    psk: Psk,
    random: Seeded,
    now: Instant,
}

fn identity(random: &mut Seeded) -> Identity {
    Identity::new(
        StaticSecret::generate(random),
        Suite::Aes256Gcm,
        Arc::new(DeterministicMlKem768),
    )
}

impl Scene {
    fn new() -> Self {
        let mut random = Seeded(9);
        Self {
            gate: Gate::default(),
            responder: identity(&mut random),
            initiator: identity(&mut random),
            psk: Psk::none(),
            random,
            now: start(),
        }
    }

    fn initiation(&mut self, cookie: Option<&Cookie>) -> (Vec<u8>, AwaitingResponse) {
        let peer = RemotePeer {
            public_key: self.responder.public_key(),
            psk: &self.psk,
        };
        let offer = Offer {
            timestamp: Timestamp::from_unix(1_800_000_000, 0),
            spi: Spi::new(77).unwrap(),
            lanes: LaneCount::ONE,
            mtu: InnerMtu::MIN,
            flags: HandshakeFlags::NONE,
            post_quantum: KemOffer::Omit,
            cookie,
            port: None,
        };
        create_initiation(&self.initiator, &peer, offer, &mut self.random).unwrap()
    }

    fn judge(&mut self, bytes: &[u8], source: SocketAddr) -> Verdict {
        let message = &Initiation::parse(bytes).unwrap();
        let source = source.into();
        let knock = Knock { message, source };
        self.gate
            .judge(knock, &self.responder, &mut self.random, self.now)
    }

    /// How often in a row the message would be computed.
    fn computed(&mut self, bytes: &[u8], source: SocketAddr) -> u32 {
        let mut count = 0;
        while self.judge(bytes, source) == Verdict::Compute {
            count += 1;
        }
        count
    }

    /// The cookie that an overloaded responder gives to `source`.
    fn cookie(&mut self, source: SocketAddr) -> Cookie {
        let (bytes, awaiting) = self.initiation(None);
        self.computed(&bytes, source);
        let Verdict::Cookie(reply) = self.judge(&bytes, source) else {
            panic!("no cookie")
        };
        let reply = CookieReply::parse(&reply).unwrap();
        awaiting.consume_cookie_reply(&reply).unwrap()
    }
}

// REQ-FLOOD-1
#[test]
fn strangers_have_one_budget_together_and_then_get_cookies() {
    let mut scene = Scene::new();
    let (bytes, _) = scene.initiation(None);
    let computed: u32 = (1..=3).map(|n| scene.computed(&bytes, address(n))).sum();
    assert_eq!(computed, INITIATION_BUDGET.burst);
    scene.now += secs(1);
    assert_eq!(scene.computed(&bytes, address(4)), INITIATION_BUDGET.burst);
}

// REQ-FLOOD-3: the one budget is not the other's.
// FIELD-BUG: one global rate limiter
#[test]
fn a_cookie_opens_the_gate_while_strangers_are_refused() {
    let mut scene = Scene::new();
    let cookie = scene.cookie(address(1));
    let (bytes, _) = scene.initiation(Some(&cookie));
    let computed = scene.computed(&bytes, address(1));
    assert_eq!(computed, crate::limits::INITIATION_BUDGET_SOURCE.burst);
    assert_eq!(scene.judge(&bytes, address(1)), Verdict::SourceSpent);
    scene.now += millis(50);
    assert_eq!(scene.computed(&bytes, address(1)), 1);
}

// REQ-FLOOD-2, FIELD-BUG: cookie without the port
#[test]
fn a_cookie_is_good_for_its_address_and_port_only() {
    let mut scene = Scene::new();
    let cookie = scene.cookie(address(1));
    let (bytes, _) = scene.initiation(Some(&cookie));
    let other_port = (address(1).ip(), address(1).port() + 1).into();
    for source in [address(2), other_port] {
        let verdict = scene.judge(&bytes, source);
        assert!(matches!(verdict, Verdict::Cookie(_)), "{verdict:?}");
    }
    assert_eq!(scene.judge(&bytes, address(1)), Verdict::Compute);
}

// REQ-FLOOD-3
#[test]
fn those_with_cookies_have_one_budget_together() {
    let mut scene = Scene::new();
    let mut computed = 0;
    for network in 0..60 {
        let source = (std::net::Ipv4Addr::new(10, 1, network, 1), 4_000).into();
        let cookie = scene.cookie(source);
        let (bytes, _) = scene.initiation(Some(&cookie));
        let verdict = loop {
            match scene.judge(&bytes, source) {
                Verdict::Compute => computed += 1,
                verdict => break verdict,
            }
        };
        let expected = if network < 50 {
            Verdict::SourceSpent
        } else {
            Verdict::BudgetSpent
        };
        assert_eq!(verdict, expected, "source {network}");
    }
    assert_eq!(computed, INITIATION_BUDGET_COOKIE.burst);
}

// REQ-FLOOD-5
#[test]
fn a_cookie_lives_for_one_to_two_lifetimes_of_a_secret() {
    // Made when its secret is new, or as old as it gets.
    for age in [secs(0), COOKIE_SECRET_LIFETIME - millis(1)] {
        let mut scene = Scene::new();
        scene.cookie(address(9));
        scene.now += age;
        let cookie = scene.cookie(address(1));
        let (bytes, _) = scene.initiation(Some(&cookie));
        scene.now += COOKIE_SECRET_LIFETIME;
        assert!(scene.has_cookie(&bytes), "at the age of a lifetime");
        scene.now += COOKIE_SECRET_LIFETIME;
        assert!(!scene.has_cookie(&bytes), "at the age of two");
    }
}

// REQ-FLOOD-5: nobody came for a long time, so that no secret was changed meanwhile.
#[test]
fn a_long_quiet_time_ends_cookies_as_well() {
    let mut scene = Scene::new();
    let cookie = scene.cookie(address(1));
    let (bytes, _) = scene.initiation(Some(&cookie));
    scene.now += 2 * COOKIE_SECRET_LIFETIME;
    assert!(!scene.has_cookie(&bytes));
}

impl Scene {
    /// Whether a message from [`address`] 1 counts as one with a good cookie.
    fn has_cookie(&mut self, bytes: &[u8]) -> bool {
        let message = &Initiation::parse(bytes).unwrap();
        let source = address(1);
        let source = source.into();
        let knock = Knock { message, source };
        self.gate.has_cookie(knock, &mut self.random, self.now)
    }
}

// REQ-FLOOD-2
#[test]
fn an_invented_mac2_counts_as_none() {
    let mut scene = Scene::new();
    let (mut bytes, _) = scene.initiation(None);
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(scene.computed(&bytes, address(1)), INITIATION_BUDGET.burst);
    let verdict = scene.judge(&bytes, address(1));
    assert!(matches!(verdict, Verdict::Cookie(_)), "{verdict:?}");
}

// REQ-FLOOD-8
#[test]
fn forged_responses_are_looked_at_up_to_a_budget() {
    let (mut gate, now) = (Gate::default(), start());
    for _ in 0..FORGED_RESPONSE_BUDGET.burst {
        assert!(gate.admits_response(now));
        gate.note_forged_response(now);
    }
    assert!(!gate.admits_response(now));
    assert!(gate.admits_response(now + millis(1)));
}
