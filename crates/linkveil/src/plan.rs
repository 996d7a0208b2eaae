//! From a configuration and the paths to its peers to what is set up: sizes, devices, sockets.
//!
//! Pure: the paths come in as an argument, and nothing is touched.

use std::net::SocketAddr;

use ipnet::IpNet;
use linkveil_sa::{Path, SocketIndex};

use crate::config::{Config, Peer, Vpc};
use crate::mtu::{self, InnerFamilies, MtuError, MtuPlan, PathMtu};
use crate::netlink::DevicePlan;

/// How each peer is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerPlan {
    /// The endpoint and the socket towards it, where the endpoint is known.
    pub path: Option<Path>,
    /// Size of the path.
    pub mtu: PathMtu,
}

/// A VPC that its paths cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[[vpc]] {vpc:?} with [[peer]] {peer:?}: {source}")]
pub struct PlanError {
    /// Name of the VPC.
    pub vpc: String,
    /// Name of the peer with the narrowest path.
    pub peer: String,
    /// What does not fit.
    pub source: MtuError,
}

/// The socket towards `peer` and its endpoint, if it has one: the first socket of the same family.
pub fn path_to(peer: &Peer, listen: &[SocketAddr]) -> Option<Path> {
    let remote = peer.endpoint?;
    let socket = listen
        .iter()
        .position(|own| own.is_ipv4() == remote.is_ipv4())?;
    Some(Path {
        socket: SocketIndex::new(u8::try_from(socket).ok()?),
        remote,
    })
}

/// Plans the device of each VPC, in the order of the configuration. `peers` goes with the peers of the
/// configuration.
///
/// # Errors
///
/// The first VPC that does not fit through its narrowest path.
pub fn devices(config: &Config, peers: &[PeerPlan]) -> Result<Vec<DevicePlan>, PlanError> {
    let plan = |(index, vpc)| device(config, index, vpc, peers);
    config.vpcs.iter().enumerate().map(plan).collect()
}

fn device(
    config: &Config,
    index: usize,
    vpc: &Vpc,
    peers: &[PeerPlan],
) -> Result<DevicePlan, PlanError> {
    let routes: Vec<IpNet> = prefixes(config, index).collect();
    let ipv6 = routes
        .iter()
        .chain(&vpc.addresses)
        .any(|net| net.addr().is_ipv6());
    let families = if ipv6 {
        InnerFamilies::WithIpv6
    } else {
        InnerFamilies::Ipv4Only
    };
    let (peer, path) = narrowest(config, index, peers);
    let plan = mtu::plan(vpc.mtu, path, families);
    let MtuPlan {
        device_bytes,
        route_bytes,
    } = plan.map_err(|source| PlanError {
        vpc: vpc.name.clone(),
        peer: peer.to_owned(),
        source,
    })?;
    Ok(DevicePlan {
        device: vpc.device.to_string(),
        mtu_bytes: device_bytes,
        addresses: vpc.addresses.clone(),
        routes,
        route_mtu_bytes: route_bytes,
    })
}

/// All prefixes of a VPC, over all peers.
fn prefixes(config: &Config, vpc: usize) -> impl Iterator<Item = IpNet> {
    let parts = config.peers.iter().flat_map(|peer| &peer.vpcs);
    parts
        .filter(move |part| part.vpc == vpc)
        .flat_map(|part| part.prefixes.iter().copied())
}

/// The path of a VPC that carries least inside. A VPC without peers is sized for an assumed one.
fn narrowest<'c>(config: &'c Config, vpc: usize, peers: &[PeerPlan]) -> (&'c str, PathMtu) {
    let carries = |peer: &Peer| peer.vpcs.iter().any(|part| part.vpc == vpc);
    let paths = config
        .peers
        .iter()
        .zip(peers)
        .filter(|(peer, _)| carries(peer));
    let narrowest = paths.min_by_key(|(_, plan)| plan.mtu.inner_bytes());
    match narrowest {
        Some((peer, plan)) => (&peer.name, plan.mtu),
        None => ("none", PathMtu::assumed(&config.node.listen)),
    }
}

#[cfg(test)]
mod tests;
