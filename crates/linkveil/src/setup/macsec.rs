//! Makes what a protected port stands on: its sockets, its TAP device, and the interface as it has to be.

use linkveil_net::netns::{Netns, NetnsError};
use linkveil_net::packet::{ControlPort, LinuxPort, PacketPort, PortError, Reception};
use linkveil_net::tun::{DeviceKind, LinuxTun, TunDevice, TunError};
use linkveil_wire::{LaneCount, MacAddr};

use crate::config::{Listening, MacsecKeys, MacsecPort, Node, VpcKind};
use crate::mtu;
use crate::netlink::port::{PortLinkError, ProtectedLink, protect};
use crate::netlink::{self, DevicePlan, NetlinkError};

/// A port, ready to be given to its lanes.
#[derive(Debug)]
pub struct PortFoundation {
    /// The port's MAC address.
    pub address: MacAddr,
    /// MTU of the port in bytes.
    pub port_mtu_bytes: u16,
    /// MTU of the TAP device in bytes.
    pub device_mtu_bytes: u16,
    /// How many lanes it has.
    pub lanes: LaneCount,
    /// The queues of the port, one for each lane.
    pub ports: Vec<LinuxPort>,
    /// The queues of the TAP device, one for each lane.
    pub taps: Vec<LinuxTun>,
    /// For handshakes.
    pub control: ControlPort,
    /// The interface. The last one, so that what stands on it goes first.
    pub link: ProtectedLink,
}

/// What the system refused.
#[derive(Debug, thiserror::Error)]
pub enum PortSetupError {
    /// The interface cannot be a protected port.
    #[error(transparent)]
    Link(#[from] PortLinkError),
    /// Its sockets cannot be had.
    #[error(transparent)]
    Port(#[from] PortError),
    /// No frame fits.
    #[error(
        "the port {port} has an MTU of {has} bytes, which leaves too little; `ip link set {port} mtu 1500`"
    )]
    Mtu {
        /// The port.
        port: String,
        /// Its MTU.
        has: u32,
    },
    /// A namespace cannot be entered.
    #[error("netns: {0}")]
    Netns(#[from] NetnsError),
    /// The TAP device cannot be made.
    #[error("device: {0}")]
    Device(#[from] TunError),
    /// The TAP device cannot be set up.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// How many lanes the port gets: several need frames that name their channel, and a key for each.
fn lanes_of(port: &MacsecPort, node: &Node) -> LaneCount {
    let explicit = port.form == linkveil_macsec::TxForm::Explicit;
    match &port.keys {
        MacsecKeys::Noise(_) if explicit => node.lanes,
        _ => LaneCount::ONE,
    }
}

/// Prepares the interface, opens it, and makes the TAP device, in this order.
///
/// # Errors
///
/// The first thing that the system refused. What was changed on the interface is changed back.
pub fn build(port: &MacsecPort, node: &Node) -> Result<PortFoundation, PortSetupError> {
    let link = protect(port.port.as_str())?;
    let mtu = link.link().mtu_bytes;
    let too_small = || PortSetupError::Mtu {
        port: port.port.to_string(),
        has: mtu,
    };
    let device_mtu_bytes = mtu::macsec_device(mtu).ok_or_else(too_small)?;
    let lanes = lanes_of(port, node);
    let reception = match port.listening {
        Listening::Own => Reception::Station,
        Listening::Promiscuous => Reception::Bridge,
    };
    let sockets = PacketPort::open(port.port.as_str(), lanes.get().into(), reception)?;
    let address = sockets.hardware_address();
    let plan = DevicePlan {
        device: port.device.to_string(),
        kind: VpcKind::L2,
        mtu_bytes: device_mtu_bytes,
        hardware_address: Some(address),
        addresses: port.addresses.clone(),
        routes: Vec::new(),
        carried_bytes: None,
    };
    let taps = tap(port, node, lanes, &plan)?;
    tracing::info!(
        macsec = port.name, port = %port.port, device = %port.device, mtu = device_mtu_bytes, "port ready"
    );
    Ok(PortFoundation {
        address: MacAddr::new(address.octets()),
        port_mtu_bytes: u16::try_from(mtu).unwrap_or(u16::MAX),
        device_mtu_bytes,
        lanes,
        ports: sockets.lanes,
        control: sockets.control,
        taps,
        link,
    })
}

fn tap(
    port: &MacsecPort,
    node: &Node,
    lanes: LaneCount,
    plan: &DevicePlan,
) -> Result<Vec<LinuxTun>, PortSetupError> {
    let netns = port.netns.as_ref();
    let netns = netns.map(|netns| Netns::open(netns.as_str())).transpose()?;
    let (device, kind) = (port.device.as_str(), DeviceKind::Tap);
    let taps = TunDevice::create(
        device,
        kind,
        lanes.get().into(),
        node.offload,
        netns.as_ref(),
    )?;
    match &netns {
        Some(netns) => netns.run(|| netlink::configure(plan))??,
        None => netlink::configure(plan)?,
    }
    Ok(taps)
}
