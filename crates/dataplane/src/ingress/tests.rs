//! What reaches a tenant, and why something does not.

use linkveil_crypto::Direction;
use linkveil_net::Offloads;
use linkveil_net::gso::Train as NetTrain;
use linkveil_net::memory::{Coalesce, MemoryUdp, NetworkOptions, network};
use proptest::prelude::*;

use super::*;
use crate::testing::{EPOCH, LEFT, Node, PEER, RIGHT, VNI, address, install, linked, packet, spi};
use linkveil_sa::{Limits, PartialChecksums, TxInstall, TxSa, split_epoch};
use linkveil_wire::{ControlFrame, Token, Vni};
use std::net::Ipv4Addr;

mod authentic;
mod hostile;

/// A node on the right with keys, and in place of the left one its bare sending half.
struct Bench {
    node: Node,
    socket: MemoryUdp,
    lanes: Vec<TxSa>,
}

impl Bench {
    fn new(node_lanes: u8, sender_lanes: u8) -> Self {
        Self::with_offloads(node_lanes, sender_lanes, Offloads::None)
    }

    /// A node whose devices do so much of themselves.
    fn with_offloads(node_lanes: u8, sender_lanes: u8, offloads: Offloads) -> Self {
        let groups = [(address(1), 1), (address(2), node_lanes.into())];
        let mut groups = network(&groups, NetworkOptions::default()).into_iter();
        let left = groups.next().unwrap();
        let home = crate::testing::snapshot(Some(address(1)), "10.1.0.0/24", 1_424);
        let mut node = Node::with_offloads(groups.next().unwrap().data, home, offloads);
        install(
            &mut node,
            Direction::ResponderToInitiator,
            (2, 1),
            (node_lanes, sender_lanes),
        );
        let keys = linkveil_crypto::EpochSecret::derive(
            &linkveil_crypto::HandshakeHash::new([3; 32]),
            &linkveil_crypto::KeyBytes::new([1; 32]),
            &linkveil_crypto::KeyBytes::new([2; 32]),
            None,
        );
        let (tx, _) = split_epoch(
            keys,
            linkveil_crypto::Suite::Aes256Gcm,
            linkveil_crypto::PostQuantum::Classical,
            Direction::InitiatorToResponder,
        );
        let install = TxInstall {
            peer: PEER,
            epoch: EPOCH,
            spi: spi(2),
            lanes: crate::testing::lanes(sender_lanes),
            keys: tx,
            limits: Limits::TINY,
            hard_deadline: node.now + std::time::Duration::from_secs(1_000),
            partial_checksums: PartialChecksums::Accepted,
        };
        Self {
            node,
            socket: left.control,
            lanes: install.into_lanes().collect(),
        }
    }

    fn seal(&mut self, lane: usize, plaintext: &[u8]) -> Vec<u8> {
        let mut datagram = [&[0; 16], plaintext, &[0; 16]].concat();
        self.lanes[lane].seal_in_place(&mut datagram).unwrap();
        datagram
    }

    fn data(
        &mut self,
        lane: usize,
        inner: &[u8],
        change: impl FnOnce(&mut Encapsulation),
    ) -> Vec<u8> {
        let mut header = Encapsulation {
            vni: Vni::new(VNI).unwrap(),
            protocol: InnerProtocol::Ipv4,
            checksum: ChecksumState::Complete,
            inner_len: u16::try_from(inner.len()).unwrap(),
        };
        change(&mut header);
        self.seal(lane, &[&header.emit(), inner].concat())
    }

    fn send(&mut self, datagram: &[u8]) {
        self.train(datagram, datagram.len(), 0);
    }

    fn train(&mut self, bytes: &[u8], segment_len: usize, tos: u8) {
        let train = NetTrain {
            remote: address(2),
            tos,
            segment_len,
            bytes,
        };
        self.socket.send_train(train).unwrap();
        self.node.settle();
    }
}

fn good() -> Vec<u8> {
    packet(LEFT, RIGHT, b"payload", 0)
}

// REQ-HDR-4 to REQ-HDR-8, REQ-HDR-11, REQ-DATA-4, REQ-REPLAY-3
#[test]
fn each_reason_not_to_open_moves_its_own_counter() {
    let mut bench = Bench::new(1, 2);
    let sound = bench.data(0, &good(), |_| {});
    let changed = |place: usize, value: u8| {
        let mut datagram = sound.clone();
        datagram[place] = value;
        datagram
    };
    for bad in [
        changed(1, 64),
        changed(1, 2),
        changed(2, 1),
        changed(7, 9),
        changed(40, !sound[40]),
        sound[..39].to_vec(),
    ] {
        bench.send(&bad);
    }
    let mut zero_spi = sound.clone();
    zero_spi[4..8].fill(0);
    bench.send(&zero_spi);
    let mut zero_number = sound.clone();
    zero_number[8..16].fill(0);
    bench.send(&zero_number);
    bench.send(&sound);
    bench.send(&sound);
    // Alone they are steered to control; behind data in one train they reach a lane.
    let front = bench.data(1, &good(), |_| {});
    let train = [front.as_slice(), &changed(0, 9), &changed(0, 1)].concat();
    bench.train(&train, sound.len(), 0);
    bench.node.assert_drops(&[
        ("duplicate", 1),
        ("lane_not_announced", 1),
        ("lane_out_of_range", 1),
        ("not_data", 1),
        ("reserved_bits", 1),
        ("too_short", 1),
        ("unauthentic", 1),
        ("unknown_spi", 1),
        ("unknown_type", 1),
        ("zero_packet_number", 1),
        ("zero_spi", 1),
    ]);
    assert_eq!(bench.node.received(), [good(), good()]);
}

// REQ-GEN-3, REQ-L2-2, REQ-ADM-2, REQ-ADM-3, REQ-ADM-5, REQ-CSUM-4
#[test]
fn each_reason_not_to_admit_moves_its_own_counter() {
    let mut bench = Bench::new(1, 1);
    let other_vni = |header: &mut Encapsulation| header.vni = Vni::new(9).unwrap();
    let ethernet = |header: &mut Encapsulation| header.protocol = InnerProtocol::Ethernet;
    let ipv6 = |header: &mut Encapsulation| header.protocol = InnerProtocol::Ipv6;
    let partial = |header: &mut Encapsulation| header.checksum = ChecksumState::Partial;
    let foreign = packet(Ipv4Addr::new(10, 3, 0, 1), RIGHT, b"x", 0);
    let mut longer = good();
    longer.push(0);
    let datagrams = [
        bench.data(0, &good(), other_vni),
        bench.data(0, &good(), ethernet),
        bench.data(0, &good(), ipv6),
        bench.data(0, &good(), partial),
        bench.data(0, &foreign, |_| {}),
        bench.data(0, &longer, |_| {}),
        bench.data(0, &[0x45], |_| {}),
        bench.data(0, &[0x00], |_| {}),
        bench.seal(0, &[0; 8]),
        bench.seal(0, &[0x40, 0, 8, 0, 0, 0, 0, 0]),
    ];
    for datagram in datagrams {
        bench.send(&datagram);
    }
    bench.node.assert_drops(&[
        ("geneve_unknown_protocol", 1),
        ("geneve_unknown_version", 1),
        ("invalid_partial_checksum", 1),
        ("protocol_mismatch", 1),
        ("rx_ip_total_length", 1),
        ("rx_too_short", 1),
        ("rx_unknown_ip_version", 1),
        ("unknown_vni", 1),
        ("wrong_source", 1),
        ("wrong_vpc_kind", 1),
    ]);
    assert!(bench.node.received().is_empty());
}

// REQ-ECN-1 to REQ-ECN-4
#[test]
fn congestion_marks_leave_as_rfc_6040_has_it() {
    let mut bench = Bench::new(1, 1);
    let mut illegal = 0;
    for inner in 0..4 {
        for outer in 0..4 {
            let sent = packet(LEFT, RIGHT, b"marked", inner);
            let datagram = bench.data(0, &sent, |_| {});
            bench.train(&datagram, datagram.len(), outer);
            let expected = ecn::decapsulate(Ecn::from_tos(inner), Ecn::from_tos(outer));
            let Ok(mark) = expected else {
                illegal += 1;
                continue;
            };
            let expected = packet(LEFT, RIGHT, b"marked", mark.bits());
            assert_eq!(bench.node.received(), [expected], "{inner} {outer}");
        }
    }
    bench.node.assert_drops(&[("illegal_ecn", illegal)]);
    assert_eq!(illegal, 1);
}

// REQ-CTRL-9
#[test]
fn control_frames_go_to_control_and_to_no_tenant() {
    let mut bench = Bench::new(1, 1);
    let frame = ControlFrame::Probe(Token([7; 8]));
    let datagram = bench.seal(0, &frame.emit());
    bench.send(&datagram);
    let heard =
        bench.node.events.iter().any(
            |event| matches!(event, LaneEvent::Control { frame: heard, .. } if *heard == frame),
        );
    assert!(heard);
    assert!(bench.node.received().is_empty());
    bench.node.assert_drops(&[]);
}

// REQ-LANE-3 to REQ-LANE-7, REQ-REPLAY-1
#[test]
fn a_train_of_interleaved_lanes_is_delivered_once_and_in_order_of_each_lane() {
    let mut bench = Bench::new(3, 8);
    let mut train = Vec::new();
    for number in 0..40_u8 {
        let inner = packet(LEFT, RIGHT, &[number; 9], 0);
        train.extend(bench.data(usize::from(number % 8), &inner, |_| {}));
    }
    let stride = train.len() / 40;
    bench.train(&train, stride, 0);
    bench.train(&train, stride, 0);
    let received = bench.node.received();
    assert_eq!(received.len(), 40);
    for lane in 0..8 {
        let numbers: Vec<_> = received.iter().map(|packet| packet[20]).collect();
        let of_lane: Vec<_> = numbers.into_iter().filter(|n| n % 8 == lane).collect();
        assert!(of_lane.is_sorted(), "lane {lane}: {of_lane:?}");
    }
    let report = bench.node.report();
    assert!(report.events.get(LaneCounter::StrayForwarded) > 0);
    assert_eq!(
        report.events.get(LaneCounter::StrayForwarded),
        report.events.get(LaneCounter::StrayReceived)
    );
    bench.node.assert_drops(&[("duplicate", 40)]);
}

// REQ-HDR-11, REQ-LANE-6, REQ-CNT-1
#[test]
fn a_datagram_too_short_for_its_own_spi_is_not_read_into_its_neighbor() {
    let mut bench = Bench::new(2, 2);
    // The first one steers the train to lane 0. The second one names a sender lane of lane 1, and has with the bytes of
    // the third one a whole SPI.
    bench.train(&[4, 0, 0, 0, 0, 4, 1, 0, 0, 0, 4, 0, 0, 0, 2], 5, 0);
    bench.node.assert_drops(&[("too_short", 3)]);
}

// REQ-LIVE-6, REQ-LIVE-8
#[test]
fn an_unknown_spi_is_told_once_a_second_and_only_for_a_peers_address() {
    let mut bench = Bench::new(1, 1);
    let mut datagram = bench.data(0, &good(), |_| {});
    datagram[7] = 99;
    let told = |bench: &Bench| {
        let events = bench.node.events.iter();
        events
            .filter(|event| matches!(event, LaneEvent::UnknownSpi { .. }))
            .count()
    };
    bench.send(&datagram);
    bench.send(&datagram);
    assert_eq!(told(&bench), 1);
    bench.node.now += std::time::Duration::from_secs(1);
    bench.send(&datagram);
    assert_eq!(told(&bench), 2);
    bench.node.assert_drops(&[("unknown_spi", 3)]);
}

// REQ-PATH-1: what is overtaken, replayed or forged says nothing of where the peer is.
#[test]
fn only_the_newest_authentic_datagram_makes_a_candidate() {
    let mut bench = Bench::new(1, 1);
    let [first, second] = [(); 2].map(|()| bench.data(0, &good(), |_| {}));
    let told = |bench: &Bench| {
        let events = bench.node.events.iter();
        events
            .filter(|event| matches!(event, LaneEvent::Candidate { .. }))
            .count()
    };
    bench.send(&second);
    let elsewhere = crate::testing::snapshot(Some(address(77)), "10.1.0.0/24", 1_424);
    bench.node.pool.publish(&std::sync::Arc::new(elsewhere));
    bench.send(&first);
    bench.send(&second);
    let mut forged = bench.data(0, &good(), |_| {});
    let last = forged.len() - 1;
    forged[last] ^= 1;
    bench.send(&forged);
    assert_eq!(told(&bench), 0);
    let third = bench.data(0, &good(), |_| {});
    bench.send(&third);
    assert_eq!(told(&bench), 1);
    bench
        .node
        .assert_drops(&[("duplicate", 1), ("unauthentic", 1)]);
}

// REQ-LIM-2, REQ-LIM-3
#[test]
fn after_the_hard_deadline_nothing_is_opened() {
    let mut bench = Bench::new(1, 1);
    let datagram = bench.data(0, &good(), |_| {});
    bench.node.now += std::time::Duration::from_secs(100);
    bench.send(&datagram);
    bench.node.assert_drops(&[("rx_key_expired", 1)]);
}

#[test]
fn both_ways_carry_what_they_are_given() {
    for (left, right) in [(1, 1), (1, 4), (7, 2)] {
        let options = NetworkOptions {
            coalesce: Coalesce::Datagrams,
            ..NetworkOptions::default()
        };
        let (mut a, mut b) = linked(left, right, options);
        for number in 0..60_u8 {
            let there = packet(LEFT, RIGHT, &[number; 30], 0);
            a.hosts[usize::from(number % left)].send(&there).unwrap();
            let back = packet(RIGHT, LEFT, &[number; 40], 0);
            b.hosts[usize::from(number % right)].send(&back).unwrap();
        }
        for _ in 0..3 {
            a.settle();
            b.settle();
        }
        assert_eq!((a.received().len(), b.received().len()), (60, 60));
        a.assert_drops(&[]);
        b.assert_drops(&[]);
        let report = a.report();
        assert_eq!(
            (report.peers[0].tx.packets, report.peers[0].rx.packets),
            (60, 60)
        );
        assert_eq!(
            (report.peers[0].tx.bytes, report.peers[0].rx.bytes),
            (3_000, 3_600)
        );
    }
}

proptest! {
    // REQ-CNT-1, REQ-CNT-2
    #[test]
    fn whatever_arrives_moves_exactly_one_counter_per_datagram(
        lanes in 1u8..4,
        trains in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 2..300), 1usize..120),
            1..8,
        ),
    ) {
        let mut bench = Bench::new(lanes, 1);
        let mut datagrams = 0;
        for (mut bytes, stride) in trains {
            // Data by its first byte, or the network would steer it to control.
            bytes[0] = 4;
            datagrams += bytes.len().div_ceil(stride) as u64;
            bench.train(&bytes, stride, 0);
        }
        let report = bench.node.report();
        let dropped: u64 = report.drops.named().map(|(_, count)| count).sum();
        prop_assert_eq!(dropped, datagrams);
        prop_assert!(bench.node.received().is_empty());
    }
}
