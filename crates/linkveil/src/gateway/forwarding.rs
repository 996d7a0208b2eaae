//! What the lanes are told about VPCs and peers, and what changes in it while the gateway runs.

use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use linkveil_dataplane::{
    MacTables, PeerForwarding, RouteTable, Snapshot, VpcBridge, VpcForwarding, VpcIndex, VpcRoutes,
};
use linkveil_sa::{Path, PeerId};
use linkveil_wire::{InnerMtu, Vni};

use crate::config::{Config, Peer, PeerVpc, VpcKind};
use crate::mtu::{IPV6_MTU_MIN, InnerFamilies, PathMtu};
use crate::plan::PeerPlan;
use crate::setup;

/// The changing part of the lanes' snapshot, and the fixed one by reference.
#[derive(Debug)]
pub(super) struct Forwarding {
    listen: Vec<SocketAddr>,
    routes: Arc<RouteTable>,
    macs: Arc<MacTables>,
    peers: Vec<PeerLink>,
}

/// One peer as it is reached now.
#[derive(Debug)]
struct PeerLink {
    name: String,
    path: Option<Path>,
    mtu: PathMtu,
    announced: Option<InnerMtu>,
    families: InnerFamilies,
    vpcs: Vec<(Vni, VpcIndex)>,
}

/// Whether the lanes need a new snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    None,
    Moved,
}

impl Forwarding {
    pub(super) fn new(config: &Config, plans: &[PeerPlan]) -> Self {
        let peers = config.peers.iter().zip(plans);
        Self {
            listen: config.node.listen.clone(),
            routes: Arc::new(routes(config)),
            macs: Arc::default(),
            peers: peers
                .map(|(peer, plan)| PeerLink::new(peer, *plan))
                .collect(),
        }
    }

    /// Endpoint and inner MTU of each peer, as the handshake needs them.
    pub(super) fn announcements(&self) -> impl Iterator<Item = (Option<Path>, InnerMtu)> {
        self.peers.iter().map(|peer| (peer.path, inner(peer.mtu)))
    }

    pub(super) fn endpoint_changed(&mut self, peer: PeerId, path: Path) -> Change {
        let local = self.listen.get(path.socket.index()).copied();
        let Some(link) = self.peers.get_mut(peer.index()) else {
            return Change::None;
        };
        link.path = Some(path);
        if let Some(mtu) = local.and_then(|local| setup::measure(&link.name, local, path.remote)) {
            link.mtu = mtu;
        }
        link.warn_of_ipv6();
        Change::Moved
    }

    pub(super) fn remote_mtu(&mut self, peer: PeerId, mtu: InnerMtu) -> Change {
        match self.peers.get_mut(peer.index()) {
            Some(link) if link.announced != Some(mtu) => {
                link.announced = Some(mtu);
                link.warn_of_ipv6();
                Change::Moved
            }
            _ => Change::None,
        }
    }

    /// Control has learned where stations are.
    pub(super) fn stations_changed(&mut self, macs: Arc<MacTables>) -> Change {
        self.macs = macs;
        Change::Moved
    }

    /// Outer size of the path to a peer, and the largest inner packet that goes to it.
    pub(super) fn sizes(&self, peer: PeerId) -> Option<(u16, u16)> {
        let link = self.peers.get(peer.index())?;
        Some((link.mtu.outer_bytes(), link.inner().get()))
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let peers = self.peers.iter().map(|link| PeerForwarding {
            path: link.path,
            inner_mtu: link.inner(),
            vpcs: link.vpcs.clone(),
        });
        let snapshot = Snapshot::new(Arc::clone(&self.routes), peers.collect());
        snapshot.with_macs(Arc::clone(&self.macs))
    }
}

impl PeerLink {
    fn new(peer: &Peer, plan: PeerPlan) -> Self {
        let vpcs = peer.vpcs.iter();
        Self {
            name: peer.name.clone(),
            path: plan.path,
            mtu: plan.mtu,
            announced: None,
            families: InnerFamilies::of(peer.vpcs.iter().flat_map(|part| &part.prefixes)),
            vpcs: vpcs
                .map(|part| (part.wire_vni, vpc_index(part.vpc)))
                .collect(),
        }
    }

    /// What both the path carries and the peer takes (REQ-HS-12).
    fn inner(&self) -> InnerMtu {
        let path = inner(self.mtu);
        self.announced.map_or(path, |announced| announced.min(path))
    }

    /// Paths are checked at the start. One that becomes too narrow for IPv6 later loses packets that no host can make
    /// smaller, so somebody should hear of it (REQ-MTU-4).
    fn warn_of_ipv6(&self) {
        let inner = self.inner().get();
        if self.families == InnerFamilies::WithIpv6 && inner < IPV6_MTU_MIN {
            tracing::warn!(
                peer = self.name,
                inner,
                "the path has become too narrow for IPv6, which needs 1280 bytes inside"
            );
        }
    }
}

/// The inner MTU of a path, within what the protocol can say.
fn inner(path: PathMtu) -> InnerMtu {
    let least = InnerMtu::MIN.get();
    InnerMtu::new(path.inner_bytes().clamp(least, InnerMtu::MAX.get())).unwrap_or(InnerMtu::MIN)
}

/// The configuration holds far fewer VPCs than an index can count: VNIs are unique, and each has a device.
fn vpc_index(place: usize) -> VpcIndex {
    VpcIndex::new(u16::try_from(place).unwrap_or(u16::MAX))
}

/// For each VPC its number, and the prefixes behind each peer or the peers of its bridge.
fn routes(config: &Config) -> RouteTable {
    let vpcs = config.vpcs.iter().enumerate().map(|(place, vpc)| {
        let parts = parts_of(config, place);
        match vpc.kind {
            VpcKind::L3 => VpcForwarding::from(VpcRoutes {
                vni: vpc.vni,
                routes: parts.flat_map(prefixes_of).collect(),
            }),
            VpcKind::L2 => VpcForwarding::from(VpcBridge {
                vni: vpc.vni,
                peers: parts.map(|(peer, _)| peer).collect(),
            }),
        }
    });
    RouteTable::new(vpcs.collect())
}

/// Who takes part in a VPC, and with what.
fn parts_of(config: &Config, vpc: usize) -> impl Iterator<Item = (PeerId, &PeerVpc)> {
    let peers = (0..).map(PeerId::new).zip(&config.peers);
    let parts = peers.flat_map(|(id, peer)| peer.vpcs.iter().map(move |part| (id, part)));
    parts.filter(move |(_, part)| part.vpc == vpc)
}

fn prefixes_of((peer, part): (PeerId, &PeerVpc)) -> impl Iterator<Item = (IpNet, PeerId)> {
    part.prefixes.iter().map(move |prefix| (*prefix, peer))
}
