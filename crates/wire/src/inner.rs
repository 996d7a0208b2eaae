//! The tenant's packet: as much of IPv4 (RFC 791) and IPv6 (RFC 8200) as a gateway must know.
//!
//! The view is computed from bounds-checked bytes only. Whatever is later told to a kernel about
//! a packet (where its checksum lies, what it is) comes from here, never from a peer's claim.

use crate::checksum;
use crate::ecn::Ecn;
use crate::reader::Reader;
use crate::transport::Transport;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Length of an IPv4 header without options, in bytes.
pub const IPV4_HEADER_LEN: usize = 20;
/// Length of the fixed IPv6 header, in bytes.
pub const IPV6_HEADER_LEN: usize = 40;

/// Where the addresses lie in the fixed headers.
const IPV4_SOURCE: usize = 12;
const IPV4_DESTINATION: usize = 16;
const IPV6_SOURCE: usize = 8;
const IPV6_DESTINATION: usize = 24;

/// Extension headers that are walked before the search for a transport header is given up. Real
/// packets have three at most; the limit keeps a hostile chain from costing more.
const MAX_EXTENSION_HEADERS: usize = 8;

/// IPv4: more fragments follow, and the offset of this one (in units of 8 bytes).
const IPV4_MORE_FRAGMENTS: u16 = 0x2000;
const IPV4_OFFSET_MASK: u16 = 0x1fff;
/// IPv6 fragment header: the offset, placed differently (RFC 8200 s4.5).
const IPV6_OFFSET_MASK: u16 = 0xfff8;

/// Why bytes are no inner packet. Each variant is one drop counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum InnerError {
    /// Empty, or shorter than the fixed header of its version.
    #[error("inner packet is too short")]
    TooShort,
    /// Neither version 4 nor 6.
    #[error("inner packet has an unknown IP version")]
    UnknownVersion,
    /// The IPv4 header length is below 5 words or beyond the packet.
    #[error("inner IPv4 header length is impossible")]
    HeaderLength,
    /// The length in the IP header is not the length of the packet.
    #[error("inner IP length differs from the packet's")]
    TotalLength,
}

/// An IP protocol or next-header number (IANA).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// ICMP.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMPv6.
    pub const ICMPV6: Self = Self(58);

    const HOP_BY_HOP: Self = Self(0);
    const ROUTING: Self = Self(43);
    const FRAGMENT: Self = Self(44);
    const DESTINATION_OPTIONS: Self = Self(60);

    /// Whether this is an IPv6 extension header that we follow.
    pub(crate) const fn is_ipv6_extension(self) -> bool {
        matches!(
            self,
            Self::HOP_BY_HOP | Self::ROUTING | Self::FRAGMENT | Self::DESTINATION_OPTIONS
        )
    }
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Which part of a datagram a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fragment {
    /// All of it. An IPv6 packet with an "atomic" fragment header counts as [`Self::First`].
    Whole,
    /// The part with the transport header.
    First,
    /// A part without it.
    Later,
}

/// A whole IPv4 or IPv6 packet with consistent lengths.
#[derive(Clone, Copy, Debug)]
pub struct InnerPacket<'a> {
    bytes: &'a [u8],
    version: IpVersion,
    traffic_class: u8,
    upper: UpperLayer,
}

/// What the IP header, or the chain of extension headers, ends in.
#[derive(Clone, Copy, Debug)]
struct UpperLayer {
    protocol: IpProtocol,
    offset: usize,
    fragment: Fragment,
}

impl<'a> InnerPacket<'a> {
    /// Reads the packet that fills the slice exactly.
    ///
    /// A broken chain of IPv6 extension headers is no error: a router forwards such a packet, and
    /// [`Self::transport`] finds nothing in it.
    ///
    /// # Errors
    /// Every [`InnerError`].
    // Not a call that returns it by memory: the next reads would wait for its small writes (15 ns of a received packet).
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, InnerError> {
        match bytes.first().ok_or(InnerError::TooShort)? >> 4 {
            4 => Self::parse_ipv4(bytes),
            6 => Self::parse_ipv6(bytes),
            _ => Err(InnerError::UnknownVersion),
        }
    }

    #[inline]
    fn parse_ipv4(bytes: &'a [u8]) -> Result<Self, InnerError> {
        let header = bytes
            .first_chunk::<IPV4_HEADER_LEN>()
            .ok_or(InnerError::TooShort)?;
        let [first, tos, l0, l1, _, _, f0, f1, _, protocol, _, _, ..] = *header;
        let header_len = usize::from(first & 0x0f) * 4;
        if header_len < IPV4_HEADER_LEN || header_len > bytes.len() {
            return Err(InnerError::HeaderLength);
        }
        if usize::from(u16::from_be_bytes([l0, l1])) != bytes.len() {
            return Err(InnerError::TotalLength);
        }
        let fragment = u16::from_be_bytes([f0, f1]);
        Ok(Self {
            bytes,
            version: IpVersion::V4,
            traffic_class: tos,
            upper: UpperLayer {
                protocol: IpProtocol(protocol),
                offset: header_len,
                fragment: if fragment & IPV4_OFFSET_MASK != 0 {
                    Fragment::Later
                } else if fragment & IPV4_MORE_FRAGMENTS != 0 {
                    Fragment::First
                } else {
                    Fragment::Whole
                },
            },
        })
    }

    fn parse_ipv6(bytes: &'a [u8]) -> Result<Self, InnerError> {
        let mut reader = Reader::new(bytes);
        let fixed = reader.array::<8>().ok_or(InnerError::TooShort)?;
        let _addresses = reader.array::<32>().ok_or(InnerError::TooShort)?;
        let [first, second, _, _, l0, l1, next, _] = *fixed;
        // A jumbogram has length 0 here and does not fit a datagram of ours anyway.
        if usize::from(u16::from_be_bytes([l0, l1])) != reader.rest().len() {
            return Err(InnerError::TotalLength);
        }
        Ok(Self {
            bytes,
            version: IpVersion::V6,
            traffic_class: first << 4 | second >> 4,
            upper: walk_extensions(IpProtocol(next), reader.rest()),
        })
    }

    /// The packet's bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Who sent it, by its own claim.
    #[must_use]
    #[inline]
    pub fn source(&self) -> IpAddr {
        match self.version {
            IpVersion::V4 => IpAddr::V4(Ipv4Addr::from(self.field(IPV4_SOURCE))),
            IpVersion::V6 => IpAddr::V6(Ipv6Addr::from(self.field(IPV6_SOURCE))),
        }
    }

    /// Whom it is for.
    #[must_use]
    #[inline]
    pub fn destination(&self) -> IpAddr {
        match self.version {
            IpVersion::V4 => IpAddr::V4(Ipv4Addr::from(self.field(IPV4_DESTINATION))),
            IpVersion::V6 => IpAddr::V6(Ipv6Addr::from(self.field(IPV6_DESTINATION))),
        }
    }

    /// A field of the fixed header, which [`Self::parse`] has found to be there. Addresses are read when somebody asks and
    /// not kept: copying what was just written in pieces costs more than reading it twice.
    #[inline]
    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.copied().unwrap_or([0; N])
    }

    /// The IPv4 TOS byte or the IPv6 traffic class.
    #[must_use]
    pub const fn traffic_class(&self) -> u8 {
        self.traffic_class
    }

    /// The congestion mark.
    #[must_use]
    pub const fn ecn(&self) -> Ecn {
        Ecn::from_tos(self.traffic_class)
    }

    /// The protocol after the IP header and the extension headers that we know; for a broken
    /// chain, the header at which it breaks.
    #[must_use]
    pub const fn protocol(&self) -> IpProtocol {
        self.upper.protocol
    }

    /// Where that protocol's header begins, in bytes from the start of the packet; at most its
    /// length.
    #[must_use]
    pub const fn transport_offset(&self) -> usize {
        self.upper.offset
    }

    /// Whether the packet is a fragment.
    #[must_use]
    pub const fn fragment(&self) -> Fragment {
        self.upper.fragment
    }

    /// The TCP or UDP header. `None` for fragments, other protocols, and headers whose lengths do
    /// not agree with the packet's.
    #[must_use]
    #[inline]
    pub fn transport(&self) -> Option<Transport<'a>> {
        if self.upper.fragment != Fragment::Whole {
            return None;
        }
        let segment = self.bytes.get(self.upper.offset..)?;
        Transport::parse(self.upper.protocol, segment)
    }
}

/// Follows the IPv6 extension headers in `payload` to the first header that is none.
#[inline]
fn walk_extensions(next: IpProtocol, payload: &[u8]) -> UpperLayer {
    let mut reader = Reader::new(payload);
    let mut upper = UpperLayer {
        protocol: next,
        offset: IPV6_HEADER_LEN,
        fragment: Fragment::Whole,
    };
    for _ in 0..MAX_EXTENSION_HEADERS {
        let step = match upper.protocol {
            IpProtocol::HOP_BY_HOP | IpProtocol::ROUTING | IpProtocol::DESTINATION_OPTIONS => {
                step_over_options(&mut reader)
            }
            IpProtocol::FRAGMENT => step_over_fragment(&mut reader, &mut upper.fragment),
            _ => return upper,
        };
        let Some(next) = step else { return upper };
        upper.protocol = next;
        upper.offset = IPV6_HEADER_LEN + payload.len() - reader.rest().len();
        if upper.fragment == Fragment::Later {
            return upper;
        }
    }
    upper
}

/// RFC 8200 s4.2: next header, length in units of 8 bytes beyond the first 8.
fn step_over_options(reader: &mut Reader<'_>) -> Option<IpProtocol> {
    let [next, units, ..] = *reader.array::<8>()?;
    reader.slice(usize::from(units) * 8)?;
    Some(IpProtocol(next))
}

/// RFC 8200 s4.5.
fn step_over_fragment(reader: &mut Reader<'_>, fragment: &mut Fragment) -> Option<IpProtocol> {
    let [next, _, f0, f1, ..] = *reader.array::<8>()?;
    let field = u16::from_be_bytes([f0, f1]);
    // Even an atomic fragment keeps its header on the way: not a packet to offload.
    *fragment = if field & IPV6_OFFSET_MASK == 0 {
        Fragment::First
    } else {
        Fragment::Later
    };
    Some(IpProtocol(next))
}

/// Which IP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IpVersion {
    V4,
    V6,
}

/// How long the packet at the front of `bytes` is by its own header, if that is one of this version.
#[inline]
pub(crate) fn stated_len(bytes: &[u8], version: IpVersion) -> Option<usize> {
    match (bytes.first()? >> 4, version) {
        (4, IpVersion::V4) => {
            let [_, _, l0, l1] = bytes.first_chunk()?;
            Some(u16::from_be_bytes([*l0, *l1]).into())
        }
        (6, IpVersion::V6) => {
            let [_, _, _, _, l0, l1] = bytes.first_chunk()?;
            Some(IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([*l0, *l1])))
        }
        _ => None,
    }
}

/// Replaces the congestion mark of the packet in `bytes`; the IPv4 header checksum follows.
///
/// # Errors
/// [`InnerError::TooShort`] and [`InnerError::UnknownVersion`]; the bytes are then unchanged.
#[inline]
pub fn set_ecn(bytes: &mut [u8], ecn: Ecn) -> Result<(), InnerError> {
    match bytes.first().ok_or(InnerError::TooShort)? >> 4 {
        4 => {
            let header = bytes
                .first_chunk_mut::<IPV4_HEADER_LEN>()
                .ok_or(InnerError::TooShort)?;
            let [first, tos, _, _, _, _, _, _, _, _, c0, c1, ..] = header;
            let old = u16::from_be_bytes([*first, *tos]);
            *tos = ecn.in_tos(*tos);
            let new = u16::from_be_bytes([*first, *tos]);
            if old != new {
                let sum = u16::from_be_bytes([*c0, *c1]);
                [*c0, *c1] = checksum::update(sum, old, new).to_be_bytes();
            }
            Ok(())
        }
        6 => {
            let [_, second, ..] = bytes else {
                return Err(InnerError::TooShort);
            };
            *second = *second & 0b1100_1111 | ecn.bits() << 4;
            Ok(())
        }
        _ => Err(InnerError::UnknownVersion),
    }
}

#[cfg(test)]
mod tests;
