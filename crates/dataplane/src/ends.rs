//! What control's ends of lanes have in common, whatever the lanes carry: orders out without waiting, answers in, and who
//! has not carried out an install yet.

use std::collections::{HashMap, VecDeque};
use std::io;

use linkveil_net::poll::Waker;
use linkveil_sa::{EpochId, InstallKind};
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use crate::outbox::Outbox;

/// Orders and answers under way between control and one lane: a burst of rekeys with a few hundred peers.
pub(crate) const RING: usize = 1_024;

/// Whether orders wait for room in a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backlog {
    /// All are on their way.
    Empty,
    /// Some wait: flush again soon.
    Waiting,
}

/// One lane as control sees it.
#[derive(Debug)]
pub(crate) struct LaneEnd<O, A> {
    orders: Producer<O>,
    waiting: VecDeque<O>,
    answers: Consumer<A>,
    waker: Waker,
}

/// What a lane has of the same.
#[derive(Debug)]
pub(crate) struct ControlEnd<O, A> {
    pub(crate) orders: Orders<O>,
    pub(crate) outbox: Outbox<A>,
    pub(crate) waker: Waker,
}

/// Connects one lane and control, whom `control` wakes.
///
/// # Errors
///
/// No descriptors left.
pub(crate) fn connect<O, A>(control: &Waker) -> io::Result<(LaneEnd<O, A>, ControlEnd<O, A>)> {
    let waker = Waker::new()?;
    let (orders, orders_there) = RingBuffer::new(RING);
    let (answers_there, answers) = RingBuffer::new(RING);
    let there = ControlEnd {
        orders: Orders { ring: orders_there },
        outbox: Outbox::new(answers_there, control.clone()),
        waker: waker.clone(),
    };
    let here = LaneEnd {
        orders,
        waiting: VecDeque::new(),
        answers,
        waker,
    };
    Ok((here, there))
}

impl<O, A> LaneEnd<O, A> {
    /// Gives an order; [`Self::flush`] sends it.
    pub(crate) fn order(&mut self, order: O) {
        self.waiting.push_back(order);
    }

    /// The lane's next answer.
    pub(crate) fn answer(&mut self) -> Option<A> {
        self.answers.pop().ok()
    }

    /// Moves waiting orders into the ring, and wakes the lane if there were some.
    pub(crate) fn flush(&mut self) -> Backlog {
        if self.waiting.is_empty() {
            return Backlog::Empty;
        }
        while let Some(order) = self.waiting.pop_front() {
            if let Err(PushError::Full(order)) = self.orders.push(order) {
                self.waiting.push_front(order);
                break;
            }
        }
        self.waker.wake();
        if self.waiting.is_empty() {
            Backlog::Empty
        } else {
            Backlog::Waiting
        }
    }

    /// Lets go of the lane. A full ring does not take an order to stop; the lane sees that nobody is left, for which it
    /// must be awake once after the rings are abandoned.
    pub(crate) fn abandon(self) {
        let Self {
            orders,
            answers,
            waker,
            ..
        } = self;
        drop((orders, answers));
        waker.wake();
    }
}

/// Sends all lanes what waits for them.
pub(crate) fn flush_all<O, A>(ends: &mut [LaneEnd<O, A>]) -> Backlog {
    let waiting = ends.iter_mut().filter_map(|end| match end.flush() {
        Backlog::Empty => None,
        Backlog::Waiting => Some(()),
    });
    match waiting.count() {
        0 => Backlog::Empty,
        _ => Backlog::Waiting,
    }
}

/// Where a lane takes its orders from.
#[derive(Debug)]
pub(crate) struct Orders<O> {
    ring: Consumer<O>,
}

/// What a lane finds there.
#[derive(Debug)]
pub(crate) enum Next<O> {
    Order(O),
    Nothing,
    /// Nobody is left to give orders.
    Abandoned,
}

impl<O> Orders<O> {
    pub(crate) fn next(&mut self) -> Next<O> {
        match self.ring.pop() {
            Ok(order) => Next::Order(order),
            // Asked in this sequence: what was given before is carried out first.
            Err(_) if self.ring.is_abandoned() && self.ring.is_empty() => Next::Abandoned,
            Err(_) => Next::Nothing,
        }
    }
}

/// What an answer means for an install.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Install {
    /// Other answers are missing, or it was over before.
    UnderWay,
    /// It is over.
    Over,
}

/// For each install how many lanes have not carried it out yet.
#[derive(Debug, Default)]
pub(crate) struct Installs {
    missing: HashMap<(EpochId, InstallKind), usize>,
}

impl Installs {
    /// So many lanes were told to install.
    pub(crate) fn begin(&mut self, epoch: EpochId, direction: InstallKind, lanes: usize) {
        self.missing.insert((epoch, direction), lanes);
    }

    /// One lane has installed; whether all have now.
    pub(crate) fn note(&mut self, epoch: EpochId, direction: InstallKind) -> Install {
        let Some(missing) = self.missing.get_mut(&(epoch, direction)) else {
            return Install::UnderWay;
        };
        *missing -= 1;
        if *missing > 0 {
            return Install::UnderWay;
        }
        self.give_up(epoch, direction)
    }

    /// One lane has refused, so that it is over; whether it was not before.
    pub(crate) fn give_up(&mut self, epoch: EpochId, direction: InstallKind) -> Install {
        match self.missing.remove(&(epoch, direction)) {
            Some(_) => Install::Over,
            None => Install::UnderWay,
        }
    }
}
