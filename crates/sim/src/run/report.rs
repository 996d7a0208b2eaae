//! What goes into a run and what comes out of it.

use std::fmt;
use std::time::Duration;

use crate::fault::Fault;
use crate::link::GatewayId;
use crate::log::Log;
use crate::random::Seed;

/// What a run is made with besides its seed.
#[derive(Debug, Default)]
pub struct Options {
    /// Where to write what happens.
    pub log: Log,
    /// Which gateway is broken, and how.
    pub fault: Option<(GatewayId, Fault)>,
}

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// The longest time until all was well again.
    pub recovery: Duration,
    /// The most epochs that a gateway received under at a time.
    pub most_held: usize,
    /// Epochs that were sent under.
    pub epochs: usize,
    /// Datagrams that were sealed.
    pub sealed: usize,
    /// Virtual time.
    pub length: Duration,
    /// Most calls of a core while all was well.
    pub wakeups: u64,
    /// Most initiations while all was well.
    pub calls: usize,
    /// Cookie replies that were sent.
    pub cookies: usize,
    /// How often all seemed well and was not for long.
    pub relapses: u64,
    /// What happened, if it was written down.
    pub log: Vec<String>,
}

/// A run in which something was wrong.
#[derive(Debug)]
pub struct Failure {
    /// Makes the same run again.
    pub seed: Seed,
    /// What was wrong.
    pub what: String,
    /// What was drawn.
    pub scenario: String,
    /// What happened, if it was written down.
    pub log: Vec<String>,
}

/// Lines of the log that are shown with a failure: what led to it is among the last.
const SHOWN: usize = 60;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            what,
            scenario,
            log,
        } = self;
        writeln!(f, "seed {seed}: {what}")?;
        writeln!(f, "  {scenario}")?;
        writeln!(
            f,
            "  again, with all of its log: LINKVEIL_SEED={seed} cargo test -p linkveil-sim --test seeded"
        )?;
        log.iter()
            .skip(log.len().saturating_sub(SHOWN))
            .try_for_each(|line| writeln!(f, "  {line}"))
    }
}
