use super::*;
use crate::packet;
use linkveil_crypto::{EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_sa::{EpochId, Limits, PeerId, split_epoch};
use linkveil_wire::LaneCount;
use std::net::Ipv4Addr;

const A: GatewayId = GatewayId(0);
const B: GatewayId = GatewayId(1);
const ID: PacketId = PacketId::new(9);

fn spi() -> Spi {
    Spi::new(77).unwrap()
}

/// What A sends with and what B receives with, in an epoch of its own for each hash.
fn installs(sender_hash: u8, receiver_hash: u8) -> (TxInstall, RxInstall) {
    let halves = |hash, tx| {
        let secret = EpochSecret::derive(
            &HandshakeHash::new([hash; 32]),
            &KeyBytes::new([1; 32]),
            &KeyBytes::new([2; 32]),
            None,
        );
        split_epoch(secret, Suite::Aes256Gcm, PostQuantum::Classical, tx)
    };
    let (tx_keys, _) = halves(sender_hash, Direction::InitiatorToResponder);
    let (_, rx_keys) = halves(receiver_hash, Direction::ResponderToInitiator);
    let hard_deadline = crate::clock::VirtualClock::new().instant();
    let tx = TxInstall {
        peer: PeerId::new(0),
        epoch: EpochId::new(1),
        spi: spi(),
        lanes: LaneCount::ONE,
        keys: tx_keys,
        limits: Limits::TINY,
        hard_deadline,
    };
    let rx = RxInstall {
        peer: PeerId::new(0),
        epoch: EpochId::new(1),
        spi: spi(),
        peer_lanes: LaneCount::ONE,
        keys: rx_keys,
        limits: Limits::TINY,
        hard_deadline,
    };
    (tx, rx)
}

fn header(number: u64) -> DataHeader {
    DataHeader {
        lane: Lane::ZERO,
        spi: spi(),
        packet_number: PacketNumber::new(number),
    }
}

/// A checker that has seen both halves of one epoch installed.
fn ready() -> Checker {
    let mut checker = Checker::default();
    let (tx, rx) = installs(3, 3);
    checker.installed_rx(&rx);
    checker.installed_tx(A, &tx);
    checker
}

fn packet() -> Vec<u8> {
    let address = Ipv4Addr::new(10, 0, 0, 1);
    packet::build(ID, address, address, 100)
}

#[test]
fn a_clean_run_has_no_violation() {
    let mut checker = ready();
    checker.offered(ID, B, &packet());
    checker.sealed(A, header(1), b"one");
    checker.sealed(A, header(2), b"two");
    checker.progressed(ID, Progress::Arrived);
    checker.delivered(B, &packet());
    assert_eq!(checker.violations(), []);
    assert_eq!(checker.stuck_at(Progress::Delivered), [ID]);
    assert_eq!(checker.epochs().len(), 1);
    assert_eq!(checker.sealed_count(), 2);
}

#[test]
fn a_nonce_used_for_two_datagrams_is_found() {
    let mut checker = ready();
    checker.sealed(A, header(1), b"one");
    checker.sealed(A, header(1), b"one");
    assert_eq!(checker.violations(), [], "the same bytes tell nothing new");
    checker.sealed(A, header(1), b"another");
    assert!(matches!(
        checker.violations(),
        [Violation::NonceReused { gateway: A, .. }]
    ));
}

#[test]
fn one_key_under_two_spis_is_still_one_key() {
    let mut checker = ready();
    let (mut tx, mut rx) = installs(3, 3);
    let other = Spi::new(78).unwrap();
    (tx.spi, rx.spi) = (other, other);
    checker.installed_rx(&rx);
    checker.installed_tx(A, &tx);
    checker.sealed(A, header(1), b"one");
    checker.sealed(
        A,
        DataHeader {
            spi: other,
            ..header(1)
        },
        b"another",
    );
    assert!(matches!(
        checker.violations(),
        [Violation::NonceReused { .. }]
    ));
}

#[test]
fn a_sender_ahead_of_its_receiver_is_found() {
    let mut checker = Checker::default();
    let (tx, rx) = installs(3, 3);
    checker.installed_tx(A, &tx);
    checker.installed_rx(&rx);
    assert!(matches!(
        checker.violations(),
        [Violation::KeysDisagree { receiver: None, .. }]
    ));
}

#[test]
fn different_keys_at_both_ends_are_found() {
    let mut checker = Checker::default();
    let (tx, rx) = installs(3, 4);
    checker.installed_rx(&rx);
    checker.installed_tx(A, &tx);
    assert!(matches!(
        checker.violations(),
        [Violation::KeysDisagree {
            receiver: Some(_),
            ..
        }]
    ));
}

#[test]
fn sealing_without_installed_keys_is_found() {
    let mut checker = ready();
    checker.sealed(B, header(1), b"one");
    assert_eq!(
        checker.violations(),
        [Violation::UnknownSpi {
            gateway: B,
            spi: spi()
        }]
    );
}

#[test]
fn double_wrong_invented_and_impossible_deliveries_are_found() {
    let mut checker = ready();
    checker.offered(ID, B, &packet());
    checker.progressed(ID, Progress::Sealed);
    checker.delivered(B, &packet());
    checker.delivered(B, &packet());
    let mut changed = packet();
    changed[1] = 1;
    checker.delivered(B, &changed);
    checker.delivered(B, b"short");
    assert_eq!(
        checker.violations(),
        [
            Violation::DeliveredUnsent(ID),
            Violation::DeliveredTwice(ID),
            Violation::Invented(B),
            Violation::Invented(B),
        ]
    );
    let mut checker = ready();
    checker.offered(ID, B, &packet());
    checker.progressed(ID, Progress::Arrived);
    checker.delivered(A, &packet());
    assert_eq!(
        checker.violations(),
        [Violation::Misrouted {
            packet: ID,
            meant: B,
            gateway: A
        }]
    );
}

#[test]
fn progress_never_goes_back() {
    let mut checker = Checker::default();
    checker.offered(ID, B, &packet());
    checker.progressed(ID, Progress::Arrived);
    checker.progressed(ID, Progress::Sealed);
    assert_eq!(checker.stuck_at(Progress::Arrived), [ID]);
    assert_eq!(checker.stuck_at(Progress::Sealed), []);
}
