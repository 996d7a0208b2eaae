//! A peer with keys tries to have its say in what our kernel is told.

use linkveil_net::memory::HostPacket;
use linkveil_net::{Offload, SegmentProtocol};
use linkveil_wire::transport::make_partial;

use super::*;

/// A packet of the peer's that claims to be TCP, UDP or something else, with hostile lengths, options and flags behind.
fn hostile() -> impl Strategy<Value = (Vec<u8>, ChecksumState)> {
    let protocol = prop::sample::select(vec![6_u8, 6, 17, 17, 1, 47, 132]);
    let rest = prop::collection::vec(any::<u8>(), 0..120);
    let header = (any::<u8>(), any::<[u8; 2]>(), 20_u8..24, any::<bool>());
    (protocol, rest, header, any::<bool>()).prop_map(|(protocol, mut rest, header, partial)| {
        let (flags, fragment, header_len, sound) = header;
        if sound && rest.len() >= 20 {
            // What would be taken for good: enough of it that some packets are joined.
            rest[12] = 0x50;
            rest[13] = if flags & 0x80 == 0 {
                0x10 | flags & 0x09
            } else {
                flags
            };
            let len = u16::try_from(rest.len()).unwrap();
            if protocol == 17 {
                rest[4..6].copy_from_slice(&len.to_be_bytes());
            }
        }
        let mut packet = packet(LEFT, RIGHT, &rest, 0);
        packet[9] = protocol;
        if !sound {
            packet[0] = 0x40 | (header_len.min(15) / 4);
            packet[6..8].copy_from_slice(&fragment);
        }
        packet[10..12].fill(0);
        let sum = linkveil_wire::Checksum::new()
            .add_bytes(&packet[..20])
            .finish();
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        let state = if partial {
            ChecksumState::Partial
        } else {
            ChecksumState::Complete
        };
        (packet, state)
    })
}

/// Whether what the kernel is told is true of the packet that it gets, by a reading of the bytes that shares nothing with the
/// crate's.
fn is_true(packet: &HostPacket) -> Result<(), String> {
    let bytes = &packet.bytes;
    let (place, cut) = match packet.offload {
        Offload::None => return Ok(()),
        Offload::Checksum(place) => (place, None),
        Offload::Segments(cut) => (cut.checksum, Some(cut)),
    };
    let header_len = usize::from(bytes[0] & 0x0f) * 4;
    let fragment = u16::from_be_bytes([bytes[6], bytes[7]]) & 0x3fff;
    let expected = match bytes[9] {
        6 => 16,
        17 => 6,
        other => return Err(format!("protocol {other}")),
    };
    let place = (usize::from(place.start), usize::from(place.offset));
    if place != (header_len, expected) || fragment != 0 {
        return Err(format!("{place:?}, fragment {fragment}"));
    }
    let field = header_len + expected;
    if bytes.len() < field + 2 {
        return Err("the checksum lies outside".to_owned());
    }
    let total = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
    if total != bytes.len() {
        return Err(format!("{total} of {} bytes", bytes.len()));
    }
    let mut again = bytes.clone();
    make_partial(&mut again).map_err(|error| error.to_string())?;
    if again != *bytes {
        return Err("the sum is not the pseudo-header's".to_owned());
    }
    let Some(cut) = cut else { return Ok(()) };
    let transport_len = match bytes[9] {
        6 => usize::from(bytes[header_len + 12] >> 4) * 4,
        _ => 8,
    };
    let right = (cut.protocol == SegmentProtocol::Udp) == (bytes[9] == 17)
        && usize::from(cut.headers_len) == header_len + transport_len
        && usize::from(cut.segment_len.get()) < bytes.len() - header_len - transport_len;
    if right {
        Ok(())
    } else {
        Err(format!("{cut:?}"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // REQ-OFFLOAD-6, REQ-CSUM-3, REQ-CSUM-4, REQ-CNT-1
    #[test]
    fn nothing_that_a_peer_says_decides_what_the_kernel_is_told(
        packets in prop::collection::vec(hostile(), 1..20),
        repeat in 1_usize..4,
    ) {
        let mut bench = Bench::with_offloads(1, 1, Offloads::TcpAndUdp);
        let mut sent = 0;
        let mut train = Vec::new();
        for (packet, checksum) in &packets {
            for _ in 0..repeat {
                let datagram = bench.data(0, packet, |header| header.checksum = *checksum);
                sent += 1;
                if train.last().is_some_and(|last: &Vec<u8>| last.len() != datagram.len()) {
                    bench.train(&train.concat(), train[0].len(), 0);
                    train.clear();
                }
                train.push(datagram);
            }
        }
        bench.train(&train.concat(), train[0].len(), 0);
        let out: Vec<_> = std::iter::from_fn(|| bench.node.hosts[0].recv_with()).collect();
        for packet in &out {
            let verdict = is_true(packet);
            prop_assert!(verdict.is_ok(), "{verdict:?}: {packet:?}");
        }
        let pieces = |packet: &HostPacket| match packet.offload {
            Offload::Segments(cut) => {
                let payload = packet.bytes.len() - usize::from(cut.headers_len);
                payload.div_ceil(cut.segment_len.get().into())
            }
            _ => 1,
        };
        let delivered: usize = out.iter().map(pieces).sum();
        let report = bench.node.report();
        let dropped: u64 = report.drops.named().map(|(_, count)| count).sum();
        prop_assert_eq!(delivered + usize::try_from(dropped).unwrap(), sent);
    }
}
