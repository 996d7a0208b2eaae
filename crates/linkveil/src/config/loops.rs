//! Routing loops: a VPC whose routes would carry the tunnel's own datagrams.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ipnet::IpNet;

use super::document::Entry;
use super::problem::Problems;
use super::{NetnsName, peer, vpc};

/// Refuses every prefix or address that covers a peer's endpoint, where the VPC's device lives in the
/// namespace that the datagrams leave from.
pub(super) fn check(vpcs: &[vpc::Draft<'_>], peers: &[peer::Draft<'_>], problems: &mut Problems) {
    let endpoints: Vec<SocketAddr> = peers
        .iter()
        .filter_map(|peer| peer.endpoint.flatten())
        .collect();
    let in_underlay: Vec<bool> = vpcs.iter().map(shares_the_underlay).collect();
    for (vpc, _) in vpcs.iter().zip(&in_underlay).filter(|(_, shares)| **shares) {
        for (entry, net) in vpc.addresses() {
            refuse_loop(entry, net.trunc(), &endpoints, problems);
        }
    }
    for part in peers.iter().flat_map(|peer| &peer.vpcs) {
        if part.vpc.is_none_or(|index| !in_underlay[index]) {
            continue;
        }
        for (entry, prefix) in &part.prefixes {
            refuse_loop(entry, *prefix, &endpoints, problems);
        }
    }
}

fn refuse_loop(entry: &Entry<'_>, net: IpNet, endpoints: &[SocketAddr], problems: &mut Problems) {
    let Some(endpoint) = endpoints
        .iter()
        .find(|endpoint| net.contains(&endpoint.ip()))
    else {
        return;
    };
    let what = format!(
        "a routing loop: it covers the endpoint {endpoint}, and the device is in the underlay's namespace"
    );
    entry.refuse(
        what,
        "put the VPC in a namespace of its own (netns = \"...\"), or choose other prefixes",
        problems,
    );
}

fn shares_the_underlay(vpc: &vpc::Draft<'_>) -> bool {
    match &vpc.netns {
        None => false,
        Some(None) => true,
        Some(Some(netns)) => is_own_namespace(netns),
    }
}

/// Whether the name stands for the namespace in which we run. One that does not exist yet does not.
fn is_own_namespace(netns: &NetnsName) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino()));
    match (
        identity(&netns.path()),
        identity(Path::new("/proc/self/ns/net")),
    ) {
        (Ok(theirs), Ok(ours)) => theirs == ours,
        _ => false,
    }
}
