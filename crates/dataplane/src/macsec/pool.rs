//! Control's side of a port's lanes: orders out, events in, and memory back. Nothing here blocks.

use std::collections::VecDeque;
use std::io;

use linkveil_macsec::{MAX_CHANNELS, RxSak, TxForm};
use linkveil_net::poll::Waker;
use linkveil_net::traits::{PortQueue, TunQueue};
use linkveil_sa::{EpochId, InstallKind, LaneEvent};
use linkveil_wire::LaneCount;

use super::command::{InstallRx, InstallTx, MacsecCommand};
use super::config::{MacsecBuildError, MacsecConfig, owner};
use super::event::{InstallRefusal, MacsecEvent};
use super::lane::{MacsecLane, MacsecQueues};
use super::orders::{Answer, Order};
use super::report::{LaneReport, MacsecReport};
use crate::ends::{self, Backlog, Install, Installs, LaneEnd};

/// Control's end of all lanes of a port; it belongs to the control thread. Dropped, it ends them.
#[derive(Debug)]
pub struct MacsecPool {
    lanes: LaneCount,
    ends: Vec<LaneEnd<Order, Answer>>,
    waker: Waker,
    events: VecDeque<MacsecEvent>,
    installs: Installs,
    report: Option<PendingReport>,
}

#[derive(Debug)]
struct PendingReport {
    sum: Box<MacsecReport>,
    missing: usize,
}

/// A port's lanes, in lane order, and control's end of them.
pub type Built<T, P> = (MacsecPool, Vec<MacsecLane<T, P>>);

/// Makes a port's lanes from their queues, in lane order. All memory is made here.
///
/// # Errors
///
/// Every [`MacsecBuildError`].
pub fn build<T: TunQueue, P: PortQueue>(
    config: &MacsecConfig,
    queues: Vec<MacsecQueues<T, P>>,
) -> Result<Built<T, P>, MacsecBuildError> {
    let lanes = u8::try_from(queues.len()).ok().and_then(LaneCount::new);
    let lanes = lanes.ok_or(MacsecBuildError::LaneCount)?;
    if queues.len() > 1 && config.form != TxForm::Explicit {
        return Err(MacsecBuildError::ImpliedSci);
    }
    let waker = Waker::new()?;
    let connected = queues.iter().map(|_| ends::connect(&waker));
    let connected = connected.collect::<io::Result<Vec<_>>>()?;
    let (ends, theirs): (Vec<_>, Vec<_>) = connected.into_iter().unzip();
    let parts = lanes.lanes().zip(queues).zip(theirs);
    let built =
        parts.map(|((number, queues), control)| MacsecLane::new(config, number, queues, control));
    let pool = MacsecPool {
        lanes,
        ends,
        waker,
        events: VecDeque::new(),
        installs: Installs::default(),
        report: None,
    };
    Ok((pool, built.collect::<Result<_, _>>()?))
}

impl MacsecPool {
    /// Lanes wake this when they have something to tell.
    #[must_use]
    pub const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Passes an order on. Orders keep their order; [`Self::flush`] sends them.
    pub fn command(&mut self, command: MacsecCommand) {
        match command {
            MacsecCommand::AddChannel(sci) => {
                let place = owner(sci, self.lanes);
                self.order(place, Order::AddChannel(sci));
            }
            MacsecCommand::RemoveChannel(sci) => {
                let place = owner(sci, self.lanes);
                self.order(place, Order::RemoveChannel(sci));
            }
            MacsecCommand::InstallRx(install) => self.install_rx(install),
            MacsecCommand::InstallTx(install) => self.install_tx(install),
            MacsecCommand::RemoveRx { epoch } => self.order_all(|| Order::RemoveRx {
                epoch,
                keys: Vec::with_capacity(MAX_CHANNELS),
            }),
            MacsecCommand::RemoveTx { epoch } => self.order_all(|| Order::RemoveTx { epoch }),
            MacsecCommand::SendControl { epoch, frame } => {
                self.order(0, Order::SendControl { epoch, frame });
            }
            MacsecCommand::ReserveThrough { an, last } => {
                self.order_all(|| Order::ReserveThrough { an, last });
            }
        }
    }

    /// Each lane gets the keys of its channels, be it none.
    fn install_rx(&mut self, install: InstallRx) {
        let InstallRx { epoch, an, keys } = install;
        let count = self.ends.len();
        self.installs.begin(epoch, InstallKind::Rx, count);
        let mut shares: Vec<Vec<RxSak>> = (0..count).map(|_| Vec::new()).collect();
        for key in keys {
            if let Some(share) = shares.get_mut(owner(key.sci(), self.lanes)) {
                share.push(key);
            }
        }
        for (end, keys) in self.ends.iter_mut().zip(shares) {
            end.order(Order::InstallRx { epoch, an, keys });
        }
    }

    fn install_tx(&mut self, install: InstallTx) {
        let InstallTx { epoch, an, keys } = install;
        let count = self.ends.len();
        self.installs.begin(epoch, InstallKind::Tx, count);
        if keys.len() != count {
            self.note_refused(epoch, InstallKind::Tx, InstallRefusal::KeyCount);
            return;
        }
        for (end, key) in self.ends.iter_mut().zip(keys) {
            end.order(Order::InstallTx { epoch, an, key });
        }
    }

    /// Asks all lanes for their numbers; they come as one [`MacsecEvent::Report`]. Without effect while an earlier request
    /// is not answered.
    pub fn request_report(&mut self) {
        if self.report.is_some() {
            return;
        }
        self.report = Some(PendingReport {
            sum: Box::default(),
            missing: self.ends.len(),
        });
        self.order_all(|| Order::Report(Box::new(LaneReport::new())));
    }

    /// Moves waiting orders into the rings and wakes the lanes that got some.
    pub fn flush(&mut self) -> Backlog {
        ends::flush_all(&mut self.ends)
    }

    /// The next thing that the lanes tell. Values that they gave back are freed on the way.
    pub fn poll_event(&mut self) -> Option<MacsecEvent> {
        if self.events.is_empty() {
            self.collect();
        }
        self.events.pop_front()
    }

    /// Tells all lanes to end when they have carried out what was ordered before. Takes effect with [`Self::flush`].
    pub fn stop(&mut self) {
        self.order_all(|| Order::Stop);
    }

    fn order(&mut self, place: usize, order: Order) {
        if let Some(end) = self.ends.get_mut(place) {
            end.order(order);
        }
    }

    fn order_all(&mut self, mut order: impl FnMut() -> Order) {
        for end in &mut self.ends {
            end.order(order());
        }
    }

    fn collect(&mut self) {
        for place in 0..self.ends.len() {
            while let Some(answer) = self.ends.get_mut(place).and_then(LaneEnd::answer) {
                self.note(answer);
            }
        }
    }

    fn note(&mut self, answer: Answer) {
        match answer {
            Answer::Installed(epoch, kind) => {
                if self.installs.note(epoch, kind) == Install::Over {
                    let direction = kind;
                    let installed = LaneEvent::Installed { epoch, direction };
                    self.events.push_back(MacsecEvent::Lane(installed));
                }
            }
            Answer::Refused(epoch, kind, error) => self.note_refused(epoch, kind, error),
            Answer::Event(event) => self.events.push_back(MacsecEvent::Lane(event)),
            Answer::ReserveMore { an, reserved } => {
                let event = MacsecEvent::ReserveMore { an, reserved };
                self.events.push_back(event);
            }
            Answer::Retired(value) => drop(value),
            Answer::Report(report) => self.note_report(*report),
        }
    }

    fn note_refused(&mut self, epoch: EpochId, direction: InstallKind, error: InstallRefusal) {
        if self.installs.give_up(epoch, direction) == Install::Over {
            self.events.push_back(MacsecEvent::Refused {
                epoch,
                direction,
                error,
            });
        }
    }

    fn note_report(&mut self, report: LaneReport) {
        let Some(mut pending) = self.report.take() else {
            return;
        };
        pending.sum.merge(report);
        pending.missing -= 1;
        if pending.missing == 0 {
            self.events.push_back(MacsecEvent::Report(pending.sum));
        } else {
            self.report = Some(pending);
        }
    }
}

impl Drop for MacsecPool {
    /// Ends lanes whose thread still runs, for example when a gateway fails half-way through its start.
    fn drop(&mut self) {
        self.stop();
        self.flush();
        self.ends.drain(..).for_each(LaneEnd::abandon);
    }
}

#[cfg(test)]
mod tests;
