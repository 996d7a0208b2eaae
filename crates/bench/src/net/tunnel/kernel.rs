//! What the kernel does by itself: VXLAN, and the bare cable.

use super::{Context, Peer, Side, Tunnel, address};
use crate::net::error::NetError;
use crate::net::hosts::CABLE;

/// Outer Ethernet is no part of the underlay's MTU: IPv4, UDP, VXLAN, inner Ethernet.
const VXLAN_OVERHEAD: u32 = 20 + 8 + 8 + 14;
const VXLAN_DEVICE: &str = "vxlan0";

/// Whether the kernel has devices of this kind; if not, what it says.
pub(super) fn probe(context: &Context<'_>, kind: &str) -> Result<(), String> {
    const PROBE: &str = "lvprobe0";
    let mut add = format!("link add {PROBE} type {kind}");
    if kind == "vxlan" {
        add.push_str(" id 1 dstport 4789");
    }
    context
        .hosts
        .ip(Side::A, &add)
        .map_err(|error| match error {
            NetError::Refused { output, .. } => format!("the kernel has no {kind} ({output})"),
            other => other.to_string(),
        })?;
    let removed = context.hosts.ip(Side::A, &format!("link delete {PROBE}"));
    removed.map(|_| ()).map_err(|error| error.to_string())
}

pub(super) const fn remedy(peer: Peer) -> &'static str {
    match peer {
        Peer::Wireguard => "modprobe wireguard, or a kernel that has it (CONFIG_WIREGUARD)",
        _ => "modprobe vxlan, or a kernel that has it (CONFIG_VXLAN)",
    }
}

pub(super) fn vxlan<'a>(context: &Context<'a>) -> Result<Tunnel<'a>, NetError> {
    let tunnel = Tunnel::of_kernel(context, VXLAN_DEVICE);
    for side in Side::ALL {
        let remote = side.other().underlay();
        let add = format!(
            "link add {VXLAN_DEVICE} type vxlan id 7 dstport 4789 remote {remote} dev {CABLE}"
        );
        context.hosts.ip(side, &add)?;
        address(
            context,
            side,
            VXLAN_DEVICE,
            context.mtu_after(VXLAN_OVERHEAD),
        )?;
    }
    Ok(tunnel)
}

pub(super) fn veth<'a>(context: &Context<'a>) -> Tunnel<'a> {
    Tunnel::of_daemons(context, CABLE, Vec::new()).to(&Side::B.underlay())
}
