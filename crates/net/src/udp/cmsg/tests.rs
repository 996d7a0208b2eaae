//! The layout against the C macros' arithmetic, and a reader that no bytes can mislead.

use proptest::prelude::*;

use super::*;

#[test]
fn what_was_written_is_read_again_in_order() {
    let mut ancillary = Ancillary::default();
    let used = ancillary.push(0, Kind::UDP_SEGMENT, 1400u16.to_ne_bytes());
    let used = ancillary.push(used, Kind::IP_TOS, 0x29i32.to_ne_bytes());
    let messages: Vec<_> = ancillary.messages(used).collect();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0], (Kind::UDP_SEGMENT, &1400u16.to_ne_bytes()[..]));
    assert_eq!(messages[1].0, Kind::IP_TOS);
    assert_eq!(integer(messages[1].1), Some(0x29));
}

#[test]
fn one_message_takes_as_much_room_as_the_c_macros_say() {
    let mut ancillary = Ancillary::default();
    let used = ancillary.push(0, Kind::IPV6_TCLASS, 1i32.to_ne_bytes());
    // SAFETY: CMSG_SPACE and CMSG_LEN only compute.
    let (space, len) = unsafe { (libc::CMSG_SPACE(4), libc::CMSG_LEN(4)) };
    assert_eq!(used, space as usize);
    assert_eq!(ancillary.bytes[..WORD], (len as usize).to_ne_bytes());
}

#[test]
fn integers_come_in_two_sizes() {
    assert_eq!(integer(&[0xff]), Some(255));
    assert_eq!(integer(&70_000i32.to_ne_bytes()), Some(70_000));
    assert_eq!(integer(&(-1i32).to_ne_bytes()), None);
    assert_eq!(integer(&[1, 2]), None);
    assert_eq!(integer(&[]), None);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_loop_or_panic(bytes: [u8; 96], small_lengths: bool, len in 0usize..200) {
        let mut bytes = bytes;
        if small_lengths {
            for start in (0..96).step_by(WORD) {
                let length = usize::from(bytes[start]) % 40;
                bytes[start..start + WORD].copy_from_slice(&length.to_ne_bytes());
            }
        }
        let ancillary = Ancillary { bytes };
        prop_assert!(ancillary.messages(len).count() <= 96 / HEADER);
    }
}
