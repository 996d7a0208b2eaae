//! A lane's answers to control: a bounded ring, and a bounded queue for what the ring does not take now.

use std::collections::VecDeque;

use linkveil_net::poll::Waker;
use rtrb::Producer;

/// Events that may wait for room in the ring. Answers to orders do not count: while any waits no order is taken, and an
/// order has two answers at most. What is told of a socket twice in its life at most does not count, either.
const WAITING_EVENTS: usize = 256;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Outbox<A> {
    ring: Producer<A>,
    waiting: VecDeque<A>,
    control: Waker,
    news: News,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    None,
    Some,
}

/// Whether an event found room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Posted {
    Yes,
    No,
}

impl<A> Outbox<A> {
    pub(crate) fn new(ring: Producer<A>, control: Waker) -> Self {
        Self {
            ring,
            waiting: VecDeque::with_capacity(WAITING_EVENTS + 2),
            control,
            news: News::None,
        }
    }

    /// An answer to an order, or an event that comes once in the life of an epoch, or twice in that of a socket: never
    /// lost. All are bounded by what control has ordered and made.
    pub(crate) fn answer(&mut self, answer: A) {
        self.waiting.push_back(answer);
        self.flush();
    }

    /// Something that control should know, if there is room.
    pub(crate) fn post(&mut self, event: impl Into<A>) -> Posted {
        if !self.has_room() {
            return Posted::No;
        }
        self.answer(event.into());
        Posted::Yes
    }

    /// Whether [`Self::post`] would find room.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_EVENTS
    }

    /// Whether everything so far is in the ring.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Moves what the ring takes.
    pub(crate) fn flush(&mut self) {
        if self.ring.is_abandoned() {
            // Nobody is left to be told.
            self.waiting.clear();
            return;
        }
        while self.ring.slots() > 0 {
            let Some(answer) = self.waiting.pop_front() else {
                return;
            };
            self.news = News::Some;
            if let Err(rtrb::PushError::Full(answer)) = self.ring.push(answer) {
                self.waiting.push_front(answer);
                return;
            }
        }
    }

    /// Something for control is in another ring than this one.
    pub(crate) fn announce(&mut self) {
        self.news = News::Some;
    }

    /// At the end of a turn: wakes control once for everything that was put into the ring.
    pub(crate) fn wake_control(&mut self) {
        self.flush();
        if std::mem::replace(&mut self.news, News::None) == News::Some {
            self.control.wake();
        }
    }
}
