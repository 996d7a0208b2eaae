//! The maximum segment size option of a TCP SYN (RFC 9293 s3.7.1), lowered to what a path carries.
//!
//! So the two hosts begin with segments that fit, instead of learning their size from lost ones. The value counts the
//! IP and TCP headers without options; the sender of the segments takes its options off by itself (RFC 6691 s2).
//! A value is never raised, and no option is inserted: without one a host sends 536 bytes over IPv4 and 1,220 over IPv6
//! (RFC 9293 s3.7.1), which fits.

use crate::checksum;
use crate::geneve::ChecksumState;
use crate::inner::{Fragment, IPV4_HEADER_LEN, IPV6_HEADER_LEN, InnerPacket, IpProtocol};
use crate::num::InnerMtu;
use crate::transport::{TCP_HEADER_LEN, TcpFlags, TcpSegment};
use std::ops::Range;

/// End of the option list (RFC 9293 s3.1).
const END: u8 = 0;
/// An option of one byte that does nothing.
const NO_OPERATION: u8 = 1;
/// The maximum segment size.
const MSS: u8 = 2;
/// Its length with kind and length.
const MSS_LEN: u8 = 4;

/// Where a packet's TCP header with SYN lies. Good for the packet it was found in, until that changes its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Syn {
    offset: usize,
    header_len: usize,
    /// What goes off the MTU: the two headers without options.
    overhead: u16,
}

/// What became of the option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clamp {
    /// It was greater than the path carries.
    Lowered,
    /// It fits, or there is none.
    Unchanged,
}

/// The TCP header of the packet if it opens or accepts a connection. For every other packet this costs a look at its
/// flags.
#[must_use]
#[inline]
pub fn find_syn(packet: &InnerPacket<'_>) -> Option<Syn> {
    if packet.protocol() != IpProtocol::TCP || packet.fragment() == Fragment::Later {
        return None;
    }
    let segment = packet.bytes().get(packet.transport_offset()..)?;
    let tcp = TcpSegment::parse(segment).filter(|tcp| tcp.flags.contains(TcpFlags::SYN))?;
    let ip_header_len = if packet.source().is_ipv4() {
        IPV4_HEADER_LEN
    } else {
        IPV6_HEADER_LEN
    };
    Some(Syn {
        offset: packet.transport_offset(),
        header_len: tcp.header_len,
        overhead: u16::try_from(ip_header_len + TCP_HEADER_LEN).ok()?,
    })
}

/// Lowers the segment size that `packet` announces to what fits into `mtu`. Options that run over the header's end are
/// left as they are, and all that follows them.
///
/// A complete checksum follows the change (RFC 1624); a partial one covers the pseudo-header only, which does not change.
pub fn clamp(packet: &mut [u8], syn: Syn, mtu: InnerMtu, checksum: ChecksumState) -> Clamp {
    let header = packet.get_mut(syn.offset..);
    let header = header.and_then(|segment| segment.get_mut(..syn.header_len));
    let Some((fixed, options)) = header.and_then(<[u8]>::split_first_chunk_mut::<TCP_HEADER_LEN>)
    else {
        return Clamp::Unchanged;
    };
    let [.., c0, c1, _, _] = fixed;
    let before = u16::from_be_bytes([*c0, *c1]);
    let most = mtu.get().saturating_sub(syn.overhead);
    match lower_options(options, most, before) {
        Some(sum) if checksum == ChecksumState::Complete => {
            [*c0, *c1] = sum.to_be_bytes();
            Clamp::Lowered
        }
        Some(_) => Clamp::Lowered,
        None => Clamp::Unchanged,
    }
}

/// Lowers every MSS option: of two, a host may believe either. Returns the new checksum if one was lowered.
fn lower_options(options: &mut [u8], most: u16, checksum: u16) -> Option<u16> {
    let (mut at, mut sum) = (0, None);
    while let Some(range) = option_at(options, at) {
        at = range.end;
        let place = Place::of(range.start);
        if let Some([MSS, MSS_LEN, v0, v1]) = options.get_mut(range) {
            let old = u16::from_be_bytes([*v0, *v1]);
            if old > most {
                [*v0, *v1] = most.to_be_bytes();
                sum = Some(updated(sum.unwrap_or(checksum), (old, most), place));
            }
        }
    }
    sum
}

/// Where a value of two bytes lies with regard to the words that a checksum sums.
#[derive(Clone, Copy)]
enum Place {
    Even,
    Odd,
}

impl Place {
    /// Options begin at an even place of the segment, and so does the segment's sum.
    const fn of(start: usize) -> Self {
        if start.is_multiple_of(2) {
            Self::Even
        } else {
            Self::Odd
        }
    }
}

/// At an odd place the first byte is the low half of its word and the second the high half of the next: as if the bytes
/// were swapped (RFC 1071 s2 B).
const fn updated(sum: u16, (old, new): (u16, u16), place: Place) -> u16 {
    match place {
        Place::Even => checksum::update(sum, old, new),
        Place::Odd => checksum::update(sum, old.swap_bytes(), new.swap_bytes()),
    }
}

/// Where the option that begins at `at` claims to lie, which may be beyond the end; none at the end of the list.
fn option_at(options: &[u8], at: usize) -> Option<Range<usize>> {
    let len = match options.get(at..)? {
        [] | [END, ..] => None,
        [NO_OPERATION, ..] => Some(1),
        [_, len, ..] => Some(usize::from(*len)).filter(|len| *len >= 2),
        [_] => None,
    };
    Some(at..at + len?)
}

#[cfg(test)]
mod tests;
