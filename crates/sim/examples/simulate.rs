//! Makes very many seeded runs on all cores. scripts/simulate calls this; its arguments are explained there.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use linkveil_net::clock;
use linkveil_sim::random::Seed;
use linkveil_sim::run::{Outcome, run};

/// Failed runs that are shown; the others are counted.
const SHOWN: u64 = 20;
/// Between two lines that say how far it is.
const PROGRESS: Duration = Duration::from_secs(30);

/// What all threads share.
struct Work {
    next: AtomicU64,
    end: u64,
    deadline: Instant,
    sum: Mutex<Sum>,
}

/// Over all runs so far.
struct Sum {
    began: Instant,
    told: Instant,
    runs: u64,
    failed: u64,
    relapsed: u64,
    worst: Outcome,
    virtual_time: Duration,
    sealed: usize,
    cookies: usize,
}

impl Work {
    fn take_part(&self) {
        while clock::now() < self.deadline {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end {
                return;
            }
            let result = run(Seed::new(seed));
            let mut sum = self.sum.lock().expect("no thread panics with it");
            sum.runs += 1;
            match result {
                Ok(outcome) => sum.add(&outcome),
                Err(failure) => sum.fail(&failure.to_string()),
            }
            sum.tell_now_and_then();
        }
    }
}

impl Sum {
    fn new() -> Self {
        let now = clock::now();
        Self {
            began: now,
            told: now,
            runs: 0,
            failed: 0,
            relapsed: 0,
            worst: Outcome::default(),
            virtual_time: Duration::ZERO,
            sealed: 0,
            cookies: 0,
        }
    }

    fn add(&mut self, outcome: &Outcome) {
        let worst = &mut self.worst;
        worst.recovery = worst.recovery.max(outcome.recovery);
        worst.most_held = worst.most_held.max(outcome.most_held);
        worst.epochs = worst.epochs.max(outcome.epochs);
        worst.wakeups = worst.wakeups.max(outcome.wakeups);
        worst.calls = worst.calls.max(outcome.calls);
        self.relapsed += u64::from(outcome.relapses > 0);
        self.virtual_time += outcome.length;
        self.sealed += outcome.sealed;
        self.cookies += outcome.cookies;
    }

    fn fail(&mut self, text: &str) {
        self.failed += 1;
        if self.failed <= SHOWN {
            println!("{text}");
        }
    }

    fn tell_now_and_then(&mut self) {
        let now = clock::now();
        if now.duration_since(self.told) >= PROGRESS {
            self.told = now;
            println!("{} runs, {} failed", self.runs, self.failed);
        }
    }

    fn print(&self) {
        let took = clock::now().duration_since(self.began).as_secs_f64();
        let worst = &self.worst;
        println!(
            "{:.0} hours of virtual time, {} datagrams sealed, {} cookies sent",
            self.virtual_time.as_secs_f64() / 3_600.0,
            self.sealed,
            self.cookies
        );
        println!(
            "at worst: well again after {:.1} s, {} epochs received under at a time, {} timers and {} initiations while well",
            worst.recovery.as_secs_f64(),
            worst.most_held,
            worst.wakeups,
            worst.calls
        );
        println!("{} runs with a relapse", self.relapsed);
        println!(
            "{} runs in {took:.1} s, {:.1} seeds per second, {} failed",
            self.runs,
            self.runs as f64 / took,
            self.failed
        );
    }
}

fn main() -> ExitCode {
    let arguments: Result<Vec<u64>, _> =
        std::env::args().skip(1).map(|text| text.parse()).collect();
    let Ok([runs, first, seconds]) = arguments.as_deref() else {
        eprintln!("simulate RUNS FIRST_SEED SECONDS");
        return ExitCode::from(2);
    };
    let work = Work {
        next: AtomicU64::new(*first),
        end: first.saturating_add(*runs),
        deadline: clock::now() + Duration::from_secs(*seconds),
        sum: Mutex::new(Sum::new()),
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work.take_part());
        }
    });
    let sum = work.sum.into_inner().expect("no thread panicked");
    sum.print();
    if sum.failed == 0 && sum.runs > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
