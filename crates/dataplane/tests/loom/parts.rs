//! What both sides use: rings, wakers, and keys that tell where they ended.

use std::collections::VecDeque;
use std::sync::{Arc as StdArc, Mutex as StdMutex};

use loom::sync::{Arc, Condvar, Mutex};

/// A bounded queue with one writer and one reader, as `rtrb` promises it: each call is one step.
///
/// Whoever finds a ring full looks again after a short time. There is no time here, so the reader tells when it has made
/// room instead: the same, without a loop that loom would have to unroll.
#[derive(Debug)]
struct Ring<T> {
    queue: VecDeque<T>,
    capacity: usize,
    ends: usize,
    writer: Waker,
}

/// The writer's end.
#[derive(Debug)]
pub(crate) struct Producer<T>(Arc<Mutex<Ring<T>>>);

/// The reader's end.
#[derive(Debug)]
pub(crate) struct Consumer<T>(Arc<Mutex<Ring<T>>>);

pub(crate) fn ring<T>(capacity: usize, writer: &Waker) -> (Producer<T>, Consumer<T>) {
    let ring = Arc::new(Mutex::new(Ring {
        queue: VecDeque::new(),
        capacity,
        ends: 2,
        writer: writer.clone(),
    }));
    (Producer(Arc::clone(&ring)), Consumer(ring))
}

impl<T> Producer<T> {
    /// Hands the value back if the ring is full.
    pub(crate) fn push(&self, value: T) -> Result<(), T> {
        let mut ring = self.0.lock().unwrap();
        if ring.queue.len() == ring.capacity {
            return Err(value);
        }
        ring.queue.push_back(value);
        Ok(())
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.lock().unwrap().ends < 2
    }
}

impl<T> Consumer<T> {
    pub(crate) fn pop(&self) -> Option<T> {
        let mut ring = self.0.lock().unwrap();
        let was_full = ring.queue.len() == ring.capacity;
        let value = ring.queue.pop_front();
        if was_full {
            ring.writer.wake();
        }
        value
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.lock().unwrap().ends < 2
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().queue.is_empty()
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        self.0.lock().unwrap().ends -= 1;
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.0.lock().unwrap().ends -= 1;
    }
}

/// An eventfd under epoll: set until it is drained.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<(Mutex<bool>, Condvar)>);

impl Waker {
    pub(crate) fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    pub(crate) fn wake(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_one();
    }

    /// Sleeps until it is set, for ever if nobody sets it, and drains it. What comes between the two would be drained
    /// with it, before anything is looked at, so that one step is enough.
    pub(crate) fn wait_and_drain(&self) {
        let mut set = self.0.0.lock().unwrap();
        while !*set {
            set = self.0.1.wait(set).unwrap();
        }
        *set = false;
    }
}

/// Where a key was wiped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    /// Somewhere on the way: it was lost.
    Nowhere,
    /// By control, to which it came back.
    Control,
    /// By the end of the lane that held it.
    EndOfLane,
}

/// Which keys were wiped where. Not seen by loom, which never switches threads inside of it.
#[derive(Clone, Default, Debug)]
pub(crate) struct Ledger(StdArc<StdMutex<Vec<(u32, Place)>>>);

impl Ledger {
    pub(crate) fn key(&self, epoch: u32) -> Key {
        Key {
            epoch,
            place: Place::Nowhere,
            ledger: self.clone(),
        }
    }

    pub(crate) fn sorted(&self) -> Vec<(u32, Place)> {
        let mut entries = self.0.lock().unwrap().clone();
        entries.sort_unstable();
        entries
    }
}

/// One lane's share of an epoch.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) epoch: u32,
    place: Place,
    ledger: Ledger,
}

impl Key {
    pub(crate) fn wipe(mut self, place: Place) {
        self.place = place;
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let mut entries = self.ledger.0.lock().unwrap();
        entries.push((self.epoch, self.place));
    }
}
