//! The batches never show a byte beyond what was received.

use std::net::{Ipv4Addr, SocketAddr};

use proptest::prelude::*;

use super::*;

const REMOTE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7);

fn meta(stride: usize) -> RecvMeta {
    RecvMeta {
        remote: REMOTE,
        len: 0,
        stride,
        tos: 0,
    }
}

#[test]
fn a_tun_batch_keeps_order_and_refuses_more_than_its_capacity() {
    let mut batch = TunBatch::new(2, usize::MAX);
    assert!(batch.is_empty());
    assert_eq!(batch.push(b"one", Offload::None), Some(()));
    assert_eq!(batch.push(b"second", Offload::None), Some(()));
    assert_eq!(batch.push(b"third", Offload::None), None);
    let packets: Vec<Vec<u8>> = batch
        .packets_mut()
        .map(|packet| packet.bytes().to_vec())
        .collect();
    assert_eq!(packets, [b"one".to_vec(), b"second".to_vec()]);
    assert_eq!(batch.packet_mut(1).unwrap().bytes(), b"second");
    assert!(batch.packet_mut(2).is_none());
    assert!(batch.packet_mut(usize::MAX).is_none());
    batch.clear();
    assert!(batch.packet_mut(0).is_none());
    assert_eq!((batch.len(), batch.capacity()), (0, 2));
}

#[test]
fn a_tun_batch_is_full_when_its_bytes_are() {
    let mut batch = TunBatch::new(9, 10);
    for len in [4, 5, 6] {
        assert!(!batch.is_full());
        batch.push(&vec![0; len], Offload::None).unwrap();
    }
    assert!(batch.is_full());
    assert_eq!(batch.push(b"x", Offload::None), None);
}

#[test]
fn a_packet_has_room_around_it() {
    let mut batch = TunBatch::new(2, usize::MAX);
    let longest = vec![7; TUN_PACKET_LEN];
    for bytes in [&b"one"[..], &longest] {
        batch.push(bytes, Offload::None).unwrap();
    }
    for (mut packet, bytes) in batch.packets_mut().zip([&b"one"[..], &longest]) {
        assert_eq!(packet.bytes(), bytes);
        assert_eq!(packet.bytes_mut(), bytes);
        let room = packet.with_room();
        assert_eq!(room[TUN_HEADROOM..][..bytes.len()], *bytes);
        assert!(room.len() >= TUN_HEADROOM + bytes.len() + TUN_TAILROOM);
    }
}

#[test]
fn a_batch_without_capacity_still_holds_one() {
    assert_eq!(TunBatch::new(0, usize::MAX).capacity(), 1);
    assert_eq!(UdpBatch::new(0).capacity(), 1);
}

#[test]
fn a_packet_longer_than_a_buffer_is_refused_and_leaves_no_trace() {
    let long = vec![1; TUN_PACKET_LEN + 1];
    let mut batch = TunBatch::new(1, usize::MAX);
    assert_eq!(batch.push(&long, Offload::None), None);
    assert!(batch.is_empty());
    assert_eq!(batch.push(&long[1..], Offload::None), Some(()));
    let long = vec![1; UDP_BUFFER_LEN + 1];
    let mut batch = UdpBatch::new(1);
    assert_eq!(batch.push(meta(10), &long), None);
    assert!(batch.is_empty());
    assert_eq!(batch.push(meta(10), &long[1..]), Some(()));
}

#[test]
fn an_empty_datagram_is_one_empty_segment() {
    let mut batch = UdpBatch::new(1);
    batch.push(meta(0), &[]).unwrap();
    let (meta, bytes) = batch.buffer_mut(0).unwrap();
    assert_eq!((meta.len, meta.stride, bytes.len()), (0, 1, 0));
    assert_eq!(meta.segments().collect::<Vec<_>>(), vec![0..0]);
}

#[test]
fn a_slice_outside_its_train_is_nothing() {
    let mut batch = UdpBatch::new(2);
    batch.push(meta(4), b"abcdefgh").unwrap();
    let slice = |buffer, range| InnerSlice { buffer, range };
    assert_eq!(batch.slice(&slice(0, 2..8)), Some(&b"cdefgh"[..]));
    assert_eq!(batch.slice(&slice(0, 2..9)), None);
    #[expect(clippy::reversed_empty_ranges, reason = "a wrong caller")]
    let reversed = 5..2;
    assert_eq!(batch.slice(&slice(0, reversed)), None);
    assert_eq!(batch.slice(&slice(1, 0..0)), None);
    assert_eq!(batch.slice(&slice(usize::MAX, 0..0)), None);
}

#[test]
fn a_pushed_train_has_the_length_of_its_bytes_whatever_the_meta_says() {
    let mut batch = UdpBatch::new(1);
    batch
        .push(
            RecvMeta {
                len: 9999,
                ..meta(4)
            },
            b"abcde",
        )
        .unwrap();
    assert_eq!(batch.meta(0).unwrap().len, 5);
    assert_eq!(batch.buffer_mut(0).unwrap().1, b"abcde");
}

proptest! {
    #[test]
    fn segments_cut_a_train_like_chunks(len in 0usize..70_000, stride in 0usize..70_000) {
        let meta = RecvMeta { len, ..meta(stride) };
        let mut expected_start = 0;
        let segments: Vec<_> = meta.segments().collect();
        for (index, range) in segments.iter().enumerate() {
            prop_assert_eq!(range.start, expected_start);
            if index + 1 < segments.len() {
                prop_assert_eq!(range.len(), stride.max(1));
            }
            prop_assert!(range.len() <= stride.max(1));
            expected_start = range.end;
        }
        prop_assert_eq!(expected_start, len);
        prop_assert_eq!(segments.len(), len.div_ceil(stride.max(1)).max(1));
    }
}
