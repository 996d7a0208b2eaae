use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Takes a fixed time for each packet, by its own account.
struct Fixed {
    nanoseconds: u64,
    runs: Arc<AtomicU64>,
}

impl Worker for Fixed {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        let elapsed = Duration::from_nanos(self.nanoseconds * packets);
        Ok(Done::new(packets, elapsed))
    }
}

fn fixed(nanoseconds: u64) -> (Box<dyn Worker>, Arc<AtomicU64>) {
    let runs = Arc::new(AtomicU64::new(0));
    let worker = Fixed {
        nanoseconds,
        runs: Arc::clone(&runs),
    };
    (Box::new(worker), runs)
}

const PLAN: Plan = Plan {
    rounds: 3,
    sample: Duration::from_millis(2),
};

fn measured(plan: Plan, subjects: &mut [Subject]) -> Result<Vec<Summary>, TimingError> {
    let times = measure(plan, subjects, &mut Progress::new(&mut Vec::new()))?;
    Ok(times.into_iter().map(|times| times.whole).collect())
}

#[test]
fn a_sample_is_as_long_as_it_was_asked_to_be() {
    let (worker, _) = fixed(100);
    let mut subject = Subject::new("a", vec![worker]);
    let cores = allowed_cores().unwrap();
    let count = subject.calibrate(PLAN.sample, &cores).unwrap();
    assert_eq!(count, 20_000, "2 ms at 100 ns each");
    let sample = subject.sample(count, &cores).unwrap();
    assert_eq!((sample.nanoseconds, sample.longest), (100.0, PLAN.sample));
    assert_eq!(sample.copying, 0.0);
}

#[test]
fn every_subject_gives_one_sample_a_round() {
    let (fast, fast_runs) = fixed(10);
    let (slow, slow_runs) = fixed(1_000);
    let mut subjects = [
        Subject::new("fast", vec![fast]),
        Subject::new("slow", vec![slow]),
    ];
    let summaries = measured(PLAN, &mut subjects).unwrap();
    assert_eq!(summaries[0].samples, [10.0; 3]);
    assert_eq!(summaries[1].samples, [1_000.0; 3]);
    // 64 packets at 10 ns are short of an eighth of 2 ms, until they have been doubled nine times.
    assert_eq!(fast_runs.load(Ordering::Relaxed), 10 + 3);
    assert_eq!(slow_runs.load(Ordering::Relaxed), 3 + 3);
}

#[test]
fn workers_of_one_subject_add_up_their_rates() {
    let (a, _) = fixed(100);
    let (b, _) = fixed(300);
    let summaries = measured(PLAN, &mut [Subject::new("both", vec![a, b])]).unwrap();
    // Together 1/100 + 1/300 packets a nanosecond, and there are two of them.
    assert!((summaries[0].median - 150.0).abs() < 1e-6);
}

#[test]
fn a_fault_names_its_subject() {
    struct Broken;
    impl Worker for Broken {
        fn run(&mut self, _: u64) -> Result<Done, String> {
            Err("lost 3 packets".to_owned())
        }
    }
    let error = measured(PLAN, &mut [Subject::single("lane", Broken)]).unwrap_err();
    assert_eq!(error.to_string(), "lane: lost 3 packets");
}

#[test]
fn a_worker_that_takes_no_time_is_an_error_and_no_endless_loop() {
    let (worker, _) = fixed(0);
    let error = measured(PLAN, &mut [Subject::new("nothing", vec![worker])]).unwrap_err();
    assert!(matches!(error, TimingError::NoTime(name) if name == "nothing"));
}

#[test]
fn copies_of_queues_are_told_apart_in_the_same_samples() {
    struct Copying(u64);
    impl Worker for Copying {
        fn run(&mut self, packets: u64) -> Result<Done, String> {
            Ok(Done {
                packets,
                elapsed: Duration::from_nanos(100 * packets),
                copying: Duration::from_nanos(self.0 * packets),
            })
        }
    }
    let both = [Copying(20), Copying(40)].map(|worker| -> Box<dyn Worker> { Box::new(worker) });
    let mut subjects = [Subject::new("both", both.into())];
    let times = measure(PLAN, &mut subjects, &mut Progress::new(&mut Vec::new())).unwrap();
    assert_eq!(times[0].whole.samples.len(), 3);
    assert!((times[0].whole.median - 100.0).abs() < 1e-6);
    assert!((times[0].copying.median - 30.0).abs() < 1e-6);
}
