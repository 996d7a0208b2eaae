//! The loop of a lane's thread, whatever the lane carries: wait, look at what is ready, work.

mod berth;

use std::io;
use std::time::{Duration, Instant};

use linkveil_net::affinity::{Core, pin_to};
use linkveil_net::clock;
use linkveil_net::poll::{Poller, Token};

use crate::egress::Underlay;
use crate::lane::Turn;
use berth::Berth;

/// An outbox that control does not empty is looked at again after this pause.
pub(crate) const OUTBOX_PAUSE: Duration = Duration::from_millis(1);

/// How a lane's thread runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LaneThread {
    /// The core to be on while there is much to do, and always when polling.
    pub core: Option<Core>,
    /// How long to go on looking for work before sleeping: time of a core for the time that waking takes.
    pub busy_poll: Duration,
}

impl LaneThread {
    /// A polling thread has its core for itself. Another one goes there when it is busy.
    fn moor(self) -> Option<Berth> {
        let core = self.core?;
        if self.busy_poll.is_zero() {
            return Berth::new(core);
        }
        let _runs_anywhere = pin_to(core);
        None
    }
}

/// What keeps a lane from sleeping for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duties {
    /// When the last turn was: as good as now, for a turn without work is short.
    pub(crate) last_turn: Instant,
    /// How long to wait at most, for work of which no descriptor tells.
    pub(crate) pause: Option<Duration>,
    /// When something is due.
    pub(crate) deadline: Option<Instant>,
}

impl Duties {
    /// How long to wait if nothing happens.
    fn patience(self, awake_until: Instant) -> Option<Duration> {
        if self.last_turn < awake_until {
            return Some(Duration::ZERO);
        }
        let until = |at: Instant| at.saturating_duration_since(clock::now());
        let due = self.deadline.map(until);
        self.pause.into_iter().chain(due).min()
    }
}

/// A lane as its thread sees it.
pub(crate) trait Worker {
    /// Has all that it owns watched.
    fn watch(&self, poller: &Poller) -> io::Result<()>;

    /// Has it watched anew, because [`Self::underlay`] is another: while that is blocked the devices wait, and the sockets
    /// say when they take more (REQ-UDP-4).
    fn watch_again(&self, poller: &Poller) -> io::Result<()>;

    fn underlay(&self) -> Underlay;

    fn duties(&self) -> Duties;

    /// Nothing is known to be ready.
    fn forget_ready(&mut self);

    /// What has this token can be read.
    fn note_ready(&mut self, token: Token);

    /// One turn over what is ready.
    fn work(&mut self, now: Instant) -> io::Result<Turn>;

    /// Bytes that the last turn took from the sockets and devices.
    fn moved(&self) -> usize;
}

/// Waits and works until control says stop. The lane's keys are wiped when this returns.
///
/// If the thread's core is not ours to use, the lane runs where the system puts it.
///
/// # Errors
///
/// A device that was deleted, or a socket that is unusable. Control sees the thread's end.
pub(crate) fn run(mut lane: impl Worker, thread: LaneThread) -> io::Result<()> {
    let mut berth = thread.moor();
    let mut poller = Poller::new()?;
    lane.watch(&poller)?;
    let mut watched = Underlay::Free;
    let mut awake_until = clock::now();
    loop {
        if lane.underlay() != watched {
            lane.watch_again(&poller)?;
            watched = lane.underlay();
        }
        wait(&mut lane, &mut poller, awake_until)?;
        let now = clock::now();
        let turn = lane.work(now)?;
        if let Some(berth) = &mut berth {
            berth.note_turn(lane.moved());
        }
        match turn {
            Turn::Stopped => return Ok(()),
            Turn::Worked => awake_until = now + thread.busy_poll,
            Turn::Idle => {}
        }
    }
}

/// Waits until something can be read or is due, and tells the lane.
pub(crate) fn wait(
    lane: &mut impl Worker,
    poller: &mut Poller,
    awake_until: Instant,
) -> io::Result<()> {
    let patience = lane.duties().patience(awake_until);
    lane.forget_ready();
    for event in poller.wait(patience)? {
        if event.readable {
            lane.note_ready(event.token);
        }
    }
    Ok(())
}
