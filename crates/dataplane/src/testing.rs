//! What the lanes' tests share: two nodes between in-memory queues, with one epoch between them, and no control core.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkveil_crypto::{Direction, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_net::clock;
use linkveil_net::memory::{
    MemoryGroup, MemoryTun, MemoryUdp, NetworkOptions, TunHost, network, tun_with,
};
use linkveil_net::traits::UdpQueue;
use linkveil_net::{GsoNotice, Offloads};
use linkveil_sa::{
    EpochId, LaneCommand, LaneEvent, Limits, PartialChecksums, Path, PeerId, RxInstall,
    SocketIndex, TxInstall, split_epoch,
};
use linkveil_wire::checksum::Checksum;
use linkveil_wire::{InnerMtu, Lane as LaneNumber, LaneCount, Spi, Vni};

use crate::lane::{Lane, LaneQueues, Turn};
use crate::pool::{Pool, PoolEvent, build};
use crate::report::Report;
use crate::sighting::Sighting;
use crate::snapshot::{PeerForwarding, RouteTable, Snapshot, VpcIndex, VpcRoutes};

pub(crate) const PEER: PeerId = PeerId::new(0);
pub(crate) const EPOCH: EpochId = EpochId::new(1);
/// The tenants' networks: 10.1.0.0/24 on the left, 10.2.0.0/24 on the right.
pub(crate) const LEFT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
pub(crate) const RIGHT: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 1);
pub(crate) const VNI: u32 = 5_001;

pub(crate) fn address(side: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, side)), 51_840)
}

pub(crate) fn spi(number: u32) -> Spi {
    Spi::new(number).unwrap()
}

pub(crate) fn lanes(count: u8) -> LaneCount {
    LaneCount::new(count).unwrap()
}

pub(crate) fn lane(number: u8) -> LaneNumber {
    LaneNumber::new(number).unwrap()
}

/// One node: its lanes, control's end of them, and the hosts behind its devices.
pub(crate) struct Node<U = MemoryUdp> {
    pub(crate) pool: Pool,
    pub(crate) lanes: Vec<Lane<MemoryTun, U>>,
    pub(crate) hosts: Vec<TunHost>,
    pub(crate) now: Instant,
    pub(crate) events: Vec<LaneEvent>,
    pub(crate) sightings: Vec<Sighting>,
    pub(crate) trains: Vec<(SocketIndex, GsoNotice)>,
    report: Option<Report>,
}

impl Node {
    pub(crate) fn new(own: MemoryGroup, remote: u8, prefix: &str) -> Self {
        Self::with_sockets(own.data, remote, prefix)
    }
}

impl<U: UdpQueue> Node<U> {
    /// A node with these sockets, one for each lane.
    pub(crate) fn with_sockets(sockets: Vec<U>, remote: u8, prefix: &str) -> Self {
        Self::with(sockets, snapshot(Some(address(remote)), prefix, 1_424))
    }

    /// A node that begins with this snapshot.
    pub(crate) fn with(sockets: Vec<U>, snapshot: Snapshot) -> Self {
        Self::with_offloads(sockets, snapshot, Offloads::None)
    }

    /// A node that begins with this snapshot, and whose device does so much of itself.
    pub(crate) fn with_offloads(sockets: Vec<U>, snapshot: Snapshot, offloads: Offloads) -> Self {
        let devices = sockets.iter().map(|_| tun_with(1_024, offloads));
        let (tuns, hosts): (Vec<_>, Vec<_>) = devices.unzip();
        let queues = tuns.into_iter().zip(sockets).map(|(tun, udp)| LaneQueues {
            tuns: vec![tun],
            udps: vec![udp],
        });
        let (pool, lanes) = build(queues.collect(), &Arc::new(snapshot)).unwrap();
        Self {
            pool,
            lanes,
            hosts,
            now: clock::now(),
            events: Vec::new(),
            sightings: Vec::new(),
            trains: Vec::new(),
            report: None,
        }
    }

    /// Turns all lanes until none has anything left to do.
    pub(crate) fn settle(&mut self) {
        loop {
            self.pool.flush();
            let mut worked = false;
            for lane in &mut self.lanes {
                worked |= lane.turn(self.now).unwrap() == Turn::Worked;
            }
            self.sightings.extend(self.pool.sightings());
            while let Some(event) = self.pool.poll_event() {
                worked = true;
                match event {
                    PoolEvent::Lane(event) => self.events.push(event),
                    PoolEvent::Trains(socket, notice) => self.trains.push((socket, notice)),
                    PoolEvent::Report(report) => self.report = Some(*report),
                }
            }
            if !worked {
                return;
            }
        }
    }

    pub(crate) fn report(&mut self) -> Report {
        // Orders come first in a turn: what waits in the queues is dealt with before.
        self.settle();
        self.pool.request_report();
        self.settle();
        self.report.take().expect("every lane answers")
    }

    /// Asserts the whole set of drop counters.
    #[track_caller]
    pub(crate) fn assert_drops(&mut self, expected: &[(&str, u64)]) {
        let report = self.report();
        let moved: Vec<_> = report.drops.named().filter(|(_, n)| *n > 0).collect();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        let mut sorted = moved.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected);
    }

    pub(crate) fn received(&self) -> Vec<Vec<u8>> {
        let all = self
            .hosts
            .iter()
            .flat_map(|host| std::iter::from_fn(|| host.recv()));
        all.collect()
    }
}

pub(crate) fn snapshot(endpoint: Option<SocketAddr>, prefix: &str, mtu: u16) -> Snapshot {
    let vni = Vni::new(VNI).unwrap();
    let routes = RouteTable::new(vec![VpcRoutes {
        vni,
        routes: vec![(prefix.parse().unwrap(), PEER)],
    }]);
    let peer = PeerForwarding {
        path: endpoint.map(|remote| Path {
            socket: SocketIndex::FIRST,
            remote,
        }),
        inner_mtu: InnerMtu::new(mtu).unwrap(),
        vpcs: vec![(vni, VpcIndex::new(0))],
    };
    Snapshot::new(Arc::new(routes), vec![peer])
}

/// Two nodes that hold no keys yet.
pub(crate) fn pair(left: u8, right: u8, options: NetworkOptions) -> (Node, Node) {
    let groups = [(address(1), left.into()), (address(2), right.into())];
    let mut groups = network(&groups, options).into_iter();
    let (a, b) = (groups.next().unwrap(), groups.next().unwrap());
    (
        Node::new(a, 2, "10.2.0.0/24"),
        Node::new(b, 1, "10.1.0.0/24"),
    )
}

/// [`pair`], with one epoch installed on both sides, of which the left one is the initiator.
pub(crate) fn linked(left: u8, right: u8, options: NetworkOptions) -> (Node, Node) {
    let (mut a, mut b) = pair(left, right, options);
    install(
        &mut a,
        Direction::InitiatorToResponder,
        (1, 2),
        (left, right),
    );
    install(
        &mut b,
        Direction::ResponderToInitiator,
        (2, 1),
        (right, left),
    );
    (a, b)
}

pub(crate) fn install<U: UdpQueue>(
    node: &mut Node<U>,
    tx: Direction,
    spis: (u32, u32),
    counts: (u8, u8),
) {
    order_installs(&mut node.pool, node.now, tx, spis, counts);
    node.settle();
}

/// Orders keys for both directions, of SPIs and lane counts (own, the peer's).
pub(crate) fn order_installs(
    pool: &mut Pool,
    now: Instant,
    tx: Direction,
    spis: (u32, u32),
    counts: (u8, u8),
) {
    let keys = Keys {
        peer: PEER,
        epoch: EPOCH,
        tx,
        spis,
        counts,
        partial_checksums: PartialChecksums::Accepted,
    };
    order_keys(pool, now, &keys);
}

/// An epoch as one side sees it. The secret is always the same: no test looks at what is on the wire.
pub(crate) struct Keys {
    pub(crate) peer: PeerId,
    pub(crate) epoch: EpochId,
    pub(crate) tx: Direction,
    /// SPIs and lane counts: own, the peer's.
    pub(crate) spis: (u32, u32),
    pub(crate) counts: (u8, u8),
    /// What the peer takes.
    pub(crate) partial_checksums: PartialChecksums,
}

pub(crate) fn order_keys(pool: &mut Pool, now: Instant, keys: &Keys) {
    let Keys {
        peer,
        epoch,
        spis,
        counts,
        ..
    } = *keys;
    let secret = EpochSecret::derive(
        &HandshakeHash::new([3; 32]),
        &KeyBytes::new([1; 32]),
        &KeyBytes::new([2; 32]),
        None,
    );
    let suite = Suite::Aes256Gcm;
    let (tx, rx) = split_epoch(secret, suite, PostQuantum::Classical, keys.tx);
    let hard_deadline = now + Duration::from_secs(100);
    pool.command(LaneCommand::InstallRx(RxInstall {
        peer,
        epoch,
        spi: spi(spis.0),
        peer_lanes: lanes(counts.1),
        keys: rx,
        limits: Limits::TINY,
        hard_deadline,
    }));
    pool.command(LaneCommand::InstallTx(TxInstall {
        peer,
        epoch,
        spi: spi(spis.1),
        lanes: lanes(counts.0),
        keys: tx,
        limits: Limits::TINY,
        hard_deadline,
        partial_checksums: keys.partial_checksums,
    }));
}

/// An IPv4 packet of protocol 253 (RFC 3692) with this TOS byte.
pub(crate) fn packet(from: Ipv4Addr, to: Ipv4Addr, payload: &[u8], tos: u8) -> Vec<u8> {
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, tos, len[0], len[1], 0, 0, 0, 0, 64, 253, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    let checksum = Checksum::new().add_bytes(&packet).finish().to_be_bytes();
    packet[10..12].copy_from_slice(&checksum);
    packet.extend(payload);
    packet
}
