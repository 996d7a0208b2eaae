//! The engine around an in-memory port, under a virtual clock.

use std::cell::Cell;
use std::time::Duration;

use super::*;
use crate::impair::{Chance, Dice, Fate, Seed};
use crate::memory::{MemoryPort, PortWireOptions, port_wire};
use crate::port::PORT_FRAME_LEN;

fn pair() -> (MemoryPort, MemoryPort) {
    let [mut left, mut right] = port_wire([1, 1], PortWireOptions::default());
    (left.remove(0), right.remove(0))
}

fn numbers(batch: &mut PortBatch) -> Vec<u8> {
    let all = (0..batch.len()).map(|index| batch.frame_mut(index).unwrap()[0]);
    all.collect()
}

#[test]
fn lost_frames_never_arrive_and_are_counted() {
    let config = ImpairConfig {
        seed: Seed::new(7),
        loss: "30 %".parse().unwrap(),
        ..ImpairConfig::default()
    };
    let (mut sender, receiver) = pair();
    let mut port = ImpairedPort::new(receiver, config, Stream::new(1));
    (0..100).for_each(|number| sender.send(&[number; 60]).unwrap());
    let mut dice = Dice::new(config, Stream::new(1));
    let kept: Vec<u8> = (0..100).filter(|_| dice.draw(60) != Fate::Lost).collect();
    let (mut batch, mut arrived) = (PortBatch::new(30), Vec::new());
    while port.recv_batch(&mut batch).unwrap() > 0 {
        arrived.extend(numbers(&mut batch));
    }
    assert_eq!(arrived, kept);
    assert!((50..90).contains(&kept.len()), "{kept:?}");
    assert_eq!(port.impaired().lost, 100 - kept.len() as u64);
}

#[test]
fn delayed_frames_are_announced_and_come_in_time() {
    let config = ImpairConfig {
        delay: Duration::from_millis(5),
        duplicate: Chance::ALWAYS,
        ..ImpairConfig::default()
    };
    let now = Cell::new(clock::now());
    let (mut sender, receiver) = pair();
    let clock = || now.get();
    let mut port = ImpairedPort::with_clock(receiver, config, Stream::new(0), clock);
    let mut batch = PortBatch::new(3);
    sender.send(&[1; 60]).unwrap();
    sender.send(&[2; 60]).unwrap();
    assert_eq!(port.recv_batch(&mut batch).unwrap(), 0);
    let due = now.get() + Duration::from_millis(5);
    assert_eq!(port.next_due(), Some(due));
    now.set(due);
    port.recv_batch(&mut batch).unwrap();
    assert_eq!(numbers(&mut batch), [1, 1, 2]);
    port.recv_batch(&mut batch).unwrap();
    assert_eq!((numbers(&mut batch), port.next_due()), (vec![2], None));
    assert_eq!(port.impaired().duplicated, 2);
}

#[test]
fn what_the_port_below_counts_is_told_and_what_is_sent_stays() {
    let config = ImpairConfig {
        loss: Chance::ALWAYS,
        ..ImpairConfig::default()
    };
    let (mut other, below) = pair();
    let mut port = ImpairedPort::new(below, config, Stream::new(0));
    other.send(&[0; PORT_FRAME_LEN + 1]).unwrap();
    let mut batch = PortBatch::new(3);
    assert_eq!(port.recv_batch(&mut batch).unwrap(), 0);
    assert_eq!(batch.truncated(), 1);
    let mut outbox = PortOutbox::new(1, 64);
    let mut slot = outbox.reserve(60).unwrap();
    slot.fill(9);
    slot.commit();
    assert_eq!(port.send_batch(&mut outbox).unwrap().sent, 1);
    assert_eq!(other.recv(), Some(vec![9; 60]));
}
