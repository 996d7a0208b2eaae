//! The three handshake messages, around the bytes that Noise makes.
//!
//! ```text
//! initiation    | 1 0 0 0 | sender SPI 4 |                  noise 118 or 1302 | mac1 16 | mac2 16 |
//! response      | 2 0 0 0 | sender SPI 4 | receiver SPI 4 | noise 72 or 1160  | mac1 16 | mac2 16 |
//! cookie reply  | 3 0 0 0 | receiver SPI 4 | nonce 24 | sealed cookie 16 + 16 |
//! ```
//!
//! The longer noise part carries the ML-KEM-768 key or ciphertext. Between MACsec ports each noise
//! part is 10 bytes longer, by the port offer. No other length is valid. The
//! MACs and the Noise bytes are opaque here: this module knows where they are, not what they mean.

use crate::link::MessageType;
use crate::num::Spi;
use crate::payload::{
    INITIATION_PAYLOAD_LEN, INITIATION_PAYLOAD_LEN_HYBRID, RESPONSE_PAYLOAD_LEN,
    RESPONSE_PAYLOAD_LEN_HYBRID,
};
use crate::port::PORT_OFFER_LEN;
use crate::reader::Reader;

/// Length of mac1 and of mac2, in bytes.
pub const MAC_LEN: usize = 16;
/// Length of a cookie reply's nonce, in bytes.
pub const COOKIE_NONCE_LEN: usize = 24;
/// Length of a sealed cookie with its tag, in bytes.
pub const SEALED_COOKIE_LEN: usize = 32;

/// An X25519 public key, and an AEAD tag: what Noise adds around keys and payloads.
const DH_LEN: usize = 32;
const NOISE_TAG_LEN: usize = 16;
/// `e`, `s` sealed, payload sealed (Noise rev 34 s7.5, pattern IK, message 1).
const INITIATION_NOISE: usize = DH_LEN + DH_LEN + NOISE_TAG_LEN + NOISE_TAG_LEN;
/// `e`, payload sealed (message 2).
const RESPONSE_NOISE: usize = DH_LEN + NOISE_TAG_LEN;

/// Noise bytes of an initiation without a KEM key.
pub const INITIATION_NOISE_LEN: usize = INITIATION_NOISE + INITIATION_PAYLOAD_LEN;
/// Noise bytes of an initiation with a KEM key.
pub const INITIATION_NOISE_LEN_HYBRID: usize = INITIATION_NOISE + INITIATION_PAYLOAD_LEN_HYBRID;
/// Noise bytes of a response without a KEM ciphertext.
pub const RESPONSE_NOISE_LEN: usize = RESPONSE_NOISE + RESPONSE_PAYLOAD_LEN;
/// Noise bytes of a response with a KEM ciphertext.
pub const RESPONSE_NOISE_LEN_HYBRID: usize = RESPONSE_NOISE + RESPONSE_PAYLOAD_LEN_HYBRID;

const INITIATION_HEADER_LEN: usize = 8;
const RESPONSE_HEADER_LEN: usize = 12;

/// Length of an initiation without a KEM key.
pub const INITIATION_LEN: usize = INITIATION_HEADER_LEN + INITIATION_NOISE_LEN + 2 * MAC_LEN;
/// Length of an initiation with a KEM key.
pub const INITIATION_LEN_HYBRID: usize =
    INITIATION_HEADER_LEN + INITIATION_NOISE_LEN_HYBRID + 2 * MAC_LEN;
/// Length of a response without a KEM ciphertext.
pub const RESPONSE_LEN: usize = RESPONSE_HEADER_LEN + RESPONSE_NOISE_LEN + 2 * MAC_LEN;
/// Length of a response with a KEM ciphertext.
pub const RESPONSE_LEN_HYBRID: usize =
    RESPONSE_HEADER_LEN + RESPONSE_NOISE_LEN_HYBRID + 2 * MAC_LEN;
/// Length of a cookie reply.
pub const COOKIE_REPLY_LEN: usize = 8 + COOKIE_NONCE_LEN + SEALED_COOKIE_LEN;

/// Length of the longest handshake message between MACsec ports.
pub const PORT_MESSAGE_MAX_LEN: usize = INITIATION_LEN_HYBRID + PORT_OFFER_LEN;

const _: () = assert!(INITIATION_LEN == 158 && INITIATION_LEN_HYBRID == 1342);
const _: () = assert!(RESPONSE_LEN == 116 && RESPONSE_LEN_HYBRID == 1204);
const _: () = assert!(COOKIE_REPLY_LEN == 64);

/// Why the frame of a handshake message was refused. Each variant is one counter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The type byte is another message's.
    #[error("not the expected handshake message")]
    WrongType,
    /// Not one of the lengths that the message can have.
    #[error("handshake message has an impossible length")]
    WrongLength,
    /// Bytes 1 to 3 are not zero.
    #[error("reserved bits are set in a handshake message")]
    ReservedBits,
    /// A sender or receiver SPI of 0.
    #[error("handshake message has SPI zero")]
    ZeroSpi,
}

/// The message type and the three reserved bytes after it.
fn read_type(reader: &mut Reader<'_>, expected: MessageType) -> Result<(), HandshakeError> {
    let [kind, reserved @ ..] = *reader.array::<4>().ok_or(HandshakeError::WrongLength)?;
    if kind != expected.byte() {
        return Err(HandshakeError::WrongType);
    }
    if reserved != [0; 3] {
        return Err(HandshakeError::ReservedBits);
    }
    Ok(())
}

fn read_spi(reader: &mut Reader<'_>) -> Result<Spi, HandshakeError> {
    let value = reader.u32().ok_or(HandshakeError::WrongLength)?;
    Spi::new(value).ok_or(HandshakeError::ZeroSpi)
}

/// The part that initiation and response share: everything up to a MAC, and the MACs.
#[derive(Clone, Copy, Debug)]
struct Macs<'a> {
    before_mac1: &'a [u8],
    before_mac2: &'a [u8],
    mac1: &'a [u8; MAC_LEN],
    mac2: &'a [u8; MAC_LEN],
}

impl<'a> Macs<'a> {
    fn split(bytes: &'a [u8]) -> Option<Self> {
        let (before_mac2, mac2) = bytes.split_last_chunk()?;
        let (before_mac1, mac1) = before_mac2.split_last_chunk()?;
        Some(Self {
            before_mac1,
            before_mac2,
            mac1,
            mac2,
        })
    }
}

/// A well-formed first message. Neither MAC nor Noise part has been looked at.
#[derive(Clone, Copy, Debug)]
pub struct Initiation<'a> {
    sender: Spi,
    noise: &'a [u8],
    macs: Macs<'a>,
}

impl<'a> Initiation<'a> {
    /// Splits a UDP payload into the fields of an initiation.
    ///
    /// # Errors
    /// Every [`HandshakeError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HandshakeError> {
        Self::parse_len(bytes, [INITIATION_LEN, INITIATION_LEN_HYBRID])
    }

    /// Splits the message of a frame of a MACsec port.
    ///
    /// # Errors
    /// Every [`HandshakeError`].
    pub fn parse_on_port(bytes: &'a [u8]) -> Result<Self, HandshakeError> {
        let lens = [INITIATION_LEN, INITIATION_LEN_HYBRID].map(|len| len + PORT_OFFER_LEN);
        Self::parse_len(bytes, lens)
    }

    fn parse_len(bytes: &'a [u8], lens: [usize; 2]) -> Result<Self, HandshakeError> {
        let macs = Macs::split(bytes).ok_or(HandshakeError::WrongLength)?;
        let mut reader = Reader::new(macs.before_mac1);
        read_type(&mut reader, MessageType::Initiation)?;
        if !lens.contains(&bytes.len()) {
            return Err(HandshakeError::WrongLength);
        }
        let sender = read_spi(&mut reader)?;
        Ok(Self {
            sender,
            noise: reader.rest(),
            macs,
        })
    }

    /// The SPI on which the initiator will receive, as claimed in clear.
    #[must_use]
    pub const fn sender(&self) -> Spi {
        self.sender
    }

    /// The Noise message.
    #[must_use]
    pub const fn noise(&self) -> &'a [u8] {
        self.noise
    }

    /// What mac1 covers.
    #[must_use]
    pub const fn bytes_before_mac1(&self) -> &'a [u8] {
        self.macs.before_mac1
    }

    /// What mac2 covers: everything up to and with mac1.
    #[must_use]
    pub const fn bytes_before_mac2(&self) -> &'a [u8] {
        self.macs.before_mac2
    }

    /// The MAC that shows knowledge of the receiver's public key.
    #[must_use]
    pub const fn mac1(&self) -> &'a [u8; MAC_LEN] {
        self.macs.mac1
    }

    /// The MAC under a cookie; zeros without one.
    #[must_use]
    pub const fn mac2(&self) -> &'a [u8; MAC_LEN] {
        self.macs.mac2
    }
}

/// A well-formed second message. Neither MAC nor Noise part has been looked at.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    sender: Spi,
    receiver: Spi,
    noise: &'a [u8],
    macs: Macs<'a>,
}

impl<'a> Response<'a> {
    /// Splits a UDP payload into the fields of a response.
    ///
    /// # Errors
    /// Every [`HandshakeError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HandshakeError> {
        Self::parse_len(bytes, [RESPONSE_LEN, RESPONSE_LEN_HYBRID])
    }

    /// Splits the message of a frame of a MACsec port.
    ///
    /// # Errors
    /// Every [`HandshakeError`].
    pub fn parse_on_port(bytes: &'a [u8]) -> Result<Self, HandshakeError> {
        let lens = [RESPONSE_LEN, RESPONSE_LEN_HYBRID].map(|len| len + PORT_OFFER_LEN);
        Self::parse_len(bytes, lens)
    }

    fn parse_len(bytes: &'a [u8], lens: [usize; 2]) -> Result<Self, HandshakeError> {
        let macs = Macs::split(bytes).ok_or(HandshakeError::WrongLength)?;
        let mut reader = Reader::new(macs.before_mac1);
        read_type(&mut reader, MessageType::Response)?;
        if !lens.contains(&bytes.len()) {
            return Err(HandshakeError::WrongLength);
        }
        let sender = read_spi(&mut reader)?;
        let receiver = read_spi(&mut reader)?;
        Ok(Self {
            sender,
            receiver,
            noise: reader.rest(),
            macs,
        })
    }

    /// The SPI on which the responder will receive, as claimed in clear.
    #[must_use]
    pub const fn sender(&self) -> Spi {
        self.sender
    }

    /// The initiator's SPI, which names the attempt that is answered.
    #[must_use]
    pub const fn receiver(&self) -> Spi {
        self.receiver
    }

    /// The Noise message.
    #[must_use]
    pub const fn noise(&self) -> &'a [u8] {
        self.noise
    }

    /// What mac1 covers.
    #[must_use]
    pub const fn bytes_before_mac1(&self) -> &'a [u8] {
        self.macs.before_mac1
    }

    /// What mac2 covers: everything up to and with mac1.
    #[must_use]
    pub const fn bytes_before_mac2(&self) -> &'a [u8] {
        self.macs.before_mac2
    }

    /// The MAC that shows knowledge of the receiver's public key.
    #[must_use]
    pub const fn mac1(&self) -> &'a [u8; MAC_LEN] {
        self.macs.mac1
    }

    /// The MAC under a cookie; zeros without one.
    #[must_use]
    pub const fn mac2(&self) -> &'a [u8; MAC_LEN] {
        self.macs.mac2
    }
}

/// A cookie, sealed for the sender of the message that it answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CookieReply<'a> {
    /// The SPI that the answered message named as its sender.
    pub receiver: Spi,
    /// Salt of the key that seals the cookie.
    pub nonce: &'a [u8; COOKIE_NONCE_LEN],
    /// The cookie's 16 bytes and their tag.
    pub sealed: &'a [u8; SEALED_COOKIE_LEN],
}

impl<'a> CookieReply<'a> {
    /// Splits a UDP payload into the fields of a cookie reply.
    ///
    /// # Errors
    /// Every [`HandshakeError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HandshakeError> {
        let mut reader = Reader::new(bytes);
        read_type(&mut reader, MessageType::CookieReply)?;
        if bytes.len() != COOKIE_REPLY_LEN {
            return Err(HandshakeError::WrongLength);
        }
        let receiver = read_spi(&mut reader)?;
        let nonce = reader.array().ok_or(HandshakeError::WrongLength)?;
        let sealed = reader.array().ok_or(HandshakeError::WrongLength)?;
        Ok(Self {
            receiver,
            nonce,
            sealed,
        })
    }

    /// The 64 bytes for the wire.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(COOKIE_REPLY_LEN);
        out.extend_from_slice(&[MessageType::CookieReply.byte(), 0, 0, 0]);
        out.extend_from_slice(&self.receiver.get().to_be_bytes());
        out.extend_from_slice(self.nonce);
        out.extend_from_slice(self.sealed);
        out
    }
}

/// Noise bytes of either mode.
fn check_noise_len(noise: &[u8], lens: [usize; 2]) -> Result<(), HandshakeError> {
    let fits = |len| noise.len() == len || noise.len() == len + PORT_OFFER_LEN;
    if lens.into_iter().any(fits) {
        Ok(())
    } else {
        Err(HandshakeError::WrongLength)
    }
}

/// A first or second message that still lacks both MACs.
///
/// The order of the steps is fixed by the types: `Unmacced` -> [`Mac1Done`] -> bytes.
#[derive(Debug)]
pub struct Unmacced(Vec<u8>);

impl Unmacced {
    /// A first message around its Noise bytes.
    ///
    /// # Errors
    /// [`HandshakeError::WrongLength`] when `noise` has none of the lengths of message 1.
    pub fn initiation(sender: Spi, noise: &[u8]) -> Result<Self, HandshakeError> {
        check_noise_len(noise, [INITIATION_NOISE_LEN, INITIATION_NOISE_LEN_HYBRID])?;
        Ok(Self::assemble(MessageType::Initiation, &[sender], noise))
    }

    /// A second message around its Noise bytes.
    ///
    /// # Errors
    /// [`HandshakeError::WrongLength`] when `noise` has none of the lengths of message 2.
    pub fn response(sender: Spi, receiver: Spi, noise: &[u8]) -> Result<Self, HandshakeError> {
        check_noise_len(noise, [RESPONSE_NOISE_LEN, RESPONSE_NOISE_LEN_HYBRID])?;
        let spis = [sender, receiver];
        Ok(Self::assemble(MessageType::Response, &spis, noise))
    }

    fn assemble(message_type: MessageType, spis: &[Spi], noise: &[u8]) -> Self {
        let len = 4 + 4 * spis.len() + noise.len() + 2 * MAC_LEN;
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&[message_type.byte(), 0, 0, 0]);
        for spi in spis {
            bytes.extend_from_slice(&spi.get().to_be_bytes());
        }
        bytes.extend_from_slice(noise);
        Self(bytes)
    }

    /// What mac1 must cover.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Appends mac1.
    #[must_use]
    pub fn with_mac1(mut self, mac1: &[u8; MAC_LEN]) -> Mac1Done {
        self.0.extend_from_slice(mac1);
        Mac1Done(self.0)
    }
}

/// A first or second message that lacks mac2 only.
#[derive(Debug)]
pub struct Mac1Done(Vec<u8>);

impl Mac1Done {
    /// What mac2 must cover.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The whole message with a mac2 under a cookie.
    #[must_use]
    pub fn with_mac2(mut self, mac2: &[u8; MAC_LEN]) -> Vec<u8> {
        self.0.extend_from_slice(mac2);
        self.0
    }

    /// The whole message for a receiver that gave us no cookie: mac2 is zero.
    #[must_use]
    pub fn without_cookie(self) -> Vec<u8> {
        self.with_mac2(&[0; MAC_LEN])
    }
}

#[cfg(test)]
mod tests;
