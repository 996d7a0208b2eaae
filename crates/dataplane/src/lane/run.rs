//! The loop of a lane's thread: wait, look at what is ready, work.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use linkveil_net::affinity::{Core, pin_to};
use linkveil_net::clock;
use linkveil_net::poll::{Interest, Poller, Token};
use linkveil_net::traits::{TunQueue, UdpQueue};

use super::{Lane, Look, Turn};
use crate::egress::Underlay;

/// Tokens: the waker is 0, then come the sockets, then the devices.
const WAKER: Token = Token(0);
const FIRST_SOCKET: u64 = 1;

/// An outbox that control does not empty is looked at again after this pause.
const OUTBOX_PAUSE: Duration = Duration::from_millis(1);

/// How a lane's thread runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LaneThread {
    /// The core to stay on.
    pub core: Option<Core>,
    /// How long to go on looking for work before sleeping: time of a core for the time that waking takes.
    pub busy_poll: Duration,
}

impl<T: TunQueue + AsFd, U: UdpQueue + AsFd> Lane<T, U> {
    /// Waits and works until control says stop. The lane's keys are wiped when this returns.
    ///
    /// The thread stays on its core from then on. If that core is not ours to use, the lane runs where the system puts it.
    ///
    /// # Errors
    ///
    /// A device that was deleted, or a socket that is unusable. Control sees the thread's end.
    pub fn run(mut self, thread: LaneThread) -> io::Result<()> {
        if let Some(core) = thread.core {
            let _runs_anywhere = pin_to(core);
        }
        let mut poller = Poller::new()?;
        self.watch(&poller)?;
        let mut watched = Underlay::Free;
        let mut awake_until = clock::now();
        loop {
            if self.underlay != watched {
                self.watch_again(&poller)?;
                watched = self.underlay;
            }
            self.wait(&mut poller, awake_until)?;
            let now = clock::now();
            match self.work(now)? {
                Turn::Stopped => return Ok(()),
                Turn::Worked => awake_until = now + thread.busy_poll,
                Turn::Idle => {}
            }
        }
    }

    fn watch(&self, poller: &Poller) -> io::Result<()> {
        poller.add(&self.waker, WAKER, Interest::Readable)?;
        for (token, socket) in (FIRST_SOCKET..).zip(&self.udps) {
            poller.add(socket, Token(token), Interest::Readable)?;
        }
        for (token, device) in (self.first_device_token()..).zip(&self.tuns) {
            poller.add(device, Token(token), Interest::Readable)?;
        }
        Ok(())
    }

    /// While the underlay is blocked the devices wait, and the sockets say when they take more (REQ-UDP-4).
    fn watch_again(&self, poller: &Poller) -> io::Result<()> {
        let (sockets, devices) = match self.underlay {
            Underlay::Free => (Interest::Readable, Interest::Readable),
            Underlay::Blocked => (Interest::Both, Interest::Nothing),
        };
        for (token, socket) in (FIRST_SOCKET..).zip(&self.udps) {
            poller.modify(socket, Token(token), sockets)?;
        }
        for (token, device) in (self.first_device_token()..).zip(&self.tuns) {
            poller.modify(device, Token(token), devices)?;
        }
        Ok(())
    }

    fn first_device_token(&self) -> u64 {
        FIRST_SOCKET + self.udps.len() as u64
    }

    fn wait(&mut self, poller: &mut Poller, awake_until: Instant) -> io::Result<()> {
        let (first_device, patience) = (self.first_device_token(), self.patience(awake_until));
        let ready = &mut self.ready;
        ready.fill(Look::Skip);
        for event in poller.wait(patience)? {
            let Token(token) = event.token;
            let slot = if token >= first_device {
                ready.tuns.get_mut(place(token - first_device))
            } else if token >= FIRST_SOCKET {
                ready.udps.get_mut(place(token - FIRST_SOCKET))
            } else {
                Some(&mut ready.waker)
            };
            if let Some(slot) = slot.filter(|_| event.readable) {
                *slot = Look::Take;
            }
        }
        Ok(())
    }

    /// How long to wait if nothing happens.
    fn patience(&self, awake_until: Instant) -> Option<Duration> {
        // The moment of the last turn is as good as now: a turn without work is short.
        if !self.strays.is_idle() || self.state.now < awake_until {
            return Some(Duration::ZERO);
        }
        let outbox = (!self.state.outbox.is_empty()).then_some(OUTBOX_PAUSE);
        let held = self.udps.iter().filter_map(UdpQueue::next_due);
        let deadline = held.chain(self.state.deadline()).min();
        let deadline = deadline.map(|at| at.saturating_duration_since(clock::now()));
        outbox.into_iter().chain(deadline).min()
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
