//! The SecTAG of MACsec and the frame around it (IEEE 802.1AE-2018 clause 9).
//!
//! ```text
//!  0         6         12     14   15   16        20              28
//! +---------+---------+------+----+----+---------+---------------+-------------+--------+
//! | dest. 6 | src.  6 | 88E5 | TCI| SL |   PN 4  | SCI 8, if SC  | secure data | ICV 16 |
//! +---------+---------+------+----+----+---------+---------------+-------------+--------+
//!
//!   TCI:   V   ES   SC   SCB   E   C   AN   AN       SL:  0  0  six bits of length
//! ```
//!
//! Everything before the secure data is authenticated and in clear. Nothing in it is known to be
//! true until the ICV was verified.

use crate::ethernet::{ETHERNET_HEADER_LEN, EtherType, MacAddr};
use std::ops::Range;

mod ids;

pub use ids::{An, PnField, PortId, Sci, Ssci};

/// The MACsec `EtherType` (9.4).
pub const MACSEC_ETHERTYPE: EtherType = EtherType(0x88e5);
/// Destination and source address in front of the SecTAG, in octets.
pub const ADDRESSES_LEN: usize = 12;
const _: () = assert!(ADDRESSES_LEN + 2 == ETHERNET_HEADER_LEN);
/// Length of a SecTAG without SCI, `EtherType` included, in octets.
pub const SECTAG_LEN: usize = 8;
/// Length of a SecTAG with SCI, in octets.
pub const SECTAG_SCI_LEN: usize = SECTAG_LEN + Sci::LEN;
/// Length of the Integrity Check Value of all our suites, in octets (9.11).
pub const ICV_LEN: usize = 16;
/// From here on secure data is not short, in octets (9.7).
pub const MIN_NON_SHORT_LEN: usize = 48;
/// Least length of an Ethernet frame without its check sequence, in octets (IEEE 802.3-2018 3.2.8):
/// shorter ones are padded on the way, behind the ICV.
pub const MIN_FRAME_LEN: usize = 60;
/// What 9.12 a) asks of everything from the MACsec `EtherType` on, in octets.
const MIN_MPDU_LEN: usize = 17;

const VERSION: u8 = 0x80;
const ES: u8 = 0x40;
const SC: u8 = 0x20;
const SCB: u8 = 0x10;
const E: u8 = 0x08;
const C: u8 = 0x04;
const SL_RESERVED: u8 = 0xc0;

/// Why a frame has no SecTAG that the receiver may act upon.
///
/// [`Self::Runt`], [`Self::NotTagged`] and [`Self::Uncontrolled`] have their own counters; all
/// others are the standard's `InPktsBadTag`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum SecTagError {
    /// Shorter than an Ethernet header.
    #[error("frame is shorter than an Ethernet header")]
    Runt,
    /// Another `EtherType` than MACsec's.
    #[error("frame has no SecTAG")]
    NotTagged,
    /// Ends before or right behind the SecTAG (9.12 a).
    #[error("frame ends within its SecTAG")]
    Truncated,
    /// E without C (9.5): meant for key agreement, never for the controlled port.
    #[error("frame is not for the controlled port")]
    Uncontrolled,
    /// The V bit is set (9.12 c).
    #[error("SecTAG has another version")]
    Version,
    /// ES or SCB beside SC (9.12 d).
    #[error("SecTAG has an SCI and a bit that implies one")]
    AmbiguousSci,
    /// The upper bits of the octet with the short length are set (9.12 e).
    #[error("reserved bits of the SecTAG are set")]
    ReservedBits,
    /// Packet number 0 where numbers have 32 bits (10.6, figure 10-5).
    #[error("packet number is zero")]
    ZeroPn,
    /// Fewer or more octets than the short length says, or fewer than 48 where it is 0
    /// (9.12 f to i).
    #[error("frame does not have the length that its SecTAG says")]
    Length,
}

/// How many bits a packet number has: which suites the receiver uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PnWidth {
    /// The PN field is the packet number.
    Bits32,
    /// The PN field is the lower half of it (XPN suites).
    Bits64,
}

/// What was done with the user data, by the E and C bits (9.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UserData {
    /// Integrity only, user data as it was: neither bit.
    Unchanged,
    /// Integrity only, with a suite that changes the user data: C. None of ours does.
    Changed,
    /// Confidentiality: both bits.
    Encrypted,
}

impl UserData {
    const fn bits(self) -> u8 {
        match self {
            Self::Unchanged => 0,
            Self::Changed => C,
            Self::Encrypted => E | C,
        }
    }

    /// `None` for E without C.
    const fn from_bits(tci: u8) -> Option<Self> {
        match tci & (E | C) {
            0 => Some(Self::Unchanged),
            C => Some(Self::Changed),
            E => None,
            _ => Some(Self::Encrypted),
        }
    }
}

/// What is done with user data.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protection {
    /// Encrypted and authenticated, from the first octet on: there is no confidentiality offset.
    Confidentiality,
    /// Authenticated only.
    Integrity,
}

impl Protection {
    /// Its number in the handshake.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Confidentiality => 1,
            Self::Integrity => 2,
        }
    }

    /// The protection with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Confidentiality),
            2 => Some(Self::Integrity),
            _ => None,
        }
    }

    /// Its name in configuration and status.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confidentiality => "confidentiality",
            Self::Integrity => "integrity",
        }
    }
}

/// How a SecTAG names the channel, by the SC, ES and SCB bits (9.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SciForm {
    /// The SCI is in the SecTAG.
    Explicit(Sci),
    /// ES: it is the source address and port [`PortId::END_STATION`].
    EndStation,
    /// SCB: it is the source address and port [`PortId::SINGLE_COPY_BROADCAST`].
    SingleCopyBroadcast,
    /// ES and SCB; means what SCB alone means.
    EndStationBroadcast,
    /// No bit: it is the SCI of the only other station.
    PointToPoint,
}

impl SciForm {
    /// The SCI that the form names in a frame from this source address; `None` where only the
    /// receiver knows.
    #[must_use]
    pub const fn sci(self, source: MacAddr) -> Option<Sci> {
        match self {
            Self::Explicit(sci) => Some(sci),
            Self::EndStation => Some(Sci::new(source, PortId::END_STATION)),
            Self::SingleCopyBroadcast | Self::EndStationBroadcast => {
                Some(Sci::new(source, PortId::SINGLE_COPY_BROADCAST))
            }
            Self::PointToPoint => None,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Explicit(_) => SC,
            Self::EndStation => ES,
            Self::SingleCopyBroadcast => SCB,
            Self::EndStationBroadcast => ES | SCB,
            Self::PointToPoint => 0,
        }
    }

    /// The form without an SCI in the SecTAG that these bits name.
    const fn implied(tci: u8) -> Self {
        match (tci & ES != 0, tci & SCB != 0) {
            (false, false) => Self::PointToPoint,
            (true, false) => Self::EndStation,
            (false, true) => Self::SingleCopyBroadcast,
            (true, true) => Self::EndStationBroadcast,
        }
    }
}

/// The SL field (9.7): octets of secure data, or 0 where these are 48 or more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShortLength(u8);

impl ShortLength {
    /// The field for so many octets of secure data.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "below 48")]
    pub const fn of(secure_data_len: usize) -> Self {
        if secure_data_len < MIN_NON_SHORT_LEN {
            Self(secure_data_len as u8)
        } else {
            Self(0)
        }
    }

    /// The number in the field, below 64.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// A SecTAG.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SecTag {
    /// The association.
    pub an: An,
    /// The channel.
    pub sci: SciForm,
    /// What was done with the user data.
    pub user_data: UserData,
    /// The short length.
    pub short_length: ShortLength,
    /// The packet number, or half of it.
    pub pn: PnField,
}

impl SecTag {
    /// Length of the SecTAG in octets, `EtherType` included: 8 or 16.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        match self.sci {
            SciForm::Explicit(_) => SECTAG_SCI_LEN,
            _ => SECTAG_LEN,
        }
    }

    /// Its octets, beginning with the `EtherType`.
    #[must_use]
    #[inline]
    pub fn emit(&self) -> SecTagBytes {
        let [high, low] = MACSEC_ETHERTYPE.0.to_be_bytes();
        let tci = self.sci.bits() | self.user_data.bits() | self.an.get();
        let [p, q, r, s] = self.pn.get().to_be_bytes();
        let mut bytes = [0; SECTAG_SCI_LEN];
        if let Some(front) = bytes.first_chunk_mut() {
            *front = [high, low, tci, self.short_length.get(), p, q, r, s];
        }
        if let (SciForm::Explicit(sci), Some(back)) = (self.sci, bytes.last_chunk_mut()) {
            *back = sci.to_bytes();
        }
        SecTagBytes {
            bytes,
            len: self.encoded_len(),
        }
    }
}

/// The octets of a SecTAG.
#[derive(Clone, Copy, Debug)]
pub struct SecTagBytes {
    bytes: [u8; SECTAG_SCI_LEN],
    len: usize,
}

impl AsRef<[u8]> for SecTagBytes {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A frame whose SecTAG is valid (9.12), and where its parts are. Nothing in it is authenticated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaggedFrame {
    tag: SecTag,
    source: MacAddr,
    secure_data: Range<usize>,
}

impl TaggedFrame {
    /// Reads addresses and SecTAG of a frame, which begins with the destination address and ends
    /// before the frame check sequence, and finds secure data and ICV.
    ///
    /// # Errors
    /// One [`SecTagError`] for each way in which a frame can be wrong, in the order of its variants.
    #[inline]
    pub fn parse(frame: &[u8], width: PnWidth) -> Result<Self, SecTagError> {
        let (header, _) = frame
            .split_first_chunk::<ETHERNET_HEADER_LEN>()
            .ok_or(SecTagError::Runt)?;
        let [_, _, _, _, _, _, source @ .., high, low] = *header;
        if EtherType(u16::from_be_bytes([high, low])) != MACSEC_ETHERTYPE {
            return Err(SecTagError::NotTagged);
        }
        if frame.len() < ADDRESSES_LEN + MIN_MPDU_LEN {
            return Err(SecTagError::Truncated);
        }
        let tag = parse_tag(frame.get(ETHERNET_HEADER_LEN..).unwrap_or_default(), width)?;
        let start = ADDRESSES_LEN + tag.encoded_len();
        let end = secure_data_end(frame.len(), start, tag.short_length)?;
        Ok(Self {
            tag,
            source: MacAddr::new(source),
            secure_data: start..end,
        })
    }

    /// What the SecTAG claims.
    #[must_use]
    pub const fn tag(&self) -> &SecTag {
        &self.tag
    }

    /// The source address of the frame.
    #[must_use]
    pub const fn source(&self) -> MacAddr {
        self.source
    }

    /// Where in the frame the secure data is; never empty. The ICV follows it.
    #[must_use]
    pub const fn secure_data(&self) -> &Range<usize> {
        &self.secure_data
    }
}

/// Reads what follows the `EtherType`, in 9.12's order.
#[inline]
fn parse_tag(bytes: &[u8], width: PnWidth) -> Result<SecTag, SecTagError> {
    let (&[tci, sl, p, q, r, s], rest) = bytes
        .split_first_chunk::<6>()
        .ok_or(SecTagError::Truncated)?;
    let user_data = UserData::from_bits(tci).ok_or(SecTagError::Uncontrolled)?;
    if tci & VERSION != 0 {
        return Err(SecTagError::Version);
    }
    if tci & SC != 0 && tci & (ES | SCB) != 0 {
        return Err(SecTagError::AmbiguousSci);
    }
    if sl & SL_RESERVED != 0 {
        return Err(SecTagError::ReservedBits);
    }
    let pn = PnField::new(u32::from_be_bytes([p, q, r, s]));
    if pn.get() == 0 && width == PnWidth::Bits32 {
        return Err(SecTagError::ZeroPn);
    }
    let sci = if tci & SC == 0 {
        SciForm::implied(tci)
    } else {
        let sci = rest.first_chunk().ok_or(SecTagError::Length)?;
        SciForm::Explicit(Sci::from_bytes(*sci))
    };
    Ok(SecTag {
        an: An::from_tci(tci),
        sci,
        user_data,
        short_length: ShortLength(sl),
        pn,
    })
}

/// Where the secure data ends that begins at `start`, if that fits the frame's length.
#[inline]
fn secure_data_end(
    frame_len: usize,
    start: usize,
    short_length: ShortLength,
) -> Result<usize, SecTagError> {
    let available = frame_len
        .checked_sub(start + ICV_LEN)
        .ok_or(SecTagError::Length)?;
    let fits = match usize::from(short_length.get()) {
        0 if available >= MIN_NON_SHORT_LEN => available,
        0 => return Err(SecTagError::Length),
        short if short == available => short,
        // Ethernet pads a frame up to this length and not beyond.
        short if short < available && frame_len == MIN_FRAME_LEN => short,
        _ => return Err(SecTagError::Length),
    };
    Ok(start + fits)
}

#[cfg(test)]
mod tests;
