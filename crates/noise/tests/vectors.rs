//! The handshake against the vectors that scripts/vectors.py, an implementation of its own, writes
//! from docs/protocol.md: every message byte for byte, and every key.

use std::collections::VecDeque;
use std::sync::Arc;

use linkveil_crypto::{
    Cookie, DeterministicMlKem768, Direction, EpochSecret, HandshakeHash, KeyBytes, LaneContext,
    PostQuantum, Psk, PskPart, PublicKey, Purpose, Random, SharedSecret, StaticSecret, Suite,
};
use linkveil_noise::{
    Answer, Established, Identity, Offer, PqPolicy, Refusal, RemotePeer, ResponseOutcome,
    consume_initiation, create_initiation,
};
use linkveil_wire::{
    HandshakeFlags, Initiation, InnerMtu, LaneCount, Response, ResponsePayload, ResponseStatus,
    Spi, Timestamp,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    initiator: Node,
    responder: Node,
    timestamp: Time,
    kem_seed: String,
    kem_message: String,
    refusal_spi: u32,
    handshakes: Vec<Handshake>,
}

#[derive(Deserialize)]
struct Node {
    static_secret: String,
    static_public_base64: String,
    ephemeral_secret: String,
    spi: u32,
    lanes: u8,
    mtu: u16,
    flags: u8,
}

#[derive(Deserialize)]
struct Time {
    unix_seconds: u64,
    nanoseconds: u32,
}

#[derive(Deserialize)]
struct Handshake {
    name: String,
    suite: String,
    initiator_policy: String,
    responder_policy: String,
    psk_a: Option<String>,
    psk_b: Option<String>,
    psk: String,
    cookie: Option<String>,
    status: u8,
    payload_1: String,
    initiation: String,
    payload_2: String,
    response: String,
    epoch: Option<Epoch>,
}

#[derive(Deserialize)]
struct Epoch {
    hybrid: bool,
    handshake_hash: String,
    k1: String,
    k2: String,
    shared_secret: String,
    fingerprint: String,
    lane_keys: Vec<LaneKey>,
}

#[derive(Deserialize)]
struct LaneKey {
    direction: String,
    lane: u16,
    key: String,
    iv: String,
}

/// Gives out the given strings, in order and each in one piece.
struct Script(VecDeque<Vec<u8>>);

impl Script {
    fn new(draws: &[&str]) -> Self {
        Self(draws.iter().map(|draw| unhex(draw)).collect())
    }

    fn finish(self) {
        assert!(self.0.is_empty(), "randomness that nobody drew");
    }
}

impl Random for Script {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.pop_front().expect("an unexpected draw"));
    }
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text).try_into().unwrap()
}

fn policy(name: &str) -> PqPolicy {
    match name {
        "required" => PqPolicy::Required,
        "preferred" => PqPolicy::Preferred,
        "off" => PqPolicy::Off,
        _ => panic!("policy {name}"),
    }
}

impl Node {
    fn identity(&self, suite: Suite) -> Identity {
        let secret = StaticSecret::from_bytes(&array(&self.static_secret));
        let identity = Identity::new(secret, suite, Arc::new(DeterministicMlKem768));
        let public: PublicKey = self.static_public_base64.parse().unwrap();
        assert_eq!(identity.public_key(), public);
        identity
    }

    fn spi(&self) -> Spi {
        Spi::new(self.spi).unwrap()
    }

    fn lanes(&self) -> LaneCount {
        LaneCount::new(self.lanes).unwrap()
    }

    fn mtu(&self) -> InnerMtu {
        InnerMtu::new(self.mtu).unwrap()
    }

    fn flags(&self) -> HandshakeFlags {
        HandshakeFlags::from_bits(self.flags).unwrap()
    }
}

impl Handshake {
    fn suite(&self) -> Suite {
        self.suite.parse().unwrap()
    }

    fn psk(&self) -> Psk {
        let part = |text: &Option<String>| {
            text.as_ref()
                .map(|text| PskPart::from_base64(text).unwrap())
        };
        let (a, b) = (part(&self.psk_a), part(&self.psk_b));
        let psk = Psk::combine(a.as_ref(), b.as_ref()).unwrap();
        assert_eq!(hex::encode(psk.expose()), self.psk, "{}", self.name);
        psk
    }

    fn offers_kem(&self) -> bool {
        self.initiator_policy != "off"
    }
}

/// Both sides of one vector.
struct Run<'a> {
    file: &'a File,
    vector: &'a Handshake,
    initiator: Identity,
    responder: Identity,
    psk: Psk,
}

impl Run<'_> {
    fn check(&self) {
        let name = &self.vector.name;
        let (initiation, attempt) = self.initiate();
        assert_eq!(hex::encode(&initiation), self.vector.initiation, "{name}");
        let (response, responder) = self.respond(&initiation);
        assert_eq!(hex::encode(&response), self.vector.response, "{name}");

        let response = Response::parse(&response).unwrap();
        let policy = policy(&self.vector.initiator_policy);
        match attempt.consume_response(&response, policy).unwrap() {
            ResponseOutcome::Established(initiator) => {
                let epoch = self.vector.epoch.as_ref().unwrap();
                epoch.check(&initiator);
                epoch.check(&responder.unwrap());
            }
            ResponseOutcome::Refused(refusal) => assert_eq!(refusal, self.refusal().unwrap()),
        }
    }

    fn initiate(&self) -> (Vec<u8>, linkveil_noise::AwaitingResponse) {
        let node = &self.file.initiator;
        let mut draws = vec![node.ephemeral_secret.as_str()];
        if self.vector.offers_kem() {
            draws.insert(0, &self.file.kem_seed);
        }
        let cookie = self.vector.cookie.as_deref();
        let cookie = cookie.map(|bytes| Cookie::from_bytes(array(bytes)));
        let peer = RemotePeer {
            public_key: self.responder.public_key(),
            psk: &self.psk,
        };
        let time = &self.file.timestamp;
        let offer = Offer {
            timestamp: Timestamp::from_unix(time.unix_seconds, time.nanoseconds),
            spi: node.spi(),
            lanes: node.lanes(),
            mtu: node.mtu(),
            flags: node.flags(),
            post_quantum: policy(&self.vector.initiator_policy).offer(),
            cookie: cookie.as_ref(),
            port: None,
        };
        let mut random = Script::new(&draws);
        let made = create_initiation(&self.initiator, &peer, offer, &mut random).unwrap();
        random.finish();
        made
    }

    fn respond(&self, initiation: &[u8]) -> (Vec<u8>, Option<Established>) {
        let message = Initiation::parse(initiation).unwrap();
        let received = consume_initiation(&self.responder, &message).unwrap();
        assert_eq!(received.remote_static(), self.initiator.public_key());
        assert_eq!(
            hex::encode(received.payload().emit()),
            self.vector.payload_1
        );
        let node = &self.file.responder;
        let ephemeral = node.ephemeral_secret.as_str();
        if let Some(refusal) = self.refusal() {
            let spi = hex::encode(self.file.refusal_spi.to_be_bytes());
            let mut random = Script::new(&[&spi, ephemeral]);
            let response = received.create_refusal(&self.psk, refusal, &mut random);
            random.finish();
            return (response.unwrap(), None);
        }
        let answer = Answer {
            spi: node.spi(),
            lanes: node.lanes(),
            mtu: node.mtu(),
            flags: node.flags(),
            policy: policy(&self.vector.responder_policy),
            port: None,
        };
        let mut draws = vec![ephemeral];
        if self.vector.epoch.as_ref().unwrap().hybrid {
            draws.insert(0, &self.file.kem_message);
        }
        let mut random = Script::new(&draws);
        let (response, epoch) = received
            .create_response(&self.psk, answer, &mut random)
            .unwrap();
        random.finish();
        (response, Some(epoch))
    }

    /// What the vector's payload 2 refuses for, if it does.
    fn refusal(&self) -> Option<Refusal> {
        let payload = ResponsePayload::parse(&unhex(&self.vector.payload_2)).unwrap();
        assert_eq!(
            payload.status == ResponseStatus::Ok,
            self.vector.status == 0
        );
        match payload.status {
            ResponseStatus::Ok => None,
            ResponseStatus::Stale { last } => Some(Refusal::Stale { last }),
            ResponseStatus::PostQuantumRequired => Some(Refusal::PostQuantumRequired),
            ResponseStatus::TermsDiffer => panic!("gateways have no terms"),
        }
    }
}

impl Epoch {
    fn check(&self, established: &Established) {
        let shared: Vec<u8> = unhex(&self.shared_secret);
        let shared = <[u8; 32]>::try_from(shared).ok();
        assert_eq!(shared.is_some(), self.hybrid);
        let secret = EpochSecret::derive(
            &HandshakeHash::new(array(&self.handshake_hash)),
            &KeyBytes::new(array(&self.k1)),
            &KeyBytes::new(array(&self.k2)),
            shared.map(|bytes| SharedSecret::copy_from(&bytes)).as_ref(),
        );
        assert_eq!(secret.fingerprint().to_string(), self.fingerprint);
        assert_eq!(established.secret.fingerprint(), secret.fingerprint());
        let hybrid = established.post_quantum == PostQuantum::Hybrid;
        assert_eq!(hybrid, self.hybrid);
        assert_eq!(self.lane_keys.len(), 7);
        for lane in &self.lane_keys {
            let keys = established.secret.lane_keys(&LaneContext {
                purpose: Purpose::VpcData,
                suite: established.suite,
                post_quantum: established.post_quantum,
                direction: match lane.direction.as_str() {
                    "initiator_to_responder" => Direction::InitiatorToResponder,
                    "responder_to_initiator" => Direction::ResponderToInitiator,
                    other => panic!("direction {other}"),
                },
                lane: lane.lane,
            });
            assert_eq!(hex::encode(keys.key.expose()), lane.key);
            assert_eq!(hex::encode(keys.iv.expose()), lane.iv);
        }
    }
}

fn check_file(text: &str, suite: Suite) {
    let file: File = serde_json::from_str(text).unwrap();
    assert_eq!(file.handshakes.len(), 13);
    for vector in &file.handshakes {
        assert_eq!(vector.suite(), suite);
        let run = Run {
            file: &file,
            vector,
            initiator: file.initiator.identity(suite),
            responder: file.responder.identity(suite),
            psk: vector.psk(),
        };
        run.check();
    }
}

// REQ-HS-1, REQ-HS-2, REQ-MAC-1, REQ-PSK-1, REQ-KEY-1, REQ-KEY-2, REQ-KEY-4
#[test]
fn aes_256_gcm_handshakes_match_the_independent_implementation() {
    check_file(
        include_str!("../vectors/handshake-aes-256-gcm.json"),
        Suite::Aes256Gcm,
    );
}

// REQ-HS-1, REQ-HS-2, REQ-MAC-1, REQ-PSK-1, REQ-KEY-1, REQ-KEY-2, REQ-KEY-4
#[test]
fn chacha20_poly1305_handshakes_match_the_independent_implementation() {
    check_file(
        include_str!("../vectors/handshake-chacha20-poly1305.json"),
        Suite::ChaCha20Poly1305,
    );
}
