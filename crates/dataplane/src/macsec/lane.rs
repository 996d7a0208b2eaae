//! One MACsec lane: what it owns, one turn of its work.

mod run;

use std::io;
use std::time::Instant;

use linkveil_macsec::{RxSak, TxSak};
use linkveil_net::batch::TunBatch;
use linkveil_net::clock;
use linkveil_net::poll::Waker;
use linkveil_net::traits::{PortQueue, TunQueue};
use linkveil_net::{FrameList, PortBatch, PortOutbox};
use linkveil_sa::{EpochId, InstallKind};
use linkveil_wire::control::MAX_CONTROL_LEN;
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;
use linkveil_wire::sectag::{ICV_LEN, SECTAG_SCI_LEN};
use linkveil_wire::{An, ControlFrame, Lane as LaneNumber};

use super::config::{MacsecBuildError, MacsecConfig};
use super::egress::{self, PORT_BYTES, PORT_FRAMES, Progress};
use super::ingress::{self, PORT_BATCH};
use super::orders::{Answer, Order, Retired};
use super::report::LaneReport;
use super::state::State;
use crate::egress::{Stop, TUN_BATCH, TUN_BATCH_BYTES, Underlay};
use crate::ends::{ControlEnd, Next, Orders};
use crate::lane::Turn;

/// Room for any link control frame, secured.
const LONGEST_CONTROL: usize = SECTAG_SCI_LEN + ETHERNET_HEADER_LEN + MAX_CONTROL_LEN + ICV_LEN;

/// One MACsec lane's queues.
#[derive(Debug)]
pub struct MacsecQueues<T, P> {
    /// One queue of the device: the controlled port.
    pub tap: T,
    /// One queue of the protected port: the common port.
    pub port: P,
}

/// One MACsec lane. It belongs to one thread; everything that others want of it comes by ring.
#[derive(Debug)]
pub struct MacsecLane<T, P> {
    state: State,
    tap: T,
    port: P,
    /// What waits to be sent.
    queue: PortOutbox,
    tun_batch: TunBatch,
    port_batch: PortBatch,
    /// What waits to be delivered.
    frames: FrameList,
    orders: Orders<Order>,
    waker: Waker,
    underlay: Underlay,
    ready: Ready,
    /// What is left to do of the batch from the device. Nothing else is read from it before it is done.
    sending: Option<Progress>,
    /// Bytes that this turn took from port and device.
    moved: usize,
}

/// Which sources the next turn looks at.
#[derive(Clone, Copy, Debug)]
struct Ready {
    tap: Look,
    port: Look,
    /// The waker. It is drained when it is readable only: a system call and a write to what others write, too.
    waker: Look,
}

impl Ready {
    const fn all(look: Look) -> Self {
        Self {
            tap: look,
            port: look,
            waker: look,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    Skip,
    Take,
}

impl<T: TunQueue, P: PortQueue> MacsecLane<T, P> {
    pub(crate) fn new(
        config: &MacsecConfig,
        number: LaneNumber,
        queues: MacsecQueues<T, P>,
        control: ControlEnd<Order, Answer>,
    ) -> Result<Self, MacsecBuildError> {
        let MacsecQueues { tap, port } = queues;
        let device = (tap.offloads(), clock::now());
        Ok(Self {
            state: State::new(config, number, control.outbox, device)?,
            tap,
            port,
            queue: PortOutbox::new(PORT_FRAMES, PORT_BYTES),
            tun_batch: TunBatch::new(TUN_BATCH, TUN_BATCH_BYTES),
            port_batch: PortBatch::new(PORT_BATCH),
            frames: FrameList::with_capacity(PORT_BATCH),
            orders: control.orders,
            waker: control.waker,
            underlay: Underlay::Free,
            ready: Ready::all(Look::Skip),
            sending: None,
            moved: 0,
        })
    }

    /// Wakes this lane.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// One round without waiting: orders, one batch of the port and one of the device. For simulations and benchmarks; a
    /// thread of its own calls [`Self::run`].
    ///
    /// # Errors
    ///
    /// A device or port that will never work again.
    pub fn turn(&mut self, now: Instant) -> io::Result<Turn> {
        self.ready = Ready::all(Look::Take);
        self.work(now)
    }

    /// Looks at the sources that are ready.
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
        self.flush()?;
        done += self.take_port()?;
        done += self.take_tap()?;
        self.state.tell_pressure();
        self.state.tell_activity();
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
        let State { tx, rx, .. } = &mut self.state;
        let retired = match order {
            Order::AddChannel(sci) => {
                // Control asks for no more than there can be; if it does, an install says so.
                let _no_place = rx.add_channel(sci);
                None
            }
            Order::RemoveChannel(sci) => rx.remove_channel(sci).map(Box::new).map(Retired::Channel),
            Order::InstallRx { epoch, an, keys } => Some(self.install_rx(epoch, an, keys)),
            Order::InstallTx { epoch, an, key } => self.install_tx(epoch, an, key),
            Order::RemoveRx { epoch, mut keys } => {
                rx.remove(epoch, &mut keys);
                Some(Retired::Rx(keys))
            }
            Order::RemoveTx { epoch } => tx.remove(epoch).map(Retired::Tx),
            Order::SendControl { epoch, frame } => {
                self.send_control(epoch, frame);
                None
            }
            Order::ReserveThrough { an, last } => {
                tx.reserve_through(an, last);
                None
            }
            Order::Report(report) => {
                self.report(report);
                None
            }
            Order::Stop => None,
        };
        if let Some(retired) = retired {
            self.state.outbox.answer(Answer::Retired(retired));
        }
    }

    /// Returns the keys' memory.
    fn install_rx(&mut self, epoch: EpochId, an: An, mut keys: Vec<RxSak>) -> Retired {
        let State { rx, outbox, .. } = &mut self.state;
        let mut all = keys.drain(..);
        let installed = all.try_for_each(|key| rx.install(epoch, an, key));
        drop(all);
        outbox.answer(match installed {
            Ok(()) => Answer::Installed(epoch, InstallKind::Rx),
            Err(error) => Answer::Refused(epoch, InstallKind::Rx, error),
        });
        Retired::Rx(keys)
    }

    /// Returns the former key.
    fn install_tx(&mut self, epoch: EpochId, an: An, key: TxSak) -> Option<Retired> {
        let State { tx, outbox, .. } = &mut self.state;
        let (answer, former) = match tx.install(epoch, an, key) {
            Ok(former) => (Answer::Installed(epoch, InstallKind::Tx), former),
            Err(error) => (Answer::Refused(epoch, InstallKind::Tx, error.into()), None),
        };
        outbox.answer(answer);
        former.map(Retired::Tx)
    }

    fn report(&mut self, mut report: Box<LaneReport>) {
        let lost = self.port.take_overruns();
        let lost = usize::try_from(lost).unwrap_or(usize::MAX);
        self.state.rx.secy.count_overrun(lost);
        self.state.fill(&mut report);
        report.impaired = self.port.impaired();
        self.state.outbox.answer(Answer::Report(report));
    }

    /// What waits leaves first, so that there is room.
    fn send_control(&mut self, epoch: EpochId, frame: ControlFrame) {
        if !self.queue.has_room_for(1, LONGEST_CONTROL) {
            // A port that fails here fails again at the end of the turn, and is told there.
            let _told_later = self.flush();
        }
        egress::send_control(&mut self.state, &mut self.queue, epoch, frame);
    }

    fn take_port(&mut self) -> io::Result<usize> {
        // A queue that holds frames back is looked at when one is due, too.
        let due = self
            .port
            .next_due()
            .is_some_and(|due| due <= self.state.now);
        if self.ready.port == Look::Skip && !due {
            return Ok(0);
        }
        let (state, batch, frames) = (&mut self.state, &mut self.port_batch, &mut self.frames);
        let count = self.port.recv_batch(batch)?;
        self.moved += batch.bytes();
        if count + batch.truncated() > 0 {
            state.rx.secy.expire(state.now);
            ingress::handle_batch(state, batch, frames);
            ingress::deliver(state, &mut self.tap, frames, batch);
        }
        Ok(count)
    }

    /// Reads the device if the port takes what it brings.
    fn take_tap(&mut self) -> io::Result<usize> {
        let pending = usize::from(self.sending.is_some());
        self.go_on_sending()?;
        if self.ready.tap == Look::Skip || self.underlay == Underlay::Blocked {
            return Ok(pending);
        }
        let count = self.tap.recv_batch(&mut self.tun_batch)?;
        self.moved += self.tun_batch.bytes();
        if count > 0 {
            self.state.tx.channel.expire(self.state.now);
            self.sending = Some(Progress::default());
            self.go_on_sending()?;
        }
        Ok(pending + count)
    }

    /// Sends what is left of a batch, as long as the port takes it; the rest stays.
    fn go_on_sending(&mut self) -> io::Result<()> {
        while self.underlay == Underlay::Free
            && let Some(progress) = &mut self.sending
        {
            let (state, batch, queue) = (&mut self.state, &mut self.tun_batch, &mut self.queue);
            if egress::forward_batch(state, batch, progress, queue) == Stop::End {
                self.sending = None;
            }
            self.flush()?;
        }
        Ok(())
    }

    /// Gives the kernel what waits in the send queue.
    fn flush(&mut self) -> io::Result<()> {
        self.underlay = egress::flush(&mut self.state, &mut self.port, &mut self.queue)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
