//! How a gateway is put together: core, routes, sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use linkveil_crypto::{Psk, StaticSecret};
use linkveil_dataplane::{PeerForwarding, RouteTable, VpcIndex, VpcRoutes};
use linkveil_net::memory::{Coalesce, MemoryGroup, NetworkOptions, WhenFull, network};
use linkveil_sa::{Limits, Path, PeerId, SocketIndex};
use linkveil_tunnel::{Core, CoreConfig, Now, PeerConfig};
use linkveil_wire::{HandshakeFlags, InnerMtu, LaneCount, Vni};

use super::{Called, GatewaySetup, Neighbor, QUEUE_CAPACITY, Underlay};
use crate::random::SimRandom;

/// The network of the one VPC that a world has.
const VNI: u32 = 77;

pub(super) fn make_core(
    setup: &GatewaySetup,
    neighbors: &[Neighbor],
    random: SimRandom,
    now: Now,
) -> Core {
    let config = CoreConfig {
        secret: StaticSecret::from_bytes(setup.secret.expose()),
        suite: setup.suite,
        kem: setup.kem.build(),
        lanes: setup.lanes,
        flags: HandshakeFlags::NONE,
        rekey_after: setup.rekey_after,
        post_quantum: setup.post_quantum,
        limits: Limits::for_suite(setup.suite),
    };
    let peers = neighbors.iter().map(|neighbor| PeerConfig {
        name: neighbor.name.clone(),
        public_key: neighbor.public_key,
        psk: Psk::none(),
        endpoint: path_to(neighbor),
        roaming: setup.roaming,
        keepalive: setup.keepalive,
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

pub(super) fn peer_forwarding(neighbor: &Neighbor) -> PeerForwarding {
    PeerForwarding {
        path: path_to(neighbor),
        inner_mtu: inner_mtu(),
        vpcs: vec![(vni(), VpcIndex::new(0))],
    }
}

fn vni() -> Vni {
    Vni::new(VNI).expect("within 24 bits")
}

pub(super) fn route_table(neighbors: &[Neighbor]) -> RouteTable {
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

/// The gateway's own sockets, and an outlet at every other address.
pub(super) fn wire_up(
    underlay: &Underlay,
    lanes: LaneCount,
) -> (MemoryGroup, BTreeMap<SocketAddr, MemoryGroup>) {
    let options = NetworkOptions {
        capacity: QUEUE_CAPACITY,
        coalesce: Coalesce::Trains,
        when_full: WhenFull::Drop,
    };
    let own = (underlay.own, usize::from(lanes.get()));
    let others = underlay.others.iter().map(|address| (*address, 1));
    let all: Vec<_> = std::iter::once(own).chain(others).collect();
    let mut groups = network(&all, options).into_iter();
    let own = groups.next().expect("as many groups as addresses");
    let outlets = underlay.others.iter().copied().zip(groups);
    (own, outlets.collect())
}
