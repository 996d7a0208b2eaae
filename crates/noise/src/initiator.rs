//! The initiator: message 1 out, message 2 in.

use std::fmt;

use linkveil_crypto::{
    Cookie, Decapsulate, EncapsulationKey, KemCiphertext, Mac1Key, PublicKey, Random, SharedSecret,
    Suite,
};
use linkveil_wire::handshake::{MAC_LEN, Unmacced};
use linkveil_wire::{
    CookieReply, HandshakeFlags, InitiationPayload, InnerMtu, LaneCount, MacAddr, PayloadError,
    PortOffer, Response, ResponsePayload, ResponseStatus, SourcePorts, Spi, Timestamp,
};

use crate::cookie::open_cookie_reply;
use crate::epoch::{Established, Remote, Role};
use crate::error::NoiseError;
use crate::identity::{Identity, RemotePeer};
use crate::pattern::InitiatorPattern;
use crate::policy::{KemOffer, PqPolicy, Refusal};
use crate::prologue::Prologue;

/// What an initiator says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Greater than in every earlier initiation of this node.
    pub timestamp: Timestamp,
    /// The SPI on which this node will receive.
    pub spi: Spi,
    /// The lanes that this node sends from.
    pub lanes: LaneCount,
    /// The largest inner packet that this node takes.
    pub mtu: InnerMtu,
    /// What this node can do. `POST_QUANTUM` follows from the next field.
    pub flags: HandshakeFlags,
    /// Whether to send an ML-KEM key.
    pub post_quantum: KemOffer,
    /// The cookie that the responder gave to this node's address, if it did.
    pub cookie: Option<&'a Cookie>,
    /// What this node says of its MACsec port: the handshake is then one between ports.
    pub port: Option<PortOffer>,
}

/// Makes a first message. Draws the KEM key's randomness (if the KEM takes any) and then 32 bytes
/// for the ephemeral key.
///
/// # Errors
/// [`NoiseError::NonContributory`] if the peer's static key is not a usable one;
/// [`NoiseError::Internal`].
pub fn create_initiation(
    identity: &Identity,
    peer: &RemotePeer<'_>,
    offer: Offer<'_>,
    random: &mut dyn Random,
) -> Result<(Vec<u8>, AwaitingResponse), NoiseError> {
    let (kem, encapsulation_key) = match offer.post_quantum {
        KemOffer::Send => {
            let (secret, public) = identity.kem.generate(random)?;
            (Some(secret), Some(public))
        }
        KemOffer::Omit => (None, None),
    };
    let payload = InitiationPayload {
        timestamp: offer.timestamp,
        spi: offer.spi,
        lanes: offer.lanes,
        source_ports: SourcePorts::ONE,
        flags: offer.flags,
        mtu: offer.mtu,
        encapsulation_key: encapsulation_key.map(EncapsulationKey::into_bytes),
    };
    let opening = (prologue_of(offer.port), on_port(offer.port, payload.emit()));
    let (pattern, noise) = InitiatorPattern::start(identity, peer, opening, random)?;

    let message = Unmacced::initiation(offer.spi, &noise).map_err(|_| NoiseError::Internal)?;
    let mac1 = Mac1Key::for_receiver(&peer.public_key).mac(message.bytes());
    let message = message.with_mac1(&mac1);
    let bytes = match offer.cookie {
        Some(cookie) => {
            let mac2 = cookie.mac2(message.bytes());
            message.with_mac2(&mac2)
        }
        None => message.without_cookie(),
    };
    let attempt = Attempt {
        pattern,
        kem,
        spi: offer.spi,
        suite: identity.suite(),
        own_mac1: identity.mac1.clone(),
        sent_mac1: mac1,
        remote: peer.public_key,
        port: offer.port,
    };
    Ok((bytes, AwaitingResponse(Box::new(attempt))))
}

fn prologue_of(port: Option<PortOffer>) -> Prologue {
    port.map_or(Prologue::Vpc, |own| Prologue::Port {
        initiator: own.station,
    })
}

/// A payload behind what the node says of its port, if it has one.
pub(crate) fn on_port(port: Option<PortOffer>, payload: Vec<u8>) -> Vec<u8> {
    match port {
        Some(port) => [port.emit().as_slice(), &payload].concat(),
        None => payload,
    }
}

/// How an authentic response ends an attempt.
#[derive(Debug)]
pub enum ResponseOutcome {
    /// There is an epoch.
    Established(Established),
    /// The responder says why there is none.
    Refused(Refusal),
}

/// An initiator that awaits message 2. Any number of bad responses leaves it as it was.
pub struct AwaitingResponse(Box<Attempt>);

struct Attempt {
    pattern: InitiatorPattern,
    kem: Option<Box<dyn Decapsulate>>,
    spi: Spi,
    suite: Suite,
    own_mac1: Mac1Key,
    sent_mac1: [u8; MAC_LEN],
    remote: PublicKey,
    port: Option<PortOffer>,
}

impl AwaitingResponse {
    /// The SPI by which responses and cookie replies name this attempt.
    #[must_use]
    pub const fn spi(&self) -> Spi {
        self.0.spi
    }

    /// The static key of the peer that was called.
    #[must_use]
    pub const fn remote_static(&self) -> PublicKey {
        self.0.remote
    }

    /// Reads message 2.
    ///
    /// # Errors
    /// The attempt, unchanged, and one of [`NoiseError::WrongReceiver`], [`NoiseError::WrongMac1`],
    /// [`NoiseError::Unauthentic`], [`NoiseError::NonContributory`], [`NoiseError::Payload`],
    /// [`NoiseError::SpiMismatch`], [`NoiseError::UnsolicitedCiphertext`],
    /// [`NoiseError::PostQuantumMissing`], [`NoiseError::Internal`].
    pub fn consume_response(
        self,
        response: &Response<'_>,
        policy: PqPolicy,
    ) -> Result<ResponseOutcome, (Self, NoiseError)> {
        self.consume(response, policy, None)
    }

    /// Reads message 2, which a frame of this station brought.
    ///
    /// # Errors
    /// As [`Self::consume_response`]; besides [`NoiseError::StationMismatch`] and
    /// [`NoiseError::TermsDiffer`].
    pub fn consume_response_on_port(
        self,
        response: &Response<'_>,
        policy: PqPolicy,
        source: MacAddr,
    ) -> Result<ResponseOutcome, (Self, NoiseError)> {
        self.consume(response, policy, Some(source))
    }

    fn consume(
        mut self,
        response: &Response<'_>,
        policy: PqPolicy,
        source: Option<MacAddr>,
    ) -> Result<ResponseOutcome, (Self, NoiseError)> {
        match self.0.read(response, policy, source) {
            Ok(outcome) => Ok(outcome),
            Err(error) => Err((self, error)),
        }
    }

    /// Opens a cookie reply to this attempt's message. The attempt goes on as it was; the next one
    /// uses the cookie.
    ///
    /// # Errors
    /// [`NoiseError::WrongReceiver`], [`NoiseError::UnauthenticCookie`].
    pub fn consume_cookie_reply(&self, reply: &CookieReply<'_>) -> Result<Cookie, NoiseError> {
        if reply.receiver != self.0.spi {
            return Err(NoiseError::WrongReceiver);
        }
        open_cookie_reply(reply, &self.0.remote, &self.0.sent_mac1)
    }
}

/// What a good payload 2 says, with the KEM's secret already recovered.
enum Accepted {
    Epoch {
        remote: Remote,
        shared: Option<SharedSecret>,
    },
    Refusal(Refusal),
}

impl Attempt {
    fn read(
        &mut self,
        response: &Response<'_>,
        policy: PqPolicy,
        source: Option<MacAddr>,
    ) -> Result<ResponseOutcome, NoiseError> {
        if response.receiver() != self.spi {
            return Err(NoiseError::WrongReceiver);
        }
        self.own_mac1
            .verify(response.bytes_before_mac1(), response.mac1())?;
        let (kem, own) = (self.kem.as_deref(), self.port);
        let (accepted, noise) = self.pattern.read(response.noise(), |payload| match own {
            None => {
                let payload = ResponsePayload::parse(payload)?;
                accept(payload, response.sender(), None, kem, policy)
            }
            Some(own) => {
                let (theirs, payload) = PortOffer::split(payload)?;
                let payload = ResponsePayload::parse_on_port(payload)?;
                check_port(own, theirs, source, payload.status)?;
                accept(payload, response.sender(), Some(theirs), kem, policy)
            }
        })?;
        Ok(match accepted {
            Accepted::Refusal(refusal) => ResponseOutcome::Refused(refusal),
            Accepted::Epoch { remote, shared } => ResponseOutcome::Established(noise.establish(
                shared.as_ref(),
                Role::Initiator,
                self.suite,
                remote,
            )),
        })
    }
}

/// Whether the station is the one that sent the frame, and its port has our terms. One that refuses because of the terms
/// has others, of course.
fn check_port(
    own: PortOffer,
    theirs: PortOffer,
    source: Option<MacAddr>,
    status: ResponseStatus,
) -> Result<(), NoiseError> {
    if source != Some(theirs.station) {
        return Err(NoiseError::StationMismatch);
    }
    if own.terms != theirs.terms && status == ResponseStatus::Ok {
        return Err(NoiseError::TermsDiffer);
    }
    Ok(())
}

/// Judges payload 2 of an authentic response.
fn accept(
    payload: ResponsePayload,
    clear_spi: Spi,
    port: Option<PortOffer>,
    kem: Option<&dyn Decapsulate>,
    policy: PqPolicy,
) -> Result<Accepted, NoiseError> {
    if payload.spi != clear_spi {
        return Err(NoiseError::SpiMismatch);
    }
    let refusal = match payload.status {
        ResponseStatus::Ok => None,
        ResponseStatus::Stale { last } => Some(Refusal::Stale { last }),
        ResponseStatus::PostQuantumRequired => Some(Refusal::PostQuantumRequired),
        ResponseStatus::TermsDiffer => {
            let theirs = port.ok_or(PayloadError::UnknownStatus)?;
            Some(Refusal::TermsDiffer(theirs.terms))
        }
    };
    if let Some(refusal) = refusal {
        return Ok(Accepted::Refusal(refusal));
    }
    let remote = Remote::from(&payload).on_port(port);
    let shared = match (kem, payload.ciphertext) {
        (Some(kem), Some(ciphertext)) => Some(kem.decapsulate(&KemCiphertext::new(ciphertext))?),
        (None, Some(_)) => return Err(NoiseError::UnsolicitedCiphertext),
        (_, None) if policy == PqPolicy::Required => return Err(NoiseError::PostQuantumMissing),
        (_, None) => None,
    };
    Ok(Accepted::Epoch { remote, shared })
}

impl fmt::Debug for AwaitingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitingResponse")
            .field("spi", &self.0.spi)
            .field("remote", &self.0.remote)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
