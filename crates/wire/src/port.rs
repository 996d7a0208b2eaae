//! What the nodes at both ends of an Ethernet link say to each other besides MACsec frames: handshake
//! messages in frames of EtherType 0x88B5, and the part about the port in their payloads.
//!
//! ```text
//!  0         6         12     14     16  17  18      20
//! +---------+---------+------+------+---+---+-------+-----------------+-------------------+
//! | dest. 6 | src. 6  | 88B5 | 6C76 | 1 | 0 | len 2 | message, len    | zeros up to 60    |
//! +---------+---------+------+------+---+---+-------+-----------------+-------------------+
//!
//! port offer:   AN 1 | suite 1 | protection 1 | 0 | station 6
//! ```
//!
//! 0x88B5 is for local experiments (IEEE 802, clause 9.2.3), so others may use it on the same link:
//! the two bytes `lv` say whose it is, and the version comes before everything that may change.

use crate::cipher_suite::CipherSuite;
use crate::ethernet::{ETHERNET_HEADER_LEN, EtherType, MacAddr};
use crate::payload::PayloadError;
use crate::reader::Reader;
use crate::sectag::{An, MIN_FRAME_LEN, Protection};

/// The `EtherType` of handshake messages, and of link control frames inside MACsec frames.
pub const PORT_ETHERTYPE: EtherType = EtherType(0x88b5);
/// Where all of them go: the Nearest non-TPMR Bridge group address (IEEE 802.1Q table 8-1), which key
/// agreement for MACsec uses (IEEE 802.1X-2020 11.1.1). No bridge forwards it.
pub const PORT_GROUP: MacAddr = MacAddr::new([0x01, 0x80, 0xc2, 0x00, 0x00, 0x03]);
/// Length of what stands between `EtherType` and message, in octets.
pub const PORT_HEADER_LEN: usize = 6;
/// Length of a port offer, in bytes.
pub const PORT_OFFER_LEN: usize = 10;

const MAGIC: [u8; 2] = *b"lv";
const VERSION: u8 = 1;

/// Why a frame is no handshake message for us. Each variant is one counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum PortFrameError {
    /// Ends before the message does.
    #[error("frame ends before its message")]
    TooShort,
    /// Another destination than the group, or another `EtherType`.
    #[error("frame is for somebody else")]
    NotForUs,
    /// The source is a group address or zero.
    #[error("frame comes from no station")]
    NoStation,
    /// Somebody else's use of the `EtherType`.
    #[error("frame is of another protocol")]
    Foreign,
    /// Another version than 1.
    #[error("frame has another version")]
    Version,
    /// The byte after the version is not zero.
    #[error("reserved bits are set in a frame")]
    ReservedBits,
    /// More octets behind the message than the padding of a short frame.
    #[error("frame is longer than its message")]
    TooLong,
}

/// A handshake message in its frame. Nothing in it is authenticated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortFrame<'a> {
    /// The station that claims to have sent it.
    pub source: MacAddr,
    /// The message.
    pub message: &'a [u8],
}

impl<'a> PortFrame<'a> {
    /// Reads a frame, from its destination address on and without check sequence.
    ///
    /// # Errors
    /// One [`PortFrameError`] for each way in which it can be wrong.
    pub fn parse(frame: &'a [u8]) -> Result<Self, PortFrameError> {
        let mut reader = Reader::new(frame);
        let destination = *reader.array().ok_or(PortFrameError::TooShort)?;
        let source = MacAddr::new(*reader.array().ok_or(PortFrameError::TooShort)?);
        let ether_type = EtherType(reader.u16().ok_or(PortFrameError::TooShort)?);
        if MacAddr::new(destination) != PORT_GROUP || ether_type != PORT_ETHERTYPE {
            return Err(PortFrameError::NotForUs);
        }
        if !source.is_station() {
            return Err(PortFrameError::NoStation);
        }
        if *reader.array().ok_or(PortFrameError::TooShort)? != MAGIC {
            return Err(PortFrameError::Foreign);
        }
        if reader.u8().ok_or(PortFrameError::TooShort)? != VERSION {
            return Err(PortFrameError::Version);
        }
        if reader.u8().ok_or(PortFrameError::TooShort)? != 0 {
            return Err(PortFrameError::ReservedBits);
        }
        let len = reader.u16().ok_or(PortFrameError::TooShort)?;
        let message = reader.slice(len.into()).ok_or(PortFrameError::TooShort)?;
        if !reader.rest().is_empty() && frame.len() > MIN_FRAME_LEN {
            return Err(PortFrameError::TooLong);
        }
        Ok(Self { source, message })
    }

    /// The frame for the wire. `None` for a message of more than 65,535 bytes, which there is not.
    #[must_use]
    pub fn emit(&self) -> Option<Vec<u8>> {
        let len = u16::try_from(self.message.len()).ok()?;
        let used = ETHERNET_HEADER_LEN + PORT_HEADER_LEN + self.message.len();
        let mut frame = Vec::with_capacity(used.max(MIN_FRAME_LEN));
        frame.extend_from_slice(&PORT_GROUP.octets());
        frame.extend_from_slice(&self.source.octets());
        frame.extend_from_slice(&PORT_ETHERTYPE.0.to_be_bytes());
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(&[VERSION, 0]);
        frame.extend_from_slice(&len.to_be_bytes());
        frame.extend_from_slice(self.message);
        frame.resize(used.max(MIN_FRAME_LEN), 0);
        Some(frame)
    }
}

/// How much the common port carries behind an Ethernet header, in octets: its MTU.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PortMtu(u16);

impl PortMtu {
    /// The port with this MTU.
    #[must_use]
    pub const fn new(octets: u16) -> Self {
        Self(octets)
    }

    /// The MTU in octets.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// How a port protects frames. Both ends must say the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PortTerms {
    /// The cipher suite of all keys.
    pub suite: CipherSuite,
    /// What is done with user data.
    pub protection: Protection,
}

/// What a node says of its port: it stands in front of either payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PortOffer {
    /// The association number under which the node wants to receive, on all channels.
    pub an: An,
    /// How it protects frames.
    pub terms: PortTerms,
    /// Its MAC address: that of all its channels, and the source of its frames.
    pub station: MacAddr,
}

impl PortOffer {
    /// Takes the offer off the front of a payload.
    ///
    /// # Errors
    /// [`PayloadError::WrongLength`], [`PayloadError::ReservedBits`], [`PayloadError::PortTerms`]
    /// for an association number, suite, protection or address that does not exist.
    pub fn split(payload: &[u8]) -> Result<(Self, &[u8]), PayloadError> {
        let mut reader = Reader::new(payload);
        let [an, suite, protection, reserved] = *reader.array().ok_or(PayloadError::WrongLength)?;
        let station = MacAddr::new(*reader.array().ok_or(PayloadError::WrongLength)?);
        if reserved != 0 {
            return Err(PayloadError::ReservedBits);
        }
        let terms = PortTerms {
            suite: CipherSuite::from_number(suite).ok_or(PayloadError::PortTerms)?,
            protection: Protection::from_number(protection).ok_or(PayloadError::PortTerms)?,
        };
        let an = An::new(an).ok_or(PayloadError::PortTerms)?;
        if !station.is_station() {
            return Err(PayloadError::PortTerms);
        }
        let offer = Self { an, terms, station };
        Ok((offer, reader.rest()))
    }

    /// The ten bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; PORT_OFFER_LEN] {
        let [a, b, c, d, e, f] = self.station.octets();
        let PortTerms { suite, protection } = self.terms;
        let (suite, protection) = (suite.number(), protection.number());
        [self.an.get(), suite, protection, 0, a, b, c, d, e, f]
    }
}

#[cfg(test)]
mod tests;
