use super::*;
use crate::packet;
use linkveil_crypto::{EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_sa::{EpochId, Limits, PartialChecksums, PeerId, split_epoch};
use linkveil_wire::LaneCount;
use std::net::Ipv4Addr;

const A: GatewayId = GatewayId(0);
const B: GatewayId = GatewayId(1);
const ID: PacketId = PacketId::new(9);

fn spi() -> Spi {
    Spi::new(77).unwrap()
}

/// The order to A to send, and the one to B to receive, under one epoch.
fn orders(hash: u8) -> (LaneCommand, LaneCommand) {
    let (tx, rx) = installs(hash, hash);
    (LaneCommand::InstallTx(tx), LaneCommand::InstallRx(rx))
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
        partial_checksums: PartialChecksums::Accepted,
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

/// A data datagram as it looks from outside, with something that stands for its sealed part.
fn datagram(number: u64, sealed: &[u8]) -> Rc<[u8]> {
    let header = [4, 0, 0, 0, 0, 0, 0, 77];
    let parts = [&header[..], &number.to_be_bytes()[..], sealed];
    parts.concat().into()
}

/// A checker that has seen both halves of one epoch installed.
fn ready() -> Checker {
    let mut checker = Checker::default();
    let (tx, rx) = orders(3);
    checker.ordered(B, &rx);
    checker.ordered(A, &tx);
    checker
}

fn packet() -> Vec<u8> {
    let address = Ipv4Addr::new(10, 0, 0, 1);
    packet::build(ID, address, address, 100)
}

/// The packet is on its way in this datagram.
fn under_way(checker: &mut Checker) -> Rc<[u8]> {
    let datagram = datagram(1, b"one");
    checker.offered(ID, A, B, &packet());
    checker.sent(A, &datagram, Some(ID), Bound::ForPeer);
    checker.settled(A);
    datagram
}

#[test]
fn a_clean_run_has_no_violation() {
    let mut checker = ready();
    let one = under_way(&mut checker);
    checker.sent(A, &datagram(2, b"control"), None, Bound::ForPeer);
    checker.sent(A, &Rc::from(&b"\x01handshake"[..]), None, Bound::Astray);
    assert_eq!(checker.arrived(B, &one), Arrival::InTime);
    checker.delivered(B, &packet());
    checker.arrived(B, &one);
    checker.settled(B);
    checker.finish();
    assert_eq!(checker.violations(), []);
    assert_eq!(checker.stuck_at(Progress::Delivered), [ID]);
    assert_eq!(checker.epochs().len(), 1);
    assert_eq!((checker.held(A), checker.held(B)), (0, 1));
    assert_eq!(checker.sending_under(A), Some(checker.epochs()[0]));
    assert_eq!(checker.sealed_count(), 2);
}

#[test]
fn a_nonce_used_for_two_datagrams_is_found() {
    let mut checker = ready();
    checker.sent(A, &datagram(1, b"one"), None, Bound::ForPeer);
    checker.sent(A, &datagram(1, b"one"), None, Bound::ForPeer);
    assert_eq!(checker.violations(), [], "the same bytes tell nothing new");
    checker.sent(A, &datagram(1, b"another"), None, Bound::ForPeer);
    assert!(matches!(
        checker.violations(),
        [Violation::NonceReused { gateway: A, .. }]
    ));
}

#[test]
fn a_number_left_out_is_found_at_the_end() {
    let mut checker = ready();
    checker.sent(A, &datagram(2, b"two"), None, Bound::ForPeer);
    assert_eq!(checker.violations(), []);
    checker.finish();
    assert!(matches!(
        checker.violations(),
        [Violation::NumbersLeftOut { .. }]
    ));
}

#[test]
fn one_key_under_two_spis_is_still_one_key() {
    let mut checker = ready();
    let (mut tx, mut rx) = installs(3, 3);
    let other = Spi::new(78).unwrap();
    (tx.spi, rx.spi) = (other, other);
    checker.ordered(B, &LaneCommand::InstallRx(rx));
    checker.ordered(A, &LaneCommand::InstallTx(tx));
    checker.sent(A, &datagram(1, b"one"), None, Bound::ForPeer);
    let mut moved = datagram(1, b"another").to_vec();
    moved[7] = 78;
    checker.sent(A, &moved.into(), None, Bound::ForPeer);
    assert!(matches!(
        checker.violations(),
        [
            Violation::KeysReturned { gateway: B, .. },
            Violation::KeysReturned { gateway: A, .. },
            Violation::NonceReused { .. }
        ]
    ));
}

#[test]
fn a_sender_ahead_of_its_receiver_is_found() {
    let mut checker = Checker::default();
    let (tx, rx) = orders(3);
    checker.ordered(A, &tx);
    checker.ordered(B, &rx);
    assert!(matches!(
        checker.violations(),
        [Violation::KeysDisagree { receiver: None, .. }]
    ));
}

#[test]
fn different_keys_at_both_ends_are_found() {
    let mut checker = Checker::default();
    let (tx, rx) = installs(3, 4);
    checker.ordered(B, &LaneCommand::InstallRx(rx));
    checker.ordered(A, &LaneCommand::InstallTx(tx));
    assert!(matches!(
        checker.violations(),
        [Violation::KeysDisagree {
            receiver: Some(_),
            ..
        }]
    ));
}

#[test]
fn sealing_without_keys_or_under_those_of_a_former_life_is_found() {
    let unknown = |gateway| Violation::UnknownSpi {
        gateway,
        spi: spi(),
    };
    let mut checker = ready();
    checker.sent(B, &datagram(1, b"one"), None, Bound::ForPeer);
    assert_eq!(checker.violations(), [unknown(B)]);
    let mut checker = ready();
    checker.stopped(A);
    checker.sent(A, &datagram(1, b"one"), None, Bound::ForPeer);
    assert_eq!(checker.violations(), [unknown(A)]);
}

// A farewell is sealed before the keys go, and is seen after.
#[test]
fn a_packet_under_keys_that_were_taken_away_is_found_and_a_farewell_is_none() {
    let mut checker = ready();
    let epoch = EpochId::new(1);
    let peer = PeerId::new(0);
    checker.ordered(A, &LaneCommand::RemoveTx { peer, epoch });
    checker.sent(A, &datagram(1, b"farewell"), None, Bound::ForPeer);
    assert_eq!(checker.violations(), []);
    checker.offered(ID, A, B, &packet());
    checker.sent(A, &datagram(2, b"two"), Some(ID), Bound::ForPeer);
    assert!(matches!(
        checker.violations(),
        [Violation::UnknownSpi { gateway: A, .. }]
    ));
}

#[test]
fn epochs_without_end_are_found() {
    let mut checker = Checker::default();
    for number in 0..=u8::try_from(MAX_HELD).unwrap() {
        assert_eq!(checker.violations(), []);
        let (_, mut rx) = installs(number, number);
        rx.spi = Spi::new(100 + u32::from(number)).unwrap();
        checker.ordered(B, &LaneCommand::InstallRx(rx));
        if usize::from(number) < MAX_HELD {
            checker.settled(B);
        }
    }
    assert_eq!(checker.violations(), [], "one more is in order on the way");
    checker.settled(B);
    assert_eq!(
        checker.violations(),
        [Violation::TooManyEpochs {
            gateway: B,
            held: MAX_HELD + 1
        }]
    );
    let former = |spi| LaneCommand::RemoveRx {
        epoch: EpochId::new(1),
        spi: Spi::new(spi).unwrap(),
    };
    checker.ordered(B, &former(100));
    checker.ordered(B, &former(100));
    assert_eq!(checker.held(B), MAX_HELD);
    checker.stopped(B);
    assert_eq!((checker.held(B), checker.most_held()), (0, MAX_HELD + 1));
}

#[test]
fn a_packet_that_stays_behind_is_found_if_there_were_keys() {
    let mut checker = ready();
    checker.offered(ID, A, B, &packet());
    checker.settled(A);
    assert_eq!(checker.violations(), [Violation::NotSent(ID)]);
    let mut checker = Checker::default();
    checker.offered(ID, A, B, &packet());
    checker.settled(A);
    assert_eq!(checker.violations(), []);
}

#[test]
fn a_packet_that_goes_astray_is_found() {
    let mut checker = ready();
    checker.offered(ID, A, B, &packet());
    checker.sent(A, &datagram(1, b"one"), Some(ID), Bound::Astray);
    assert_eq!(checker.violations(), [Violation::SentAstray { gateway: A }]);
}

#[test]
fn a_packet_that_arrives_and_does_not_come_out_is_found_unless_its_keys_went() {
    let mut checker = ready();
    let one = under_way(&mut checker);
    checker.arrived(B, &one);
    checker.settled(B);
    assert_eq!(checker.violations(), [Violation::NotDelivered(ID)]);
    let mut checker = ready();
    let one = under_way(&mut checker);
    checker.arrived(B, &one);
    checker.ordered(
        B,
        &LaneCommand::RemoveRx {
            epoch: EpochId::new(1),
            spi: spi(),
        },
    );
    checker.settled(B);
    assert_eq!(checker.violations(), []);
}

#[test]
fn what_arrives_after_a_restart_must_not_come_out() {
    let mut checker = ready();
    let one = under_way(&mut checker);
    checker.stopped(B);
    assert_eq!(checker.arrived(B, &one), Arrival::Late);
    checker.settled(B);
    assert_eq!(checker.violations(), []);
    checker.delivered(B, &packet());
    assert_eq!(checker.violations(), [Violation::DeliveredUnderOldKeys(ID)]);
}

#[test]
fn a_damaged_or_misdirected_datagram_is_no_arrival() {
    let mut checker = ready();
    let one = under_way(&mut checker);
    let mut damaged = one.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(checker.arrived(B, &damaged), Arrival::Nothing);
    assert_eq!(checker.arrived(B, &one[..15]), Arrival::Nothing);
    assert_eq!(checker.arrived(A, &one), Arrival::Nothing);
    checker.settled(B);
    assert_eq!(checker.violations(), []);
}

#[test]
fn double_wrong_invented_and_impossible_deliveries_are_found() {
    let mut checker = ready();
    under_way(&mut checker);
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
    let one = under_way(&mut checker);
    checker.arrived(B, &one);
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

/// An order to receive as the responder under an epoch of its own.
fn answer(hash: u8) -> LaneCommand {
    let secret = EpochSecret::derive(
        &HandshakeHash::new([hash; 32]),
        &KeyBytes::new([1; 32]),
        &KeyBytes::new([2; 32]),
        None,
    );
    let tx = Direction::ResponderToInitiator;
    let (_, keys) = split_epoch(secret, Suite::Aes256Gcm, PostQuantum::Classical, tx);
    let (_, mut rx) = installs(hash, hash);
    rx.keys = keys;
    rx.spi = Spi::new(200 + u32::from(hash)).unwrap();
    LaneCommand::InstallRx(rx)
}

#[test]
fn an_initiation_that_makes_two_epochs_in_one_life_is_found() {
    let mut initiation = [9; 158];
    initiation[..4].copy_from_slice(&[1, 0, 0, 0]);
    let mut other = initiation;
    other[20] = 8;
    let mut checker = Checker::default();
    let mut call = |messages: &[&[u8]], hash| {
        for message in messages {
            checker.arrived(B, message);
        }
        checker.ordered(B, &answer(hash));
        checker.settled(B);
        checker.violations().len()
    };
    assert_eq!(call(&[&initiation], 1), 0);
    assert_eq!(call(&[&other], 2), 0);
    assert_eq!(
        call(&[&initiation, &other], 3),
        0,
        "it may have been either"
    );
    assert_eq!(call(&[&initiation], 4), 1);
    assert_eq!(checker.violations(), [Violation::AnsweredAgain(B)]);
    checker.stopped(B);
    checker.arrived(B, &initiation);
    checker.ordered(B, &answer(5));
    assert_eq!(
        checker.violations().len(),
        1,
        "a new life remembers nothing"
    );
}
