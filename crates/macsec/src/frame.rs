//! Moves what has to move when a SecTAG comes in or goes: the two addresses, and nothing else.

use linkveil_wire::SecTag;
use linkveil_wire::sectag::{ADDRESSES_LEN, TaggedFrame};

/// Makes the front of a secured frame. `frame` begins with room for the SecTAG, in which anything
/// may stand, followed by the plain frame.
#[inline]
pub(crate) fn insert_tag(frame: &mut [u8], tag: &SecTag) {
    if let Some(addresses) = addresses_at(frame, tag.encoded_len()) {
        write_header(frame, &addresses, tag);
    }
}

/// Writes addresses and SecTAG to the front of a secured frame.
#[inline]
pub(crate) fn write_header(frame: &mut [u8], addresses: &[u8; ADDRESSES_LEN], tag: &SecTag) {
    let tag = tag.emit();
    if let Some((front, rest)) = frame.split_first_chunk_mut() {
        *front = *addresses;
        for (octet, new) in rest.iter_mut().zip(tag.as_ref()) {
            *octet = *new;
        }
    }
}

/// The plain frame within a secured one, without SecTAG and ICV.
#[inline]
pub(crate) fn strip_tag<'a>(frame: &'a mut [u8], tagged: &TaggedFrame) -> &'a mut [u8] {
    let data = tagged.secure_data();
    let addresses = addresses_at(frame, 0);
    let plain = start_of(tagged)..data.end;
    let plain = frame.get_mut(plain).unwrap_or_default();
    if let (Some(place), Some(addresses)) = (plain.first_chunk_mut(), addresses) {
        *place = addresses;
    }
    plain
}

/// Where the plain frame begins within a secured one.
#[inline]
pub(crate) fn start_of(tagged: &TaggedFrame) -> usize {
    // The data of a parsed frame lies behind its addresses and a SecTAG.
    tagged.secure_data().start.saturating_sub(ADDRESSES_LEN)
}

fn addresses_at(frame: &[u8], at: usize) -> Option<[u8; ADDRESSES_LEN]> {
    frame.get(at..)?.first_chunk().copied()
}
