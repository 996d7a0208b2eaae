//! Peers that turn up elsewhere (docs/protocol.md section 12.1): an authentic datagram from a new address makes that a
//! candidate, a challenge goes there, and only the authentic answer moves the endpoint.

use std::time::Instant;

use linkveil_sa::{EpochId, LaneCommand};
use linkveil_wire::{Challenge, ControlFrame};

use super::Scope;
use crate::config::Roaming;
use crate::counters::ControlCounter;
use crate::limits::{CHALLENGE_LIFETIME, CHALLENGE_PAUSE, MOVE_PAUSE};
use crate::peer::take_turn;
use crate::transport::{Paths, Transport};

/// An address that the peer may have moved to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Candidate<M: Transport> {
    path: M::Path,
    challenge: Challenge,
    first_asked: Instant,
}

impl<M: Transport> Candidate<M> {
    fn is_alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.first_asked) < CHALLENGE_LIFETIME
    }
}

impl<M: Transport> Scope<'_, M> {
    /// The newest datagram of one of the peer's lanes came from elsewhere than its endpoint. What comes under a former
    /// epoch is late, and says where the peer was.
    pub(super) fn handle_candidate(&mut self, epoch: EpochId, path: M::Path) {
        let current = self.peer.current.filter(|current| *current <= epoch);
        let (Some(epoch), false) = (current, self.peer.endpoint == Some(path)) else {
            return;
        };
        if self.peer.roaming == Roaming::Pin || M::PATHS == Paths::Fixed {
            self.node.counters.add(ControlCounter::CandidatesPinned);
            return;
        }
        let (pauses, now) = (&mut self.peer.pauses, self.now.instant);
        let moved_just_now = pauses
            .moved
            .is_some_and(|moved| now.saturating_duration_since(moved) < MOVE_PAUSE);
        if moved_just_now || !take_turn(&mut pauses.challenge, CHALLENGE_PAUSE, now) {
            self.node.counters.add(ControlCounter::CandidatesLimited);
            return;
        }
        let challenge = self.candidate_at(path).challenge;
        self.node.counters.add(ControlCounter::ChallengesSent);
        self.node.commands.push_back(LaneCommand::SendControl {
            peer: self.peer.id,
            epoch,
            frame: ControlFrame::PathChallenge(challenge),
            path: Some(path),
        });
    }

    /// The candidate at this address. One that is asked again keeps its challenge, so that an answer to the first asking
    /// still counts.
    fn candidate_at(&mut self, path: M::Path) -> Candidate<M> {
        let now = self.now.instant;
        let known = self.peer.candidate;
        let known = known.filter(|known| known.path == path && known.is_alive(now));
        let candidate = known.unwrap_or_else(|| {
            let mut challenge = [0; 16];
            self.node.random.fill(&mut challenge);
            Candidate {
                path,
                challenge: Challenge(challenge),
                first_asked: now,
            }
        });
        self.peer.candidate = Some(candidate);
        candidate
    }

    /// Says that we receive where the challenge was sent to: back to where it came from.
    pub(super) fn answer_challenge(&mut self, challenge: Challenge, path: M::Path) {
        let Some(epoch) = self.peer.current else {
            return;
        };
        self.node.counters.add(ControlCounter::ChallengesAnswered);
        self.node.commands.push_back(LaneCommand::SendControl {
            peer: self.peer.id,
            epoch,
            frame: ControlFrame::PathResponse(challenge),
            path: Some(path),
        });
    }

    /// The answer proves that the peer receives at the candidate's address, wherever it comes from itself.
    pub(super) fn handle_path_response(&mut self, challenge: Challenge) {
        let now = self.now.instant;
        let asked = self
            .peer
            .candidate
            .take_if(|candidate| candidate.challenge == challenge && candidate.is_alive(now));
        let Some(candidate) = asked else {
            self.node
                .counters
                .add(ControlCounter::PathResponseUnexpected);
            return;
        };
        self.peer.pauses.moved = Some(now);
        self.node.counters.add(ControlCounter::EndpointsMoved);
        self.move_endpoint(candidate.path);
    }
}
