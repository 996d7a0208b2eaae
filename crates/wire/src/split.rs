//! Cuts a super-packet: what a kernel hands over when its device can segment TCP or UDP (TSO, USO).
//!
//! A super-packet is one inner packet with more payload than fits a link. Each cut packet is a copy of its headers and a
//! piece of its payload, as the kernel would have sent it without the offload (net/core/gso in Linux, RFC 9293 for the
//! fields):
//!
//! | field                        | in cut packet `k`                                                    |
//! |------------------------------|----------------------------------------------------------------------|
//! | IPv4 total length, IPv6 payload length, UDP length | its own                                        |
//! | IPv4 identification          | the super-packet's plus `k`                                          |
//! | IPv4 header checksum         | right                                                                |
//! | TCP sequence number          | the super-packet's plus the payload in front of it                   |
//! | CWR                          | on the first only (RFC 3168 section 6.1.2)                           |
//! | FIN, PSH                     | on the last only                                                     |
//! | TCP or UDP checksum          | of the pseudo-header only: partial, to be completed by who needs it  |

use std::num::NonZeroU16;
use std::ops::Range;

use crate::checksum::Checksum;
use crate::ethernet::NetworkOffset;
use crate::inner::{Fragment, IPV6_HEADER_LEN, InnerPacket};
use crate::transport::{TcpFlags, Transport};

/// Longest headers that are copied: Ethernet with two VLAN tags 22, IPv6 with a few extension headers, TCP 60.
pub const MAX_HEADERS_LEN: usize = 256;

/// Offsets in an IPv4 header.
const IPV4_LENGTH: usize = 2;
const IPV4_ID: usize = 4;
const IPV4_CHECKSUM: usize = 10;
/// Offset of the payload length in an IPv6 header, and what it does not count.
const IPV6_LENGTH: usize = 4;
/// Offsets in a TCP header.
const TCP_SEQUENCE: usize = 4;
const TCP_FLAGS: usize = 13;
/// Offset of the length in a UDP header.
const UDP_LENGTH: usize = 4;

/// Why a packet cannot be cut. Nothing that a kernel hands over as a super-packet causes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum SplitError {
    /// No whole TCP or UDP packet.
    #[error("super-packet is neither TCP nor UDP, or a fragment")]
    NotSplittable,
    /// More than [`MAX_HEADERS_LEN`] bytes in front of the payload.
    #[error("headers of a super-packet are too long")]
    HeadersTooLong,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Protocol {
    Tcp { sequence: u32, flags: u8 },
    Udp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    /// With the identification, and the sum of the header without length, identification and checksum.
    V4 {
        id: u16,
        sum: Checksum,
    },
    V6,
}

/// A super-packet's headers, ready to be copied, and where to cut its payload.
#[derive(Clone, Debug)]
pub struct Splitter {
    template: [u8; MAX_HEADERS_LEN],
    /// Where IP, TCP or UDP, and the payload begin.
    network: usize,
    transport: usize,
    headers_len: usize,
    checksum: usize,
    version: Version,
    protocol: Protocol,
    /// Addresses and protocol of the pseudo-header.
    pseudo: Checksum,
    payload_len: usize,
    segment_len: usize,
}

/// One packet to be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    index: u16,
    /// From the start of the payload.
    offset: usize,
    len: usize,
    last: Last,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Last {
    Yes,
    No,
}

impl Splitter {
    /// Looks at the super-packet in `frame`, whose IP header begins at `network`, to be cut into `segment_len` bytes of
    /// payload each. What is in front of the IP header is copied to each piece as it is.
    ///
    /// # Errors
    /// Every [`SplitError`].
    pub fn new(
        frame: &[u8],
        network: NetworkOffset,
        segment_len: NonZeroU16,
    ) -> Result<Self, SplitError> {
        let network = network.get();
        let bytes = frame.get(network..).ok_or(SplitError::NotSplittable)?;
        let packet = InnerPacket::parse(bytes).map_err(|_| SplitError::NotSplittable)?;
        let found = packet.transport().ok_or(SplitError::NotSplittable)?;
        if packet.fragment() != Fragment::Whole {
            return Err(SplitError::NotSplittable);
        }
        let transport = network + packet.transport_offset();
        let headers_len = transport + found.header_len();
        let mut template = [0; MAX_HEADERS_LEN];
        let headers = frame.get(..headers_len);
        let (room, headers) = template
            .get_mut(..headers_len)
            .zip(headers)
            .ok_or(SplitError::HeadersTooLong)?;
        room.copy_from_slice(headers);
        Ok(Self {
            template,
            network,
            transport,
            headers_len,
            checksum: transport + found.checksum_offset(),
            version: Version::of(&packet),
            protocol: match found {
                Transport::Tcp(tcp) => Protocol::Tcp {
                    sequence: tcp.sequence,
                    flags: tcp.flags.bits(),
                },
                Transport::Udp(_) => Protocol::Udp,
            },
            pseudo: Checksum::new().add_pseudo_header(
                (packet.source(), packet.destination()),
                packet.protocol().0,
                0,
            ),
            payload_len: found.payload().len(),
            segment_len: usize::from(segment_len.get()),
        })
    }

    /// Bytes in front of each piece of payload.
    #[must_use]
    pub const fn headers_len(&self) -> usize {
        self.headers_len
    }

    /// Where the checksum of each packet begins to count and where, from there, it goes (virtio's `csum_start` and
    /// `csum_offset`).
    #[must_use]
    pub const fn checksum_place(&self) -> (usize, usize) {
        (self.transport, self.checksum - self.transport)
    }

    /// TCP, and not UDP.
    #[must_use]
    pub const fn is_tcp(&self) -> bool {
        matches!(self.protocol, Protocol::Tcp { .. })
    }

    /// The longest packet that is cut, in bytes.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.headers_len + self.segment_len.min(self.payload_len)
    }

    /// Number of packets; at least one, also without payload.
    #[must_use]
    pub fn count(&self) -> usize {
        self.payload_len.div_ceil(self.segment_len).max(1)
    }

    /// The packets in order.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + use<> {
        let (count, payload, segment) = (self.count(), self.payload_len, self.segment_len);
        (0_u16..).zip(0..count).map(move |(index, number)| {
            let offset = number * segment;
            Segment {
                index,
                offset,
                len: segment.min(payload - offset),
                last: if number + 1 == count {
                    Last::Yes
                } else {
                    Last::No
                },
            }
        })
    }

    /// Where the packet's payload lies in the super-packet's frame.
    #[must_use]
    pub const fn payload_of(&self, segment: Segment) -> Range<usize> {
        let start = self.headers_len + segment.offset;
        start..start + segment.len
    }

    /// Writes the packet's headers: [`Self::headers_len`] bytes. `None`: `out` has another length; it is as it was.
    #[inline]
    #[must_use]
    pub fn write_headers(&self, segment: Segment, out: &mut [u8]) -> Option<()> {
        if out.len() != self.headers_len {
            return None;
        }
        out.copy_from_slice(self.template.get(..self.headers_len)?);
        let whole_len = self.headers_len + segment.len;
        let transport_len = u16::try_from(whole_len - self.transport).ok()?;
        self.patch_network(segment, whole_len, out)?;
        match self.protocol {
            Protocol::Tcp { sequence, flags } => {
                let offset = u32::try_from(segment.offset).ok()?;
                let sequence = sequence.wrapping_add(offset);
                put(out, self.transport + TCP_SEQUENCE, &sequence.to_be_bytes())?;
                put(out, self.transport + TCP_FLAGS, &[segment.flags(flags)])?;
            }
            Protocol::Udp => put(
                out,
                self.transport + UDP_LENGTH,
                &transport_len.to_be_bytes(),
            )?,
        }
        let partial = self.pseudo.add_u16(transport_len).fold();
        put(out, self.checksum, &partial.to_be_bytes())
    }

    #[inline]
    fn patch_network(&self, segment: Segment, whole_len: usize, out: &mut [u8]) -> Option<()> {
        let network_len = u16::try_from(whole_len - self.network).ok()?;
        match self.version {
            Version::V4 { id, sum } => {
                let id = id.wrapping_add(segment.index);
                let sum = sum.add_u16(network_len).add_u16(id).finish();
                put(out, self.network + IPV4_LENGTH, &network_len.to_be_bytes())?;
                put(out, self.network + IPV4_ID, &id.to_be_bytes())?;
                put(out, self.network + IPV4_CHECKSUM, &sum.to_be_bytes())
            }
            Version::V6 => {
                let payload_len = usize::from(network_len).checked_sub(IPV6_HEADER_LEN)?;
                let payload_len = u16::try_from(payload_len).ok()?;
                put(out, self.network + IPV6_LENGTH, &payload_len.to_be_bytes())
            }
        }
    }
}

impl Version {
    fn of(packet: &InnerPacket<'_>) -> Self {
        let bytes = packet.bytes();
        if !packet.source().is_ipv4() {
            return Self::V6;
        }
        let (mut id, mut sum) = (0, Checksum::new());
        let words = bytes.as_chunks::<2>().0.iter();
        for (place, word) in words.take(ipv4_words(bytes)).enumerate() {
            let word = u16::from_be_bytes(*word);
            match place * 2 {
                IPV4_ID => id = word,
                IPV4_LENGTH | IPV4_CHECKSUM => {}
                _ => sum = sum.add_u16(word),
            }
        }
        Self::V4 { id, sum }
    }
}

/// Length of an IPv4 header in words of 16 bits.
fn ipv4_words(bytes: &[u8]) -> usize {
    bytes
        .first()
        .map_or(0, |first| usize::from(first & 0x0f) * 2)
}

impl Segment {
    /// The TCP flags of this packet, where the super-packet has `flags`.
    const fn flags(self, flags: u8) -> u8 {
        let not_here = match (self.index, self.last) {
            (0, Last::Yes) => 0,
            (0, Last::No) => LAST_ONLY,
            (_, Last::Yes) => FIRST_ONLY,
            (_, Last::No) => FIRST_ONLY | LAST_ONLY,
        };
        flags & !not_here
    }

    /// Bytes of payload.
    #[must_use]
    pub const fn payload_len(self) -> usize {
        self.len
    }
}

const FIRST_ONLY: u8 = TcpFlags::CWR.bits();
const LAST_ONLY: u8 = TcpFlags::FIN.bits() | TcpFlags::PSH.bits();

fn put(out: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    out.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}

#[cfg(test)]
pub(crate) mod tests;
