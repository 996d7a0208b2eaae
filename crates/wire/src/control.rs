//! Link control frames: what the two ends of an epoch say to each other under its keys.
//!
//! ```text
//! | Geneve header 8: O = 1, all else 0 | kind 1 | 0 0 0 | fields | zeros to a multiple of 16 |
//! ```

use crate::geneve::{CONTROL_HEADER, GENEVE_LEN};
use crate::num::Spi;
use crate::reader::Reader;
use std::fmt;
use std::ops::Deref;

/// Plaintexts are padded to multiples of this many bytes.
const PADDING: usize = 16;
/// Kind and reserved bytes.
const BODY_HEADER_LEN: usize = 4;
/// Longest emitted control frame: the 16-byte challenge, padded.
pub const MAX_CONTROL_LEN: usize = (GENEVE_LEN + BODY_HEADER_LEN + 16).next_multiple_of(PADDING);

/// Why the body of a control frame was refused. Each variant is one drop counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum ControlError {
    /// Ends before the fields of its kind.
    #[error("control frame is too short")]
    TooShort,
    /// A kind that version 1 does not have.
    #[error("unknown kind of control frame")]
    UnknownKind,
    /// One of the three bytes after the kind is not zero.
    #[error("reserved bits are set in a control frame")]
    ReservedBits,
    /// SPI 0 in an SA delete.
    #[error("control frame has SPI zero")]
    ZeroSpi,
}

/// Ties a probe's answer to the probe. 8 bytes; authentic by the AEAD, so it need not be secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub [u8; 8]);

/// Ties a path response to the path challenge. 16 random bytes that only the challenged address
/// can have seen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Challenge(pub [u8; 16]);

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenge({self})")
    }
}

/// A message of the link itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ControlFrame {
    /// Kind 1: the initiator sends under this epoch now.
    Confirm,
    /// Kind 2: the responder has seen the confirm and sends under this epoch, too.
    ConfirmAck,
    /// Kind 3: are you there?
    Probe(Token),
    /// Kind 4: yes.
    ProbeAck(Token),
    /// Kind 5: do you receive at the address to which this was sent?
    PathChallenge(Challenge),
    /// Kind 6: yes.
    PathResponse(Challenge),
    /// Kind 7: this frame was padded to `size` bytes; did it arrive?
    MtuProbe {
        /// Comes back in the answer.
        token: Token,
        /// The outer packet size that is tried, in bytes.
        size: u16,
    },
    /// Kind 8: yes.
    MtuProbeAck {
        /// The token of the probe.
        token: Token,
        /// The size of the probe.
        size: u16,
    },
    /// Kind 9: the sender no longer receives on this SPI.
    SaDelete(Spi),
    /// Kind 10: keeps a NAT mapping alive; no answer.
    Keepalive,
}

impl ControlFrame {
    /// The byte on the wire.
    #[must_use]
    pub const fn kind(self) -> u8 {
        match self {
            Self::Confirm => 1,
            Self::ConfirmAck => 2,
            Self::Probe(_) => 3,
            Self::ProbeAck(_) => 4,
            Self::PathChallenge(_) => 5,
            Self::PathResponse(_) => 6,
            Self::MtuProbe { .. } => 7,
            Self::MtuProbeAck { .. } => 8,
            Self::SaDelete(_) => 9,
            Self::Keepalive => 10,
        }
    }

    /// The plaintext of the frame: Geneve header, body, zero padding.
    #[must_use]
    pub fn emit(self) -> ControlBytes {
        let mut out = ControlBytes::default();
        out.push(CONTROL_HEADER);
        out.push([self.kind(), 0, 0, 0]);
        match self {
            Self::Confirm | Self::ConfirmAck | Self::Keepalive => {}
            Self::Probe(token) | Self::ProbeAck(token) => out.push(token.0),
            Self::PathChallenge(challenge) | Self::PathResponse(challenge) => out.push(challenge.0),
            Self::MtuProbe { token, size } | Self::MtuProbeAck { token, size } => {
                out.push(token.0);
                out.push(size.to_be_bytes());
            }
            Self::SaDelete(spi) => out.push(spi.get().to_be_bytes()),
        }
        out
    }

    /// Reads what follows the Geneve header. Bytes after the fields are padding, whatever they
    /// are.
    pub(crate) fn parse_body(mut body: Reader<'_>) -> Result<Self, ControlError> {
        let [kind, reserved @ ..] = *body.array::<4>().ok_or(ControlError::TooShort)?;
        let frame = Self::parse_fields(kind, &mut body)?;
        if reserved == [0; 3] {
            Ok(frame)
        } else {
            Err(ControlError::ReservedBits)
        }
    }

    fn parse_fields(kind: u8, body: &mut Reader<'_>) -> Result<Self, ControlError> {
        Ok(match kind {
            1 => Self::Confirm,
            2 => Self::ConfirmAck,
            3 => Self::Probe(Token::read(body)?),
            4 => Self::ProbeAck(Token::read(body)?),
            5 => Self::PathChallenge(Challenge::read(body)?),
            6 => Self::PathResponse(Challenge::read(body)?),
            7 => Self::MtuProbe {
                token: Token::read(body)?,
                size: body.u16().ok_or(ControlError::TooShort)?,
            },
            8 => Self::MtuProbeAck {
                token: Token::read(body)?,
                size: body.u16().ok_or(ControlError::TooShort)?,
            },
            9 => {
                let spi = body.u32().ok_or(ControlError::TooShort)?;
                Self::SaDelete(Spi::new(spi).ok_or(ControlError::ZeroSpi)?)
            }
            10 => Self::Keepalive,
            _ => return Err(ControlError::UnknownKind),
        })
    }
}

impl Token {
    fn read(body: &mut Reader<'_>) -> Result<Self, ControlError> {
        body.array()
            .map(|bytes| Self(*bytes))
            .ok_or(ControlError::TooShort)
    }
}

impl Challenge {
    fn read(body: &mut Reader<'_>) -> Result<Self, ControlError> {
        body.array()
            .map(|bytes| Self(*bytes))
            .ok_or(ControlError::TooShort)
    }
}

/// An emitted control frame: 16 or 32 bytes, without allocation.
#[derive(Clone, Copy, Debug, Default)]
pub struct ControlBytes {
    bytes: [u8; MAX_CONTROL_LEN],
    used: usize,
}

impl ControlBytes {
    /// Appends a field. All fields of every kind together fit; a field that did not would be
    /// left out, and the round-trip tests would see it.
    fn push<const N: usize>(&mut self, field: [u8; N]) {
        let free = self.bytes.get_mut(self.used..).unwrap_or_default();
        if let Some(slot) = free.first_chunk_mut() {
            *slot = field;
            self.used += N;
        }
    }
}

impl Deref for ControlBytes {
    type Target = [u8];

    /// The frame with its padding.
    fn deref(&self) -> &[u8] {
        let len = self.used.next_multiple_of(PADDING);
        self.bytes.get(..len).unwrap_or(&self.bytes)
    }
}

#[cfg(test)]
mod tests;
