//! Seeded runs of two MACsec ports against the reference model. `LINKVEIL_SEED=123 cargo test -p linkveil-sim --test ports`
//! makes one run with its log, `LINKVEIL_SEEDS=5000` more of them; `scripts/simulate --macsec` makes very many.

use std::collections::HashSet;
use std::env;

use linkveil_sim::log::Log;
use linkveil_sim::port::run::{run, run_with};
use linkveil_sim::random::Seed;

const RUNS: u64 = 200;
const SHARDS: u64 = 4;

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
    let failures: Vec<_> = seeds
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
    match run_with(seed, Log::on()) {
        Ok(outcome) => println!("{}\nseed {seed} is well", outcome.log.join("\n")),
        Err(failure) => panic!("{}\n{failure}", failure.log.join("\n")),
    }
}

macro_rules! shards {
    ($($name:ident $place:literal)*) => {$(
        // REQ-MSEC-15, REQ-MSEC-17, REQ-MSEC-18, REQ-MSEC-19, REQ-MSEC-20, REQ-MSEC-22, REQ-MSEC-24, REQ-MSEC-25,
        // REQ-CROSS-3, REQ-EPOCH-10
        #[test]
        fn $name() {
            shard($place);
        }
    )*};
}

shards! {
    no_rotation_loses_a_frame_0 0
    no_rotation_loses_a_frame_1 1
    no_rotation_loses_a_frame_2 2
    no_rotation_loses_a_frame_3 3
}

// The runs are about something: all kinds of trouble, many keys, and what was sent came out.
#[test]
fn runs_see_every_kind_of_trouble() {
    let outcomes: Vec<_> = (0..24)
        .map(|seed| run(Seed::new(seed)).unwrap_or_else(|failure| panic!("{failure}")))
        .collect();
    let kinds = outcomes.iter().flat_map(|outcome| &outcome.troubles);
    let kinds: HashSet<_> = kinds.map(|trouble| format!("{trouble:?}")).collect();
    assert_eq!(kinds.len(), 5 + 2 * 5, "{kinds:?}");
    for outcome in outcomes {
        assert!(outcome.keys > 4 && outcome.completed > 4, "{outcome:?}");
        assert!(outcome.delivered * 2 > outcome.sealed, "{outcome:?}");
    }
}

// The same seed is the same run: what a failure prints can be repeated.
#[test]
fn a_run_follows_from_its_seed() {
    let logs = [0, 1].map(|_| run_with(Seed::new(11), Log::on()).unwrap().log);
    assert!(logs[0].len() > 50);
    assert!(logs[0] == logs[1], "one of them is another run");
}
