//! Different numbers of lanes, and trains in which the kernel has mixed datagrams of several lanes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use etherparse::PacketBuilder;
use linkveil_netns_tests::link::{Link, PORT, Side};
use linkveil_netns_tests::peer::{Call, HandMadePeer};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::timing::pause;
use linkveil_netns_tests::traffic::{FlowPlan, ping, tcp_copy};
use linkveil_wire::{ChecksumState, Encapsulation, InnerProtocol, LaneCount, Vni};

/// Both directions, with a few flows so that several lanes have something to do.
fn crosses_with_lanes(a: u8, b: u8) {
    let mut link = Link::plan(Underlay::V4);
    link.a.plan.lanes = a;
    link.b.plan.lanes = b;
    link.start();
    let (left, right) = (link.a.blue(), link.b.blue());
    ping(left, Side::B.inner_v4());
    let flows = [7000, 7001, 7002, 7003].map(|port| {
        let flow = FlowPlan {
            from: left,
            source: Side::A.inner_v4(),
            to: right,
            destination: SocketAddr::new(Side::B.inner_v4(), port),
            payload_bytes: 600,
            interval: Duration::from_millis(2),
            tag: u64::from(port),
        };
        flow.start()
    });
    tcp_copy(left, right, Side::B.inner_v4(), 500_000);
    tcp_copy(right, left, Side::A.inner_v4(), 500_000);
    for flow in flows {
        flow.finish().assert_complete();
    }
    for site in [&link.a, &link.b] {
        site.gateway().status().assert_drops(&[]);
    }
}

// REQ-LANE-3
#[test]
fn one_lane_talks_to_four() {
    crosses_with_lanes(1, 4);
}

// REQ-LANE-3
#[test]
fn seven_lanes_talk_to_two() {
    crosses_with_lanes(7, 2);
}

const SENDER_LANES: u8 = 8;
const ROUNDS: u16 = 100;
const INNER_PORT: u16 = 7000;

/// An inner UDP packet from the hand-made peer's prefix to the tenant on side A.
fn numbered_packet(number: u16) -> Vec<u8> {
    let builder = PacketBuilder::ipv4([10, 2, 0, 1], [10, 1, 0, 1], 64).udp(4000, INNER_PORT);
    let payload = number.to_be_bytes();
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    builder.write(&mut packet, &payload).unwrap();
    packet
}

fn encapsulation(packet: &[u8]) -> Encapsulation {
    Encapsulation {
        vni: Vni::new(Side::B.vni(1)).unwrap(),
        protocol: InnerProtocol::Ipv4,
        checksum: ChecksumState::Complete,
        inner_len: packet.len().try_into().unwrap(),
    }
}

/// How often each number arrives until nothing more comes.
fn receive_numbers(socket: &UdpSocket) -> BTreeMap<u16, u32> {
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let mut seen = BTreeMap::new();
    let mut buffer = [0; 64];
    while let Ok(length) = socket.recv(&mut buffer) {
        let number = u16::from_be_bytes(buffer[..length].try_into().unwrap());
        *seen.entry(number).or_default() += 1;
        if seen.len() == usize::from(ROUNDS) * usize::from(SENDER_LANES) {
            // Time for a duplicate to show up.
            socket
                .set_read_timeout(Some(Duration::from_millis(300)))
                .unwrap();
        }
    }
    seen
}

/// A gateway on side A with this many lanes, and in place of the gateway on side B a peer made by hand.
fn gateway_and_hand_made_peer(lanes: u8) -> (Link, HandMadePeer) {
    let mut link = Link::plan(Underlay::V4);
    link.a.plan.lanes = lanes;
    // The gateway waits until it is called.
    link.a.plan.peers[0].endpoint = None;
    link.a.start();
    let call = Call {
        secret: linkveil_crypto::StaticSecret::from_bytes(link.b.secret.expose()),
        local: SocketAddr::new(Side::B.address(Underlay::V4), PORT),
        remote: link.a.plan.listen,
        public_key: link.a.secret.public(),
        lanes: LaneCount::new(SENDER_LANES).unwrap(),
    };
    let peer = HandMadePeer::call(&link.b.host, &call);
    (link, peer)
}

// REQ-LANE-3, REQ-LANE-5, REQ-LANE-6, REQ-LANE-7
#[test]
fn trains_of_interleaved_lanes_are_delivered_whole_and_once() {
    let (link, mut peer) = gateway_and_hand_made_peer(3);
    let tenant = IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1));
    let socket = link.a.blue().run(|| UdpSocket::bind((tenant, INNER_PORT)));
    let socket = socket.unwrap();
    // Meanwhile: a socket's buffer holds fewer of them than are sent.
    let receiver = thread::spawn(move || receive_numbers(&socket));

    for round in 0..ROUNDS {
        let train: Vec<_> = (0..SENDER_LANES)
            .map(|lane| {
                let packet = numbered_packet(round * u16::from(SENDER_LANES) + u16::from(lane));
                peer.seal(lane.into(), &encapsulation(&packet), &packet)
            })
            .collect();
        peer.send(&train);
        pause(Duration::from_millis(1));
    }

    let seen = receiver.join().unwrap();
    let all = 0..ROUNDS * u16::from(SENDER_LANES);
    assert_eq!(seen, all.map(|number| (number, 1)).collect());
    let status = link.a.gateway().status();
    status.assert_drops(&[]);
    // Each train arrives at one of three lanes, and datagrams of eight are in it.
    assert!(status.lane_event("stray_forwarded") > 0);
}

// REQ-REPLAY-1, REQ-LANE-4
#[test]
fn a_train_that_arrives_twice_is_delivered_once() {
    let (link, mut peer) = gateway_and_hand_made_peer(3);
    let tenant = IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1));
    let socket = link.a.blue().run(|| UdpSocket::bind((tenant, INNER_PORT)));
    let socket = socket.unwrap();

    let train: Vec<_> = (0..SENDER_LANES)
        .map(|lane| {
            let packet = numbered_packet(lane.into());
            peer.seal(lane.into(), &encapsulation(&packet), &packet)
        })
        .collect();
    peer.send(&train);
    peer.send(&train);
    // And each datagram alone, which the kernel steers straight to its owner.
    for datagram in &train {
        peer.send(std::slice::from_ref(datagram));
    }

    let seen = receive_numbers(&socket);
    let all = 0..u16::from(SENDER_LANES);
    assert_eq!(seen, all.map(|number| (number, 1)).collect());
    let again = u64::from(SENDER_LANES) * 2;
    link.a
        .gateway()
        .status()
        .assert_drops(&[("duplicate", again)]);
}

// REQ-LANE-2
#[test]
fn a_lane_that_was_not_announced_is_dropped_and_counted() {
    let (link, mut peer) = gateway_and_hand_made_peer(2);
    let packet = numbered_packet(0);
    let mut datagram = peer.seal(0, &encapsulation(&packet), &packet);
    datagram[1] = SENDER_LANES;
    peer.send(&[datagram]);
    linkveil_netns_tests::timing::wait_for("the drop", || {
        let drops = link.a.gateway().status().drops;
        drops.values().any(|count| *count > 0).then_some(())
    });
    link.a
        .gateway()
        .status()
        .assert_drops(&[("lane_not_announced", 1)]);
}
