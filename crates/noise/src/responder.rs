//! The responder: message 1 in, message 2 out.

use std::fmt;
use std::sync::Arc;

use linkveil_crypto::{
    EncapsulationKey, Kem, KemCiphertext, Mac1Key, Psk, PublicKey, Random, SharedSecret, Suite,
};
use linkveil_wire::handshake::Unmacced;
use linkveil_wire::{
    HandshakeFlags, Initiation, InitiationPayload, InnerMtu, LaneCount, MacAddr, PortOffer,
    PortTerms, ResponsePayload, ResponseStatus, SourcePorts, Spi,
};

use crate::epoch::{Established, NoiseOutput, Remote, Role};
use crate::error::NoiseError;
use crate::identity::Identity;
use crate::initiator::on_port;
use crate::pattern::ResponderPattern;
use crate::policy::{PqPolicy, Refusal};
use crate::prologue::Prologue;

/// Checks that the sender knows our public key. Costs two hashes and no Diffie-Hellman.
///
/// # Errors
/// [`NoiseError::WrongMac1`].
pub fn verify_mac1(identity: &Identity, message: &Initiation<'_>) -> Result<(), NoiseError> {
    let verified = identity
        .mac1
        .verify(message.bytes_before_mac1(), message.mac1());
    Ok(verified?)
}

/// Reads message 1. Checks mac1 first; what follows costs two Diffie-Hellman operations.
///
/// No PSK is needed yet, and the sender may replay: whether the static key is a peer's and the
/// timestamp new is for the caller to judge.
///
/// # Errors
/// [`NoiseError::WrongMac1`], [`NoiseError::Unauthentic`], [`NoiseError::NonContributory`],
/// [`NoiseError::Payload`], [`NoiseError::SpiMismatch`], [`NoiseError::Internal`].
pub fn consume_initiation(
    identity: &Identity,
    message: &Initiation<'_>,
) -> Result<ReceivedInitiation, NoiseError> {
    consume(identity, message, Prologue::Vpc)
}

/// Reads message 1, which a frame of the station `initiator` brought. As [`consume_initiation`].
///
/// # Errors
/// Those of [`consume_initiation`], and [`NoiseError::StationMismatch`]. A frame whose source was
/// changed on the way is [`NoiseError::Unauthentic`].
pub fn consume_initiation_on_port(
    identity: &Identity,
    message: &Initiation<'_>,
    initiator: MacAddr,
) -> Result<ReceivedInitiation, NoiseError> {
    let received = consume(identity, message, Prologue::Port { initiator })?;
    let station = received.port().map(|port| port.station);
    if station != Some(initiator) {
        return Err(NoiseError::StationMismatch);
    }
    Ok(received)
}

fn consume(
    identity: &Identity,
    message: &Initiation<'_>,
    prologue: Prologue,
) -> Result<ReceivedInitiation, NoiseError> {
    verify_mac1(identity, message)?;
    let started = ResponderPattern::start(identity, prologue, message.noise())?;
    let (pattern, remote_static, payload) = started;
    let (port, payload) = match prologue {
        Prologue::Vpc => (None, payload.as_slice()),
        Prologue::Port { .. } => {
            let (port, payload) = PortOffer::split(&payload)?;
            (Some(port), payload)
        }
    };
    let payload = InitiationPayload::parse(payload)?;
    if payload.spi != message.sender() {
        return Err(NoiseError::SpiMismatch);
    }
    Ok(ReceivedInitiation(Box::new(Received {
        pattern,
        remote_static,
        payload,
        port,
        suite: identity.suite(),
        kem: Arc::clone(&identity.kem),
    })))
}

/// What a responder says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The SPI on which this node will receive.
    pub spi: Spi,
    /// The lanes that this node sends from.
    pub lanes: LaneCount,
    /// The largest inner packet that this node takes.
    pub mtu: InnerMtu,
    /// What this node can do. `POST_QUANTUM` follows from policy and initiation.
    pub flags: HandshakeFlags,
    /// This node's stand on ML-KEM.
    pub policy: PqPolicy,
    /// What this node says of its MACsec port; there exactly if message 1 came on one.
    pub port: Option<PortOffer>,
}

/// An authentic first message, not answered yet.
pub struct ReceivedInitiation(Box<Received>);

struct Received {
    pattern: ResponderPattern,
    remote_static: PublicKey,
    payload: InitiationPayload,
    port: Option<PortOffer>,
    suite: Suite,
    kem: Arc<dyn Kem>,
}

impl ReceivedInitiation {
    /// The initiator's static public key: authentic, but perhaps nobody's whom we know.
    #[must_use]
    pub const fn remote_static(&self) -> PublicKey {
        self.0.remote_static
    }

    /// What the initiator says.
    #[must_use]
    pub const fn payload(&self) -> &InitiationPayload {
        &self.0.payload
    }

    /// What the initiator says of its MACsec port, if the message came on one.
    #[must_use]
    pub const fn port(&self) -> Option<PortOffer> {
        self.0.port
    }

    /// Whether the initiator's port has these terms, so that [`Refusal::TermsDiffer`] is not the
    /// answer.
    ///
    /// # Errors
    /// [`NoiseError::TermsDiffer`].
    pub fn check_terms(&self, own: PortTerms) -> Result<(), NoiseError> {
        match self.0.port {
            Some(theirs) if theirs.terms == own => Ok(()),
            _ => Err(NoiseError::TermsDiffer),
        }
    }

    /// Whether [`Self::create_response`] would refuse for want of an ML-KEM key, so that
    /// [`Refusal::PostQuantumRequired`] is the answer.
    ///
    /// # Errors
    /// [`NoiseError::PostQuantumMissing`].
    pub const fn check_policy(&self, policy: PqPolicy) -> Result<(), NoiseError> {
        match (policy, &self.0.payload.encapsulation_key) {
            (PqPolicy::Required, None) => Err(NoiseError::PostQuantumMissing),
            _ => Ok(()),
        }
    }

    /// Makes the second message and the epoch. Draws the KEM's randomness (if it takes any) and
    /// then 32 bytes for the ephemeral key.
    ///
    /// # Errors
    /// [`NoiseError::PostQuantumMissing`] as [`Self::check_policy`] says;
    /// [`NoiseError::MalformedKemKey`]; [`NoiseError::NonContributory`]; [`NoiseError::Internal`].
    pub fn create_response(
        mut self,
        psk: &Psk,
        answer: Answer,
        random: &mut dyn Random,
    ) -> Result<(Vec<u8>, Established), NoiseError> {
        self.check_policy(answer.policy)?;
        let remote = Remote::from(&self.0.payload).on_port(self.0.port);
        let suite = self.0.suite;
        let (ciphertext, shared) = match self.0.encapsulate(answer.policy, random)? {
            Some((ciphertext, shared)) => (Some(ciphertext.into_bytes()), Some(shared)),
            None => (None, None),
        };
        let payload = ResponsePayload {
            status: ResponseStatus::Ok,
            flags: answer.flags,
            lanes: answer.lanes,
            source_ports: SourcePorts::ONE,
            spi: answer.spi,
            mtu: answer.mtu,
            ciphertext,
        };
        let (message, noise) = self.0.write(psk, (answer.port, payload), random)?;
        let epoch = noise.establish(shared.as_ref(), Role::Responder, suite, remote);
        Ok((message, epoch))
    }

    /// Makes a second message that says why there is no epoch. It announces nothing of this node:
    /// its SPI is random and receives nothing. Draws 4 bytes for it and 32 for the ephemeral key.
    ///
    /// # Errors
    /// [`NoiseError::NonContributory`], [`NoiseError::Internal`].
    pub fn create_refusal(
        self,
        psk: &Psk,
        refusal: Refusal,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, NoiseError> {
        self.refuse(psk, (refusal, None), random)
    }

    /// As [`Self::create_refusal`], on a MACsec port of which this is said.
    ///
    /// # Errors
    /// [`NoiseError::NonContributory`], [`NoiseError::Internal`].
    pub fn create_refusal_on_port(
        self,
        psk: &Psk,
        (refusal, own): (Refusal, PortOffer),
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, NoiseError> {
        self.refuse(psk, (refusal, Some(own)), random)
    }

    fn refuse(
        self,
        psk: &Psk,
        (refusal, own): (Refusal, Option<PortOffer>),
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, NoiseError> {
        let payload = ResponsePayload {
            status: refusal.status(),
            flags: HandshakeFlags::NONE,
            lanes: LaneCount::ONE,
            source_ports: SourcePorts::ONE,
            spi: placeholder_spi(random),
            mtu: InnerMtu::MIN,
            ciphertext: None,
        };
        let (message, _no_epoch) = self.0.write(psk, (own, payload), random)?;
        Ok(message)
    }
}

/// Stands in when the random SPI of a refusal would be 0.
const SPARE_SPI: Spi = match Spi::new(u32::MAX) {
    Some(spi) => spi,
    None => unreachable!(),
};

/// A random SPI for a message whose SPI means nothing.
fn placeholder_spi(random: &mut dyn Random) -> Spi {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    Spi::new(u32::from_be_bytes(bytes)).unwrap_or(SPARE_SPI)
}

impl Received {
    /// `None` if this epoch does without ML-KEM.
    fn encapsulate(
        &mut self,
        policy: PqPolicy,
        random: &mut dyn Random,
    ) -> Result<Option<(KemCiphertext, SharedSecret)>, NoiseError> {
        match (policy, self.payload.encapsulation_key.take()) {
            (PqPolicy::Required | PqPolicy::Preferred, Some(key)) => {
                let key = EncapsulationKey::new(key);
                Ok(Some(self.kem.encapsulate(&key, random)?))
            }
            (PqPolicy::Off, _) | (_, None) => Ok(None),
        }
    }

    fn write(
        self,
        psk: &Psk,
        (own, payload): (Option<PortOffer>, ResponsePayload),
        random: &mut dyn Random,
    ) -> Result<(Vec<u8>, NoiseOutput), NoiseError> {
        let (noise, output) = self
            .pattern
            .write(psk, &on_port(own, payload.emit()), random)?;
        let message = Unmacced::response(payload.spi, self.payload.spi, &noise);
        let message = message.map_err(|_| NoiseError::Internal)?;
        let mac1 = Mac1Key::for_receiver(&self.remote_static).mac(message.bytes());
        Ok((message.with_mac1(&mac1).without_cookie(), output))
    }
}

impl fmt::Debug for ReceivedInitiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedInitiation")
            .field("remote_static", &self.0.remote_static)
            .field("spi", &self.0.payload.spi)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
