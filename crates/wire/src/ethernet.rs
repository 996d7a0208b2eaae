//! The tenant's Ethernet frame (IEEE 802.3, tags as in IEEE 802.1Q), without its frame check
//! sequence: as much of it as a gateway must know to bridge it.

use crate::inner::{InnerPacket, IpVersion, stated_len};
use crate::port::{PORT_ETHERTYPE, PORT_GROUP};
use crate::reader::Reader;
use std::fmt;

/// Length of an Ethernet header without tags, in bytes.
pub const ETHERNET_HEADER_LEN: usize = 14;
/// Length of one VLAN tag, in bytes.
pub const VLAN_TAG_LEN: usize = 4;

/// Tags that are looked behind: a customer's inside a provider's (IEEE 802.1Q, Q-in-Q). What is
/// behind more of them counts as no IP packet.
const MAX_TAGS: usize = 2;

/// Bit 0 of a MAC address's first byte: a group of stations (IEEE 802 section 8.2.2).
const GROUP_BIT: u8 = 0x01;

/// How many bytes of a frame stand in front of its IP header: none of an IP packet by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NetworkOffset(usize);

impl NetworkOffset {
    /// There is no Ethernet: the frame is an IP packet.
    pub const IP: Self = Self(0);

    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr([u8; 6]);

impl MacAddr {
    /// All stations.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// The address with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether it means a group of stations; all of them ([`Self::BROADCAST`]) are one.
    #[must_use]
    #[inline]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & GROUP_BIT != 0
    }

    /// Whether it is 00:00:00:00:00:00, which no station has.
    #[must_use]
    #[inline]
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }

    /// Whether a station may have this address.
    #[must_use]
    #[inline]
    pub fn is_station(self) -> bool {
        !self.is_multicast() && !self.is_zero()
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An EtherType, or below 0x0600 the length of an IEEE 802.2 payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// A customer's VLAN tag follows (IEEE 802.1Q).
    pub const VLAN: Self = Self(0x8100);
    /// A provider's VLAN tag follows (IEEE 802.1ad).
    pub const PROVIDER_VLAN: Self = Self(0x88a8);

    const fn is_tag(self) -> bool {
        matches!(self, Self::VLAN | Self::PROVIDER_VLAN)
    }
}

/// Why bytes are no Ethernet frame. Each variant is one drop counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum EthernetError {
    /// Shorter than an Ethernet header.
    #[error("frame is shorter than an Ethernet header")]
    TooShort,
}

/// A frame from its destination address to the end of its payload.
#[derive(Clone, Copy, Debug)]
pub struct EthernetFrame<'a> {
    bytes: &'a [u8],
    destination: MacAddr,
    source: MacAddr,
    ether_type: EtherType,
    payload_offset: usize,
}

impl<'a> EthernetFrame<'a> {
    /// Reads the header, and looks behind up to two VLAN tags. A tag that the frame's end cuts is
    /// no error: then the tag's own EtherType is the frame's.
    ///
    /// # Errors
    /// [`EthernetError::TooShort`].
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EthernetError> {
        let mut reader = Reader::new(bytes);
        let destination = *reader.array().ok_or(EthernetError::TooShort)?;
        let source = *reader.array().ok_or(EthernetError::TooShort)?;
        let mut ether_type = EtherType(reader.u16().ok_or(EthernetError::TooShort)?);
        for _ in 0..MAX_TAGS {
            if !ether_type.is_tag() {
                break;
            }
            let Some([_, _, t0, t1]) = reader.array() else {
                break;
            };
            ether_type = EtherType(u16::from_be_bytes([*t0, *t1]));
        }
        Ok(Self {
            bytes,
            destination: MacAddr(destination),
            source: MacAddr(source),
            ether_type,
            payload_offset: bytes.len() - reader.rest().len(),
        })
    }

    /// The whole frame.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whom it is for.
    #[must_use]
    pub const fn destination(&self) -> MacAddr {
        self.destination
    }

    /// Who sent it, by its own claim.
    #[must_use]
    pub const fn source(&self) -> MacAddr {
        self.source
    }

    /// What the payload is; that behind the tags.
    #[must_use]
    pub const fn ether_type(&self) -> EtherType {
        self.ether_type
    }

    /// Where the payload begins, behind the tags, in bytes from the start of the frame.
    #[must_use]
    pub const fn payload_offset(&self) -> usize {
        self.payload_offset
    }

    /// The same for who looks for an IP header there.
    #[must_use]
    pub const fn network_offset(&self) -> NetworkOffset {
        NetworkOffset(self.payload_offset)
    }

    /// Whether it is one of linkveil's own, by its claim: destination and type of link control, without tags.
    #[must_use]
    #[inline]
    pub fn is_link_control(&self) -> bool {
        self.destination == PORT_GROUP
            && self.ether_type == PORT_ETHERTYPE
            && self.payload_offset == ETHERNET_HEADER_LEN
    }

    /// The IPv4 or IPv6 packet inside, if there is one. It begins at [`Self::payload_offset`], and its own length
    /// decides where it ends, since short frames are padded. Whatever is not a whole packet of the version that the
    /// EtherType names is `None`.
    #[must_use]
    #[inline]
    pub fn ip_packet(&self) -> Option<InnerPacket<'a>> {
        let version = match self.ether_type {
            EtherType::IPV4 => IpVersion::V4,
            EtherType::IPV6 => IpVersion::V6,
            _ => return None,
        };
        let payload = self.bytes.get(self.payload_offset..)?;
        let packet = payload.get(..stated_len(payload, version)?)?;
        InnerPacket::parse(packet).ok()
    }
}

#[cfg(test)]
mod tests;
