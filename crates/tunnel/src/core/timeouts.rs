//! What is due. Every branch moves its deadline or removes what had it, so that the loop ends.

use linkveil_sa::EpochId;

use super::Scope;
use crate::event::TimerKind;
use crate::limits::RETRY_LONGEST;
use crate::machine::Input;
use crate::transport::Transport;

/// Whose timer fired.
enum Due {
    Effort,
    Hearing(TimerKind),
    Keepalive,
    Epoch(EpochId, TimerKind),
}

impl<M: Transport> Scope<'_, M> {
    /// Does everything about this peer that is due, the earliest first.
    pub(super) fn handle_due(&mut self) {
        while let Some(due) = self.next_due() {
            match due {
                Due::Effort => self.retry(),
                Due::Hearing(TimerKind::Silence) => self.probe(),
                Due::Hearing(_) => self.repeat_probe(),
                Due::Keepalive => self.keep_alive(),
                Due::Epoch(epoch, kind) => self.handle_epoch_timer(epoch, kind),
            }
        }
    }

    fn next_due(&self) -> Option<Due> {
        let effort = self
            .peer
            .effort
            .map(|effort| (effort.next_retry, Due::Effort));
        let hearing = self
            .peer
            .hearing_deadline()
            .map(|(at, kind)| (at, Due::Hearing(kind)));
        let keepalive = self.peer.keepalive_at.map(|at| (at, Due::Keepalive));
        let epochs = self.peer.epochs.iter().map(|epoch| {
            let (at, kind) = epoch.deadline();
            (at, Due::Epoch(epoch.id, kind))
        });
        let all = epochs.chain(effort).chain(hearing).chain(keepalive);
        let (at, due) = all.min_by_key(|(at, _)| *at)?;
        (at <= self.now.instant).then_some(due)
    }

    fn handle_epoch_timer(&mut self, epoch: EpochId, kind: TimerKind) {
        match kind {
            TimerKind::Confirm => self.feed(epoch, Input::ConfirmTimer),
            TimerKind::Unconfirmed => self.feed(epoch, Input::GiveUp),
            TimerKind::Drain => self.feed(epoch, Input::DrainOver),
            TimerKind::HardDeadline => self.feed(epoch, Input::HardDeadline),
            TimerKind::Rekey => self.rekey_by_time(epoch),
            TimerKind::Retry | TimerKind::Silence | TimerKind::Probe | TimerKind::Keepalive => {}
        }
    }

    /// Looks again after a while: the effort may be abandoned for the peer's, and that one may come to nothing.
    fn rekey_by_time(&mut self, epoch: EpochId) {
        let again = self.now.instant + RETRY_LONGEST;
        if let Some(epoch) = self.peer.epoch_mut(epoch) {
            epoch.rekey_at = Some(again);
        }
        self.start_effort();
    }
}
