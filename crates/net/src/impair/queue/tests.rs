//! The engine around an in-memory socket, under a virtual clock.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::gso::Train;
use crate::impair::{Chance, Dice, Fate, Seed};
use crate::memory::{MemoryUdp, NetworkOptions, network};

const STRIDE: usize = 10;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

/// A sender and the only data socket of the other side.
fn pair() -> (MemoryUdp, MemoryUdp) {
    let options = NetworkOptions {
        capacity: 1_024,
        ..NetworkOptions::default()
    };
    let mut groups = network(&[(address(1), 1), (address(2), 1)], options).into_iter();
    let mut data = || groups.next().unwrap().data.remove(0);
    (data(), data())
}

/// A datagram of a data socket with a number in it.
fn datagram(number: u8) -> [u8; STRIDE] {
    let mut bytes = [0; STRIDE];
    bytes[0] = 4;
    bytes[STRIDE - 1] = number;
    bytes
}

fn send_train(socket: &mut MemoryUdp, numbers: std::ops::Range<u8>) {
    let bytes: Vec<u8> = numbers.flat_map(datagram).collect();
    let train = Train {
        remote: address(2),
        tos: 3,
        segment_len: STRIDE,
        bytes: &bytes,
    };
    socket.send_train(train).unwrap();
}

fn numbers(batch: &mut UdpBatch) -> Vec<u8> {
    let all = (0..batch.len()).map(|index| {
        let (meta, bytes) = batch.buffer_mut(index).unwrap();
        assert_eq!((meta.remote, meta.tos), (address(1), 3));
        assert_eq!(
            (meta.len, meta.stride),
            (STRIDE, STRIDE),
            "each comes alone"
        );
        bytes[STRIDE - 1]
    });
    all.collect()
}

#[test]
fn loss_happens_inside_a_train() {
    let config = ImpairConfig {
        seed: Seed::new(5),
        loss: "30 %".parse().unwrap(),
        ..ImpairConfig::default()
    };
    let (mut sender, receiver) = pair();
    let mut queue = Impaired::new(receiver, config, Stream::new(2));
    let mut batch = UdpBatch::new(64);
    let mut dice = Dice::new(config, Stream::new(2));
    let kept: Vec<u8> = (0..40)
        .filter(|_| dice.draw(STRIDE) != Fate::Lost)
        .collect();
    send_train(&mut sender, 0..20);
    send_train(&mut sender, 20..40);
    queue.recv_batch(&mut batch).unwrap();
    assert_eq!(numbers(&mut batch), kept);
    assert!((20..40).contains(&kept.len()), "{kept:?}");
    assert_eq!(queue.impaired().lost, 40 - kept.len() as u64);
}

#[test]
fn a_batch_that_is_full_leaves_the_rest_to_the_next_and_reads_nothing_more() {
    let (mut sender, receiver) = pair();
    let mut queue = Impaired::new(receiver, ImpairConfig::default(), Stream::default());
    let mut batch = UdpBatch::new(8);
    send_train(&mut sender, 0..20);
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 8);
    assert!(
        queue.next_due().unwrap() <= clock::now(),
        "poll again at once"
    );
    send_train(&mut sender, 20..30);
    let mut all = numbers(&mut batch);
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 8);
    assert_eq!(
        queue.below.recv_from().map(|(bytes, _)| bytes.len()),
        Some(100)
    );
    all.extend(numbers(&mut batch));
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 4);
    all.extend(numbers(&mut batch));
    assert_eq!(all, (0..20).collect::<Vec<_>>());
    assert_eq!(queue.next_due(), None);
}

#[test]
fn a_delayed_datagram_comes_by_the_clock_that_was_given() {
    let config = ImpairConfig {
        delay: Duration::from_millis(5),
        ..ImpairConfig::default()
    };
    let start = clock::now();
    let time = Cell::new(start);
    let (mut sender, receiver) = pair();
    let mut queue = Impaired::with_clock(receiver, config, Stream::default(), || time.get());
    let mut batch = UdpBatch::new(16);
    send_train(&mut sender, 0..2);
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 0);
    time.set(start + Duration::from_millis(3));
    send_train(&mut sender, 2..3);
    assert_eq!(queue.recv_batch(&mut batch).unwrap(), 0);
    assert_eq!(queue.next_due(), Some(start + config.delay));
    time.set(start + config.delay);
    queue.recv_batch(&mut batch).unwrap();
    assert_eq!(numbers(&mut batch), [0, 1]);
    time.set(start + Duration::from_millis(8));
    queue.recv_batch(&mut batch).unwrap();
    assert_eq!(numbers(&mut batch), [2]);
    assert_eq!(queue.impaired().delayed, 3);
}

#[test]
fn what_is_sent_is_not_impaired() {
    let config = ImpairConfig {
        loss: Chance::ALWAYS,
        ..ImpairConfig::default()
    };
    let (sender, mut receiver) = pair();
    let mut queue = Impaired::new(sender, config, Stream::default());
    let mut out = GsoQueue::new(1);
    let mut slot = out.reserve(address(2), 0, STRIDE).unwrap();
    slot.copy_from_slice(&datagram(1));
    slot.commit();
    assert_eq!(queue.send_batch(&mut out).unwrap().sent, 1);
    assert_eq!(receiver.recv_from().unwrap().0, datagram(1));
}

#[test]
fn an_unimpaired_queue_is_never_due_and_has_no_counts() {
    let (_, receiver) = pair();
    assert_eq!(receiver.next_due(), None);
    assert_eq!(receiver.impaired(), ImpairCounts::default());
}
