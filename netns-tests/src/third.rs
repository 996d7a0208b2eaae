//! A third site with a cable of its own to side A: for one more honest gateway, or for somebody who has its keys.
//!
//! ```text
//!    host-b ---- under0 ---- host-a ---- under2 ---- host-c
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::link::{Link, PORT, Side, Site, peer_plan};
use crate::netns::connect;
use crate::plan::{PeerPlan, PeerVpcPlan, Underlay, VpcKind, VpcPlan};

/// The third gateway's name.
pub const GATEWAY: &str = "gw-c";
/// Its number for the VPC `blue`.
pub const VNI: u32 = 7_001;
const TENANT: &str = "10.3.0.1/24";
const PREFIX: &str = "10.3.0.0/24";

const DEVICE: &str = "under2";
/// Addresses on the cable, of host-a and of host-c.
const V4: [Ipv4Addr; 2] = [Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 3)];
const V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0x2001, 0xdb8, 3, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 3, 0, 0, 0, 0, 3),
];

/// Adds the site to a plan; nothing is started. Side A knows its key and waits to be called. It knows side A only.
///
/// # Panics
///
/// Without the rights to make namespaces.
#[must_use]
pub fn add(link: &mut Link, underlay: Underlay) -> Site {
    let ([near, far], rest) = match underlay {
        Underlay::V4 => (V4.map(IpAddr::V4), "/24"),
        Underlay::V6 => (V6.map(IpAddr::V6), "/64 nodad"),
    };
    let mut c = Site::without_tenants(GATEWAY, (far, PORT).into());
    c.add_vpc(VpcPlan {
        name: "blue".into(),
        vni: VNI,
        kind: VpcKind::L3,
        addresses: vec![TENANT.into()],
        mtu: None,
    });
    connect(&link.a.host, &c.host, DEVICE);
    for (host, address) in [(&link.a.host, near), (&c.host, far)] {
        host.ip(&format!("address add {address}{rest} dev {DEVICE}"));
        host.ip(&format!("link set {DEVICE} up"));
    }
    c.host.ip(&format!("route add default via {near}"));
    c.plan.peers.push(peer_plan(&link.a, Side::A));
    link.a.plan.peers.push(PeerPlan {
        name: GATEWAY.into(),
        public_key: c.secret.public(),
        endpoint: None,
        vpcs: vec![PeerVpcPlan {
            name: "blue".into(),
            vni: VNI,
            prefixes: vec![PREFIX.into()],
        }],
        ..link.a.plan.peers[0].clone()
    });
    c
}
