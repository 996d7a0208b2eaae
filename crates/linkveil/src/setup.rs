//! Makes what a gateway stands on: sockets in the underlay, devices in the VPCs' namespaces.
//!
//! Nothing has to be undone on a failure: sockets and devices go away when their descriptors close, and the interface of a
//! protected port is given back when it is dropped.

pub mod macsec;

use std::io;
use std::net::SocketAddr;

use linkveil_net::Offloads;
use linkveil_net::netns::{Netns, NetnsError};
use linkveil_net::path_mtu::path_mtu;
use linkveil_net::tun::{DeviceKind, LinuxTun, TunDevice, TunError};
use linkveil_net::udp::ReuseportGroup;
use linkveil_wire::LaneCount;

use crate::config::{Config, Node, Peer, Vpc, VpcKind};
use crate::mtu::PathMtu;
use crate::netlink::{self, DevicePlan, NetlinkError};
use crate::plan::{self, PeerPlan, PlanError};

/// Sockets and devices, ready to be given to the lanes.
#[derive(Debug)]
pub struct Foundation {
    /// One group for each listen address, in the order of the configuration.
    pub groups: Vec<ReuseportGroup>,
    /// The queues of each VPC's device, one for each lane.
    pub devices: Vec<Vec<LinuxTun>>,
    /// What was set on the devices.
    pub device_plans: Vec<DevicePlan>,
    /// How each peer is reached.
    pub peers: Vec<PeerPlan>,
}

/// What the system refused.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A VPC does not fit through its path.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A listen address cannot be bound.
    #[error("[node] listen: cannot bind {address}: {source}{}", bind_hint(.source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A namespace cannot be entered.
    #[error("[[vpc]] {vpc:?} netns: {source}")]
    Netns {
        /// Name of the VPC.
        vpc: String,
        /// What is wrong with it.
        source: NetnsError,
    },
    /// A device cannot be made.
    #[error("[[vpc]] {vpc:?} device: {source}")]
    Device {
        /// Name of the VPC.
        vpc: String,
        /// What is wrong with it.
        source: TunError,
    },
    /// A device cannot be set up.
    #[error("[[vpc]] {vpc:?}: {source}")]
    Netlink {
        /// Name of the VPC.
        vpc: String,
        /// The step that failed.
        source: NetlinkError,
    },
}

fn bind_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; another process has it",
        io::ErrorKind::AddrNotAvailable => "; no interface has this address",
        _ => "",
    }
}

/// Measures the paths, plans, binds and makes devices, in this order.
///
/// # Errors
///
/// The first thing that the system refused.
pub fn build(config: &Config) -> Result<Foundation, SetupError> {
    let listen = &config.node.listen;
    let peers: Vec<PeerPlan> = config
        .peers
        .iter()
        .map(|peer| peer_plan(peer, listen))
        .collect();
    let device_plans = plan::devices(config, &peers)?;
    let groups = listen
        .iter()
        .map(|address| bind(*address, config.node.lanes))
        .collect::<Result<_, _>>()?;
    let vpcs = config.vpcs.iter().zip(&device_plans);
    let devices = vpcs
        .map(|(vpc, plan)| device(vpc, plan, &config.node))
        .collect::<Result<_, _>>()?;
    Ok(Foundation {
        groups,
        devices,
        device_plans,
        peers,
    })
}

fn peer_plan(peer: &Peer, listen: &[SocketAddr]) -> PeerPlan {
    let path = plan::path_to(peer, listen);
    let known = path.and_then(|path| {
        let local = *listen.get(path.socket.index())?;
        measure(&peer.name, local, path.remote)
    });
    PeerPlan {
        path,
        mtu: known.unwrap_or_else(|| PathMtu::assumed(listen)),
    }
}

/// The kernel's word on the path; none if there is no route yet, which may come later.
pub(crate) fn measure(peer: &str, local: SocketAddr, remote: SocketAddr) -> Option<PathMtu> {
    match path_mtu(local, remote) {
        Ok(bytes) => Some(PathMtu::new(bytes, remote)),
        Err(error) => {
            tracing::warn!(peer, %error, "the path's MTU is not known; assuming 1500");
            None
        }
    }
}

fn bind(address: SocketAddr, lanes: LaneCount) -> Result<ReuseportGroup, SetupError> {
    ReuseportGroup::bind(address, lanes.get().into())
        .map_err(|source| SetupError::Bind { address, source })
}

/// Makes the VPC's device in its namespace and sets it up there.
fn device(vpc: &Vpc, plan: &DevicePlan, node: &Node) -> Result<Vec<LinuxTun>, SetupError> {
    let name = || vpc.name.clone();
    let in_netns = |source| SetupError::Netns {
        vpc: name(),
        source,
    };
    let netns = vpc
        .netns
        .as_ref()
        .map(|netns| Netns::open(netns.as_str()))
        .transpose()
        .map_err(in_netns)?;
    let (device, queues) = (vpc.device.as_str(), node.lanes.get().into());
    // Frames cross a TAP whole: a frame may go to several peers, each with a size of its own.
    let offloads = match vpc.kind {
        VpcKind::L3 => node.offload,
        VpcKind::L2 => Offloads::None,
    };
    let queues = TunDevice::create(
        device,
        device_kind(vpc.kind),
        queues,
        offloads,
        netns.as_ref(),
    );
    let queues = queues.map_err(|source| SetupError::Device {
        vpc: name(),
        source,
    })?;
    let configured = match &netns {
        Some(netns) => netns.run(|| netlink::configure(plan)).map_err(in_netns)?,
        None => netlink::configure(plan),
    };
    configured.map_err(|source| SetupError::Netlink {
        vpc: name(),
        source,
    })?;
    warn_of_large_frames(vpc, plan);
    tracing::info!(vpc = vpc.name, device = %vpc.device, mtu = plan.mtu_bytes, "device ready");
    Ok(queues)
}

const fn device_kind(kind: VpcKind) -> DeviceKind {
    match kind {
        VpcKind::L3 => DeviceKind::Tun,
        VpcKind::L2 => DeviceKind::Tap,
    }
}

/// Routes tell an IP network what the path carries; nothing tells an Ethernet network.
fn warn_of_large_frames(vpc: &Vpc, plan: &DevicePlan) {
    if let Some(carried) = plan.carried_bytes {
        tracing::warn!(
            vpc = vpc.name,
            mtu = plan.mtu_bytes,
            "the narrowest path carries {carried} bytes; what is larger is dropped there"
        );
    }
}
