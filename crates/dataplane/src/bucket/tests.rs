use super::*;
use linkveil_net::clock;
use proptest::prelude::*;

const RATE: Rate = Rate {
    burst: 4,
    interval: Duration::from_millis(10),
};

fn taken(bucket: &mut Bucket, now: Instant, tries: usize) -> usize {
    let tokens = (0..tries).map(|_| bucket.take(RATE, now));
    tokens.filter(|token| *token == Token::Taken).count()
}

#[test]
fn a_burst_is_there_at_once_and_comes_back_one_by_one() {
    let start = clock::now();
    let mut bucket = Bucket::full(start);
    assert_eq!(taken(&mut bucket, start, 9), 4);
    let after = |ms| start + Duration::from_millis(ms);
    assert_eq!(taken(&mut bucket, after(9), 9), 0);
    assert_eq!(taken(&mut bucket, after(10), 9), 1);
    assert_eq!(taken(&mut bucket, after(35), 9), 2);
    assert_eq!(taken(&mut bucket, after(10_000), 9), 4);
}

proptest! {
    /// Against a bucket that counts its tokens.
    #[test]
    fn it_gives_what_a_counting_bucket_gives(pauses in prop::collection::vec(0_u64..30, 1..200)) {
        let start = clock::now();
        let (mut bucket, mut now) = (Bucket::full(start), start);
        // In milliseconds of refill: a token is worth ten.
        let mut level = 40_u64;
        for pause in pauses {
            now += Duration::from_millis(pause);
            level = (level + pause).min(40);
            let expected = if level >= 10 { Token::Taken } else { Token::None };
            prop_assert_eq!(bucket.take(RATE, now), expected);
            if expected == Token::Taken {
                level -= 10;
            }
        }
    }
}
