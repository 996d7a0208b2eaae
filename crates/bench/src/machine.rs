//! Where all this was measured: processor, kernel, load, date.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use linkveil_net::{affinity, clock};
use serde::Serialize;

/// A machine at one moment. What it does not tell is "unknown".
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Name and release of the kernel.
    pub kernel: String,
    /// Processes that were running or waiting in the minute before, on average (`/proc/loadavg`).
    pub load: Option<f64>,
    /// Version of linkveil, and how it was built.
    pub linkveil: String,
    /// When the measurement began, in UTC (RFC 3339).
    pub date: String,
}

impl Machine {
    /// This machine, now.
    #[must_use]
    pub fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let (seconds, _) = clock::wall();
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            cpu: cpu_name(&read("/proc/cpuinfo")).unwrap_or_else(|| "unknown".to_owned()),
            cores: affinity::allowed_cores().map_or(0, |cores| cores.len()),
            kernel: format!("Linux {}", release.trim()),
            load: first_number(&read("/proc/loadavg")),
            linkveil: format!("{}{}", env!("CARGO_PKG_VERSION"), BUILD),
            date: humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds))
                .to_string(),
        }
    }

    /// What spoils figures of this machine, if anything.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        if cfg!(debug_assertions) {
            return Some(
                "this is a debug build: its figures say nothing; build with --release".to_owned(),
            );
        }
        let load = self.load?;
        (load > 0.5 * self.cores as f64).then(|| {
            format!(
                "the machine was busy (load {load} on {} cores): compare nothing with other runs",
                self.cores
            )
        })
    }
}

const BUILD: &str = if cfg!(debug_assertions) {
    " (debug build)"
} else {
    ""
};

/// The first `model name` of `/proc/cpuinfo`; Arm's kernels print none.
fn cpu_name(cpuinfo: &str) -> Option<String> {
    let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
    let (_, name) = lines.find(|(key, _)| key.trim() == "model name")?;
    Some(name.trim().to_owned())
}

fn first_number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
