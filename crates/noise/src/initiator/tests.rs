use std::sync::Arc;

use linkveil_crypto::{AwsLcMlKem768, Kem, PostQuantum, Psk, PublicKey, Suite};
use linkveil_wire::payload::KEM_CIPHERTEXT_LEN;
use linkveil_wire::{
    HandshakeFlags, InnerMtu, LaneCount, PayloadError, ResponsePayload, ResponseStatus,
    SourcePorts, Timestamp, handshake,
};

use crate::fixture::{
    INITIATOR_SPI, POLICIES, RESPONDER_SPI, SeededRandom, World, agree, consume, established,
    identity, low_order_points, restamp, spi,
};
use crate::{
    Identity, KemOffer, NoiseError, Offer, PqPolicy, Refusal, RemotePeer, ResponseOutcome, Role,
    create_initiation,
};

/// Where the Noise part of a response starts.
const NOISE: usize = 12;

fn payload() -> ResponsePayload {
    ResponsePayload {
        status: ResponseStatus::Ok,
        flags: HandshakeFlags::NONE,
        lanes: LaneCount::ONE,
        source_ports: SourcePorts::ONE,
        spi: spi(RESPONDER_SPI),
        mtu: InnerMtu::MIN,
        ciphertext: None,
    }
}

// REQ-HS-1, REQ-PQ-1, REQ-PQ-3, REQ-PQ-5, REQ-PQ-6, REQ-KEY-1, REQ-KEY-2, REQ-KEY-4
#[test]
fn both_sides_agree_on_every_key_under_every_combination_that_makes_an_epoch() {
    for suite in Suite::ALL {
        for ours in POLICIES {
            for theirs in POLICIES {
                let refused = (ours == PqPolicy::Off && theirs == PqPolicy::Required)
                    || (ours == PqPolicy::Required && theirs == PqPolicy::Off);
                if refused {
                    continue;
                }
                let mut world = World::new(suite);
                let (initiation, attempt) = world.initiate(ours);
                let (response, responder) = world.respond(&initiation, theirs).unwrap();
                let initiator = established(consume(attempt, &response, ours).unwrap());

                assert!(agree(&initiator, &responder), "{suite} {ours:?} {theirs:?}");
                let hybrid = ours != PqPolicy::Off && theirs != PqPolicy::Off;
                assert_eq!(initiator.post_quantum == PostQuantum::Hybrid, hybrid);
                assert_eq!(initiator.role, Role::Initiator);
                assert_eq!(responder.role, Role::Responder);
            }
        }
    }
}

#[test]
fn each_side_learns_what_the_other_announced() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, attempt) = world.initiate(PqPolicy::Off);
    let (response, responder) = world.respond(&initiation, PqPolicy::Off).unwrap();
    let initiator = established(consume(attempt, &response, PqPolicy::Off).unwrap());

    let (offer, answer) = (World::offer(PqPolicy::Off), World::answer(PqPolicy::Off));
    assert_eq!(responder.remote.spi, offer.spi);
    assert_eq!(responder.remote.lanes, offer.lanes);
    assert_eq!(responder.remote.mtu, offer.mtu);
    assert_eq!(responder.remote.flags, offer.flags);
    assert_eq!(initiator.remote.spi, answer.spi);
    assert_eq!(initiator.remote.lanes, answer.lanes);
    assert_eq!(initiator.remote.mtu, answer.mtu);
    assert_eq!(initiator.remote.flags, answer.flags);
}

#[test]
fn both_kem_backends_understand_each_other() {
    let kems: [Arc<dyn Kem>; 2] = [
        Arc::new(AwsLcMlKem768),
        Arc::new(linkveil_crypto::DeterministicMlKem768),
    ];
    for ours in &kems {
        for theirs in &kems {
            let mut world = World::new(Suite::Aes256Gcm);
            world.initiator.kem = Arc::clone(ours);
            world.responder.kem = Arc::clone(theirs);
            let (initiation, attempt) = world.initiate(PqPolicy::Required);
            let (response, responder) = world.respond(&initiation, PqPolicy::Required).unwrap();
            let initiator = established(consume(attempt, &response, PqPolicy::Required).unwrap());
            assert!(agree(&initiator, &responder));
        }
    }
}

// REQ-HS-21
#[test]
fn a_thousand_forged_responses_leave_the_attempt_ready_for_the_true_one() {
    for (suite, policy) in [
        (Suite::Aes256Gcm, PqPolicy::Required),
        (Suite::ChaCha20Poly1305, PqPolicy::Off),
    ] {
        let mut world = World::new(suite);
        let (initiation, mut attempt) = world.initiate(policy);
        let (response, responder) = world.respond(&initiation, policy).unwrap();
        for round in 0..1000 {
            let mut forged = response.clone();
            // Noise bytes only, so that every forgery passes mac1 and reaches Noise.
            let position = NOISE + round * 7 % (forged.len() - NOISE - 2 * handshake::MAC_LEN);
            forged[position] ^= 1 << (round % 8);
            restamp(&mut forged, &world.initiator);
            let error;
            (attempt, error) = consume(attempt, &forged, policy).unwrap_err();
            assert_eq!(error, NoiseError::Unauthentic, "round {round}");
        }
        let initiator = established(consume(attempt, &response, policy).unwrap());
        assert!(agree(&initiator, &responder));
    }
}

// REQ-HS-5, REQ-HS-21: whoever sees a response can change its clear SPI and make mac1 anew.
#[test]
fn a_changed_clear_spi_is_refused_and_does_not_spoil_the_attempt() {
    for policy in POLICIES {
        let mut world = World::new(Suite::Aes256Gcm);
        let (initiation, attempt) = world.initiate(policy);
        let (response, responder) = world.respond(&initiation, policy).unwrap();
        let mut changed = response.clone();
        changed[7] ^= 1;
        restamp(&mut changed, &world.initiator);
        let (attempt, error) = consume(attempt, &changed, policy).unwrap_err();
        assert_eq!(error, NoiseError::SpiMismatch);
        let (attempt, error) = consume(attempt, &changed, policy).unwrap_err();
        assert_eq!(error, NoiseError::SpiMismatch);
        let initiator = established(consume(attempt, &response, policy).unwrap());
        assert!(agree(&initiator, &responder));
    }
}

// REQ-MAC-1, REQ-HS-13
#[test]
fn no_bit_of_a_response_can_change_unnoticed() {
    let mut world = World::new(Suite::ChaCha20Poly1305);
    let (initiation, mut attempt) = world.initiate(PqPolicy::Off);
    let (response, _) = world.respond(&initiation, PqPolicy::Off).unwrap();
    for bit in 4 * 8..(response.len() - handshake::MAC_LEN) * 8 {
        let mut changed = response.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let error;
        (attempt, error) = consume(attempt, &changed, PqPolicy::Off).unwrap_err();
        let expected = match bit / 8 {
            8..12 => NoiseError::WrongReceiver,
            _ => NoiseError::WrongMac1,
        };
        assert_eq!(error, expected, "bit {bit}");
    }
    assert!(consume(attempt, &response, PqPolicy::Off).is_ok());
}

// REQ-HS-21, REQ-HS-4
#[test]
fn every_bit_of_the_noise_part_is_authenticated() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, mut attempt) = world.initiate(PqPolicy::Off);
    let (response, responder) = world.respond(&initiation, PqPolicy::Off).unwrap();
    // The top bit of an X25519 key is masked by X25519, but hashed by Noise.
    for bit in NOISE * 8..(response.len() - 2 * handshake::MAC_LEN) * 8 {
        let mut changed = response.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        restamp(&mut changed, &world.initiator);
        let error;
        (attempt, error) = consume(attempt, &changed, PqPolicy::Off).unwrap_err();
        assert_eq!(error, NoiseError::Unauthentic, "bit {bit}");
    }
    let initiator = established(consume(attempt, &response, PqPolicy::Off).unwrap());
    assert!(agree(&initiator, &responder));
}

// REQ-HS-4
#[test]
fn a_response_with_an_ephemeral_key_of_small_order_is_refused() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, mut attempt) = world.initiate(PqPolicy::Required);
    let (response, _) = world.respond(&initiation, PqPolicy::Required).unwrap();
    for point in low_order_points() {
        let mut hostile = response.clone();
        hostile[NOISE..NOISE + 32].copy_from_slice(&point);
        restamp(&mut hostile, &world.initiator);
        let error;
        (attempt, error) = consume(attempt, &hostile, PqPolicy::Required).unwrap_err();
        assert_eq!(error, NoiseError::NonContributory);
    }
    assert!(consume(attempt, &response, PqPolicy::Required).is_ok());
}

// REQ-HS-4
#[test]
fn a_peer_whose_static_key_has_small_order_cannot_be_called() {
    let mut world = World::new(Suite::Aes256Gcm);
    for point in low_order_points() {
        let peer = RemotePeer {
            public_key: PublicKey::new(point),
            psk: &world.psk,
        };
        let offer = World::offer(PqPolicy::Off);
        let called = create_initiation(&world.initiator, &peer, offer, &mut world.random);
        assert_eq!(called.unwrap_err(), NoiseError::NonContributory);
    }
}

// REQ-PSK-3
#[test]
fn a_responder_with_another_psk_is_not_believed() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, attempt) = world.initiate(PqPolicy::Required);
    world.psk = Psk::none();
    let (response, _) = world.respond(&initiation, PqPolicy::Required).unwrap();
    let (_, error) = consume(attempt, &response, PqPolicy::Required).unwrap_err();
    assert_eq!(error, NoiseError::Unauthentic);
}

// REQ-HS-13
#[test]
fn the_response_to_another_attempt_is_not_mistaken() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, _) = world.initiate(PqPolicy::Off);
    let (response, _) = world.respond(&initiation, PqPolicy::Off).unwrap();

    let peer = RemotePeer {
        public_key: world.responder.public_key(),
        psk: &world.psk,
    };
    let offer = Offer {
        spi: spi(INITIATOR_SPI + 1),
        ..World::offer(PqPolicy::Off)
    };
    let (_, other) = create_initiation(&world.initiator, &peer, offer, &mut world.random).unwrap();
    let (_, error) = consume(other, &response, PqPolicy::Off).unwrap_err();
    assert_eq!(error, NoiseError::WrongReceiver);

    // The same SPI, but not the same ephemeral key.
    let (_, third) = world.initiate(PqPolicy::Off);
    let (_, error) = consume(third, &response, PqPolicy::Off).unwrap_err();
    assert_eq!(error, NoiseError::Unauthentic);
}

// REQ-HS-14, REQ-HS-15, REQ-PQ-2, REQ-CLK-3
#[test]
fn refusals_arrive_with_their_reason_and_without_an_epoch() {
    let last = Timestamp::from_unix(1_800_000_000, 1);
    for refusal in [Refusal::Stale { last }, Refusal::PostQuantumRequired] {
        let mut world = World::new(Suite::ChaCha20Poly1305);
        let (initiation, attempt) = world.initiate(PqPolicy::Preferred);
        let received = world.receive(&initiation).unwrap();
        let response = received
            .create_refusal(&world.psk, refusal, &mut world.random)
            .unwrap();
        match consume(attempt, &response, PqPolicy::Preferred).unwrap() {
            ResponseOutcome::Refused(reason) => assert_eq!(reason, refusal),
            ResponseOutcome::Established(_) => panic!("a refusal made an epoch"),
        }
    }
}

// REQ-PQ-4, REQ-PQ-5, REQ-HS-21
#[test]
fn required_refuses_a_classical_answer_and_still_takes_a_hybrid_one() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, attempt) = world.initiate(PqPolicy::Required);
    let (classical, _) = world.respond(&initiation, PqPolicy::Off).unwrap();
    let (attempt, error) = consume(attempt, &classical, PqPolicy::Required).unwrap_err();
    assert_eq!(error, NoiseError::PostQuantumMissing);

    let (hybrid, responder) = world.respond(&initiation, PqPolicy::Required).unwrap();
    let initiator = established(consume(attempt, &hybrid, PqPolicy::Required).unwrap());
    assert!(agree(&initiator, &responder));
    assert_eq!(initiator.post_quantum, PostQuantum::Hybrid);
}

// REQ-HS-19
#[test]
fn a_ciphertext_that_nobody_asked_for_is_refused() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, attempt) = world.initiate(PqPolicy::Off);
    let gift = ResponsePayload {
        ciphertext: Some(Box::new([1; KEM_CIPHERTEXT_LEN])),
        ..payload()
    };
    let response = world.respond_with(&initiation, &gift.emit());
    let (attempt, error) = consume(attempt, &response, PqPolicy::Off).unwrap_err();
    assert_eq!(error, NoiseError::UnsolicitedCiphertext);
    let (response, _) = world.respond(&initiation, PqPolicy::Off).unwrap();
    assert!(consume(attempt, &response, PqPolicy::Off).is_ok());
}

// A ciphertext for another key decapsulates to another secret; nothing but the keys can show it.
#[test]
fn a_ciphertext_for_another_key_makes_different_epochs() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, attempt) = world.initiate(PqPolicy::Required);
    let mut wrong = payload();
    wrong.ciphertext = Some(Box::new([1; KEM_CIPHERTEXT_LEN]));
    let response = world.respond_with(&initiation, &wrong.emit());
    let (_, responder) = world.respond(&initiation, PqPolicy::Required).unwrap();
    let initiator = established(consume(attempt, &response, PqPolicy::Required).unwrap());
    assert!(!agree(&initiator, &responder));
}

// REQ-HS-6, REQ-HS-7, REQ-HS-8, REQ-HS-15, REQ-HS-16, REQ-HS-17, REQ-HS-21
#[test]
fn malformed_payloads_of_the_true_responder_are_refused_and_leave_the_attempt_usable() {
    // Positions in payload 2: status, flags, lanes, source ports, SPI 4, MTU 2, reserved 2, last.
    let faults: [(usize, u8, PayloadError); 8] = [
        (0, 3, PayloadError::UnknownStatus),
        (0, 2, PayloadError::ContradictsStatus),
        (1, 4, PayloadError::ReservedBits),
        (1, 1, PayloadError::WrongLength),
        (2, 65, PayloadError::LanesOutOfRange),
        (3, 0, PayloadError::ZeroSourcePorts),
        (8, 0, PayloadError::MtuOutOfRange),
        (10, 1, PayloadError::ReservedBits),
    ];
    let mut world = World::new(Suite::Aes256Gcm);
    let (initiation, mut attempt) = world.initiate(PqPolicy::Off);
    for (position, byte, fault) in faults {
        let mut bytes = payload().emit();
        bytes[position] = byte;
        if fault == PayloadError::ContradictsStatus {
            // A last timestamp that does not go with the status.
            bytes[12..].copy_from_slice(&Timestamp::from_unix(1, 1).to_bytes());
        }
        let response = world.respond_with(&initiation, &bytes);
        let error;
        (attempt, error) = consume(attempt, &response, PqPolicy::Off).unwrap_err();
        assert_eq!(error, NoiseError::Payload(fault));
    }
    let (response, responder) = world.respond(&initiation, PqPolicy::Off).unwrap();
    let initiator = established(consume(attempt, &response, PqPolicy::Off).unwrap());
    assert!(agree(&initiator, &responder));
}

// REQ-HS-3
#[test]
fn nodes_of_different_suites_do_not_understand_each_other() {
    let mut world = World::new(Suite::Aes256Gcm);
    let secret = linkveil_crypto::StaticSecret::from_bytes(world.responder.secret.expose());
    let kem = Arc::clone(&world.responder.kem);
    world.responder = Identity::new(secret, Suite::ChaCha20Poly1305, kem);
    let (initiation, _) = world.initiate(PqPolicy::Off);
    let received = world.receive(&initiation);
    assert_eq!(received.unwrap_err(), NoiseError::Unauthentic);
}

// REQ-LIVE-3
#[test]
fn two_attempts_share_neither_ephemeral_nor_kem_key() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (first, _) = world.initiate(PqPolicy::Required);
    let (second, _) = world.initiate(PqPolicy::Required);
    assert_ne!(first[8..40], second[8..40]);
    let kem_key = |world: &World, message: &[u8]| {
        let received = world.receive(message).unwrap();
        received.payload().encapsulation_key.clone().unwrap()
    };
    assert_ne!(kem_key(&world, &first), kem_key(&world, &second));
}

#[test]
fn the_offer_decides_whether_a_kem_key_travels() {
    let mut world = World::new(Suite::Aes256Gcm);
    assert_eq!(PqPolicy::Required.offer(), KemOffer::Send);
    assert_eq!(PqPolicy::Preferred.offer(), KemOffer::Send);
    assert_eq!(PqPolicy::Off.offer(), KemOffer::Omit);
    let (with, _) = world.initiate(PqPolicy::Preferred);
    let (without, _) = world.initiate(PqPolicy::Off);
    assert_eq!(with.len(), handshake::INITIATION_LEN_HYBRID);
    assert_eq!(without.len(), handshake::INITIATION_LEN);
}

#[test]
fn debug_shows_no_secret() {
    let mut world = World::new(Suite::Aes256Gcm);
    let (_, attempt) = world.initiate(PqPolicy::Required);
    let remote = world.responder.public_key();
    assert_eq!(
        format!("{attempt:?}"),
        format!(
            "AwaitingResponse {{ spi: {:?}, remote: {remote:?}, .. }}",
            attempt.spi()
        )
    );
    let node = identity(Suite::Aes256Gcm, &mut SeededRandom::new(1));
    let shown = format!("{node:?}");
    assert!(!shown.contains(node.secret.to_base64().as_str()));
}
