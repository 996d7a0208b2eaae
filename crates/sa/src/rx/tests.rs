use super::*;
use crate::testing::{SUITES, Setup, count, lane, open, seal, start};
use crate::window::WINDOW_PACKETS;
use crate::{TxSa, testing};
use linkveil_crypto::{Direction, Suite};
use proptest::prelude::*;
use std::collections::HashSet;
use std::time::Duration;

mod replay;

const PLAINTEXT: [u8; 48] = *b"a Geneve frame with an inner packet and padding.";

/// What an attacker without the key would send: a well-formed header, anything behind it.
fn forged(sender: Lane, number: u64) -> Vec<u8> {
    let mut packet = vec![0x77; 64];
    let header = linkveil_wire::DataHeader {
        lane: sender,
        spi: testing::spi(0x0102_0304),
        packet_number: linkveil_wire::PacketNumber::new(number),
    };
    packet[..16].copy_from_slice(&header.emit());
    packet
}

#[test]
fn what_was_sealed_opens_once_with_its_plaintext() {
    for suite in SUITES {
        let (mut tx, mut rx) = Setup::new(suite).build_one();
        for len in [8, 16, 17, 1_456, 65_000] {
            let plaintext = vec![0xc3; len];
            let packet = seal(&mut tx, &plaintext);
            assert_eq!(open(&mut rx, &packet), Ok(plaintext));
            assert_eq!(open(&mut rx, &packet), Err(OpenError::Duplicate));
        }
    }
}

#[test]
fn an_opened_datagram_tells_whose_it_is_and_whether_it_was_the_first() {
    let (mut tx, mut rx) = Setup::new(Suite::Aes256Gcm).build_one();
    for first in [true, false, false] {
        let mut packet = seal(&mut tx, &PLAINTEXT);
        let mut opened = rx
            .open_in_place(Datagram::parse(&mut packet).unwrap())
            .unwrap();
        assert_eq!(opened.peer(), PeerId::new(2));
        assert_eq!(opened.epoch(), EpochId::new(8));
        assert_eq!(opened.first_open(), first);
        assert_eq!(opened.plaintext(), PLAINTEXT);
    }
}

// REQ-REPLAY-1, REQ-REPLAY-2, REQ-REPLAY-3
#[test]
fn late_datagrams_open_inside_the_window_and_not_behind_it() {
    let limits = Limits {
        packets: u64::MAX,
        bytes: u64::MAX,
        failed_opens: u64::MAX,
    };
    let (mut tx, mut rx) = Setup::new(Suite::Aes256Gcm).limits(limits).build_one();
    let early: Vec<_> = (0..3).map(|_| seal(&mut tx, &PLAINTEXT)).collect();
    for _ in 3..=WINDOW_PACKETS {
        tx.seal_in_place(&mut [0; 40]).unwrap();
    }
    assert_eq!(tx.packets(), WINDOW_PACKETS + 1);
    let newest = seal(&mut tx, &PLAINTEXT);
    assert!(open(&mut rx, &newest).is_ok());
    assert_eq!(open(&mut rx, &early[0]), Err(OpenError::TooOld));
    assert_eq!(open(&mut rx, &early[1]), Err(OpenError::TooOld));
    assert!(open(&mut rx, &early[2]).is_ok());
    assert_eq!(open(&mut rx, &early[2]), Err(OpenError::Duplicate));
}

// REQ-REPLAY-4
#[test]
fn a_forged_high_number_does_not_move_the_window() {
    let (mut tx, mut rx) = Setup::new(Suite::Aes256Gcm).build_one();
    let first = seal(&mut tx, &PLAINTEXT);
    let second = seal(&mut tx, &PLAINTEXT);
    assert!(open(&mut rx, &second).is_ok());
    for number in [3, 1_000_000, u64::MAX] {
        assert_eq!(
            open(&mut rx, &forged(lane(0), number)),
            Err(OpenError::Unauthentic)
        );
    }
    assert!(open(&mut rx, &first).is_ok());
    assert!(open(&mut rx, &seal(&mut tx, &PLAINTEXT)).is_ok());
}

// REQ-DATA-4
#[test]
fn every_changed_bit_fails_and_the_true_datagram_still_opens() {
    for suite in SUITES {
        let (mut tx, mut rx) = Setup::new(suite).build_one();
        let packet = seal(&mut tx, &PLAINTEXT[..16]);
        for bit in 0..packet.len() * 8 {
            let mut changed = packet.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // Header bits that the parser refuses never get here.
            if let Ok(datagram) = Datagram::parse(&mut changed) {
                assert!(rx.open_in_place(datagram).is_err(), "bit {bit}");
            }
        }
        assert!(open(&mut rx, &packet).is_ok());
    }
}

// REQ-DATA-5
#[test]
fn a_failed_open_leaves_no_plaintext_behind() {
    for suite in SUITES {
        let (mut tx, mut rx) = Setup::new(suite).build_one();
        for first in [true, false] {
            let mut packet = seal(&mut tx, &PLAINTEXT);
            *packet.last_mut().unwrap() ^= 1;
            let opened = rx.open_in_place(Datagram::parse(&mut packet).unwrap());
            assert_eq!(opened.unwrap_err(), OpenError::Unauthentic);
            assert_eq!(packet[16..64], [0; 48], "wiped, first: {first}");
            assert!(open(&mut rx, &seal(&mut tx, &PLAINTEXT)).is_ok());
        }
    }
}

#[test]
fn a_refused_replay_is_not_decrypted() {
    let (mut tx, mut rx) = Setup::new(Suite::Aes256Gcm).build_one();
    let packet = seal(&mut tx, &PLAINTEXT);
    assert!(open(&mut rx, &packet).is_ok());
    let mut replay = packet.clone();
    let opened = rx.open_in_place(Datagram::parse(&mut replay).unwrap());
    assert_eq!(opened.unwrap_err(), OpenError::Duplicate);
    assert_eq!(replay, packet);
}

// REQ-LANE-8
#[test]
fn a_forged_first_datagram_leaves_neither_key_nor_window_behind() {
    let (mut tx, mut rx) = Setup::new(Suite::Aes256Gcm).build_one();
    assert!(rx.associations[0].expanded.is_none());
    for number in [u64::MAX, 1, 5] {
        assert_eq!(
            open(&mut rx, &forged(lane(0), number)),
            Err(OpenError::Unauthentic)
        );
        assert!(rx.associations[0].expanded.is_none());
    }
    assert_eq!(rx.usage().failed_opens, 3, "forgeries count all the same");
    assert!(open(&mut rx, &seal(&mut tx, &PLAINTEXT)).is_ok());
    assert!(rx.associations[0].expanded.is_some());
    assert_eq!(
        open(&mut rx, &forged(lane(0), 9)),
        Err(OpenError::Unauthentic)
    );
    assert!(rx.associations[0].expanded.is_some(), "proven keys stay");
}

// REQ-LANE-2, REQ-LANE-3, REQ-LANE-4
#[test]
fn only_the_owner_opens_for_every_pair_of_lane_counts() {
    for tx_lanes in [1, 2, 3, 5, 8, 64] {
        for rx_lanes in [1, 2, 3, 4, 7, 64] {
            let (mut senders, mut receivers) = Setup::new(Suite::Aes256Gcm)
                .lanes(tx_lanes, rx_lanes)
                .build();
            for (s, tx) in senders.iter_mut().enumerate() {
                let packet = seal(tx, &PLAINTEXT);
                for (r, rx) in receivers.iter_mut().enumerate() {
                    let expected = if r == s % usize::from(rx_lanes) {
                        Ok(PLAINTEXT.to_vec())
                    } else {
                        Err(OpenError::NotOwner)
                    };
                    assert_eq!(open(rx, &packet), expected, "{s} of {tx_lanes} at {r}");
                }
            }
            let expanded: usize = receivers
                .iter()
                .flat_map(|rx| rx.associations.iter())
                .filter(|association| association.expanded.is_some())
                .count();
            assert_eq!(expanded, usize::from(tx_lanes), "one key per sender lane");
        }
    }
}

// REQ-LANE-2
#[test]
fn a_lane_that_was_not_announced_is_refused_by_every_lane() {
    let (_, mut receivers) = Setup::new(Suite::Aes256Gcm).lanes(3, 2).build();
    for rx in &mut receivers {
        for sender in 3..64 {
            assert_eq!(
                open(rx, &forged(lane(sender), 1)),
                Err(OpenError::LaneNotAnnounced)
            );
        }
        assert_eq!(rx.usage(), Usage::NONE);
    }
}

#[test]
fn lanes_own_disjoint_senders_that_together_are_all() {
    for (tx_lanes, rx_lanes) in [(1, 64), (64, 1), (5, 3), (64, 64), (7, 4)] {
        let (_, receivers) = Setup::new(Suite::Aes256Gcm)
            .lanes(tx_lanes, rx_lanes)
            .build();
        assert_eq!(receivers.len(), usize::from(rx_lanes));
        let mut owned: Vec<Lane> = receivers
            .iter()
            .flat_map(|rx| rx.associations.iter().map(|association| association.sender))
            .collect();
        owned.sort_unstable();
        assert_eq!(owned, count(tx_lanes).lanes().collect::<Vec<_>>());
    }
}

#[test]
fn the_own_direction_does_not_open() {
    for suite in SUITES {
        let setup = Setup::new(suite);
        let (mut tx, _) = setup.build_one();
        let (_, initiator_rx) = setup.split(Direction::InitiatorToResponder);
        let rx = RxInstall {
            peer: PeerId::new(1),
            epoch: EpochId::new(7),
            spi: tx.spi(),
            peer_lanes: LaneCount::ONE,
            keys: initiator_rx,
            limits: Limits::TINY,
            hard_deadline: setup.deadline,
        };
        let mut rx = rx.into_lanes(LaneCount::ONE).next().unwrap();
        assert_eq!(
            open(&mut rx, &seal(&mut tx, &PLAINTEXT)),
            Err(OpenError::Unauthentic),
            "a reflected datagram"
        );
    }
}

// REQ-LIM-2
#[test]
fn failed_opens_use_a_key_up() {
    let limits = Limits {
        failed_opens: 16,
        ..Limits::TINY
    };
    let (mut tx, mut rx) = Setup::new(Suite::ChaCha20Poly1305)
        .limits(limits)
        .build_one();
    let mut reports = Vec::new();
    for number in 1..=16 {
        assert_eq!(
            open(&mut rx, &forged(lane(0), number)),
            Err(OpenError::Unauthentic)
        );
        while let Some(pressure) = rx.take_pressure() {
            reports.push((number, pressure));
        }
    }
    assert_eq!(reports, [(14, Pressure::Soft), (15, Pressure::Late)]);
    assert_eq!(
        open(&mut rx, &seal(&mut tx, &PLAINTEXT)),
        Err(OpenError::Exhausted)
    );
}

// REQ-LIM-2
#[test]
fn the_packet_limit_holds_on_the_receiver_too() {
    let generous = Setup::new(Suite::Aes256Gcm);
    let strict = generous.limits(Limits {
        packets: 2,
        ..Limits::TINY
    });
    let (mut tx, _) = generous.build_one();
    let (_, mut rx) = strict.build_one();
    assert!(open(&mut rx, &seal(&mut tx, &PLAINTEXT)).is_ok());
    assert!(open(&mut rx, &seal(&mut tx, &PLAINTEXT)).is_ok());
    assert_eq!(
        open(&mut rx, &seal(&mut tx, &PLAINTEXT)),
        Err(OpenError::Exhausted)
    );
}

#[test]
fn replays_and_foreign_lanes_use_nothing_up() {
    let (mut tx, mut rx) = Setup::new(Suite::Aes256Gcm).build_one();
    let packet = seal(&mut tx, &PLAINTEXT);
    assert!(open(&mut rx, &packet).is_ok());
    let before = rx.usage();
    for _ in 0..100 {
        assert_eq!(open(&mut rx, &packet), Err(OpenError::Duplicate));
        assert!(open(&mut rx, &forged(lane(1), 1)).is_err());
    }
    assert_eq!(rx.usage(), before);
}

// REQ-LIM-2, REQ-LIM-3
#[test]
fn the_hard_deadline_wipes_keys_and_windows() {
    let base = start();
    let mut setup = Setup::new(Suite::Aes256Gcm);
    setup.deadline = base + Duration::from_secs(10);
    let (mut tx, mut rx) = setup.build_one();
    let packets: Vec<_> = (0..3).map(|_| seal(&mut tx, &PLAINTEXT)).collect();
    rx.check_deadline(base + Duration::from_millis(9_999));
    assert!(open(&mut rx, &packets[0]).is_ok());
    rx.check_deadline(base + Duration::from_secs(10));
    assert_eq!(open(&mut rx, &packets[1]), Err(OpenError::Expired));
    rx.check_deadline(base);
    assert_eq!(open(&mut rx, &packets[1]), Err(OpenError::Expired));
    assert!(rx.keys.is_none());
    assert!(rx.associations.is_empty());
}

// REQ-LIM-10
#[test]
fn usage_of_both_ends_agrees() {
    for suite in SUITES {
        let (mut tx, mut rx) = Setup::new(suite).build_one();
        for len in [8, 100, 1_456] {
            open(&mut rx, &seal(&mut tx, &vec![0; len])).unwrap();
        }
        assert_eq!(tx.usage(), rx.usage());
        assert_eq!(tx.usage().packets, 3);
        // One block of header each; of plaintext 1, 7 and 91.
        assert_eq!(tx.usage().bytes, 16 * (3 + 1 + 7 + 91));
    }
}

#[test]
fn debug_output_names_the_owner_and_no_key() {
    let (_, rx) = Setup::new(Suite::Aes256Gcm).build_one();
    assert_eq!(
        format!("{rx:?}"),
        "RxEpoch { peer: PeerId(2), epoch: EpochId(8), spi: Spi(16909060), owner: Lane(0), .. }"
    );
}

/// What happens to the next datagram on its way.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Deliver,
    Lose,
    /// Delivered again later: an index into everything sent so far.
    Replay(prop::sample::Index),
    Forge(u8, u64),
    Damage(prop::sample::Index),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Deliver),
        2 => Just(Fate::Lose),
        4 => any::<prop::sample::Index>().prop_map(Fate::Replay),
        1 => (0..5_u8, 1..3_000_u64).prop_map(|(lane, number)| Fate::Forge(lane, number)),
        1 => any::<prop::sample::Index>().prop_map(Fate::Damage),
    ]
}

/// All receiver lanes, each asked: at most one opens.
fn deliver(receivers: &mut [RxEpoch], datagram: &[u8]) -> Option<Vec<u8>> {
    let mut opened = receivers
        .iter_mut()
        .filter_map(|rx| open(rx, datagram).ok());
    let first = opened.next();
    assert!(opened.next().is_none(), "two lanes opened one datagram");
    first
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_network_does_each_datagram_opens_at_most_once_and_unchanged(
        (tx_lanes, rx_lanes) in (1..5_u8, 1..5_u8),
        fates in prop::collection::vec((any::<prop::sample::Index>(), fate()), 1..200),
    ) {
        let (mut senders, mut receivers) = Setup::new(Suite::Aes256Gcm)
            .lanes(tx_lanes, rx_lanes)
            .build();
        let mut sent: Vec<Vec<u8>> = Vec::new();
        let mut delivered = HashSet::new();
        for (sender, fate) in fates {
            let tx: &mut TxSa = sender.get_mut(&mut senders);
            let id = u64::try_from(sent.len()).unwrap().to_be_bytes();
            sent.push(seal(tx, &id));
            let newest = sent.len() - 1;
            let (place, datagram) = match fate {
                Fate::Deliver => (newest, sent[newest].clone()),
                Fate::Lose => continue,
                Fate::Replay(index) => (index.index(sent.len()), index.get(&sent).clone()),
                Fate::Forge(sender, number) => {
                    prop_assert_eq!(deliver(&mut receivers, &forged(lane(sender), number)), None);
                    continue;
                }
                Fate::Damage(bit) => {
                    let mut damaged = sent[newest].clone();
                    let bit = 128 + bit.index((damaged.len() - 16) * 8);
                    damaged[bit / 8] ^= 1 << (bit % 8);
                    prop_assert_eq!(deliver(&mut receivers, &damaged), None);
                    continue;
                }
            };
            let expected = delivered
                .insert(place)
                .then(|| u64::try_from(place).unwrap().to_be_bytes().to_vec());
            prop_assert_eq!(deliver(&mut receivers, &datagram), expected);
        }
    }
}

#[test]
fn what_a_lane_writes_with_every_packet_has_cache_lines_of_its_own() {
    let aligned = [
        align_of::<TxSa>(),
        align_of::<RxEpoch>(),
        align_of::<RxSa>(),
    ];
    assert_eq!(aligned, [128; 3]);
}
