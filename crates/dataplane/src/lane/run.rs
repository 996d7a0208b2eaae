//! What the loop of a thread sees of a lane.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use linkveil_net::poll::{Interest, Poller, Token};
use linkveil_net::traits::{TunQueue, UdpQueue};

use super::{Lane, Look, Turn};
use crate::egress::Underlay;
use crate::thread::{self, Duties, LaneThread, OUTBOX_PAUSE, Worker};

/// Tokens: the waker is 0, then come the sockets, then the devices.
const WAKER: Token = Token(0);
const FIRST_SOCKET: u64 = 1;

impl<T: TunQueue + AsFd, U: UdpQueue + AsFd> Lane<T, U> {
    /// Waits and works until control says stop. The lane's keys are wiped when this returns.
    ///
    /// If the thread's core is not ours to use, the lane runs where the system puts it.
    ///
    /// # Errors
    ///
    /// A device that was deleted, or a socket that is unusable. Control sees the thread's end.
    pub fn run(self, thread: LaneThread) -> io::Result<()> {
        thread::run(self, thread)
    }
}

impl<T, U> Lane<T, U> {
    fn first_device_token(&self) -> u64 {
        FIRST_SOCKET + self.udps.len() as u64
    }
}

impl<T: TunQueue + AsFd, U: UdpQueue + AsFd> Worker for Lane<T, U> {
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

    fn watch_again(&self, poller: &Poller) -> io::Result<()> {
        let (sockets, devices) = self.underlay.interests();
        for (token, socket) in (FIRST_SOCKET..).zip(&self.udps) {
            poller.modify(socket, Token(token), sockets)?;
        }
        for (token, device) in (self.first_device_token()..).zip(&self.tuns) {
            poller.modify(device, Token(token), devices)?;
        }
        Ok(())
    }

    fn underlay(&self) -> Underlay {
        self.underlay
    }

    fn duties(&self) -> Duties {
        let strays = (!self.strays.is_idle()).then_some(Duration::ZERO);
        let outbox = (!self.state.outbox.is_empty()).then_some(OUTBOX_PAUSE);
        let held = self.udps.iter().filter_map(UdpQueue::next_due);
        Duties {
            last_turn: self.state.now,
            pause: strays.into_iter().chain(outbox).min(),
            deadline: held.chain(self.state.deadline()).min(),
        }
    }

    fn forget_ready(&mut self) {
        self.ready.fill(Look::Skip);
    }

    fn note_ready(&mut self, Token(token): Token) {
        let first_device = self.first_device_token();
        let slot = if token >= first_device {
            self.ready.tuns.get_mut(place(token - first_device))
        } else if token >= FIRST_SOCKET {
            self.ready.udps.get_mut(place(token - FIRST_SOCKET))
        } else {
            Some(&mut self.ready.waker)
        };
        if let Some(slot) = slot {
            *slot = Look::Take;
        }
    }

    fn work(&mut self, now: Instant) -> io::Result<Turn> {
        Self::work(self, now)
    }

    fn moved(&self) -> usize {
        self.moved
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
