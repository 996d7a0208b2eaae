//! Joins packets of one flow into a super-packet, which costs a kernel as much as one packet (GRO).
//!
//! What may be joined is what the kernel would cut into the very same packets again: [`crate::split`] is the inverse.
//! All fields but those of its table have to be equal, and each packet but the last has equally much payload.
//!
//! Nobody looks at the checksum of a super-packet again, so only packets with a checksum that is known to be right, or
//! that nobody has computed yet (partial, authenticated by the link), come here; see [`MergeKey::of`].

use std::ops::Range;

use crate::checksum::Checksum;
use crate::ethernet::{EthernetFrame, NetworkOffset};
use crate::inner::{Fragment, IPV4_HEADER_LEN, IPV6_HEADER_LEN, InnerPacket, IpProtocol};
use crate::transport::{
    TCP_CHECKSUM_OFFSET, TCP_HEADER_LEN, TcpFlags, Transport, UDP_CHECKSUM_OFFSET, UDP_HEADER_LEN,
};

/// Longest IP packet.
const MAX_PACKET_LEN: usize = 65_535;
/// Offsets in an IPv4 header, and the bit that forbids fragments in the byte behind the identification.
const IPV4_LENGTH: usize = 2;
const IPV4_CHECKSUM: usize = 10;
const DONT_FRAGMENT: u8 = 0x40;
/// Where its addresses begin.
const IPV4_ADDRESSES: usize = 12;
/// Offset of the payload length in an IPv6 header, and where its addresses begin.
const IPV6_LENGTH: usize = 4;
const IPV6_ADDRESSES: usize = 8;
/// Offset of the flags in a TCP header, and of the length in a UDP header.
const TCP_FLAGS: usize = 13;
const UDP_LENGTH: usize = 4;

/// TCP flags with which a packet may be joined: data, acknowledged; CWR would have to be told to the kernel apart.
const PLAIN: u8 = TcpFlags::ACK.bits();
/// And those that end a super-packet besides.
const ENDING: u8 = TcpFlags::PSH.bits() | TcpFlags::FIN.bits();

/// Which bytes of a header have to be equal: all but those that [`crate::split`] makes anew.
const SAME: u8 = 0xff;
const ANEW: u8 = 0;
/// Not total length, identification and checksum.
const SAME_IPV4: [u8; IPV4_HEADER_LEN] = [
    SAME, SAME, ANEW, ANEW, ANEW, ANEW, SAME, SAME, SAME, SAME, //
    ANEW, ANEW, SAME, SAME, SAME, SAME, SAME, SAME, SAME, SAME,
];
/// Not the payload length.
const SAME_IPV6: [u8; IPV6_HEADER_LEN] = {
    let mut mask = [SAME; IPV6_HEADER_LEN];
    (mask[IPV6_LENGTH], mask[IPV6_LENGTH + 1]) = (ANEW, ANEW);
    mask
};
/// Not sequence number, flags and checksum.
const SAME_TCP: [u8; TCP_HEADER_LEN] = [
    SAME, SAME, SAME, SAME, ANEW, ANEW, ANEW, ANEW, SAME, SAME, //
    SAME, SAME, SAME, ANEW, SAME, SAME, ANEW, ANEW, SAME, SAME,
];
/// The ports.
const SAME_UDP: [u8; UDP_HEADER_LEN] = [SAME, SAME, SAME, SAME, ANEW, ANEW, ANEW, ANEW];

/// A transport that can be joined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mergeable {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// What is known about a packet that may be joined with others. Kept small, as it is copied for each packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MergeKey {
    transport: Mergeable,
    version: Version,
    /// Where IP begins (after Ethernet, if there is any).
    network: u16,
    /// Where TCP or UDP begins.
    transport_offset: u16,
    /// Bytes in front of the payload.
    headers_len: u16,
    payload_len: u16,
    sequence: u32,
    next_sequence: u32,
    ending: Ending,
    /// PSH and FIN, as far as set.
    ending_flags: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    V4 { id: u16, fragmentable: Fragmentable },
    V6,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fragmentable {
    Yes,
    No,
}

/// Whether a packet ends its super-packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Yes,
    No,
}

impl MergeKey {
    /// Looks at a packet whose IP header begins at `network` in `frame`. `None`: it goes alone. Its transport checksum
    /// must be known to be right, or partial.
    #[inline]
    #[must_use]
    pub fn of(frame: &[u8], network: NetworkOffset) -> Option<Self> {
        let packet = InnerPacket::parse(frame.get(network.get()..)?).ok()?;
        Self::of_packet(&packet, network)
    }

    /// [`Self::of`] for an Ethernet frame. One that is padded goes alone.
    #[inline]
    #[must_use]
    pub fn of_frame(frame: &EthernetFrame<'_>) -> Option<Self> {
        let packet = frame.ip_packet()?;
        let whole = frame.payload_offset() + packet.bytes().len() == frame.bytes().len();
        if whole {
            Self::of_packet(&packet, frame.network_offset())
        } else {
            None
        }
    }

    /// [`Self::of`] for a packet that is parsed already.
    #[inline]
    #[must_use]
    pub fn of_packet(packet: &InnerPacket<'_>, network: NetworkOffset) -> Option<Self> {
        let network = network.get();
        if packet.fragment() != Fragment::Whole || !is_plain(packet) {
            return None;
        }
        let found = packet.transport()?;
        let (transport, sequence, ending_flags) = match found {
            Transport::Tcp(tcp) if tcp.flags.bits() & !ENDING == PLAIN => {
                (Mergeable::Tcp, tcp.sequence, tcp.flags.bits() & ENDING)
            }
            Transport::Tcp(_) => return None,
            Transport::Udp(_) => (Mergeable::Udp, 0, 0),
        };
        let payload_len = u16::try_from(found.payload().len()).ok()?;
        let transport_offset = network + packet.transport_offset();
        let headers_len = transport_offset + found.header_len();
        (payload_len > 0).then_some(Self {
            transport,
            version: Version::of(packet),
            network: u16::try_from(network).ok()?,
            transport_offset: u16::try_from(transport_offset).ok()?,
            headers_len: u16::try_from(headers_len).ok()?,
            payload_len,
            sequence,
            next_sequence: sequence.wrapping_add(payload_len.into()),
            ending: if ending_flags == 0 {
                Ending::No
            } else {
                Ending::Yes
            },
            ending_flags,
        })
    }

    /// TCP or UDP.
    #[must_use]
    pub const fn transport(&self) -> Mergeable {
        self.transport
    }

    /// Where the IP header begins in the frame.
    #[must_use]
    pub const fn network(&self) -> NetworkOffset {
        NetworkOffset::new(self.network as usize)
    }

    /// Where the payload lies in the frame.
    #[must_use]
    pub const fn payload(&self) -> Range<usize> {
        let start = self.headers_len as usize;
        start..start + self.payload_len as usize
    }

    const fn id(&self) -> u16 {
        match self.version {
            Version::V4 { id, .. } => id,
            Version::V6 => 0,
        }
    }

    const fn protocol(&self) -> IpProtocol {
        match self.transport {
            Mergeable::Tcp => IpProtocol::TCP,
            Mergeable::Udp => IpProtocol::UDP,
        }
    }

    const fn checksum_offset(&self) -> usize {
        match self.transport {
            Mergeable::Tcp => TCP_CHECKSUM_OFFSET,
            Mergeable::Udp => UDP_CHECKSUM_OFFSET,
        }
    }
}

impl Version {
    fn of(packet: &InnerPacket<'_>) -> Self {
        match packet.bytes() {
            [first, _, _, _, high, low, flags, ..] if first >> 4 == 4 => Self::V4 {
                id: u16::from_be_bytes([*high, *low]),
                fragmentable: if flags & DONT_FRAGMENT == 0 {
                    Fragmentable::Yes
                } else {
                    Fragmentable::No
                },
            },
            _ => Self::V6,
        }
    }
}

/// A packet that an IP router would send on as it is: a sound IPv4 header checksum, no options, and no extension headers.
#[inline]
fn is_plain(packet: &InnerPacket<'_>) -> bool {
    let bytes = packet.bytes();
    if packet.source().is_ipv4() {
        let header = bytes.first_chunk::<IPV4_HEADER_LEN>();
        packet.transport_offset() == IPV4_HEADER_LEN
            && header.is_some_and(|header| Checksum::new().add_bytes(header).finish() == 0)
    } else {
        packet.transport_offset() == IPV6_HEADER_LEN
    }
}

/// A super-packet in the making.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Merge {
    first: MergeKey,
    last: Last,
    count: u16,
    /// Payload of all packets, in bytes.
    payload_len: usize,
}

/// What the next packet has to fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Last {
    payload_len: u16,
    next_sequence: u32,
    ending: Ending,
    ending_flags: u8,
}

impl Last {
    const fn of(key: &MergeKey) -> Self {
        Self {
            payload_len: key.payload_len,
            next_sequence: key.next_sequence,
            ending: key.ending,
            ending_flags: key.ending_flags,
        }
    }
}

/// Whether a packet became part of a super-packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Joined {
    /// It did.
    Yes,
    /// It has to go after it.
    No,
}

impl Merge {
    /// A super-packet of one packet so far.
    #[must_use]
    pub const fn begin(first: MergeKey) -> Self {
        Self {
            last: Last::of(&first),
            first,
            count: 1,
            payload_len: first.payload_len as usize,
        }
    }

    /// Joins one more packet, if that is possible. `first` is the frame of the first packet, `next` of this one, which
    /// has the key `key`.
    #[inline]
    pub fn join(&mut self, first: &[u8], key: &MergeKey, next: &[u8]) -> Joined {
        let joined = self.check(first, key, next);
        if joined == Joined::Yes {
            self.add(key);
        }
        joined
    }

    /// What [`Self::join`] would say; nothing changes.
    #[inline]
    pub fn check(&self, first: &[u8], key: &MergeKey, next: &[u8]) -> Joined {
        if self.takes(key) && self.same_headers(first, key, next) {
            Joined::Yes
        } else {
            Joined::No
        }
    }

    /// Joins a packet for which [`Self::check`] said yes.
    #[inline]
    pub fn add(&mut self, key: &MergeKey) {
        self.last = Last::of(key);
        self.count = self.count.saturating_add(1);
        self.payload_len += usize::from(key.payload_len);
    }

    /// All that the keys tell: the same kind of packet, the next piece of the flow, and room for it.
    #[inline]
    fn takes(&self, key: &MergeKey) -> bool {
        let first = &self.first;
        let shape = |key: &MergeKey| {
            (
                key.transport,
                key.network,
                key.transport_offset,
                key.headers_len,
            )
        };
        let in_order = match key.transport {
            Mergeable::Tcp => key.sequence == self.last.next_sequence,
            Mergeable::Udp => true,
        };
        let headers_len = usize::from(first.headers_len - first.network);
        let packet_len = headers_len + self.payload_len + usize::from(key.payload_len);
        shape(key) == shape(first)
            && self.last.ending == Ending::No
            && self.last.payload_len == first.payload_len
            && key.payload_len <= first.payload_len
            && in_order
            && packet_len <= MAX_PACKET_LEN
    }

    /// Whether all fields are equal but those that [`crate::split`] makes anew.
    #[inline]
    fn same_headers(&self, first: &[u8], key: &MergeKey, next: &[u8]) -> bool {
        let (ip, transport) = (
            self.first.network.into(),
            self.first.transport_offset.into(),
        );
        let same_network = match key.version {
            Version::V4 { id, fragmentable } => {
                let expected = self.first.id().wrapping_add(self.count);
                // RFC 6864 section 4: without fragments the identification means nothing.
                (fragmentable == Fragmentable::No || id == expected)
                    && same_header(first, next, ip, &SAME_IPV4)
            }
            Version::V6 => same_header(first, next, ip, &SAME_IPV6),
        };
        let same_transport = match key.transport {
            Mergeable::Tcp => {
                let options = transport + TCP_HEADER_LEN..self.first.headers_len.into();
                same_header(first, next, transport, &SAME_TCP)
                    && (options.is_empty() || first.get(options.clone()) == next.get(options))
            }
            Mergeable::Udp => same_header(first, next, transport, &SAME_UDP),
        };
        same_network && same_transport && (ip == 0 || first.get(..ip) == next.get(..ip))
    }

    /// Packets so far.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Makes the headers of the first packet those of the super-packet: lengths, ending flags, IPv4 header checksum, and
    /// the transport checksum of the pseudo-header only. `headers` is the first packet's frame, or its headers at least.
    /// `None`: it is shorter; it is then spoilt.
    #[inline]
    #[must_use]
    pub fn finish(&self, headers: &mut [u8]) -> Option<SuperPacket> {
        let MergeKey {
            network,
            transport_offset,
            headers_len,
            ..
        } = self.first;
        let (network, headers_len) = (usize::from(network), usize::from(headers_len));
        let transport_offset = usize::from(transport_offset);
        let whole_len = headers_len + self.payload_len;
        let network_len = u16::try_from(whole_len - network).ok()?;
        let transport_len = u16::try_from(whole_len - transport_offset).ok()?;
        let packet = headers.get_mut(network..)?;
        set_length(self.first.version, network_len, packet)?;
        let pseudo = addresses(self.first.version, packet)?
            .add_u16(self.first.protocol().0.into())
            .add_u16(transport_len)
            .fold();
        let transport = headers.get_mut(transport_offset..)?;
        match self.first.transport {
            Mergeable::Tcp => *transport.get_mut(TCP_FLAGS)? |= self.last.ending_flags,
            Mergeable::Udp => put(transport, UDP_LENGTH, &transport_len.to_be_bytes())?,
        }
        let checksum_offset = self.first.checksum_offset();
        put(transport, checksum_offset, &pseudo.to_be_bytes())?;
        Some(SuperPacket {
            kind: self.kind(),
            headers_len,
            transport_offset,
            checksum_offset,
        })
    }

    fn kind(&self) -> SuperKind {
        let segment_len = self.first.payload_len.into();
        match (self.count, self.first.transport, self.first.version) {
            (1, ..) => SuperKind::Single,
            (_, Mergeable::Tcp, Version::V4 { .. }) => SuperKind::TcpV4 { segment_len },
            (_, Mergeable::Tcp, Version::V6) => SuperKind::TcpV6 { segment_len },
            (_, Mergeable::Udp, _) => SuperKind::Udp { segment_len },
        }
    }
}

/// What a kernel has to know of a packet whose transport checksum is partial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SuperPacket {
    /// Whether it is to be cut, and how.
    pub kind: SuperKind,
    /// Bytes in front of the payload.
    pub headers_len: usize,
    /// Where the checksum begins to count, in bytes from the start of the frame.
    pub transport_offset: usize,
    /// Where it goes, in bytes from there.
    pub checksum_offset: usize,
}

/// Whether a packet is to be cut, and into how much payload each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SuperKind {
    /// One packet.
    Single,
    /// TCP over IPv4.
    TcpV4 {
        /// Bytes.
        segment_len: usize,
    },
    /// TCP over IPv6.
    TcpV6 {
        /// Bytes.
        segment_len: usize,
    },
    /// UDP.
    Udp {
        /// Bytes.
        segment_len: usize,
    },
}

/// Writes the length of an IP packet, and the checksum of an IPv4 header.
fn set_length(version: Version, len: u16, packet: &mut [u8]) -> Option<()> {
    match version {
        Version::V4 { .. } => {
            put(packet, IPV4_LENGTH, &len.to_be_bytes())?;
            put(packet, IPV4_CHECKSUM, &[0; 2])?;
            let sum = Checksum::new().add_bytes(packet.get(..IPV4_HEADER_LEN)?);
            put(packet, IPV4_CHECKSUM, &sum.finish().to_be_bytes())
        }
        Version::V6 => {
            let payload_len = usize::from(len).checked_sub(IPV6_HEADER_LEN)?;
            let payload_len = u16::try_from(payload_len).ok()?;
            put(packet, IPV6_LENGTH, &payload_len.to_be_bytes())
        }
    }
}

/// The addresses' part of the pseudo-header's sum.
fn addresses(version: Version, packet: &[u8]) -> Option<Checksum> {
    let range = match version {
        Version::V4 { .. } => IPV4_ADDRESSES..IPV4_HEADER_LEN,
        Version::V6 => IPV6_ADDRESSES..IPV6_HEADER_LEN,
    };
    Some(Checksum::new().add_bytes(packet.get(range)?))
}

/// Whether two headers that begin at `at` are equal in all bytes of the mask. Without branches: most of them are.
#[inline]
fn same_header<const N: usize>(first: &[u8], next: &[u8], at: usize, mask: &[u8; N]) -> bool {
    let header = |frame: &[u8]| frame.get(at..)?.first_chunk::<N>().copied();
    let Some((first, next)) = header(first).zip(header(next)) else {
        return false;
    };
    let bytes = first.iter().zip(&next).zip(mask);
    bytes.fold(0, |found, ((a, b), mask)| found | (a ^ b) & mask) == 0
}

fn put(out: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    out.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}

#[cfg(test)]
mod tests;
