use std::num::NonZeroU16;

use super::*;
use crate::virtio::{ChecksumPlace, SegmentProtocol, Segmentation};

fn part(start: usize) -> InnerSlice {
    InnerSlice {
        buffer: 0,
        range: start..start + 10,
    }
}

fn starts(list: &FrameList) -> Vec<Vec<usize>> {
    let frames = list.iter();
    frames
        .map(|frame| frame.parts.iter().map(|part| part.range.start).collect())
        .collect()
}

#[test]
fn parts_belong_to_the_newest_frame() {
    let mut list = FrameList::default();
    assert_eq!((list.len(), list.last_head()), (0, None));
    assert_eq!(list.extend_last(part(0)), Err(FrameFull));
    list.push(part(1), Offload::None);
    list.push(part(2), Offload::None);
    list.extend_last(part(3)).unwrap();
    list.push(part(4), Offload::None);
    list.extend_last(part(5)).unwrap();
    list.extend_last(part(6)).unwrap();
    assert_eq!(starts(&list), [vec![1], vec![2, 3], vec![4, 5, 6]]);
    assert_eq!(list.last_head(), Some(&part(4)));
    assert_eq!(list.len(), 3);
    list.clear();
    assert!(list.is_empty() && list.last_head().is_none());
    assert_eq!(starts(&list), Vec::<Vec<usize>>::new());
}

#[test]
fn a_frame_has_a_bound() {
    let mut list = FrameList::default();
    list.push(part(0), Offload::None);
    list.push(part(0), Offload::None);
    for _ in 1..MAX_PARTS {
        list.extend_last(part(1)).unwrap();
    }
    assert_eq!(list.extend_last(part(1)), Err(FrameFull));
    let lens: Vec<_> = list.iter().map(|frame| frame.parts.len()).collect();
    assert_eq!(lens, [1, MAX_PARTS]);
}

#[test]
fn the_offload_can_be_told_later() {
    let offload = Offload::Segments(Segmentation {
        protocol: SegmentProtocol::Udp,
        headers_len: 28,
        segment_len: NonZeroU16::MIN,
        checksum: ChecksumPlace {
            start: 20,
            offset: 6,
        },
    });
    let mut list = FrameList::default();
    list.set_last_offload(offload);
    list.push(part(0), Offload::None);
    list.push(part(1), Offload::None);
    list.set_last_offload(offload);
    let offloads: Vec<_> = list.iter().map(|frame| frame.offload).collect();
    assert_eq!(offloads, [Offload::None, offload]);
}
