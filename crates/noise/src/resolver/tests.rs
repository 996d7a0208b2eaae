use linkveil_crypto::Random as _;
use serde::Deserialize;
use snow::{Builder, HandshakeState};

use super::*;
use crate::fixture::{SeededRandom, low_order_points};

mod wycheproof;

#[derive(Deserialize)]
struct Published {
    vectors: Vec<PublishedVector>,
}

#[derive(Deserialize)]
struct PublishedVector {
    protocol_name: String,
    init_prologue: String,
    init_psks: Vec<String>,
    init_static: String,
    init_ephemeral: String,
    init_remote_static: String,
    resp_prologue: String,
    resp_psks: Vec<String>,
    resp_static: String,
    resp_ephemeral: String,
    handshake_hash: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    payload: String,
    ciphertext: String,
}

/// Gives out one fixed key.
struct Fixed([u8; 32]);

impl CryptoRandom for Fixed {
    fn fill(&mut self, out: &mut [u8]) {
        out.copy_from_slice(&self.0);
    }
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn key(text: &str) -> [u8; 32] {
    unhex(text).try_into().unwrap()
}

fn resolver(ephemeral: &str) -> Box<Resolver> {
    let source = Ephemeral::default();
    source.draw(&mut Fixed(key(ephemeral)));
    Box::new(Resolver::new(source))
}

impl PublishedVector {
    fn build(&self) -> (HandshakeState, HandshakeState) {
        let name = || self.protocol_name.parse().unwrap();
        let initiator = Builder::with_resolver(name(), resolver(&self.init_ephemeral))
            .prologue(&unhex(&self.init_prologue))
            .unwrap()
            .local_private_key(&unhex(&self.init_static))
            .unwrap()
            .remote_public_key(&unhex(&self.init_remote_static))
            .unwrap()
            .psk(2, &key(&self.init_psks[0]))
            .unwrap()
            .build_initiator()
            .unwrap();
        let responder = Builder::with_resolver(name(), resolver(&self.resp_ephemeral))
            .prologue(&unhex(&self.resp_prologue))
            .unwrap()
            .local_private_key(&unhex(&self.resp_static))
            .unwrap()
            .psk(2, &key(&self.resp_psks[0]))
            .unwrap()
            .build_responder()
            .unwrap();
        (initiator, responder)
    }
}

fn published() -> Vec<PublishedVector> {
    let text = include_str!("../../vectors/cacophony-ikpsk2.json");
    serde_json::from_str::<Published>(text).unwrap().vectors
}

// REQ-HS-1
#[test]
fn published_ikpsk2_vectors_come_out_byte_for_byte() {
    let vectors = published();
    assert_eq!(vectors.len(), 2);
    for vector in &vectors {
        let (mut initiator, mut responder) = vector.build();
        let [first, second, ..] = vector.messages.as_slice() else {
            panic!("two handshake messages are the least");
        };
        let (mut message, mut payload) = ([0; 4096], [0; 4096]);

        let len = initiator.write_message(&unhex(&first.payload), &mut message);
        assert_eq!(message[..len.unwrap()], unhex(&first.ciphertext));
        let len = responder.read_message(&unhex(&first.ciphertext), &mut payload);
        assert_eq!(payload[..len.unwrap()], unhex(&first.payload));

        let len = responder.write_message(&unhex(&second.payload), &mut message);
        assert_eq!(message[..len.unwrap()], unhex(&second.ciphertext));
        let len = initiator.read_message(&unhex(&second.ciphertext), &mut payload);
        assert_eq!(payload[..len.unwrap()], unhex(&second.payload));

        assert_eq!(
            initiator.get_handshake_hash(),
            unhex(&vector.handshake_hash)
        );
        assert_eq!(
            responder.get_handshake_hash(),
            unhex(&vector.handshake_hash)
        );
        check_split(&mut initiator, &mut responder, vector);
    }
}

/// The published transport messages, sealed with our cipher under the keys of the raw split.
fn check_split(a: &mut HandshakeState, b: &mut HandshakeState, vector: &PublishedVector) {
    let (k1, k2) = a.dangerously_get_raw_split();
    assert_eq!((k1, k2), b.dangerously_get_raw_split());
    let suite = if vector.protocol_name.contains("AESGCM") {
        Suite::Aes256Gcm
    } else {
        Suite::ChaCha20Poly1305
    };
    let transport = &vector.messages[2..];
    assert_eq!(transport.len(), 4);
    for (index, message) in transport.iter().enumerate() {
        let mut cipher = AeadCipher { suite, key: None };
        cipher.set(if index % 2 == 0 { &k1 } else { &k2 });
        let plaintext = unhex(&message.payload);
        let mut sealed = vec![0; plaintext.len() + TAG_LEN];
        let len = cipher.encrypt(index as u64 / 2, &[], &plaintext, &mut sealed);
        assert_eq!(len, sealed.len());
        assert_eq!(sealed, unhex(&message.ciphertext));
    }
}

// REQ-HS-4
#[test]
fn a_key_of_small_order_is_refused_and_nothing_is_written() {
    let mut dh = X25519::default();
    dh.set(&[9; 32]);
    for point in low_order_points() {
        let mut out = [0x55; 56];
        assert_eq!(dh.dh(&point, &mut out), Err(Error::Dh));
        assert_eq!(out, [0x55; 56]);
    }
}

#[test]
fn a_dh_without_a_key_or_with_short_buffers_fails() {
    let mut dh = X25519::default();
    dh.set(&[9; 31]);
    assert_eq!(dh.dh(&[9; 32], &mut [0; 32]), Err(Error::Dh));
    assert!(dh.privkey().is_empty());
    dh.set(&[9; 32]);
    assert_eq!(dh.dh(&[9; 31], &mut [0; 32]), Err(Error::Dh));
    assert_eq!(dh.dh(&[9; 32], &mut [0; 31]), Err(Error::Dh));
    assert_eq!(dh.dh(&[9; 32], &mut [0; 32]), Ok(()));
}

#[test]
fn the_ephemeral_is_given_out_once_and_not_before_it_is_drawn() {
    let ephemeral = Ephemeral::default();
    let resolver = Resolver::new(ephemeral.clone());
    let mut rng = resolver.resolve_rng().unwrap();
    let mut bytes = [0; 32];
    assert_eq!(rng.try_fill_bytes(&mut bytes), Err(Error::Rng));

    ephemeral.draw(&mut SeededRandom::new(1));
    assert_eq!(rng.try_fill_bytes(&mut [0; 16]), Err(Error::Rng));
    assert_eq!(rng.try_fill_bytes(&mut bytes), Ok(()));
    assert_eq!(rng.try_fill_bytes(&mut [0; 32]), Err(Error::Rng));

    // Drawing again changes nothing.
    ephemeral.draw(&mut SeededRandom::new(2));
    let mut again = [0; 32];
    let mut rng = resolver.resolve_rng().unwrap();
    assert_eq!(rng.try_fill_bytes(&mut again), Ok(()));
    let mut expected = [0; 32];
    SeededRandom::new(1).fill(&mut expected);
    assert_eq!((bytes, again), (expected, expected));
}

#[test]
fn nothing_but_the_two_protocols_resolves() {
    let resolver = Resolver::new(Ephemeral::default());
    assert!(resolver.resolve_dh(&DHChoice::Curve448).is_none());
    for choice in [HashChoice::SHA512, HashChoice::Blake2s, HashChoice::Blake2b] {
        assert!(resolver.resolve_hash(&choice).is_none());
    }
    let names = [
        resolver.resolve_dh(&DHChoice::Curve25519).unwrap().name(),
        resolver.resolve_hash(&HashChoice::SHA256).unwrap().name(),
        resolver
            .resolve_cipher(&CipherChoice::AESGCM)
            .unwrap()
            .name(),
        resolver
            .resolve_cipher(&CipherChoice::ChaChaPoly)
            .unwrap()
            .name(),
    ];
    assert_eq!(names, ["25519", "SHA256", "AESGCM", "ChaChaPoly"]);
}

#[test]
fn counters_are_big_endian_for_aes_and_little_endian_for_chacha() {
    let cipher = |suite| AeadCipher { suite, key: None };
    let aes = cipher(Suite::Aes256Gcm).nonce(0x0102);
    let chacha = cipher(Suite::ChaCha20Poly1305).nonce(0x0102);
    assert_eq!(aes.as_bytes(), &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(chacha.as_bytes(), &[0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_cipher_without_key_or_room_writes_nothing() {
    let mut cipher = AeadCipher {
        suite: Suite::Aes256Gcm,
        key: None,
    };
    let mut out = [0x55; 32];
    assert_eq!(cipher.encrypt(0, &[], &[1; 16], &mut out), 0);
    assert_eq!(
        cipher.decrypt(0, &[], &[1; 32], &mut out),
        Err(Error::Decrypt)
    );
    cipher.set(&[1; 32]);
    assert_eq!(cipher.encrypt(0, &[], &[1; 17], &mut out), 0);
    assert_eq!(
        cipher.decrypt(0, &[], &[1; 15], &mut out),
        Err(Error::Decrypt)
    );
    assert_eq!(
        cipher.decrypt(0, &[], &[1; 49], &mut out),
        Err(Error::Decrypt)
    );
    assert_eq!(out, [0x55; 32]);
}

/// Our overrides against the definitions that snow gives in terms of hash and HMAC.
#[test]
fn hmac_and_hkdf_are_those_of_the_noise_specification() {
    /// Our hash, with snow's own HMAC and HKDF.
    struct Plain(Sha256Hash);
    impl Hash for Plain {
        fn name(&self) -> &'static str {
            self.0.name()
        }
        fn block_len(&self) -> usize {
            self.0.block_len()
        }
        fn hash_len(&self) -> usize {
            self.0.hash_len()
        }
        fn reset(&mut self) {
            self.0.reset();
        }
        fn input(&mut self, data: &[u8]) {
            self.0.input(data);
        }
        fn result(&mut self, out: &mut [u8]) {
            self.0.result(out);
        }
    }
    let (mut ours, mut plain) = (Sha256Hash::default(), Plain(Sha256Hash::default()));
    for ikm in [&[][..], &[1; 32], &[2; 100]] {
        let (mut a, mut b) = ([0; 64], [0; 64]);
        ours.hmac(&[3; 32], ikm, &mut a);
        plain.hmac(&[3; 32], ikm, &mut b);
        assert_eq!(a, b);
        for outputs in 1..=3 {
            let (mut a, mut b) = ([[0; 64]; 3], [[0; 64]; 3]);
            let [a1, a2, a3] = &mut a;
            let [b1, b2, b3] = &mut b;
            ours.hkdf(&[4; 32], ikm, outputs, a1, a2, a3);
            plain.hkdf(&[4; 32], ikm, outputs, b1, b2, b3);
            assert_eq!(a, b);
        }
    }
}
