use linkveil_crypto::Suite;
use linkveil_wire::Initiation;

use super::*;
use crate::PqPolicy;
use crate::fixture::World;

#[test]
fn an_unfinished_handshake_yields_no_keys() {
    let world = World::new(Suite::Aes256Gcm);
    let peer = RemotePeer {
        public_key: world.responder.public_key(),
        psk: &world.psk,
    };
    let mut random = crate::fixture::SeededRandom::new(3);
    let (mut pattern, _) = InitiatorPattern::start(
        &world.initiator,
        &peer,
        (Prologue::Vpc, vec![0; 22]),
        &mut random,
    )
    .unwrap();
    assert_eq!(finish(&mut pattern.state).err(), Some(NoiseError::Internal));
}

// The recipe must reproduce the very message that was sent, or a restored state awaits the answer
// to another one.
#[test]
fn a_recipe_makes_the_same_message_each_time() {
    let mut world = World::new(Suite::ChaCha20Poly1305);
    let peer = RemotePeer {
        public_key: world.responder.public_key(),
        psk: &world.psk,
    };
    let (pattern, message) = InitiatorPattern::start(
        &world.initiator,
        &peer,
        (Prologue::Vpc, vec![7; 22]),
        &mut world.random,
    )
    .unwrap();
    let (_, again) = pattern.recipe.cook().unwrap();
    assert_eq!(message, again);
}

#[test]
fn messages_of_any_other_length_are_refused() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, _) = world.initiate(PqPolicy::Off);
    let noise = Initiation::parse(&initiation).unwrap().noise();
    for len in 0..noise.len() {
        let refused = ResponderPattern::start(&world.responder, Prologue::Vpc, &noise[..len]).err();
        assert_eq!(refused, Some(NoiseError::Unauthentic), "length {len}");
    }
    let longer = [noise, &[0]].concat();
    let refused = ResponderPattern::start(&world.responder, Prologue::Vpc, &longer).err();
    assert_eq!(refused, Some(NoiseError::Unauthentic));

    let peer = RemotePeer {
        public_key: world.responder.public_key(),
        psk: &world.psk,
    };
    let (mut pattern, _) = InitiatorPattern::start(
        &world.initiator,
        &peer,
        (Prologue::Vpc, vec![0; 22]),
        &mut world.random,
    )
    .unwrap();
    for len in (0..RESPONSE_NOISE_LEN).chain([RESPONSE_NOISE_LEN + 1, 65_536]) {
        let refused = pattern.read(&vec![0x55; len], |_| Ok(())).err();
        assert_eq!(refused, Some(NoiseError::Unauthentic), "length {len}");
    }
}
