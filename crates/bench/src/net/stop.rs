//! Waiting for programs and for moments, until a signal says stop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use linkveil_net::clock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::error::NetError;

/// Readable from the first signal on, for ever.
#[derive(Debug)]
pub(super) struct Stop {
    signalled: UnixStream,
}

impl Stop {
    /// From now on SIGINT, SIGTERM and SIGHUP no longer end the process by themselves.
    pub(super) fn on_signals() -> Result<Self, NetError> {
        let register = || -> io::Result<Self> {
            let (signalled, sender) = UnixStream::pair()?;
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
            }
            Ok(Self { signalled })
        };
        register().map_err(|error| NetError::system("cannot listen for signals", error))
    }

    /// One that no signal reaches, and its other end.
    #[cfg(test)]
    pub(super) fn for_tests() -> (Self, UnixStream) {
        let (signalled, sender) = UnixStream::pair().unwrap();
        (Self { signalled }, sender)
    }

    /// Lets time pass.
    pub(super) fn pause(&self, length: Duration) -> Result<(), NetError> {
        self.poll(None, length).map(|_| ())
    }

    /// Waits for a program's end; `None`: it still runs.
    pub(super) fn wait(
        &self,
        child: &mut Child,
        limit: Duration,
    ) -> Result<Option<ExitStatus>, NetError> {
        let failed = |error: Errno| NetError::system("cannot wait for a program", error.into());
        let end = end_of(child).map_err(failed)?;
        self.poll(Some(&end), limit)?;
        child
            .try_wait()
            .map_err(|error| NetError::system("cannot wait for a program", error))
    }

    fn poll(&self, end: Option<&OwnedFd>, limit: Duration) -> Result<(), NetError> {
        let deadline = clock::now() + limit;
        loop {
            let mut fds = vec![PollFd::new(&self.signalled, PollFlags::IN)];
            fds.extend(end.map(|end| PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)));
            let rest = deadline.saturating_duration_since(clock::now());
            match poll(&mut fds, Some(&timespec(rest))) {
                Err(Errno::INTR) => {}
                Err(error) => return Err(NetError::system("cannot wait", error.into())),
                Ok(_) if fds.first().is_some_and(|fd| !fd.revents().is_empty()) => {
                    return Err(NetError::Stopped);
                }
                Ok(_) => return Ok(()),
            }
        }
    }
}

/// Readable when the program has ended.
fn end_of(child: &Child) -> rustix::io::Result<OwnedFd> {
    pidfd_open(Pid::from_child(child), PidfdFlags::empty())
}

fn timespec(length: Duration) -> Timespec {
    // At most minutes, and a duration's nanoseconds fit.
    Timespec {
        tv_sec: i64::try_from(length.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: length.subsec_nanos().into(),
    }
}

/// Waits for a program's end whatever signals come: for taking things down.
pub(super) fn wait_in_peace(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    if let Ok(end) = end_of(child) {
        let deadline = clock::now() + limit;
        let mut fds = [PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)];
        let rest = || timespec(deadline.saturating_duration_since(clock::now()));
        while matches!(poll(&mut fds, Some(&rest())), Err(Errno::INTR)) {}
    }
    child.try_wait().ok().flatten()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_signal_ends_every_wait_from_then_on() {
        let (stop, mut sender) = Stop::for_tests();
        stop.pause(Duration::from_millis(1)).unwrap();
        sender.write_all(b"x").unwrap();
        for _ in 0..2 {
            let stopped = stop.pause(Duration::from_secs(600));
            assert!(matches!(stopped, Err(NetError::Stopped)));
        }
    }

    #[test]
    fn the_end_of_a_program_ends_the_wait() {
        let (stop, _sender) = Stop::for_tests();
        let mut quick = Command::new("true").spawn().unwrap();
        let status = stop.wait(&mut quick, Duration::from_secs(60)).unwrap();
        assert!(status.unwrap().success());
        let mut slow = Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(
            stop.wait(&mut slow, Duration::from_millis(5)).unwrap(),
            None
        );
        assert_eq!(wait_in_peace(&mut slow, Duration::from_millis(5)), None);
        slow.kill().unwrap();
        assert!(wait_in_peace(&mut slow, Duration::from_secs(60)).is_some());
    }
}
