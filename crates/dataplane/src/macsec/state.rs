//! What one MACsec lane knows and owns besides its queues.

use std::time::Instant;

use linkveil_macsec::{Judged, RxSecy, TxConfigError, TxSc};
use linkveil_net::Offloads;
use linkveil_sa::{Counters, EpochId, LaneEvent, Macsec, PeerId, Pressure};
use linkveil_wire::{Lane, MacAddr};

use super::config::{MacsecBuildError, MacsecConfig};
use super::counters::{MacsecCounter, MacsecDrop};
use super::orders::Answer;
use super::report::LaneReport;
use super::rx_side::RxSide;
use super::tx_side::TxSide;
use crate::outbox::{Outbox, Posted};
use crate::state::ACTIVITY_INTERVAL;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) peer: PeerId,
    /// The port's address.
    pub(crate) address: MacAddr,
    pub(crate) now: Instant,
    pub(crate) tx: TxSide,
    pub(crate) rx: RxSide,
    /// What the device does of itself.
    pub(crate) offloads: Offloads,
    pub(crate) drops: Counters<MacsecDrop>,
    pub(crate) counters: Counters<MacsecCounter>,
    pub(crate) outbox: Outbox<Answer>,
    pub(crate) activity: Activity,
}

/// What control has not been told of yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Activity {
    /// Frames secured.
    pub(crate) sent: u64,
    /// Authentic frames.
    pub(crate) opened: u64,
    /// When to tell next.
    next: Instant,
}

impl State {
    pub(crate) fn new(
        config: &MacsecConfig,
        lane: Lane,
        outbox: Outbox<Answer>,
        (offloads, now): (Offloads, Instant),
    ) -> Result<Self, MacsecBuildError> {
        let channel: Result<TxSc, TxConfigError> = TxSc::new(config.tx(lane)?);
        Ok(Self {
            peer: config.peer,
            address: config.address,
            now,
            tx: TxSide::new(channel?),
            rx: RxSide::new(RxSecy::new(config.suite, config.policy)),
            offloads,
            drops: Counters::new(),
            counters: Counters::new(),
            outbox,
            activity: Activity {
                sent: 0,
                opened: 0,
                next: now,
            },
        })
    }

    /// Tells control, or counts that it could not be told.
    pub(crate) fn tell(&mut self, event: LaneEvent<Macsec>) {
        if self.outbox.post(event) == Posted::No {
            self.counters.add(MacsecCounter::EventsDropped);
        }
    }

    /// The first authentic frame under a key: control waits for it, so it is never lost.
    #[cold]
    pub(crate) fn note_first_open(&mut self, judged: &Judged) {
        if let Some(epoch) = self.rx.epoch(judged.sci, judged.an) {
            let event = LaneEvent::FirstOpen {
                peer: self.peer,
                epoch,
                path: judged.sci.address(),
            };
            self.outbox.answer(event.into());
        }
    }

    /// Keys that came near a limit, once for each level, and numbers that are to be reserved. Left for the next batch if
    /// control cannot be told now.
    pub(crate) fn tell_pressure(&mut self) {
        if !self.outbox.has_room() {
            return;
        }
        if let Some((an, reserved)) = self.tx.take_need() {
            self.outbox.answer(Answer::ReserveMore { an, reserved });
        }
        let (sending, receiving) = (self.tx.take_pressure(), self.rx.take_pressure());
        for pressed in [sending, receiving].into_iter().flatten() {
            self.tell_pressed(pressed);
        }
    }

    fn tell_pressed(&mut self, (epoch, pressure): (EpochId, Pressure)) {
        self.tell(LaneEvent::Pressure {
            peer: self.peer,
            epoch,
            pressure,
        });
    }

    /// Tells control how much went both ways, once an interval.
    pub(crate) fn tell_activity(&mut self) {
        let Activity { sent, opened, next } = self.activity;
        if sent + opened == 0 || self.now < next {
            return;
        }
        self.activity = Activity {
            sent: 0,
            opened: 0,
            next: self.now + ACTIVITY_INTERVAL,
        };
        self.tell(LaneEvent::Activity {
            peer: self.peer,
            tx_packets: sent,
            rx_packets: opened,
        });
    }

    /// When this lane has something to tell.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        let Activity { sent, opened, next } = self.activity;
        if sent + opened > 0 { Some(next) } else { None }
    }

    /// Fills control's memory with this lane's numbers.
    pub(crate) fn fill(&self, report: &mut LaneReport) {
        report.drops.copy_from(&self.drops);
        report.events.copy_from(&self.counters);
        self.tx.fill(&mut report.tx);
        self.rx.fill(report);
    }
}
