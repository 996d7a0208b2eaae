//! What the core keeps of one peer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use linkveil_crypto::{Cookie, Psk, PublicKey};
use linkveil_noise::AwaitingResponse;
use linkveil_sa::{EpochId, PeerId};
use linkveil_wire::{HandshakeFlags, InnerMtu, Spi, Timestamp, Token};

use crate::config::{Keepalive, PeerConfig, Roaming};
use crate::core::Candidate;
use crate::epoch::Epoch;
use crate::event::TimerKind;
use crate::limits::{COOKIE_LIFETIME, SILENCE};
use crate::machine::{Input, State};
use crate::status::{EpochStatus, PeerState, PeerStatus};
use crate::transport::Transport;

#[derive(Debug)]
pub(crate) struct Peer<M: Transport> {
    pub(crate) id: PeerId,
    pub(crate) public_key: PublicKey,
    pub(crate) psk: Psk,
    /// From the configuration.
    pub(crate) configured: Option<M::Path>,
    /// Where it is now: configured, or learned from an authentic handshake.
    pub(crate) endpoint: Option<M::Path>,
    pub(crate) roaming: Roaming,
    /// Where it may be by now.
    pub(crate) candidate: Option<Candidate<M>>,
    /// What it gave us when it was under load.
    pub(crate) cookie: Option<HeldCookie<M>>,
    keepalive: Keepalive,
    pub(crate) keepalive_at: Option<Instant>,
    pub(crate) heard_since_keepalive: Heard,
    pub(crate) mtu: InnerMtu,
    pub(crate) remote_mtu: Option<InnerMtu>,
    /// Own initiations that may still be answered, oldest first.
    pub(crate) attempts: VecDeque<Attempt<M>>,
    pub(crate) effort: Option<Effort<M>>,
    /// In the order of their making.
    pub(crate) epochs: Vec<Epoch<M>>,
    /// The one that data is sent under.
    pub(crate) current: Option<EpochId>,
    /// The one whose sending half the lanes were given last.
    pub(crate) installed_tx: Option<EpochId>,
    pub(crate) last_sent: Timestamp,
    pub(crate) greatest_accepted: Timestamp,
    pub(crate) pauses: Pauses,
    pub(crate) hearing: Hearing,
    pub(crate) last_handshake: Option<Instant>,
}

/// One own initiation that was not answered yet.
#[derive(Debug)]
pub(crate) struct Attempt<M: Transport> {
    pub(crate) awaiting: AwaitingResponse,
    pub(crate) timestamp: Timestamp,
    pub(crate) path: M::Path,
    pub(crate) association: M::Association,
}

/// The will to have new keys: initiations are repeated until there are some.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort<M: Transport> {
    pub(crate) began: Instant,
    pub(crate) next_retry: Instant,
    pub(crate) pause: Duration,
    /// Initiations of this effort so far, called back ones left out.
    pub(crate) calls: u32,
    /// Under which all its initiations ask to receive.
    pub(crate) association: Option<M::Association>,
    pub(crate) waits: Waits,
}

/// What keeps an effort from sending initiations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waits {
    ForNothing,
    /// No association is free, or an own epoch is not settled yet.
    ForAssociation,
}

/// A cookie is good for the address that it was sent to, which belongs to a path of ours.
#[derive(Debug)]
pub(crate) struct HeldCookie<M: Transport> {
    pub(crate) cookie: Cookie,
    pub(crate) path: M::Path,
    pub(crate) received: Instant,
}

/// When things were last done that others can provoke.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pauses {
    pub(crate) refusal: Option<Instant>,
    pub(crate) stale_retry: Option<Instant>,
    pub(crate) crossed_retry: Option<Instant>,
    pub(crate) unknown_spi: Option<Instant>,
    pub(crate) cookie_retry: Option<Instant>,
    pub(crate) challenge: Option<Instant>,
    pub(crate) moved: Option<Instant>,
}

/// Whether something may be done again: true, and noted, if the last time is at least `pause` ago.
pub(crate) fn take_turn(last: &mut Option<Instant>, pause: Duration, now: Instant) -> bool {
    let free = last.is_none_or(|last| now.saturating_duration_since(last) >= pause);
    if free {
        *last = Some(now);
    }
    free
}

/// Whether the peer answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hearing {
    /// Nothing was sent since something was heard.
    Satisfied,
    /// Something was sent, and nothing heard since then.
    Awaited { since: Instant },
    /// We asked whether it is there, and ask again until `end`.
    Probed {
        again: Instant,
        end: Instant,
        token: Token,
    },
}

/// What came from the peer lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Heard {
    Nothing,
    Something,
}

impl<M: Transport> Peer<M> {
    pub(crate) fn new(id: PeerId, config: PeerConfig<M>) -> Self {
        Self {
            id,
            public_key: config.public_key,
            psk: config.psk,
            configured: config.endpoint,
            endpoint: config.endpoint,
            roaming: config.roaming,
            candidate: None,
            cookie: None,
            keepalive: config.keepalive,
            keepalive_at: None,
            heard_since_keepalive: Heard::Nothing,
            mtu: config.mtu,
            remote_mtu: None,
            attempts: VecDeque::new(),
            effort: None,
            epochs: Vec::new(),
            current: None,
            installed_tx: None,
            last_sent: Timestamp::ZERO,
            greatest_accepted: Timestamp::ZERO,
            pauses: Pauses::default(),
            hearing: Hearing::Satisfied,
            last_handshake: None,
        }
    }

    pub(crate) fn epoch(&self, id: EpochId) -> Option<&Epoch<M>> {
        self.epochs.iter().find(|epoch| epoch.id == id)
    }

    pub(crate) fn epoch_mut(&mut self, id: EpochId) -> Option<&mut Epoch<M>> {
        self.epochs.iter_mut().find(|epoch| epoch.id == id)
    }

    pub(crate) fn current_epoch(&self) -> Option<&Epoch<M>> {
        self.epoch(self.current?)
    }

    /// The oldest of the epochs that `fits`, if there are more than `most` of them.
    pub(crate) fn oldest_beyond(
        &self,
        most: usize,
        fits: impl Fn(&Epoch<M>) -> bool,
    ) -> Option<EpochId> {
        let mut fitting = self.epochs.iter().filter(|epoch| fits(epoch));
        let oldest = fitting.next()?.id;
        (fitting.count() >= most).then_some(oldest)
    }

    /// The cookie to show on this path, if there is a good one.
    pub(crate) fn cookie_for(&self, path: M::Path, now: Instant) -> Option<&Cookie> {
        let held = self.cookie.as_ref()?;
        let age = now.saturating_duration_since(held.received);
        (held.path == path && age < COOKIE_LIFETIME).then_some(&held.cookie)
    }

    /// Something was sent: the next keepalive is a full interval away.
    pub(crate) fn postpone_keepalive(&mut self, now: Instant) {
        self.keepalive_at = match self.keepalive {
            Keepalive::Off => None,
            Keepalive::Every(interval) => Some(now + interval),
        };
    }

    pub(crate) fn has_session(&self) -> bool {
        self.epochs.iter().any(Epoch::is_session)
    }

    /// Takes the attempt out whose SPI an answer names.
    pub(crate) fn take_attempt(&mut self, spi: Spi) -> Option<(usize, Attempt<M>)> {
        let place = self
            .attempts
            .iter()
            .position(|attempt| attempt.awaiting.spi() == spi)?;
        Some((place, self.attempts.remove(place)?))
    }

    /// The nearest moment at which something about this peer is to be done.
    pub(crate) fn deadline(&self) -> Option<(Instant, TimerKind)> {
        let retry = self
            .effort
            .map(|effort| (effort.next_retry, TimerKind::Retry));
        let epochs = self.epochs.iter().map(Epoch::deadline);
        let keepalive = self.keepalive_at.map(|at| (at, TimerKind::Keepalive));
        epochs
            .chain(retry)
            .chain(keepalive)
            .chain(self.hearing_deadline())
            .min()
    }

    pub(crate) fn hearing_deadline(&self) -> Option<(Instant, TimerKind)> {
        match self.hearing {
            Hearing::Satisfied => None,
            Hearing::Awaited { since } => Some((since + SILENCE, TimerKind::Silence)),
            Hearing::Probed { again, end, .. } => Some((again.min(end), TimerKind::Probe)),
        }
    }

    /// The epochs that we began and the peer may not know of yet.
    pub(crate) fn own_unsettled(&self) -> impl Iterator<Item = &Epoch<M>> {
        self.epochs.iter().filter(|epoch| epoch.is_own_unsettled())
    }

    /// What a first sign of life under an epoch of the peer's making is, if there is something newer (REQ-CROSS-5).
    ///
    /// Beside an own one that is not settled, timestamps decide, since the peer may have made both in another order. One
    /// that is settled was made later on both sides, or the peer has restarted and its clock says nothing.
    pub(crate) fn outdated(&self, epoch: &Epoch<M>) -> Option<Input> {
        if self.own_unsettled().any(|own| own.begun > epoch.begun) {
            return Some(Input::Displaced);
        }
        let current = self.current_epoch()?;
        let newer = !current.is_own_unsettled() && current.id > epoch.id;
        newer.then_some(Input::Replaced)
    }

    /// The newest epoch that every lane sends under, as far as we know: while lanes are still switching, the one before.
    fn settled_epoch(&self) -> Option<&Epoch<M>> {
        let current = self.current_epoch()?;
        if !matches!(current.state, State::Switching(_)) {
            return Some(current);
        }
        let sent_under = self.epochs.iter().filter(|epoch| epoch.tx_keys.is_none());
        sent_under
            .filter(|epoch| matches!(epoch.state, State::Fading | State::Draining))
            .max_by_key(|epoch| epoch.id)
    }

    pub(crate) fn status(&self) -> PeerStatus<M> {
        let epoch = self.settled_epoch();
        let state = match (epoch, &self.effort) {
            (Some(_), _) => PeerState::Established,
            (None, Some(_)) => PeerState::Handshaking,
            (None, None)
                if self
                    .epochs
                    .iter()
                    .any(|epoch| epoch.state != State::Draining) =>
            {
                PeerState::Handshaking
            }
            (None, None) => PeerState::Idle,
        };
        PeerStatus {
            state,
            endpoint: self.endpoint,
            epoch: epoch.map(|epoch| EpochStatus {
                id: epoch.id,
                fingerprint: epoch.fingerprint,
                role: epoch.role,
                post_quantum: epoch.post_quantum,
                established: epoch.created,
                next_rekey: epoch.rekey_at,
            }),
            last_handshake: self.last_handshake,
            remote_mtu: self.remote_mtu,
            remote_flags: epoch.map_or(HandshakeFlags::NONE, |epoch| epoch.remote.flags),
        }
    }
}
