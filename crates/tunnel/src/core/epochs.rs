//! Carries out the table of [`crate::machine`]: what a lane or a timer reports goes in, orders to the lanes come out.

use linkveil_noise::{Established, Role};
use linkveil_sa::{EpochId, InstallKind, LaneCommand, Pressure, split_epoch};
use linkveil_wire::{ControlFrame, Spi, Timestamp};

use super::Scope;
use crate::counters::ControlCounter;
use crate::epoch::{Begun, Epoch, Repeat};
use crate::event::Event;
use crate::limits::{
    DRAINING_PER_PEER, HARD_DEADLINE_LEAST, HARD_DEADLINE_PERCENT, REKEY_JITTER_PERCENT,
    REKEY_LATE_PERCENT, UNCONFIRMED_PER_PEER,
};
use crate::machine::{Action, Input, State, step};
use crate::peer::Hearing;
use crate::transport::{Half, Transport};

/// What a finished handshake makes an epoch from, besides its secret.
#[derive(Clone, Copy)]
pub(super) struct Origin<M: Transport> {
    /// Of the initiation.
    pub(super) timestamp: Timestamp,
    /// Ours.
    pub(super) spi: Spi,
    /// Under which we receive.
    pub(super) association: M::Association,
    /// Where we called, or where the initiation came from.
    pub(super) path: M::Path,
}

impl<M: Transport> Scope<'_, M> {
    /// A finished handshake: the lanes are told to receive. A responder's message 2 waits for them.
    pub(super) fn begin_epoch(
        &mut self,
        established: Established,
        from: Origin<M>,
        response: Option<Vec<u8>>,
    ) {
        let Origin {
            timestamp,
            spi,
            association,
            path,
        } = from;
        let Some(far) = M::far(&established.remote) else {
            // Not reached: the handshake of each kind of link brings what the kind needs.
            self.node.counters.add(ControlCounter::Internal);
            return;
        };
        let Established {
            secret,
            role,
            post_quantum,
            suite,
            remote,
        } = established;
        let (tx_keys, keys) = split_epoch(secret, suite, post_quantum, role.sends());
        let id = self.node.next_epoch(self.peer.id);
        let initiator = match role {
            Role::Initiator => self.node.identity.public_key(),
            Role::Responder => self.peer.public_key,
        };
        let created = self.now.instant;
        let percent = self.node.rekey_after * HARD_DEADLINE_PERCENT / 100;
        let lifetime = percent.max(self.node.rekey_after + HARD_DEADLINE_LEAST);
        let hard_deadline = created + lifetime;
        self.peer.epochs.push(Epoch {
            id,
            state: State::InstallingRx(role),
            role,
            spi,
            remote,
            far,
            association,
            post_quantum,
            fingerprint: tx_keys.fingerprint(),
            path: M::path_of(path, &far),
            tx_keys: Some(tx_keys),
            response,
            begun: Begun {
                timestamp,
                initiator,
            },
            created,
            hard_deadline,
            confirm: None,
            rekey_at: None,
            drain_end: None,
        });
        let half = Half {
            peer: self.peer.id,
            epoch: id,
            spi,
            lanes: remote.lanes,
            far,
            limits: self.node.limits,
            hard_deadline,
        };
        let install = M::rx_install(&self.node.terms, half, (association, keys));
        self.node
            .commands
            .push_back(LaneCommand::InstallRx(install));
        let beyond = self
            .peer
            .oldest_beyond(UNCONFIRMED_PER_PEER, Epoch::is_unconfirmed);
        if let Some(oldest) = beyond {
            self.feed(oldest, Input::GiveUp);
        }
    }

    /// Every lane has carried out an install.
    pub(super) fn handle_installed(&mut self, epoch: EpochId, direction: InstallKind) {
        match direction {
            InstallKind::Rx => self.feed(epoch, Input::RxInstalled),
            // The lanes seal under what they were given last. An epoch that was overtaken only drains.
            InstallKind::Tx if self.peer.installed_tx == Some(epoch) => {
                self.feed(epoch, Input::TxInstalled);
            }
            InstallKind::Tx => self.feed(epoch, Input::Replaced),
        }
    }

    /// Lanes have only part of the keys: the epoch is no good.
    pub(super) fn handle_install_refused(&mut self, epoch: EpochId) {
        self.feed(epoch, Input::GiveUp);
    }

    /// A lane opened its first datagram under an epoch.
    pub(super) fn handle_first_open(&mut self, epoch: EpochId) {
        self.heard();
        self.feed(epoch, Input::Opened);
    }

    /// A lane key comes near a limit: the initiator acts at once, the responder if that does not help.
    pub(super) fn handle_pressure(&mut self, epoch: EpochId, pressure: Pressure) {
        let Some(current) = self.peer.current_epoch().filter(|found| found.id == epoch) else {
            return;
        };
        if current.role == Role::Initiator || pressure == Pressure::Late {
            self.start_effort();
        }
    }

    /// One input to one epoch: the table says what follows.
    pub(super) fn feed(&mut self, id: EpochId, input: Input) {
        let Some(epoch) = self.peer.epoch(id) else {
            return;
        };
        let input = match (epoch.state, input) {
            (State::Unconfirmed, Input::Opened | Input::Confirm) => {
                self.peer.outdated(epoch).unwrap_or(input)
            }
            _ => input,
        };
        let (state, actions) = step(epoch.state, input);
        if let Some(epoch) = self.peer.epoch_mut(id) {
            epoch.state = state;
        }
        if input == Input::Displaced {
            self.limit_fading();
        }
        if input == Input::GiveUp && state == State::Retired {
            self.node.counters.add(ControlCounter::EpochsUnconfirmed);
        }
        for action in actions {
            self.act(id, *action);
        }
        self.forget_retired(id);
    }

    fn act(&mut self, id: EpochId, action: Action) {
        match action {
            Action::InstallTx => self.install_tx(id),
            Action::SendResponse => self.send_response(id),
            Action::Promote => self.promote(id),
            Action::SendConfirm => self.send_confirm(id),
            Action::SendConfirmAck => self.send_frame(id, ControlFrame::ConfirmAck),
            Action::Settle => self.settle(id),
            Action::StartDrain => self.start_drain(id),
            Action::RemoveTx => self.remove_tx(id),
            Action::RemoveRx => self.remove_rx(id),
            Action::EnsureSession => self.ensure_session(),
        }
    }

    /// The lanes seal under this epoch from now on, and send to where it was made.
    fn install_tx(&mut self, id: EpochId) {
        let peer = self.peer.id;
        let Some(epoch) = self.peer.epoch_mut(id) else {
            return;
        };
        let Some(keys) = epoch.tx_keys.take() else {
            return;
        };
        let half = Half {
            peer,
            epoch: id,
            spi: epoch.remote.spi,
            lanes: self.node.lanes,
            far: epoch.far,
            limits: self.node.limits,
            hard_deadline: epoch.hard_deadline,
        };
        let install = M::tx_install(&self.node.terms, half, (epoch.remote.flags.into(), keys));
        let (path, mtu) = (epoch.path, epoch.remote.mtu);
        self.peer.installed_tx = Some(id);
        self.move_endpoint(path);
        if self.peer.remote_mtu.replace(mtu) != Some(mtu) {
            self.node.events.push_back(Event::RemoteMtu { peer, mtu });
        }
        self.node
            .commands
            .push_back(LaneCommand::InstallTx(install));
    }

    /// Data goes to this path from now on. A pinned peer has no other than its own.
    pub(super) fn move_endpoint(&mut self, path: M::Path) {
        let before = self.peer.endpoint.replace(path);
        if before == Some(path) {
            return;
        }
        self.peer.candidate = None;
        let (peer, endpoints) = (self.peer.id, &mut self.node.by_endpoint);
        if let Some(before) = before
            && endpoints.get(&M::remote(before)) == Some(&peer)
        {
            endpoints.remove(&M::remote(before));
        }
        endpoints.insert(M::remote(path), peer);
        self.node
            .events
            .push_back(Event::EndpointChanged { peer, path });
    }

    fn send_response(&mut self, id: EpochId) {
        let Some(epoch) = self.peer.epoch_mut(id) else {
            return;
        };
        if let Some(response) = epoch.response.take() {
            let path = epoch.path;
            self.node.transmit(path, response);
        }
    }

    /// The epoch becomes the current one. What it displaces goes on receiving: until this one is settled, if the peer
    /// may not know of it yet; for the drain time, if the peer sends under it already.
    fn promote(&mut self, id: EpochId) {
        let Some(role) = self.peer.epoch(id).map(|epoch| epoch.role) else {
            return;
        };
        let rekey_at = self.rekey_time(role);
        if let Some(epoch) = self.peer.epoch_mut(id) {
            epoch.rekey_at = Some(rekey_at);
        }
        if role == Role::Responder {
            // The peer's effort has come to its end before ours (REQ-CROSS-1).
            self.abandon_effort();
            self.drop_overtaken();
        }
        self.peer.hearing = Hearing::Satisfied;
        self.postpone_keepalive();
        let former = self.peer.current.replace(id).filter(|former| *former != id);
        if let Some(former) = former {
            let input = match role {
                Role::Initiator => Input::Displaced,
                Role::Responder => Input::Replaced,
            };
            self.feed(former, input);
        }
    }

    /// What we began and the peer has not confirmed is older than what the peer sends under now (REQ-CROSS-5).
    fn drop_overtaken(&mut self) {
        let overtaken: Vec<_> = self.peer.own_unsettled().map(|epoch| epoch.id).collect();
        for epoch in overtaken {
            self.feed(epoch, Input::Replaced);
        }
    }

    fn limit_fading(&mut self) {
        let fading = |epoch: &Epoch<M>| epoch.state == State::Fading;
        if let Some(oldest) = self.peer.oldest_beyond(DRAINING_PER_PEER, fading) {
            self.feed(oldest, Input::Replaced);
        }
    }

    /// REQ-LIM-6 and REQ-LIM-7: early and at random for the initiator, late for the responder.
    fn rekey_time(&mut self, role: Role) -> std::time::Instant {
        let after = self.node.rekey_after;
        let age = if role == Role::Initiator {
            after - self.node.jitter(after, REKEY_JITTER_PERCENT)
        } else {
            after * REKEY_LATE_PERCENT / 100
        };
        self.now.instant + age
    }

    fn send_confirm(&mut self, id: EpochId) {
        let now = self.now.instant;
        if let Some(epoch) = self.peer.epoch_mut(id) {
            let repeat = epoch.confirm.map(|repeat| repeat.again(now));
            epoch.confirm = Some(repeat.unwrap_or_else(|| Repeat::first(now)));
        }
        self.send_frame(id, ControlFrame::Confirm);
    }

    pub(super) fn send_frame(&mut self, epoch: EpochId, frame: ControlFrame) {
        self.node.commands.push_back(LaneCommand::SendControl {
            peer: self.peer.id,
            epoch,
            frame,
            path: None,
        });
    }

    /// Both sides send under this epoch: what faded may drain.
    fn settle(&mut self, id: EpochId) {
        let peer = self.peer.id;
        let Some(epoch) = self.peer.epoch_mut(id) else {
            return;
        };
        epoch.confirm = None;
        let completed = Event::HandshakeCompleted {
            peer,
            epoch: id,
            role: epoch.role,
            post_quantum: epoch.post_quantum,
        };
        self.peer.last_handshake = Some(self.now.instant);
        self.node.counters.add(ControlCounter::HandshakesCompleted);
        self.node.events.push_back(completed);
        let fading = |epoch: &&Epoch<M>| epoch.state == State::Fading;
        let faded: Vec<_> = self
            .peer
            .epochs
            .iter()
            .filter(fading)
            .map(|epoch| epoch.id)
            .collect();
        for epoch in faded {
            self.feed(epoch, Input::Replaced);
        }
        self.resume_effort();
    }

    fn start_drain(&mut self, id: EpochId) {
        let end = self.now.instant + M::DRAIN;
        if let Some(epoch) = self.peer.epoch_mut(id) {
            epoch.drain_end = Some(end);
        }
        let draining = |epoch: &Epoch<M>| epoch.state == State::Draining;
        if let Some(oldest) = self.peer.oldest_beyond(DRAINING_PER_PEER, draining) {
            self.feed(oldest, Input::DrainOver);
        }
    }

    fn remove_tx(&mut self, epoch: EpochId) {
        let peer = self.peer.id;
        self.node
            .commands
            .push_back(LaneCommand::RemoveTx { peer, epoch });
        if self
            .peer
            .installed_tx
            .take_if(|last| *last == epoch)
            .is_some()
            && let Some(former) = self.peer.current.take()
            && former != epoch
        {
            self.feed(former, Input::Replaced);
        }
        self.peer.current.take_if(|current| *current == epoch);
    }

    fn remove_rx(&mut self, id: EpochId) {
        let Some(spi) = self.peer.epoch(id).map(|epoch| epoch.spi) else {
            return;
        };
        self.node
            .commands
            .push_back(LaneCommand::RemoveRx { epoch: id, spi });
        self.node.spis.bury(spi);
    }

    fn forget_retired(&mut self, id: EpochId) {
        let before = self.peer.epochs.len();
        self.peer
            .epochs
            .retain(|epoch| epoch.id != id || epoch.state != State::Retired);
        if self.peer.epochs.len() < before {
            self.node.owners.remove(&id);
            let peer = self.peer.id;
            self.node
                .events
                .push_back(Event::EpochRetired { peer, epoch: id });
        }
    }
}
