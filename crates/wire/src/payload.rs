//! What the two Noise messages carry, in the clear form that Noise encrypts.
//!
//! ```text
//! payload 1  timestamp 12 | SPI 4 | lanes 1 | source ports 1 | flags 1 | 0 | inner MTU 2 | [KEM key 1184]
//! payload 2  status 1 | flags 1 | lanes 1 | source ports 1 | SPI 4 | inner MTU 2 | 0 0
//!            | last timestamp 12 | [KEM ciphertext 1088]
//! ```

use crate::num::{InnerMtu, LaneCount, SourcePorts, Spi};
use crate::reader::Reader;
use crate::timestamp::Timestamp;

/// Length of an ML-KEM-768 encapsulation key (FIPS 203 s8), in bytes.
pub const ENCAPSULATION_KEY_LEN: usize = 1184;
/// Length of an ML-KEM-768 ciphertext (FIPS 203 s8), in bytes.
pub const KEM_CIPHERTEXT_LEN: usize = 1088;
/// Length of payload 1 without a KEM key, in bytes.
pub const INITIATION_PAYLOAD_LEN: usize = 22;
/// Length of payload 1 with a KEM key, in bytes.
pub const INITIATION_PAYLOAD_LEN_HYBRID: usize = INITIATION_PAYLOAD_LEN + ENCAPSULATION_KEY_LEN;
/// Length of payload 2 without a KEM ciphertext, in bytes.
pub const RESPONSE_PAYLOAD_LEN: usize = 24;
/// Length of payload 2 with a KEM ciphertext, in bytes.
pub const RESPONSE_PAYLOAD_LEN_HYBRID: usize = RESPONSE_PAYLOAD_LEN + KEM_CIPHERTEXT_LEN;

/// Why a payload was refused, although its sender holds the keys. Each variant is one counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum PayloadError {
    /// The length does not follow from the flags.
    #[error("handshake payload has an impossible length")]
    WrongLength,
    /// A reserved byte or an unknown flag is set.
    #[error("reserved bits are set in a handshake payload")]
    ReservedBits,
    /// No TAI64N time: nanoseconds of a second or more, or seconds beyond 2^63.
    #[error("handshake timestamp is malformed")]
    MalformedTimestamp,
    /// SPI 0.
    #[error("handshake payload has SPI zero")]
    ZeroSpi,
    /// No lanes, or more than 64.
    #[error("announced lane count is out of range")]
    LanesOutOfRange,
    /// No source port at all.
    #[error("announced count of source ports is zero")]
    ZeroSourcePorts,
    /// Outside [`InnerMtu::MIN`] to [`InnerMtu::MAX`].
    #[error("announced inner MTU is out of range")]
    MtuOutOfRange,
    /// A status byte that version 1 does not have.
    #[error("unknown response status")]
    UnknownStatus,
    /// A last timestamp or KEM ciphertext that does not go with the status.
    #[error("response fields contradict its status")]
    ContradictsStatus,
    /// An association number, suite, protection or station that does not exist.
    #[error("announced terms of a port are impossible")]
    PortTerms,
}

impl Timestamp {
    fn read(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
        let bytes = reader.array().ok_or(PayloadError::WrongLength)?;
        Self::from_bytes(*bytes).ok_or(PayloadError::MalformedTimestamp)
    }
}

/// What a side can do beyond the minimum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct HandshakeFlags(u8);

impl HandshakeFlags {
    /// Nothing beyond the minimum.
    pub const NONE: Self = Self(0);
    /// The payload ends with an ML-KEM-768 key or ciphertext.
    pub const POST_QUANTUM: Self = Self(1);
    /// The sender of the payload takes inner packets with a partial transport checksum.
    pub const ACCEPTS_PARTIAL_CHECKSUM: Self = Self(2);

    const KNOWN: u8 = Self::POST_QUANTUM.0 | Self::ACCEPTS_PARTIAL_CHECKSUM.0;

    /// `None` when a bit is set that version 1 does not know.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::KNOWN == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The byte on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether every flag of `other` is set here too.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags of `self` that are not in `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// These flags with `POST_QUANTUM` set exactly if there is a KEM part.
    fn for_kem<T>(self, kem: Option<&T>) -> Self {
        match kem {
            Some(_) => self.union(Self::POST_QUANTUM),
            None => self.difference(Self::POST_QUANTUM),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
        let bits = reader.u8().ok_or(PayloadError::WrongLength)?;
        Self::from_bits(bits).ok_or(PayloadError::ReservedBits)
    }
}

/// Whether the responder made an epoch, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ResponseStatus {
    /// 0: there is an epoch.
    Ok,
    /// 1: the initiation's timestamp was not newer than `last`, the newest that the responder
    /// took from this initiator.
    Stale {
        /// What the next initiation must exceed.
        last: Timestamp,
    },
    /// 2: the responder insists on ML-KEM and the initiation had no key.
    PostQuantumRequired,
    /// 3: suite or protection of the ports differ. Only between MACsec ports.
    TermsDiffer,
}

impl ResponseStatus {
    const fn byte(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Stale { .. } => 1,
            Self::PostQuantumRequired => 2,
            Self::TermsDiffer => 3,
        }
    }

    const fn last(self) -> Timestamp {
        match self {
            Self::Stale { last } => last,
            Self::Ok | Self::PostQuantumRequired | Self::TermsDiffer => Timestamp::ZERO,
        }
    }

    fn from_wire(byte: u8, last: Timestamp) -> Result<Self, PayloadError> {
        let status = match byte {
            0 => Self::Ok,
            1 => Self::Stale { last },
            2 => Self::PostQuantumRequired,
            3 => Self::TermsDiffer,
            _ => return Err(PayloadError::UnknownStatus),
        };
        if status.last() == last {
            Ok(status)
        } else {
            Err(PayloadError::ContradictsStatus)
        }
    }
}

fn read_spi(reader: &mut Reader<'_>) -> Result<Spi, PayloadError> {
    let value = reader.u32().ok_or(PayloadError::WrongLength)?;
    Spi::new(value).ok_or(PayloadError::ZeroSpi)
}

fn read_lanes(reader: &mut Reader<'_>) -> Result<LaneCount, PayloadError> {
    let value = reader.u8().ok_or(PayloadError::WrongLength)?;
    LaneCount::new(value).ok_or(PayloadError::LanesOutOfRange)
}

fn read_source_ports(reader: &mut Reader<'_>) -> Result<SourcePorts, PayloadError> {
    let value = reader.u8().ok_or(PayloadError::WrongLength)?;
    SourcePorts::new(value).ok_or(PayloadError::ZeroSourcePorts)
}

fn read_mtu(reader: &mut Reader<'_>) -> Result<InnerMtu, PayloadError> {
    let value = reader.u16().ok_or(PayloadError::WrongLength)?;
    InnerMtu::new(value).ok_or(PayloadError::MtuOutOfRange)
}

fn read_zeros<const N: usize>(reader: &mut Reader<'_>) -> Result<(), PayloadError> {
    match reader.array::<N>() {
        Some(bytes) if *bytes == [0; N] => Ok(()),
        Some(_) => Err(PayloadError::ReservedBits),
        None => Err(PayloadError::WrongLength),
    }
}

/// The KEM part at the end, which is there exactly if the flags say so.
fn read_kem<const N: usize>(
    reader: Reader<'_>,
    flags: HandshakeFlags,
) -> Result<Option<Box<[u8; N]>>, PayloadError> {
    let rest = reader.rest();
    if !flags.contains(HandshakeFlags::POST_QUANTUM) {
        return if rest.is_empty() {
            Ok(None)
        } else {
            Err(PayloadError::WrongLength)
        };
    }
    let part: [u8; N] = rest.try_into().map_err(|_| PayloadError::WrongLength)?;
    Ok(Some(Box::new(part)))
}

/// Payload 1: what the initiator tells about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InitiationPayload {
    /// Greater than in every earlier initiation of this initiator.
    pub timestamp: Timestamp,
    /// The SPI on which the initiator will receive; equal to the clear one.
    pub spi: Spi,
    /// The lanes that the initiator sends from.
    pub lanes: LaneCount,
    /// The UDP source ports that the initiator sends data from.
    pub source_ports: SourcePorts,
    /// What the initiator can do. `POST_QUANTUM` follows the key, whatever stands here.
    pub flags: HandshakeFlags,
    /// The largest inner packet that the initiator takes.
    pub mtu: InnerMtu,
    /// The initiator's one-time ML-KEM-768 key.
    pub encapsulation_key: Option<Box<[u8; ENCAPSULATION_KEY_LEN]>>,
}

impl InitiationPayload {
    /// Reads payload 1 after Noise has decrypted it.
    ///
    /// # Errors
    /// Every [`PayloadError`] but `UnknownStatus`, `ContradictsStatus` and `PortTerms`.
    pub fn parse(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut reader = Reader::new(bytes);
        let timestamp = Timestamp::read(&mut reader)?;
        let spi = read_spi(&mut reader)?;
        let lanes = read_lanes(&mut reader)?;
        let source_ports = read_source_ports(&mut reader)?;
        let flags = HandshakeFlags::read(&mut reader)?;
        read_zeros::<1>(&mut reader)?;
        let mtu = read_mtu(&mut reader)?;
        Ok(Self {
            timestamp,
            spi,
            lanes,
            source_ports,
            flags,
            mtu,
            encapsulation_key: read_kem(reader, flags)?,
        })
    }

    /// The 22 or 1206 bytes for Noise to encrypt.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let key = self.encapsulation_key.as_deref();
        let mut out = Vec::with_capacity(INITIATION_PAYLOAD_LEN_HYBRID);
        out.extend_from_slice(&self.timestamp.to_bytes());
        out.extend_from_slice(&self.spi.get().to_be_bytes());
        out.extend_from_slice(&[self.lanes.get(), self.source_ports.get()]);
        out.extend_from_slice(&[self.flags.for_kem(key).bits(), 0]);
        out.extend_from_slice(&self.mtu.get().to_be_bytes());
        out.extend_from_slice(key.map_or(&[], |key| key.as_slice()));
        out
    }
}

/// Payload 2: what the responder tells about itself, or why it refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResponsePayload {
    /// Whether there is an epoch.
    pub status: ResponseStatus,
    /// What the responder can do. `POST_QUANTUM` follows the ciphertext, whatever stands here.
    pub flags: HandshakeFlags,
    /// The lanes that the responder sends from.
    pub lanes: LaneCount,
    /// The UDP source ports that the responder sends data from.
    pub source_ports: SourcePorts,
    /// The SPI on which the responder will receive; equal to the clear one.
    pub spi: Spi,
    /// The largest inner packet that the responder takes.
    pub mtu: InnerMtu,
    /// The ciphertext for the initiator's ML-KEM-768 key; only with [`ResponseStatus::Ok`].
    pub ciphertext: Option<Box<[u8; KEM_CIPHERTEXT_LEN]>>,
}

impl ResponsePayload {
    /// Reads payload 2 after Noise has decrypted it, as gateways have it.
    ///
    /// # Errors
    /// Every [`PayloadError`] but `PortTerms`.
    pub fn parse(bytes: &[u8]) -> Result<Self, PayloadError> {
        let payload = Self::parse_on_port(bytes)?;
        if payload.status == ResponseStatus::TermsDiffer {
            return Err(PayloadError::UnknownStatus);
        }
        Ok(payload)
    }

    /// Reads what follows the port offer in payload 2 of a MACsec port.
    ///
    /// # Errors
    /// Every [`PayloadError`] but `PortTerms`.
    pub fn parse_on_port(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut reader = Reader::new(bytes);
        let status = reader.u8().ok_or(PayloadError::WrongLength)?;
        let flags = HandshakeFlags::read(&mut reader)?;
        let lanes = read_lanes(&mut reader)?;
        let source_ports = read_source_ports(&mut reader)?;
        let spi = read_spi(&mut reader)?;
        let mtu = read_mtu(&mut reader)?;
        read_zeros::<2>(&mut reader)?;
        let status = ResponseStatus::from_wire(status, Timestamp::read(&mut reader)?)?;
        let ciphertext = read_kem(reader, flags)?;
        if status != ResponseStatus::Ok && ciphertext.is_some() {
            return Err(PayloadError::ContradictsStatus);
        }
        Ok(Self {
            status,
            flags,
            lanes,
            source_ports,
            spi,
            mtu,
            ciphertext,
        })
    }

    /// The 24 or 1112 bytes for Noise to encrypt.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let ciphertext = self.ciphertext.as_deref();
        let flags = self.flags.for_kem(ciphertext);
        let mut out = Vec::with_capacity(RESPONSE_PAYLOAD_LEN_HYBRID);
        out.extend_from_slice(&[self.status.byte(), flags.bits()]);
        out.extend_from_slice(&[self.lanes.get(), self.source_ports.get()]);
        out.extend_from_slice(&self.spi.get().to_be_bytes());
        out.extend_from_slice(&self.mtu.get().to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.status.last().to_bytes());
        out.extend_from_slice(ciphertext.map_or(&[], |bytes| bytes.as_slice()));
        out
    }
}

#[cfg(test)]
mod tests;
