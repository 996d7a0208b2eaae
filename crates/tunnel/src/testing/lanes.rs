//! Lanes that note what they are told and seal nothing: a datagram carries its epoch's fingerprint instead of a tag.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use linkveil_crypto::Fingerprint;
use linkveil_sa::{EpochId, InstallKind, LaneCommand, LaneEvent, PeerId, RxInstall, TxInstall};
use linkveil_wire::{ControlFrame, Spi};

use super::{Body, Flight, path};
use crate::event::Event;

/// Whether installs are acknowledged at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Acks {
    #[default]
    AtOnce,
    /// They wait in [`FakeLanes::held`] until the test releases them.
    Held,
}

/// What a node did, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    InstallRx(EpochId),
    InstallTx(EpochId),
    RemoveRx(EpochId),
    RemoveTx(EpochId),
    Send(EpochId, ControlFrame),
    /// By message type.
    Transmit(u8),
    MoveEndpoint(SocketAddr),
    Acknowledged(EpochId, InstallKind),
}

/// A sealed frame and where it goes.
pub(crate) struct Sealed {
    pub(crate) to: SocketAddr,
    pub(crate) body: Body,
}

#[derive(Debug)]
struct Rx {
    epoch: EpochId,
    peer: PeerId,
    fingerprint: Fingerprint,
    opened: bool,
}

#[derive(Debug)]
struct Tx {
    epoch: EpochId,
    spi: Spi,
    fingerprint: Fingerprint,
}

/// All lanes of a node.
#[derive(Debug, Default)]
pub(crate) struct FakeLanes {
    pub(crate) acks: Acks,
    /// Acknowledgements that nobody was told of yet.
    pub(crate) held: VecDeque<(EpochId, InstallKind)>,
    pub(crate) deeds: Vec<Deed>,
    /// Control frames for epochs that the lanes do not send under.
    pub(crate) refused_frames: Vec<ControlFrame>,
    /// Hard deadline of every install, in order.
    pub(crate) deadlines: Vec<(EpochId, InstallKind, Instant)>,
    /// Every SPI that was ever installed.
    pub(crate) spis: Vec<Spi>,
    rx: HashMap<Spi, Rx>,
    tx: HashMap<PeerId, Tx>,
    endpoints: HashMap<PeerId, SocketAddr>,
}

impl FakeLanes {
    pub(crate) fn new(endpoints: impl Iterator<Item = (PeerId, SocketAddr)>) -> Self {
        Self {
            endpoints: endpoints.collect(),
            ..Self::default()
        }
    }

    pub(crate) fn note_event(&mut self, event: &Event) {
        if let Event::EndpointChanged { peer, path } = *event {
            self.endpoints.insert(peer, path.remote);
            self.deeds.push(Deed::MoveEndpoint(path.remote));
        }
    }

    /// Carries out an order; what goes onto the wire because of it.
    pub(crate) fn carry_out(&mut self, command: LaneCommand) -> Option<Sealed> {
        match command {
            LaneCommand::InstallRx(install) => self.install_rx(&install),
            LaneCommand::InstallTx(install) => self.install_tx(&install),
            LaneCommand::RemoveRx { epoch, spi } => {
                self.deeds.push(Deed::RemoveRx(epoch));
                let removed = self.rx.remove(&spi).expect("an SPI that is installed");
                assert_eq!(removed.epoch, epoch);
            }
            LaneCommand::RemoveTx { peer, epoch } => {
                self.deeds.push(Deed::RemoveTx(epoch));
                if self.tx.get(&peer).is_some_and(|tx| tx.epoch == epoch) {
                    self.tx.remove(&peer);
                }
            }
            LaneCommand::SendControl {
                peer,
                epoch,
                frame,
                path,
            } => {
                self.deeds.push(Deed::Send(epoch, frame));
                let to = path.map_or_else(
                    || self.endpoints.get(&peer).copied(),
                    |path| Some(path.remote),
                );
                return self.seal_under(peer, epoch, frame, to);
            }
        }
        None
    }

    fn install_rx(&mut self, install: &RxInstall) {
        self.deeds.push(Deed::InstallRx(install.epoch));
        self.spis.push(install.spi);
        let rx = Rx {
            epoch: install.epoch,
            peer: install.peer,
            fingerprint: install.keys.fingerprint(),
            opened: false,
        };
        assert!(self.rx.insert(install.spi, rx).is_none(), "SPI twice");
        self.acknowledge(install.epoch, InstallKind::Rx, install.hard_deadline);
    }

    fn install_tx(&mut self, install: &TxInstall) {
        self.deeds.push(Deed::InstallTx(install.epoch));
        let tx = Tx {
            epoch: install.epoch,
            spi: install.spi,
            fingerprint: install.keys.fingerprint(),
        };
        self.tx.insert(install.peer, tx);
        self.acknowledge(install.epoch, InstallKind::Tx, install.hard_deadline);
    }

    fn acknowledge(&mut self, epoch: EpochId, kind: InstallKind, deadline: Instant) {
        self.held.push_back((epoch, kind));
        self.deadlines.push((epoch, kind, deadline));
    }

    fn seal_under(
        &mut self,
        peer: PeerId,
        epoch: EpochId,
        frame: ControlFrame,
        to: Option<SocketAddr>,
    ) -> Option<Sealed> {
        let body = self
            .tx
            .get(&peer)
            .filter(|tx| tx.epoch == epoch)
            .and_then(|_| self.seal(peer, Some(frame)));
        if body.is_none() {
            self.refused_frames.push(frame);
        }
        Some(Sealed {
            to: to?,
            body: body?,
        })
    }

    /// What goes out to a peer now; `None` without keys.
    pub(crate) fn seal(&self, peer: PeerId, frame: Option<ControlFrame>) -> Option<Body> {
        let tx = self.tx.get(&peer)?;
        Some(Body::Sealed {
            spi: tx.spi,
            fingerprint: tx.fingerprint,
            frame,
        })
    }

    /// What the lanes tell control about a datagram.
    pub(crate) fn open(&mut self, flight: &Flight) -> Vec<LaneEvent> {
        let Body::Sealed {
            spi,
            fingerprint,
            frame,
        } = flight.body
        else {
            panic!("lanes get data only");
        };
        let path = path(flight.from);
        let Some(rx) = self.rx.get_mut(&spi) else {
            return vec![LaneEvent::UnknownSpi { spi, path }];
        };
        assert_eq!(rx.fingerprint, fingerprint, "sealed under other keys");
        let (peer, epoch) = (rx.peer, rx.epoch);
        let first = !std::mem::replace(&mut rx.opened, true);
        let first = first.then_some(LaneEvent::FirstOpen { peer, epoch, path });
        let control = frame.map(|frame| LaneEvent::Control {
            peer,
            epoch,
            frame,
            path,
        });
        let candidate = (self.endpoints.get(&peer) != Some(&flight.from))
            .then_some(LaneEvent::Candidate { peer, epoch, path });
        let heard = control.is_none().then_some(LaneEvent::Activity {
            peer,
            tx_packets: 0,
            rx_packets: 1,
        });
        [first, candidate, control, heard]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The next acknowledgement that control is to be told of.
    pub(crate) fn next_ack(&mut self) -> Option<LaneEvent> {
        match self.acks {
            Acks::AtOnce => self.release(),
            Acks::Held => None,
        }
    }

    /// The oldest acknowledgement, held or not.
    pub(crate) fn release(&mut self) -> Option<LaneEvent> {
        let (epoch, direction) = self.held.pop_front()?;
        self.deeds.push(Deed::Acknowledged(epoch, direction));
        Some(LaneEvent::Installed { epoch, direction })
    }

    pub(crate) fn endpoint_of(&self, peer: PeerId) -> SocketAddr {
        self.endpoints[&peer]
    }

    pub(crate) fn sends_under(&self, peer: PeerId) -> Option<(EpochId, Fingerprint)> {
        self.tx.get(&peer).map(|tx| (tx.epoch, tx.fingerprint))
    }

    /// How many epochs the lanes receive under.
    pub(crate) fn receiving(&self) -> usize {
        self.rx.len()
    }

    pub(crate) fn receives_under(&self, epoch: EpochId) -> bool {
        self.rx.values().any(|rx| rx.epoch == epoch)
    }

    pub(crate) fn receives_on(&self, spi: Spi) -> bool {
        self.rx.contains_key(&spi)
    }

    /// Our SPI of an epoch.
    pub(crate) fn spi_of(&self, epoch: EpochId) -> Spi {
        let mut all = self.rx.iter();
        let found = all.find(|(_, rx)| rx.epoch == epoch);
        *found.expect("an epoch that is installed").0
    }

    /// The place of a deed in the list; panics if it was not done.
    #[track_caller]
    pub(crate) fn place_of(&self, wanted: Deed) -> usize {
        let place = self.deeds.iter().position(|deed| *deed == wanted);
        place.unwrap_or_else(|| panic!("no {wanted:?} in {:#?}", self.deeds))
    }
}
