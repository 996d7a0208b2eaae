//! How large an inner packet may be: from the path between the gateways to a VPC's device and routes.

use std::net::SocketAddr;

use ipnet::IpNet;
use linkveil_net::PORT_MTU_MAX;
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;

use crate::config::{DEVICE_MTU_MIN, VpcKind, VpcMtu};

/// Bytes that a datagram spends on everything but the inner packet, over IPv4: IPv4 20, UDP 8, link
/// header 16, Geneve with its option 16, tag 16.
pub const OVERHEAD_IPV4_BYTES: u16 = 76;

/// The same over IPv6, whose header has 40 bytes.
pub const OVERHEAD_IPV6_BYTES: u16 = 96;

/// Every IPv6 path carries packets of this size, and every VPC with IPv6 must (RFC 8200 section 5).
pub const IPV6_MTU_MIN: u16 = 1280;

/// Path MTU that is assumed towards a peer whose address is not known yet.
pub const ASSUMED_PATH_MTU: u16 = 1500;

/// The frame's own header, which the MTU of an Ethernet device does not count.
const ETHERNET_HEADER_BYTES: u16 = 14;
const _: () = assert!(ETHERNET_HEADER_BYTES as usize == ETHERNET_HEADER_LEN);

/// MTU of the path to a peer, with the outer headers that it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathMtu {
    outer_bytes: u16,
    overhead_bytes: u16,
}

impl PathMtu {
    /// A path of `outer_bytes` to `remote`.
    pub fn new(outer_bytes: u16, remote: SocketAddr) -> Self {
        let overhead_bytes = if remote.is_ipv4() {
            OVERHEAD_IPV4_BYTES
        } else {
            OVERHEAD_IPV6_BYTES
        };
        Self {
            outer_bytes,
            overhead_bytes,
        }
    }

    /// Assumed for a peer that has not spoken yet, on a node with these listen addresses: the larger
    /// overhead, if both families may be used.
    pub fn assumed(listen: &[SocketAddr]) -> Self {
        let ipv4_only = listen.iter().all(SocketAddr::is_ipv4);
        let overhead_bytes = if ipv4_only {
            OVERHEAD_IPV4_BYTES
        } else {
            OVERHEAD_IPV6_BYTES
        };
        Self {
            outer_bytes: ASSUMED_PATH_MTU,
            overhead_bytes,
        }
    }

    /// Size of the largest outer packet.
    pub fn outer_bytes(self) -> u16 {
        self.outer_bytes
    }

    /// Size of the largest inner packet.
    pub fn inner_bytes(self) -> u16 {
        self.outer_bytes.saturating_sub(self.overhead_bytes)
    }

    /// Size of the largest IP packet in a VPC of this kind: in an Ethernet VPC the inner packet is a whole frame.
    pub fn ip_bytes(self, kind: VpcKind) -> u16 {
        match kind {
            VpcKind::L3 => self.inner_bytes(),
            VpcKind::L2 => self.inner_bytes().saturating_sub(ETHERNET_HEADER_BYTES),
        }
    }
}

/// Whether IPv6 packets must be able to go to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InnerFamilies {
    /// IPv4 only, or nothing yet.
    Ipv4Only,
    /// IPv6, with or without IPv4.
    WithIpv6,
}

impl InnerFamilies {
    /// What is routed to a peer by these prefixes, or sent from these addresses.
    pub fn of<'p>(prefixes: impl IntoIterator<Item = &'p IpNet>) -> Self {
        if prefixes.into_iter().any(|net| net.addr().is_ipv6()) {
            Self::WithIpv6
        } else {
            Self::Ipv4Only
        }
    }
}

/// Why a VPC cannot run over its paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MtuError {
    /// IPv6 needs 1280 bytes inside.
    #[error(
        "IPv6 needs 1280 bytes inside, but the path of {outer} bytes carries IP packets of {inner}; \
         raise the path's MTU to {}, or take IPv6 out of the VPC: the peer's prefixes, in an Ethernet VPC the addresses",
        outer - inner + IPV6_MTU_MIN
    )]
    TooSmallForIpv6 {
        /// Outer MTU of the path.
        outer: u16,
        /// What it carries inside.
        inner: u16,
    },
    /// Nothing sensible fits.
    #[error(
        "the path of {outer} bytes leaves {inner} bytes for IP packets; at least {INNER_MTU_MIN} are needed"
    )]
    TooSmall {
        /// Outer MTU of the path.
        outer: u16,
        /// What it carries inside.
        inner: u16,
    },
}

/// Every IPv4 host must take packets of this size (RFC 791 section 3.1); below it nothing is worth carrying.
const INNER_MTU_MIN: u16 = 576;

/// Size of the largest IP packet to a peer, if its path is wide enough for what goes there.
///
/// # Errors
///
/// The path is too narrow for what the VPC carries.
pub fn inner(path: PathMtu, kind: VpcKind, families: InnerFamilies) -> Result<u16, MtuError> {
    let (outer, inner) = (path.outer_bytes(), path.ip_bytes(kind));
    if families == InnerFamilies::WithIpv6 && inner < IPV6_MTU_MIN {
        return Err(MtuError::TooSmallForIpv6 { outer, inner });
    }
    if inner < INNER_MTU_MIN {
        return Err(MtuError::TooSmall { outer, inner });
    }
    Ok(inner)
}

/// MTU of a VPC's device, by the IP packets that its paths carry.
///
/// A TUN device is as wide as the widest path, so that none is held back by another, and never below 1280; the narrower
/// ones are kept to their size by [`route`]. An Ethernet VPC has no routes and sends some frames to all, so its device
/// can only say what the narrowest path carries.
pub fn device(configured: VpcMtu, kind: VpcKind, paths: impl Iterator<Item = u16>) -> Option<u16> {
    match (configured, kind) {
        (VpcMtu::Bytes(bytes), _) => Some(bytes),
        (VpcMtu::Auto, VpcKind::L3) => paths.max().map(|bytes| bytes.max(DEVICE_MTU_MIN)),
        (VpcMtu::Auto, VpcKind::L2) => paths.min(),
    }
}

/// MTU of the routes to a peer that takes packets of `inner` bytes, where that is less than the device's.
pub fn route(device: u16, inner: u16) -> Option<u16> {
    (inner < device).then_some(inner)
}

/// Bytes that MACsec adds to a frame: SecTAG with SCI 16, ICV 16 (IEEE 802.1AE-2018 9.3, 9.11).
pub const MACSEC_OVERHEAD_BYTES: u16 = 32;

/// MTU of the device of a protected port whose own MTU is `port_bytes`. `None`: nothing sensible fits. A VLAN of the device
/// has 4 bytes less: its tag is inside, where it counts.
pub fn macsec_device(port_bytes: u32) -> Option<u16> {
    let usable = usize::try_from(port_bytes).map_or(PORT_MTU_MAX, |bytes| bytes.min(PORT_MTU_MAX));
    let bytes = u16::try_from(usable).ok()?;
    let inner = bytes.checked_sub(MACSEC_OVERHEAD_BYTES)?;
    (inner >= INNER_MTU_MIN).then_some(inner)
}

#[cfg(test)]
mod tests;
