//! What a lane sends, opened with the peer's own keys.

use linkveil_crypto::{Direction, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_net::memory::{MemoryUdp, network};
use linkveil_sa::{Limits, RxEpoch, RxInstall, split_epoch};
use linkveil_wire::{Datagram, GeneveFrame, InnerMtu};

use super::*;
use crate::testing::{EPOCH, Node, PEER, address, install, lanes, spi};

/// A node, and in place of its peer a socket and the bare receiving half.
struct Tap {
    node: Node,
    socket: MemoryUdp,
    rx: RxEpoch,
}

impl Tap {
    fn new(inner_mtu: u16) -> Self {
        let groups = [(address(1), 1), (address(2), 1)];
        let options = NetworkOptions {
            capacity: 4_096,
            ..NetworkOptions::default()
        };
        let mut groups = network(&groups, options).into_iter();
        let (own, mut there) = (groups.next().unwrap(), groups.next().unwrap());
        let mut node = Node::new(own, 2, "10.2.0.0/24");
        install(&mut node, Direction::InitiatorToResponder, (1, 2), (1, 1));
        let snapshot = snapshot(Some(address(2)), "10.2.0.0/24", inner_mtu);
        node.pool.publish(&Arc::new(snapshot));
        node.settle();
        let secret = EpochSecret::derive(
            &HandshakeHash::new([3; 32]),
            &KeyBytes::new([1; 32]),
            &KeyBytes::new([2; 32]),
            None,
        );
        let direction = Direction::ResponderToInitiator;
        let (_, keys) = split_epoch(secret, Suite::Aes256Gcm, PostQuantum::Classical, direction);
        let rx = RxInstall {
            peer: PEER,
            epoch: EPOCH,
            spi: spi(2),
            peer_lanes: lanes(1),
            keys,
            limits: Limits::TINY,
            hard_deadline: node.now + std::time::Duration::from_secs(100),
        };
        Self {
            node,
            socket: there.data.remove(0),
            rx: rx.into_lanes(lanes(1)).next().unwrap(),
        }
    }

    /// Sends packets, and opens everything that leaves.
    fn plaintexts(&mut self, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
        for packet in packets {
            self.node.hosts[0].send(packet).unwrap();
            self.node.settle();
        }
        let mut plaintexts = Vec::new();
        while let Some((mut bytes, meta)) = self.socket.recv_from() {
            for segment in meta.segments() {
                let datagram = Datagram::parse(&mut bytes[segment]).unwrap();
                let opened = self.rx.open_in_place(datagram).unwrap();
                plaintexts.push(opened.into_plaintext().to_vec());
            }
        }
        plaintexts
    }
}

fn of_len(len: usize) -> Vec<u8> {
    packet(LEFT, RIGHT, &vec![0xab; len - 20], 0)
}

// REQ-DATA-7, REQ-PAD-1
// FIELD-BUG: padding skipped
#[test]
fn each_datagram_carries_one_whole_packet_and_its_padding() {
    let mut tap = Tap::new(1_424);
    let sent: Vec<_> = (20..=200).chain(1_400..=1_424).map(of_len).collect();
    let plaintexts = tap.plaintexts(&sent);
    assert_eq!(plaintexts.len(), sent.len());
    for (plaintext, sent) in plaintexts.iter().zip(&sent) {
        let frame = GeneveFrame::parse(plaintext);
        let Ok(GeneveFrame::Data { inner, .. }) = frame else {
            panic!("{frame:?}");
        };
        assert_eq!(
            plaintext[inner.clone()],
            sent[..],
            "whole, and with its headers"
        );
        assert!(plaintext[inner.end..].iter().all(|byte| *byte == 0));
        assert_eq!(plaintext.len(), (16 + sent.len()).next_multiple_of(16));
    }
    tap.node.assert_drops(&[]);
}

/// Nothing here has announced ACCEPTS_PARTIAL_CHECKSUM.
// REQ-CSUM-1
#[test]
fn no_partial_checksum_goes_to_a_peer_that_has_not_asked_for_them() {
    let mut tap = Tap::new(1_424);
    let mut sent = Vec::new();
    for protocol in [6, 17] {
        let mut packet = packet(LEFT, RIGHT, &[0x50; 60], 0);
        packet[9] = protocol;
        packet[24..26].copy_from_slice(&60_u16.to_be_bytes());
        packet[10..12].fill(0);
        let checksum = linkveil_wire::checksum::Checksum::new().add_bytes(&packet[..20]);
        packet[10..12].copy_from_slice(&checksum.finish().to_be_bytes());
        sent.push(packet);
    }
    for plaintext in tap.plaintexts(&sent) {
        let Ok(GeneveFrame::Data { encapsulation, .. }) = GeneveFrame::parse(&plaintext) else {
            panic!("{plaintext:02x?}");
        };
        assert_eq!(encapsulation.checksum, ChecksumState::Complete);
    }
}

// REQ-ADM-6, REQ-PAD-2
// FIELD-BUG: MTU extremes that panic
#[test]
fn the_least_and_the_greatest_mtu_carry_just_what_fits() {
    for mtu in [InnerMtu::MIN, InnerMtu::MAX] {
        let most = usize::from(mtu.get());
        let mut tap = Tap::new(mtu.get());
        let lengths = [
            20,
            most - 17,
            most - 16,
            most - 15,
            most - 1,
            most,
            most + 1,
            65_535,
        ];
        let sent: Vec<_> = lengths.into_iter().map(of_len).collect();
        let plaintexts = tap.plaintexts(&sent);
        assert_eq!(plaintexts.len(), 6, "{mtu:?}");
        assert!(plaintexts.iter().all(|text| text.len() <= most + 16));
        tap.node.assert_drops(&[("too_big", 2)]);
    }
}
