//! The scenarios are what their names say; otherwise the benchmarks would measure refusals.

use crate::backend::{AwsLc, Backend, RustCrypto};
use crate::epoch::{NumberedSender, receiver, sealed, sender};
use crate::handshake::Nodes;
use crate::routes::Routes;
use crate::{SIZES, packets};
use linkveil_crypto::{KeyBytes, Nonce, PostQuantum, Suite};
use linkveil_noise::PqPolicy;
use linkveil_wire::{Datagram, GeneveFrame, InnerPacket, IpProtocol, PacketNumber};

#[test]
fn what_the_sender_seals_the_receiver_opens() {
    for suite in Suite::ALL {
        let (mut tx, mut rx) = (sender(suite), receiver(suite));
        for len in SIZES {
            let mut datagram = sealed(&mut tx, len);
            let opened = rx.open_in_place(Datagram::parse(&mut datagram).unwrap());
            assert_eq!(opened.unwrap().into_plaintext(), vec![0; len]);
        }
    }
}

#[test]
fn the_numbered_sender_seals_as_the_sender_does() {
    for suite in Suite::ALL {
        let datagram = sealed(&mut sender(suite), 64);
        let numbered = NumberedSender::new(suite).seal(PacketNumber::FIRST, 64);
        assert_eq!(numbered, datagram);
    }
}

#[test]
fn the_backends_open_each_other() {
    for suite in Suite::ALL {
        let key = KeyBytes::new([7; 32]);
        let (aws_lc, rust) = (AwsLc::new(suite, &key), RustCrypto::new(suite, &key));
        let nonce = || Nonce::new([1; 12]);
        let mut text = *b"plaintext";
        let tag = aws_lc.seal(nonce(), b"aad", &mut text);
        assert_eq!(rust.open(nonce(), b"aad", &mut text, &tag), Ok(()));
        let tag = rust.seal(nonce(), b"aad", &mut text);
        assert_eq!(aws_lc.open(nonce(), b"aad", &mut text, &tag), Ok(()));
        assert_eq!(&text, b"plaintext");
    }
}

#[test]
fn packets_have_their_length_and_a_transport_header() {
    for len in [128, 1420, 9000] {
        let kinds = [
            (packets::ipv4_tcp(len), IpProtocol::TCP),
            (packets::ipv6_udp(len), IpProtocol::UDP),
            (packets::ipv6_with_extensions(len), IpProtocol::UDP),
        ];
        for (bytes, protocol) in kinds {
            assert_eq!(bytes.len(), len);
            let packet = InnerPacket::parse(&bytes).unwrap();
            assert_eq!(packet.protocol(), protocol);
            assert!(packet.transport().is_some());
        }
    }
}

#[test]
fn a_frame_carries_its_packet() {
    let frame = packets::frame(100);
    let expected = GeneveFrame::Data {
        encapsulation: packets::encapsulation(100),
        inner: 16..116,
    };
    assert_eq!(GeneveFrame::parse(&frame), Ok(expected));
    assert!(InnerPacket::parse(&frame[16..]).is_ok());
}

#[test]
fn handshakes_are_hybrid_exactly_if_the_policy_says_so() {
    let kinds = [
        (PqPolicy::Required, PostQuantum::Hybrid),
        (PqPolicy::Off, PostQuantum::Classical),
    ];
    for (policy, post_quantum) in kinds {
        let nodes = Nodes::new(Suite::default(), policy);
        let (initiation, attempt) = nodes.initiate();
        assert!(nodes.passes_mac1(&initiation));
        let (response, theirs) = nodes.respond(&initiation);
        let ours = nodes.finish(attempt, &response);
        assert_eq!(ours.post_quantum, post_quantum);
        assert_eq!(ours.secret.fingerprint(), theirs.secret.fingerprint());
    }
}

#[test]
fn a_forged_initiation_fails_at_mac1() {
    let nodes = Nodes::new(Suite::default(), PqPolicy::Required);
    assert!(!nodes.passes_mac1(&nodes.forged_initiation()));
}

#[test]
fn every_address_is_behind_the_longest_of_its_prefixes() {
    for family in [Routes::ipv4, Routes::ipv6] {
        for count in [1, 10, 5_000] {
            let routes = family(count);
            assert_eq!(routes.prefixes(), count);
            for (address, peer) in routes.addresses() {
                assert_eq!(routes.lookup(*address), Some(*peer), "{address} of {count}");
            }
        }
    }
}

#[test]
fn addresses_are_spread_over_the_table() {
    let routes = Routes::ipv4(5_000);
    let peers: std::collections::HashSet<_> =
        routes.addresses().iter().map(|(_, peer)| *peer).collect();
    assert!(peers.len() > routes.addresses().len() / 2);
}

#[test]
fn a_super_packet_is_cut_into_packets_that_are_joined_to_it_again() {
    use crate::pieces::{TRAIN_PACKETS, cut};
    use linkveil_wire::{Joined, Merge, MergeKey, NetworkOffset, SuperKind};

    let whole = packets::tcp_super_packet(1_420);
    assert_eq!(cut(&whole, usize::MAX).len(), whole.packets);
    let pieces = cut(&whole, TRAIN_PACKETS);
    assert_eq!(pieces.len(), TRAIN_PACKETS);
    let key = |packet: &[u8]| MergeKey::of(packet, NetworkOffset::IP).unwrap();
    let mut merge = Merge::begin(key(&pieces[0]));
    for packet in &pieces[1..] {
        assert_eq!(packet.len(), 1_420);
        assert_eq!(merge.join(&pieces[0], &key(packet), packet), Joined::Yes);
    }
    let found = merge.finish(&mut pieces[0].clone()).unwrap();
    assert_eq!(found.kind, SuperKind::TcpV4 { segment_len: 1_380 });
}
