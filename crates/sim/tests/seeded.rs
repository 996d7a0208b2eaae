//! A thousand seeded runs against the reference model, in shards that a test runner can run side by side.
//!
//! A failure names its seed and shows what led to it. `LINKVEIL_SEED=123 cargo test -p linkveil-sim --test seeded` makes that
//! run alone, with all of its log (of one that is well with `-- --nocapture`); `LINKVEIL_SEEDS=5000` makes more runs; scripts/simulate makes very many.

use std::env;

use linkveil_sim::log::Log;
use linkveil_sim::random::Seed;
use linkveil_sim::run::{Options, run, run_with};

const RUNS: u64 = 1_000;
const SHARDS: u64 = 8;

fn number(variable: &str) -> Option<u64> {
    env::var(variable)
        .ok()
        .map(|value| value.parse().expect("a number"))
}

fn shard(place: u64) {
    if let Some(seed) = number("LINKVEIL_SEED") {
        if seed % SHARDS == place {
            alone(Seed::new(seed));
        }
        return;
    }
    let runs = number("LINKVEIL_SEEDS").unwrap_or(RUNS);
    let seeds = (0..runs).filter(|seed| seed % SHARDS == place);
    let failures: Vec<String> = seeds
        .filter_map(|seed| run(Seed::new(seed)).err())
        .map(|failure| failure.to_string())
        .collect();
    assert!(
        failures.is_empty(),
        "{} runs failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn alone(seed: Seed) {
    let log = Log::on();
    match run_with(seed, Options { log, fault: None }) {
        Ok(outcome) => println!("{}\nseed {seed} is well", outcome.log.join("\n")),
        Err(failure) => panic!("{}\n{failure}", failure.log.join("\n")),
    }
}

macro_rules! shards {
    ($($name:ident $place:literal)*) => {$(
        // REQ-DATA-3, REQ-REPLAY-1, REQ-EPOCH-1, REQ-EPOCH-2, REQ-EPOCH-6, REQ-EPOCH-9, REQ-EPOCH-10, REQ-EPOCH-11,
        // REQ-CLK-5, REQ-CROSS-3, REQ-LANE-3, REQ-LANE-4, REQ-LIVE-4
        #[test]
        fn $name() {
            shard($place);
        }
    )*};
}

shards! {
    all_is_well_after_any_trouble_0 0
    all_is_well_after_any_trouble_1 1
    all_is_well_after_any_trouble_2 2
    all_is_well_after_any_trouble_3 3
    all_is_well_after_any_trouble_4 4
    all_is_well_after_any_trouble_5 5
    all_is_well_after_any_trouble_6 6
    all_is_well_after_any_trouble_7 7
}

// The same seed is the same run: what a failure prints can be repeated.
#[test]
fn a_run_follows_from_its_seed() {
    let outcomes = [0, 1].map(|_| {
        let log = Log::on();
        run_with(Seed::new(4711), Options { log, fault: None }).unwrap()
    });
    assert!(outcomes[0].log.len() > 1_000);
    assert!(outcomes[0] == outcomes[1], "one of them is another run");
    let silent = run(Seed::new(4711)).unwrap();
    assert!(silent.log.is_empty());
    assert_eq!(outcomes[0].sealed, silent.sealed);
}
