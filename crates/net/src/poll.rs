//! Waiting for many file descriptors at once (epoll(7)) and being woken by another thread (eventfd(2)).
//!
//! Level-triggered: what was not dealt with is told again. A lane therefore needs no bookkeeping of what may still wait,
//! and mutes a descriptor by [`Interest::Nothing`] when it cannot take more.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

/// Events of one wait. More descriptors than that are told by the next wait.
const MAX_EVENTS: usize = 64;

/// A number that the owner of a [`Poller`] gives to a descriptor to know it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// What to be told about a descriptor. Errors and hang-ups are always told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Muted.
    Nothing,
    /// Something can be received.
    Readable,
    /// Something can be sent.
    Writable,
    /// Either.
    Both,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Self::Nothing => EventFlags::empty(),
            Self::Readable => EventFlags::IN,
            Self::Writable => EventFlags::OUT,
            Self::Both => EventFlags::IN | EventFlags::OUT,
        }
    }
}

/// What can be done with a descriptor now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Which one.
    pub token: Token,
    /// Receiving gives data or the error.
    pub readable: bool,
    /// Sending gets on or gives the error.
    pub writable: bool,
}

impl From<epoll::Event> for Readiness {
    fn from(event: epoll::Event) -> Self {
        let flags = event.flags;
        let trouble = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        Self {
            token: Token(event.data.u64()),
            readable: trouble || flags.contains(EventFlags::IN),
            writable: trouble || flags.contains(EventFlags::OUT),
        }
    }
}

/// Waits for descriptors. Each thread has its own.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    /// A poller without descriptors.
    ///
    /// # Errors
    ///
    /// Out of file descriptors or memory.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(MAX_EVENTS),
        })
    }

    /// Starts to watch `source`. It ends by itself when the descriptor is closed (and no copy of it is open).
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when it is watched already; `PermissionDenied` when it cannot be polled.
    pub fn add(&self, source: &impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            source,
            EventData::new_u64(token.0),
            interest.flags(),
        )?)
    }

    /// Changes what is told about a watched `source`.
    ///
    /// # Errors
    ///
    /// `NotFound` when it is not watched.
    pub fn modify(&self, source: &impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            source,
            EventData::new_u64(token.0),
            interest.flags(),
        )?)
    }

    /// Ends the watch.
    ///
    /// # Errors
    ///
    /// `NotFound` when it is not watched.
    pub fn remove(&self, source: &impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, source)?)
    }

    /// Waits until something is ready or `timeout` is over (`None`: for ever; rounded up to milliseconds). A signal ends
    /// the wait early without events.
    ///
    /// # Errors
    ///
    /// None in practice; what epoll_wait(2) says.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> io::Result<impl Iterator<Item = Readiness> + '_> {
        let timeout = timeout.map(whole_milliseconds);
        self.events.clear();
        let room = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, room, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(self.events.iter().map(|event| Readiness::from(*event))),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("epoll", &self.epoll)
            .finish_non_exhaustive()
    }
}

/// Rounded up, so that a timer that is due in 100 microseconds does not spin, and cut to what the kernel takes.
fn whole_milliseconds(timeout: Duration) -> Timespec {
    let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
    let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
    Timespec {
        tv_sec: i64::from(milliseconds / 1000),
        tv_nsec: i64::from(milliseconds % 1000) * 1_000_000,
    }
}

/// Wakes the thread whose [`Poller`] (or mio `Poll`, through the descriptor) watches it. Clones wake the same thread.
///
/// The order that loses no wake-up: the waking thread publishes its work, then calls [`Self::wake`]; the woken one calls
/// [`Self::drain`], then looks for work.
#[derive(Debug, Clone)]
pub struct Waker {
    shared: Arc<WakerState>,
}

/// On cache lines of its own: the wakers of all lanes are allocated one after the other, and each lane writes its own.
#[derive(Debug)]
#[repr(align(128))]
struct WakerState {
    event: OwnedFd,
    /// Whether a wake-up is under way, so that a burst of them costs one system call.
    pending: AtomicBool,
}

impl Waker {
    /// A waker nobody watches yet.
    ///
    /// # Errors
    ///
    /// Out of file descriptors or memory.
    pub fn new() -> io::Result<Self> {
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self {
            shared: Arc::new(WakerState {
                event,
                pending: AtomicBool::new(false),
            }),
        })
    }

    /// Makes the descriptor readable until the next [`Self::drain`]. Never blocks.
    pub fn wake(&self) {
        if self.shared.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        // The counter cannot overflow: it is at most 1 a drain. Any other failure means that the descriptor is broken.
        let written = rustix::io::write(&self.shared.event, &1u64.to_ne_bytes());
        debug_assert!(written.is_ok(), "eventfd: {written:?}");
    }

    /// Takes all wake-ups so far. Returns whether there was one.
    pub fn drain(&self) -> WakeUp {
        let mut counter = [0; 8];
        // First the counter, then the flag: a wake-up in between writes nothing, but what it announces is seen by the
        // look for work that follows.
        let _nothing_there = rustix::io::read(&self.shared.event, &mut counter);
        if self.shared.pending.swap(false, Ordering::AcqRel) {
            WakeUp::Woken
        } else {
            WakeUp::Quiet
        }
    }
}

/// Outcome of [`Waker::drain`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeUp {
    /// Somebody called [`Waker::wake`].
    Woken,
    /// Nobody did.
    Quiet,
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.event.as_fd()
    }
}

impl AsRawFd for Waker {
    fn as_raw_fd(&self) -> RawFd {
        self.shared.event.as_raw_fd()
    }
}

#[cfg(test)]
mod tests;
