//! Control's side of all lanes: orders out, events in, and memory back.
//!
//! Nothing here blocks. An order that a lane's ring does not take waits in a queue and is tried again by
//! [`Pool::flush`]; what lanes no longer need comes back and is freed here.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use linkveil_net::GsoNotice;
use linkveil_net::poll::Waker;
use linkveil_net::traits::{TunQueue, UdpQueue};
use linkveil_sa::{EpochId, InstallKind, LaneCommand, LaneEvent, SocketIndex};
use linkveil_wire::LaneCount;
use rtrb::{Consumer, Producer, PushError, RingBuffer};

use crate::lane::{Lane, LaneQueues, Links};
use crate::orders::{Answer, Order, SendControl};
use crate::outbox::Outbox;
use crate::report::Report;
use crate::sighting::{self, Sighting};
use crate::snapshot::Snapshot;
use crate::stray;

/// Orders and answers under way between control and one lane: a burst of rekeys with a few hundred peers.
pub(crate) const RING: usize = 1_024;

/// Whether orders wait for room in a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backlog {
    /// All are on their way.
    Empty,
    /// Some wait: call [`Pool::flush`] again soon.
    Waiting,
}

/// What the lanes tell.
#[derive(Debug)]
pub enum PoolEvent {
    /// For the control core.
    Lane(LaneEvent),
    /// The kernel takes shorter trains of this listen address from now on, or none. For the log: each lane has a socket
    /// there and tells it of its own.
    Trains(SocketIndex, GsoNotice),
    /// The sums that were asked for by [`Pool::request_report`].
    Report(Box<Report>),
}

/// Control's end of all lanes; it belongs to the control thread. Dropped, it ends them.
#[derive(Debug)]
pub struct Pool {
    lanes: LaneCount,
    ports: Vec<Port>,
    waker: Waker,
    events: VecDeque<PoolEvent>,
    /// For each install how many lanes have not carried it out yet.
    installs: HashMap<(EpochId, InstallKind), usize>,
    report: Option<PendingReport>,
    peers: usize,
}

/// One lane as control sees it.
#[derive(Debug)]
struct Port {
    orders: Producer<Order>,
    waiting: VecDeque<Order>,
    answers: Consumer<Answer>,
    sightings: Consumer<Sighting>,
    waker: Waker,
}

#[derive(Debug)]
struct PendingReport {
    sum: Box<Report>,
    missing: usize,
}

/// Makes lanes from their queues, and control's end of them. All tables and rings are made here.
///
/// # Errors
///
/// No lanes or more than 64 (`InvalidInput`); no descriptors left for wakers.
pub fn build<T: TunQueue, U: UdpQueue>(
    queues: Vec<LaneQueues<T, U>>,
    snapshot: &Arc<Snapshot>,
) -> io::Result<(Pool, Vec<Lane<T, U>>)> {
    let lanes = u8::try_from(queues.len()).ok().and_then(LaneCount::new);
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "a node has 1 to 64 lanes");
    let lanes = lanes.ok_or_else(wrong)?;
    let control = Waker::new()?;
    let wakers: Vec<Waker> = queues
        .iter()
        .map(|_| Waker::new())
        .collect::<Result<_, _>>()?;
    let (mut ports, mut built) = (Vec::new(), Vec::new());
    let parts = queues.into_iter().zip(stray::join(&wakers)).zip(&wakers);
    for (number, ((queues, strays), waker)) in lanes.lanes().zip(parts) {
        let (orders, orders_there) = RingBuffer::new(RING);
        let (answers_there, answers) = RingBuffer::new(RING);
        let (sightings_there, sightings) = RingBuffer::new(sighting::RING);
        let links = Links {
            orders: orders_there,
            outbox: Outbox::new(answers_there, control.clone()),
            strays,
            sightings: sightings_there,
            waker: waker.clone(),
            snapshot: Arc::clone(snapshot),
        };
        built.push(Lane::new(number, lanes, queues, links));
        ports.push(Port {
            orders,
            waiting: VecDeque::new(),
            answers,
            sightings,
            waker: waker.clone(),
        });
    }
    let pool = Pool {
        lanes,
        ports,
        waker: control,
        events: VecDeque::new(),
        installs: HashMap::new(),
        report: None,
        peers: snapshot.peer_count(),
    };
    Ok((pool, built))
}

impl Pool {
    /// Lanes wake this when they have something to tell.
    #[must_use]
    pub const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Gives all lanes a new snapshot, with as many peers as the one before.
    pub fn publish(&mut self, snapshot: &Arc<Snapshot>) {
        self.order_all(|| Order::Snapshot(Arc::clone(snapshot)));
    }

    /// Passes an order of the control core on. Orders and snapshots keep their order.
    pub fn command(&mut self, command: LaneCommand) {
        match command {
            LaneCommand::InstallRx(install) => {
                self.await_install(install.epoch, InstallKind::Rx);
                let epochs = install.into_lanes(self.lanes);
                for (port, epoch) in self.ports.iter_mut().zip(epochs) {
                    port.waiting.push_back(Order::InstallRx(Box::new(epoch)));
                }
            }
            LaneCommand::InstallTx(install) => {
                self.await_install(install.epoch, InstallKind::Tx);
                for (port, tx) in self.ports.iter_mut().zip(install.into_lanes()) {
                    port.waiting.push_back(Order::InstallTx(Box::new(tx)));
                }
            }
            LaneCommand::RemoveRx { epoch, spi } => {
                self.order_all(|| Order::RemoveRx { epoch, spi });
            }
            LaneCommand::RemoveTx { peer, epoch } => {
                self.order_all(|| Order::RemoveTx { peer, epoch });
            }
            LaneCommand::SendControl {
                peer,
                epoch,
                frame,
                path,
            } => {
                let order = SendControl {
                    peer,
                    epoch,
                    frame,
                    path,
                };
                if let Some(first) = self.ports.first_mut() {
                    first.waiting.push_back(Order::SendControl(order));
                }
            }
        }
    }

    /// Asks all lanes for their numbers; the sums come as one [`PoolEvent::Report`]. Without effect while an earlier
    /// request is not answered.
    pub fn request_report(&mut self) {
        if self.report.is_some() {
            return;
        }
        let peers = self.peers;
        self.report = Some(PendingReport {
            sum: Box::new(Report::new(peers)),
            missing: self.ports.len(),
        });
        self.order_all(|| Order::Report(Box::new(Report::new(peers))));
    }

    /// Moves waiting orders into the rings and wakes the lanes that got some.
    pub fn flush(&mut self) -> Backlog {
        let mut backlog = Backlog::Empty;
        for port in &mut self.ports {
            if port.flush() == Backlog::Waiting {
                backlog = Backlog::Waiting;
            }
        }
        backlog
    }

    /// The next thing that the lanes tell. Values that they gave back are freed on the way.
    pub fn poll_event(&mut self) -> Option<PoolEvent> {
        if self.events.is_empty() {
            self.collect();
        }
        self.events.pop_front()
    }

    /// What the lanes saw of stations since the last call, in the order of each lane. Call it when [`Self::waker`] wakes.
    pub fn sightings(&mut self) -> impl Iterator<Item = Sighting> {
        let ports = self.ports.iter_mut();
        ports.flat_map(|port| {
            // A lane that goes on telling does not keep control here.
            let count = port.sightings.slots();
            (0..count).map_while(|_| port.sightings.pop().ok())
        })
    }

    /// Tells all lanes to end when they have carried out what was ordered before. Takes effect with [`Self::flush`].
    pub fn stop(&mut self) {
        self.order_all(|| Order::Stop);
    }

    fn await_install(&mut self, epoch: EpochId, kind: InstallKind) {
        self.installs.insert((epoch, kind), self.ports.len());
    }

    fn order_all(&mut self, mut order: impl FnMut() -> Order) {
        for port in &mut self.ports {
            port.waiting.push_back(order());
        }
    }

    fn collect(&mut self) {
        for place in 0..self.ports.len() {
            while let Some(answer) = self.next_answer(place) {
                match answer {
                    Answer::Installed(epoch, kind) => self.note_installed(epoch, kind),
                    Answer::Event(event) => self.events.push_back(PoolEvent::Lane(event)),
                    Answer::Trains(socket, notice) => {
                        self.events.push_back(PoolEvent::Trains(socket, notice));
                    }
                    Answer::Retired(value) => drop(value),
                    Answer::Report(report) => self.note_report(&report),
                }
            }
        }
    }

    fn next_answer(&mut self, place: usize) -> Option<Answer> {
        self.ports.get_mut(place)?.answers.pop().ok()
    }

    fn note_installed(&mut self, epoch: EpochId, direction: InstallKind) {
        let Some(missing) = self.installs.get_mut(&(epoch, direction)) else {
            return;
        };
        *missing -= 1;
        if *missing == 0 {
            self.installs.remove(&(epoch, direction));
            let installed = LaneEvent::Installed { epoch, direction };
            self.events.push_back(PoolEvent::Lane(installed));
        }
    }

    fn note_report(&mut self, report: &Report) {
        let Some(mut pending) = self.report.take() else {
            return;
        };
        pending.sum.merge(report);
        pending.missing -= 1;
        if pending.missing == 0 {
            self.events.push_back(PoolEvent::Report(pending.sum));
        } else {
            self.report = Some(pending);
        }
    }
}

impl Drop for Pool {
    /// Ends lanes whose thread still runs, for example when a gateway fails half-way through its start. A full ring does
    /// not take the stop; its lane sees that nobody is left, for which it must be awake once after the ring is abandoned.
    fn drop(&mut self) {
        self.stop();
        self.flush();
        for Port {
            orders,
            answers,
            waker,
            ..
        } in self.ports.drain(..)
        {
            drop((orders, answers));
            waker.wake();
        }
    }
}

impl Port {
    fn flush(&mut self) -> Backlog {
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
}

#[cfg(test)]
mod tests;
