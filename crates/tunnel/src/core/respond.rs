//! The peer's initiations: who is it, is it new, does it fit our policy, did it cross our own.

use linkveil_noise::{Answer, NoiseError, ReceivedInitiation, Refusal, verify_mac1};
use linkveil_wire::{Initiation, Timestamp};

use super::epochs::Origin;
use super::{Core, Scope};
use crate::config::Roaming;
use crate::counters::ControlCounter;
use crate::event::{Now, RefusedReason};
use crate::flood::{Knock, Verdict};
use crate::limits::{CROSSED_RETRY_PAUSE, REFUSAL_PAUSE};
use crate::peer::take_turn;
use crate::transport::Transport;

impl<M: Transport> Core<M> {
    /// mac1, the gate and Noise first; then the peer is known, or the sender gets no answer (REQ-HS-10).
    pub(super) fn handle_initiation(
        &mut self,
        path: M::Path,
        message: &Initiation<'_>,
        now: Now,
    ) -> Result<(), ControlCounter> {
        self.pass_gate(path, message, now)?;
        let received = M::consume_initiation(&self.node.identity, message, path)?;
        let peer = self
            .by_key
            .get(&received.remote_static())
            .copied()
            .ok_or(ControlCounter::UnknownPeer)?;
        self.with(peer, now, |scope| scope.judge_initiation(path, received))
            .unwrap_or(Err(ControlCounter::UnknownPeer))
    }

    /// REQ-FLOOD: what is over a budget costs no Diffie-Hellman operation.
    fn pass_gate(
        &mut self,
        path: M::Path,
        message: &Initiation<'_>,
        now: Now,
    ) -> Result<(), ControlCounter> {
        let node = &mut self.node;
        verify_mac1(&node.identity, message)?;
        let source = M::source(path);
        let (knock, random) = (Knock { message, source }, &mut *node.random);
        let verdict = node.gate.judge(knock, &node.identity, random, now.instant);
        match verdict {
            Verdict::Compute => Ok(()),
            Verdict::Cookie(reply) => {
                node.transmit(path, reply);
                Err(ControlCounter::CookieRepliesSent)
            }
            Verdict::SourceSpent => Err(ControlCounter::SourceSpent),
            Verdict::BudgetSpent => Err(ControlCounter::BudgetSpent),
        }
    }
}

impl<M: Transport> Scope<'_, M> {
    fn judge_initiation(
        &mut self,
        path: M::Path,
        received: ReceivedInitiation,
    ) -> Result<(), ControlCounter> {
        let expected = self.peer.endpoint.map(M::remote);
        if self.peer.roaming == Roaming::Pin && expected != Some(M::remote(path)) {
            return Err(ControlCounter::Pinned);
        }
        let timestamp = received.payload().timestamp;
        if timestamp == self.peer.greatest_accepted {
            // The network's copy of one that was answered (REQ-CLK-6).
            return Err(ControlCounter::Stale);
        }
        // Older than an own epoch that the peer has answered, and has not confirmed: late, or the peer has restarted and
        // knows nothing of that one (REQ-CROSS-6). Either way its next one is newer.
        let own = self.peer.own_unsettled().map(|epoch| epoch.begun.timestamp);
        let last = own.fold(self.peer.greatest_accepted, Timestamp::max);
        if timestamp <= last {
            self.refuse(path, received, Refusal::Stale { last })?;
            return Err(ControlCounter::Stale);
        }
        if received.check_policy(self.node.post_quantum).is_err() {
            self.refuse(path, received, Refusal::PostQuantumRequired)?;
            return Err(ControlCounter::PostQuantumRequired);
        }
        if let Err(differ) = M::check_terms(&self.node.terms, &received) {
            self.refuse(path, received, Refusal::TermsDiffer(differ.ours))?;
            self.tell_refusal(RefusedReason::TermsDiffer(differ));
            return Err(ControlCounter::TermsDiffer);
        }
        if self.peer.effort.is_some() {
            self.settle_crossing(path)?;
        }
        self.answer(path, received)?;
        self.peer.greatest_accepted = timestamp;
        Ok(())
    }

    /// REQ-CROSS: the node with the greater key answers. Its own effort goes on until the answered epoch is confirmed: the
    /// initiation may be an old one that somebody has recorded, and then nobody will ever confirm it. The other one calls back, to where the peer is now, so that a
    /// lost first message or an endpoint where nobody listens keeps nobody apart.
    fn settle_crossing(&mut self, path: M::Path) -> Result<(), ControlCounter> {
        let own = self.node.identity.public_key();
        if own.as_bytes() > self.peer.public_key.as_bytes() {
            return Ok(());
        }
        let turn = take_turn(
            &mut self.peer.pauses.crossed_retry,
            CROSSED_RETRY_PAUSE,
            self.now.instant,
        );
        if turn {
            self.call_back(path);
        }
        Err(ControlCounter::CrossedIgnored)
    }

    /// Makes the epoch; message 2 waits in it until every lane receives.
    fn answer(
        &mut self,
        path: M::Path,
        received: ReceivedInitiation,
    ) -> Result<(), ControlCounter> {
        let association = self.claim_for_answer()?;
        let timestamp = received.payload().timestamp;
        let node = &mut *self.node;
        let spi = node
            .spis
            .allocate(self.peer.id, &mut *node.random)
            .ok_or(NoiseError::Internal)?;
        let answer = Answer {
            spi,
            lanes: node.lanes,
            mtu: self.peer.mtu,
            flags: node.flags,
            policy: node.post_quantum,
            port: M::offer(&node.terms, association),
        };
        match received.create_response(&self.peer.psk, answer, &mut *node.random) {
            Ok((message, established)) => {
                let from = Origin {
                    timestamp,
                    spi,
                    association,
                    path,
                };
                self.begin_epoch(established, from, Some(message));
                Ok(())
            }
            Err(error) => {
                node.spis.free(spi);
                Err(error.into())
            }
        }
    }

    /// Says no, at most once in a while: a replayed initiation may ask for it.
    fn refuse(
        &mut self,
        path: M::Path,
        received: ReceivedInitiation,
        refusal: Refusal,
    ) -> Result<(), ControlCounter> {
        let turn = take_turn(
            &mut self.peer.pauses.refusal,
            REFUSAL_PAUSE,
            self.now.instant,
        );
        if !turn {
            return Err(ControlCounter::RefusalsLimited);
        }
        let node = &mut *self.node;
        let psk = &self.peer.psk;
        let message = M::create_refusal(&node.terms, received, (psk, refusal), &mut *node.random)?;
        self.node.transmit(path, message);
        Ok(())
    }
}
