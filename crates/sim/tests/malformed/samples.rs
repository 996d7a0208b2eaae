//! Sound plaintexts to begin with: inner packets, data frames and control frames.

use linkveil_sa::SocketIndex;
use linkveil_sim::random::SimRandom;
use linkveil_wire::checksum::Checksum;
use linkveil_wire::control::Challenge;
use linkveil_wire::{ChecksumState, ControlFrame, Encapsulation, InnerProtocol, Spi, Token, Vni};

use crate::mutate::noise;

/// The VPC of IP packets, and the one of Ethernet frames.
pub(crate) const VNI: u32 = 5_001;
pub(crate) const ETHERNET_VNI: u32 = 6_001;
/// A station on the receiver's side, which nobody else may claim to be.
pub(crate) const LOCAL_STATION: [u8; 6] = [2, 0, 0, 0, 0, 2];
const PEERS_STATION: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// IPv4 with or without options and fragments, TCP, UDP or neither, from the sender's network to the receiver's.
fn ipv4(random: &mut SimRandom) -> Vec<u8> {
    let options = usize::try_from(random.pick(&[0, 0, 0, 1, 10])).unwrap();
    let protocol = random.pick(&[6, 17, 17, 253]);
    let segment = segment(random, protocol);
    let (header_len, tos) = (20 + 4 * options, random.pick(&[0, 1, 2, 3, 0xfd]));
    let total = u16::try_from(header_len + segment.len())
        .unwrap()
        .to_be_bytes();
    let fragment: [u8; 2] = random.pick(&[[0x40, 0], [0, 0], [0x20, 0], [0, 9]]);
    let version = 0x40 | u8::try_from(header_len / 4).unwrap();
    let mut packet = vec![version, tos, total[0], total[1], 0, 1];
    packet.extend(fragment);
    packet.extend([64, protocol, 0, 0, 10, 1, 0, 7, 10, 2, 0, 7]);
    packet.resize(header_len, 1);
    let checksum = Checksum::new().add_bytes(&packet).finish().to_be_bytes();
    packet[10..12].copy_from_slice(&checksum);
    packet.extend(segment);
    packet
}

/// IPv6 with none, some or too many extension headers.
fn ipv6(random: &mut SimRandom) -> Vec<u8> {
    let protocol = random.pick(&[6, 17, 17, 59]);
    let extensions = usize::try_from(random.pick(&[0, 0, 1, 2, 8, 9])).unwrap();
    let mut body = Vec::new();
    for index in 0..extensions {
        let next = if index + 1 == extensions {
            protocol
        } else {
            60
        };
        body.extend([next, 0, 1, 4, 0, 0, 0, 0]);
    }
    body.extend(segment(random, protocol));
    let first = if extensions > 0 { 60 } else { protocol };
    let mut packet = vec![0x60, random.pick(&[0, 0x10, 0x30]), 0, 0];
    packet.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    packet.extend([first, 64]);
    for network in [1, 2] {
        packet.extend([0xfd, network, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    }
    packet.extend(body);
    packet
}

/// A transport header with something behind it. Its checksum is anything, as of a packet with a partial one.
fn segment(random: &mut SimRandom, protocol: u8) -> Vec<u8> {
    let len = usize::try_from(random.pick(&[0, 1, 30, 31, 200, 1_300])).unwrap();
    let mut segment = noise(random, 20 + len);
    match protocol {
        6 => segment[12] = random.pick(&[0x50, 0x50, 0x50, 0x60, 0xf0, 0x40]),
        17 => {
            let len = u16::try_from(segment.len()).unwrap();
            segment[4..6].copy_from_slice(&len.to_be_bytes());
        }
        _ => {}
    }
    segment
}

/// A frame from a station, from a group, from nobody or from one of ours, with an IP packet in it or something else.
fn ethernet(random: &mut SimRandom) -> Vec<u8> {
    let group = [0xff; 6];
    let stations = [
        PEERS_STATION,
        PEERS_STATION,
        PEERS_STATION,
        LOCAL_STATION,
        group,
        [0; 6],
    ];
    let (to, from) = (random.pick(&[LOCAL_STATION, group]), random.pick(&stations));
    let (ether_type, payload): ([u8; 2], _) = match random.below(3) {
        0 => ([8, 0], ipv4(random)),
        1 => ([0x86, 0xdd], ipv6(random)),
        _ => ([8, 6], noise(random, 46)),
    };
    let tag: &[u8] = random.pick(&[&[], &[0x81, 0, 0, 5]]);
    [&to[..], &from, tag, &ether_type, &payload].concat()
}

pub(crate) fn packet(random: &mut SimRandom) -> (InnerProtocol, Vec<u8>) {
    match random.below(8) {
        0..5 => (InnerProtocol::Ipv4, ipv4(random)),
        5..7 => (InnerProtocol::Ipv6, ipv6(random)),
        _ => (InnerProtocol::Ethernet, ethernet(random)),
    }
}

/// Now and then the VPC of the other kind.
fn vni_of(protocol: InnerProtocol, random: &mut SimRandom) -> u32 {
    let right = [VNI, ETHERNET_VNI];
    let bridged = protocol == InnerProtocol::Ethernet;
    let wrong = random.below(40) == 0;
    right[usize::from(bridged != wrong)]
}

fn data_frame(random: &mut SimRandom) -> Vec<u8> {
    let (protocol, inner) = packet(random);
    let header = Encapsulation {
        vni: Vni::new(vni_of(protocol, random)).unwrap(),
        protocol,
        checksum: random.pick(&[ChecksumState::Complete, ChecksumState::Partial]),
        inner_len: u16::try_from(inner.len()).unwrap(),
    };
    let mut frame = [header.emit().as_slice(), &inner].concat();
    let padding = usize::try_from(random.below(17)).unwrap();
    frame.resize(frame.len() + padding, 0);
    frame
}

fn control_frame(random: &mut SimRandom) -> Vec<u8> {
    let (token, size) = (Token([7; 8]), 1_500);
    let frames = [
        ControlFrame::Confirm,
        ControlFrame::ConfirmAck,
        ControlFrame::Probe(token),
        ControlFrame::ProbeAck(token),
        ControlFrame::PathChallenge(Challenge([9; 16])),
        ControlFrame::PathResponse(Challenge([9; 16])),
        ControlFrame::MtuProbe { token, size },
        ControlFrame::MtuProbeAck { token, size },
        ControlFrame::SaDelete(Spi::new(77).unwrap()),
        ControlFrame::Keepalive,
    ];
    random.pick(&frames).emit().to_vec()
}

/// The plaintext of a datagram.
pub(crate) fn frame(random: &mut SimRandom) -> Vec<u8> {
    if random.below(6) == 0 {
        control_frame(random)
    } else {
        data_frame(random)
    }
}

/// The one socket of a node.
pub(crate) const SOCKET: SocketIndex = SocketIndex::FIRST;
