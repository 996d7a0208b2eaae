//! One gateway of a world: the real control core and lanes between in-memory queues.
//!
//! ```text
//!   TunHost = tenant's kernel         Outlet for each address on the underlay
//!      |                                 |  what it sends to that address arrives here;
//!   MemoryTun -- Lane, Pool, Core -- MemoryUdp  what the link delivers from there goes in here
//! ```

mod wiring;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use linkveil_crypto::{PublicKey, StaticSecret, Suite};
use linkveil_dataplane::{
    Lane, LaneQueues, PeerForwarding, Pool, PoolEvent, Report, RouteTable, Snapshot,
};
use linkveil_net::memory::{MemoryGroup, MemoryTun, MemoryUdp, TunHost, tun};
use linkveil_sa::{LaneCommand, Path, PeerId, SocketIndex};
use linkveil_tunnel::{Core, Event, Keepalive, Now, PeerStatus, PqPolicy, Roaming, Transmit};
use linkveil_wire::LaneCount;

use crate::clock::WallOffset;
use crate::kem::KemChoice;
use crate::random::SimRandom;

/// Packets that wait at a device, and trains that wait at a socket: more than a world has under way at a moment.
const QUEUE_CAPACITY: usize = 512;

/// What a world may vary about a gateway.
#[derive(Debug)]
pub struct GatewaySetup {
    /// Its static key.
    pub secret: StaticSecret,
    /// Lanes, 1 to 64.
    pub lanes: LaneCount,
    /// How far its wall clock is off when the world begins.
    pub wall: WallOffset,
    /// Its stand on ML-KEM.
    pub post_quantum: PqPolicy,
    /// Its AEAD.
    pub suite: Suite,
    /// Age at which it replaces an epoch.
    pub rekey_after: Duration,
    /// Its KEM.
    pub kem: KemChoice,
    /// Whether it follows a peer that moves.
    pub roaming: Roaming,
    /// Whether it gives signs of life.
    pub keepalive: Keepalive,
}

/// Another gateway, as this one is configured to know it.
#[derive(Debug, Clone)]
pub struct Neighbor {
    /// Its name.
    pub name: String,
    /// Its key.
    pub public_key: PublicKey,
    /// Its address on the underlay.
    pub address: SocketAddr,
    /// Whether it is configured as endpoint; else it must call first.
    pub called: Called,
    /// The networks behind it.
    pub prefixes: Vec<IpNet>,
}

/// Whether a gateway knows where to call another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// Its address is configured.
    ByUs,
    /// It must call first.
    NotByUs,
}

/// Where a gateway is: its own address, and all others from which and to which datagrams can go.
#[derive(Debug, Clone)]
pub struct Underlay {
    /// Its own address, as it knows it itself.
    pub own: SocketAddr,
    /// All others.
    pub others: Vec<SocketAddr>,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    core: Core,
    pool: Pool,
    lanes: Vec<Lane<MemoryTun, MemoryUdp>>,
    hosts: Vec<TunHost>,
    control: MemoryUdp,
    outlets: BTreeMap<SocketAddr, MemoryGroup>,
    address: SocketAddr,
    routes: Arc<RouteTable>,
    peers: Vec<PeerForwarding>,
    report: Option<Report>,
}

/// Sees what a gateway does, in order.
pub trait Observer {
    /// An order to the lanes. They get it only if the answer says so.
    fn ordered(&mut self, command: &LaneCommand) -> Passage;
    /// A datagram for the underlay.
    fn sent(&mut self, to: SocketAddr, datagram: Vec<u8>);
    /// A packet that came out of its device.
    fn delivered(&mut self, packet: Vec<u8>);
    /// Something that the core told.
    fn told(&mut self, event: Event);
}

/// Whether an order reaches the lanes. In a gateway that is not broken on purpose all do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It does.
    Free,
    /// It is lost.
    Withheld,
}

impl Gateway {
    /// Starts a gateway: it calls the neighbors whose address it knows.
    ///
    /// # Panics
    ///
    /// If the system has no descriptors left for the lanes' wakers.
    #[must_use]
    pub fn start(
        setup: &GatewaySetup,
        underlay: &Underlay,
        neighbors: &[Neighbor],
        random: SimRandom,
        now: Now,
    ) -> Self {
        let peers: Vec<_> = neighbors.iter().map(wiring::peer_forwarding).collect();
        let routes = Arc::new(wiring::route_table(neighbors));
        let (own, outlets) = wiring::wire_up(underlay, setup.lanes);
        let (tuns, hosts): (Vec<_>, Vec<_>) = own.data.iter().map(|_| tun(QUEUE_CAPACITY)).unzip();
        let queues = tuns
            .into_iter()
            .zip(own.data)
            .map(|(tun, udp)| LaneQueues {
                tuns: vec![tun],
                udps: vec![udp],
            })
            .collect();
        let snapshot = Snapshot::new(Arc::clone(&routes), peers.clone());
        let (pool, lanes) =
            linkveil_dataplane::build(queues, &Arc::new(snapshot)).expect("descriptors for wakers");
        Self {
            core: wiring::make_core(setup, neighbors, random, now),
            pool,
            lanes,
            hosts,
            control: own.control,
            outlets,
            address: underlay.own,
            routes,
            peers,
            report: None,
        }
    }

    /// When the core wants to be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.core.poll_timeout().map(|(deadline, _)| deadline)
    }

    /// State of the link to the peer at this place in the list of neighbors.
    #[must_use]
    pub fn peer_status(&self, peer: PeerId) -> Option<PeerStatus> {
        self.core.peer_status(peer)
    }

    /// A counter of the control core; 0 if there is none of that name.
    #[must_use]
    pub fn control_counter(&self, name: &str) -> u64 {
        let mut named = self.core.counters().named();
        named
            .find(|(known, _)| *known == name)
            .map_or(0, |(_, count)| count)
    }

    /// Asks the lanes for their counters; the answer comes with the next [`Self::work`].
    pub fn request_report(&mut self) {
        self.pool.request_report();
    }

    /// The lanes' answer, if it has come.
    pub fn take_report(&mut self) -> Option<Report> {
        self.report.take()
    }

    /// Gives an inner packet to one lane's device. `None`: its queue is full.
    pub fn offer(&self, lane: usize, packet: &[u8]) -> Option<()> {
        self.hosts.get(lane % self.hosts.len())?.send(packet)
    }

    /// Datagrams of one length arrive from an address, merged into one train as by receive offload if there are several.
    /// From an address where nobody can be nothing comes.
    pub fn receive(&mut self, from: SocketAddr, stride: usize, bytes: &[u8]) {
        let Some(outlet) = self.outlets.get_mut(&from) else {
            return;
        };
        let train = linkveil_net::gso::Train {
            remote: self.address,
            tos: 0,
            segment_len: stride,
            bytes,
        };
        // A full queue drops it, as a socket would.
        let _ = outlet.control.send_train(train);
    }

    /// Begins a handshake, as `linkveil rekey` does.
    pub fn rekey(&mut self, peer: PeerId, now: Now) {
        self.core.rekey(peer, now);
    }

    /// Says farewell: nothing happens after the work that this makes.
    pub fn close(&mut self, now: Now) {
        self.core.close(now);
    }

    /// Fires the core's timers.
    pub fn handle_timeout(&mut self, now: Now) {
        self.core.handle_timeout(now);
    }

    /// Works until nothing is left to do at this moment.
    ///
    /// # Panics
    ///
    /// If a queue in memory fails.
    pub fn work(&mut self, now: Now, observer: &mut dyn Observer) {
        loop {
            let heard = self.hear(now);
            let carried = self.carry_out(observer);
            for lane in &mut self.lanes {
                lane.turn(now.instant)
                    .expect("queues in memory last as long as the world");
            }
            let told = self.tell_core(now);
            let came_out = self.collect(observer);
            if heard + carried + told + came_out == 0 {
                return;
            }
        }
    }

    /// Handshake messages from the control socket to the core.
    fn hear(&mut self, now: Now) -> usize {
        let mut count = 0;
        while let Some((bytes, meta)) = self.control.recv_from() {
            let path = Path {
                socket: SocketIndex::FIRST,
                remote: meta.remote,
            };
            for segment in meta.segments() {
                self.core.handle_datagram(path, &bytes[segment], now);
            }
            count += 1;
        }
        count
    }

    /// What the core wants done; events first, as its contract says.
    fn carry_out(&mut self, observer: &mut dyn Observer) -> usize {
        let mut count = 0;
        while let Some(event) = self.core.poll_event() {
            self.note(event);
            observer.told(event);
            count += 1;
        }
        while let Some(command) = self.core.poll_command() {
            if observer.ordered(&command) == Passage::Free {
                self.pool.command(command);
            }
            count += 1;
        }
        while let Some(Transmit { path, bytes }) = self.core.poll_transmit() {
            let _ = self.control.send_to(&bytes, path.remote);
            count += 1;
        }
        self.pool.flush();
        count
    }

    fn note(&mut self, event: Event) {
        if let Event::EndpointChanged { peer, path } = event {
            self.peers[peer.index()].path = Some(path);
            let snapshot = Snapshot::new(Arc::clone(&self.routes), self.peers.clone());
            self.pool.publish(&Arc::new(snapshot));
        }
    }

    fn tell_core(&mut self, now: Now) -> usize {
        let mut count = 0;
        while let Some(event) = self.pool.poll_event() {
            match event {
                PoolEvent::Lane(event) => self.core.handle_lane_event(event, now),
                PoolEvent::Report(report) => self.report = Some(*report),
                // Queues in memory take every train.
                PoolEvent::Trains(..) => {}
            }
            count += 1;
        }
        count
    }

    /// What came out at both ends.
    fn collect(&mut self, observer: &mut dyn Observer) -> usize {
        let mut count = 0;
        for (to, outlet) in &mut self.outlets {
            let sockets = outlet.data.iter_mut().chain([&mut outlet.control]);
            for socket in sockets {
                while let Some((bytes, meta)) = socket.recv_from() {
                    for segment in meta.segments() {
                        observer.sent(*to, bytes[segment].to_vec());
                        count += 1;
                    }
                }
            }
        }
        for host in &self.hosts {
            while let Some(packet) = host.recv() {
                observer.delivered(packet);
                count += 1;
            }
        }
        count
    }
}
