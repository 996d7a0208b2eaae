//! One gateway of a world: the real control core and lanes between in-memory queues.
//!
//! ```text
//!   TunHost = tenant's kernel         Outlet for each other gateway
//!      |                                 |  what it sends to that address arrives here;
//!   MemoryTun -- Lane, Pool, Core -- MemoryUdp  what the link delivers from there goes in here
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use linkveil_crypto::{DeterministicMlKem768, Psk, PublicKey, StaticSecret, Suite};
use linkveil_dataplane::{
    Lane, LaneQueues, PeerForwarding, Pool, PoolEvent, Report, RouteTable, Snapshot, VpcIndex,
    VpcRoutes,
};
use linkveil_net::memory::{
    Coalesce, MemoryGroup, MemoryTun, MemoryUdp, NetworkOptions, TunHost, WhenFull, network, tun,
};
use linkveil_sa::{LaneCommand, Limits, Path, PeerId, SocketIndex};
use linkveil_tunnel::{
    Core, CoreConfig, Event, Keepalive, Now, PeerConfig, PeerStatus, PqPolicy, Roaming, Transmit,
};
use linkveil_wire::{HandshakeFlags, InnerMtu, LaneCount, Vni};

use crate::clock::WallOffset;
use crate::link::GatewayId;
use crate::random::SimRandom;

/// Packets that wait at a device, and trains that wait at a socket: more than a world has under way.
const QUEUE_CAPACITY: usize = 4_096;

/// The network of the one VPC that a world has.
const VNI: u32 = 77;

/// What a world may vary about a gateway.
#[derive(Debug)]
pub struct GatewaySetup {
    /// Its static key.
    pub secret: StaticSecret,
    /// Lanes, 1 to 64.
    pub lanes: LaneCount,
    /// How far its wall clock is off.
    pub wall: WallOffset,
    /// Its stand on ML-KEM.
    pub post_quantum: PqPolicy,
    /// Its AEAD.
    pub suite: Suite,
    /// Age at which it replaces an epoch.
    pub rekey_after: std::time::Duration,
}

/// Another gateway, as this one is configured to know it.
#[derive(Debug, Clone)]
pub struct Neighbor {
    /// Which.
    pub id: GatewayId,
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

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    core: Core,
    pool: Pool,
    lanes: Vec<Lane<MemoryTun, MemoryUdp>>,
    hosts: Vec<TunHost>,
    control: MemoryUdp,
    outlets: BTreeMap<GatewayId, MemoryGroup>,
    address: SocketAddr,
    wall: WallOffset,
    routes: Arc<RouteTable>,
    peers: Vec<PeerForwarding>,
    events: Vec<Event>,
    report: Option<Report>,
}

/// Something that a gateway did, in order.
#[derive(Debug)]
pub enum Deed {
    /// It gave a datagram to the underlay.
    Sent {
        /// For whom.
        to: GatewayId,
        /// The UDP payload.
        datagram: Vec<u8>,
        /// The outer TOS byte.
        tos: u8,
    },
    /// A packet came out of its device.
    Delivered(Vec<u8>),
}

impl Gateway {
    /// Starts a gateway: it calls the neighbors whose address it knows.
    ///
    /// # Panics
    ///
    /// If the system has no descriptors left for the lanes' wakers.
    #[must_use]
    pub fn start(
        setup: GatewaySetup,
        address: SocketAddr,
        neighbors: &[Neighbor],
        random: SimRandom,
        now: Now,
    ) -> Self {
        let peers: Vec<_> = neighbors.iter().map(peer_forwarding).collect();
        let routes = Arc::new(route_table(neighbors));
        let (own, outlets) = wire_up(address, setup.lanes, neighbors);
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
        let wall = setup.wall;
        Self {
            core: make_core(setup, neighbors, random, now),
            pool,
            lanes,
            hosts,
            control: own.control,
            outlets,
            address,
            wall,
            routes,
            peers,
            events: Vec::new(),
            report: None,
        }
    }

    /// How far its wall clock is off.
    #[must_use]
    pub const fn wall(&self) -> WallOffset {
        self.wall
    }

    /// When the core wants to be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<std::time::Instant> {
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

    /// What the core told since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Gives an inner packet to one lane's device. `None`: its queue is full.
    pub fn offer(&self, lane: usize, packet: &[u8]) -> Option<()> {
        self.hosts.get(lane % self.hosts.len())?.send(packet)
    }

    /// A datagram arrives from another gateway.
    pub fn receive(&mut self, from: GatewayId, datagram: &[u8]) {
        if let Some(outlet) = self.outlets.get_mut(&from) {
            // A full queue drops it, as a socket would.
            let _ = outlet.control.send_to(datagram, self.address);
        }
    }

    /// Datagrams of one length arrive merged into one train, as by receive offload.
    pub fn receive_train(&mut self, from: GatewayId, stride: usize, bytes: &[u8]) {
        let Some(outlet) = self.outlets.get_mut(&from) else {
            return;
        };
        let train = linkveil_net::gso::Train {
            remote: self.address,
            tos: 0,
            segment_len: stride,
            bytes,
        };
        let _ = outlet.control.send_train(train);
    }

    /// Begins a handshake, as `linkveil rekey` does.
    pub fn rekey(&mut self, peer: PeerId, now: Now) {
        self.core.rekey(peer, now);
    }

    /// Fires the core's timers.
    pub fn handle_timeout(&mut self, now: Now) {
        self.core.handle_timeout(now);
    }

    /// Works until nothing is left to do at this moment. `watch` sees every order to the lanes before they do.
    pub fn work(&mut self, now: Now, watch: &mut dyn FnMut(&LaneCommand)) -> Vec<Deed> {
        let mut deeds = Vec::new();
        loop {
            let heard = self.hear(now);
            let carried = self.carry_out(watch);
            for lane in &mut self.lanes {
                lane.turn(now.instant)
                    .expect("queues in memory last as long as the world");
            }
            let told = self.tell_core(now);
            let before = deeds.len();
            self.collect(&mut deeds);
            if heard + carried + told == 0 && deeds.len() == before {
                return deeds;
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
    fn carry_out(&mut self, watch: &mut dyn FnMut(&LaneCommand)) -> usize {
        let mut count = 0;
        while let Some(event) = self.core.poll_event() {
            self.note(event);
            count += 1;
        }
        while let Some(command) = self.core.poll_command() {
            watch(&command);
            self.pool.command(command);
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
        self.events.push(event);
    }

    fn tell_core(&mut self, now: Now) -> usize {
        let mut count = 0;
        while let Some(event) = self.pool.poll_event() {
            match event {
                PoolEvent::Lane(event) => self.core.handle_lane_event(event, now),
                PoolEvent::Report(report) => self.report = Some(*report),
            }
            count += 1;
        }
        count
    }

    /// What came out at both ends.
    fn collect(&mut self, deeds: &mut Vec<Deed>) {
        for (to, outlet) in &mut self.outlets {
            let sockets = outlet.data.iter_mut().chain([&mut outlet.control]);
            for socket in sockets {
                while let Some((bytes, meta)) = socket.recv_from() {
                    deeds.extend(meta.segments().map(|segment| Deed::Sent {
                        to: *to,
                        datagram: bytes[segment].to_vec(),
                        tos: meta.tos,
                    }));
                }
            }
        }
        for host in &self.hosts {
            while let Some(packet) = host.recv() {
                deeds.push(Deed::Delivered(packet));
            }
        }
    }
}

fn make_core(setup: GatewaySetup, neighbors: &[Neighbor], random: SimRandom, now: Now) -> Core {
    let config = CoreConfig {
        secret: setup.secret,
        suite: setup.suite,
        kem: Arc::new(DeterministicMlKem768),
        lanes: setup.lanes,
        flags: HandshakeFlags::NONE,
        rekey_after: setup.rekey_after,
        post_quantum: setup.post_quantum,
        limits: Limits::for_suite(setup.suite),
    };
    let peers = neighbors.iter().map(|neighbor| PeerConfig {
        name: format!("gateway {}", neighbor.id.0),
        public_key: neighbor.public_key,
        psk: Psk::none(),
        endpoint: path_to(neighbor),
        roaming: Roaming::Follow,
        keepalive: Keepalive::Off,
        mtu: inner_mtu(),
    });
    Core::new(config, peers.collect(), Box::new(random), now)
}

/// What a 1,500-byte path over IPv4 carries.
fn inner_mtu() -> InnerMtu {
    InnerMtu::new(1_424).expect("within the range")
}

fn path_to(neighbor: &Neighbor) -> Option<Path> {
    let path = Path {
        socket: SocketIndex::FIRST,
        remote: neighbor.address,
    };
    (neighbor.called == Called::ByUs).then_some(path)
}

fn peer_forwarding(neighbor: &Neighbor) -> PeerForwarding {
    PeerForwarding {
        path: path_to(neighbor),
        inner_mtu: inner_mtu(),
        vpcs: vec![(vni(), VpcIndex::new(0))],
    }
}

fn vni() -> Vni {
    Vni::new(VNI).expect("within 24 bits")
}

fn route_table(neighbors: &[Neighbor]) -> RouteTable {
    let routes = (0..).map(PeerId::new).zip(neighbors);
    let routes = routes.flat_map(|(peer, neighbor)| {
        let prefixes = neighbor.prefixes.iter();
        prefixes.map(move |prefix| (*prefix, peer))
    });
    RouteTable::new(vec![VpcRoutes {
        vni: vni(),
        routes: routes.collect(),
    }])
}

/// The gateway's own sockets, and an outlet at the address of every neighbor.
fn wire_up(
    address: SocketAddr,
    lanes: LaneCount,
    neighbors: &[Neighbor],
) -> (MemoryGroup, BTreeMap<GatewayId, MemoryGroup>) {
    let options = NetworkOptions {
        capacity: QUEUE_CAPACITY,
        coalesce: Coalesce::Trains,
        when_full: WhenFull::Drop,
    };
    let others = neighbors.iter().map(|neighbor| (neighbor.address, 1));
    let all: Vec<_> = std::iter::once((address, lanes.get().into()))
        .chain(others)
        .collect();
    let mut groups = network(&all, options).into_iter();
    let own = groups.next().expect("as many groups as addresses");
    let outlets = neighbors.iter().map(|neighbor| neighbor.id).zip(groups);
    (own, outlets.collect())
}
