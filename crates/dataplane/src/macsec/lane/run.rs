//! What the loop of a thread sees of a MACsec lane.

use std::io;
use std::os::fd::AsFd;
use std::time::Instant;

use linkveil_net::poll::{Interest, Poller, Token};
use linkveil_net::traits::{PortQueue, TunQueue};

use super::{Look, MacsecLane, Ready};
use crate::egress::Underlay;
use crate::lane::Turn;
use crate::thread::{self, Duties, LaneThread, OUTBOX_PAUSE, Worker};

const WAKER: Token = Token(0);
const PORT: Token = Token(1);
const TAP: Token = Token(2);

impl<T: TunQueue + AsFd, P: PortQueue + AsFd> MacsecLane<T, P> {
    /// Waits and works until control says stop. The lane's keys are wiped when this returns.
    ///
    /// The thread stays on its core from then on. If that core is not ours to use, the lane runs where the system puts it.
    ///
    /// # Errors
    ///
    /// A device or interface that was deleted. Control sees the thread's end.
    pub fn run(self, thread: LaneThread) -> io::Result<()> {
        thread::run(self, thread)
    }
}

impl<T: TunQueue + AsFd, P: PortQueue + AsFd> Worker for MacsecLane<T, P> {
    fn watch(&self, poller: &Poller) -> io::Result<()> {
        poller.add(&self.waker, WAKER, Interest::Readable)?;
        poller.add(&self.port, PORT, Interest::Readable)?;
        poller.add(&self.tap, TAP, Interest::Readable)
    }

    fn watch_again(&self, poller: &Poller) -> io::Result<()> {
        let (port, tap) = self.underlay.interests();
        poller.modify(&self.port, PORT, port)?;
        poller.modify(&self.tap, TAP, tap)
    }

    fn underlay(&self) -> Underlay {
        self.underlay
    }

    fn duties(&self) -> Duties {
        let held = self.port.next_due();
        Duties {
            last_turn: self.state.now,
            pause: (!self.state.outbox.is_empty()).then_some(OUTBOX_PAUSE),
            deadline: held.into_iter().chain(self.state.deadline()).min(),
        }
    }

    fn forget_ready(&mut self) {
        self.ready = Ready::all(Look::Skip);
    }

    fn note_ready(&mut self, token: Token) {
        let look = match token {
            PORT => &mut self.ready.port,
            TAP => &mut self.ready.tap,
            _ => &mut self.ready.waker,
        };
        *look = Look::Take;
    }

    fn work(&mut self, now: Instant) -> io::Result<Turn> {
        Self::work(self, now)
    }

    fn moved(&self) -> usize {
        self.moved
    }
}
