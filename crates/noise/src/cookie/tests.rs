use std::collections::VecDeque;
use std::net::SocketAddr;

use linkveil_crypto::{Cookie, Random, Suite};
use linkveil_wire::{CookieReply, Initiation};
use serde::Deserialize;

use super::*;
use crate::fixture::{SeededRandom, World, identity};
use crate::{AwaitingResponse, Offer, PqPolicy, RemotePeer, create_initiation};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A jar, an attempt that it answers, and the attempt's message.
fn scene() -> (World, CookieJar, Vec<u8>, AwaitingResponse) {
    let mut world = World::new(Suite::ChaCha20Poly1305);
    let jar = CookieJar::new(&mut world.random);
    let (initiation, attempt) = world.initiate(PqPolicy::Off);
    (world, jar, initiation, attempt)
}

fn reply(world: &mut World, jar: &CookieJar, initiation: &[u8], source: SocketAddr) -> Vec<u8> {
    let message = Initiation::parse(initiation).unwrap();
    jar.create_reply(&world.responder, &message, source, &mut world.random)
}

fn initiate_with(world: &mut World, cookie: &Cookie) -> Vec<u8> {
    let peer = RemotePeer {
        public_key: world.responder.public_key(),
        psk: &world.psk,
    };
    let offer = Offer {
        cookie: Some(cookie),
        ..World::offer(PqPolicy::Off)
    };
    let made = create_initiation(&world.initiator, &peer, offer, &mut world.random);
    made.unwrap().0
}

fn verify(jar: &CookieJar, initiation: &[u8], source: SocketAddr) -> Result<(), NoiseError> {
    jar.verify_mac2(&Initiation::parse(initiation).unwrap(), source)
}

// REQ-COOKIE-1
#[test]
fn a_cookie_admits_its_address_and_port_and_no_other() {
    let (mut world, jar, initiation, attempt) = scene();
    let source = address("192.0.2.1:51840");
    let bytes = reply(&mut world, &jar, &initiation, source);
    let reply = CookieReply::parse(&bytes).unwrap();
    let cookie = attempt.consume_cookie_reply(&reply).unwrap();

    let second = initiate_with(&mut world, &cookie);
    assert_eq!(verify(&jar, &second, source), Ok(()));
    for other in ["192.0.2.1:51841", "192.0.2.2:51840", "[2001:db8::1]:51840"] {
        let refused = verify(&jar, &second, address(other));
        assert_eq!(refused, Err(NoiseError::WrongMac2), "{other}");
    }
    // The same node, seen by a socket of the other family.
    let mapped = address("[::ffff:192.0.2.1]:51840");
    assert_eq!(verify(&jar, &second, mapped), Ok(()));
    // The message is a good one in every other respect, too.
    assert!(world.receive(&second).is_ok());
}

// REQ-MAC-3
#[test]
fn an_initiation_without_a_cookie_has_no_valid_mac2() {
    let (_, jar, initiation, _) = scene();
    let refused = verify(&jar, &initiation, address("192.0.2.1:51840"));
    assert_eq!(refused, Err(NoiseError::WrongMac2));
}

#[test]
fn a_cookie_lives_through_one_rotation() {
    let (mut world, mut jar, initiation, attempt) = scene();
    let source = address("[2001:db8::7]:4000");
    let bytes = reply(&mut world, &jar, &initiation, source);
    let reply = CookieReply::parse(&bytes).unwrap();
    let cookie = attempt.consume_cookie_reply(&reply).unwrap();
    let second = initiate_with(&mut world, &cookie);

    jar.rotate(&mut world.random);
    assert_eq!(verify(&jar, &second, source), Ok(()));
    jar.rotate(&mut world.random);
    assert_eq!(verify(&jar, &second, source), Err(NoiseError::WrongMac2));
}

// REQ-COOKIE-1
#[test]
fn a_cookie_reply_opens_only_for_the_message_that_it_answers() {
    let (mut world, jar, initiation, attempt) = scene();
    let source = address("192.0.2.1:51840");
    let bytes = reply(&mut world, &jar, &initiation, source);

    let (_, other_attempt) = world.initiate(PqPolicy::Off);
    let good = CookieReply::parse(&bytes).unwrap();
    let refused = other_attempt.consume_cookie_reply(&good).unwrap_err();
    assert_eq!(refused, NoiseError::UnauthenticCookie);
    assert!(attempt.consume_cookie_reply(&good).is_ok());

    // Made by one who does not answer as the responder that was called.
    world.responder = identity(Suite::ChaCha20Poly1305, &mut SeededRandom::new(5));
    let bytes = reply(&mut world, &jar, &initiation, source);
    let foreign = CookieReply::parse(&bytes).unwrap();
    let refused = attempt.consume_cookie_reply(&foreign).unwrap_err();
    assert_eq!(refused, NoiseError::UnauthenticCookie);
}

#[test]
fn no_bit_of_a_cookie_reply_can_change_unnoticed() {
    let (mut world, jar, initiation, attempt) = scene();
    let bytes = reply(&mut world, &jar, &initiation, address("192.0.2.1:1"));
    for bit in 4 * 8..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(changed) = CookieReply::parse(&changed) else {
            continue;
        };
        let expected = match bit / 8 {
            4..8 => NoiseError::WrongReceiver,
            _ => NoiseError::UnauthenticCookie,
        };
        let refused = attempt.consume_cookie_reply(&changed).unwrap_err();
        assert_eq!(refused, expected, "bit {bit}");
    }
}

// REQ-COOKIE-2
#[test]
fn two_replies_to_one_message_have_different_nonces() {
    let (mut world, jar, initiation, _) = scene();
    let first = reply(&mut world, &jar, &initiation, address("192.0.2.1:1"));
    let second = reply(&mut world, &jar, &initiation, address("192.0.2.1:1"));
    assert_ne!(first[8..32], second[8..32]);
}

#[test]
fn debug_of_the_jar_shows_no_secret() {
    let mut jar = CookieJar::new(&mut SeededRandom::new(1));
    jar.rotate(&mut SeededRandom::new(2));
    assert_eq!(
        format!("{jar:?}"),
        "CookieJar { current: KeyBytes(..), previous: Some(KeyBytes(..)) }"
    );
}

#[derive(Deserialize)]
struct Vectors {
    secret: String,
    nonce: String,
    responder_static_secret: String,
    initiation: String,
    replies: Vec<ReplyVector>,
}

#[derive(Deserialize)]
struct ReplyVector {
    source: Source,
    cookie: String,
    reply: String,
}

#[derive(Deserialize)]
struct Source {
    address: IpAddr,
    port: u16,
}

/// Gives out the given strings, in order and whole.
struct Script(VecDeque<Vec<u8>>);

impl Random for Script {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0.pop_front().unwrap());
    }
}

#[test]
fn replies_are_those_of_the_independent_generator() {
    let vectors: Vectors = serde_json::from_str(include_str!("../../vectors/cookie.json")).unwrap();
    let unhex = |text: &str| hex::decode(text).unwrap();
    let secret: [u8; 32] = unhex(&vectors.responder_static_secret).try_into().unwrap();
    let responder = Identity::new(
        linkveil_crypto::StaticSecret::from_bytes(&secret),
        Suite::Aes256Gcm,
        std::sync::Arc::new(linkveil_crypto::DeterministicMlKem768),
    );
    let jar = CookieJar::new(&mut Script([unhex(&vectors.secret)].into()));
    let initiation = unhex(&vectors.initiation);
    let message = Initiation::parse(&initiation).unwrap();
    assert_eq!(vectors.replies.len(), 3);
    for vector in &vectors.replies {
        let source = SocketAddr::new(vector.source.address, vector.source.port);
        let mut nonce = Script([unhex(&vectors.nonce)].into());
        let bytes = jar.create_reply(&responder, &message, source, &mut nonce);
        assert_eq!(hex::encode(&bytes), vector.reply);

        let reply = CookieReply::parse(&bytes).unwrap();
        let cookie = open_cookie_reply(&reply, &responder.public_key(), message.mac1()).unwrap();
        // A cookie does not show itself; its MAC tells which one it is.
        let expected = linkveil_crypto::kdf::hmac_sha256(&unhex(&vector.cookie), b"bytes");
        assert_eq!(cookie.mac2(b"bytes"), expected.expose()[..16]);
    }
}

// REQ-MSEC-11
#[test]
fn a_cookie_of_a_station_is_good_for_that_station() {
    let secret = KeyBytes::new([3; 32]);
    let station = |last| MacAddr::new([2, 0, 0, 0, 0, last]);
    let cookie = cookie_of(&secret, station(1).into());
    let expected = linkveil_crypto::kdf::hmac_sha256(&[3; 32], &[2, 0, 0, 0, 0, 1]);
    let expected = Cookie::from_bytes(*expected.expose().first_chunk().unwrap());
    let mac = expected.mac2(b"message");
    assert_eq!(cookie.verify_mac2(b"message", &mac), Ok(()));
    let other = cookie_of(&secret, station(2).into());
    assert!(other.verify_mac2(b"message", &mac).is_err());
}
