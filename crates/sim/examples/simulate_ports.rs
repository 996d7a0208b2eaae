//! Makes very many seeded runs of two MACsec ports on all cores. scripts/simulate --macsec calls this.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use linkveil_net::clock;
use linkveil_sim::port::run::run;
use linkveil_sim::random::Seed;

/// Failed runs that are shown; the others are counted.
const SHOWN: u64 = 20;

#[derive(Default)]
struct Sum {
    runs: u64,
    failed: u64,
    sealed: usize,
    delivered: usize,
    keys: usize,
    most_keys: usize,
}

fn main() -> ExitCode {
    let arguments: Result<Vec<u64>, _> =
        std::env::args().skip(1).map(|text| text.parse()).collect();
    let Ok([runs, first, seconds]) = arguments.as_deref() else {
        eprintln!("simulate_ports RUNS FIRST_SEED SECONDS");
        return ExitCode::from(2);
    };
    let began = clock::now();
    let (deadline, end) = (
        began + Duration::from_secs(*seconds),
        first.saturating_add(*runs),
    );
    let (next, sum) = (AtomicU64::new(*first), Mutex::new(Sum::default()));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while clock::now() < deadline {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let result = run(Seed::new(seed));
                    let mut sum = sum.lock().expect("no thread panics with it");
                    sum.add(result.as_ref().map_err(|failure| failure.to_string()));
                }
            });
        }
    });
    let sum = sum.into_inner().expect("no thread panicked");
    let took = clock::now().duration_since(began).as_secs_f64();
    println!(
        "{} frames sealed under {} keys (at most {} in a run), {} data frames delivered",
        sum.sealed, sum.keys, sum.most_keys, sum.delivered
    );
    println!(
        "{} runs in {took:.1} s, {:.1} seeds per second, {} failed",
        sum.runs,
        sum.runs as f64 / took,
        sum.failed
    );
    if sum.failed == 0 && sum.runs > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

impl Sum {
    fn add(&mut self, result: Result<&linkveil_sim::port::run::PortOutcome, String>) {
        self.runs += 1;
        match result {
            Ok(outcome) => {
                self.sealed += outcome.sealed;
                self.delivered += outcome.delivered;
                self.keys += outcome.keys;
                self.most_keys = self.most_keys.max(outcome.keys);
            }
            Err(text) => {
                self.failed += 1;
                if self.failed <= SHOWN {
                    println!("{text}");
                }
            }
        }
    }
}
