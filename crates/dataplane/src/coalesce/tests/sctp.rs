//! SCTP, whose checksum is no Internet checksum.

use super::*;

/// An SCTP packet (RFC 9260) with a data chunk; its CRC-32c stands at byte 28.
fn sctp(number: u8) -> Vec<u8> {
    let mut segment = vec![0x0f, 0xa0, 0x13, 0x88, 0, 0, 0, 1, 0xc0, 0xff, 0xee, number];
    segment.extend([0, 3, 0, 116]);
    segment.extend(bytes_of(112));
    let mut packet = crate::testing::packet(LEFT, RIGHT, &segment, 0);
    packet[9] = 132;
    packet[10..12].fill(0);
    let sum = Checksum::new().add_bytes(&packet[..20]).finish();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

// What a kernel hands over of SCTP: a TUN device offers no CRC-32c, so that it is complete.
#[test]
fn sctp_crosses_packet_by_packet_and_its_checksum_is_left_alone() {
    for receiver in [Offloads::None, Offloads::Tcp, Offloads::TcpAndUdp] {
        let (mut left, mut right) = linked(Abilities { receiver, ..ABLE });
        let packets: Vec<_> = (0..5).map(sctp).collect();
        for packet in &packets {
            left.hosts[0].send_with(packet, Offload::None).unwrap();
        }
        left.settle();
        right.settle();
        let out = std::iter::from_fn(|| right.hosts[0].recv_with());
        let (bytes, offloads): (Vec<_>, Vec<_>) =
            out.map(|packet| (packet.bytes, packet.offload)).unzip();
        assert_eq!(bytes, packets);
        assert_eq!(offloads, [Offload::None; 5]);
        left.assert_drops(&[]);
        right.assert_drops(&[]);
    }
}

// No kernel does this: virtio_net_hdr has no kind of super-packet for SCTP.
#[test]
fn sctp_that_is_to_be_cut_is_dropped() {
    for protocol in [
        SegmentProtocol::TcpV4,
        SegmentProtocol::TcpV6,
        SegmentProtocol::Udp,
    ] {
        let (mut left, mut right) = linked(ABLE);
        let cut = Segmentation {
            protocol,
            headers_len: 32,
            segment_len: NonZeroU16::new(50).unwrap(),
            checksum: ChecksumPlace {
                start: 20,
                offset: 8,
            },
        };
        left.hosts[0]
            .send_with(&sctp(1), Offload::Segments(cut))
            .unwrap();
        left.settle();
        right.settle();
        assert!(right.hosts[0].recv_with().is_none());
        left.assert_drops(&[("tx_not_splittable", 1)]);
        right.assert_drops(&[]);
    }
}
