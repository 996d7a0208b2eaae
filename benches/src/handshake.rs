//! Two nodes that know each other, with the KEM and the randomness of real use.

use linkveil_crypto::{AwsLcMlKem768, Psk, PskPart, StaticSecret, Suite, SystemRandom};
use linkveil_noise::{
    Answer, AwaitingResponse, Established, Identity, Offer, PqPolicy, RemotePeer, ResponseOutcome,
    consume_initiation, create_initiation,
};
use linkveil_wire::{
    HandshakeFlags, Initiation, InnerMtu, LaneCount, Response, Spi, Timestamp, handshake,
};
use std::sync::Arc;

/// Fits the common underlay MTU of 1,500 over IPv4.
const MTU: InnerMtu = match InnerMtu::new(1424) {
    Some(mtu) => mtu,
    None => unreachable!(),
};

/// An initiator and a responder with a common pre-shared key, both of one policy on ML-KEM.
#[derive(Debug)]
pub struct Nodes {
    initiator: Identity,
    responder: Identity,
    psk: Psk,
    policy: PqPolicy,
}

fn identity(suite: Suite) -> Identity {
    let secret = StaticSecret::generate(&mut SystemRandom);
    Identity::new(secret, suite, Arc::new(AwsLcMlKem768))
}

fn spi(value: u32) -> Spi {
    Spi::new(value).expect("not zero")
}

impl Nodes {
    /// Draws all keys.
    ///
    /// # Panics
    /// Never: one part cannot equal the other.
    #[must_use]
    pub fn new(suite: Suite, policy: PqPolicy) -> Self {
        let part = PskPart::generate(&mut SystemRandom);
        Self {
            initiator: identity(suite),
            responder: identity(suite),
            psk: Psk::combine(Some(&part), None).expect("one part"),
            policy,
        }
    }

    /// Makes a first message.
    ///
    /// # Panics
    /// When the cryptographic library fails.
    #[must_use]
    pub fn initiate(&self) -> (Vec<u8>, AwaitingResponse) {
        let peer = RemotePeer {
            public_key: self.responder.public_key(),
            psk: &self.psk,
        };
        let offer = Offer {
            timestamp: Timestamp::from_unix(1_700_000_000, 0),
            spi: spi(0x1111_1111),
            lanes: LaneCount::ONE,
            mtu: MTU,
            flags: HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM,
            post_quantum: self.policy.offer(),
            cookie: None,
            port: None,
        };
        create_initiation(&self.initiator, &peer, offer, &mut SystemRandom).expect("initiation")
    }

    /// Reads a first message and makes the second: all that a responder does for an epoch.
    ///
    /// # Panics
    /// When the message is not one of [`Self::initiate`].
    #[must_use]
    pub fn respond(&self, initiation: &[u8]) -> (Vec<u8>, Established) {
        let message = Initiation::parse(initiation).expect("well-formed initiation");
        let received = consume_initiation(&self.responder, &message).expect("authentic initiation");
        let answer = Answer {
            spi: spi(0x2222_2222),
            lanes: LaneCount::ONE,
            mtu: MTU,
            flags: HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM,
            policy: self.policy,
            port: None,
        };
        received
            .create_response(&self.psk, answer, &mut SystemRandom)
            .expect("response")
    }

    /// Reads the second message.
    ///
    /// # Panics
    /// When the message is not the answer of [`Self::respond`] to this attempt.
    #[must_use]
    pub fn finish(&self, attempt: AwaitingResponse, response: &[u8]) -> Established {
        let message = Response::parse(response).expect("well-formed response");
        match attempt.consume_response(&message, self.policy) {
            Ok(ResponseOutcome::Established(established)) => established,
            Ok(ResponseOutcome::Refused(refusal)) => panic!("refused: {refusal:?}"),
            Err((_, error)) => panic!("{error}"),
        }
    }

    /// A message with a damaged mac1: what most of a flood looks like.
    #[must_use]
    pub fn forged_initiation(&self) -> Vec<u8> {
        let (mut message, _) = self.initiate();
        let mac1 = message.len() - 2 * handshake::MAC_LEN;
        message[mac1] ^= 1;
        message
    }

    /// Whether the responder takes a message for one of a sender that knows its key.
    #[must_use]
    pub fn passes_mac1(&self, initiation: &[u8]) -> bool {
        Initiation::parse(initiation)
            .is_ok_and(|message| linkveil_noise::verify_mac1(&self.responder, &message).is_ok())
    }
}
