use super::*;
use crate::testing::{SUITES, Setup, open, seal, start};
use std::time::Duration;

const PLAINTEXT: [u8; 48] = *b"a Geneve frame with an inner packet and padding.";

// REQ-HDR-8, REQ-DATA-3, REQ-LANE-1
#[test]
fn packet_numbers_count_up_from_one_on_each_lane() {
    let (mut lanes, _) = Setup::new(Suite::Aes256Gcm).lanes(3, 1).build();
    for (index, tx) in lanes.iter_mut().enumerate() {
        for number in 1..=5_u64 {
            let packet = seal(tx, &PLAINTEXT);
            let header = DataHeader {
                lane: Lane::new(u8::try_from(index).unwrap()).unwrap(),
                spi: tx.spi(),
                packet_number: PacketNumber::new(number),
            };
            assert_eq!(packet[..16], header.emit());
            assert_eq!(tx.packets(), number);
        }
    }
}

// REQ-KEY-3
#[test]
fn no_two_lanes_and_no_two_numbers_give_the_same_ciphertext() {
    for suite in SUITES {
        let (mut lanes, _) = Setup::new(suite).lanes(64, 1).build();
        let mut seen = std::collections::HashSet::new();
        for tx in &mut lanes {
            for _ in 0..3 {
                let packet = seal(tx, &PLAINTEXT);
                assert_ne!(packet[16..64], PLAINTEXT);
                assert!(seen.insert(packet[16..].to_vec()));
            }
        }
    }
}

#[test]
fn a_buffer_without_room_for_header_and_tag_is_left_alone() {
    let (mut tx, _) = Setup::new(Suite::Aes256Gcm).build_one();
    for len in 0..SEAL_OVERHEAD {
        let mut packet = vec![0xa5; len];
        assert_eq!(tx.seal_in_place(&mut packet), Err(SealError::TooShort));
        assert_eq!(packet, vec![0xa5; len]);
    }
    assert_eq!(tx.packets(), 0, "no number was used up");
    let mut packet = vec![0; SEAL_OVERHEAD];
    assert_eq!(tx.seal_in_place(&mut packet), Ok(PacketNumber::FIRST));
}

// REQ-LIM-1
// FIELD-BUG: counter without a reject limit (nonce wrap)
#[test]
fn the_hard_limit_refuses_and_leaves_the_packet_alone() {
    let limits = Limits {
        packets: 3,
        ..Limits::TINY
    };
    let (mut tx, mut rx) = Setup::new(Suite::Aes256Gcm).limits(limits).build_one();
    for _ in 0..3 {
        assert!(open(&mut rx, &seal(&mut tx, &PLAINTEXT)).is_ok());
    }
    let mut packet = vec![0x5a; 80];
    assert_eq!(tx.seal_in_place(&mut packet), Err(SealError::Exhausted));
    assert_eq!(packet, vec![0x5a; 80]);
    assert_eq!(tx.usage().share, 1.0);
}

// REQ-LIM-1, REQ-LIM-3
#[test]
fn the_hard_deadline_wipes_the_key_before_and_after_its_first_use() {
    let base = start();
    for uses in [0, 1] {
        let mut setup = Setup::new(Suite::ChaCha20Poly1305);
        setup.deadline = base + Duration::from_secs(10);
        let (mut tx, _) = setup.build_one();
        for _ in 0..uses {
            seal(&mut tx, &PLAINTEXT);
        }
        tx.check_deadline(base + Duration::from_millis(9_999));
        seal(&mut tx, &PLAINTEXT);
        tx.check_deadline(base + Duration::from_secs(10));
        let mut packet = vec![0; 80];
        assert_eq!(tx.seal_in_place(&mut packet), Err(SealError::Expired));
        tx.check_deadline(base);
        assert_eq!(
            tx.seal_in_place(&mut packet),
            Err(SealError::Expired),
            "a clock that steps back revives nothing"
        );
        assert!(matches!(tx.key, TxKey::Expired));
    }
}

// REQ-LIM-4, REQ-LIM-5
#[test]
fn pressure_is_told_once_per_level_and_lane() {
    let (mut lanes, _) = Setup::new(Suite::Aes256Gcm).lanes(2, 1).build();
    for tx in &mut lanes {
        let mut reports = Vec::new();
        for number in 1..=4_096_u64 {
            seal(tx, b"12345678");
            while let Some(pressure) = tx.take_pressure() {
                reports.push((number, pressure));
            }
        }
        assert_eq!(reports, [(3_584, Pressure::Soft), (3_840, Pressure::Late)]);
    }
}

#[test]
fn keys_are_expanded_at_the_first_seal() {
    let (mut tx, _) = Setup::new(Suite::Aes256Gcm).build_one();
    assert!(matches!(tx.key, TxKey::Unexpanded(_)));
    seal(&mut tx, &PLAINTEXT);
    assert!(matches!(tx.key, TxKey::Expanded(_)));
}

#[test]
fn debug_output_names_the_owner_and_no_key() {
    let (tx, _) = Setup::new(Suite::Aes256Gcm).build_one();
    assert_eq!(
        format!("{tx:?}"),
        "TxSa { peer: PeerId(1), epoch: EpochId(7), lane: Lane(0), .. }"
    );
}
