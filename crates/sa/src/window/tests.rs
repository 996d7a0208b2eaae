use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn number(value: u64) -> PacketNumber {
    PacketNumber::new(value)
}

/// Check and, if that says yes, commit: what `open_in_place` does with an authentic datagram.
fn accept(window: &mut ReplayWindow, value: u64) -> Result<(), Replay> {
    window.check(number(value))?;
    window.commit(number(value));
    Ok(())
}

// REQ-REPLAY-1
#[test]
fn the_first_numbers_are_accepted_once_each_in_any_order() {
    let mut window = ReplayWindow::new();
    assert!(window.is_empty());
    for value in [3, 1, 2, 4] {
        assert_eq!(accept(&mut window, value), Ok(()));
    }
    assert!(!window.is_empty());
    for value in 1..=4 {
        assert_eq!(accept(&mut window, value), Err(Replay::Duplicate));
    }
}

#[test]
fn number_zero_is_never_accepted() {
    let mut window = ReplayWindow::new();
    assert_eq!(window.check(number(0)), Err(Replay::TooOld));
    accept(&mut window, 5).unwrap();
    assert_eq!(window.check(number(0)), Err(Replay::TooOld));
}

// REQ-REPLAY-4
#[test]
fn a_check_alone_changes_nothing() {
    let mut window = ReplayWindow::new();
    accept(&mut window, 10).unwrap();
    assert_eq!(window.check(number(1_000_000)), Ok(()));
    assert_eq!(window.check(number(1_000_000)), Ok(()));
    assert_eq!(window.check(number(9)), Ok(()), "the window did not move");
}

// REQ-REPLAY-2, REQ-REPLAY-3
#[test]
fn the_width_is_exact_at_every_offset_in_a_word() {
    for offset in 0..2 * WORD_BITS {
        let highest = 5 * WINDOW_PACKETS + offset;
        let oldest = highest - WINDOW_PACKETS + 1;
        let mut window = ReplayWindow::new();
        accept(&mut window, highest).unwrap();
        assert_eq!(window.check(number(oldest - 1)), Err(Replay::TooOld));
        assert_eq!(accept(&mut window, oldest), Ok(()));
        assert_eq!(window.check(number(oldest)), Err(Replay::Duplicate));
        assert_eq!(window.check(number(oldest + 1)), Ok(()));
    }
}

#[test]
fn a_jump_over_the_whole_ring_forgets_every_old_bit() {
    for jump in [
        WINDOW_PACKETS - 1,
        WINDOW_PACKETS,
        WINDOW_PACKETS + 1,
        WORDS as u64 * WORD_BITS,
        10 * WORDS as u64 * WORD_BITS + 7,
        1 << 40,
    ] {
        let mut window = ReplayWindow::new();
        for value in 1..=200 {
            accept(&mut window, value).unwrap();
        }
        let highest = 200 + jump;
        accept(&mut window, highest).unwrap();
        let oldest = (highest - WINDOW_PACKETS + 1).max(201);
        for value in (oldest..oldest + 200).chain(highest - 200..highest) {
            if value > 200 {
                assert_eq!(
                    window.check(number(value)),
                    Ok(()),
                    "{value} after jump {jump}"
                );
            }
        }
    }
}

#[test]
fn a_step_of_one_word_clears_just_that_word() {
    let mut window = ReplayWindow::new();
    let ring = WORDS as u64 * WORD_BITS;
    for value in 1..=ring + WORD_BITS {
        accept(&mut window, value).unwrap();
    }
    for value in ring + WORD_BITS - WINDOW_PACKETS + 1..=ring + WORD_BITS {
        assert_eq!(window.check(number(value)), Err(Replay::Duplicate));
    }
}

#[test]
fn the_end_of_the_number_space_does_not_wrap() {
    let mut window = ReplayWindow::new();
    accept(&mut window, u64::MAX - 1).unwrap();
    accept(&mut window, u64::MAX).unwrap();
    assert_eq!(window.check(number(u64::MAX)), Err(Replay::Duplicate));
    assert_eq!(window.check(number(u64::MAX - 1)), Err(Replay::Duplicate));
    assert_eq!(window.check(number(u64::MAX - 2)), Ok(()));
    assert_eq!(
        window.check(number(u64::MAX - WINDOW_PACKETS)),
        Err(Replay::TooOld)
    );
    assert_eq!(window.check(number(1)), Err(Replay::TooOld));
}

/// The rule in the simplest words: a set of all that was accepted.
#[derive(Default)]
struct Oracle {
    accepted: HashSet<u64>,
    highest: u64,
}

impl Oracle {
    fn accept(&mut self, value: u64) -> Result<(), Replay> {
        if value == 0 || self.highest.saturating_sub(value) >= WINDOW_PACKETS {
            return Err(Replay::TooOld);
        }
        if !self.accepted.insert(value) {
            return Err(Replay::Duplicate);
        }
        self.highest = self.highest.max(value);
        Ok(())
    }
}

/// How the next number relates to the highest so far.
#[derive(Clone, Copy, Debug)]
enum Step {
    Ahead(u64),
    Behind(u64),
    Absolute(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let edge = WINDOW_PACKETS;
    prop_oneof![
        8 => (0..4_u64).prop_map(Step::Ahead),
        4 => (0..200_u64).prop_map(Step::Ahead),
        2 => (edge - 70..edge + 70).prop_map(Step::Ahead),
        1 => (0..100_000_u64).prop_map(Step::Ahead),
        8 => (0..200_u64).prop_map(Step::Behind),
        4 => (edge - 70..edge + 70).prop_map(Step::Behind),
        1 => any::<u64>().prop_map(Step::Behind),
        1 => (0..300_u64).prop_map(Step::Absolute),
    ]
}

fn start() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(1),
        1..100_000_u64,
        any::<u64>(),
        (0..100_000_u64).prop_map(|back| u64::MAX - back),
        (0..200_u64).prop_map(|around| u64::from(u32::MAX) - 100 + around),
    ]
}

proptest! {
    #[test]
    fn a_set_of_everything_accepted_agrees(
        start in start(),
        steps in prop::collection::vec(step(), 1..600),
    ) {
        let mut window = ReplayWindow::new();
        let mut oracle = Oracle::default();
        prop_assert_eq!(accept(&mut window, start), oracle.accept(start));
        for step in steps {
            let value = match step {
                Step::Ahead(by) => oracle.highest.saturating_add(by),
                Step::Behind(by) => oracle.highest.saturating_sub(by),
                Step::Absolute(value) => value,
            };
            prop_assert_eq!(accept(&mut window, value), oracle.accept(value), "number {}", value);
        }
    }
}
