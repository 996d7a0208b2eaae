//! Floods of handshake messages by somebody who knows the gateway's public key: an honest peer still gets its keys, and
//! tunnels go on.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use linkveil_crypto::{Cookie, PublicKey};
use linkveil_net::clock;
use linkveil_netns_tests::capture::{Capture, datagrams};
use linkveil_netns_tests::dial::{Answer, await_answer, initiation};
use linkveil_netns_tests::dice::Dice;
use linkveil_netns_tests::forge::{
    any_spi, garbage_initiation, garbage_initiation_with, initiation_of_a_stranger,
};
use linkveil_netns_tests::inject::{Injector, Wire};
use linkveil_netns_tests::kernel::socket_drops;
use linkveil_netns_tests::keys;
use linkveil_netns_tests::link::{Link, PORT, Side, Site, UNDERLAY_DEVICE};
use linkveil_netns_tests::outsider::Outsider;
use linkveil_netns_tests::peer::Call;
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::status::Status;
use linkveil_netns_tests::third;
use linkveil_netns_tests::timing::{PATIENCE, pause, wait_for};
use linkveil_netns_tests::traffic::{FlowPlan, ping};
use linkveil_wire::LaneCount;

/// Twenty thousand initiations a second.
const PER_STEP: usize = 20;
const FLOOD: Duration = Duration::from_secs(5);
/// A generator that is much slower than it should be proves nothing.
const LEAST_SENT: u64 = 90_000;
/// How long an honest peer may wait for keys: its first call and one more that carries a cookie.
const HONEST_PATIENCE: Duration = Duration::from_secs(2);
/// Different messages; then they come again from the first on, as replays.
const MESSAGES: usize = 4_000;
/// Flawless messages of nobody's: they take the generator as long to make as the gateway to read.
const STRANGERS: usize = 16;

/// The outsider's own address.
const OUTSIDER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);
/// More than a gateway computes for strangers at once.
const BUDGET: usize = 400;

/// Where a message of the flood claims to be from.
type Source = fn(&mut Dice) -> SocketAddr;

/// An honest pair, a site that has not called yet, and the one who floods.
struct Scene {
    link: Link,
    newcomer: Site,
    outsider: Outsider,
    recorded: Vec<Vec<u8>>,
}

impl Scene {
    fn new(underlay: Underlay) -> Self {
        let mut link = Link::plan(underlay);
        let newcomer = third::add(&mut link, underlay);
        let outsider = Outsider::attach(&link.a);
        let recording = Capture::start(&link.a.host, UNDERLAY_DEVICE);
        link.start();
        link.b.gateway().rekey();
        pause(Duration::from_millis(200));
        let to_gateway = |wire: &Wire| wire.to == link.a.plan.listen && wire.payload[0] == 1;
        let recorded = datagrams(&recording.finish()).into_iter();
        let recorded = recorded.filter(to_gateway).map(|wire| wire.payload);
        Self {
            recorded: recorded.collect(),
            link,
            newcomer,
            outsider,
        }
    }

    /// The frames of the flood: garbage, strangers' and recorded messages, all with a right mac1.
    fn frames(&self, injector: &Injector, source: Source) -> Vec<Vec<u8>> {
        assert!(!self.recorded.is_empty());
        let (mut dice, key) = (Dice::new(0xf100d), self.link.a.secret.public());
        let strangers: Vec<_> = (0..STRANGERS)
            .map(|_| initiation_of_a_stranger(&key, &mut dice))
            .collect();
        let frame = |number: usize| {
            let payload = match number % 4 {
                0 => dice.pick(&strangers).clone(),
                1 => dice.pick(&self.recorded).clone(),
                _ => garbage_initiation(&key, &mut dice),
            };
            injector.frame(&Wire {
                from: source(&mut dice),
                to: self.link.a.plan.listen,
                payload,
            })
        };
        (0..MESSAGES).map(frame).collect()
    }

    fn flow(&self, side: Side) -> FlowPlan<'_> {
        let (from, to) = match side {
            Side::A => (&self.link.a, &self.link.b),
            Side::B => (&self.link.b, &self.link.a),
        };
        FlowPlan {
            from: from.blue(),
            source: side.inner_v4(),
            to: to.blue(),
            destination: SocketAddr::new(side.other().inner_v4(), 7000),
            payload_bytes: 200,
            interval: Duration::from_millis(2),
            tag: 0x0b57_1ac1,
        }
    }

    /// New keys for the pair, asked for by the side that does not suffer.
    fn rekey(&self) -> Duration {
        let before = self.link.wait_until_established();
        let began = clock::now();
        self.link.b.gateway().rekey();
        self.link.wait_for_epoch_after(&before);
        since(began)
    }

    /// The newcomer starts, calls and gets its keys.
    fn welcome(&mut self) -> Duration {
        let began = clock::now();
        self.newcomer.start();
        wait_for("keys for the newcomer", || {
            let status = self.newcomer.gateway().status();
            (status.peer("gw-a").state == "established").then_some(())
        });
        since(began)
    }
}

fn since(began: Instant) -> Duration {
    clock::now().saturating_duration_since(began)
}

/// The flood from any sources, without cookies.
fn honest_peers_survive_a_flood(underlay: Underlay, source: Source) {
    let mut scene = Scene::new(underlay);
    let injector = scene.outsider.injector(&scene.link.a);
    let frames = scene.frames(&injector, source);
    let (sent, status) = honest_peers_survive(&mut scene, injector, frames);
    // Nearly all of it cost no more than a cookie reply, and each message is in a counter.
    assert!(status.control("cookie_replies_sent") > sent / 2);
    assert!(counted(&status) >= sent, "{sent}: {:?}", status.control);
    let newcomer = scene.newcomer.gateway().status();
    assert_eq!(newcomer.control("handshake_retries"), 0);
}

/// What became of the messages of a flood.
fn counted(status: &Status) -> u64 {
    let outcomes = [
        "cookie_replies_sent",
        "handshake_unauthentic",
        "handshake_unknown_peer",
        "handshake_stale",
        "handshake_refusals_limited",
        "handshake_source_limited",
        "handshake_budget_limited",
    ];
    outcomes.iter().map(|name| status.control(name)).sum()
}

/// The flows of the pair, its rekey and the newcomer in a flood of these frames. Returns how many were sent, less those
/// that the kernel found no room for, and the gateway's status afterwards.
fn honest_peers_survive(
    scene: &mut Scene,
    mut injector: Injector,
    frames: Vec<Vec<u8>>,
) -> (u64, Status) {
    let flows = [Side::A, Side::B].map(|side| scene.flow(side).start());
    let flooder = thread::spawn(move || injector.flood(&frames, PER_STEP, FLOOD));

    pause(Duration::from_millis(500));
    let newcomer = scene.welcome();
    let rekey = scene.rekey();
    ping(scene.newcomer.blue(), Side::A.inner_v4());

    let sent = flooder.join().unwrap();
    pause(Duration::from_millis(100));
    let status = scene.link.a.gateway().status();
    for flow in flows {
        flow.finish().assert_complete();
    }
    assert!(sent >= LEAST_SENT, "too slow to prove anything: {sent}");
    assert!(newcomer <= HONEST_PATIENCE, "{newcomer:?}");
    assert!(rekey <= HONEST_PATIENCE, "{rekey:?}");
    status.assert_drops(&[]);
    (sent - socket_drops(&scene.link.a.host, PORT), status)
}

// REQ-FLOOD-1, REQ-FLOOD-9, REQ-FLOOD-10
#[test]
fn a_flood_from_one_source_keeps_no_honest_peer_out() {
    honest_peers_survive_a_flood(Underlay::V4, |_| SocketAddr::new(OUTSIDER.into(), 40_000));
}

// REQ-FLOOD-1, REQ-FLOOD-9, REQ-FLOOD-10
#[test]
fn a_flood_from_many_forged_sources_keeps_no_honest_peer_out() {
    honest_peers_survive_a_flood(Underlay::V4, |dice| {
        let [_, _, _, _, _, b, c, d] = dice.number().to_be_bytes();
        SocketAddr::new(Ipv4Addr::new(10, b, c, d).into(), any_port(dice))
    });
}

// REQ-FLOOD-1, REQ-FLOOD-9, REQ-FLOOD-10
#[test]
fn a_flood_from_one_ipv6_network_keeps_no_honest_peer_out() {
    honest_peers_survive_a_flood(Underlay::V6, |dice| {
        let network = u128::from(0x2001_0db8_bad0_0000_u64) << 64;
        let address = Ipv6Addr::from(network | u128::from(dice.number()));
        SocketAddr::new(address.into(), any_port(dice))
    });
}

// REQ-FLOOD-1, REQ-FLOOD-9, REQ-FLOOD-10
#[test]
fn a_flood_from_many_ipv6_networks_keeps_no_honest_peer_out() {
    honest_peers_survive_a_flood(Underlay::V6, |dice| {
        let network = u128::from(0x2001_0dba_0000_0000_u64 | dice.number() >> 32) << 64;
        let address = Ipv6Addr::from(network | u128::from(dice.number()));
        SocketAddr::new(address.into(), any_port(dice))
    });
}

fn any_port(dice: &mut Dice) -> u16 {
    1_024 + u16::from(dice.byte()) * 100
}

/// Calls until the gateway has had enough and gives a cookie for this socket's address.
fn ask_for_a_cookie(socket: &UdpSocket, gateway: SocketAddr, key: &PublicKey) -> Cookie {
    let mut dice = Dice::new(0xc00c);
    let call = Call {
        secret: keys::generate(),
        local: socket.local_addr().unwrap(),
        remote: gateway,
        public_key: *key,
        lanes: LaneCount::ONE,
    };
    for _ in 0..BUDGET {
        let garbage = garbage_initiation(key, &mut dice);
        socket.send_to(&garbage, gateway).unwrap();
    }
    let (message, awaiting) = initiation(&call, any_spi(&mut dice), None);
    socket.send_to(&message, gateway).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    match await_answer(socket, awaiting) {
        Answer::Cookie(cookie) => cookie,
        other => panic!("no cookie: {other:?}"),
    }
}

// REQ-FLOOD-2, REQ-FLOOD-3, REQ-FLOOD-9, REQ-FLOOD-10
#[test]
fn a_flood_with_a_good_cookie_keeps_no_honest_peer_out() {
    let mut scene = Scene::new(Underlay::V4);
    let (gateway, key) = (scene.link.a.plan.listen, scene.link.a.secret.public());
    let socket = scene.outsider.socket(Underlay::V4);
    let cookie = ask_for_a_cookie(&socket, gateway, &key);
    let injector = scene.outsider.injector(&scene.link.a);
    let mut dice = Dice::new(0xf100d);
    let mut frame = |_| {
        injector.frame(&Wire {
            from: socket.local_addr().unwrap(),
            to: gateway,
            payload: garbage_initiation_with(&cookie, &key, &mut dice),
        })
    };
    let frames = (0..MESSAGES).map(&mut frame).collect();
    let before = scene.link.a.gateway().status();
    let (sent, status) = honest_peers_survive(&mut scene, injector, frames);
    assert!(counted(&status) - counted(&before) >= sent);
    // Twenty at once and twenty a second are computed; the mac2 of all others was good, too, and they were dropped.
    let computed =
        status.control("handshake_unauthentic") - before.control("handshake_unauthentic");
    assert!(computed <= 20 + 20 * (FLOOD.as_secs() + 1), "{computed}");
    assert!(status.control("handshake_source_limited") > sent / 2);
}
