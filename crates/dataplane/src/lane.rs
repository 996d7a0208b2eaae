//! One lane: what it owns, one turn of its work, and the loop of its thread.

mod run;

pub use crate::thread::LaneThread;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use linkveil_net::FrameList;
use linkveil_net::batch::{TunBatch, UdpBatch};
use linkveil_net::clock;
use linkveil_net::gso::{GsoQueue, MAX_TRAIN_SEGMENTS};
use linkveil_net::poll::Waker;
use linkveil_net::traits::{TunQueue, UdpQueue};
use linkveil_sa::{Counters, InstallKind, SocketIndex};
use linkveil_wire::{Lane as LaneNumber, LaneCount};
use rtrb::Producer;

use crate::bridge;
use crate::coalesce::Coalescer;
use crate::egress::{self, Progress, Stop, TRAINS, TUN_BATCH, TUN_BATCH_BYTES, Underlay};
use crate::ends::{ControlEnd, Next, Orders};
use crate::ingress::{self, UDP_BATCH};
use crate::inward::Inward;
use crate::orders::{Answer, Order, Retired, SendControl};
use crate::route_cache::RouteCache;
use crate::sighting::{Sighting, Sightings};
use crate::snapshot::{Snapshot, VpcIndex};
use crate::state::{Peers, SaTable, State};
use crate::stray::StrayPorts;

/// Most packets of one batch of full trains. Kernels with longer trains let the list grow, once.
const FRAMES: usize = UDP_BATCH * MAX_TRAIN_SEGMENTS;

/// Batches of strays in one turn: more than the rings of 64 lanes hold in full trains. Rings full of tiny runs take several
/// turns, so that they cannot keep the own sockets waiting for ever.
const STRAY_ROUNDS: usize = 64;

/// One lane's queues.
#[derive(Debug)]
pub struct LaneQueues<T, U> {
    /// One queue of each VPC's device, by [`VpcIndex`].
    pub tuns: Vec<T>,
    /// One socket of each listen address, by [`SocketIndex`].
    pub udps: Vec<U>,
}

/// What a turn came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// There was something to do, and there may be more.
    Worked,
    /// Nothing was there to be done.
    Idle,
    /// Control said stop.
    Stopped,
}

/// One lane. It belongs to one thread; everything that others want of it comes by ring.
#[derive(Debug)]
pub struct Lane<T, U> {
    state: State,
    tuns: Vec<T>,
    udps: Vec<U>,
    /// For each socket what waits to be sent.
    queues: Vec<GsoQueue>,
    tun_batch: TunBatch,
    udp_batch: UdpBatch,
    /// For each device what waits to be delivered.
    frames: Vec<FrameList>,
    strays: StrayPorts,
    stray_batch: UdpBatch,
    stray_sockets: Vec<SocketIndex>,
    orders: Orders<Order>,
    waker: Waker,
    underlay: Underlay,
    ready: Ready,
    /// What is left to do of the batch from a device. Nothing else is read from devices before it is done.
    sending: Option<Progress>,
    /// The device that is read first in a turn.
    first_device: usize,
    /// Bytes that this turn took from sockets and devices.
    moved: usize,
}

/// Everything that connects a lane to the rest.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) control: ControlEnd<Order, Answer>,
    pub(crate) strays: StrayPorts,
    pub(crate) sightings: Producer<Sighting>,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// Which sources the next turn looks at.
#[derive(Debug)]
struct Ready {
    /// The waker. It is drained when it is readable only: a system call and a write to what others write, too.
    waker: Look,
    tuns: Vec<Look>,
    udps: Vec<Look>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    Skip,
    Take,
}

impl Ready {
    fn fill(&mut self, look: Look) {
        self.waker = look;
        self.tuns.fill(look);
        self.udps.fill(look);
    }
}

impl<T: TunQueue, U: UdpQueue> Lane<T, U> {
    pub(crate) fn new(
        number: LaneNumber,
        lanes: LaneCount,
        queues: LaneQueues<T, U>,
        links: Links,
    ) -> Self {
        let LaneQueues { tuns, udps } = queues;
        let now = clock::now();
        let bridges = links.snapshot.routes().bridges();
        Self {
            state: State {
                lane: number,
                lanes,
                now,
                peers: Peers::new(links.snapshot.peer_count(), now),
                snapshot: links.snapshot,
                route_cache: RouteCache::new(),
                table: SaTable::default(),
                drops: Counters::new(),
                counters: Counters::new(),
                outbox: links.control.outbox,
                offloads: tuns.iter().map(TunQueue::offloads).collect(),
                inward: Inward::new(tuns.len()),
                sightings: Sightings::new(links.sightings, bridges, now),
                coalescer: Coalescer::default(),
            },
            queues: udps.iter().map(|_| GsoQueue::new(TRAINS)).collect(),
            tun_batch: TunBatch::new(TUN_BATCH, TUN_BATCH_BYTES),
            udp_batch: UdpBatch::new(UDP_BATCH),
            frames: tuns
                .iter()
                .map(|_| FrameList::with_capacity(FRAMES))
                .collect(),
            strays: links.strays,
            stray_batch: UdpBatch::new(UDP_BATCH),
            stray_sockets: Vec::with_capacity(UDP_BATCH),
            orders: links.control.orders,
            waker: links.control.waker,
            underlay: Underlay::Free,
            ready: Ready {
                waker: Look::Skip,
                tuns: vec![Look::Skip; tuns.len()],
                udps: vec![Look::Skip; udps.len()],
            },
            sending: None,
            first_device: 0,
            moved: 0,
            tuns,
            udps,
        }
    }

    /// Wakes this lane.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// One round without waiting: orders, strays, one batch of every socket and of every device. For simulations and
    /// benchmarks; a thread of its own calls [`Self::run`].
    ///
    /// # Errors
    ///
    /// A device or socket that will never work again.
    pub fn turn(&mut self, now: Instant) -> io::Result<Turn> {
        self.ready.fill(Look::Take);
        self.work(now)
    }

    /// Looks at the sources that are ready. Strays come before the own sockets, so that a flow's datagrams keep their
    /// order (REQ-LANE-7).
    fn work(&mut self, now: Instant) -> io::Result<Turn> {
        self.state.now = now;
        self.moved = 0;
        if self.ready.waker == Look::Take {
            self.waker.drain();
        }
        let Some(mut done) = self.take_orders() else {
            // A farewell that was ordered before still leaves.
            self.flush()?;
            self.state.outbox.wake_control();
            return Ok(Turn::Stopped);
        };
        done += self.take_strays();
        self.flush()?;
        done += self.take_sockets()?;
        done += self.take_devices()?;
        self.state.tell_activity();
        self.state.tell_sightings();
        self.state.outbox.wake_control();
        Ok(if done == 0 { Turn::Idle } else { Turn::Worked })
    }

    /// Carries out what control has ordered, as long as the answers find room. `None`: stop.
    fn take_orders(&mut self) -> Option<usize> {
        let mut count = 0;
        self.state.outbox.flush();
        while self.state.outbox.is_empty() {
            match self.orders.next() {
                Next::Order(Order::Stop) | Next::Abandoned => return None,
                Next::Order(order) => self.carry_out(order),
                Next::Nothing => break,
            }
            count += 1;
        }
        Some(count)
    }

    fn carry_out(&mut self, order: Order) {
        let state = &mut self.state;
        let retired = match order {
            Order::Snapshot(snapshot) => {
                let former = std::mem::replace(&mut state.snapshot, snapshot);
                state.route_cache.clear();
                Some(Retired::Snapshot(former))
            }
            Order::InstallRx(epoch) => {
                let id = epoch.epoch();
                let former = state.table.insert(epoch);
                state.outbox.answer(Answer::Installed(id, InstallKind::Rx));
                former.map(Retired::Rx)
            }
            Order::InstallTx(tx) => {
                let (peer, id) = (tx.peer(), tx.epoch());
                let slot = state.peers.get(peer);
                let former = slot.and_then(|slot| slot.tx.replace(tx));
                state.outbox.answer(Answer::Installed(id, InstallKind::Tx));
                former.map(Retired::Tx)
            }
            Order::RemoveRx { epoch, spi } => {
                let known = state.table.rx_mut(spi).map(|known| known.epoch());
                let former = (known == Some(epoch)).then(|| state.table.remove(spi));
                former.flatten().map(Retired::Rx)
            }
            Order::RemoveTx { peer, epoch } => {
                let slot = state.peers.get(peer);
                let former = slot.and_then(|slot| slot.tx.take_if(|tx| tx.epoch() == epoch));
                former.map(Retired::Tx)
            }
            Order::SendControl(order) => {
                self.send_control(&order);
                None
            }
            Order::Report(mut report) => {
                state.fill(&mut report);
                for socket in &self.udps {
                    report.impaired.merge(socket.impaired());
                }
                state.outbox.answer(Answer::Report(report));
                None
            }
            Order::Stop => None,
        };
        if let Some(retired) = retired {
            self.state.outbox.answer(Answer::Retired(retired));
        }
    }

    /// A burst of frames to different peers may fill the queues; what waits leaves first.
    fn send_control(&mut self, order: &SendControl) {
        if self.queues.iter().any(|queue| queue.free_trains() == 0) {
            // A socket that fails here fails again at the end of the turn, and is told there.
            let _told_later = self.flush();
        }
        egress::send_control(&mut self.state, &mut self.queues, order);
    }

    /// Takes over what other lanes passed on, up to a bound; then it is the own sockets' turn.
    fn take_strays(&mut self) -> usize {
        let mut count = 0;
        for _ in 0..STRAY_ROUNDS {
            if self.strays.is_idle() {
                break;
            }
            let (state, frames) = (&mut self.state, &mut self.frames);
            let (batch, sockets) = (&mut self.stray_batch, &mut self.stray_sockets);
            self.strays.receive(batch, sockets);
            ingress::handle_strays(state, sockets, batch, frames);
            ingress::deliver(state, &mut self.tuns, frames, batch);
            count += sockets.len();
        }
        count
    }

    fn take_sockets(&mut self) -> io::Result<usize> {
        let mut count = 0;
        let (state, frames, batch) = (&mut self.state, &mut self.frames, &mut self.udp_batch);
        let sockets = (0..).map(SocketIndex::new).zip(&mut self.udps);
        for ((index, socket), look) in sockets.zip(&self.ready.udps) {
            // A queue that holds datagrams back is looked at when one is due, too; others never are, at no cost.
            let due = socket.next_due().is_some_and(|due| due <= state.now);
            if (*look == Look::Take || due) && socket.recv_batch(batch)? > 0 {
                ingress::handle_batch(state, index, batch, &mut self.strays, frames);
                ingress::deliver(state, &mut self.tuns, frames, batch);
                count += batch.len();
                self.moved += batch.bytes();
            }
        }
        Ok(count)
    }

    /// Reads devices as long as the underlay takes what they bring. The first device to be read goes round, so that none
    /// is always the one that is kept waiting.
    fn take_devices(&mut self) -> io::Result<usize> {
        let (mut count, devices) = (self.go_on_sending()?, self.tuns.len());
        self.first_device = (self.first_device + 1) % devices.max(1);
        for step in 0..devices {
            let place = (self.first_device + step) % devices;
            if self.underlay == Underlay::Blocked {
                break;
            }
            if self.ready.tuns.get(place) == Some(&Look::Take) {
                count += self.take_device(place)?;
                self.flush()?;
            }
        }
        Ok(count)
    }

    fn take_device(&mut self, place: usize) -> io::Result<usize> {
        let vpc = VpcIndex::new(u16::try_from(place).unwrap_or(u16::MAX));
        let Some(device) = self.tuns.get_mut(place) else {
            return Ok(0);
        };
        let count = device.recv_batch(&mut self.tun_batch)?;
        self.moved += self.tun_batch.bytes();
        self.sending = Some(Progress::start(vpc));
        self.go_on_sending()?;
        Ok(count)
    }

    /// Sends what is left of a batch, as long as the underlay takes it; the rest stays. Returns how many batches it went on
    /// with.
    fn go_on_sending(&mut self) -> io::Result<usize> {
        let pending = usize::from(self.sending.is_some());
        while self.underlay == Underlay::Free
            && let Some(progress) = &mut self.sending
        {
            let (state, batch, queues) = (&mut self.state, &mut self.tun_batch, &mut self.queues);
            let bridged = state.snapshot.routes().bridge(progress.vpc).is_some();
            let stop = match self.tuns.get_mut(progress.vpc.index()) {
                None => Stop::End,
                Some(_) if bridged => bridge::forward_batch(state, batch, progress, queues),
                Some(device) => egress::forward_batch(state, device, batch, progress, queues),
            };
            if stop == Stop::End {
                self.sending = None;
            }
            self.flush()?;
        }
        Ok(pending)
    }

    /// Gives the kernel what waits in the send queues.
    fn flush(&mut self) -> io::Result<()> {
        self.underlay = Underlay::Free;
        let sockets = (0..).map(SocketIndex::new).zip(&mut self.udps);
        for ((index, socket), queue) in sockets.zip(&mut self.queues) {
            if egress::flush(&mut self.state, index, socket, queue)? == Underlay::Blocked {
                self.underlay = Underlay::Blocked;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
