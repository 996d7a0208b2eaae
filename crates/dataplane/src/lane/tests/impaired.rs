//! A lane behind a bad network: what is late wakes it, what comes twice or broken is counted for what it is.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use linkveil_crypto::Direction;
use linkveil_net::clock;
use linkveil_net::impair::{Chance, ImpairConfig, ImpairCounts, Impaired, Seed, Stream};
use linkveil_net::memory::{MemoryUdp, NetworkOptions, network, tun};

use crate::bell::{Belled, wait_for};
use crate::lane::LaneQueues;
use crate::pool::{Pool, build};
use crate::testing::{LEFT, Node, RIGHT, address, install, order_installs, packet, snapshot};

/// Node A, and the only data socket of node B.
fn node_and_socket() -> (Node, MemoryUdp) {
    let groups = [(address(1), 1), (address(2), 1)];
    let mut groups = network(&groups, NetworkOptions::default()).into_iter();
    let mut a = Node::new(groups.next().unwrap(), 2, "10.2.0.0/24");
    install(&mut a, Direction::InitiatorToResponder, (1, 2), (1, 1));
    (a, groups.next().unwrap().data.remove(0))
}

/// The monotonic clock, stopped until a test moves it.
type StoppedClock = Rc<Cell<Instant>>;

/// Node B, impaired, with the clock that decides what is due.
fn impaired_node(
    socket: MemoryUdp,
    config: ImpairConfig,
) -> (
    Node<Impaired<MemoryUdp, impl Fn() -> Instant>>,
    StoppedClock,
) {
    let time = Rc::new(Cell::new(clock::now()));
    let hand = Rc::clone(&time);
    let queue = Impaired::with_clock(socket, config, Stream::default(), move || hand.get());
    let mut b = Node::with_sockets(vec![queue], 1, "10.1.0.0/24");
    install(&mut b, Direction::ResponderToInitiator, (2, 1), (1, 1));
    (b, time)
}

fn send(a: &mut Node, numbers: std::ops::Range<u8>) -> Vec<Vec<u8>> {
    let packets: Vec<_> = numbers.map(|n| packet(LEFT, RIGHT, &[n], 0)).collect();
    for packet in &packets {
        a.hosts[0].send(packet).unwrap();
    }
    a.settle();
    packets
}

#[test]
fn a_delayed_datagram_is_delivered_when_it_is_due() {
    let config = ImpairConfig {
        delay: Duration::from_millis(5),
        ..ImpairConfig::default()
    };
    let (mut a, socket) = node_and_socket();
    let (mut b, time) = impaired_node(socket, config);
    let packets = send(&mut a, 0..3);
    b.settle();
    assert_eq!(b.received(), Vec::<Vec<u8>>::new());
    time.set(time.get() + config.delay);
    b.settle();
    assert_eq!(b.received(), packets);
    b.assert_drops(&[]);
    let expected = ImpairCounts {
        delayed: 3,
        ..ImpairCounts::default()
    };
    assert_eq!(b.report().impaired, expected);
    assert_eq!(a.report().impaired, ImpairCounts::default());
}

// REQ-REPLAY-1
#[test]
fn the_second_copy_of_a_datagram_is_a_duplicate() {
    let config = ImpairConfig {
        duplicate: Chance::ALWAYS,
        ..ImpairConfig::default()
    };
    let (mut a, socket) = node_and_socket();
    let (mut b, _) = impaired_node(socket, config);
    let packets = send(&mut a, 0..20);
    b.settle();
    assert_eq!(b.received(), packets);
    b.assert_drops(&[("duplicate", 20)]);
    assert_eq!(b.report().impaired.duplicated, 20);
}

// REQ-CNT-1
#[test]
fn a_datagram_with_a_flipped_bit_is_never_delivered_and_moves_one_counter() {
    let config = ImpairConfig {
        seed: Seed::new(1),
        corrupt: "50 %".parse().unwrap(),
        ..ImpairConfig::default()
    };
    let (mut a, socket) = node_and_socket();
    let (mut b, _) = impaired_node(socket, config);
    let mut packets = Vec::new();
    for turn in 0..10 {
        packets.extend(send(&mut a, turn * 20..turn * 20 + 20));
        b.settle();
    }
    let delivered = b.received();
    assert!(delivered.iter().all(|packet| packets.contains(packet)));
    let report = b.report();
    let broken = report.impaired.corrupted;
    assert!((70..130).contains(&broken), "{broken}");
    assert_eq!(delivered.len() as u64, 200 - broken);
    let drops: Vec<_> = report
        .drops
        .named()
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(drops.iter().map(|(_, count)| count).sum::<u64>(), broken);
    // Most bits are those of ciphertext and tag.
    let (_, unauthentic) = drops
        .iter()
        .find(|(name, _)| *name == "unauthentic")
        .unwrap();
    assert!(unauthentic * 2 > broken, "{drops:?}");
}

fn wait_for_keys(pool: &mut Pool) {
    let mut missing = 2;
    wait_for(|| {
        pool.flush();
        while pool.poll_event().is_some() {
            missing -= 1;
        }
        (missing == 0).then_some(())
    });
}

#[test]
fn a_waiting_lane_wakes_for_a_datagram_that_is_due_though_no_socket_is_readable() {
    let config = ImpairConfig {
        delay: Duration::from_millis(30),
        ..ImpairConfig::default()
    };
    let (mut a, socket) = node_and_socket();
    let (device, host) = tun(16);
    let (socket, rope) = Belled::new(socket);
    let (device, _rope) = Belled::new(device);
    let queues = LaneQueues {
        tuns: vec![device],
        udps: vec![Impaired::new(socket, config, Stream::default())],
    };
    let view = snapshot(Some(address(1)), "10.1.0.0/24", 1_424);
    let (mut pool, mut lanes) = build(vec![queues], &Arc::new(view)).unwrap();
    let lane = lanes.remove(0);
    let thread = thread::spawn(move || lane.run(crate::lane::LaneThread::default()));
    let tx = Direction::ResponderToInitiator;
    order_installs(&mut pool, clock::now(), tx, (2, 1), (1, 1));
    wait_for_keys(&mut pool);

    let packets = send(&mut a, 7..8);
    let sent = clock::now();
    rope.send(b"!").unwrap();
    let delivered = wait_for(|| host.recv());
    let took = clock::now() - sent;
    assert_eq!(vec![delivered], packets);
    assert!(took >= config.delay, "{took:?}");
    pool.stop();
    pool.flush();
    thread.join().unwrap().unwrap();
}
