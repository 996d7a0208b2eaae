//! Efforts to get keys: initiations, their repeats, and what answers them.

use linkveil_noise::{NoiseError, Offer, Refusal, RemotePeer, ResponseOutcome, create_initiation};
use linkveil_wire::{CookieReply, Response, Timestamp};

use super::epochs::Origin;
use super::{Rekey, Scope};
use crate::counters::ControlCounter;
use crate::event::{Event, RefusedReason, TermsDiffer};
use crate::limits::{
    ATTEMPTS_PER_PEER, COOKIE_RETRY_PAUSE, LEARNED_ENDPOINT_PATIENCE, RETRY_FIRST,
    RETRY_JITTER_PERCENT, RETRY_LONGEST, STALE_RETRY_PAUSE,
};
use crate::peer::{Attempt, Effort, HeldCookie, Waits, take_turn};
use crate::transport::Transport;

impl<M: Transport> Scope<'_, M> {
    /// Begins an effort unless there are keys, or one is under way, or nobody knows where to call.
    pub(super) fn ensure_session(&mut self) {
        if !self.peer.has_session() {
            self.start_effort();
        }
    }

    /// Begins an effort to get new keys.
    pub(super) fn start_effort(&mut self) -> Rekey {
        if self.peer.effort.is_some() {
            return Rekey::AlreadyPending;
        }
        let Some(path) = self.peer.endpoint else {
            return Rekey::NoEndpoint;
        };
        self.node.counters.add(ControlCounter::HandshakesStarted);
        self.peer.effort = Some(Effort {
            began: self.now.instant,
            next_retry: self.now.instant,
            pause: RETRY_FIRST,
            calls: 0,
            association: None,
            waits: Waits::ForNothing,
        });
        self.initiate(path);
        Rekey::Started
    }

    /// The peer is there: an effort that had slowed down begins anew (REQ-LIVE-2).
    pub(super) fn hurry_effort(&mut self) {
        let soon = self.now.instant + RETRY_FIRST;
        if let Some(effort) = self
            .peer
            .effort
            .as_mut()
            .filter(|effort| effort.next_retry > soon)
        {
            effort.pause = RETRY_FIRST;
            effort.next_retry = soon;
        }
    }

    /// Sends one more initiation of the present effort to where the peer called from. Retries go to the endpoint: that
    /// path is not proved yet, and a replayed initiation must not draw all of them away.
    pub(super) fn call_back(&mut self, path: M::Path) {
        self.initiate(path);
    }

    /// The retry timer fired: calls again, or gives up on a peer that is no longer where it called from.
    pub(super) fn retry(&mut self) {
        let (Some(effort), Some(path)) = (&mut self.peer.effort, self.peer.endpoint) else {
            self.abandon_effort();
            return;
        };
        let tried = self.now.instant.saturating_duration_since(effort.began);
        if self.peer.configured.is_none() && tried >= LEARNED_ENDPOINT_PATIENCE {
            self.abandon_effort();
            return;
        }
        if effort.waits == Waits::ForAssociation {
            self.initiate(path);
            return;
        }
        effort.pause = (effort.pause * 2).min(RETRY_LONGEST);
        effort.calls += 1;
        // The peer may be back where the configuration says (REQ-LIVE-12).
        let path = match self.peer.configured {
            Some(configured) if effort.calls % 2 == 1 => configured,
            _ => path,
        };
        self.node.counters.add(ControlCounter::HandshakeRetries);
        self.initiate(path);
    }

    /// Sends one initiation of the present effort, with a new ephemeral key, SPI and timestamp (REQ-LIVE-3).
    pub(super) fn initiate(&mut self, path: M::Path) {
        let Some(association) = self.claim_for_effort() else {
            return;
        };
        self.schedule_retry();
        if let Err(counter) = self.try_initiate(M::call_path(path), association) {
            // The retry timer tries again.
            self.node.counters.add(counter);
        }
    }

    /// The next retry: the effort's pause, give or take a tenth.
    fn schedule_retry(&mut self) {
        let Some(effort) = &mut self.peer.effort else {
            return;
        };
        let range = self.node.jitter(effort.pause, 2 * RETRY_JITTER_PERCENT);
        let least = effort.pause * (100 - RETRY_JITTER_PERCENT) / 100;
        effort.next_retry = self.now.instant + least + range;
    }

    fn try_initiate(
        &mut self,
        path: M::Path,
        association: M::Association,
    ) -> Result<(), ControlCounter> {
        let node = &mut *self.node;
        let timestamp = self.now.wall.max(self.peer.last_sent.successor());
        let spi = node
            .spis
            .allocate(self.peer.id, &mut *node.random)
            .ok_or(ControlCounter::Internal)?;
        let offer = Offer {
            timestamp,
            spi,
            lanes: node.lanes,
            mtu: self.peer.mtu,
            flags: node.flags,
            post_quantum: node.post_quantum.offer(),
            cookie: self.peer.cookie_for(path, self.now.instant),
            port: M::offer(&node.terms, association),
        };
        let remote = RemotePeer {
            public_key: self.peer.public_key,
            psk: &self.peer.psk,
        };
        let made = create_initiation(&node.identity, &remote, offer, &mut *node.random);
        let (message, awaiting) = match made {
            Ok(made) => made,
            Err(error) => {
                node.spis.free(spi);
                return Err(error.into());
            }
        };
        self.peer.last_sent = timestamp;
        self.peer.attempts.push_back(Attempt {
            awaiting,
            timestamp,
            path,
            association,
        });
        while self.peer.attempts.len() > ATTEMPTS_PER_PEER {
            self.drop_oldest_attempt();
        }
        self.node.transmit(path, message);
        Ok(())
    }

    fn drop_oldest_attempt(&mut self) {
        if let Some(attempt) = self.peer.attempts.pop_front() {
            self.node.spis.free(attempt.awaiting.spi());
        }
    }

    /// Gives up on all own initiations.
    pub(super) fn abandon_effort(&mut self) {
        self.peer.effort = None;
        while !self.peer.attempts.is_empty() {
            self.drop_oldest_attempt();
        }
    }

    /// Judges an answer to one of our initiations; a bad one leaves everything as it was (REQ-HS-21).
    pub(super) fn handle_response(
        &mut self,
        source: M::Path,
        response: &Response<'_>,
    ) -> Result<(), ControlCounter> {
        if !self.node.gate.admits_response(self.now.instant) {
            return Err(ControlCounter::ResponsesLimited);
        }
        let (place, attempt) = self
            .peer
            .take_attempt(response.receiver())
            .ok_or(ControlCounter::WrongReceiver)?;
        let Attempt {
            awaiting,
            timestamp,
            path,
            association,
        } = attempt;
        let spi = awaiting.spi();
        match M::consume_response(awaiting, response, self.node.post_quantum, source) {
            Ok(ResponseOutcome::Established(established)) => {
                self.abandon_effort();
                let from = Origin {
                    timestamp,
                    spi,
                    association,
                    path,
                };
                self.begin_epoch(established, from, None);
                Ok(())
            }
            Ok(ResponseOutcome::Refused(refusal)) => {
                self.node.spis.free(spi);
                Err(self.refused(refusal, path))
            }
            Err((awaiting, error)) => {
                self.peer.attempts.insert(
                    place,
                    Attempt {
                        awaiting,
                        timestamp,
                        path,
                        association,
                    },
                );
                match error {
                    NoiseError::PostQuantumMissing => {
                        self.tell_refusal(RefusedReason::PostQuantumMissing);
                    }
                    NoiseError::WrongMac1 => {}
                    _ => self.node.gate.note_forged_response(self.now.instant),
                }
                Err(error.into())
            }
        }
    }

    /// The peer is under load and wants to see that we are where we seem to be: tries again at once, with what it sent.
    pub(super) fn handle_cookie(&mut self, reply: &CookieReply<'_>) -> Result<(), ControlCounter> {
        let attempt = self
            .peer
            .attempts
            .iter()
            .find(|attempt| attempt.awaiting.spi() == reply.receiver)
            .ok_or(ControlCounter::WrongReceiver)?;
        let (cookie, path) = (attempt.awaiting.consume_cookie_reply(reply)?, attempt.path);
        let received = self.now.instant;
        self.peer.cookie = Some(HeldCookie {
            cookie,
            path,
            received,
        });
        let pause = &mut self.peer.pauses.cookie_retry;
        if take_turn(pause, COOKIE_RETRY_PAUSE, received) {
            self.initiate(path);
        }
        Err(ControlCounter::CookiesReceived)
    }

    /// An authentic answer that says why there is no epoch.
    fn refused(&mut self, refusal: Refusal, path: M::Path) -> ControlCounter {
        match refusal {
            Refusal::Stale { last } => {
                self.tell_refusal(RefusedReason::StaleClock);
                self.catch_up_with(last, path);
                ControlCounter::StaleAnswer
            }
            Refusal::TermsDiffer(theirs) => {
                if let Some(ours) = M::terms(&self.node.terms) {
                    self.tell_refusal(RefusedReason::TermsDiffer(TermsDiffer { ours, theirs }));
                }
                ControlCounter::TermsRefused
            }
            Refusal::PostQuantumRequired => {
                self.tell_refusal(RefusedReason::PeerRequiresPostQuantum);
                ControlCounter::PostQuantumRefused
            }
        }
    }

    /// REQ-CLK-4: the next timestamp is beyond what the peer has seen, and it is tried at once.
    fn catch_up_with(&mut self, last: Timestamp, path: M::Path) {
        self.peer.last_sent = self.peer.last_sent.max(last);
        let turn = take_turn(
            &mut self.peer.pauses.stale_retry,
            STALE_RETRY_PAUSE,
            self.now.instant,
        );
        if turn && self.peer.effort.is_some() {
            self.initiate(path);
        }
    }

    pub(super) fn tell_refusal(&mut self, reason: RefusedReason) {
        self.node.events.push_back(Event::HandshakeRefused {
            peer: self.peer.id,
            reason,
        });
    }
}
