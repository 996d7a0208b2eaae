//! The cores that we may run on, and pinning a lane to one of them (sched_setaffinity(2)).

use std::fmt;
use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A CPU core by the number that the kernel gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Core(usize);

impl Core {
    /// Core `number`; `None` beyond what an affinity mask can say (1,024 cores).
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        (number < CpuSet::MAX_CPU).then_some(Self(number))
    }

    /// The kernel's number.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "core {}", self.0)
    }
}

/// The cores in the affinity mask of the calling thread, in ascending order. Never empty on success.
///
/// # Errors
///
/// What sched_getaffinity(2) says; on a machine with more than 1,024 cores, `InvalidInput`.
pub fn allowed_cores() -> io::Result<Vec<Core>> {
    let mask = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|&core| mask.is_set(core))
        .map(Core)
        .collect())
}

/// Keeps the calling thread on `core` from now on.
///
/// # Errors
///
/// `InvalidInput` when the core does not exist or is not ours to use.
pub fn pin_to(core: Core) -> io::Result<()> {
    keep_to(&[core])
}

/// Keeps the calling thread to these cores from now on.
///
/// # Errors
///
/// `InvalidInput` when none of them exists and is ours to use.
pub fn keep_to(cores: &[Core]) -> io::Result<()> {
    let mut mask = CpuSet::new();
    for core in cores {
        mask.set(core.0);
    }
    Ok(sched_setaffinity(None, &mask)?)
}

#[cfg(test)]
mod tests;
