//! Recorded messages that come back when a gateway has forgotten them.

use std::net::SocketAddr;
use std::time::Duration;

use linkveil_net::clock;
use linkveil_netns_tests::capture::{Capture, datagrams};
use linkveil_netns_tests::dice::Dice;
use linkveil_netns_tests::inject::{Injector, Wire};
use linkveil_netns_tests::link::{Link, Side, Site, UNDERLAY_DEVICE};
use linkveil_netns_tests::plan::{Underlay, device_of};
use linkveil_netns_tests::timing::{Pace, pause, wait_for};
use linkveil_netns_tests::traffic::{Flow, FlowPlan, ping};

/// Between two replayed messages.
const STEP: Duration = Duration::from_millis(5);
/// Orders that are drawn besides those that somebody thought of.
const DRAWN_ORDERS: usize = 4;

fn flow(link: &Link, side: Side) -> Flow {
    let (from, to) = match side {
        Side::A => (&link.a, &link.b),
        Side::B => (&link.b, &link.a),
    };
    let plan = FlowPlan {
        from: from.blue(),
        source: side.inner_v4(),
        to: to.blue(),
        destination: SocketAddr::new(side.other().inner_v4(), 7000),
        payload_bytes: 200,
        interval: Duration::from_millis(2),
        tag: 0x01d,
    };
    plan.start()
}

/// All that crossed the underlay while both sides called each other and pinged.
struct Recording {
    link: Link,
    messages: Vec<Wire>,
}

impl Recording {
    fn make() -> Self {
        let mut link = Link::plan(Underlay::V4);
        let capture = Capture::start(&link.a.host, UNDERLAY_DEVICE);
        link.start();
        for site in [&link.a, &link.b] {
            let before = link.wait_until_established();
            site.gateway().rekey();
            link.wait_for_epoch_after(&before);
            ping(link.a.blue(), Side::B.inner_v4());
        }
        pause(Duration::from_millis(100));
        let messages = datagrams(&capture.finish());
        Self { link, messages }
    }

    /// Those of one type.
    fn of_type(&self, kind: u8) -> Vec<Wire> {
        let messages = self.messages.iter();
        let messages: Vec<_> = messages
            .filter(|wire| wire.payload[0] == kind)
            .cloned()
            .collect();
        assert!(messages.len() >= 3, "{} of type {kind}", messages.len());
        messages
    }

    /// Several orders of all first and second messages.
    fn orders(&self) -> Vec<Vec<Wire>> {
        let (first, second) = (self.of_type(1), self.of_type(2));
        let all = [first.as_slice(), &second].concat();
        let is_handshake = |wire: &&Wire| wire.payload[0] != 4;
        let recorded: Vec<_> = self.messages.iter().filter(is_handshake).cloned().collect();
        let mut orders = vec![
            recorded.clone(),
            recorded.iter().rev().cloned().collect(),
            [second.as_slice(), &first].concat(),
            all.iter()
                .flat_map(|wire| [wire.clone(), wire.clone()])
                .collect(),
        ];
        let mut dice = Dice::new(0x01d);
        orders.extend((0..DRAWN_ORDERS).map(|_| {
            let mut order = all.clone();
            order.sort_by_cached_key(|_| dice.number());
            order
        }));
        orders
    }
}

/// Puts messages back on the cable, at the end where they came from.
struct Replayer {
    to_a: Injector,
    to_b: Injector,
}

impl Replayer {
    fn new(link: &Link) -> Self {
        let (a, b) = (&link.a.host, &link.b.host);
        Self {
            to_a: Injector::open(b, a, UNDERLAY_DEVICE),
            to_b: Injector::open(a, b, UNDERLAY_DEVICE),
        }
    }

    fn replay(&mut self, link: &Link, messages: &[Wire]) {
        let mut pace = Pace::every(STEP);
        for message in messages {
            let cable = if message.to == link.a.plan.listen {
                &mut self.to_a
            } else {
                &mut self.to_b
            };
            let frame = cable.frame(message);
            cable.send(&frame);
            pace.keep();
        }
    }
}

/// Kills a gateway; what it has made is gone when this returns.
fn kill(site: &mut Site) {
    site.take_gateway().kill();
    wait_for("the end of the device", || {
        (!site.blue().has_device(&device_of("blue"))).then_some(())
    });
}

/// What is counted when keys change.
fn completed(site: &Site) -> u64 {
    site.gateway().status().control("handshakes_completed")
}

/// Replays all handshake messages in several orders after a restart, under paced flows.
fn old_handshakes_change_nothing_after_a_restart(restarted: fn(&mut Link) -> &mut Site) {
    let mut recording = Recording::make();
    let orders = recording.orders();
    let site = restarted(&mut recording.link);
    kill(site);
    site.start();
    let link = recording.link;
    let epoch = link.wait_until_established();
    ping(link.a.blue(), Side::B.inner_v4());
    let before = [completed(&link.a), completed(&link.b)];
    let flows = [flow(&link, Side::A), flow(&link, Side::B)];
    let mut replayer = Replayer::new(&link);
    for order in &orders {
        replayer.replay(&link, order);
        assert_eq!(link.wait_until_established(), epoch);
    }
    for flow in flows {
        flow.finish().assert_complete();
    }
    assert_eq!(link.wait_until_established(), epoch);
    assert_eq!([completed(&link.a), completed(&link.b)], before);
    for site in [&link.a, &link.b] {
        let status = site.gateway().status();
        status.assert_drops(&[]);
        // They were read: each is refused under one of these names, or made an unconfirmed epoch.
        assert!(status.control("handshake_wrong_receiver") > 0);
        assert!(
            status.control("handshake_stale") + status.control("handshake_refusals_limited") > 0
        );
    }
}

// REQ-CLK-2, REQ-CLK-5, REQ-EPOCH-6, REQ-EPOCH-7, REQ-HS-13
#[test]
fn old_handshakes_change_nothing_after_a_restart_of_side_a() {
    old_handshakes_change_nothing_after_a_restart(|link| &mut link.a);
}

// REQ-CLK-2, REQ-CLK-5, REQ-EPOCH-6, REQ-EPOCH-7, REQ-HS-13
#[test]
fn old_handshakes_change_nothing_after_a_restart_of_side_b() {
    old_handshakes_change_nothing_after_a_restart(|link| &mut link.b);
}

// REQ-REPLAY-1, REQ-LIVE-7, REQ-EPOCH-10
#[test]
fn old_data_is_not_delivered_again_after_a_restart() {
    let mut recording = Recording::make();
    let data = recording.of_type(4);
    kill(&mut recording.link.a);
    recording.link.a.start();
    let link = recording.link;
    link.wait_until_established();
    let flows = [flow(&link, Side::A), flow(&link, Side::B)];
    let inside = [&link.a, &link.b].map(|site| Capture::start(site.blue(), &device_of("blue")));
    Replayer::new(&link).replay(&link, &data);
    for flow in flows {
        flow.finish().assert_complete();
    }
    // Nothing but the flows, which carry UDP: the pings of the recording did not come back.
    for capture in inside {
        let frames = capture.finish();
        assert!(frames.len() > 100);
        assert_eq!(datagrams_inside(&frames), frames.len());
    }
    // A's unknown SPIs may make it call once; B has the keys still, and knows the numbers.
    assert!(link.a.gateway().status().drops["unknown_spi"] > 0);
    assert!(link.b.gateway().status().drops["duplicate"] > 0);
}

/// How many packets from a TUN device are UDP.
fn datagrams_inside(packets: &[Vec<u8>]) -> usize {
    packets.iter().filter(|packet| packet[9] == 17).count()
}

// REQ-CLK-5, REQ-CROSS-3, REQ-LIVE-9
#[test]
fn replays_during_a_restart_keep_nobody_apart() {
    for greater in [true, false] {
        let mut recording = std::iter::repeat_with(Recording::make)
            .find(|made| (made.link.a.secret.public() > made.link.b.secret.public()) == greater)
            .unwrap();
        let to_a = recording.link.a.plan.listen;
        let initiations: Vec<_> = recording
            .of_type(1)
            .into_iter()
            .filter(|wire| wire.to == to_a)
            .collect();
        kill(&mut recording.link.a);
        let link = &mut recording.link;
        let mut replayer = Replayer::new(link);
        let frames: Vec<_> = initiations
            .iter()
            .map(|wire| replayer.to_a.frame(wire))
            .collect();
        let flooder =
            std::thread::spawn(move || replayer.to_a.flood(&frames, 1, Duration::from_secs(3)));
        pause(Duration::from_millis(100));
        let began = clock::now();
        link.a.start();
        link.wait_until_established();
        assert!(clock::now() - began < Duration::from_secs(5));
        flooder.join().unwrap();
    }
}
