use super::*;

fn slice(buffer: usize, range: std::ops::Range<usize>) -> InnerSlice {
    InnerSlice { buffer, range }
}

#[test]
fn frames_lie_where_they_came() {
    let mut batch = PortBatch::new(2);
    assert!(batch.is_empty() && !batch.is_full());
    batch.push(b"first frame").unwrap();
    batch.push(&[7; PORT_FRAME_LEN]).unwrap();
    assert!(batch.is_full());
    assert_eq!(batch.push(b"no place"), None);
    batch.frame_mut(0).unwrap()[0] = b'F';
    assert_eq!(batch.slice(&slice(0, 0..5)), Some(&b"First"[..]));
    assert_eq!(batch.slice_mut(&slice(1, 9..12)).unwrap(), [7; 3]);
    batch.clear();
    assert_eq!((batch.len(), batch.slice(&slice(0, 0..1))), (0, None));
}

#[test]
fn nothing_outside_of_a_frame_can_be_seen() {
    let mut batch = PortBatch::new(2);
    batch.push(&[1; 100]).unwrap();
    batch.clear();
    batch.push(&[2; 10]).unwrap();
    assert_eq!(batch.slice(&slice(0, 0..10)), Some(&[2; 10][..]));
    assert_eq!(batch.slice(&slice(0, 0..11)), None);
    assert_eq!(batch.slice(&slice(1, 0..0)), None);
    assert_eq!(batch.slice(&slice(usize::MAX, 0..0)), None);
    assert_eq!(batch.slice_mut(&slice(0, 10..11)), None);
    assert_eq!(batch.frame_mut(1), None);
    assert_eq!(batch.push(&[3; PORT_FRAME_LEN + 1]), None);
    assert_eq!(batch.len(), 1);
}

#[test]
fn a_cut_frame_takes_a_buffer_and_is_no_frame() {
    let mut batch = PortBatch::new(3);
    for byte in 1..=3 {
        let buffer = batch.raw_buffers().next().unwrap();
        assert_eq!(buffer.len(), PORT_FRAME_LEN);
        buffer.fill(byte);
        if byte == 2 {
            batch.commit_truncated();
        } else {
            batch.commit(PORT_FRAME_LEN);
        }
    }
    assert!(batch.is_full());
    assert_eq!((batch.len(), batch.truncated()), (2, 1));
    assert_eq!(batch.frame_mut(1).unwrap()[0], 3);
    assert_eq!(batch.slice(&slice(1, 0..2)), Some(&[3, 3][..]));
    batch.clear();
    assert_eq!(batch.truncated(), 0);
}
