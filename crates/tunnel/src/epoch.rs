//! One epoch in the hands of the control core: its place in the table, its timers, and what waits to be installed.

use std::time::{Duration, Instant};

use linkveil_crypto::{Fingerprint, PostQuantum, PublicKey};
use linkveil_noise::{Remote, Role};
use linkveil_sa::{EpochId, TxKeys};
use linkveil_wire::{Spi, Timestamp};

use crate::event::TimerKind;
use crate::limits::{CONFIRM_FIRST, CONFIRM_LONGEST, UNCONFIRMED_LIFETIME};
use crate::machine::State;
use crate::transport::Transport;

#[derive(Debug)]
pub(crate) struct Epoch<M: Transport> {
    pub(crate) id: EpochId,
    pub(crate) state: State,
    pub(crate) role: Role,
    /// Ours: under which the lanes receive.
    pub(crate) spi: Spi,
    pub(crate) remote: Remote,
    /// What the other side said of this kind of link.
    pub(crate) far: M::Far,
    /// Under which the lanes receive.
    pub(crate) association: M::Association,
    pub(crate) post_quantum: PostQuantum,
    pub(crate) fingerprint: Fingerprint,
    /// Initiator: where we called. Responder: where the initiation came from.
    pub(crate) path: M::Path,
    /// Until the lanes are told to seal under the epoch.
    pub(crate) tx_keys: Option<TxKeys>,
    /// Responder: message 2, until every lane receives.
    pub(crate) response: Option<Vec<u8>>,
    pub(crate) begun: Begun,
    pub(crate) created: Instant,
    pub(crate) hard_deadline: Instant,
    pub(crate) confirm: Option<Repeat>,
    pub(crate) rekey_at: Option<Instant>,
    pub(crate) drain_end: Option<Instant>,
}

/// Which of two epochs with overlapping handshakes is the newer one: the one with the greater value, and both ends know
/// the values of both (REQ-CROSS-5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Begun {
    /// Of the initiation.
    pub(crate) timestamp: Timestamp,
    /// Decides between equal ones.
    pub(crate) initiator: PublicKey,
}

/// Something that is repeated with growing pauses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeat {
    pub(crate) next: Instant,
    pause: Duration,
}

impl Repeat {
    /// The first repeat of a Confirm.
    pub(crate) fn first(now: Instant) -> Self {
        Self {
            next: now + CONFIRM_FIRST,
            pause: CONFIRM_FIRST,
        }
    }

    /// The one after this.
    pub(crate) fn again(self, now: Instant) -> Self {
        let pause = (self.pause * 2).min(CONFIRM_LONGEST);
        Self {
            next: now + pause,
            pause,
        }
    }
}

impl<M: Transport> Epoch<M> {
    /// The nearest moment at which something about this epoch is to be done.
    pub(crate) fn deadline(&self) -> (Instant, TimerKind) {
        let hard = (self.hard_deadline, TimerKind::HardDeadline);
        let by_state = match self.state {
            State::InstallingRx(_) | State::Unconfirmed | State::Switching(_) => {
                Some(self.give_up())
            }
            State::Confirming => {
                let repeat = self.confirm.map(|repeat| (repeat.next, TimerKind::Confirm));
                [repeat, Some(self.give_up())].into_iter().flatten().min()
            }
            State::Current => self.rekey_at.map(|at| (at, TimerKind::Rekey)),
            State::Draining => self.drain_end.map(|at| (at, TimerKind::Drain)),
            State::Fading | State::Retired => None,
        };
        by_state.map_or(hard, |deadline| deadline.min(hard))
    }

    pub(crate) fn give_up(&self) -> (Instant, TimerKind) {
        (self.created + UNCONFIRMED_LIFETIME, TimerKind::Unconfirmed)
    }

    /// Whether it is, or is about to be, what the peer is sent data under.
    pub(crate) const fn is_session(&self) -> bool {
        matches!(
            self.state,
            State::InstallingRx(Role::Initiator)
                | State::Switching(_)
                | State::Confirming
                | State::Current
        )
    }

    /// Whether both sides do not send under it yet, though we are about to, or do.
    pub(crate) const fn is_unsettled(&self) -> bool {
        matches!(
            self.state,
            State::InstallingRx(Role::Initiator) | State::Switching(_) | State::Confirming
        )
    }

    /// Whether we began it, and the peer may not know of it yet.
    pub(crate) fn is_own_unsettled(&self) -> bool {
        self.role == Role::Initiator && self.is_unsettled()
    }

    /// Whether it waits, as the responder's, for the initiator's first datagram.
    pub(crate) const fn is_unconfirmed(&self) -> bool {
        matches!(
            self.state,
            State::InstallingRx(Role::Responder) | State::Unconfirmed
        )
    }
}
