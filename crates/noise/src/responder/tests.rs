use std::cell::Cell;
use std::sync::Arc;

use linkveil_crypto::{AwsLcMlKem768, DeterministicMlKem768, Kem, Suite};
use linkveil_wire::payload::ENCAPSULATION_KEY_LEN;
use linkveil_wire::{
    An, CipherSuite, Initiation, InitiationPayload, InnerMtu, LaneCount, MacAddr, PayloadError,
    PortOffer, PortTerms, Protection, SourcePorts, Timestamp, handshake,
};
use proptest::prelude::*;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};

use crate::fixture::{
    INITIATOR_SPI, POLICIES, SeededRandom, World, agree, identity, low_order_points, restamp, spi,
};
use crate::pattern::InitiatorPattern;
use crate::prologue::Prologue;
use crate::resolver::{Ephemeral, Resolver};
use crate::{NoiseError, PqPolicy, Refusal, RemotePeer, consume_initiation_on_port, verify_mac1};

/// Where the Noise part of an initiation starts.
const NOISE: usize = 8;

fn payload() -> InitiationPayload {
    InitiationPayload {
        timestamp: Timestamp::from_unix(1, 2),
        spi: spi(INITIATOR_SPI),
        lanes: LaneCount::ONE,
        source_ports: SourcePorts::ONE,
        flags: linkveil_wire::HandshakeFlags::NONE,
        mtu: InnerMtu::MIN,
        encapsulation_key: None,
    }
}

#[test]
fn an_initiation_tells_who_sent_it_and_what_it_says() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, _) = world.initiate(PqPolicy::Required);
    let received = world.receive(&initiation).unwrap();
    let offer = World::offer(PqPolicy::Required);
    assert_eq!(received.remote_static(), world.initiator.public_key());
    assert_eq!(received.payload().timestamp, offer.timestamp);
    assert_eq!(received.payload().spi, offer.spi);
    assert!(received.payload().encapsulation_key.is_some());
}

// REQ-MAC-1
#[test]
fn an_initiation_for_another_node_fails_at_mac1() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, _) = world.initiate(PqPolicy::Off);
    let other = identity(Suite::Aes256Gcm, &mut SeededRandom::new(99));
    let message = Initiation::parse(&initiation).unwrap();
    assert_eq!(verify_mac1(&world.responder, &message), Ok(()));
    assert_eq!(verify_mac1(&other, &message), Err(NoiseError::WrongMac1));
    let consumed = crate::consume_initiation(&other, &message);
    assert_eq!(consumed.unwrap_err(), NoiseError::WrongMac1);
}

// REQ-MAC-1
#[test]
fn no_bit_of_an_initiation_can_change_unnoticed() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, _) = world.initiate(PqPolicy::Off);
    for bit in 4 * 8..(initiation.len() - handshake::MAC_LEN) * 8 {
        let mut changed = initiation.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let refused = world.receive(&changed).unwrap_err();
        assert_eq!(refused, NoiseError::WrongMac1, "bit {bit}");
    }
}

// REQ-HS-5
#[test]
fn with_a_new_mac1_every_changed_bit_fails_in_noise_or_against_the_payload() {
    let mut world = World::new(Suite::ChaCha20Poly1305);
    let (initiation, _) = world.initiate(PqPolicy::Off);
    for bit in 4 * 8..(initiation.len() - 2 * handshake::MAC_LEN) * 8 {
        let mut changed = initiation.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        restamp(&mut changed, &world.responder);
        let expected = if bit / 8 < NOISE {
            NoiseError::SpiMismatch
        } else {
            NoiseError::Unauthentic
        };
        assert_eq!(world.receive(&changed).unwrap_err(), expected, "bit {bit}");
    }
}

// REQ-HS-4
#[test]
fn an_initiation_with_an_ephemeral_key_of_small_order_is_refused() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, _) = world.initiate(PqPolicy::Off);
    for point in low_order_points() {
        let mut hostile = initiation.clone();
        hostile[NOISE..NOISE + 32].copy_from_slice(&point);
        restamp(&mut hostile, &world.responder);
        let refused = world.receive(&hostile).unwrap_err();
        assert_eq!(refused, NoiseError::NonContributory);
    }
}

/// An initiator that claims a static key of small order, whose result with any key is zero.
struct SmallOrderStatic {
    public: [u8; 32],
}

impl Dh for SmallOrderStatic {
    fn name(&self) -> &'static str {
        "25519"
    }
    fn pub_len(&self) -> usize {
        32
    }
    fn priv_len(&self) -> usize {
        32
    }
    fn set(&mut self, _: &[u8]) {}
    fn generate(&mut self, _: &mut dyn Random) -> Result<(), snow::Error> {
        Err(snow::Error::Rng)
    }
    fn pubkey(&self) -> &[u8] {
        &self.public
    }
    fn privkey(&self) -> &[u8] {
        &[]
    }
    fn dh(&self, _: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        out[..32].fill(0);
        Ok(())
    }
}

/// Our resolver, but for the first key, which snow uses as the static one.
struct HostileResolver {
    honest: Resolver,
    public: [u8; 32],
    static_resolved: Cell<bool>,
}

impl CryptoResolver for HostileResolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        self.honest.resolve_rng()
    }
    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        if self.static_resolved.replace(true) {
            return self.honest.resolve_dh(choice);
        }
        Some(Box::new(SmallOrderStatic {
            public: self.public,
        }))
    }
    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        self.honest.resolve_hash(choice)
    }
    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        self.honest.resolve_cipher(choice)
    }
}

// REQ-HS-4
#[test]
fn an_initiation_with_a_sealed_static_key_of_small_order_is_refused() {
    let mut world = World::new(Suite::Aes256Gcm);
    for public in low_order_points() {
        let ephemeral = Ephemeral::default();
        ephemeral.draw(&mut world.random);
        let resolver = HostileResolver {
            honest: Resolver::new(ephemeral),
            public,
            static_resolved: Cell::new(false),
        };
        let name = "Noise_IKpsk2_25519_AESGCM_SHA256";
        let mut state = snow::Builder::with_resolver(name.parse().unwrap(), Box::new(resolver))
            .prologue(b"linkveil1 vpc")
            .and_then(|builder| builder.local_private_key(&[1; 32]))
            .and_then(|builder| {
                builder
                    .remote_public_key(world.responder.public_key().as_bytes())
                    .map(|b| b.build_initiator())
            })
            .unwrap()
            .unwrap();
        let mut noise = vec![0; handshake::INITIATION_NOISE_LEN];
        state.write_message(&payload().emit(), &mut noise).unwrap();

        let message = handshake::Unmacced::initiation(spi(INITIATOR_SPI), &noise).unwrap();
        let mac1 = world.responder.mac1.mac(message.bytes());
        let message = message.with_mac1(&mac1).without_cookie();
        let refused = world.receive(&message).unwrap_err();
        assert_eq!(refused, NoiseError::NonContributory);
    }
}

// REQ-HS-5, REQ-HS-6, REQ-HS-7, REQ-HS-8, REQ-HS-9
#[test]
fn malformed_payloads_of_an_authentic_initiator_are_refused_by_name() {
    // Positions in payload 1: timestamp 12, SPI 4, lanes, source ports, flags, reserved, MTU 2.
    let faults: [(usize, u8, NoiseError); 9] = [
        (
            0,
            0x80,
            NoiseError::Payload(PayloadError::MalformedTimestamp),
        ),
        (
            8,
            0xff,
            NoiseError::Payload(PayloadError::MalformedTimestamp),
        ),
        (15, 0, NoiseError::SpiMismatch),
        (16, 0, NoiseError::Payload(PayloadError::LanesOutOfRange)),
        (17, 0, NoiseError::Payload(PayloadError::ZeroSourcePorts)),
        (18, 0x80, NoiseError::Payload(PayloadError::ReservedBits)),
        (18, 1, NoiseError::Payload(PayloadError::WrongLength)),
        (19, 1, NoiseError::Payload(PayloadError::ReservedBits)),
        (20, 0, NoiseError::Payload(PayloadError::MtuOutOfRange)),
    ];
    let mut world = World::new(Suite::Aes256Gcm);
    for (position, byte, fault) in faults {
        let mut bytes = payload().emit();
        bytes[position] = byte;
        let initiation = world.initiate_with(bytes);
        assert_eq!(world.receive(&initiation).unwrap_err(), fault);
    }
}

// REQ-PQ-6
#[test]
fn a_malformed_kem_key_is_refused_by_both_backends_and_ignored_without_kem() {
    let kems: [Arc<dyn Kem>; 2] = [Arc::new(AwsLcMlKem768), Arc::new(DeterministicMlKem768)];
    for kem in kems {
        let mut world = World::new(Suite::Aes256Gcm);
        world.responder.kem = kem;
        // Coefficients of 4095 are not below q (FIPS 203 s7.2, the modulus check).
        let hostile = InitiationPayload {
            encapsulation_key: Some(Box::new([0xff; ENCAPSULATION_KEY_LEN])),
            ..payload()
        };
        let initiation = world.initiate_with(hostile.emit());
        for policy in [PqPolicy::Required, PqPolicy::Preferred] {
            let refused = world.respond(&initiation, policy).unwrap_err();
            assert_eq!(refused, NoiseError::MalformedKemKey);
        }
        assert!(world.respond(&initiation, PqPolicy::Off).is_ok());
    }
}

// REQ-PQ-2
#[test]
fn only_required_insists_on_a_kem_key() {
    let mut world = World::new(Suite::Aes256Gcm);
    for offered in POLICIES {
        for policy in POLICIES {
            let (initiation, _) = world.initiate(offered);
            let checked = world.receive(&initiation).unwrap().check_policy(policy);
            let answered = world.respond(&initiation, policy).map(|_| ());
            let refused = offered == PqPolicy::Off && policy == PqPolicy::Required;
            let expected = if refused {
                Err(NoiseError::PostQuantumMissing)
            } else {
                Ok(())
            };
            assert_eq!(checked, expected);
            assert_eq!(answered, expected);
        }
    }
}

// REQ-HS-18, REQ-HS-20, REQ-MAC-3
#[test]
fn no_answer_is_longer_than_its_question() {
    let mut world = World::new(Suite::Aes256Gcm);
    for offered in [PqPolicy::Required, PqPolicy::Off] {
        let (initiation, _) = world.initiate(offered);
        let (response, _) = world.respond(&initiation, PqPolicy::Preferred).unwrap();
        assert!(response.len() < initiation.len());
        assert_eq!(response[response.len() - handshake::MAC_LEN..], [0; 16]);
        let refusal = world
            .receive(&initiation)
            .unwrap()
            .create_refusal(&world.psk, Refusal::PostQuantumRequired, &mut world.random)
            .unwrap();
        assert_eq!(refusal.len(), handshake::RESPONSE_LEN);
    }
}

// REQ-CLK-5, REQ-KEY-6: what a replay yields depends on a fresh ephemeral key of ours.
#[test]
fn a_replayed_initiation_yields_another_epoch() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, _) = world.initiate(PqPolicy::Required);
    let (_, first) = world.respond(&initiation, PqPolicy::Required).unwrap();
    let (_, second) = world.respond(&initiation, PqPolicy::Required).unwrap();
    assert!(!agree(&first, &second));
    assert_ne!(first.secret.fingerprint(), second.secret.fingerprint());
}

#[test]
fn debug_shows_the_caller_and_no_secret() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, _) = world.initiate(PqPolicy::Off);
    let received = world.receive(&initiation).unwrap();
    let caller = world.initiator.public_key();
    let spi = spi(INITIATOR_SPI);
    assert_eq!(
        format!("{received:?}"),
        format!("ReceivedInitiation {{ remote_static: {caller:?}, spi: {spi:?}, .. }}")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_noise_bytes_with_a_right_mac1_are_refused(
        noise in proptest::collection::vec(any::<u8>(), handshake::INITIATION_NOISE_LEN),
    ) {
        let world = World::new(Suite::Aes256Gcm);
        let message = handshake::Unmacced::initiation(spi(INITIATOR_SPI), &noise).unwrap();
        let mac1 = world.responder.mac1.mac(message.bytes());
        let message = message.with_mac1(&mac1).without_cookie();
        prop_assert_eq!(world.receive(&message).unwrap_err(), NoiseError::Unauthentic);
    }
}

// REQ-MSEC-8: of one who has a peer's key, and sends from another address than he says.
#[test]
fn an_offer_that_names_another_station_is_refused() {
    let mut world = World::new(Suite::Aes256Gcm);
    let [named, sender] = [1, 2].map(|last| MacAddr::new([2, 0, 0, 0, 0, last]));
    let offer = PortOffer {
        an: An::ALL[0],
        terms: PortTerms {
            suite: CipherSuite::GcmAes128,
            protection: Protection::Integrity,
        },
        station: named,
    };
    let opening = [offer.emit().as_slice(), &payload().emit()].concat();
    let peer = RemotePeer {
        public_key: world.responder.public_key(),
        psk: &world.psk,
    };
    let start = |prologue, random: &mut SeededRandom| {
        let opening = (prologue, opening.clone());
        let started = InitiatorPattern::start(&world.initiator, &peer, opening, random);
        let (_, noise) = started.unwrap();
        let message = handshake::Unmacced::initiation(spi(INITIATOR_SPI), &noise).unwrap();
        let mac1 = world.responder.mac1.mac(message.bytes());
        message.with_mac1(&mac1).without_cookie()
    };
    let consumed = |bytes: &[u8], source| {
        let message = Initiation::parse_on_port(bytes).unwrap();
        let consumed = consume_initiation_on_port(&world.responder, &message, source);
        consumed.map(|received| received.port())
    };
    let true_one = start(Prologue::Port { initiator: named }, &mut world.random);
    assert_eq!(consumed(&true_one, named), Ok(Some(offer)));
    assert_eq!(consumed(&true_one, sender), Err(NoiseError::Unauthentic));
    let lying = start(Prologue::Port { initiator: sender }, &mut world.random);
    assert_eq!(consumed(&lying, sender), Err(NoiseError::StationMismatch));
    assert_eq!(consumed(&lying, named), Err(NoiseError::Unauthentic));
    let of_a_gateway = start(Prologue::Vpc, &mut world.random);
    assert_eq!(consumed(&of_a_gateway, named), Err(NoiseError::Unauthentic));
}
