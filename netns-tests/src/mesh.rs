//! Three gateways around a switch, with one Ethernet VPC between them.
//!
//! ```text
//!   lan-a        host-a               switch               host-b        lan-b
//!  +---------+  +---------------+    +--------+    +---------------+  +---------+
//!  | tenant  |  | linkveil up   |    |        |    |   linkveil up |  |  tenant |
//!  |     lv-lan ==  192.0.2.1 under0 -- port0 |    |               |  |         |
//!  |10.5.0.1 |  +---------------+    |  port1 -- under0 192.0.2.2  == lv-lan    |
//!  | fd05::1 |                       |  port2 |    +---------------+  | 10.5.0.2|
//!  +---------+    and so does c      +--------+                       +---------+
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::link::{PORT, Site, UNDERLAY_DEVICE};
use crate::netns::{Namespace, plug};
use crate::plan::{PeerPlan, PeerVpcPlan, VpcKind, VpcPlan};
use crate::timing::wait_for;

/// The VPC.
pub const VPC: &str = "lan";
/// Its device on every side.
pub const DEVICE: &str = "lv-lan";

/// Names of the gateways, in the order of [`Mesh::sites`].
pub const GATEWAYS: [&str; 3] = ["gw-a", "gw-b", "gw-c"];

/// Three sites and what joins them.
#[derive(Debug)]
pub struct Mesh {
    /// The sites.
    pub sites: Vec<Site>,
    _switch: Namespace,
}

/// The number that a site gives to the VPC; another one on each.
///
/// # Panics
///
/// Never: there are three sites.
#[must_use]
pub fn vni(site: usize) -> u32 {
    7_000 + u32::from(number(site))
}

/// A site's IPv4 address inside.
///
/// # Panics
///
/// Never: there are three sites.
#[must_use]
pub fn inner_v4(site: usize) -> IpAddr {
    Ipv4Addr::new(10, 5, 0, number(site)).into()
}

/// A site's IPv6 address inside.
///
/// # Panics
///
/// Never: there are three sites.
#[must_use]
pub fn inner_v6(site: usize) -> IpAddr {
    Ipv6Addr::new(0xfd05, 0, 0, 0, 0, 0, 0, number(site).into()).into()
}

fn number(site: usize) -> u8 {
    u8::try_from(site + 1).unwrap()
}

impl Mesh {
    /// The picture with nothing started, and no addresses in the VPC.
    ///
    /// # Panics
    ///
    /// Without the rights to make namespaces.
    #[must_use]
    pub fn plan() -> Self {
        let switch = Namespace::new("switch");
        switch.ip("link add sw0 type bridge");
        switch.ip("link set sw0 up");
        let mut sites: Vec<Site> = (0..GATEWAYS.len())
            .map(|site| bare(site, &switch))
            .collect();
        for site in 0..sites.len() {
            let others = (0..sites.len()).filter(|other| *other != site);
            let peers = others.map(|other| peer_plan(&sites[other], other));
            sites[site].plan.peers = peers.collect();
        }
        Self {
            sites,
            _switch: switch,
        }
    }

    /// Gives the gateways addresses of both families in the VPC.
    pub fn add_addresses(&mut self) {
        for (number, site) in self.sites.iter_mut().enumerate() {
            site.plan.vpcs[0].addresses = vec![
                format!("{}/24", inner_v4(number)),
                format!("{}/64", inner_v6(number)),
            ];
        }
    }

    /// Starts all gateways and waits until each has keys with each.
    ///
    /// # Panics
    ///
    /// If one does not start, or the keys do not come in time.
    pub fn start(&mut self) {
        self.sites.iter_mut().for_each(Site::start);
        wait_for("keys between all", || {
            let all = self
                .sites
                .iter()
                .flat_map(|site| site.gateway().status().peers);
            let mut states = all.map(|peer| peer.state);
            states.all(|state| state == "established").then_some(())
        });
    }

    /// The tenant of a site.
    ///
    /// # Panics
    ///
    /// If there is no such site.
    #[must_use]
    pub fn tenant(&self, site: usize) -> &Namespace {
        &self.sites[site].tenants[VPC]
    }
}

fn bare(site: usize, switch: &Namespace) -> Site {
    let address = Ipv4Addr::new(192, 0, 2, number(site));
    let gateway = GATEWAYS[site];
    let mut made = Site::without_tenants(gateway, SocketAddr::new(address.into(), PORT));
    let port = format!("port{site}");
    plug((&made.host, UNDERLAY_DEVICE), (switch, &port));
    switch.ip(&format!("link set {port} master sw0 up"));
    made.host
        .ip(&format!("address add {address}/24 dev {UNDERLAY_DEVICE}"));
    made.host.ip(&format!("link set {UNDERLAY_DEVICE} up"));
    let tenant = Namespace::new(&gateway.replace("gw", VPC));
    made.tenants.insert(VPC.to_owned(), tenant);
    made.plan.vpcs.push(VpcPlan {
        name: VPC.to_owned(),
        vni: vni(site),
        kind: VpcKind::L2,
        addresses: vec![],
        mtu: None,
    });
    made
}

/// How the others' configurations name a site.
fn peer_plan(site: &Site, number: usize) -> PeerPlan {
    PeerPlan {
        name: site.plan.name.clone(),
        public_key: site.secret.public(),
        endpoint: Some(site.plan.listen),
        psk_files: vec![],
        roaming: None,
        keepalive: None,
        vpcs: vec![PeerVpcPlan {
            name: VPC.to_owned(),
            vni: vni(number),
            prefixes: vec![],
        }],
    }
}
