//! A configured peer with valid keys that seals what it should not: nothing of it arrives, each kind is counted under its
//! name, and an honest peer beside it notices nothing.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use linkveil_crypto::StaticSecret;
use linkveil_net::clock;
use linkveil_netns_tests::capture::{Capture, datagrams, frames_with};
use linkveil_netns_tests::crime::{Crime, EVIL, GOOD, Scene, control_frames, huge_options};
use linkveil_netns_tests::keys;
use linkveil_netns_tests::link::{Link, Side, Site, UNDERLAY_DEVICE};
use linkveil_netns_tests::peer::Call;
use linkveil_netns_tests::plan::{PeerPlan, Underlay, device_of};
use linkveil_netns_tests::rogue::Rogue;
use linkveil_netns_tests::status::Status;
use linkveil_netns_tests::third;
use linkveil_netns_tests::timing::{pause, wait_for};
use linkveil_netns_tests::traffic::{Flow, FlowPlan};
use linkveil_wire::control::{Challenge, Token};
use linkveil_wire::{ControlFrame, LaneCount, Spi};

/// Datagrams of each kind.
const COUNT: u64 = 10;
/// Lanes that the rogue announces. The last one is kept for tricks with packet numbers.
const LANES: u8 = 8;
const TRICKS: u8 = LANES - 1;
/// Who is told to do what, inside.
const SCENE: Scene = Scene {
    vni: third::VNI,
    own: [10, 3, 0, 7],
    victim: [10, 1, 0, 1],
};
/// The port to which the rogue's packets go.
const VICTIM_PORT: u16 = 9;
/// How long the rogue shakes hands without end.
const REKEYING: Duration = Duration::from_secs(3);
/// How long one answer to it is awaited; the next call follows at once.
const REKEY_PATIENCE: Duration = Duration::from_millis(3);
/// What an honest rekey may take meanwhile.
const HONEST_PATIENCE: Duration = Duration::from_secs(2);

/// Two honest gateways with a paced flow each way, and the rogue at the third site.
struct Court {
    link: Link,
    _third: Site,
    rogue: Rogue,
    /// Takes what the rogue may send.
    victim: UdpSocket,
    captures: Vec<Capture>,
    flows: Vec<Flow>,
    expected: BTreeMap<&'static str, u64>,
}

fn plan() -> (Link, Site) {
    let mut link = Link::plan(Underlay::V4);
    let third = third::add(&mut link, Underlay::V4);
    link.add_tenant("red");
    // The rogue's prefix has a part that is another's.
    let peers = &mut link.a.plan.peers;
    peers[1].vpcs[0].prefixes = vec!["10.3.0.0/16".into()];
    let mut nested = PeerPlan {
        name: "gw-n".into(),
        public_key: keys::nobody(),
        ..peers[1].clone()
    };
    nested.vpcs[0].vni = 8_001;
    nested.vpcs[0].prefixes = vec!["10.3.9.0/24".into()];
    peers.push(nested);
    (link, third)
}

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
        tag: 0x0b57_1ac1,
    };
    plan.start()
}

impl Court {
    fn open() -> Self {
        let (mut link, third) = plan();
        link.start();
        let call = Call {
            secret: StaticSecret::from_bytes(third.secret.expose()),
            local: third.plan.listen,
            remote: link.a.plan.listen,
            public_key: link.a.secret.public(),
            lanes: LaneCount::new(LANES).unwrap(),
        };
        let rogue = Rogue::call(&third.host, call);
        wait_for("keys with the rogue", || {
            let status = link.a.gateway().status();
            (status.peer(third::GATEWAY).state == "established").then_some(())
        });
        let blue = link.a.blue();
        let victim = blue.run(|| UdpSocket::bind((Side::A.inner_v4(), VICTIM_PORT)));
        let victim = victim.unwrap();
        victim
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let tenants = [
            (&link.a, "blue"),
            (&link.a, "red"),
            (&link.b, "blue"),
            (&link.b, "red"),
        ];
        let captures =
            tenants.map(|(site, vpc)| Capture::start(&site.tenants[vpc], &device_of(vpc)));
        Self {
            captures: captures.into(),
            flows: [Side::A, Side::B].map(|side| flow(&link, side)).into(),
            link,
            _third: third,
            rogue,
            victim,
            expected: BTreeMap::new(),
        }
    }

    /// Expects `count` more drops under `counter`, and no others.
    fn expect(&mut self, counter: &'static str, count: u64, what: &str) {
        *self.expected.entry(counter).or_default() += count;
        let gateway = self.link.a.gateway();
        let total: u64 = self.expected.values().sum();
        wait_for(what, || {
            let dropped: u64 = gateway.status().drops.values().sum();
            (dropped >= total).then_some(())
        });
        let expected: Vec<_> = self.expected.iter().map(|(name, n)| (*name, *n)).collect();
        gateway.status().assert_drops(&expected);
    }

    fn commit(&mut self, crime: &Crime) {
        let datagrams: Vec<_> = (0..COUNT)
            .map(|number| {
                let lane = u8::try_from(number).unwrap() % TRICKS;
                self.rogue.seal(lane, &crime.plaintext)
            })
            .collect();
        self.rogue.send(&datagrams);
        self.expect(crime.counter, COUNT, crime.what);
    }

    /// Seals a packet that may arrive.
    fn good(&mut self, lane: u8) -> Vec<u8> {
        self.rogue.seal(lane, &good_frame())
    }

    /// Asserts that exactly so many packets arrived that may.
    fn assert_arrived(&self, count: usize) {
        let mut buffer = [0; 64];
        let arrived = std::iter::from_fn(|| self.victim.recv(&mut buffer).ok());
        let lengths: Vec<_> = arrived.collect();
        assert_eq!(lengths, vec![GOOD.len(); count]);
    }

    /// Ends the flows and asserts that nobody saw what nobody should see.
    fn close(self) {
        for flow in self.flows {
            flow.finish().assert_complete();
        }
        let captured: Vec<_> = self.captures.into_iter().map(Capture::finish).collect();
        for frames in &captured {
            assert_eq!(frames_with(frames, EVIL), 0);
        }
        let [blue_a, red_a, blue_b, red_b] = &captured[..] else {
            panic!("four captures");
        };
        // The captures work: they hold the flows, and the rogue's allowed packets where they belong.
        assert!(frames_with(blue_a, GOOD) > 0 && blue_b.len() > 100);
        assert_eq!(frames_with(blue_b, GOOD), 0);
        assert_eq!((red_a.len(), red_b.len()), (0, 0));
        self.link.b.gateway().status().assert_drops(&[]);
    }
}

fn good_frame() -> Vec<u8> {
    SCENE.frame(&SCENE.udp(SCENE.own, GOOD))
}

// REQ-ADM-2, REQ-ADM-3, REQ-ADM-4, REQ-ADM-5, REQ-CSUM-3, REQ-CSUM-4, REQ-GEN-3, REQ-GEN-4, REQ-GEN-5, REQ-GEN-6,
// REQ-GEN-7, REQ-GEN-9, REQ-GEN-10, REQ-GEN-11, REQ-CTRL-1, REQ-CTRL-2, REQ-CTRL-3, REQ-CTRL-4, REQ-CTRL-5, REQ-CNT-1
#[test]
fn no_frame_of_a_hostile_peer_reaches_a_tenant_unless_it_may() {
    let mut court = Court::open();
    // B's numbers, the gateway's own, and those of the other VPC.
    let foreign = [6_001, 5_001, 6_002, 5_002, 8_001, 0, 0x00ff_ffff];
    // B's, the nested peer's, the gateway's own side, nobody's, and addresses that are nobody's ever.
    let sources = [
        [10, 2, 0, 1],
        [10, 3, 9, 7],
        [10, 1, 0, 1],
        [10, 1, 0, 77],
        [10, 99, 0, 1],
        [0, 0, 0, 0],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [255, 255, 255, 255],
    ];
    let crimes = [
        SCENE.wrong_vnis(&foreign),
        SCENE.spoofed_sources(&sources),
        SCENE.partial_checksums(),
        SCENE.options(),
        SCENE.geneve_headers(),
        SCENE.lies(),
        control_frames(),
    ];
    for crime in crimes.iter().flatten() {
        court.commit(crime);
    }
    // What looks odd and is allowed arrives all the same, so the wall is not a wall against everything.
    let odd = court.rogue.seal(1, &huge_options(&good_frame()));
    let plain = court.good(2);
    court.rogue.send(&[odd, plain]);
    court.assert_arrived(2);
    court.close();
}

// REQ-LANE-2, REQ-REPLAY-1, REQ-REPLAY-3, REQ-DATA-4, REQ-ECN-3
#[test]
fn lanes_numbers_and_marks_of_a_hostile_peer_are_judged() {
    let mut court = Court::open();
    let lanes = LANES..64;
    let undeclared: Vec<_> = lanes.map(|lane| court.good(lane)).collect();
    court.rogue.send(&undeclared);
    court.expect("lane_not_announced", 64 - u64::from(LANES), "lanes");

    let once = court.good(0);
    court.rogue.send(&[once.clone(), once.clone(), once]);
    court.expect("duplicate", 2, "replays");

    let mut forged = court.good(0);
    forged[40] ^= 1;
    court.rogue.send(&[forged]);
    court.expect("unauthentic", 1, "a forgery");

    let marked = court.good(0);
    court.rogue.send_marked(&[marked], 3);
    court.expect("illegal_ecn", 1, "a mark");

    jump(&mut court);
    court.assert_arrived(1 + 3);
    court.close();
}

/// Packet numbers to the end of the range, and back.
fn jump(court: &mut Court) {
    const FAR: u64 = 1 << 63;
    let frame = good_frame();
    let numbered = |court: &Court, number| court.rogue.seal_as(TRICKS, number, &frame);
    let there = [1, FAR, u64::MAX].map(|number| numbered(court, number));
    court.rogue.send(&there);
    let behind = [2, 3, FAR, FAR + 1, u64::MAX - (1 << 20)].map(|number| numbered(court, number));
    court.rogue.send(&behind);
    court.expect("too_old", 5, "numbers behind the window");
    court.rogue.send(&there[2..]);
    court.expect("duplicate", 1, "the last number again");
}

/// The SPIs of both directions of the honest pair, as anyone on the underlay sees them.
fn spis_of_the_honest(link: &Link) -> Vec<Spi> {
    let capture = Capture::start(&link.a.host, UNDERLAY_DEVICE);
    pause(Duration::from_millis(100));
    let frames = capture.finish();
    let data = datagrams(&frames)
        .into_iter()
        .filter(|wire| wire.payload[0] == 4);
    let spis = data.map(|wire| u32::from_be_bytes(wire.payload[4..8].try_into().unwrap()));
    let spis: std::collections::BTreeSet<_> = spis.collect();
    assert_eq!(spis.len(), 2);
    spis.into_iter().map(|spi| Spi::new(spi).unwrap()).collect()
}

/// A frame of each kind with garbage in it; farewells for the SPIs of others and for the gateway's own.
fn known_frames(court: &Court) -> Vec<ControlFrame> {
    let (token, challenge) = (Token([0x5a; 8]), Challenge([0x5a; 16]));
    let mut frames = vec![
        ControlFrame::Confirm,
        ControlFrame::ConfirmAck,
        ControlFrame::Probe(token),
        ControlFrame::ProbeAck(token),
        ControlFrame::PathChallenge(challenge),
        ControlFrame::PathResponse(challenge),
        ControlFrame::MtuProbe {
            token,
            size: 65_535,
        },
        ControlFrame::MtuProbeAck { token, size: 0 },
        ControlFrame::Keepalive,
    ];
    let others = spis_of_the_honest(&court.link);
    let own = court.rogue.spi();
    let deletes = others.iter().chain([&own]);
    frames.extend(deletes.map(|spi| ControlFrame::SaDelete(*spi)));
    frames
}

// REQ-CTRL-9, REQ-CTRL-10, REQ-LIVE-11, REQ-EPOCH-6
#[test]
fn control_frames_of_a_hostile_peer_change_nothing_for_others() {
    let mut court = Court::open();
    let before = court.link.a.gateway().status();
    let honest = before.peer("gw-b").epoch.clone();
    let frames = known_frames(&court);
    for frame in frames.repeat(20) {
        let datagram = court.rogue.seal(3, &frame.emit());
        court.rogue.send(&[datagram]);
        pause(Duration::from_millis(1));
    }
    wait_for("the deletes", || {
        let deletes = court
            .link
            .a
            .gateway()
            .status()
            .control("sa_deletes_unknown");
        (deletes == 3 * 20).then_some(())
    });
    let after = court.link.a.gateway().status();
    let received = |status: &Status| status.lane_event("control_frames_received");
    // An honest rekey, as small limits cause it, brings a few of its own.
    assert!(received(&after) - received(&before) >= frames.len() as u64 * 20);
    assert_eq!(after.peer("gw-b").epoch, honest);
    assert_eq!(after.peer(third::GATEWAY).state, "established");
    after.assert_drops(&[]);
    let good = court.good(0);
    court.rogue.send(&[good]);
    court.assert_arrived(1);
    court.close();
}

// REQ-EPOCH-6, REQ-EPOCH-10, REQ-EPOCH-11, REQ-FLOOD-9
#[test]
fn endless_handshakes_of_a_hostile_peer_delay_nobody() {
    let mut court = Court::open();
    let before = court.link.wait_until_established();
    let end = clock::now() + REKEYING;
    let (mut calls, mut epochs) = (0, 0);
    while clock::now() < end {
        calls += 1;
        epochs += u64::from(court.rogue.rekey(REKEY_PATIENCE));
        if calls == 100 {
            court.link.b.gateway().rekey();
        }
    }
    assert!(calls > 300, "too slow to prove anything: {calls}");
    assert!(epochs > 50, "{epochs} epochs of {calls} calls");
    let after = court.link.a.gateway().status();
    assert_ne!(after.peer("gw-b").epoch.as_ref().unwrap(), &before);
    let began = clock::now();
    let epoch = court.link.wait_until_established();
    court.link.b.gateway().rekey();
    court.link.wait_for_epoch_after(&epoch);
    assert!(clock::now() - began < HONEST_PATIENCE);
    court.link.a.gateway().status().assert_drops(&[]);
    let good = court.good(0);
    court.rogue.send(&[good]);
    court.assert_arrived(1);
    court.close();
}
