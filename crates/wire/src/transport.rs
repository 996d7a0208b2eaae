//! The TCP (RFC 9293) or UDP (RFC 768) header of an inner packet: what splitting, merging and
//! completing checksums need to know.

use crate::checksum::Checksum;
use crate::inner::{InnerPacket, IpProtocol};
use std::ops::Range;

/// Where the checksum lies in a TCP header, in bytes.
pub const TCP_CHECKSUM_OFFSET: usize = 16;
/// Where the checksum lies in a UDP header, in bytes.
pub const UDP_CHECKSUM_OFFSET: usize = 6;
/// Length of a TCP header without options, in bytes.
pub const TCP_HEADER_LEN: usize = 20;
/// Length of a UDP header, in bytes.
pub const UDP_HEADER_LEN: usize = 8;

/// The control bits of a TCP header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TcpFlags(u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: Self = Self(0x01);
    /// Opens a connection.
    pub const SYN: Self = Self(0x02);
    /// Resets a connection.
    pub const RST: Self = Self(0x04);
    /// Push.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment number counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);

    /// The byte as it stands in the header.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A TCP header whose length fits its packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpSegment<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first byte.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// The checksum field as it stands.
    pub checksum: u16,
    /// Header length with options, 20 to 60 bytes.
    pub header_len: usize,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> TcpSegment<'a> {
    /// `None` for a header that is cut or has an impossible length.
    #[inline]
    pub(crate) fn parse(segment: &'a [u8]) -> Option<Self> {
        let header = segment.first_chunk::<TCP_HEADER_LEN>()?;
        let [p0, p1, p2, p3, rest @ ..] = *header;
        let [
            s0,
            s1,
            s2,
            s3,
            a0,
            a1,
            a2,
            a3,
            offset,
            flags,
            _,
            _,
            c0,
            c1,
            _,
            _,
        ] = rest;
        let header_len = usize::from(offset >> 4) * 4;
        if header_len < TCP_HEADER_LEN {
            return None;
        }
        Some(Self {
            source_port: u16::from_be_bytes([p0, p1]),
            destination_port: u16::from_be_bytes([p2, p3]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
            flags: TcpFlags(flags),
            checksum: u16::from_be_bytes([c0, c1]),
            header_len,
            payload: segment.get(header_len..)?,
        })
    }
}

/// A UDP header whose length is its packet's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UdpDatagram<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// The checksum field as it stands; 0 over IPv4 means "none".
    pub checksum: u16,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> UdpDatagram<'a> {
    #[inline]
    fn parse(segment: &'a [u8]) -> Option<Self> {
        let ([p0, p1, p2, p3, l0, l1, c0, c1], payload) =
            segment.split_first_chunk::<UDP_HEADER_LEN>()?;
        // A length of 0 (jumbogram) or less than the packet holds would make our idea of the
        // checksummed bytes differ from the next one's.
        if usize::from(u16::from_be_bytes([*l0, *l1])) != segment.len() {
            return None;
        }
        Some(Self {
            source_port: u16::from_be_bytes([*p0, *p1]),
            destination_port: u16::from_be_bytes([*p2, *p3]),
            checksum: u16::from_be_bytes([*c0, *c1]),
            payload,
        })
    }
}

/// The transport header of a whole inner packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport<'a> {
    /// TCP.
    Tcp(TcpSegment<'a>),
    /// UDP.
    Udp(UdpDatagram<'a>),
}

impl<'a> Transport<'a> {
    /// `None` for any other protocol and for lengths that do not agree.
    #[inline]
    pub(crate) fn parse(protocol: IpProtocol, segment: &'a [u8]) -> Option<Self> {
        match protocol {
            IpProtocol::TCP => TcpSegment::parse(segment).map(Self::Tcp),
            IpProtocol::UDP => UdpDatagram::parse(segment).map(Self::Udp),
            _ => None,
        }
    }

    /// Source and destination port.
    #[must_use]
    pub const fn ports(&self) -> (u16, u16) {
        match self {
            Self::Tcp(tcp) => (tcp.source_port, tcp.destination_port),
            Self::Udp(udp) => (udp.source_port, udp.destination_port),
        }
    }

    /// Length of the transport header, in bytes.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        match self {
            Self::Tcp(tcp) => tcp.header_len,
            Self::Udp(_) => UDP_HEADER_LEN,
        }
    }

    /// Where the checksum lies, in bytes from the start of the transport header (virtio's
    /// `csum_offset`).
    #[must_use]
    pub const fn checksum_offset(&self) -> usize {
        match self {
            Self::Tcp(_) => TCP_CHECKSUM_OFFSET,
            Self::Udp(_) => UDP_CHECKSUM_OFFSET,
        }
    }

    /// The checksum field as it stands.
    #[must_use]
    pub const fn checksum(&self) -> u16 {
        match self {
            Self::Tcp(tcp) => tcp.checksum,
            Self::Udp(udp) => udp.checksum,
        }
    }

    /// What follows the transport header.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        match self {
            Self::Tcp(tcp) => tcp.payload,
            Self::Udp(udp) => udp.payload,
        }
    }
}

/// A packet without a transport checksum that we could compute: neither TCP nor UDP, a fragment,
/// or no sound inner packet at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("packet has no transport checksum to complete")]
pub struct NoTransportChecksum;

/// Computes the transport checksum of a whole TCP or UDP packet and writes it, whatever stood in
/// the field: completes a partial checksum in software.
///
/// # Errors
/// [`NoTransportChecksum`]; the bytes are then unchanged.
pub fn complete_checksum(bytes: &mut [u8]) -> Result<(), NoTransportChecksum> {
    let (field, checksum) = computed_checksum(bytes).ok_or(NoTransportChecksum)?;
    let slot = bytes.get_mut(field).ok_or(NoTransportChecksum)?;
    slot.copy_from_slice(&checksum.to_be_bytes());
    Ok(())
}

/// Writes the sum of the pseudo-header only into the checksum field of a whole TCP or UDP packet, whatever stood there, for
/// one who completes it: a kernel or a network card. Returns where the sum begins and where, from there, it goes.
///
/// # Errors
/// [`NoTransportChecksum`]; the bytes are then unchanged.
pub fn make_partial(bytes: &mut [u8]) -> Result<(usize, usize), NoTransportChecksum> {
    let (start, offset, sum) = pseudo_sum(bytes).ok_or(NoTransportChecksum)?;
    let field = start + offset;
    let slot = bytes.get_mut(field..field + 2).ok_or(NoTransportChecksum)?;
    slot.copy_from_slice(&sum.to_be_bytes());
    Ok((start, offset))
}

/// Where the transport checksum of a whole TCP or UDP packet begins to count and where, from there, it goes; `None` for any
/// other packet.
#[must_use]
#[inline]
pub fn checksum_place(bytes: &[u8]) -> Option<(usize, usize)> {
    let packet = InnerPacket::parse(bytes).ok()?;
    let offset = packet.transport()?.checksum_offset();
    Some((packet.transport_offset(), offset))
}

/// Completes a checksum where our own kernel says it lies, whatever the protocol: the sum over all from `start` on goes to
/// `start + offset`. Nothing happens if that is not in the packet.
pub fn complete_at(bytes: &mut [u8], start: usize, offset: usize) {
    let Some(sum) = bytes
        .get(start..)
        .map(|covered| Checksum::new().add_bytes(covered))
    else {
        return;
    };
    let checksum = match sum.finish() {
        // RFC 768: a computed zero is sent as all ones, which every other protocol takes for the same.
        0 => 0xffff,
        checksum => checksum,
    };
    if let Some(field) = bytes.get_mut(start + offset..start + offset + 2) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

fn pseudo_sum(bytes: &[u8]) -> Option<(usize, usize, u16)> {
    let packet = InnerPacket::parse(bytes).ok()?;
    let offset = packet.transport()?.checksum_offset();
    let start = packet.transport_offset();
    let len = u16::try_from(bytes.len() - start).ok()?;
    let ends = (packet.source(), packet.destination());
    let sum = Checksum::new().add_pseudo_header(ends, packet.protocol().0, len);
    Some((start, offset, sum.fold()))
}

/// Whether the transport checksum of a whole TCP or UDP packet is right; an absent UDP checksum
/// over IPv4 is.
///
/// # Errors
/// [`NoTransportChecksum`].
pub fn verify_checksum(bytes: &[u8]) -> Result<ChecksumVerdict, NoTransportChecksum> {
    let packet = InnerPacket::parse(bytes).map_err(|_| NoTransportChecksum)?;
    let transport = packet.transport().ok_or(NoTransportChecksum)?;
    if transport.checksum() == 0 && matches!(transport, Transport::Udp(_)) {
        return Ok(if packet.source().is_ipv4() {
            ChecksumVerdict::Absent
        } else {
            ChecksumVerdict::Wrong
        });
    }
    let sum = segment_sum(&packet).ok_or(NoTransportChecksum)?;
    Ok(match sum.finish() {
        0 => ChecksumVerdict::Right,
        _ => ChecksumVerdict::Wrong,
    })
}

/// What [`verify_checksum`] found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChecksumVerdict {
    /// The sum is right.
    Right,
    /// UDP over IPv4 without a checksum.
    Absent,
    /// The sum is wrong, or a mandatory checksum (UDP over IPv6, RFC 8200 s8.1) is missing.
    Wrong,
}

/// Sum over pseudo-header and segment, with the checksum field as it stands.
fn segment_sum(packet: &InnerPacket<'_>) -> Option<Checksum> {
    let segment = packet.bytes().get(packet.transport_offset()..)?;
    let len = u16::try_from(segment.len()).ok()?;
    let ends = (packet.source(), packet.destination());
    Some(
        Checksum::new()
            .add_pseudo_header(ends, packet.protocol().0, len)
            .add_bytes(segment),
    )
}

/// Where the checksum of the packet lies and what belongs there.
fn computed_checksum(bytes: &[u8]) -> Option<(Range<usize>, u16)> {
    let packet = InnerPacket::parse(bytes).ok()?;
    let transport = packet.transport()?;
    let start = packet.transport_offset() + transport.checksum_offset();
    // Taking the field's own value out of the sum: adding its complement.
    let sum = segment_sum(&packet)?.add_u16(!transport.checksum());
    let checksum = match (sum.finish(), &transport) {
        // RFC 768: a computed zero is sent as all ones.
        (0, Transport::Udp(_)) => 0xffff,
        (checksum, _) => checksum,
    };
    Some((start..start + 2, checksum))
}

#[cfg(test)]
mod tests;
