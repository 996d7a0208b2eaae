//! Three gateways with one Ethernet VPC between them, and what one of them refuses.

use std::sync::Arc;

use linkveil_crypto::Direction;
use linkveil_net::memory::{MemoryGroup, NetworkOptions, WhenFull, network};
use linkveil_sa::{EpochId, PartialChecksums, Path, SocketIndex, TxInstall, TxSa, split_epoch};
use linkveil_wire::checksum::Checksum;
use linkveil_wire::{InnerMtu, Vni};

use super::*;
use crate::learner::MacLearner;
use crate::snapshot::{PeerForwarding, RouteTable, VpcBridge, VpcForwarding, VpcRoutes};
use crate::testing::{Keys, LEFT, Node, RIGHT, address, lanes, order_keys, packet, spi};

const VPC: VpcIndex = VpcIndex::new(0);
/// The numbers of the Ethernet VPC and of one of IP packets beside it.
const VNI: u32 = 7_001;
const IP_VNI: u32 = 7_002;
const MTU: u16 = 1_424;

const BROADCAST: [u8; 6] = [0xff; 6];
/// Stations at the gateways 0, 1, 2, and one that nobody knows.
const AT: [[u8; 6]; 3] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 3]];
const NOBODY: [u8; 6] = [2, 0, 0, 0, 0, 9];
const ARP: [u8; 2] = [8, 6];

fn vni(number: u32) -> Vni {
    Vni::new(number).unwrap()
}

fn frame(to: [u8; 6], from: [u8; 6], ether_type: [u8; 2], payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &ether_type, payload].concat()
}

/// Who is peer number `peer` of gateway `node`: the others in order.
fn neighbor(node: usize, peer: usize) -> usize {
    (0..3).filter(|other| *other != node).nth(peer).unwrap()
}

fn side(node: usize) -> u8 {
    u8::try_from(node).unwrap() + 1
}

/// The SPI under which `to` receives from `from`.
fn spi_of(from: usize, to: usize) -> u32 {
    u32::from(side(from)) * 10 + u32::from(side(to))
}

fn bridged_snapshot(node: usize, mtus: [u16; 2]) -> Snapshot {
    let peers: Vec<PeerId> = (0..2).map(PeerId::new).collect();
    let ip_only = VpcRoutes {
        vni: vni(IP_VNI),
        routes: vec![("10.2.0.0/24".parse().unwrap(), peers[0])],
    };
    let vpcs = vec![
        VpcForwarding::from(VpcBridge {
            vni: vni(VNI),
            peers,
        }),
        ip_only.into(),
    ];
    let peer = |peer: usize| PeerForwarding {
        path: Some(Path {
            socket: SocketIndex::FIRST,
            remote: address(side(neighbor(node, peer))),
        }),
        inner_mtu: InnerMtu::new(mtus[peer]).unwrap(),
        vpcs: vec![(vni(VNI), VPC), (vni(IP_VNI), VpcIndex::new(1))],
    };
    Snapshot::new(Arc::new(RouteTable::new(vpcs)), vec![peer(0), peer(1)])
}

struct World {
    nodes: Vec<Node>,
    learners: Vec<MacLearner>,
}

impl World {
    fn new(options: NetworkOptions) -> Self {
        let groups = network(&[1, 2, 3].map(|number| (address(number), 1)), options);
        let mut nodes = Vec::new();
        for (number, group) in groups.into_iter().enumerate() {
            let mut node = Node::with(group.data, bridged_snapshot(number, [MTU, MTU]));
            for peer in 0..2 {
                let other = neighbor(number, peer);
                let id = u32::try_from(peer).unwrap();
                let direction = if number < other {
                    Direction::InitiatorToResponder
                } else {
                    Direction::ResponderToInitiator
                };
                let keys = Keys {
                    peer: PeerId::new(id),
                    epoch: EpochId::new(id.into()),
                    tx: direction,
                    spis: (spi_of(other, number), spi_of(number, other)),
                    counts: (1, 1),
                    partial_checksums: PartialChecksums::Accepted,
                };
                order_keys(&mut node.pool, node.now, &keys);
                node.settle();
            }
            nodes.push(node);
        }
        let learners = nodes.iter().map(|node| MacLearner::new(2, node.now));
        Self {
            learners: learners.collect(),
            nodes,
        }
    }

    /// Until nothing is under way; then what was seen is learned and published, by all.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.nodes.iter_mut().for_each(Node::settle);
        }
        for (number, (node, learner)) in self.nodes.iter_mut().zip(&mut self.learners).enumerate() {
            node.now += std::time::Duration::from_millis(20);
            node.settle();
            for sighting in node.sightings.drain(..) {
                learner.handle_sighting(sighting, node.now);
            }
            if let Some(tables) = learner.poll_tables(node.now) {
                let snapshot = bridged_snapshot(number, [MTU, MTU]).with_macs(tables);
                node.pool.publish(&Arc::new(snapshot));
                node.settle();
            }
        }
    }

    fn send(&mut self, node: usize, frame: &[u8]) {
        self.nodes[node].hosts[0].send(frame).unwrap();
        self.settle();
    }

    fn received(&self) -> [Vec<Vec<u8>>; 3] {
        [0, 1, 2].map(|node: usize| self.nodes[node].received())
    }

    fn assert_no_drops(&mut self) {
        for node in &mut self.nodes {
            node.assert_drops(&[]);
        }
    }
}

// REQ-L2-1, REQ-L2-8, REQ-L2-9, REQ-L2-11
#[test]
fn what_is_for_everybody_reaches_every_peer_once_and_goes_no_further() {
    let mut world = World::new(NetworkOptions::default());
    let multicast = [0x33, 0x33, 0, 0, 0, 1];
    let tagged = [0x81, 0, 0, 7, 0x88, 0xcc, 1, 2, 3];
    for sent in [
        frame(BROADCAST, AT[0], ARP, b"who has"),
        frame(multicast, AT[0], [0x86, 0xdd], b"no packet"),
        frame(NOBODY, AT[0], [0x12, 0x34], b""),
        [&BROADCAST[..], &AT[0], &tagged].concat(),
    ] {
        world.send(0, &sent);
        let one = vec![sent];
        assert_eq!(world.received(), [vec![], one.clone(), one]);
    }
    world.assert_no_drops();
    let sent: Vec<u64> = (0..3)
        .map(|node| {
            let report = world.nodes[node].report();
            report.peers.iter().map(|peer| peer.tx.packets).sum()
        })
        .collect();
    assert_eq!(sent, [8, 0, 0], "a copy for each peer, and none passed on");
}

// REQ-L2-6, REQ-L2-7
#[test]
fn a_station_that_spoke_gets_its_frames_alone_and_is_followed_when_it_moves() {
    let mut world = World::new(NetworkOptions::default());
    world.send(1, &frame(BROADCAST, AT[1], ARP, b"hello"));
    world.received();
    let to_it = frame(AT[1], AT[0], ARP, b"answer");
    world.send(0, &to_it);
    assert_eq!(world.received(), [vec![], vec![to_it.clone()], vec![]]);
    // It appears at the third gateway.
    world.send(2, &frame(BROADCAST, AT[1], ARP, b"moved"));
    world.received();
    world.send(0, &to_it);
    assert_eq!(world.received(), [vec![], vec![], vec![to_it]]);
    // The second gateway has it on its own side, and says so.
    world.nodes[1].assert_drops(&[("local_mac_from_peer", 1)]);
    let peers = [0, 1].map(|peer| world.learners[0].count(MacOwner::Peer(PeerId::new(peer))));
    assert_eq!(peers, [0, 1]);
}

// REQ-L2-5, REQ-L2-10
#[test]
fn a_station_of_the_local_side_is_not_lost_to_a_peer() {
    let mut world = World::new(NetworkOptions::default());
    world.send(0, &frame(BROADCAST, AT[0], ARP, b"mine"));
    world.received();
    world.send(1, &frame(BROADCAST, AT[0], ARP, b"mine, too"));
    assert!(world.received()[0].is_empty());
    world.nodes[0].assert_drops(&[("local_mac_from_peer", 1)]);
    // A neighbor's frame for it does not leave.
    world.send(0, &frame(AT[0], NOBODY, ARP, b"here"));
    assert!(world.received().iter().all(Vec::is_empty));
    world.nodes[0].assert_drops(&[("local_destination", 1), ("local_mac_from_peer", 1)]);
}

// REQ-L2-3, REQ-L2-4, REQ-L2-13
#[test]
fn each_reason_not_to_send_a_frame_moves_its_own_counter() {
    let mut world = World::new(NetworkOptions::default());
    let narrow = bridged_snapshot(0, [MTU, 1_000]);
    world.nodes[0].pool.publish(&Arc::new(narrow));
    let node = &mut world.nodes[0];
    node.settle();
    let whole = frame(NOBODY, AT[0], ARP, &[0; 987]);
    for sent in [
        &whole[..13],
        &frame(NOBODY, [0; 6], ARP, b""),
        &frame(NOBODY, [3, 0, 0, 0, 0, 1], ARP, b""),
        &frame(NOBODY, BROADCAST, ARP, b""),
        // 1,001 bytes: too long for one of two peers; 1,425 for both.
        &whole,
        &frame(NOBODY, AT[0], ARP, &[0; 1_411]),
    ] {
        node.hosts[0].send(sent).unwrap();
    }
    node.settle();
    node.assert_drops(&[("too_big", 3), ("tx_source_mac", 3), ("tx_too_short", 1)]);
    world.settle();
    assert_eq!(world.received(), [vec![], vec![whole], vec![]]);
}

#[test]
fn an_ethernet_vpc_without_peers_keeps_its_frames() {
    let mut world = World::new(NetworkOptions::default());
    let alone = VpcBridge {
        vni: vni(VNI),
        peers: vec![],
    };
    let snapshot = Snapshot::new(Arc::new(RouteTable::new(vec![alone])), vec![]);
    world.nodes[0].pool.publish(&Arc::new(snapshot));
    world.nodes[0].settle();
    world.send(0, &frame(BROADCAST, AT[0], ARP, b""));
    world.nodes[0].assert_drops(&[("no_route", 1)]);
}

// REQ-L2-8, REQ-UDP-4
#[test]
fn more_copies_than_the_queue_holds_wait_and_none_is_lost() {
    let options = NetworkOptions {
        capacity: 1,
        when_full: WhenFull::Block,
        ..NetworkOptions::default()
    };
    let mut world = World::new(options);
    // Growing lengths: each copy opens a train of its own.
    let sent: Vec<_> = (0..150)
        .map(|len| frame(BROADCAST, AT[0], ARP, &vec![1; len * 8]))
        .collect();
    for frame in &sent {
        world.nodes[0].hosts[0].send(frame).unwrap();
    }
    let mut received = [vec![], vec![], vec![]];
    for _ in 0..400 {
        let (now, node) = (world.nodes[0].now, &mut world.nodes[0]);
        node.lanes[0].turn(now).unwrap();
        world.nodes[1].settle();
        world.nodes[2].settle();
        for (all, new) in received.iter_mut().zip(world.received()) {
            all.extend(new);
        }
    }
    assert_eq!(received, [vec![], sent.clone(), sent]);
    world.assert_no_drops();
}

/// A gateway with keys, and in place of its first peer the bare sending half.
struct Hostile {
    world: World,
    group: MemoryGroup,
    keys: TxSa,
}

impl Hostile {
    fn new() -> Self {
        let groups: Vec<_> = [1, 2, 3].map(|number| (address(number), 1)).into();
        let mut groups = network(&groups, NetworkOptions::default());
        let group = groups.remove(1);
        let mut node = Node::with(groups.remove(0).data, bridged_snapshot(0, [MTU, MTU]));
        let id = (PeerId::new(0), EpochId::new(0));
        let spis = (spi_of(1, 0), spi_of(0, 1));
        let own = Keys {
            peer: id.0,
            epoch: id.1,
            tx: Direction::InitiatorToResponder,
            spis,
            counts: (1, 1),
            partial_checksums: PartialChecksums::Accepted,
        };
        order_keys(&mut node.pool, node.now, &own);
        node.settle();
        let keys = linkveil_crypto::EpochSecret::derive(
            &linkveil_crypto::HandshakeHash::new([3; 32]),
            &linkveil_crypto::KeyBytes::new([1; 32]),
            &linkveil_crypto::KeyBytes::new([2; 32]),
            None,
        );
        let (suite, classical) = (
            linkveil_crypto::Suite::Aes256Gcm,
            linkveil_crypto::PostQuantum::Classical,
        );
        let (tx, _) = split_epoch(keys, suite, classical, Direction::ResponderToInitiator);
        let install = TxInstall {
            peer: id.0,
            epoch: id.1,
            spi: spi(spis.0),
            lanes: lanes(1),
            keys: tx,
            limits: linkveil_sa::Limits::TINY,
            hard_deadline: node.now + std::time::Duration::from_secs(1_000),
            partial_checksums: PartialChecksums::Accepted,
        };
        let learners = vec![MacLearner::new(2, node.now)];
        let nodes = vec![node];
        Self {
            world: World { nodes, learners },
            group,
            keys: install.into_lanes().next().unwrap(),
        }
    }

    /// Sends one frame with this outer mark, and returns what reaches the tenant.
    fn send(
        &mut self,
        inner: &[u8],
        tos: u8,
        change: impl FnOnce(&mut Encapsulation),
    ) -> Vec<Vec<u8>> {
        let mut header = Encapsulation {
            vni: vni(VNI),
            protocol: InnerProtocol::Ethernet,
            checksum: ChecksumState::Complete,
            inner_len: u16::try_from(inner.len()).unwrap(),
        };
        change(&mut header);
        let mut datagram = [&[0; 16][..], &header.emit(), inner, &[0; 16]].concat();
        self.keys.seal_in_place(&mut datagram).unwrap();
        let train = linkveil_net::gso::Train {
            remote: address(1),
            tos,
            segment_len: datagram.len(),
            bytes: &datagram,
        };
        self.group.control.send_train(train).unwrap();
        self.world.settle();
        self.world.nodes[0].received()
    }
}

// REQ-L2-2 to REQ-L2-4, REQ-ADM-2, REQ-L2-15
#[test]
fn each_reason_not_to_admit_a_frame_moves_its_own_counter() {
    let mut hostile = Hostile::new();
    let good = frame(BROADCAST, AT[1], ARP, b"hello");
    let ip = packet(RIGHT, LEFT, b"x", 0);
    let other_kind = |header: &mut Encapsulation| header.vni = vni(IP_VNI);
    let unknown = |header: &mut Encapsulation| header.vni = vni(9);
    let as_ip = |header: &mut Encapsulation| header.protocol = InnerProtocol::Ipv4;
    let partial = |header: &mut Encapsulation| header.checksum = ChecksumState::Partial;
    let refused = [
        hostile.send(&good, 0, other_kind),
        hostile.send(&ip, 0, as_ip),
        hostile.send(&good, 0, unknown),
        hostile.send(&good, 0, partial),
        hostile.send(&good[..13], 0, |_| {}),
        hostile.send(&frame(BROADCAST, BROADCAST, ARP, b""), 0, |_| {}),
        hostile.send(&frame(BROADCAST, [0; 6], ARP, b""), 0, |_| {}),
    ];
    assert!(refused.iter().all(Vec::is_empty));
    let learned = hostile.world.learners[0].count(MacOwner::Peer(PeerId::new(0)));
    assert_eq!(learned, 0, "learned from what was refused");
    assert_eq!(hostile.send(&good, 0, |_| {}), [good]);
    hostile.world.nodes[0].assert_drops(&[
        ("invalid_partial_checksum", 1),
        ("rx_source_mac", 2),
        ("rx_too_short", 1),
        ("unknown_vni", 1),
        ("wrong_vpc_kind", 2),
    ]);
}

/// The bytes between the addresses and an IPv4 packet: none, one and two tags.
const WAYS_TO_IPV4: [&[u8]; 3] = [
    &[8, 0],
    &[0x81, 0, 0, 7, 8, 0],
    &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 7, 8, 0],
];

// REQ-L2-12
#[test]
fn congestion_marks_of_packets_in_frames_leave_as_rfc_6040_has_it() {
    let mut hostile = Hostile::new();
    let mut illegal = 0;
    for front in WAYS_TO_IPV4 {
        let around = |packet: &[u8]| [&BROADCAST[..], &AT[1], front, packet, &[0; 9]].concat();
        for (inner, outer) in (0..16).map(|both| (both / 4, both % 4)) {
            let sent = around(&packet(RIGHT, LEFT, b"marked", inner));
            let received = hostile.send(&sent, outer, |_| {});
            match ecn::decapsulate(Ecn::from_tos(inner), Ecn::from_tos(outer)) {
                Ok(mark) => {
                    let expected = around(&packet(RIGHT, LEFT, b"marked", mark.bits()));
                    assert_eq!(received, [expected], "{inner} {outer}");
                }
                Err(_) => illegal += 1,
            }
        }
    }
    let other = frame(BROADCAST, AT[1], ARP, b"\x45 is no packet here");
    assert_eq!(hostile.send(&other, 3, |_| {}), [other]);
    hostile.world.nodes[0].assert_drops(&[("illegal_ecn", illegal)]);
    assert_eq!(illegal, 3);
}

// REQ-L2-12
#[test]
fn the_outer_mark_is_that_of_the_packet_in_the_frame() {
    let mut hostile = Hostile::new();
    let mut mark_of = |frame: &[u8]| {
        hostile.world.nodes[0].hosts[0].send(frame).unwrap();
        hostile.world.nodes[0].settle();
        let (_, meta) = hostile.group.data[0].recv_from().unwrap();
        meta.tos
    };
    for (front, mark) in WAYS_TO_IPV4.into_iter().zip([1, 2, 3]) {
        let inner = packet(LEFT, RIGHT, b"marked", 0b1011_1000 | mark);
        let sent = [&BROADCAST[..], &AT[0], front, &inner].concat();
        assert_eq!(mark_of(&sent), mark);
    }
    assert_eq!(mark_of(&frame(BROADCAST, AT[0], ARP, &[0x45, 3, 0, 0])), 0);
    // The other peer has no keys.
    hostile.world.nodes[0].assert_drops(&[("no_epoch", 4)]);
}

/// An IPv4 packet of this protocol.
fn packet_of(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = packet(RIGHT, LEFT, payload, 0);
    packet[9] = protocol;
    packet[10..12].fill(0);
    let header = Checksum::new().add_bytes(&packet[..20]).finish();
    packet[10..12].copy_from_slice(&header.to_be_bytes());
    packet
}

// REQ-L2-11
#[test]
fn the_segment_size_of_a_syn_in_a_frame_is_left_as_it_is() {
    let mut world = World::new(NetworkOptions::default());
    let ports_and_numbers = [0x0f, 0xa0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0];
    // SYN, with a maximum of 1,460 bytes, which no frame of this VPC holds.
    let syn = [
        &ports_and_numbers[..],
        &[0x60, 2, 1, 0, 0, 0, 0, 0],
        &[2, 4, 5, 0xb4],
    ]
    .concat();
    let sent = frame(BROADCAST, AT[0], [8, 0], &packet_of(6, &syn));
    world.send(0, &sent);
    assert_eq!(world.received(), [vec![], vec![sent.clone()], vec![sent]]);
    world.assert_no_drops();
}

// REQ-L2-15
#[test]
fn a_partial_checksum_in_a_frame_is_completed() {
    let mut hostile = Hostile::new();
    let udp = packet_of(17, &[0x0f, 0xa0, 0, 9, 0, 10, 0, 0, 0xab, 0xcd]);
    let sent = frame(BROADCAST, AT[1], [8, 0], &udp);
    let partial = |header: &mut Encapsulation| header.checksum = ChecksumState::Partial;
    let received = hostile.send(&sent, 0, partial);
    let [received] = &received[..] else {
        panic!("{received:?}");
    };
    let sum = Checksum::new()
        .add_bytes(&received[26..34])
        .add_bytes(&[0, 17, 0, 10])
        .add_bytes(&received[34..]);
    assert_eq!(sum.finish(), 0);
    hostile.world.nodes[0].assert_drops(&[]);
}
