//! Two nodes for the tests of this crate, with all randomness from a seed.

use std::sync::Arc;

use linkveil_crypto::kdf::sha256;
use linkveil_crypto::{
    DeterministicMlKem768, EpochSecret, LaneContext, Mac1Key, Psk, PskPart, Purpose, Random,
    StaticSecret, Suite,
};
use linkveil_wire::{
    HandshakeFlags, Initiation, InnerMtu, LaneCount, Response, Spi, Timestamp, handshake,
};

use crate::pattern::{InitiatorPattern, ResponderPattern};
use crate::prologue::Prologue;
use crate::{
    Answer, AwaitingResponse, Established, Identity, NoiseError, Offer, PqPolicy,
    ReceivedInitiation, RemotePeer, ResponseOutcome, consume_initiation, create_initiation,
};

pub(crate) const POLICIES: [PqPolicy; 3] = [PqPolicy::Required, PqPolicy::Preferred, PqPolicy::Off];

/// SHA-256 of a counter behind a seed.
pub(crate) struct SeededRandom {
    seed: u64,
    block: u64,
}

impl SeededRandom {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, block: 0 }
    }
}

impl Random for SeededRandom {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let input = [self.seed.to_be_bytes(), self.block.to_be_bytes()].concat();
            chunk.copy_from_slice(&sha256(&input)[..chunk.len()]);
            self.block += 1;
        }
    }
}

/// An initiator, a responder, and what they agreed upon beforehand.
pub(crate) struct World {
    pub(crate) initiator: Identity,
    pub(crate) responder: Identity,
    pub(crate) psk: Psk,
    pub(crate) random: SeededRandom,
}

pub(crate) fn identity(suite: Suite, random: &mut SeededRandom) -> Identity {
    Identity::new(
        StaticSecret::generate(random),
        suite,
        Arc::new(DeterministicMlKem768),
    )
}

pub(crate) fn spi(value: u32) -> Spi {
    Spi::new(value).unwrap()
}

pub(crate) const INITIATOR_SPI: u32 = 0x1111_1111;
pub(crate) const RESPONDER_SPI: u32 = 0x2222_2222;

impl World {
    pub(crate) fn new(suite: Suite) -> Self {
        let mut random = SeededRandom::new(7);
        let part = PskPart::generate(&mut random);
        Self {
            initiator: identity(suite, &mut random),
            responder: identity(suite, &mut random),
            psk: Psk::combine(Some(&part), None).unwrap(),
            random,
        }
    }

    pub(crate) fn offer(policy: PqPolicy) -> Offer<'static> {
        Offer {
            timestamp: Timestamp::from_unix(1_700_000_000, 5),
            spi: spi(INITIATOR_SPI),
            lanes: LaneCount::new(4).unwrap(),
            mtu: InnerMtu::new(1424).unwrap(),
            flags: HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM,
            post_quantum: policy.offer(),
            cookie: None,
            port: None,
        }
    }

    pub(crate) fn answer(policy: PqPolicy) -> Answer {
        Answer {
            spi: spi(RESPONDER_SPI),
            lanes: LaneCount::new(9).unwrap(),
            mtu: InnerMtu::new(1404).unwrap(),
            flags: HandshakeFlags::NONE,
            policy,
            port: None,
        }
    }

    pub(crate) fn initiate(&mut self, policy: PqPolicy) -> (Vec<u8>, AwaitingResponse) {
        let peer = RemotePeer {
            public_key: self.responder.public_key(),
            psk: &self.psk,
        };
        create_initiation(
            &self.initiator,
            &peer,
            Self::offer(policy),
            &mut self.random,
        )
        .unwrap()
    }

    pub(crate) fn receive(&self, initiation: &[u8]) -> Result<ReceivedInitiation, NoiseError> {
        consume_initiation(&self.responder, &Initiation::parse(initiation).unwrap())
    }

    pub(crate) fn respond(
        &mut self,
        initiation: &[u8],
        policy: PqPolicy,
    ) -> Result<(Vec<u8>, Established), NoiseError> {
        self.receive(initiation)?
            .create_response(&self.psk, Self::answer(policy), &mut self.random)
    }
}

/// Hands a response to an attempt.
pub(crate) fn consume(
    attempt: AwaitingResponse,
    response: &[u8],
    policy: PqPolicy,
) -> Result<ResponseOutcome, (AwaitingResponse, NoiseError)> {
    attempt.consume_response(&Response::parse(response).unwrap(), policy)
}

/// The epoch of an outcome that must be one.
pub(crate) fn established(outcome: ResponseOutcome) -> Established {
    match outcome {
        ResponseOutcome::Established(established) => established,
        ResponseOutcome::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

/// Makes mac1 right again after a test has changed a message of either kind.
pub(crate) fn restamp(message: &mut [u8], receiver: &Identity) {
    let mac1 = message.len() - 2 * handshake::MAC_LEN;
    let stamped = receiver.mac1.mac(&message[..mac1]);
    message[mac1..mac1 + handshake::MAC_LEN].copy_from_slice(&stamped);
}

/// Whether two epochs have the same keys in both directions.
pub(crate) fn agree(a: &Established, b: &Established) -> bool {
    let keys = |secret: &EpochSecret, direction| {
        let keys = secret.lane_keys(&LaneContext {
            purpose: Purpose::VpcData,
            suite: a.suite,
            post_quantum: a.post_quantum,
            direction,
            lane: 3,
        });
        (*keys.key.expose(), *keys.iv.expose())
    };
    let (sends, receives) = (a.role.sends(), a.role.receives());
    a.post_quantum == b.post_quantum
        && a.suite == b.suite
        && a.secret.fingerprint() == b.secret.fingerprint()
        && (b.role.receives(), b.role.sends()) == (sends, receives)
        && keys(&a.secret, sends) == keys(&b.secret, b.role.receives())
        && keys(&a.secret, receives) == keys(&b.secret, b.role.sends())
        && keys(&a.secret, sends) != keys(&a.secret, receives)
}

/// The encodings that yield zero with every secret: RFC 7748 s6.1's zero, and the other points of
/// small order with their non-canonical encodings.
pub(crate) const LOW_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

pub(crate) fn low_order_points() -> impl Iterator<Item = [u8; 32]> {
    LOW_ORDER
        .iter()
        .map(|point| hex::decode(point).unwrap().try_into().unwrap())
}

impl World {
    /// A response with any payload, made by the true responder or someone who has its keys.
    pub(crate) fn respond_with(&mut self, initiation: &[u8], payload: &[u8]) -> Vec<u8> {
        let initiation = Initiation::parse(initiation).unwrap();
        let (pattern, remote, _) =
            ResponderPattern::start(&self.responder, Prologue::Vpc, initiation.noise()).unwrap();
        let (noise, _) = pattern.write(&self.psk, payload, &mut self.random).unwrap();
        let spis = (spi(RESPONDER_SPI), initiation.sender());
        let message = handshake::Unmacced::response(spis.0, spis.1, &noise).unwrap();
        let mac1 = Mac1Key::for_receiver(&remote).mac(message.bytes());
        message.with_mac1(&mac1).without_cookie()
    }

    /// An initiation with any payload, made by the true initiator.
    pub(crate) fn initiate_with(&mut self, payload: Vec<u8>) -> Vec<u8> {
        let peer = RemotePeer {
            public_key: self.responder.public_key(),
            psk: &self.psk,
        };
        let (_, noise) = InitiatorPattern::start(
            &self.initiator,
            &peer,
            (Prologue::Vpc, payload),
            &mut self.random,
        )
        .unwrap();
        let message = handshake::Unmacced::initiation(spi(INITIATOR_SPI), &noise).unwrap();
        let mac1 = self.responder.mac1.mac(message.bytes());
        message.with_mac1(&mac1).without_cookie()
    }
}
