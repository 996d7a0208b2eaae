//! The picture of the crate's page, running.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use linkveil_crypto::{StaticSecret, Suite};
use tempfile::TempDir;

use crate::gateway::Gateway;
use crate::keys;
use crate::netns::{Namespace, connect};
use crate::plan::{
    NodePlan, PeerPlan, PeerVpcPlan, PostQuantum, Underlay, VpcKind, VpcPlan, default_offload,
};
use crate::status::EpochStatus;
use crate::timing::wait_for;

/// Both ends of the cable between the hosts.
pub const UNDERLAY_DEVICE: &str = "under0";
/// UDP port of both gateways.
pub const PORT: u16 = 51_840;

/// One side of the picture: a host with its gateway, and the tenants' namespaces.
#[derive(Debug)]
pub struct Site {
    // First, so that it ends before its files and namespaces go.
    gateway: Option<Gateway>,
    /// The gateway's configuration, to be changed before the start.
    pub plan: NodePlan,
    /// The gateway's private key.
    pub secret: StaticSecret,
    /// Where the gateway runs and the underlay is.
    pub host: Namespace,
    /// The tenants' namespaces by the name of their VPC.
    pub tenants: BTreeMap<String, Namespace>,
    folder: TempDir,
}

impl Site {
    fn new(side: Side, underlay: Underlay) -> Self {
        let listen = SocketAddr::new(side.address(underlay), PORT);
        let mut site = Self::without_tenants(side.gateway(), listen);
        site.add_tenant(side, "blue", 1);
        site
    }

    /// A host and a gateway that knows nobody.
    pub(crate) fn without_tenants(gateway: &str, listen: SocketAddr) -> Self {
        let plan = NodePlan {
            name: gateway.to_owned(),
            listen,
            lanes: 2,
            offload: default_offload(),
            busy_poll: None,
            suite: Suite::Aes256Gcm,
            post_quantum: PostQuantum::Required,
            vpcs: vec![],
            peers: vec![],
            impair: None,
        };
        Self {
            gateway: None,
            plan,
            secret: keys::generate(),
            host: Namespace::new(&gateway.replace("gw", "host")),
            tenants: BTreeMap::new(),
            folder: TempDir::new().unwrap(),
        }
    }

    fn add_tenant(&mut self, side: Side, vpc: &str, number: u32) {
        self.add_vpc(VpcPlan {
            name: vpc.to_owned(),
            vni: side.vni(number),
            kind: VpcKind::L3,
            addresses: vec![side.inner()[0].0.to_owned()],
            mtu: None,
        });
    }

    /// Adds a VPC and its tenant's namespace.
    pub(crate) fn add_vpc(&mut self, vpc: VpcPlan) {
        let role = format!("{}-{}", vpc.name, self.plan.name);
        self.tenants.insert(vpc.name.clone(), Namespace::new(&role));
        self.plan.vpcs.push(vpc);
    }

    /// The folder with the gateway's files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The tenant of the VPC `blue`.
    ///
    /// # Panics
    ///
    /// Never: every site has it.
    #[must_use]
    pub fn blue(&self) -> &Namespace {
        &self.tenants["blue"]
    }

    /// Starts the gateway and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If it does not start; its log is printed.
    pub fn start(&mut self) {
        keys::write_secret(&self.folder.path().join("node.key"), &self.secret);
        let socket = Gateway::control_socket_in(self.folder.path());
        let config = self.plan.to_toml(&socket.to_string_lossy(), |vpc| {
            self.tenants[vpc].name().to_owned()
        });
        let (host, folder) = (&self.host, self.folder.path());
        self.gateway = Some(Gateway::start(&self.plan.name, host, folder, &config));
    }

    /// The running gateway.
    ///
    /// # Panics
    ///
    /// If it was not started.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// The running gateway, to be ended.
    ///
    /// # Panics
    ///
    /// If it was not started.
    #[must_use]
    pub fn take_gateway(&mut self) -> Gateway {
        self.gateway.take().unwrap()
    }
}

/// Two sites and the cable between them.
#[derive(Debug)]
pub struct Link {
    /// The left side.
    pub a: Site,
    /// The right side.
    pub b: Site,
}

impl Link {
    /// The picture, with nothing started: two gateways that know each other, AES-256-GCM, two lanes, post-quantum
    /// required, one tenant `blue`.
    ///
    /// # Panics
    ///
    /// Without the rights to make namespaces.
    #[must_use]
    pub fn plan(underlay: Underlay) -> Self {
        let mut a = Site::new(Side::A, underlay);
        let mut b = Site::new(Side::B, underlay);
        connect(&a.host, &b.host, UNDERLAY_DEVICE);
        for (site, side) in [(&a, Side::A), (&b, Side::B)] {
            let address = side.address(underlay);
            // Nobody else can have the address, and nobody wants to wait until that is known.
            let rest = match underlay {
                Underlay::V4 => "/24",
                Underlay::V6 => "/64 nodad",
            };
            site.host.ip(&format!(
                "address add {address}{rest} dev {UNDERLAY_DEVICE}"
            ));
            site.host.ip(&format!("link set {UNDERLAY_DEVICE} up"));
        }
        a.plan.peers.push(peer_plan(&b, Side::B));
        b.plan.peers.push(peer_plan(&a, Side::A));
        Self { a, b }
    }

    /// [`Link::plan`], started, with keys on both sides.
    ///
    /// # Panics
    ///
    /// If anything fails.
    #[must_use]
    pub fn up(underlay: Underlay) -> Self {
        let mut link = Self::plan(underlay);
        link.start();
        link
    }

    /// Adds a second tenant with the same addresses as the first.
    pub fn add_tenant(&mut self, vpc: &str) {
        let number = u32::try_from(self.a.tenants.len()).unwrap() + 1;
        for (site, side) in [(&mut self.a, Side::A), (&mut self.b, Side::B)] {
            site.add_tenant(side, vpc, number);
            let part = peer_vpc_plan(vpc, side.other(), number);
            site.plan.peers[0].vpcs.push(part);
        }
    }

    /// Gives the tenant `blue` IPv6 addresses besides. Left out by default, because the kernel then sends multicast
    /// reports of its own into the device (RFC 3810), and tests count packets.
    pub fn add_inner_v6(&mut self) {
        for (site, side) in [(&mut self.a, Side::A), (&mut self.b, Side::B)] {
            site.plan.vpcs[0]
                .addresses
                .push(side.inner()[1].0.to_owned());
            let there = side.other().inner()[1].1.to_owned();
            site.plan.peers[0].vpcs[0].prefixes.push(there);
        }
    }

    /// Changes the underlay's MTU on both ends.
    pub fn set_underlay_mtu(&self, bytes: u16) {
        for site in [&self.a, &self.b] {
            site.host
                .ip(&format!("link set {UNDERLAY_DEVICE} mtu {bytes}"));
        }
    }

    /// Starts both gateways and waits for keys.
    ///
    /// # Panics
    ///
    /// If a gateway does not start, or the sides do not agree in time.
    pub fn start(&mut self) {
        self.a.start();
        self.b.start();
        self.wait_until_established();
    }

    /// Waits until both sides have keys, the same ones, and returns their epoch as side A sees it.
    ///
    /// # Panics
    ///
    /// If they do not agree in time.
    pub fn wait_until_established(&self) -> EpochStatus {
        self.wait_for_epoch(|_| true)
    }

    /// Waits until both sides have the same keys, and others than those of `before`.
    ///
    /// # Panics
    ///
    /// If that does not come in time.
    pub fn wait_for_epoch_after(&self, before: &EpochStatus) -> EpochStatus {
        self.wait_for_epoch(|epoch| epoch.fingerprint != before.fingerprint)
    }

    fn wait_for_epoch(&self, accept: impl Fn(&EpochStatus) -> bool) -> EpochStatus {
        wait_for("the same epoch on both sides", || {
            let (a, b) = (self.epoch_of(&self.a)?, self.epoch_of(&self.b)?);
            (a.fingerprint == b.fingerprint && accept(&a)).then_some(a)
        })
    }

    fn epoch_of(&self, site: &Site) -> Option<EpochStatus> {
        let status = site.gateway().status();
        let peer = status.peers.into_iter().next()?;
        (peer.state == "established")
            .then_some(peer.epoch)
            .flatten()
    }
}

/// Which end of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Left.
    A,
    /// Right.
    B,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Name of the gateway.
    #[must_use]
    pub const fn gateway(self) -> &'static str {
        match self {
            Self::A => "gw-a",
            Self::B => "gw-b",
        }
    }

    /// Address of the host on the underlay.
    #[must_use]
    pub const fn address(self, underlay: Underlay) -> IpAddr {
        use std::net::{Ipv4Addr, Ipv6Addr};
        let last = match self {
            Self::A => 1,
            Self::B => 2,
        };
        match underlay {
            Underlay::V4 => IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
            Underlay::V6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last as u16)),
        }
    }

    /// The number that this side gives to a tenant; the other side has another one.
    #[must_use]
    pub const fn vni(self, tenant: u32) -> u32 {
        match self {
            Self::A => 5_000 + tenant,
            Self::B => 6_000 + tenant,
        }
    }

    /// Inner addresses with the length of their network, and the network.
    const fn inner(self) -> [(&'static str, &'static str); 2] {
        match self {
            Self::A => [("10.1.0.1/24", "10.1.0.0/24"), ("fd01::1/64", "fd01::/64")],
            Self::B => [("10.2.0.1/24", "10.2.0.0/24"), ("fd02::1/64", "fd02::/64")],
        }
    }

    /// The tenant's IPv4 address on this side.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn inner_v4(self) -> IpAddr {
        address_of(self.inner()[0].0)
    }

    /// The tenant's IPv6 address on this side.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn inner_v6(self) -> IpAddr {
        address_of(self.inner()[1].0)
    }
}

fn address_of(network: &str) -> IpAddr {
    let (address, _) = network.split_once('/').unwrap();
    address.parse().unwrap()
}

/// How the other side's configuration names `site`.
pub(crate) fn peer_plan(site: &Site, side: Side) -> PeerPlan {
    PeerPlan {
        name: side.gateway().to_owned(),
        public_key: site.secret.public(),
        endpoint: Some(site.plan.listen),
        roaming: None,
        keepalive: None,
        psk_files: vec![],
        vpcs: vec![peer_vpc_plan("blue", side, 1)],
    }
}

fn peer_vpc_plan(vpc: &str, side: Side, number: u32) -> PeerVpcPlan {
    PeerVpcPlan {
        name: vpc.to_owned(),
        vni: side.vni(number),
        prefixes: vec![side.inner()[0].1.to_owned()],
    }
}
