//! The running gateway: joins control core, lanes and control socket in one event loop.
//!
//! ```text
//!  control sockets --datagrams--> Core --commands--> Pool ==rings==> lanes (threads)
//!        ^  transmits --------------+  <--events---- Pool <==rings== lanes
//!  control socket  --requests---> Gateway: status, rekey
//! ```
//!
//! One thread, one wait: mio watches the control sockets, the lanes' waker, the signals and the control socket's
//! clients; the core's next deadline bounds the wait. The thread holds no capability any more when the loop begins.

mod forwarding;
mod impaired;
mod lanes;
mod macsec;
mod report;
mod requests;
mod signals;
mod sockets;
mod trains;

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkveil_crypto::{AwsLcMlKem768, SystemRandom};
use linkveil_dataplane::pool::Backlog;
use linkveil_dataplane::{MacLearner, Pool, PoolEvent};
use linkveil_net::clock;
use linkveil_net::udp::ReuseportGroup;
use linkveil_sa::{Limits, SocketIndex};
use linkveil_tunnel::{Core, CoreConfig, Event, Now, PeerConfig};
use linkveil_wire::{HandshakeFlags, Timestamp};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::config::{Config, MAX_LISTEN_ADDRESSES, MAX_MACSEC_PORTS, Node, Peer};
use crate::ipc::server::{BindError, Server};
use crate::privileges;
use crate::setup::{self, Foundation, SetupError};
use forwarding::Forwarding;
use lanes::LaneThreads;
use macsec::{Links, MacsecError};
use report::Portrait;
use requests::Waiting;
use signals::StopSignals;
use sockets::{ControlSockets, Received};
use trains::TrainLog;

const SIGNALS: Token = Token(0);
const LANES: Token = Token(1);
const FIRST_SOCKET: Token = Token(2);
/// Above the tokens of all control sockets.
const FIRST_PORT: Token = Token(FIRST_SOCKET.0 + MAX_LISTEN_ADDRESSES);
/// Above the tokens of all protected ports.
const FIRST_CLIENT: Token = Token(FIRST_PORT.0 + macsec::TOKENS * MAX_MACSEC_PORTS);

/// Events of one wait; more are told by the next one.
const EVENTS: usize = 128;
/// Datagrams that one control socket may bring before everybody else has had a turn.
const DATAGRAMS_PER_TURN: usize = 64;
/// How soon a lane's full ring is tried again. It holds hundreds of orders, so this is rare.
const BACKLOG_PAUSE: Duration = Duration::from_millis(1);
/// How long the farewell may take at the end. It is one datagram for each peer.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why a gateway did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The control socket.
    #[error(transparent)]
    ControlSocket(#[from] BindError),
    /// Sockets or devices.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A protected port.
    #[error(transparent)]
    Macsec(#[from] MacsecError),
    /// The event loop or a thread could not be made.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// A lane ended: its device was deleted, or its socket is unusable.
    #[error("lane {lane} ended: {reason}")]
    Lane {
        /// Its number.
        lane: usize,
        /// Why.
        reason: String,
    },
}

/// Runs the gateway until SIGTERM or SIGINT; devices, keys and control socket are gone when this returns.
///
/// # Errors
///
/// What the system refused at the start, or the lane that died.
pub fn run(config: Config) -> Result<(), GatewayError> {
    let mut gateway = Gateway::start(config)?;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let outcome = gateway.serve();
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    gateway.stop();
    outcome
}

struct Gateway {
    core: Core,
    pool: Pool,
    forwarding: Forwarding,
    /// Where the stations of Ethernet VPCs are.
    stations: MacLearner,
    sockets: ControlSockets,
    /// Control sockets that may have more to read: the poll tells an arrival once.
    readable: Vec<SocketIndex>,
    server: Server,
    waiting: Waiting,
    portrait: Portrait,
    trains: TrainLog,
    threads: LaneThreads,
    /// Protected ports.
    links: Links,
    poll: Poll,
    _signals: StopSignals,
    backlog: Backlog,
}

/// What a wait brought.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outlook {
    GoOn,
    Stop,
}

impl Gateway {
    /// The order of docs/operations.md, "Life of `up`". What was made so far goes away by itself if a step fails.
    fn start(mut config: Config) -> Result<Self, GatewayError> {
        let poll = Poll::new()?;
        let registry = poll.registry();
        let signals = StopSignals::register(SIGNALS, registry)?;
        let mut server = Server::bind(&config.node.control_socket, FIRST_CLIENT)?;
        server.register(registry)?;
        let Foundation {
            groups,
            devices,
            device_plans,
            peers: plans,
        } = setup::build(&config)?;
        let (controls, data): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .map(|ReuseportGroup { data, control }| (control, data))
            .unzip();
        let mut sockets = ControlSockets::new(controls, FIRST_SOCKET, registry)?;
        sockets.impair(config.impair.map(impaired::control));
        let forwarding = Forwarding::new(&config, &plans);
        let snapshot = Arc::new(forwarding.snapshot());
        let (pool, lanes) = match config.impair {
            None => lanes::build(devices, data, &snapshot)?,
            Some(impair) => lanes::build(devices, impaired::data(data, impair), &snapshot)?,
        };
        registry.register(
            &mut SourceFd(&pool.waker().as_raw_fd()),
            LANES,
            Interest::READABLE,
        )?;
        let shared = macsec::Shared {
            node: &config.node,
            crypto: &config.crypto,
            registry,
            impair: config.impair,
            first: FIRST_PORT,
        };
        let mut links = Links::build(std::mem::take(&mut config.macsec), shared)?;
        privileges::drop_capabilities();
        let threads = LaneThreads::spawn(lanes, ("lane", &config.node), pool.waker())?;
        links.spawn(&config.node)?;
        let stations = MacLearner::new(config.vpcs.len(), clock::now());
        let portrait = Portrait::new(&config, &device_plans, clock::now());
        let core = make_core(config, &forwarding);
        Ok(Self {
            core,
            pool,
            forwarding,
            stations,
            sockets,
            readable: Vec::new(),
            server,
            waiting: Waiting::default(),
            portrait,
            trains: TrainLog::default(),
            threads,
            links,
            poll,
            _signals: signals,
            backlog: Backlog::Empty,
        })
    }

    fn serve(&mut self) -> Result<(), GatewayError> {
        let mut events = Events::with_capacity(EVENTS);
        self.carry_out();
        loop {
            match self.poll.poll(&mut events, self.patience(clock::now())) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            if self.note_events(&events) == Outlook::Stop {
                return Ok(());
            }
            self.threads.check()?;
            self.links.check()?;
            self.read_sockets();
            self.core.handle_timeout(now());
            self.stations.handle_timeout(clock::now());
            self.links.turn();
            self.answer_status();
            self.serve_waiting(clock::now());
            self.carry_out();
        }
    }

    /// How long to wait: nothing while sockets have more, else until the nearest deadline.
    fn patience(&self, now: Instant) -> Option<Duration> {
        if !self.readable.is_empty() {
            return Some(Duration::ZERO);
        }
        let backlog = (self.backlog == Backlog::Waiting).then(|| now + BACKLOG_PAUSE);
        let core = self.core.poll_timeout().map(|(deadline, _)| deadline);
        let deadlines = [
            backlog,
            core,
            self.stations.poll_timeout(),
            self.server.poll_timeout(),
            self.waiting.deadline(),
            self.sockets.next_due(),
        ];
        let nearest = deadlines.into_iter().flatten().min();
        let patience = nearest.map(|due| due.saturating_duration_since(now));
        patience.into_iter().chain(self.links.patience(now)).min()
    }

    fn note_events(&mut self, events: &Events) -> Outlook {
        let mut requests = Vec::new();
        for event in events {
            match event.token() {
                SIGNALS => return Outlook::Stop,
                LANES => self.hear_lanes(),
                token if self.links.note(token) => {}
                token => match self.sockets.index_of(token) {
                    Some(socket) if !self.readable.contains(&socket) => self.readable.push(socket),
                    Some(_) => {}
                    None => self.server.handle_event(
                        token,
                        self.poll.registry(),
                        clock::now(),
                        &mut requests,
                    ),
                },
            }
        }
        for (client, request) in requests {
            self.serve_request(client, request);
        }
        Outlook::GoOn
    }

    fn hear_lanes(&mut self) {
        self.pool.waker().drain();
        while let Some(event) = self.pool.poll_event() {
            match event {
                PoolEvent::Lane(event) => self.core.handle_lane_event(event, now()),
                PoolEvent::Trains(socket, notice) => self.trains.log(socket, notice),
                PoolEvent::Report(report) => self.waiting.note_report(report),
            }
        }
        let now = clock::now();
        for sighting in self.pool.sightings() {
            self.stations.handle_sighting(sighting, now);
        }
    }

    /// A bounded share of what waits at each socket; one that is drained leaves the list.
    fn read_sockets(&mut self) {
        let (core, sockets) = (&mut self.core, &mut self.sockets);
        self.readable.retain(|socket| {
            for _ in 0..DATAGRAMS_PER_TURN {
                match sockets.recv(*socket) {
                    Received::Datagram(path, bytes) => core.handle_datagram(path, bytes, now()),
                    Received::HeldBack => {}
                    Received::Nothing => return false,
                }
            }
            true
        });
        while let Some(late) = sockets.poll_held(clock::now()) {
            core.handle_datagram(late.meta, &late.bytes, now());
        }
    }

    /// Everything the core wants done. Events come first: an endpoint must be in the lanes' snapshot before keys
    /// make them send there.
    fn carry_out(&mut self) {
        let mut moved = forwarding::Change::None;
        while let Some(event) = self.core.poll_event() {
            self.portrait.log(&event);
            moved = moved.max(self.apply(&event));
        }
        if let Some(tables) = self.stations.poll_tables(clock::now()) {
            moved = moved.max(self.forwarding.stations_changed(tables));
        }
        if moved == forwarding::Change::Moved {
            self.pool.publish(&Arc::new(self.forwarding.snapshot()));
        }
        while let Some(command) = self.core.poll_command() {
            self.pool.command(command);
        }
        while let Some(transmit) = self.core.poll_transmit() {
            self.sockets.send(transmit.path, &transmit.bytes);
        }
        self.backlog = self.pool.flush();
    }

    fn apply(&mut self, event: &Event) -> forwarding::Change {
        match *event {
            Event::EndpointChanged { peer, path } => self.forwarding.endpoint_changed(peer, path),
            Event::RemoteMtu { peer, mtu } => self.forwarding.remote_mtu(peer, mtu),
            _ => forwarding::Change::None,
        }
    }

    /// Says farewell to the peers, ends the lanes and waits for them. Keys are wiped where they are dropped.
    fn stop(mut self) {
        tracing::info!("stopping");
        self.core.close(now());
        self.links.close();
        self.carry_out();
        self.pool.stop();
        let end = clock::now() + FAREWELL;
        let mut events = Events::with_capacity(EVENTS);
        // A lane takes no orders while its answers find no room, so they are read until all lanes have ended.
        while !(self.links.are_finished() && self.threads.are_finished()) && clock::now() < end {
            self.pool.flush();
            let _ = self.poll.poll(&mut events, Some(BACKLOG_PAUSE));
            self.hear_lanes();
        }
        // Whoever is left sees that nobody gives orders any more.
        drop(self.pool);
        self.threads.join();
        self.links.join();
    }
}

/// This moment on both clocks.
pub(crate) fn now() -> Now {
    let (seconds, nanoseconds) = clock::wall();
    Now {
        instant: clock::now(),
        wall: Timestamp::from_unix(seconds, nanoseconds),
    }
}

fn make_core(config: Config, forwarding: &Forwarding) -> Core {
    let Config {
        node,
        crypto,
        peers,
        ..
    } = config;
    let Node {
        private_key, lanes, ..
    } = node;
    let core = CoreConfig {
        secret: private_key,
        suite: crypto.suite,
        kem: Arc::new(AwsLcMlKem768),
        lanes,
        // Where a device does not take a partial checksum, the lane completes it.
        flags: HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM,
        rekey_after: crypto.rekey_after,
        post_quantum: crypto.post_quantum,
        limits: Limits::for_suite(crypto.suite),
    };
    let peers = peers
        .into_iter()
        .zip(forwarding.announcements())
        .map(|(peer, (endpoint, mtu))| {
            let Peer {
                name,
                public_key,
                roaming,
                keepalive,
                psk,
                ..
            } = peer;
            PeerConfig {
                name,
                public_key,
                psk,
                endpoint,
                roaming,
                keepalive,
                mtu,
            }
        })
        .collect();
    Core::new(core, peers, Box::new(SystemRandom), now())
}
