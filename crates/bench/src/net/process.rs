//! Programs that run until they are told to stop: what they log, use and hold.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use linkveil_net::Netns;
use rustix::process::{Pid, Signal, kill_process};

use super::error::NetError;
use super::stop::wait_in_peace;
use super::tail;

/// How long a program has to go after SIGTERM, before SIGKILL.
const PATIENCE: Duration = Duration::from_secs(3);
/// Ticks per second in which the kernel counts a process's time for users (USER_HZ), on every architecture of today.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fields of `/proc/PID/stat` between the program's name and its time in user mode (proc_pid_stat(5): 3 to 13).
const FIELDS_BEFORE_UTIME: usize = 11;

/// A program in a namespace. Dropped, it is ended.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

/// What to start.
#[derive(Debug)]
pub(super) struct Start<'a> {
    /// The file.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// Current folder, and place of what it prints: `NAME.out` and `NAME.err`.
    pub(super) folder: &'a Path,
    /// See `folder`.
    pub(super) name: String,
}

impl Process {
    /// Starts a program in `netns`, in a process group of its own: Ctrl-C is for us, and we end it.
    pub(super) fn start(netns: &Netns, start: &Start<'_>) -> Result<Self, NetError> {
        let log = |ending: &str| start.folder.join(format!("{}.{ending}", start.name));
        let (out, err) = (log("out"), log("err"));
        let failed =
            |error| NetError::system(format!("cannot start {}", start.program.display()), error);
        let mut command = Command::new(&start.program);
        command
            .args(&start.arguments)
            .current_dir(start.folder)
            .stdin(Stdio::null())
            .process_group(0);
        command.stdout(File::create(&out).map_err(failed)?);
        command.stderr(File::create(&err).map_err(failed)?);
        // A child lives in the namespace of the thread that starts it.
        let child = netns.run(|| command.spawn())?.map_err(failed)?;
        Ok(Self { child, out, err })
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its standard output so far.
    pub(super) fn output(&self) -> String {
        fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// The end of all that it printed.
    pub(super) fn tail(&self) -> String {
        let parts = [tail(&self.err), tail(&self.out)];
        parts.join("\n").trim().to_owned()
    }

    /// Processor time that it used so far, in user mode and in the kernel, in seconds.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        cpu_seconds(&stat)
    }

    /// Memory that it holds now, in MiB.
    pub(super) fn resident_mebibytes(&self) -> Option<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        resident_mebibytes(&status)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        // Our own child, not waited for yet: its number belongs to nobody else.
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::TERM);
        if wait_in_peace(&mut self.child, PATIENCE).is_none() {
            let _gone_already = self.child.kill();
            let _ended = self.child.wait();
        }
    }
}

/// From `/proc/PID/stat`. The program's name, in parentheses, may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(FIELDS_BEFORE_UTIME);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// From `/proc/PID/status`, which counts in KiB.
fn resident_mebibytes(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}

#[cfg(test)]
mod tests;
