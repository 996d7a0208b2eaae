//! Noise IKpsk2 through snow: building both sides, and the raw split at the end.
//!
//! ```text
//! IKpsk2(s, rs):
//!   <- s
//!   ...
//!   -> e, es, s, ss          message 1
//!   <- e, ee, se, psk        message 2
//! ```

use std::sync::Arc;

use linkveil_crypto::{HandshakeHash, KeyBytes, Psk, PublicKey, Random, StaticSecret, Suite};
use linkveil_wire::handshake::{
    INITIATION_NOISE_LEN_HYBRID, RESPONSE_NOISE_LEN, RESPONSE_NOISE_LEN_HYBRID,
};
use linkveil_wire::port::PORT_OFFER_LEN;
use snow::{Builder, HandshakeState};
use zeroize::{Zeroize, Zeroizing};

use crate::epoch::NoiseOutput;
use crate::error::NoiseError;
use crate::identity::{Identity, RemotePeer};
use crate::prologue::Prologue;
use crate::resolver::{Ephemeral, Resolver};

/// Room for either message 1.
const INITIATION_ROOM: usize = INITIATION_NOISE_LEN_HYBRID + PORT_OFFER_LEN;
/// Room for either message 2, and more than either has.
const RESPONSE_ROOM: usize = RESPONSE_NOISE_LEN_HYBRID + PORT_OFFER_LEN;
/// The pre-shared key is mixed in at the end of message 2.
const PSK_POSITION: u8 = 2;

const fn protocol_name(suite: Suite) -> &'static str {
    match suite {
        Suite::Aes256Gcm => "Noise_IKpsk2_25519_AESGCM_SHA256",
        Suite::ChaCha20Poly1305 => "Noise_IKpsk2_25519_ChaChaPoly_SHA256",
    }
}

fn builder<'a>(
    suite: Suite,
    secret: &'a StaticSecret,
    ephemeral: &Ephemeral,
    prologue: &'a [u8],
) -> Result<Builder<'a>, NoiseError> {
    let resolver = Box::new(Resolver::new(ephemeral.clone()));
    Ok(
        Builder::with_resolver(protocol_name(suite).parse()?, resolver)
            .prologue(prologue)?
            .local_private_key(secret.expose())?,
    )
}

fn write(state: &mut HandshakeState, payload: &[u8], room: usize) -> Result<Vec<u8>, NoiseError> {
    let mut message = vec![0; room];
    let len = state
        .write_message(payload, &mut message)
        .map_err(NoiseError::from)?;
    message.truncate(len);
    Ok(message)
}

fn read(state: &mut HandshakeState, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, NoiseError> {
    let mut payload = Zeroizing::new(vec![0; message.len()]);
    let len = state.read_message(message, &mut payload)?;
    payload.truncate(len);
    Ok(payload)
}

/// The two keys of `Split()`, taken out of snow because its transport mode has no associated data.
fn finish(state: &mut HandshakeState) -> Result<NoiseOutput, NoiseError> {
    if !state.is_handshake_finished() {
        // Keys of a half-done handshake would be known to whoever sent the first message.
        return Err(NoiseError::Internal);
    }
    let hash = state.get_handshake_hash().try_into();
    let hash = HandshakeHash::new(hash.map_err(|_| NoiseError::Internal)?);
    let (mut k1, mut k2) = state.dangerously_get_raw_split();
    let output = NoiseOutput {
        hash,
        k1: KeyBytes::new(k1),
        k2: KeyBytes::new(k2),
    };
    k1.zeroize();
    k2.zeroize();
    Ok(output)
}

/// All that the first message is made from.
struct Recipe {
    prologue: Vec<u8>,
    suite: Suite,
    secret: Arc<StaticSecret>,
    remote: PublicKey,
    psk: KeyBytes,
    ephemeral: Ephemeral,
    payload: Vec<u8>,
}

impl Recipe {
    /// Makes the first message and the state that awaits the second: the same each time.
    fn cook(&self) -> Result<(HandshakeState, Vec<u8>), NoiseError> {
        let mut state = builder(self.suite, &self.secret, &self.ephemeral, &self.prologue)?
            .remote_public_key(self.remote.as_bytes())?
            .psk(PSK_POSITION, self.psk.expose())?
            .build_initiator()?;
        let message = write(&mut state, &self.payload, INITIATION_ROOM)?;
        Ok((state, message))
    }
}

/// The initiator after message 1.
///
/// Snow restores its state when a message fails to authenticate, but not when we refuse the
/// payload of an authentic one. The state is then made anew from its recipe, so that no response
/// at all can spoil the attempt.
pub(crate) struct InitiatorPattern {
    state: HandshakeState,
    recipe: Recipe,
}

impl InitiatorPattern {
    /// Writes message 1.
    pub(crate) fn start(
        identity: &Identity,
        peer: &RemotePeer<'_>,
        (prologue, payload): (Prologue, Vec<u8>),
        random: &mut dyn Random,
    ) -> Result<(Self, Vec<u8>), NoiseError> {
        let ephemeral = Ephemeral::default();
        ephemeral.draw(random);
        let recipe = Recipe {
            prologue: prologue.bytes(),
            suite: identity.suite(),
            secret: Arc::clone(&identity.secret),
            remote: peer.public_key,
            psk: KeyBytes::new(*peer.psk.expose()),
            ephemeral,
            payload,
        };
        let (state, message) = recipe.cook()?;
        Ok((Self { state, recipe }, message))
    }

    /// Reads message 2 and lets `accept` judge its payload. On any error the state is as before.
    pub(crate) fn read<T>(
        &mut self,
        message: &[u8],
        accept: impl FnOnce(&[u8]) -> Result<T, NoiseError>,
    ) -> Result<(T, NoiseOutput), NoiseError> {
        let lens = [RESPONSE_NOISE_LEN, RESPONSE_NOISE_LEN_HYBRID];
        let fits = |len| message.len() == len || message.len() == len + PORT_OFFER_LEN;
        if !lens.into_iter().any(fits) {
            return Err(NoiseError::Unauthentic);
        }
        let payload = read(&mut self.state, message)?;
        match accept(&payload) {
            Ok(accepted) => Ok((accepted, finish(&mut self.state)?)),
            Err(refused) => {
                (self.state, _) = self.recipe.cook()?;
                Err(refused)
            }
        }
    }
}

/// The responder between the messages.
pub(crate) struct ResponderPattern {
    state: HandshakeState,
    ephemeral: Ephemeral,
}

impl ResponderPattern {
    /// Reads message 1. Yields the initiator's static key and the payload.
    pub(crate) fn start(
        identity: &Identity,
        prologue: Prologue,
        message: &[u8],
    ) -> Result<(Self, PublicKey, Zeroizing<Vec<u8>>), NoiseError> {
        let ephemeral = Ephemeral::default();
        let prologue = prologue.bytes();
        let builder = builder(identity.suite(), &identity.secret, &ephemeral, &prologue)?;
        let mut state = builder.build_responder()?;
        let payload = read(&mut state, message)?;
        let remote = state.get_remote_static().and_then(<[u8]>::first_chunk);
        let remote = PublicKey::new(*remote.ok_or(NoiseError::Internal)?);
        Ok((Self { state, ephemeral }, remote, payload))
    }

    /// Writes message 2.
    pub(crate) fn write(
        mut self,
        psk: &Psk,
        payload: &[u8],
        random: &mut dyn Random,
    ) -> Result<(Vec<u8>, NoiseOutput), NoiseError> {
        self.ephemeral.draw(random);
        self.state.set_psk(PSK_POSITION.into(), psk.expose())?;
        let message = write(&mut self.state, payload, RESPONSE_ROOM)?;
        Ok((message, finish(&mut self.state)?))
    }
}

#[cfg(test)]
mod tests;
