//! The link header: the 16 clear bytes in front of every data datagram, and the type byte that
//! all messages share.
//!
//! ```text
//!  0      1      2      3      4                           8                                   16
//! +------+------+------+------+---------------------------+-----------------------------------+
//! | type | lane |   0  |   0  |            SPI            |           packet number           |
//! +------+------+------+------+---------------------------+-----------------------------------+
//! | AEAD{ Geneve header, options, inner packet, padding }                          | tag 16    |
//! +--------------------------------------------------------------------------------+-----------+
//! ```
//!
//! The header is authenticated (it is the AEAD's associated data), not encrypted. Until the AEAD
//! has accepted the datagram nothing in it is known to be true.

use crate::geneve::GENEVE_LEN;
use crate::num::{Lane, PacketNumber, Spi};
use zerocopy::byteorder::network_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Length of the clear header, in bytes; all of it is the AEAD's associated data.
pub const HEADER_LEN: usize = 16;
/// Length of the AEAD tag at the end of a data datagram, in bytes.
pub const TAG_LEN: usize = 16;
/// Shortest data datagram, in bytes: no AEAD plaintext is shorter than a Geneve header.
pub const MIN_DATAGRAM_LEN: usize = HEADER_LEN + GENEVE_LEN + TAG_LEN;
const _: () = assert!(MIN_DATAGRAM_LEN == 40);

/// What the first byte of a UDP payload says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MessageType {
    /// First handshake message.
    Initiation = 1,
    /// Second handshake message.
    Response = 2,
    /// A cookie instead of an answer, from a responder under load.
    CookieReply = 3,
    /// Sealed data or a sealed link control frame.
    Data = 4,
}

impl MessageType {
    /// The byte on the wire.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Initiation),
            2 => Some(Self::Response),
            3 => Some(Self::CookieReply),
            4 => Some(Self::Data),
            _ => None,
        }
    }
}

/// Why a datagram was refused before any cryptography. Each variant is one drop counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum LinkError {
    /// Shorter than [`MIN_DATAGRAM_LEN`], or empty.
    #[error("datagram is too short")]
    TooShort,
    /// The type byte is none of version 1.
    #[error("unknown message type")]
    UnknownType,
    /// A handshake message where only data is expected.
    #[error("not a data datagram")]
    NotData,
    /// The lane byte is 64 or more.
    #[error("lane number is out of range")]
    LaneOutOfRange,
    /// Bytes 2 and 3 are not zero.
    #[error("reserved bits are set")]
    ReservedBits,
    /// SPI 0, which nobody can have chosen.
    #[error("SPI is zero")]
    ZeroSpi,
    /// Packet number 0, which no sender uses.
    #[error("packet number is zero")]
    ZeroPacketNumber,
}

/// The type of a UDP payload, by its first byte alone.
///
/// # Errors
/// [`LinkError::TooShort`] when empty, [`LinkError::UnknownType`] otherwise.
#[inline]
pub fn message_type(bytes: &[u8]) -> Result<MessageType, LinkError> {
    let first = bytes.first().ok_or(LinkError::TooShort)?;
    MessageType::from_byte(*first).ok_or(LinkError::UnknownType)
}

/// The header as it lies in the datagram.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned, Clone, Copy)]
#[repr(C)]
struct RawHeader {
    kind: u8,
    lane: u8,
    reserved: [u8; 2],
    spi: U32,
    packet_number: U64,
}

const _: () = assert!(size_of::<RawHeader>() == HEADER_LEN);

/// The clear header of a data datagram.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct DataHeader {
    /// The sender's lane.
    pub lane: Lane,
    /// The receiver's index of (peer, epoch).
    pub spi: Spi,
    /// Number of the datagram under the key of (epoch, direction, lane).
    pub packet_number: PacketNumber,
}

impl DataHeader {
    /// The 16 bytes for the wire, which are also the AEAD's associated data.
    #[must_use]
    #[inline]
    pub fn emit(self) -> [u8; HEADER_LEN] {
        zerocopy::transmute!(RawHeader {
            kind: MessageType::Data.byte(),
            lane: self.lane.get(),
            reserved: [0; 2],
            spi: U32::new(self.spi.get()),
            packet_number: U64::new(self.packet_number.get()),
        })
    }

    #[inline]
    fn parse(raw: &RawHeader) -> Result<Self, LinkError> {
        match MessageType::from_byte(raw.kind) {
            Some(MessageType::Data) => {}
            Some(_) => return Err(LinkError::NotData),
            None => return Err(LinkError::UnknownType),
        }
        let lane = Lane::new(raw.lane).ok_or(LinkError::LaneOutOfRange)?;
        if raw.reserved != [0; 2] {
            return Err(LinkError::ReservedBits);
        }
        let spi = Spi::new(raw.spi.get()).ok_or(LinkError::ZeroSpi)?;
        let packet_number = PacketNumber::new(raw.packet_number.get());
        if packet_number < PacketNumber::FIRST {
            return Err(LinkError::ZeroPacketNumber);
        }
        Ok(Self {
            lane,
            spi,
            packet_number,
        })
    }
}

/// A data datagram whose header is well formed. Nothing in it is authenticated yet.
#[derive(Debug)]
pub struct Datagram<'a> {
    header: DataHeader,
    aad: &'a [u8; HEADER_LEN],
    sealed: &'a mut [u8],
}

impl<'a> Datagram<'a> {
    /// Reads the header of one datagram (one segment of a train, not the train).
    ///
    /// # Errors
    /// One [`LinkError`] for each way a header can be wrong; checked in the order type, length,
    /// lane, reserved bits, SPI, packet number.
    #[inline]
    pub fn parse(bytes: &'a mut [u8]) -> Result<Self, LinkError> {
        if message_type(bytes)? != MessageType::Data {
            return Err(LinkError::NotData);
        }
        if bytes.len() < MIN_DATAGRAM_LEN {
            return Err(LinkError::TooShort);
        }
        let (aad, sealed) = bytes
            .split_first_chunk_mut::<HEADER_LEN>()
            .ok_or(LinkError::TooShort)?;
        let aad = &*aad;
        let header = DataHeader::parse(zerocopy::transmute_ref!(aad))?;
        Ok(Self {
            header,
            aad,
            sealed,
        })
    }

    /// What the header claims.
    #[must_use]
    pub const fn header(&self) -> DataHeader {
        self.header
    }

    /// The header, its bytes as associated data, and ciphertext followed by the tag (24 bytes or
    /// more). For the one function that opens datagrams.
    #[must_use]
    pub fn into_parts(self) -> (DataHeader, &'a [u8; HEADER_LEN], &'a mut [u8]) {
        (self.header, self.aad, self.sealed)
    }
}

/// What decides where a datagram goes: neighbors in a train with equal keys belong to one run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RunKey {
    /// The type byte.
    pub message_type: MessageType,
    /// The sender's lane; lane 0 for handshake messages.
    pub lane: Lane,
    /// Bytes 4 to 7, an SPI in every message type.
    pub spi: Spi,
}

/// The run that a datagram belongs to, from its first 8 bytes. `None` when these cannot belong to
/// any message; [`Datagram::parse`] then tells which error it is.
#[must_use]
#[inline]
pub fn run_key(bytes: &[u8]) -> Option<RunKey> {
    let ([kind, lane, _, _, spi @ ..], _) = bytes.split_first_chunk::<8>()?;
    Some(RunKey {
        message_type: MessageType::from_byte(*kind)?,
        lane: Lane::new(*lane)?,
        spi: Spi::new(u32::from_be_bytes(*spi))?,
    })
}

#[cfg(test)]
mod tests;
