//! Is the peer still there, and does it still have the keys that it uses (docs/protocol.md section 10).

use linkveil_sa::{EpochId, LaneCommand};
use linkveil_wire::{ControlFrame, Spi, Token};

use super::{Core, Scope};
use crate::counters::ControlCounter;
use crate::event::{Event, Now};
use crate::limits::{PROBE_PATIENCE, PROBE_REPEAT, UNKNOWN_SPI_PAUSE};
use crate::machine::Input;
use crate::peer::{Heard, Hearing, take_turn};
use crate::transport::{Paths, Transport};

impl<M: Transport> Core<M> {
    /// Somebody uses keys that we do not have: a peer that missed our restart, or anyone. Unauthenticated.
    pub(super) fn handle_unknown_spi(&mut self, spi: Spi, path: M::Path, now: Now) {
        if self.node.spis.is_tombstone(spi) {
            self.node.counters.add(ControlCounter::Tombstone);
            return;
        }
        match self.node.by_endpoint.get(&M::remote(path)).copied() {
            Some(peer) => {
                self.with(peer, now, |scope| scope.call_for_unknown_spi());
            }
            None => self.node.counters.add(ControlCounter::UnknownSpiStranger),
        }
    }
}

impl<M: Transport> Scope<'_, M> {
    fn call_for_unknown_spi(&mut self) {
        let pause = &mut self.peer.pauses.unknown_spi;
        let calls =
            self.peer.effort.is_none() && take_turn(pause, UNKNOWN_SPI_PAUSE, self.now.instant);
        if calls {
            self.node.counters.add(ControlCounter::CalledForUnknownSpi);
            self.start_effort();
        } else {
            self.node.counters.add(ControlCounter::UnknownSpiLimited);
        }
    }

    /// An authentic link control frame under one of the peer's epochs.
    pub(super) fn handle_frame(&mut self, epoch: EpochId, frame: ControlFrame, path: M::Path) {
        if let ControlFrame::ProbeAck(token) = frame {
            self.note_probe_ack(token);
        }
        self.heard();
        match frame {
            ControlFrame::Confirm => self.feed(epoch, Input::Confirm),
            ControlFrame::ConfirmAck => self.feed(epoch, Input::ConfirmAck),
            ControlFrame::Probe(token) => self.answer_probe(token),
            ControlFrame::SaDelete(spi) => self.handle_delete(spi),
            ControlFrame::ProbeAck(_) | ControlFrame::Keepalive => {}
            ControlFrame::PathChallenge(challenge) if M::PATHS == Paths::Move => {
                self.answer_challenge(challenge, path);
            }
            ControlFrame::PathResponse(challenge) if M::PATHS == Paths::Move => {
                self.handle_path_response(challenge);
            }
            ControlFrame::PathChallenge(_)
            | ControlFrame::PathResponse(_)
            | ControlFrame::MtuProbe { .. }
            | ControlFrame::MtuProbeAck { .. } => {
                self.node.counters.add(ControlCounter::FramesIgnored);
            }
        }
    }

    /// Datagrams since the last report of a lane.
    pub(super) fn handle_activity(&mut self, tx_packets: u64, rx_packets: u64) {
        if tx_packets > 0 && self.peer.keepalive_at.is_some() {
            self.postpone_keepalive();
        }
        if rx_packets > 0 {
            self.heard();
        } else if tx_packets > 0 && self.peer.hearing == Hearing::Satisfied {
            self.peer.hearing = Hearing::Awaited {
                since: self.now.instant,
            };
        }
    }

    /// Something authentic came: no need to ask, or to wait for an answer.
    pub(super) fn heard(&mut self) {
        self.peer.hearing = Hearing::Satisfied;
        self.peer.heard_since_keepalive = Heard::Something;
        self.hurry_effort();
    }

    /// Silence for too long: asks.
    pub(super) fn probe(&mut self) {
        let Some(epoch) = self.peer.current else {
            self.peer.hearing = Hearing::Satisfied;
            return;
        };
        let mut token = [0; 8];
        self.node.random.fill(&mut token);
        let token = Token(token);
        let now = self.now.instant;
        self.peer.hearing = Hearing::Probed {
            again: now + PROBE_REPEAT,
            end: now + PROBE_PATIENCE,
            token,
        };
        self.node.counters.add(ControlCounter::ProbesSent);
        self.send_frame(epoch, ControlFrame::Probe(token));
    }

    /// No answer yet: asks once more, or gives up.
    pub(super) fn repeat_probe(&mut self) {
        let now = self.now.instant;
        let (Hearing::Probed { again, end, token }, Some(epoch)) =
            (&mut self.peer.hearing, self.peer.current)
        else {
            self.heard();
            return;
        };
        if now >= *end {
            self.give_up_probe();
            return;
        }
        *again = now + PROBE_REPEAT;
        let token = *token;
        self.node.counters.add(ControlCounter::ProbeRepeats);
        self.send_frame(epoch, ControlFrame::Probe(token));
    }

    /// Nothing was sent for the keepalive time. If nothing was heard either, the sign of life is a question: a peer that
    /// has lost its keys, and cannot call, would stay deaf otherwise.
    pub(super) fn keep_alive(&mut self) {
        self.postpone_keepalive();
        let Some(epoch) = self.peer.current else {
            self.peer.keepalive_at = None;
            return;
        };
        let heard = std::mem::replace(&mut self.peer.heard_since_keepalive, Heard::Nothing);
        if heard == Heard::Something {
            self.node.counters.add(ControlCounter::KeepalivesSent);
            self.send_frame(epoch, ControlFrame::Keepalive);
        } else if !matches!(self.peer.hearing, Hearing::Probed { .. }) {
            self.probe();
        }
    }

    pub(super) fn postpone_keepalive(&mut self) {
        self.peer.postpone_keepalive(self.now.instant);
    }

    /// The peer may have lost its keys. The present ones stay in use meanwhile.
    fn give_up_probe(&mut self) {
        self.peer.hearing = Hearing::Satisfied;
        let peer = self.peer.id;
        self.node.events.push_back(Event::PeerSilent { peer });
        self.start_effort();
    }

    /// Under the epoch that we send under, which is the prober's newest or the one before it.
    fn answer_probe(&mut self, token: Token) {
        if let Some(epoch) = self.peer.current {
            self.send_frame(epoch, ControlFrame::ProbeAck(token));
        }
    }

    fn note_probe_ack(&mut self, token: Token) {
        let asked =
            matches!(self.peer.hearing, Hearing::Probed { token: asked, .. } if asked == token);
        if !asked {
            self.node.counters.add(ControlCounter::ProbeAckUnexpected);
        }
    }

    /// The peer no longer receives on `spi` (REQ-LIVE-11).
    fn handle_delete(&mut self, spi: Spi) {
        let named = self
            .peer
            .epochs
            .iter()
            .find(|epoch| epoch.remote.spi == spi);
        let Some(epoch) = named.map(|epoch| epoch.id) else {
            self.node.counters.add(ControlCounter::SaDeleteUnknown);
            return;
        };
        if self.peer.current == Some(epoch) {
            let peer = self.peer.id;
            self.node.events.push_back(Event::PeerLeft { peer });
        }
        self.feed(epoch, Input::Deleted);
    }

    /// The end of this node: tells the peer, and takes every key away from the lanes.
    pub(super) fn leave(&mut self) {
        self.abandon_effort();
        let peer = self.peer.id;
        let sends = self.peer.installed_tx.and_then(|id| self.peer.epoch(id));
        if let Some((id, spi)) = sends.map(|epoch| (epoch.id, epoch.spi)) {
            self.send_frame(id, ControlFrame::SaDelete(spi));
            let epoch = id;
            self.node
                .commands
                .push_back(LaneCommand::RemoveTx { peer, epoch });
        }
        for epoch in std::mem::take(&mut self.peer.epochs) {
            let (id, spi) = (epoch.id, epoch.spi);
            self.node.owners.remove(&id);
            self.node.spis.bury(spi);
            self.node
                .commands
                .push_back(LaneCommand::RemoveRx { epoch: id, spi });
        }
        self.peer.current = None;
        self.peer.installed_tx = None;
        self.peer.hearing = Hearing::Satisfied;
        self.peer.keepalive_at = None;
        self.peer.endpoint = None;
    }
}
