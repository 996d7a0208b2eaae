//! Handshakes between MACsec ports against the vectors that scripts/vectors.py writes from docs/protocol.md section 18:
//! every frame byte for byte, and the keys of some channels.

use std::collections::VecDeque;
use std::sync::Arc;

use linkveil_crypto::{
    AesKey, AesKeyLen, ChannelContext, DeterministicMlKem768, Direction, Psk, PskPart, Random,
    StaticSecret, Suite,
};
use linkveil_noise::{
    Answer, Established, Identity, Offer, PqPolicy, Refusal, RemotePeer, ResponseOutcome,
    consume_initiation_on_port, create_initiation,
};
use linkveil_wire::{
    An, CipherSuite, HandshakeFlags, Initiation, InnerMtu, LaneCount, MacAddr, PortFrame,
    PortOffer, PortTerms, Protection, Response, Spi, Timestamp,
};
use serde_json::Value;

struct Script(VecDeque<Vec<u8>>);

impl Random for Script {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.pop_front().expect("an unexpected draw"));
    }
}

fn script(draws: &[&Value]) -> Script {
    Script(draws.iter().map(|draw| bytes(draw)).collect())
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn number<T: TryFrom<u64>>(value: &Value) -> T {
    T::try_from(value.as_u64().unwrap()).ok().unwrap()
}

fn offer_of(port: &Value) -> PortOffer {
    let protection = match port["protection"].as_str().unwrap() {
        "confidentiality" => Protection::Confidentiality,
        _ => Protection::Integrity,
    };
    PortOffer {
        an: An::new(number(&port["an"])).unwrap(),
        terms: PortTerms {
            suite: port["suite"].as_str().unwrap().parse().unwrap(),
            protection,
        },
        station: MacAddr::new(array(&port["station"])),
    }
}

struct World<'a> {
    file: &'a Value,
    vector: &'a Value,
    initiator: Identity,
    responder: Identity,
    psk: Psk,
    policy: PqPolicy,
}

fn identity(node: &Value, suite: Suite) -> Identity {
    let secret = StaticSecret::from_bytes(&array(&node["static_secret"]));
    Identity::new(secret, suite, Arc::new(DeterministicMlKem768))
}

impl World<'_> {
    fn initiation(&self) -> (Vec<u8>, linkveil_noise::AwaitingResponse) {
        let node = &self.file["node_initiator"];
        let mut draws = vec![&node["ephemeral_secret"]];
        if self.policy == PqPolicy::Required {
            draws.insert(0, &self.file["kem_seed"]);
        }
        let time = &self.file["timestamp"];
        let offer = Offer {
            timestamp: Timestamp::from_unix(
                number(&time["unix_seconds"]),
                number(&time["nanoseconds"]),
            ),
            spi: Spi::new(number(&node["spi"])).unwrap(),
            lanes: LaneCount::new(number(&node["lanes"])).unwrap(),
            mtu: InnerMtu::new(number(&node["mtu"])).unwrap(),
            flags: HandshakeFlags::from_bits(number(&node["flags"])).unwrap(),
            post_quantum: self.policy.offer(),
            cookie: None,
            port: Some(offer_of(&self.vector["initiator"])),
        };
        let peer = RemotePeer {
            public_key: self.responder.public_key(),
            psk: &self.psk,
        };
        create_initiation(&self.initiator, &peer, offer, &mut script(&draws)).unwrap()
    }

    fn response(&self, message: &[u8], source: MacAddr) -> (Vec<u8>, Option<Established>) {
        let message = Initiation::parse_on_port(message).unwrap();
        let received = consume_initiation_on_port(&self.responder, &message, source).unwrap();
        assert_eq!(received.port(), Some(offer_of(&self.vector["initiator"])));
        let node = &self.file["node_responder"];
        let own = offer_of(&self.vector["responder"]);
        if received.check_terms(own.terms).is_err() {
            assert_eq!(self.vector["status"], 3);
            let spi = number::<u32>(&self.file["refusal_spi"]).to_be_bytes();
            let mut random = Script([spi.to_vec(), bytes(&node["ephemeral_secret"])].into());
            let refusal = (Refusal::TermsDiffer(own.terms), own);
            let response = received.create_refusal_on_port(&self.psk, refusal, &mut random);
            return (response.unwrap(), None);
        }
        let answer = Answer {
            spi: Spi::new(number(&node["spi"])).unwrap(),
            lanes: LaneCount::new(number(&node["lanes"])).unwrap(),
            mtu: InnerMtu::new(number(&node["mtu"])).unwrap(),
            flags: HandshakeFlags::from_bits(number(&node["flags"])).unwrap(),
            policy: self.policy,
            port: Some(own),
        };
        let mut draws = vec![&node["ephemeral_secret"]];
        if self.policy == PqPolicy::Required {
            draws.insert(0, &self.file["kem_message"]);
        }
        let made = received.create_response(&self.psk, answer, &mut script(&draws));
        let (message, established) = made.unwrap();
        (message, Some(established))
    }

    fn check(&self) {
        let (message, attempt) = self.initiation();
        let source = offer_of(&self.vector["initiator"]).station;
        self.check_frame("initiation", source, &message);
        let (message, responder) = self.response(&message, source);
        let source = offer_of(&self.vector["responder"]).station;
        self.check_frame("response", source, &message);
        let response = Response::parse_on_port(&message).unwrap();
        let outcome = attempt.consume_response_on_port(&response, self.policy, source);
        match outcome.unwrap() {
            ResponseOutcome::Established(initiator) => {
                self.check_epoch(&initiator);
                self.check_epoch(&responder.unwrap());
            }
            ResponseOutcome::Refused(refusal) => {
                let theirs = offer_of(&self.vector["responder"]).terms;
                assert_eq!(refusal, Refusal::TermsDiffer(theirs));
                assert!(responder.is_none());
            }
        }
    }

    fn check_frame(&self, name: &str, source: MacAddr, message: &[u8]) {
        let frame = PortFrame { source, message };
        let expected = bytes(&self.vector[name]);
        assert_eq!(frame.emit(), Some(expected.clone()), "{name}");
        assert_eq!(PortFrame::parse(&expected), Ok(frame));
    }

    fn check_epoch(&self, established: &Established) {
        let fingerprint = established.secret.fingerprint().to_string();
        assert_eq!(self.vector["fingerprint"], fingerprint.as_str());
        let keys = self.vector["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 4);
        let suite: CipherSuite = offer_of(&self.vector["initiator"]).terms.suite;
        for key in keys {
            let derived = established.secret.channel_keys(&ChannelContext {
                suite: suite.number(),
                key_len: match suite.key_len() {
                    16 => AesKeyLen::Aes128,
                    _ => AesKeyLen::Aes256,
                },
                post_quantum: established.post_quantum,
                direction: match number(&key["direction"]) {
                    1_u8 => Direction::InitiatorToResponder,
                    _ => Direction::ResponderToInitiator,
                },
                an: number(&key["an"]),
                sci: array(&key["sci"]),
            });
            let expected = AesKey::copy_from(&bytes(&key["sak"])).unwrap();
            assert!(derived.key.is_same_as(&expected));
            assert_eq!(derived.salt.to_vec(), bytes(&key["salt"]));
        }
    }
}

// REQ-MSEC-1, REQ-MSEC-5, REQ-MSEC-6, REQ-MSEC-9, REQ-MSEC-13
#[test]
fn handshakes_between_ports_are_as_another_implementation_has_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/port.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vectors = file["handshakes"].as_array().unwrap();
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let suite: Suite = vector["noise_suite"].as_str().unwrap().parse().unwrap();
        let part = vector["psk_a"].as_str();
        let part = part.map(|text| PskPart::from_base64(text).unwrap());
        let psk = Psk::combine(part.as_ref(), None).unwrap();
        let world = World {
            file: &file,
            vector,
            initiator: identity(&file["node_initiator"], suite),
            responder: identity(&file["node_responder"], suite),
            psk,
            policy: match vector["policy"].as_str().unwrap() {
                "required" => PqPolicy::Required,
                _ => PqPolicy::Off,
            },
        };
        world.check();
    }
}
