//! The queue against a plain model: for each remote a list of committed datagrams.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn remote(number: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(10, 0, 0, 1).into(), 1000 + number)
}

fn send(queue: &mut GsoQueue, to: u16, tos: u8, bytes: &[u8]) {
    let mut slot = queue.reserve(remote(to), tos, bytes.len()).unwrap();
    slot.copy_from_slice(bytes);
    slot.commit();
}

fn shapes(queue: &GsoQueue) -> Vec<(u16, u8, usize, usize)> {
    let shape = |train: Train<'_>| {
        (
            train.remote.port() - 1000,
            train.tos,
            train.segment_len,
            train.bytes.len(),
        )
    };
    queue.trains().map(shape).collect()
}

#[test]
fn equal_datagrams_for_one_remote_become_one_train() {
    let mut queue = GsoQueue::new(4);
    for _ in 0..3 {
        send(&mut queue, 1, 2, &[7; 100]);
    }
    assert_eq!(shapes(&queue), [(1, 2, 100, 300)]);
    assert_eq!(queue.front().unwrap().segment_count(), 3);
}

#[test]
fn a_shorter_datagram_ends_its_train_and_a_longer_one_opens_a_new_one() {
    let mut queue = GsoQueue::new(4);
    send(&mut queue, 1, 0, &[1; 100]);
    send(&mut queue, 1, 0, &[2; 40]);
    send(&mut queue, 1, 0, &[3; 40]);
    send(&mut queue, 1, 0, &[4; 41]);
    assert_eq!(
        shapes(&queue),
        [(1, 0, 100, 140), (1, 0, 40, 40), (1, 0, 41, 41)]
    );
}

#[test]
fn a_datagram_never_overtakes_one_of_the_same_remote_in_a_newer_train() {
    let mut queue = GsoQueue::new(4);
    send(&mut queue, 1, 0, &[1; 100]);
    send(&mut queue, 1, 1, &[2; 100]);
    // It would fit the first train, but the second must leave before it.
    send(&mut queue, 1, 0, &[3; 100]);
    assert_eq!(
        shapes(&queue),
        [(1, 0, 100, 100), (1, 1, 100, 100), (1, 0, 100, 100)]
    );
}

#[test]
fn remotes_fill_their_trains_side_by_side() {
    let mut queue = GsoQueue::new(2);
    for _ in 0..5 {
        send(&mut queue, 1, 0, &[1; 10]);
        send(&mut queue, 2, 0, &[2; 20]);
    }
    assert_eq!(shapes(&queue), [(1, 0, 10, 50), (2, 0, 20, 100)]);
    assert_eq!(queue.free_trains(), 0);
    assert!(queue.reserve(remote(3), 0, 10).is_none());
    assert!(queue.reserve(remote(1), 0, 10).is_some());
}

#[test]
fn a_train_has_at_most_128_segments() {
    let mut queue = GsoQueue::new(2);
    for _ in 0..129 {
        send(&mut queue, 1, 0, &[0; 10]);
    }
    assert_eq!(shapes(&queue), [(1, 0, 10, 1_280), (1, 0, 10, 10)]);
}

#[test]
fn a_train_has_at_most_65507_bytes() {
    let mut queue = GsoQueue::new(3);
    for _ in 0..8 {
        send(&mut queue, 1, 0, &[0; 9000]);
    }
    assert_eq!(shapes(&queue), [(1, 0, 9000, 63_000), (1, 0, 9000, 9000)]);
    send(&mut queue, 2, 0, &[0; MAX_TRAIN_BYTES]);
    assert_eq!(
        shapes(&queue).last(),
        Some(&(2, 0, MAX_TRAIN_BYTES, MAX_TRAIN_BYTES))
    );
}

#[test]
fn lengths_that_no_datagram_can_have_are_refused() {
    let mut queue = GsoQueue::new(2);
    for len in [0, MAX_TRAIN_BYTES + 1, usize::MAX] {
        assert!(queue.reserve(remote(1), 0, len).is_none());
    }
    assert!(queue.is_empty());
}

#[test]
fn a_slot_without_commit_was_never_there() {
    let mut queue = GsoQueue::new(2);
    queue.reserve(remote(1), 0, 50).unwrap().fill(9);
    assert!(queue.is_empty());
    send(&mut queue, 1, 0, &[1; 50]);
    queue.reserve(remote(1), 0, 20).unwrap().fill(9);
    send(&mut queue, 1, 0, &[2; 50]);
    assert_eq!(queue.front().unwrap().bytes, [[1; 50], [2; 50]].concat());
}

#[test]
fn what_was_not_sent_stays_in_front() {
    let mut queue = GsoQueue::new(2);
    for byte in 0..5 {
        send(&mut queue, 1, 0, &[byte; 10]);
    }
    queue.consume(2);
    assert_eq!(queue.front().unwrap().bytes[0], 2);
    send(&mut queue, 1, 0, &[5; 4]);
    assert_eq!(queue.front().unwrap().segment_count(), 4);
    queue.consume(3);
    assert_eq!(queue.front().unwrap().bytes, [5; 4]);
    queue.consume(1);
    assert!(queue.is_empty());
    queue.consume(usize::MAX);
    assert_eq!(queue.drop_front(), 0);
}

#[test]
fn dropping_the_front_says_how_many_datagrams_it_had() {
    let mut queue = GsoQueue::new(2);
    for _ in 0..3 {
        send(&mut queue, 1, 0, &[0; 10]);
    }
    send(&mut queue, 2, 0, &[0; 10]);
    queue.consume(1);
    assert_eq!(queue.drop_front(), 2);
    assert_eq!(shapes(&queue), [(2, 0, 10, 10)]);
    queue.clear();
    assert!(queue.is_empty() && queue.front().is_none());
}

#[derive(Debug, Clone)]
enum Step {
    Commit { to: u16, tos: u8, len: usize },
    Abandon { to: u16, tos: u8, len: usize },
    Consume(usize),
    DropFront,
}

fn step() -> impl Strategy<Value = Step> {
    let len = prop_oneof![
        Just(100usize),
        1usize..200,
        Just(20_000),
        60_000..=MAX_TRAIN_BYTES
    ];
    let place = (0u16..3, 0u8..2, len);
    prop_oneof![
        8 => place.clone().prop_map(|(to, tos, len)| Step::Commit { to, tos, len }),
        2 => place.prop_map(|(to, tos, len)| Step::Abandon { to, tos, len }),
        3 => (1usize..80).prop_map(Step::Consume),
        1 => Just(Step::DropFront),
    ]
}

type Model = HashMap<SocketAddr, VecDeque<(u8, Vec<u8>)>>;

fn take_from_model(model: &mut Model, train: Train<'_>, segments: usize) {
    let waiting = model.get_mut(&train.remote).unwrap();
    for segment in train.segments().take(segments) {
        let (tos, bytes) = waiting
            .pop_front()
            .expect("the queue has more than was committed");
        assert_eq!((tos, bytes.as_slice()), (train.tos, segment));
    }
}

fn check_shape(queue: &GsoQueue) {
    for train in queue.trains() {
        assert!(!train.bytes.is_empty() && train.bytes.len() <= MAX_TRAIN_BYTES);
        assert!(train.segment_count() <= MAX_TRAIN_SEGMENTS);
        let equal = train.segments().take(train.segment_count() - 1);
        assert!(
            equal
                .into_iter()
                .all(|segment| segment.len() == train.segment_len)
        );
    }
}

fn apply(queue: &mut GsoQueue, model: &mut Model, step: &Step, stamp: u8) {
    match *step {
        Step::Commit { to, tos, len } => {
            let free = queue.free_trains();
            let Some(mut slot) = queue.reserve(remote(to), tos, len) else {
                assert_eq!(free, 0, "refused although there is room");
                return;
            };
            assert_eq!(slot.len(), len);
            slot.fill(stamp);
            slot.commit();
            model
                .entry(remote(to))
                .or_default()
                .push_back((tos, vec![stamp; len]));
        }
        Step::Abandon { to, tos, len } => {
            if let Some(mut slot) = queue.reserve(remote(to), tos, len) {
                slot.fill(0xEE);
            }
        }
        Step::Consume(segments) => {
            if let Some(train) = queue.front() {
                take_from_model(model, train, segments);
                queue.consume(segments);
            }
        }
        Step::DropFront => {
            if let Some(train) = queue.front() {
                let count = train.segment_count();
                take_from_model(model, train, count);
                assert_eq!(queue.drop_front(), count);
            }
        }
    }
}

proptest! {
    #[test]
    fn each_remote_gets_exactly_its_committed_datagrams_in_order(
        trains in 1usize..5,
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut queue = GsoQueue::new(trains);
        let mut model = Model::new();
        for (index, step) in steps.iter().enumerate() {
            apply(&mut queue, &mut model, step, u8::try_from(index).unwrap());
            check_shape(&queue);
        }
        while let Some(train) = queue.front() {
            take_from_model(&mut model, train, usize::MAX);
            queue.drop_front();
        }
        prop_assert!(model.values().all(VecDeque::is_empty), "committed datagrams are missing");
    }
}
