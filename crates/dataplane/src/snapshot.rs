//! What lanes know about VPCs and peers: immutable, shared by reference, replaced as a whole.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use linkveil_sa::{Path, PeerId};
use linkveil_wire::{InnerMtu, Vni};
use prefix_trie::PrefixMap;

/// A VPC of this node: its place in the node's list, and of its device's queue in every lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VpcIndex(u16);

impl VpcIndex {
    /// The VPC at this place.
    #[must_use]
    pub const fn new(place: u16) -> Self {
        Self(place)
    }

    /// The place as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One VPC's number, as this node writes it, and the networks behind its peers.
#[derive(Clone, Debug)]
pub struct VpcRoutes {
    /// This node's number for the VPC.
    pub vni: Vni,
    /// Where each prefix is. Of two equal prefixes the later one counts.
    pub routes: Vec<(IpNet, PeerId)>,
}

/// For each VPC the longest-prefix table of its peers: where a destination is, and whose a source must be.
#[derive(Debug)]
pub struct RouteTable {
    vpcs: Box<[VpcTable]>,
}

#[derive(Debug)]
struct VpcTable {
    vni: Vni,
    v4: PrefixMap<Ipv4Net, PeerId>,
    v6: PrefixMap<Ipv6Net, PeerId>,
}

impl RouteTable {
    /// The table of VPCs in the order of [`VpcIndex`].
    #[must_use]
    pub fn new(vpcs: Vec<VpcRoutes>) -> Self {
        Self {
            vpcs: vpcs.into_iter().map(VpcTable::new).collect(),
        }
    }

    /// This node's number for the VPC.
    #[must_use]
    pub fn vni(&self, vpc: VpcIndex) -> Option<Vni> {
        self.vpcs.get(vpc.index()).map(|table| table.vni)
    }

    /// The peer behind the longest prefix of the VPC that holds the address.
    #[must_use]
    #[inline]
    pub fn lookup(&self, vpc: VpcIndex, address: IpAddr) -> Option<PeerId> {
        let table = self.vpcs.get(vpc.index())?;
        match address {
            IpAddr::V4(address) => table.v4.get_lpm(&address.into()).map(|(_, peer)| *peer),
            IpAddr::V6(address) => table.v6.get_lpm(&address.into()).map(|(_, peer)| *peer),
        }
    }
}

impl VpcTable {
    fn new(vpc: VpcRoutes) -> Self {
        let mut table = Self {
            vni: vpc.vni,
            v4: PrefixMap::new(),
            v6: PrefixMap::new(),
        };
        for (prefix, peer) in vpc.routes {
            match prefix {
                IpNet::V4(prefix) => drop(table.v4.insert(prefix, peer)),
                IpNet::V6(prefix) => drop(table.v6.insert(prefix, peer)),
            }
        }
        table
    }
}

/// One peer as lanes see it.
#[derive(Clone, Debug)]
pub struct PeerForwarding {
    /// Where its datagrams go; `None` while nobody knows.
    pub path: Option<Path>,
    /// The largest inner packet that goes there.
    pub inner_mtu: InnerMtu,
    /// The VPCs it takes part in: the *peer's* number on the wire, and which of ours it is.
    pub vpcs: Vec<(Vni, VpcIndex)>,
}

impl PeerForwarding {
    /// The VPC that the peer calls by this number (REQ-ADM-2). A peer has a handful, so they are searched in order.
    #[must_use]
    #[inline]
    pub fn vpc_of(&self, wire: Vni) -> Option<VpcIndex> {
        let mut vpcs = self.vpcs.iter();
        vpcs.find(|(vni, _)| *vni == wire).map(|(_, vpc)| *vpc)
    }
}

/// Everything that lanes look up on a packet's way.
#[derive(Debug)]
pub struct Snapshot {
    routes: Arc<RouteTable>,
    peers: Box<[PeerForwarding]>,
    by_address: HashMap<SocketAddr, PeerId>,
}

impl Snapshot {
    /// A snapshot of peers in the order of [`PeerId`].
    #[must_use]
    pub fn new(routes: Arc<RouteTable>, peers: Vec<PeerForwarding>) -> Self {
        let by_address = (0..).map(PeerId::new).zip(&peers);
        Self {
            routes,
            by_address: by_address
                .filter_map(|(id, peer)| Some((peer.path?.remote, id)))
                .collect(),
            peers: peers.into_boxed_slice(),
        }
    }

    /// The longest-prefix tables.
    #[must_use]
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// A peer; `None` if there is none of that number.
    #[must_use]
    #[inline]
    pub fn peer(&self, peer: PeerId) -> Option<&PeerForwarding> {
        self.peers.get(peer.index())
    }

    /// How many peers there are.
    #[must_use]
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// Whose endpoint an address is.
    #[must_use]
    pub fn peer_at(&self, address: SocketAddr) -> Option<PeerId> {
        self.by_address.get(&address).copied()
    }
}

#[cfg(test)]
mod tests;
