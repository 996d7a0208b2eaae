//! Control's side: `dataplane/src/pool.rs`, and the part of the control loop that waits for lanes.

use std::collections::{BTreeMap, VecDeque};

use crate::lane::{Answer, Datagram, Lane, Order, Outbox};
use crate::parts::{Consumer, Ledger, Place, Producer, Waker, ring};

/// Datagrams that fit a lane's socket: more than a scene sends.
const SOCKET: usize = 4;

/// When control tells the peer of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Announce {
    AfterAll,
    /// Broken: one lane may still be without the keys.
    AfterOne,
}

/// How control's end goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Farewell {
    /// Broken: a lane that takes all orders and sleeps before the ring is abandoned sleeps for ever.
    WakesBefore,
    WakesAfterwards,
}

/// One lane as control sees it, and the socket by which peers reach it.
#[derive(Debug)]
pub(crate) struct Port {
    orders: Producer<Order>,
    waiting: VecDeque<Order>,
    answers: Consumer<Answer>,
    waker: Waker,
    socket: Producer<Datagram>,
}

#[derive(Debug)]
pub(crate) struct Pool {
    ports: Vec<Port>,
    waker: Waker,
    /// For each epoch how many lanes have it.
    installed: BTreeMap<u32, usize>,
    ledger: Ledger,
}

pub(crate) fn build(lanes: usize, capacity: usize, ledger: &Ledger) -> (Pool, Vec<Lane>) {
    let control = Waker::new();
    let (mut ports, mut built) = (Vec::new(), Vec::new());
    for _ in 0..lanes {
        let waker = Waker::new();
        let (orders, orders_there) = ring(capacity, &control);
        let (answers_there, answers) = ring(capacity, &waker);
        let (socket, datagrams) = ring(SOCKET, &control);
        built.push(Lane {
            orders: orders_there,
            datagrams,
            outbox: Outbox {
                ring: answers_there,
                waiting: VecDeque::new(),
                control: control.clone(),
                news: 0,
            },
            waker: waker.clone(),
            table: BTreeMap::new(),
        });
        ports.push(Port {
            orders,
            waiting: VecDeque::new(),
            answers,
            waker,
            socket,
        });
    }
    let pool = Pool {
        ports,
        waker: control,
        installed: BTreeMap::new(),
        ledger: ledger.clone(),
    };
    (pool, built)
}

/// An order that can be given to every lane.
pub(crate) trait Repeat {
    fn repeat(&self) -> Order;
}

impl Repeat for Order {
    fn repeat(&self) -> Order {
        match *self {
            Self::RemoveRx { epoch, spi } => Self::RemoveRx { epoch, spi },
            Self::Stop => Self::Stop,
            Self::InstallRx { .. } => panic!("keys are given by order_install"),
        }
    }
}

impl Pool {
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Port> {
        self.ports.iter()
    }

    #[expect(clippy::needless_pass_by_value, reason = "orders are given away")]
    pub(crate) fn order_all(&mut self, order: Order) {
        for port in &mut self.ports {
            port.waiting.push_back(order.repeat());
        }
    }

    pub(crate) fn order_install(&mut self, epoch: u32, spi: u32) {
        for port in &mut self.ports {
            let key = self.ledger.key(epoch);
            port.waiting.push_back(Order::InstallRx { spi, key });
        }
    }

    /// Orders an install, and comes back when the peer may be told.
    pub(crate) fn install(&mut self, epoch: u32, spi: u32, announce: Announce) {
        self.order_install(epoch, spi);
        let needed = match announce {
            Announce::AfterAll => self.ports.len(),
            Announce::AfterOne => 1,
        };
        loop {
            self.flush();
            self.collect();
            if self.installed.get(&epoch).copied() >= Some(needed) {
                return;
            }
            self.waker.wait_and_drain();
        }
    }

    /// Until every lane has answered its last order: a stop comes behind all of them.
    pub(crate) fn stop(&mut self) {
        self.order_all(Order::Stop);
        loop {
            self.flush();
            self.collect();
            if self.ports.iter().all(|port| port.answers.is_abandoned()) {
                self.collect();
                return;
            }
            self.waker.wait_and_drain();
        }
    }

    /// How many orders wait afterwards.
    pub(crate) fn flush(&mut self) -> usize {
        self.ports.iter_mut().map(Port::flush).sum()
    }

    pub(crate) fn collect(&mut self) {
        for port in &self.ports {
            while let Some(answer) = port.answers.pop() {
                match answer {
                    Answer::Installed(epoch) => *self.installed.entry(epoch).or_default() += 1,
                    Answer::Retired(key) => key.wipe(Place::Control),
                }
            }
        }
    }

    /// `Drop for Pool`.
    pub(crate) fn give_up(mut self, farewell: Farewell) {
        self.order_all(Order::Stop);
        self.flush();
        for port in self.ports.drain(..) {
            let Port {
                orders,
                answers,
                waker,
                ..
            } = port;
            drop((orders, answers));
            if farewell == Farewell::WakesAfterwards {
                waker.wake();
            }
        }
    }
}

impl Port {
    fn flush(&mut self) -> usize {
        if self.waiting.is_empty() {
            return 0;
        }
        while let Some(order) = self.waiting.pop_front() {
            if let Err(order) = self.orders.push(order) {
                self.waiting.push_front(order);
                break;
            }
        }
        self.waker.wake();
        self.waiting.len()
    }

    /// A peer's datagram arrives.
    pub(crate) fn deliver(&self, datagram: Datagram) {
        self.socket
            .push(datagram)
            .expect("the socket has room for all of a scene");
        self.waker.wake();
    }
}
