//! Ancillary data as the kernel lays it out (cmsg(3)): a length of machine word size that includes the header, level and
//! type as 32-bit integers, the value, padding to the next machine word.

const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD + 8;

/// Room for all messages that we send or ask for: three of at most [`HEADER`] plus one word each.
const CAPACITY: usize = 96;

const _: () = assert!(3 * (HEADER + WORD) <= CAPACITY);

/// Ancillary data of one datagram, aligned as the kernel demands.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Ancillary {
    bytes: [u8; CAPACITY],
}

/// Level and type of an ancillary message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    level: i32,
    number: i32,
}

impl Kind {
    /// Length of each segment of a train to send; value: 16 bits (udp(7)).
    pub(super) const UDP_SEGMENT: Self = Self {
        level: libc::SOL_UDP,
        number: libc::UDP_SEGMENT,
    };
    /// Length of each segment of a received train; value: 32 bits (udp(7)).
    pub(super) const UDP_GRO: Self = Self {
        level: libc::SOL_UDP,
        number: libc::UDP_GRO,
    };
    /// IPv4 TOS byte; value: 32 bits to send, 8 bits received (ip(7)).
    pub(super) const IP_TOS: Self = Self {
        level: libc::IPPROTO_IP,
        number: libc::IP_TOS,
    };
    /// IPv6 traffic class; value: 32 bits (RFC 3542 section 6.5).
    pub(super) const IPV6_TCLASS: Self = Self {
        level: libc::IPPROTO_IPV6,
        number: libc::IPV6_TCLASS,
    };
}

impl Default for Ancillary {
    fn default() -> Self {
        Self {
            bytes: [0; CAPACITY],
        }
    }
}

impl Ancillary {
    /// Room in bytes, for a kernel that writes messages here.
    pub(super) const CAPACITY: usize = CAPACITY;

    /// Writes a message at offset `used` and returns the new offset.
    pub(super) fn push<const N: usize>(
        &mut self,
        used: usize,
        kind: Kind,
        value: [u8; N],
    ) -> usize {
        const { assert!(N <= WORD) };
        let header = ((HEADER + N).to_ne_bytes().into_iter())
            .chain(kind.level.to_ne_bytes())
            .chain(kind.number.to_ne_bytes());
        let padded = value.into_iter().chain(std::iter::repeat_n(0, WORD - N));
        let place = self.bytes.iter_mut().skip(used);
        place
            .zip(header.chain(padded))
            .for_each(|(to, from)| *to = from);
        used + HEADER + WORD
    }

    /// The messages in the first `len` bytes. A message that runs over ends the iteration.
    pub(super) fn messages(&self, len: usize) -> Messages<'_> {
        Messages {
            rest: self.bytes.get(..len).unwrap_or(&self.bytes),
        }
    }
}

/// Iterator over (kind, value).
#[derive(Debug)]
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = (Kind, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (len, fields) = self.rest.split_first_chunk::<WORD>()?;
        let (level, fields) = fields.split_first_chunk::<4>()?;
        let number = fields.first_chunk::<4>()?;
        let kind = Kind {
            level: i32::from_ne_bytes(*level),
            number: i32::from_ne_bytes(*number),
        };
        let len = usize::from_ne_bytes(*len);
        let value = self.rest.get(HEADER..len)?;
        self.rest = self.rest.get(len.next_multiple_of(WORD)..).unwrap_or(&[]);
        Some((kind, value))
    }
}

/// An integer of 8 or 32 bits in machine order, whichever the kernel chose. `None`: another length, or negative.
pub(super) fn integer(value: &[u8]) -> Option<usize> {
    match value {
        [byte] => Some(usize::from(*byte)),
        _ => usize::try_from(i32::from_ne_bytes(*value.first_chunk::<4>()?)).ok(),
    }
}

#[cfg(test)]
mod tests;
