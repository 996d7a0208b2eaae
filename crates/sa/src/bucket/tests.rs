use proptest::prelude::*;

use super::*;
use crate::testing::start;

const BUDGET: Budget = Budget::per_second(10);

const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// How many tokens can be taken now.
fn drain(bucket: &mut Bucket, now: Instant) -> u32 {
    let mut taken = 0;
    while bucket.take(BUDGET, now).is_ok() {
        taken += 1;
    }
    taken
}

#[test]
fn a_new_bucket_holds_a_burst_and_no_more() {
    let (mut bucket, now) = (Bucket::default(), start());
    assert!(bucket.is_full(now));
    assert_eq!(drain(&mut bucket, now), 10);
    assert!(!bucket.has(BUDGET, now) && !bucket.is_full(now));
    assert_eq!(bucket.take(BUDGET, now), Err(Refused));
}

#[test]
fn tokens_come_back_one_by_one_up_to_a_burst() {
    let (mut bucket, now) = (Bucket::default(), start());
    drain(&mut bucket, now);
    assert_eq!(drain(&mut bucket, now + millis(99)), 0);
    assert_eq!(drain(&mut bucket, now + millis(100)), 1);
    assert_eq!(drain(&mut bucket, now + millis(399)), 2);
    assert!(!bucket.is_full(now + millis(1_299)));
    assert!(bucket.is_full(now + millis(1_300)));
    assert_eq!(drain(&mut bucket, now + Duration::from_secs(3_600)), 10);
}

#[test]
fn a_refusal_costs_nothing() {
    let (mut bucket, now) = (Bucket::default(), start());
    drain(&mut bucket, now);
    for _ in 0..1_000 {
        assert_eq!(bucket.take(BUDGET, now), Err(Refused));
    }
    assert_eq!(drain(&mut bucket, now + millis(100)), 1);
}

proptest! {
    // An oracle that counts tokens as a fraction.
    #[test]
    fn it_gives_what_a_counter_of_tokens_gives(pauses in prop::collection::vec(0_u64..120, 1..500)) {
        let (mut bucket, mut now, mut thousandths) = (Bucket::default(), start(), 10_000_u64);
        for pause in pauses {
            now += millis(pause);
            // 10 tokens a second are 10 thousandths of a token in a millisecond.
            thousandths = (thousandths + pause * 10).min(10_000);
            let expected = thousandths >= 1_000;
            prop_assert_eq!(bucket.take(BUDGET, now).is_ok(), expected);
            if expected {
                thousandths -= 1_000;
            }
        }
    }
}
