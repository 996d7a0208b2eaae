//! Calibrated loops in interleaved rounds, on one or several cores.
//!
//! Every round takes one sample of each subject before the next round begins, so that a slow moment of the machine hits
//! all of them. How often a loop runs for one sample is found out before the first round.

use std::io;
use std::sync::{PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use linkveil_net::affinity::{Core, allowed_cores, pin_to};

use crate::progress::Progress;
use crate::stats::Summary;

/// Packets of the first look at how long a packet takes.
const FIRST_LOOK: u64 = 64;
/// What calibration takes for long enough to be extrapolated, as a share of a sample.
const LOOK_SHARE: u32 = 8;
/// Steps of calibration, each at least twice the one before: 2^40 times [`FIRST_LOOK`] is more than any sample.
const LOOKS: usize = 40;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum TimingError {
    /// The kernel refused something, for example a thread.
    #[error("the system refuses: {0}")]
    System(#[from] io::Error),
    /// What was measured did not do what the figure says.
    #[error("{subject}: {fault}")]
    Fault {
        /// What was measured.
        subject: String,
        /// What it did instead.
        fault: String,
    },
    /// A sample without a duration or a packet.
    #[error("{0}: the clock shows no time for it; a longer --sample may help")]
    NoTime(String),
}

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Samples of every subject.
    pub rounds: u32,
    /// How long one sample takes.
    pub sample: Duration,
}

/// What a worker did, and how long that took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// Packets, at least 1.
    pub packets: u64,
    /// Their time; what prepared them is not in it.
    pub elapsed: Duration,
    /// The part of it that queues in memory took for their own copies; zero where there are none.
    pub copying: Duration,
}

impl Done {
    /// Nothing yet.
    pub const NOTHING: Self = Self {
        packets: 0,
        elapsed: Duration::ZERO,
        copying: Duration::ZERO,
    };

    /// So many packets, without queues.
    #[must_use]
    pub const fn new(packets: u64, elapsed: Duration) -> Self {
        Self {
            packets,
            elapsed,
            copying: Duration::ZERO,
        }
    }

    /// So much more.
    pub fn add(&mut self, more: Self) {
        self.packets += more.packets;
        self.elapsed += more.elapsed;
        self.copying += more.copying;
    }
}

/// One thread's part of a subject.
pub trait Worker: Send {
    /// Handles `packets` packets or a few more.
    ///
    /// # Errors
    ///
    /// What happened instead, in words.
    fn run(&mut self, packets: u64) -> Result<Done, String>;
}

/// One sample of a subject.
struct Sample {
    /// Nanoseconds that one packet takes one worker.
    nanoseconds: f64,
    /// Those of them that queues in memory took for their own copies.
    copying: f64,
    /// How long the longest worker needed.
    longest: Duration,
}

/// What the samples of a subject came to, in nanoseconds that one packet takes one worker.
#[derive(Clone, PartialEq, Debug)]
pub struct Times {
    /// All of it.
    pub whole: Summary,
    /// The part that queues in memory took for their own copies, in the same samples.
    pub copying: Summary,
}

impl Times {
    fn of(samples: &[Sample]) -> Option<Self> {
        let summary = |part: fn(&Sample) -> f64| Summary::of(samples.iter().map(part).collect());
        Some(Self {
            whole: summary(|sample| sample.nanoseconds)?,
            copying: summary(|sample| sample.copying)?,
        })
    }
}

/// Something that is measured: one worker for each core that takes part.
pub struct Subject {
    name: String,
    workers: Vec<Box<dyn Worker>>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Subject({:?}, {} workers)",
            self.name,
            self.workers.len()
        )
    }
}

impl Subject {
    /// What these workers do at the same time, each on a core of its own while there are as many.
    #[must_use]
    pub fn new(name: impl Into<String>, workers: Vec<Box<dyn Worker>>) -> Self {
        let name = name.into();
        Self { name, workers }
    }

    /// A subject of one core.
    #[must_use]
    pub fn single(name: impl Into<String>, worker: impl Worker + 'static) -> Self {
        Self::new(name, vec![Box::new(worker)])
    }

    fn sample(&mut self, packets: u64, cores: &[Core]) -> Result<Sample, TimingError> {
        let done = run_all(&mut self.workers, packets, cores)?;
        let fault = |fault| TimingError::Fault {
            subject: self.name.clone(),
            fault,
        };
        let done: Vec<Done> = done.into_iter().collect::<Result<_, _>>().map_err(fault)?;
        // Workers do not end at the same moment, so their rates are added, not their packets.
        let rates = done
            .iter()
            .map(|done| done.packets as f64 / done.elapsed.as_secs_f64());
        let nanoseconds = done.len() as f64 * 1e9 / rates.sum::<f64>();
        if !(nanoseconds.is_finite() && nanoseconds > 0.0) {
            return Err(TimingError::NoTime(self.name.clone()));
        }
        let share = |done: &Done| done.copying.as_secs_f64() / done.elapsed.as_secs_f64();
        let longest = done.iter().map(|done| done.elapsed).max();
        Ok(Sample {
            nanoseconds,
            copying: nanoseconds * done.iter().map(share).sum::<f64>() / done.len() as f64,
            longest: longest.unwrap_or_default(),
        })
    }

    /// How many packets fill one sample.
    fn calibrate(&mut self, sample: Duration, cores: &[Core]) -> Result<u64, TimingError> {
        let mut packets = FIRST_LOOK;
        for _ in 0..LOOKS {
            match self.sample(packets, cores) {
                Ok(look) if look.longest >= sample / LOOK_SHARE => {
                    // A float beyond u64 becomes its maximum; the loop ends by then, all the same.
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "saturates"
                    )]
                    let fill = (sample.as_nanos() as f64 / look.nanoseconds).ceil() as u64;
                    return Ok(fill.max(1));
                }
                Ok(_) | Err(TimingError::NoTime(_)) => packets = packets.saturating_mul(2),
                Err(error) => return Err(error),
            }
        }
        Err(TimingError::NoTime(self.name.clone()))
    }
}

/// Lets all workers begin together. The outer error is the system's, the inner ones are theirs.
fn run_all(
    workers: &mut [Box<dyn Worker>],
    packets: u64,
    cores: &[Core],
) -> Result<Vec<Result<Done, String>>, io::Error> {
    // Closed while this side writes; should a thread be refused, the others are let through and end.
    let gate = RwLock::new(());
    thread::scope(|scope| {
        let closed = gate.write().unwrap_or_else(PoisonError::into_inner);
        let mut threads = Vec::with_capacity(workers.len());
        for (worker, core) in workers.iter_mut().zip(cores.iter().copied().cycle()) {
            let gate = &gate;
            let work = move || {
                let _runs_anywhere = pin_to(core);
                drop(gate.read());
                worker.run(packets)
            };
            threads.push(
                thread::Builder::new()
                    .name("bench".to_owned())
                    .spawn_scoped(scope, work)?,
            );
        }
        drop(closed);
        let ended = threads.into_iter().map(|thread| {
            let panicked = |_| Err("its thread panicked".to_owned());
            thread.join().unwrap_or_else(panicked)
        });
        Ok(ended.collect())
    })
}

/// Nanoseconds that a packet takes one worker of each subject, in the subjects' order.
///
/// # Errors
///
/// A subject that did something else than it should, or threads that cannot be had.
pub fn measure(
    plan: Plan,
    subjects: &mut [Subject],
    progress: &mut Progress<'_>,
) -> Result<Vec<Times>, TimingError> {
    let cores = allowed_cores()?;
    progress.say(format_args!(
        "{} subjects, {} rounds of {} each",
        subjects.len(),
        plan.rounds,
        humantime::format_duration(plan.sample)
    ));
    let calibrated = subjects
        .iter_mut()
        .map(|subject| subject.calibrate(plan.sample, &cores));
    let counts: Vec<u64> = calibrated.collect::<Result<_, _>>()?;
    let mut samples: Vec<Vec<Sample>> = subjects.iter().map(|_| Vec::new()).collect();
    for round in 1..=plan.rounds {
        progress.say(format_args!("round {round} of {}", plan.rounds));
        for ((subject, count), samples) in subjects.iter_mut().zip(&counts).zip(&mut samples) {
            samples.push(subject.sample(*count, &cores)?);
        }
    }
    let summed = subjects.iter().zip(samples).map(|(subject, samples)| {
        Times::of(&samples).ok_or_else(|| TimingError::NoTime(subject.name.clone()))
    });
    summed.collect()
}

#[cfg(test)]
mod tests;
