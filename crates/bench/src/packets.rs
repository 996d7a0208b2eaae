//! Inner packets. Their checksums are not right: no parser looks at them.

use std::num::NonZeroU16;

use linkveil_net::{ChecksumPlace, Offload, SegmentProtocol, Segmentation};
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;
use linkveil_wire::geneve::ENCAP_LEN;
use linkveil_wire::inner::{IPV4_HEADER_LEN, IPV6_HEADER_LEN};
use linkveil_wire::transport::{TCP_CHECKSUM_OFFSET, TCP_HEADER_LEN, TcpFlags, UDP_HEADER_LEN};
use linkveil_wire::{ChecksumState, Encapsulation, InnerProtocol, IpProtocol, Vni};

use crate::lane::queues::Handed;

/// Extension headers in [`ipv6_with_extensions`]: more than real packets have.
pub const EXTENSION_HEADERS: usize = 4;
const EXTENSION_LEN: usize = 8;
const DESTINATION_OPTIONS: u8 = 60;

/// Benchmarks ask for packets that fit into a datagram.
fn len16(len: usize) -> u16 {
    u16::try_from(len).expect("a packet's length")
}

/// IPv4 and TCP, `len` bytes in all.
///
/// # Panics
/// When `len` is less than the headers or more than 65,535.
#[must_use]
pub fn ipv4_tcp(len: usize) -> Vec<u8> {
    let mut packet = vec![0; len];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&len16(len).to_be_bytes());
    packet[8] = 64;
    packet[9] = IpProtocol::TCP.0;
    packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    let tcp = &mut packet[IPV4_HEADER_LEN..];
    tcp[..4].copy_from_slice(&[0x9c, 0x40, 0x01, 0xbb]);
    tcp[12] = 5 << 4;
    assert!(tcp.len() >= TCP_HEADER_LEN);
    packet
}

/// IPv4 and TCP, as many bytes as one packet can have, to be cut into full packets of `len` bytes each. As a kernel hands
/// it to a device with offloads while a flow is busy.
///
/// # Panics
/// When `len` leaves no place for payload or is more than 65,535.
#[must_use]
pub fn tcp_super_packet(len: usize) -> Handed {
    const HEADERS: usize = IPV4_HEADER_LEN + TCP_HEADER_LEN;
    let segment = len - HEADERS;
    let packets = (usize::from(u16::MAX) - HEADERS) / segment;
    let mut bytes = ipv4_tcp(HEADERS + packets * segment);
    bytes[IPV4_HEADER_LEN + 13] = TcpFlags::ACK.bits();
    let segmentation = Segmentation {
        protocol: SegmentProtocol::TcpV4,
        headers_len: len16(HEADERS),
        segment_len: NonZeroU16::new(len16(segment)).expect("payload"),
        checksum: ChecksumPlace {
            start: len16(IPV4_HEADER_LEN),
            offset: len16(TCP_CHECKSUM_OFFSET),
        },
    };
    Handed {
        bytes,
        offload: Offload::Segments(segmentation),
        packets,
    }
}

/// The packet or super-packet of IPv4 behind an Ethernet header.
///
/// # Panics
/// When the packet is so long that the place of its checksum has no number.
#[must_use]
pub fn in_ethernet(packet: &Handed) -> Handed {
    const ETHERNET: [u8; ETHERNET_HEADER_LEN] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    let behind = |place: u16| place + len16(ETHERNET_HEADER_LEN);
    let offload = match packet.offload {
        Offload::None => Offload::None,
        Offload::Checksum(place) => Offload::Checksum(ChecksumPlace {
            start: behind(place.start),
            ..place
        }),
        Offload::Segments(cut) => Offload::Segments(Segmentation {
            headers_len: behind(cut.headers_len),
            checksum: ChecksumPlace {
                start: behind(cut.checksum.start),
                ..cut.checksum
            },
            ..cut
        }),
    };
    Handed {
        bytes: [&ETHERNET[..], &packet.bytes].concat(),
        offload,
        packets: packet.packets,
    }
}

/// IPv6 and UDP, `len` bytes in all.
///
/// # Panics
/// When `len` is less than the headers or more than 65,535.
#[must_use]
pub fn ipv6_udp(len: usize) -> Vec<u8> {
    ipv6(IpProtocol::UDP.0, udp(len - IPV6_HEADER_LEN))
}

/// IPv6, four headers of destination options, UDP; `len` bytes in all.
///
/// # Panics
/// When `len` is less than the headers or more than 65,535.
#[must_use]
pub fn ipv6_with_extensions(len: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    for header in 1..=EXTENSION_HEADERS {
        let next = match header {
            EXTENSION_HEADERS => IpProtocol::UDP.0,
            _ => DESTINATION_OPTIONS,
        };
        // Six bytes of options: one PadN (RFC 8200 s4.2).
        payload.extend([next, 0, 1, 4, 0, 0, 0, 0]);
    }
    payload.extend(udp(len
        - IPV6_HEADER_LEN
        - EXTENSION_HEADERS * EXTENSION_LEN));
    ipv6(DESTINATION_OPTIONS, payload)
}

fn ipv6(next_header: u8, payload: Vec<u8>) -> Vec<u8> {
    let mut packet = vec![0; IPV6_HEADER_LEN];
    packet[0] = 0x60;
    packet[4..6].copy_from_slice(&len16(payload.len()).to_be_bytes());
    packet[6] = next_header;
    packet[7] = 64;
    (packet[8], packet[23]) = (0xfd, 1);
    (packet[24], packet[39]) = (0xfd, 2);
    packet.extend(payload);
    packet
}

fn udp(len: usize) -> Vec<u8> {
    let mut datagram = vec![0; len];
    datagram[..4].copy_from_slice(&[0x9c, 0x40, 0x12, 0xb5]);
    datagram[4..6].copy_from_slice(&len16(len).to_be_bytes());
    assert!(len >= UDP_HEADER_LEN);
    datagram
}

/// What stands in front of an IPv4 packet of `len` bytes.
///
/// # Panics
/// When `len` is more than 65,535.
#[must_use]
pub fn encapsulation(len: usize) -> Encapsulation {
    Encapsulation {
        vni: Vni::new(5001).expect("24 bits"),
        protocol: InnerProtocol::Ipv4,
        checksum: ChecksumState::Complete,
        inner_len: len16(len),
    }
}

/// An IPv4 packet of `len` bytes as it lies inside the AEAD.
///
/// # Panics
/// When `len` is less than the headers or more than 65,535.
#[must_use]
pub fn frame(len: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(ENCAP_LEN + len);
    frame.extend(encapsulation(len).emit());
    frame.extend(ipv4_tcp(len));
    frame
}
