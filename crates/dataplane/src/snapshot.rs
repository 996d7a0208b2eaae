//! What lanes know about VPCs and peers: immutable, shared by reference, replaced as a whole.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use linkveil_sa::{Path, PeerId};
use linkveil_wire::{InnerMtu, Vni};
use prefix_trie::PrefixMap;

use crate::mac_table::MacTables;
use crate::sighting::Bridges;

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

/// One Ethernet VPC's number, as this node writes it, and the peers that take part in it.
#[derive(Clone, Debug)]
pub struct VpcBridge {
    /// This node's number for the VPC.
    pub vni: Vni,
    /// Who gets what is for everybody.
    pub peers: Vec<PeerId>,
}

/// How a VPC forwards.
#[derive(Clone, Debug)]
pub enum VpcForwarding {
    /// IP packets, by prefix.
    Routed(VpcRoutes),
    /// Ethernet frames, by what was learned of MAC addresses ([`MacTables`]).
    Bridged(VpcBridge),
}

impl From<VpcRoutes> for VpcForwarding {
    fn from(routes: VpcRoutes) -> Self {
        Self::Routed(routes)
    }
}

impl From<VpcBridge> for VpcForwarding {
    fn from(bridge: VpcBridge) -> Self {
        Self::Bridged(bridge)
    }
}

/// For each VPC the longest-prefix table of its peers: where a destination is, and whose a source must be. Of an Ethernet
/// VPC its peers, and no prefix.
#[derive(Debug)]
pub struct RouteTable {
    vpcs: Box<[VpcTable]>,
}

#[derive(Debug)]
struct VpcTable {
    vni: Vni,
    v4: PrefixMap<Ipv4Net, PeerId>,
    v6: PrefixMap<Ipv6Net, PeerId>,
    /// The peers of an Ethernet VPC, which has no prefixes.
    bridge: Option<Box<[PeerId]>>,
}

impl RouteTable {
    /// The table of VPCs in the order of [`VpcIndex`].
    #[must_use]
    pub fn new<V: Into<VpcForwarding>>(vpcs: Vec<V>) -> Self {
        let tables = vpcs.into_iter().map(|vpc| match vpc.into() {
            VpcForwarding::Routed(routes) => VpcTable::routed(routes),
            VpcForwarding::Bridged(bridge) => VpcTable::bridged(bridge),
        });
        Self {
            vpcs: tables.collect(),
        }
    }

    /// This node's number for the VPC.
    #[must_use]
    pub fn vni(&self, vpc: VpcIndex) -> Option<Vni> {
        self.vpcs.get(vpc.index()).map(|table| table.vni)
    }

    /// The peers of an Ethernet VPC; `None` for others.
    #[must_use]
    #[inline]
    pub fn bridge(&self, vpc: VpcIndex) -> Option<&[PeerId]> {
        self.vpcs.get(vpc.index())?.bridge.as_deref()
    }

    pub(crate) fn bridges(&self) -> Bridges {
        if self.vpcs.iter().any(|table| table.bridge.is_some()) {
            Bridges::Some
        } else {
            Bridges::None
        }
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
    fn empty(vni: Vni) -> Self {
        Self {
            vni,
            v4: PrefixMap::new(),
            v6: PrefixMap::new(),
            bridge: None,
        }
    }

    fn bridged(vpc: VpcBridge) -> Self {
        Self {
            bridge: Some(vpc.peers.into_boxed_slice()),
            ..Self::empty(vpc.vni)
        }
    }

    fn routed(vpc: VpcRoutes) -> Self {
        let mut table = Self::empty(vpc.vni);
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
    macs: Arc<MacTables>,
    peers: Box<[PeerForwarding]>,
    by_address: HashMap<SocketAddr, PeerId>,
}

impl Snapshot {
    /// A snapshot of peers in the order of [`PeerId`], in which no station is known.
    #[must_use]
    pub fn new(routes: Arc<RouteTable>, peers: Vec<PeerForwarding>) -> Self {
        let by_address = (0..).map(PeerId::new).zip(&peers);
        Self {
            routes,
            macs: Arc::default(),
            by_address: by_address
                .filter_map(|(id, peer)| Some((peer.path?.remote, id)))
                .collect(),
            peers: peers.into_boxed_slice(),
        }
    }

    /// The same snapshot, with what is known of stations.
    #[must_use]
    pub fn with_macs(self, macs: Arc<MacTables>) -> Self {
        Self { macs, ..self }
    }

    /// Where the stations of Ethernet VPCs are.
    #[must_use]
    #[inline]
    pub fn macs(&self) -> &MacTables {
        &self.macs
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
