//! Control's side of all lanes: orders out, events in, and memory back.
//!
//! Nothing here blocks. An order that a lane's ring does not take waits in a queue and is tried again by
//! [`Pool::flush`]; what lanes no longer need comes back and is freed here.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use linkveil_net::GsoNotice;
use linkveil_net::poll::Waker;
use linkveil_net::traits::{TunQueue, UdpQueue};
use linkveil_sa::{EpochId, InstallKind, LaneCommand, LaneEvent, SocketIndex};
use linkveil_wire::LaneCount;
use rtrb::{Consumer, RingBuffer};

pub use crate::ends::Backlog;
use crate::ends::{self, Install, Installs, LaneEnd};
use crate::lane::{Lane, LaneQueues, Links};
use crate::orders::{Answer, Order, SendControl};
use crate::report::Report;
use crate::sighting::{self, Sighting};
use crate::snapshot::Snapshot;
use crate::stray;

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
    ends: Vec<LaneEnd<Order, Answer>>,
    /// What each lane saw of stations.
    sightings: Vec<Consumer<Sighting>>,
    waker: Waker,
    events: VecDeque<PoolEvent>,
    installs: Installs,
    report: Option<PendingReport>,
    peers: usize,
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
    let connected = queues.iter().map(|_| ends::connect(&control));
    let (ends, theirs): (Vec<_>, Vec<_>) = connected
        .collect::<io::Result<Vec<_>>>()?
        .into_iter()
        .unzip();
    let wakers: Vec<Waker> = theirs.iter().map(|end| end.waker.clone()).collect();
    let (mut sightings, mut built) = (Vec::new(), Vec::new());
    let parts = queues.into_iter().zip(stray::join(&wakers)).zip(theirs);
    for (number, ((queues, strays), control)) in lanes.lanes().zip(parts) {
        let (sightings_there, sightings_here) = RingBuffer::new(sighting::RING);
        let links = Links {
            control,
            strays,
            sightings: sightings_there,
            snapshot: Arc::clone(snapshot),
        };
        built.push(Lane::new(number, lanes, queues, links));
        sightings.push(sightings_here);
    }
    let pool = Pool {
        lanes,
        ends,
        sightings,
        waker: control,
        events: VecDeque::new(),
        installs: Installs::default(),
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
                let count = self.ends.len();
                self.installs.begin(install.epoch, InstallKind::Rx, count);
                let epochs = install.into_lanes(self.lanes);
                for (end, epoch) in self.ends.iter_mut().zip(epochs) {
                    end.order(Order::InstallRx(Box::new(epoch)));
                }
            }
            LaneCommand::InstallTx(install) => {
                let count = self.ends.len();
                self.installs.begin(install.epoch, InstallKind::Tx, count);
                for (end, tx) in self.ends.iter_mut().zip(install.into_lanes()) {
                    end.order(Order::InstallTx(Box::new(tx)));
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
                if let Some(first) = self.ends.first_mut() {
                    first.order(Order::SendControl(order));
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
            missing: self.ends.len(),
        });
        self.order_all(|| Order::Report(Box::new(Report::new(peers))));
    }

    /// Moves waiting orders into the rings and wakes the lanes that got some.
    pub fn flush(&mut self) -> Backlog {
        ends::flush_all(&mut self.ends)
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
        self.sightings.iter_mut().flat_map(|sightings| {
            // A lane that goes on telling does not keep control here.
            let count = sightings.slots();
            (0..count).map_while(|_| sightings.pop().ok())
        })
    }

    /// Tells all lanes to end when they have carried out what was ordered before. Takes effect with [`Self::flush`].
    pub fn stop(&mut self) {
        self.order_all(|| Order::Stop);
    }

    fn order_all(&mut self, mut order: impl FnMut() -> Order) {
        for end in &mut self.ends {
            end.order(order());
        }
    }

    fn collect(&mut self) {
        for place in 0..self.ends.len() {
            while let Some(answer) = self.ends.get_mut(place).and_then(LaneEnd::answer) {
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

    fn note_installed(&mut self, epoch: EpochId, direction: InstallKind) {
        if self.installs.note(epoch, direction) == Install::Over {
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
    /// Ends lanes whose thread still runs, for example when a gateway fails half-way through its start.
    fn drop(&mut self) {
        self.stop();
        self.flush();
        self.ends.drain(..).for_each(LaneEnd::abandon);
    }
}

#[cfg(test)]
mod tests;
