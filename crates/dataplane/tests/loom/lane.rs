//! One lane: `dataplane/src/lane.rs`, `lane/run.rs` and `outbox.rs`, as far as other threads see it.

use std::collections::{BTreeMap, VecDeque};

use crate::parts::{Consumer, Key, Place, Producer, Waker};

#[derive(Debug)]
pub(crate) enum Order {
    InstallRx { spi: u32, key: Key },
    RemoveRx { epoch: u32, spi: u32 },
    Stop,
}

#[derive(Debug)]
pub(crate) enum Answer {
    Installed(u32),
    Retired(Key),
}

/// What a peer sent under an epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datagram {
    pub(crate) spi: u32,
    pub(crate) epoch: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Worked,
    Stopped,
}

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) orders: Consumer<Order>,
    pub(crate) datagrams: Consumer<Datagram>,
    pub(crate) outbox: Outbox,
    pub(crate) waker: Waker,
    pub(crate) table: BTreeMap<u32, Key>,
}

impl Lane {
    /// `Lane::run`, and what `LaneThreads` does behind it: the epochs that the lane held when it ended.
    pub(crate) fn run(mut self) -> Vec<u32> {
        loop {
            self.waker.wait_and_drain();
            if self.work() == Turn::Stopped {
                break;
            }
        }
        let control = self.outbox.control.clone();
        let held = self.wipe();
        control.wake();
        held
    }

    fn work(&mut self) -> Turn {
        let turn = self.take_orders();
        if turn == Turn::Worked {
            self.take_sockets();
        }
        self.outbox.wake_control();
        turn
    }

    fn take_orders(&mut self) -> Turn {
        self.outbox.flush();
        while self.outbox.is_empty() {
            match self.orders.pop() {
                Some(Order::Stop) => return Turn::Stopped,
                Some(order) => self.carry_out(order),
                None if self.orders.is_abandoned() && self.orders.is_empty() => {
                    return Turn::Stopped;
                }
                None => break,
            }
        }
        Turn::Worked
    }

    fn carry_out(&mut self, order: Order) {
        let retired = match order {
            Order::InstallRx { spi, key } => {
                let epoch = key.epoch;
                let former = self.table.insert(spi, key);
                self.outbox.answer(Answer::Installed(epoch));
                former
            }
            Order::RemoveRx { epoch, spi } => {
                let known = self.table.get(&spi).map(|key| key.epoch);
                (known == Some(epoch))
                    .then(|| self.table.remove(&spi))
                    .flatten()
            }
            Order::Stop => None,
        };
        if let Some(key) = retired {
            self.outbox.answer(Answer::Retired(key));
        }
    }

    fn take_sockets(&self) {
        while let Some(Datagram { spi, epoch }) = self.datagrams.pop() {
            let installed = self.table.get(&spi).map(|key| key.epoch);
            assert_eq!(
                installed,
                Some(epoch),
                "a datagram under an epoch that is not installed here"
            );
        }
    }

    /// The end of a lane: everything is dropped.
    fn wipe(self) -> Vec<u32> {
        let keys = self.table.into_values();
        keys.map(|key| {
            let epoch = key.epoch;
            key.wipe(Place::EndOfLane);
            epoch
        })
        .collect()
    }
}

/// `Outbox`, without the events that may be left out.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) ring: Producer<Answer>,
    pub(crate) waiting: VecDeque<Answer>,
    pub(crate) control: Waker,
    pub(crate) news: usize,
}

impl Outbox {
    fn answer(&mut self, answer: Answer) {
        self.waiting.push_back(answer);
        self.flush();
    }

    fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if self.ring.is_abandoned() {
            self.waiting.clear();
            return;
        }
        while let Some(answer) = self.waiting.pop_front() {
            if let Err(answer) = self.ring.push(answer) {
                self.waiting.push_front(answer);
                return;
            }
            self.news += 1;
        }
    }

    fn wake_control(&mut self) {
        self.flush();
        if std::mem::take(&mut self.news) > 0 {
            self.control.wake();
        }
    }
}
