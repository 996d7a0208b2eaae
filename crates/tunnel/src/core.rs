//! The public face of the control core, and what its parts share.
//!
//! | part          | what it does                                                        |
//! |---------------|---------------------------------------------------------------------|
//! | `initiate`    | efforts to get keys: initiations, retries, responses                |
//! | `respond`     | the peer's initiations: timestamps, policy, crossing, responses     |
//! | `associations` | which association number a new epoch gets, where there are only four |
//! | `epochs`      | carries out the table of [`crate::machine`]                         |
//! | `liveness`    | silence, probes, keepalives, unknown SPIs, farewells                |
//! | `paths`       | peers that turn up elsewhere: candidates, challenges, moves         |
//! | `timeouts`    | what is due                                                         |

mod associations;
mod epochs;
mod initiate;
mod liveness;
mod paths;
mod respond;
mod timeouts;

pub(crate) use paths::Candidate;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use linkveil_crypto::{PublicKey, Random};
use linkveil_noise::{Identity, PqPolicy};
use linkveil_sa::{Counters, EpochId, LaneCommand, LaneEvent, Limits, Macsec, Path, PeerId, Udp};
use linkveil_wire::link::{MessageType, message_type};
use linkveil_wire::{CookieReply, HandshakeFlags, LaneCount, MacAddr, PortFrame};

use crate::config::{CoreConfig, PeerConfig, PortConfig, PortError, PortPeer};
use crate::counters::ControlCounter;
use crate::event::{Event, Now, TimerKind, Transmit};
use crate::flood::Gate;
use crate::limits::TRANSMIT_QUEUE;
use crate::peer::Peer;
use crate::spi::SpiTable;
use crate::status::PeerStatus;
use crate::timers::Timers;
use crate::transport::Transport;

/// What became of a request for new keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Rekey {
    /// An initiation is on its way.
    Started,
    /// One is under way already.
    AlreadyPending,
    /// Nobody knows where to call the peer: it must speak first.
    NoEndpoint,
}

/// The control core of a node.
///
/// The owner calls a `handle_*` function for whatever happens, and after each of them drains
/// [`Self::poll_event`], then [`Self::poll_command`], then [`Self::poll_transmit`], and asks
/// [`Self::poll_timeout`] when to call [`Self::handle_timeout`]. Events come first because an
/// [`Event::EndpointChanged`] must reach the lanes before the keys that send there.
#[derive(Debug)]
pub struct Core<M: Transport = Udp> {
    node: Node<M>,
    peers: Vec<Peer<M>>,
    by_key: HashMap<PublicKey, PeerId>,
    timers: Timers,
    closed: bool,
}

/// What all peers of a node share.
pub(crate) struct Node<M: Transport> {
    pub(crate) terms: M::Terms,
    pub(crate) identity: Identity,
    pub(crate) lanes: LaneCount,
    pub(crate) flags: HandshakeFlags,
    pub(crate) rekey_after: Duration,
    pub(crate) post_quantum: PqPolicy,
    pub(crate) limits: Limits,
    pub(crate) random: Box<dyn Random>,
    pub(crate) spis: SpiTable,
    pub(crate) gate: Gate,
    pub(crate) by_endpoint: HashMap<M::Remote, PeerId>,
    pub(crate) counters: Counters<ControlCounter>,
    pub(crate) events: VecDeque<Event<M>>,
    pub(crate) commands: VecDeque<LaneCommand<M>>,
    pub(crate) transmits: VecDeque<Transmit<M>>,
    /// Whose each living epoch is.
    pub(crate) owners: HashMap<EpochId, PeerId>,
    last_epoch: u64,
}

impl<M: Transport> std::fmt::Debug for Node<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// One peer, what it shares with the others, and the moment: what the parts of the core work on.
pub(crate) struct Scope<'c, M: Transport> {
    pub(crate) peer: &'c mut Peer<M>,
    pub(crate) node: &'c mut Node<M>,
    pub(crate) now: Now,
}

impl Core<Udp> {
    /// A core that calls every peer whose endpoint it knows (REQ-LIVE-1). Peers are numbered in
    /// the order of the list.
    #[must_use]
    pub fn new(
        config: CoreConfig,
        peers: Vec<PeerConfig>,
        random: Box<dyn Random>,
        now: Now,
    ) -> Self {
        Self::build(config, (), peers, random, now)
    }

    /// Takes a datagram from a control socket: everything but data.
    pub fn handle_datagram(&mut self, path: Path, bytes: &[u8], now: Now) {
        self.handle_message(path, bytes, now);
    }
}

impl Core<Macsec> {
    /// The core of one MACsec port, which calls its one peer, [`PORT_PEER`](crate::PORT_PEER), at once. No partial checksums here: the
    /// config's flags do not count.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn for_port(
        config: CoreConfig,
        port: PortConfig,
        peer: PortPeer,
        random: Box<dyn Random>,
        now: Now,
    ) -> Result<Self, PortError> {
        port.check(config.post_quantum)?;
        let config = CoreConfig {
            flags: HandshakeFlags::NONE,
            ..config
        };
        Ok(Self::build(config, port, vec![peer.into()], random, now))
    }

    /// Takes a frame of `EtherType` 0x88B5 that came to the port outside of MACsec, from its destination address on and
    /// without check sequence.
    pub fn handle_frame(&mut self, frame: &[u8], now: Now) {
        match self.read_frame(frame) {
            Ok((source, message)) => self.handle_message(source, message, now),
            Err(counter) => self.node.counters.add(counter),
        }
    }

    fn read_frame<'a>(&self, frame: &'a [u8]) -> Result<(MacAddr, &'a [u8]), ControlCounter> {
        let PortFrame { source, message } = PortFrame::parse(frame)?;
        if source == self.node.terms.station {
            return Err(ControlCounter::FrameOwnAddress);
        }
        Ok((source, message))
    }
}

impl<M: Transport> Core<M> {
    fn build(
        config: CoreConfig,
        terms: M::Terms,
        peers: Vec<PeerConfig<M>>,
        random: Box<dyn Random>,
        now: Now,
    ) -> Self {
        let peers: Vec<Peer<M>> = (0..)
            .map(PeerId::new)
            .zip(peers)
            .map(|(id, peer)| Peer::new(id, peer))
            .collect();
        let endpoints = peers
            .iter()
            .filter_map(|peer| Some((M::remote(peer.endpoint?), peer.id)));
        let node = Node {
            terms,
            identity: Identity::new(config.secret, config.suite, config.kem),
            lanes: config.lanes,
            flags: config.flags,
            rekey_after: config.rekey_after,
            post_quantum: config.post_quantum,
            limits: config.limits,
            random,
            spis: SpiTable::default(),
            gate: Gate::default(),
            by_endpoint: endpoints.collect(),
            counters: Counters::new(),
            events: VecDeque::new(),
            commands: VecDeque::new(),
            transmits: VecDeque::new(),
            owners: HashMap::new(),
            last_epoch: 0,
        };
        let mut core = Self {
            by_key: peers
                .iter()
                .map(|peer| (peer.public_key, peer.id))
                .collect(),
            timers: Timers::new(peers.len()),
            closed: false,
            node,
            peers,
        };
        for peer in core.peer_ids() {
            core.with(peer, now, |scope| scope.ensure_session());
        }
        core
    }

    fn handle_message(&mut self, path: M::Path, bytes: &[u8], now: Now) {
        if let Err(counter) = self.read_message(path, bytes, now) {
            self.node.counters.add(counter);
        }
    }

    fn read_message(
        &mut self,
        path: M::Path,
        bytes: &[u8],
        now: Now,
    ) -> Result<(), ControlCounter> {
        match message_type(bytes)? {
            MessageType::Initiation => {
                self.handle_initiation(path, &M::parse_initiation(bytes)?, now)
            }
            MessageType::Response => {
                let response = M::parse_response(bytes)?;
                let peer = self.node.spis.peer_of(response.receiver());
                peer.and_then(|peer| {
                    self.with(peer, now, |scope| scope.handle_response(path, &response))
                })
                .unwrap_or(Err(ControlCounter::WrongReceiver))
            }
            MessageType::CookieReply => {
                let reply = CookieReply::parse(bytes)?;
                let peer = self.node.spis.peer_of(reply.receiver);
                peer.and_then(|peer| self.with(peer, now, |scope| scope.handle_cookie(&reply)))
                    .unwrap_or(Err(ControlCounter::WrongReceiver))
            }
            MessageType::Data => Err(ControlCounter::UnknownType),
        }
    }

    /// Takes what a lane met.
    pub fn handle_lane_event(&mut self, event: LaneEvent<M>, now: Now) {
        match event {
            LaneEvent::Installed { epoch, direction } => {
                if let Some(peer) = self.peer_of_epoch(epoch) {
                    self.with(peer, now, |scope| scope.handle_installed(epoch, direction));
                }
            }
            LaneEvent::FirstOpen { peer, epoch, .. } => {
                self.with(peer, now, |scope| scope.handle_first_open(epoch));
            }
            LaneEvent::Control {
                peer,
                epoch,
                frame,
                path,
            } => {
                self.with(peer, now, |scope| scope.handle_frame(epoch, frame, path));
            }
            LaneEvent::Candidate { peer, epoch, path } => {
                self.with(peer, now, |scope| scope.handle_candidate(epoch, path));
            }
            LaneEvent::Pressure {
                peer,
                epoch,
                pressure,
            } => {
                self.with(peer, now, |scope| scope.handle_pressure(epoch, pressure));
            }
            LaneEvent::UnknownSpi { spi, path } => self.handle_unknown_spi(spi, path, now),
            LaneEvent::Activity {
                peer,
                tx_packets,
                rx_packets,
            } => {
                self.with(peer, now, |scope| {
                    scope.handle_activity(tx_packets, rx_packets);
                });
            }
        }
    }

    /// A lane could not take the keys of an epoch: it is given up, and another one is made if need be.
    pub fn handle_install_refused(&mut self, epoch: EpochId, now: Now) {
        if let Some(peer) = self.peer_of_epoch(epoch) {
            self.with(peer, now, |scope| scope.handle_install_refused(epoch));
        }
    }

    /// Does everything that is due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(peer) = self.timers.due(now.instant) {
            self.with(peer, now, |scope| scope.handle_due());
        }
    }

    /// Begins a handshake with a peer, whatever the age of its keys.
    pub fn rekey(&mut self, peer: PeerId, now: Now) -> Rekey {
        self.with(peer, now, |scope| scope.start_effort())
            .unwrap_or(Rekey::NoEndpoint)
    }

    /// Says farewell to every peer and gives up all keys. Nothing happens afterwards.
    pub fn close(&mut self, now: Now) {
        for peer in self.peer_ids() {
            self.with(peer, now, |scope| scope.leave());
        }
        self.closed = true;
    }

    /// The next thing that the rest of the node should know.
    pub fn poll_event(&mut self) -> Option<Event<M>> {
        self.node.events.pop_front()
    }

    /// The next order to the lanes.
    pub fn poll_command(&mut self) -> Option<LaneCommand<M>> {
        self.node.commands.pop_front()
    }

    /// The next handshake message to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit<M>> {
        self.node.transmits.pop_front()
    }

    /// When to call [`Self::handle_timeout`], and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, TimerKind)> {
        self.timers.next()
    }

    /// A peer as it is now; `None` if there is none of that number.
    #[must_use]
    pub fn peer_status(&self, peer: PeerId) -> Option<PeerStatus<M>> {
        self.peers.get(peer.index()).map(Peer::status)
    }

    /// Everything that was counted so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters<ControlCounter> {
        &self.node.counters
    }

    /// This node's static public key.
    #[must_use]
    pub const fn public_key(&self) -> PublicKey {
        self.node.identity.public_key()
    }

    /// Lets a part of the core work on one peer, and sets the peer's timer to what comes next.
    fn with<T>(
        &mut self,
        id: PeerId,
        now: Now,
        work: impl FnOnce(&mut Scope<'_, M>) -> T,
    ) -> Option<T> {
        if self.closed {
            return None;
        }
        let peer = self.peers.get_mut(id.index())?;
        let node = &mut self.node;
        let result = work(&mut Scope { peer, node, now });
        let deadline = self.peers.get(id.index()).and_then(Peer::deadline);
        self.timers.set(id, deadline);
        Some(result)
    }

    fn peer_ids(&self) -> impl Iterator<Item = PeerId> + use<M> {
        (0..).map(PeerId::new).take(self.peers.len())
    }

    fn peer_of_epoch(&self, epoch: EpochId) -> Option<PeerId> {
        self.node.owners.get(&epoch).copied()
    }
}

impl<M: Transport> Node<M> {
    /// A number for a new epoch of this peer, never used before.
    pub(crate) fn next_epoch(&mut self, peer: PeerId) -> EpochId {
        self.last_epoch += 1;
        let id = EpochId::new(self.last_epoch);
        self.owners.insert(id, peer);
        id
    }

    /// A random share of a duration: 0 up to `percent` of it.
    pub(crate) fn jitter(&mut self, duration: Duration, percent: u32) -> Duration {
        let mut bytes = [0; 4];
        self.random.fill(&mut bytes);
        let share = f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX);
        duration.mul_f64(share * f64::from(percent) / 100.0)
    }

    /// Queues a handshake message, unless a great many wait already: then it is lost, and a timer repeats it.
    pub(crate) fn transmit(&mut self, path: M::Path, message: Vec<u8>) {
        if self.transmits.len() < TRANSMIT_QUEUE {
            let bytes = M::wrap(&self.terms, message);
            self.transmits.push_back(Transmit { path, bytes });
        } else {
            self.counters.add(ControlCounter::TransmitQueueFull);
        }
    }
}

#[cfg(test)]
mod tests;
