//! The Geneve header inside the AEAD (RFC 8926 s3), with linkveil's one option.
//!
//! ```text
//!  0        1        2                 4                       7        8
//! +--+------+-+-+----+-----------------+-----------------------+--------+
//! |ver|optln|O|C| 0  |  protocol type  |          VNI          |   0    |   Geneve
//! +--+------+-+-+----+--------+--------+-----------------------+--------+
//! |  class 0xff6c    |  0x81  | 0 | 1  | flags  |   0    | inner length |   option
//! +------------------+--------+--------+--------+--------+--------------+
//! ```
//!
//! We send these 16 bytes in front of every inner packet. A receiver takes a frame without the
//! option, too: then the inner packet is all that follows.

use crate::control::{ControlError, ControlFrame};
use crate::num::Vni;
use crate::reader::Reader;
use std::ops::Range;

/// Length of the Geneve header without options, in bytes.
pub const GENEVE_LEN: usize = 8;
/// Length of linkveil's option with its option header, in bytes.
pub const OPTION_LEN: usize = 8;
/// What a data frame has in front of its inner packet, in bytes.
pub const ENCAP_LEN: usize = GENEVE_LEN + OPTION_LEN;

/// Geneve counts option bytes in words of four (RFC 8926 s3.4).
const WORD: usize = 4;
/// Options in the frames that we send, in words.
const OPTION_WORDS: u8 = 2;
const _: () = assert!(OPTION_WORDS as usize * WORD == OPTION_LEN);
/// Top two bits of byte 0; version 0 is the only one.
const VERSION_MASK: u8 = 0b1100_0000;
/// Byte 1: the frame is for the tunnel endpoint itself.
const FLAG_CONTROL: u8 = 0b1000_0000;
/// Byte 1: at least one option is critical.
const FLAG_CRITICAL: u8 = 0b0100_0000;

/// Option class of linkveil, from the experimental range 0xFF00 to 0xFFFF (RFC 8926 s7).
const OPTION_CLASS: u16 = 0xff6c;
/// Option type; the top bit makes it critical.
const OPTION_TYPE: u8 = TYPE_CRITICAL | 1;
const TYPE_CRITICAL: u8 = 0x80;
/// Low five bits of an option's fourth byte: its data length in words.
const OPTION_WORDS_MASK: u8 = 0x1f;
const OPTION_DATA_WORDS: u8 = 1;
/// Option flag: the inner transport checksum covers the pseudo-header only.
const OPTION_FLAG_PARTIAL: u8 = 1;

/// Why an authenticated frame was refused. Each variant is one drop counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum GeneveError {
    /// Shorter than the Geneve header.
    #[error("frame is shorter than a Geneve header")]
    TooShort,
    /// A Geneve version other than 0.
    #[error("unknown Geneve version")]
    UnknownVersion,
    /// A reserved bit of the Geneve header or of linkveil's option.
    #[error("reserved bits are set in the Geneve header or option")]
    ReservedBits,
    /// The options run over the frame, or one option over the options.
    #[error("Geneve options run over their end")]
    OptionsOverrun,
    /// The C bit says something else than the options.
    #[error("Geneve C bit contradicts the options")]
    CriticalBitMismatch,
    /// A critical option that is not linkveil's.
    #[error("unknown critical Geneve option")]
    UnknownCriticalOption,
    /// linkveil's option twice, or with another length than one word.
    #[error("malformed linkveil option")]
    MalformedOption,
    /// A protocol type other than IPv4, IPv6 and Ethernet.
    #[error("unknown inner protocol")]
    UnknownProtocol,
    /// The announced inner length exceeds what follows.
    #[error("inner length runs over the frame")]
    InnerLength,
    /// A control frame with options, a protocol type or a VNI.
    #[error("malformed header of a control frame")]
    MalformedControlHeader,
    /// The body of a control frame.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// What a data frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InnerProtocol {
    /// EtherType 0x0800.
    Ipv4,
    /// EtherType 0x86DD.
    Ipv6,
    /// 0x6558, transparent Ethernet bridging.
    Ethernet,
}

impl InnerProtocol {
    const fn ether_type(self) -> u16 {
        match self {
            Self::Ipv4 => 0x0800,
            Self::Ipv6 => 0x86dd,
            Self::Ethernet => 0x6558,
        }
    }

    const fn from_ether_type(value: u16) -> Option<Self> {
        match value {
            0x0800 => Some(Self::Ipv4),
            0x86dd => Some(Self::Ipv6),
            0x6558 => Some(Self::Ethernet),
            _ => None,
        }
    }
}

/// What the inner transport checksum covers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ChecksumState {
    /// Everything, as on any wire.
    Complete,
    /// The pseudo-header only: whoever needs it completes it.
    Partial,
}

/// What stands in front of an inner packet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Encapsulation {
    /// The sender's number of the virtual network.
    pub vni: Vni,
    /// What the inner packet is.
    pub protocol: InnerProtocol,
    /// What its transport checksum covers.
    pub checksum: ChecksumState,
    /// Its length in bytes, without padding.
    pub inner_len: u16,
}

impl Encapsulation {
    /// The 16 bytes in front of the inner packet.
    #[must_use]
    #[inline]
    pub const fn emit(&self) -> [u8; ENCAP_LEN] {
        let [p0, p1] = self.protocol.ether_type().to_be_bytes();
        let [v0, v1, v2] = self.vni.to_be_bytes();
        let [c0, c1] = OPTION_CLASS.to_be_bytes();
        let [l0, l1] = self.inner_len.to_be_bytes();
        let flags = match self.checksum {
            ChecksumState::Complete => 0,
            ChecksumState::Partial => OPTION_FLAG_PARTIAL,
        };
        [
            OPTION_WORDS,
            FLAG_CRITICAL,
            p0,
            p1,
            v0,
            v1,
            v2,
            0, //
            c0,
            c1,
            OPTION_TYPE,
            OPTION_DATA_WORDS,
            flags,
            0,
            l0,
            l1,
        ]
    }
}

/// Writes another inner length into what [`Encapsulation::emit`] made: for packets that differ in nothing else.
#[inline]
pub const fn set_inner_len(header: &mut [u8; ENCAP_LEN], inner_len: u16) {
    let [.., l0, l1] = header;
    [*l0, *l1] = inner_len.to_be_bytes();
}

/// The Geneve header of a control frame: O bit, nothing else.
pub(crate) const CONTROL_HEADER: [u8; GENEVE_LEN] = [0, FLAG_CONTROL, 0, 0, 0, 0, 0, 0];

/// An authenticated plaintext, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GeneveFrame {
    /// A tenant's packet.
    Data {
        /// What the header and option say.
        encapsulation: Encapsulation,
        /// Where the inner packet lies within the plaintext; padding may follow.
        inner: Range<usize>,
    },
    /// A message of the link itself.
    Control(ControlFrame),
}

impl GeneveFrame {
    /// Reads the plaintext of a data datagram, from the Geneve header on. Padding is not looked
    /// at.
    ///
    /// # Errors
    /// One [`GeneveError`] for each way the header, the options or a control body can be wrong.
    #[inline]
    pub fn parse(plaintext: &[u8]) -> Result<Self, GeneveError> {
        let mut reader = Reader::new(plaintext);
        let header = reader.array().ok_or(GeneveError::TooShort)?;
        let [words, flags, p0, p1, v0, v1, v2, reserved] = *header;
        if words & VERSION_MASK != 0 {
            return Err(GeneveError::UnknownVersion);
        }
        if flags & !(FLAG_CONTROL | FLAG_CRITICAL) != 0 || reserved != 0 {
            return Err(GeneveError::ReservedBits);
        }
        if flags & FLAG_CONTROL != 0 {
            return parse_control(header, reader);
        }
        let option_bytes = usize::from(words) * WORD;
        let options = reader
            .slice(option_bytes)
            .ok_or(GeneveError::OptionsOverrun)?;
        let option = read_options(options, flags)?;
        let protocol = InnerProtocol::from_ether_type(u16::from_be_bytes([p0, p1]))
            .ok_or(GeneveError::UnknownProtocol)?;
        let inner_len = inner_len(option, reader.rest().len())?;
        let start = GENEVE_LEN + option_bytes;
        Ok(Self::Data {
            encapsulation: Encapsulation {
                vni: Vni::from_be_bytes([v0, v1, v2]),
                protocol,
                checksum: option.map_or(ChecksumState::Complete, |option| option.checksum),
                inner_len,
            },
            inner: start..start + usize::from(inner_len),
        })
    }
}

fn parse_control(header: &[u8; GENEVE_LEN], body: Reader<'_>) -> Result<GeneveFrame, GeneveError> {
    if *header != CONTROL_HEADER {
        return Err(GeneveError::MalformedControlHeader);
    }
    Ok(GeneveFrame::Control(ControlFrame::parse_body(body)?))
}

/// The inner length by the option, or all that follows; never more than follows.
fn inner_len(option: Option<LinkOption>, available: usize) -> Result<u16, GeneveError> {
    match option {
        Some(option) if usize::from(option.inner_len) <= available => Ok(option.inner_len),
        Some(_) => Err(GeneveError::InnerLength),
        None => u16::try_from(available).map_err(|_| GeneveError::InnerLength),
    }
}

/// linkveil's option.
#[derive(Clone, Copy)]
struct LinkOption {
    checksum: ChecksumState,
    inner_len: u16,
}

/// Walks the options: at most 252 bytes, hence at most 63 of them.
#[inline]
fn read_options(options: &[u8], flags: u8) -> Result<Option<LinkOption>, GeneveError> {
    let mut reader = Reader::new(options);
    let mut found = None;
    let mut critical = 0;
    while !reader.rest().is_empty() {
        let [c0, c1, kind, words] = *reader.array().ok_or(GeneveError::OptionsOverrun)?;
        let len = usize::from(words & OPTION_WORDS_MASK) * WORD;
        let data = reader.slice(len).ok_or(GeneveError::OptionsOverrun)?;
        if kind & TYPE_CRITICAL != 0 {
            critical = FLAG_CRITICAL;
        }
        if (u16::from_be_bytes([c0, c1]), kind) == (OPTION_CLASS, OPTION_TYPE) {
            let option = read_link_option(words, data)?;
            if found.replace(option).is_some() {
                return Err(GeneveError::MalformedOption);
            }
        } else if kind & TYPE_CRITICAL != 0 {
            return Err(GeneveError::UnknownCriticalOption);
        }
    }
    if flags & FLAG_CRITICAL != critical {
        return Err(GeneveError::CriticalBitMismatch);
    }
    Ok(found)
}

fn read_link_option(words: u8, data: &[u8]) -> Result<LinkOption, GeneveError> {
    let &[flags, reserved, l0, l1] = data else {
        return Err(GeneveError::MalformedOption);
    };
    if words & !OPTION_WORDS_MASK != 0 || flags & !OPTION_FLAG_PARTIAL != 0 || reserved != 0 {
        return Err(GeneveError::ReservedBits);
    }
    Ok(LinkOption {
        checksum: match flags & OPTION_FLAG_PARTIAL {
            0 => ChecksumState::Complete,
            _ => ChecksumState::Partial,
        },
        inner_len: u16::from_be_bytes([l0, l1]),
    })
}

#[cfg(test)]
mod tests;
