//! The header in front of each packet of a device with offloads: `virtio_net_hdr` (include/uapi/linux/virtio_net.h,
//! virtio 1.2 section 5.1.6), the ten bytes without the number of buffers, in the byte order of the machine.
//!
//! ```text
//! | flags 1 | gso_type 1 | hdr_len 2 | gso_size 2 | csum_start 2 | csum_offset 2 |
//! ```

use std::num::NonZeroU16;

/// Length of the header.
pub const VNET_HEADER_LEN: usize = 10;

const NEEDS_CHECKSUM: u8 = 1;

const GSO_NONE: u8 = 0;
const GSO_TCP_V4: u8 = 1;
const GSO_TCP_V6: u8 = 4;
const GSO_UDP: u8 = 5;
/// Set beside TCP when the first packet has CWR.
const GSO_ECN: u8 = 0x80;

/// What is left to be done to a packet that crosses a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Offload {
    /// Nothing: a whole packet, its checksums complete.
    #[default]
    None,
    /// Its transport checksum covers the pseudo-header only.
    Checksum(ChecksumPlace),
    /// It is to be cut, and the checksum of each piece to be completed.
    Segments(Segmentation),
}

/// Where a partial checksum lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksumPlace {
    /// Where it begins to count: bytes from the start of the packet or frame.
    pub start: u16,
    /// Where it goes: bytes from `start`.
    pub offset: u16,
}

/// How a packet is to be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segmentation {
    /// What it is.
    pub protocol: SegmentProtocol,
    /// Bytes in front of the payload.
    pub headers_len: u16,
    /// Bytes of payload in each piece; the last one may have fewer.
    pub segment_len: NonZeroU16,
    /// Where the checksum of each piece lies.
    pub checksum: ChecksumPlace,
}

/// A protocol that can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentProtocol {
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// UDP over either.
    Udp,
}

/// What a device does of itself, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Offloads {
    /// Nothing: packets cross it whole and complete.
    #[default]
    None,
    /// It takes and gives partial checksums and TCP super-packets.
    Tcp,
    /// And UDP super-packets (Linux 6.2).
    TcpAndUdp,
}

/// A header that makes no sense. The kernel writes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a packet came with an impossible virtio_net_hdr")]
pub struct BadVnetHeader;

impl Offload {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`BadVnetHeader`]: an unknown kind of super-packet, one without segment length, or one without a checksum's place.
    pub fn parse(header: &[u8; VNET_HEADER_LEN]) -> Result<Self, BadVnetHeader> {
        let [flags, gso, h0, h1, s0, s1, c0, c1, o0, o1] = *header;
        let checksum = ChecksumPlace {
            start: u16::from_ne_bytes([c0, c1]),
            offset: u16::from_ne_bytes([o0, o1]),
        };
        let partial = flags & NEEDS_CHECKSUM != 0;
        let protocol = match gso & !GSO_ECN {
            GSO_NONE if partial => return Ok(Self::Checksum(checksum)),
            GSO_NONE => return Ok(Self::None),
            GSO_TCP_V4 => SegmentProtocol::TcpV4,
            GSO_TCP_V6 => SegmentProtocol::TcpV6,
            GSO_UDP => SegmentProtocol::Udp,
            _ => return Err(BadVnetHeader),
        };
        let segment_len = NonZeroU16::new(u16::from_ne_bytes([s0, s1]));
        let segment_len = segment_len.filter(|_| partial).ok_or(BadVnetHeader)?;
        Ok(Self::Segments(Segmentation {
            protocol,
            headers_len: u16::from_ne_bytes([h0, h1]),
            segment_len,
            checksum,
        }))
    }

    /// The least that a device must do of itself to take a packet with this left to be done.
    #[must_use]
    pub const fn needs(self) -> Offloads {
        match self {
            Self::None => Offloads::None,
            Self::Checksum(_) => Offloads::Tcp,
            Self::Segments(cut) => match cut.protocol {
                SegmentProtocol::TcpV4 | SegmentProtocol::TcpV6 => Offloads::Tcp,
                SegmentProtocol::Udp => Offloads::TcpAndUdp,
            },
        }
    }

    /// Writes the header.
    #[must_use]
    pub const fn emit(self) -> [u8; VNET_HEADER_LEN] {
        let (checksum, gso, headers_len, segment_len) = match self {
            Self::None => return [0; VNET_HEADER_LEN],
            Self::Checksum(checksum) => (checksum, GSO_NONE, 0, 0),
            Self::Segments(cut) => {
                let gso = match cut.protocol {
                    SegmentProtocol::TcpV4 => GSO_TCP_V4,
                    SegmentProtocol::TcpV6 => GSO_TCP_V6,
                    SegmentProtocol::Udp => GSO_UDP,
                };
                (cut.checksum, gso, cut.headers_len, cut.segment_len.get())
            }
        };
        let [h0, h1] = headers_len.to_ne_bytes();
        let [s0, s1] = segment_len.to_ne_bytes();
        let [c0, c1] = checksum.start.to_ne_bytes();
        let [o0, o1] = checksum.offset.to_ne_bytes();
        [NEEDS_CHECKSUM, gso, h0, h1, s0, s1, c0, c1, o0, o1]
    }
}

#[cfg(test)]
mod tests;
