use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn put(outbox: &mut PortOutbox, frame: &[u8]) -> Option<()> {
    let mut slot = outbox.reserve(frame.len())?;
    slot.copy_from_slice(frame);
    slot.commit();
    Some(())
}

#[test]
fn a_slot_that_is_dropped_was_never_there() {
    let mut outbox = PortOutbox::new(4, 4096);
    put(&mut outbox, b"one").unwrap();
    outbox.reserve(100).unwrap().fill(9);
    assert_eq!(outbox.len(), 1);
    put(&mut outbox, b"two").unwrap();
    let frames: Vec<_> = outbox.frames().collect();
    assert_eq!(frames, [b"one", b"two"]);
}

#[test]
fn frames_have_bounds() {
    let mut outbox = PortOutbox::new(64, 2 * PORT_FRAME_LEN);
    assert!(outbox.reserve(0).is_none());
    assert!(outbox.reserve(PORT_FRAME_LEN + 1).is_none());
    put(&mut outbox, &[1; PORT_FRAME_LEN]).unwrap();
    put(&mut outbox, &[2; PORT_FRAME_LEN]).unwrap();
    assert!(outbox.reserve(1).is_none());
    outbox.consume(1);
    assert!(
        outbox.reserve(1).is_none(),
        "its place is free when all have left"
    );
    outbox.consume(1);
    assert!(outbox.is_empty() && outbox.reserve(1).is_some());
    let mut few = PortOutbox::new(2, 4096);
    assert!(few.has_room_for(2, 64) && !few.has_room_for(3, 1));
    assert!(few.has_room_for(1, 4096) && !few.has_room_for(2, 2049));
    put(&mut few, b"a").unwrap();
    put(&mut few, b"b").unwrap();
    assert!(few.reserve(1).is_none());
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u8>),
    GiveUp(usize),
    Consume(usize),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 1..200).prop_map(Step::Put),
        1 => (1usize..200).prop_map(Step::GiveUp),
        3 => (0usize..5).prop_map(Step::Consume),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn it_is_a_queue(steps in prop::collection::vec(step(), 0..80)) {
        let mut outbox = PortOutbox::new(16, 1500);
        let mut oracle = VecDeque::new();
        for step in steps {
            match step {
                Step::Put(frame) => {
                    let room = outbox.has_room_for(1, frame.len());
                    prop_assert_eq!(put(&mut outbox, &frame).is_some(), room);
                    oracle.extend(room.then_some(frame));
                }
                Step::GiveUp(len) => drop(outbox.reserve(len)),
                Step::Consume(frames) => {
                    outbox.consume(frames);
                    oracle.drain(..frames.min(oracle.len()));
                }
                Step::Clear => {
                    outbox.clear();
                    oracle.clear();
                }
            }
            prop_assert_eq!(outbox.len(), oracle.len());
            let waiting: Vec<Vec<u8>> = outbox.frames().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(waiting, Vec::from(oracle.clone()));
            prop_assert!(!oracle.is_empty() || outbox.has_room_for(16, 64));
        }
    }
}
