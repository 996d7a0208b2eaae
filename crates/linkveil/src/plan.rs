//! From a configuration and the paths to its peers to what is set up: sizes, devices, sockets.
//!
//! Pure: the paths come in as an argument, and nothing is touched.

use std::net::SocketAddr;

use ipnet::IpNet;
use linkveil_sa::{Path, SocketIndex};

use crate::config::{Config, Peer, PeerVpc, Vpc, VpcKind};
use crate::mtu::{self, InnerFamilies, MtuError, PathMtu};
use crate::netlink::{DevicePlan, RoutePlan};

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
    /// Name of the peer with the narrow path.
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
/// The first VPC and peer whose path is too narrow.
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
    let shares = shares(config, (index, vpc), peers);
    let shares = shares.collect::<Result<Vec<_>, _>>();
    let shares = shares.map_err(|(peer, source)| PlanError {
        vpc: vpc.name.clone(),
        peer: peer.to_owned(),
        source,
    })?;
    let sizes = shares.iter().map(|share| share.inner_bytes);
    // A VPC without peers is sized for an assumed one.
    let assumed = PathMtu::assumed(&config.node.listen).ip_bytes(vpc.kind);
    let device_bytes = mtu::device(vpc.mtu, vpc.kind, sizes.clone()).unwrap_or(assumed);
    let carried = sizes.min().filter(|_| vpc.kind == VpcKind::L2);
    let routes = shares.iter().flat_map(|share| share.routes(device_bytes));
    Ok(DevicePlan {
        device: vpc.device.to_string(),
        kind: vpc.kind,
        mtu_bytes: device_bytes,
        hardware_address: None,
        addresses: vpc.addresses.clone(),
        routes: routes.collect(),
        carried_bytes: carried.filter(|bytes| *bytes < device_bytes),
    })
}

/// What must be able to go to a peer: what is routed there, or what may come from the gateway itself.
fn families(vpc: &Vpc, part: &PeerVpc) -> InnerFamilies {
    match vpc.kind {
        VpcKind::L3 => InnerFamilies::of(&part.prefixes),
        VpcKind::L2 => InnerFamilies::of(&vpc.addresses),
    }
}

/// What one peer has of a VPC.
#[derive(Debug, Clone, Copy)]
struct Share<'c> {
    prefixes: &'c [IpNet],
    /// The largest IP packet that goes there.
    inner_bytes: u16,
}

impl Share<'_> {
    fn routes(&self, device_bytes: u16) -> impl Iterator<Item = RoutePlan> {
        let mtu_bytes = mtu::route(device_bytes, self.inner_bytes);
        let prefixes = self.prefixes.iter();
        prefixes.map(move |prefix| RoutePlan {
            prefix: *prefix,
            mtu_bytes,
        })
    }
}

/// The shares of all peers in a VPC, or the peer whose path is too narrow.
fn shares<'c>(
    config: &'c Config,
    (index, vpc): (usize, &Vpc),
    peers: &[PeerPlan],
) -> impl Iterator<Item = Result<Share<'c>, (&'c str, MtuError)>> {
    let peers = config.peers.iter().zip(peers);
    peers.flat_map(move |(peer, plan)| {
        let parts = peer.vpcs.iter().filter(move |part| part.vpc == index);
        parts.map(move |part| {
            let inner = mtu::inner(plan.mtu, vpc.kind, families(vpc, part));
            let inner_bytes = inner.map_err(|source| (peer.name.as_str(), source))?;
            Ok(Share {
                prefixes: &part.prefixes,
                inner_bytes,
            })
        })
    })
}

#[cfg(test)]
mod tests;
