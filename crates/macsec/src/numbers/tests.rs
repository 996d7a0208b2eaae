use super::*;
use crate::policy::Validate;
use crate::testing::{pn, policy};
use proptest::prelude::*;
use std::collections::HashSet;

const EDGE: u64 = 1 << 32;

fn on(window: u32) -> RxPolicy {
    policy(Validate::Strict, ReplayProtect::On, window)
}

fn off(window: u32) -> RxPolicy {
    policy(Validate::Strict, ReplayProtect::Off, window)
}

/// Numbers of which the highest accepted one is `highest`.
fn after(width: PnWidth, highest: u64) -> Numbers {
    let mut numbers = Numbers::new(width, pn(1));
    numbers.accept(pn(highest));
    numbers
}

/// What an association does with an authentic frame.
fn accept(numbers: &mut Numbers, number: u64, policy: &RxPolicy) -> Result<Timeliness, RxScError> {
    let timeliness = numbers.check(pn(number), policy)?;
    numbers.accept(pn(number));
    Ok(timeliness)
}

// REQ-SECY-15
#[test]
fn the_floor_is_exact_for_every_size_of_window() {
    let sizes = (0..200).chain([1_023, 1_024, 16_319, 16_320]);
    for size in sizes {
        for highest in [20_000, 20_001, EDGE - 1, EDGE, EDGE + 5] {
            let numbers = after(PnWidth::Bits64, highest);
            let policy = on(size);
            let lowest = highest + 1 - u64::from(size);
            assert_eq!(numbers.lowest(policy.window), pn(lowest));
            assert_eq!(numbers.check(pn(lowest - 1), &policy), Err(RxScError::Late));
            let wanted = if lowest == highest {
                Err(RxScError::Duplicate)
            } else {
                Ok(Timeliness::InTime)
            };
            assert_eq!(
                numbers.check(pn(lowest), &policy),
                wanted,
                "{size} {highest}"
            );
        }
    }
}

// REQ-SECY-15
#[test]
fn window_zero_asks_for_strict_order() {
    let mut numbers = Numbers::new(PnWidth::Bits32, pn(1));
    for number in [1, 2, 5, 6, 100] {
        let mut accepted = |number| accept(&mut numbers, number, &on(0));
        assert_eq!(accepted(number), Ok(Timeliness::InTime));
        for earlier in 1..=number {
            assert_eq!(accepted(earlier), Err(RxScError::Late));
        }
    }
}

// REQ-SECY-15
#[test]
fn nothing_below_the_first_number_is_acceptable() {
    for (width, policy) in [
        (PnWidth::Bits32, on(0)),
        (PnWidth::Bits64, on(100)),
        (PnWidth::Bits64, on(16_320)),
    ] {
        let mut numbers = Numbers::new(width, pn(1_000));
        assert_eq!(numbers.lowest(policy.window), pn(1_000));
        for number in [0, 1, 999] {
            assert_eq!(numbers.check(pn(number), &policy), Err(RxScError::Late));
        }
        assert_eq!(accept(&mut numbers, 1_000, &policy), Ok(Timeliness::InTime));
        assert_eq!(numbers.check(pn(999), &policy), Err(RxScError::Late));
    }
}

// REQ-SECY-16
#[test]
fn a_number_inside_the_window_is_accepted_once() {
    for size in [1, 2, 63, 64, 65, 1_024, 16_320] {
        let mut numbers = Numbers::new(PnWidth::Bits64, pn(1));
        for number in (1..=3 * size).step_by(2) {
            accept(&mut numbers, number.into(), &on(size)).unwrap();
        }
        let highest = u64::from(3 * size - (3 * size + 1) % 2);
        let lowest = (highest + 1).saturating_sub(size.into()).max(1);
        for number in lowest..=highest {
            let wanted = if number % 2 == 1 {
                Err(RxScError::Duplicate)
            } else {
                Ok(Timeliness::InTime)
            };
            assert_eq!(
                numbers.check(pn(number), &on(size)),
                wanted,
                "{size} {number}"
            );
        }
    }
}

// REQ-SECY-20
#[test]
fn without_replay_protection_all_numbers_pass_and_the_late_ones_are_delayed() {
    let mut numbers = Numbers::new(PnWidth::Bits32, pn(1));
    for number in [50_000, 50_000, 1, 2, 1, 49_900, 50_001, 33_566] {
        let lowest = numbers.lowest(off(100).window);
        let wanted = if pn(number) < lowest {
            Timeliness::Delayed
        } else {
            Timeliness::InTime
        };
        assert_eq!(accept(&mut numbers, number, &off(100)), Ok(wanted));
    }
    // Old numbers left no mark among the new: 33,566 has its bit where 49,950 has it.
    assert_eq!(numbers.check(pn(49_950), &on(100)), Ok(Timeliness::InTime));
    assert_eq!(
        numbers.check(pn(50_001), &on(100)),
        Err(RxScError::Duplicate)
    );
}

// REQ-SECY-17
#[test]
fn short_numbers_are_what_the_field_says() {
    for highest in [1, 1 << 31, EDGE - 2] {
        let numbers = after(PnWidth::Bits32, highest);
        for field in [0, 1, 5, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            assert_eq!(numbers.recover(PnField::new(field)), pn(field.into()));
        }
    }
}

/// The rule of 10.6.2 with integers that never wrap, said the other way around: of all numbers that
/// end like the field, the least that is not below the half in which `lowest` is.
fn recovered_by_search(lowest: u64, field: u32) -> u128 {
    let half = u128::from(lowest) / (1 << 31) * (1 << 31);
    let upper = u128::from(lowest) >> 32;
    (upper.saturating_sub(1)..upper + 3)
        .map(|upper| (upper << 32) + u128::from(field))
        .find(|number| *number >= half)
        .unwrap()
}

// REQ-SECY-17
#[test]
fn frames_around_the_edge_get_their_numbers_back_in_any_order() {
    for edge in [EDGE, 2 * EDGE, 7 * EDGE, (1 << 40), u64::MAX - EDGE + 1] {
        for highest in (edge - 20_000..edge + 20_000).step_by(117) {
            let numbers = after(PnWidth::Bits64, highest);
            for distance in [0, 1, 2, 100, 1_023, 16_319] {
                for number in [highest - distance, highest + distance] {
                    let field = PnField::of(pn(number));
                    assert_eq!(numbers.recover(field), pn(number), "{highest} {number}");
                }
            }
            // As far ahead as an outage of 2^31 frames.
            let far = highest - 16_320 + (1 << 31);
            assert_eq!(numbers.recover(PnField::of(pn(far))), pn(far));
        }
    }
}

// REQ-SECY-17
#[test]
fn late_frames_are_late_and_not_far_ahead_even_with_the_narrowest_window() {
    for highest in EDGE..EDGE + 5_000 {
        let numbers = after(PnWidth::Bits64, highest);
        let late = numbers.recover(PnField::of(pn(highest - 6_000)));
        assert_eq!(numbers.check(late, &on(0)), Err(RxScError::Late));
    }
}

// REQ-SECY-17
#[test]
fn there_is_nothing_beyond_the_end_of_the_numbers() {
    let numbers = after(PnWidth::Bits64, u64::MAX);
    for field in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 2, u32::MAX] {
        let number = numbers.recover(PnField::new(field));
        assert_eq!(PnField::of(number), PnField::new(field));
        assert_eq!(number.get() >> 32, u64::from(u32::MAX));
        assert!(numbers.check(number, &on(1)).is_err());
    }
    assert_eq!(numbers.next(), pn(u64::MAX));
}

/// The rules in the simplest words: everything that was accepted, in numbers that never wrap.
struct Oracle {
    first: u128,
    next: u128,
    accepted: HashSet<u128>,
}

impl Oracle {
    fn accept(&mut self, number: u128, window: u32) -> Result<Timeliness, RxScError> {
        if number < self.first || number + u128::from(window) < self.next {
            return Err(RxScError::Late);
        }
        if !self.accepted.insert(number) {
            return Err(RxScError::Duplicate);
        }
        self.next = self.next.max(number + 1);
        Ok(Timeliness::InTime)
    }
}

/// How the next number stands to the highest so far.
fn steps() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![
        8 => 1..4_i64,
        6 => -40..40_i64,
        3 => -1_200..1_200_i64,
        2 => -16_320..17_000_i64,
        1 => 0..(1_i64 << 31) - 20_000,
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    // REQ-SECY-17
    #[test]
    fn recovery_agrees_with_a_search_among_all_candidates(
        highest in prop_oneof![
            1..u64::MAX - 2 * EDGE,
            (0..40_000_u64, 1..100_u64).prop_map(|(at, edge)| edge * EDGE - 20_000 + at),
            (0..40_000_u64, 1..100_u64)
                .prop_map(|(at, edge)| edge * EDGE + (1 << 31) - 20_000 + at),
        ],
        field in any::<u32>(),
    ) {
        let numbers = after(PnWidth::Bits64, highest);
        let lowest = (highest + 1).saturating_sub(WINDOW_PACKETS);
        let number = numbers.recover(PnField::new(field)).get();
        prop_assert_eq!(u128::from(number), recovered_by_search(lowest, field));
    }

    // REQ-SECY-15, REQ-SECY-16, REQ-SECY-17
    #[test]
    fn an_oracle_with_big_integers_agrees(
        first in prop_oneof![1..100_u64, EDGE - 30_000..EDGE + 100, 3 * EDGE - 50..3 * EDGE + 50],
        window in prop_oneof![Just(0_u32), 1..100_u32, Just(1_024), Just(16_320)],
        steps in steps(),
    ) {
        let mut numbers = Numbers::new(PnWidth::Bits64, pn(first));
        let mut oracle = Oracle {
            first: first.into(),
            next: first.into(),
            accepted: HashSet::new(),
        };
        for step in steps {
            // The sender's number; only its lower half is on the wire.
            let number = oracle.next.saturating_add_signed(step.into()).max(1);
            let sent = pn(u64::try_from(number).unwrap());
            let recovered = numbers.recover(PnField::of(sent));
            prop_assert_eq!(recovered, sent);
            let got = accept(&mut numbers, recovered.get(), &on(window));
            prop_assert_eq!(got, oracle.accept(number, window), "number {}", number);
        }
    }
}
