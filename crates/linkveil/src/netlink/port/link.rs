//! What the kernel knows of an interface and of those around it.

use std::net::Ipv6Addr;

use ipnet::IpNet;
use linkveil_net::interface::HardwareAddress;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressHeader, AddressMessage, AddressProtocol, AddressScope,
};
use rtnetlink::packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoKind, LinkAttribute, LinkFlags, LinkInfo,
    LinkLayerType, LinkMessage, State,
};

/// What the kernel knows of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortLink {
    /// Its name.
    pub name: String,
    /// Its own address.
    pub hardware_address: HardwareAddress,
    /// Its MTU in bytes.
    pub mtu_bytes: u32,
    /// Its operational state (RFC 2863 section 3.1.14).
    pub operational: State,
    /// Its driver's kind as `ip -d link` has it, for example `veth`; `None` for hardware.
    pub kind: Option<String>,
    pub(super) index: u32,
    pub(super) flags: LinkFlags,
    /// `None`: this kernel has no IPv6.
    pub(super) address_generation: Option<In6AddrGenMode>,
}

impl PortLink {
    /// What the message says about the interface `name`; `None` if that is no Ethernet interface.
    pub(super) fn read(name: &str, message: &LinkMessage) -> Option<Self> {
        if message.header.link_layer_type != LinkLayerType::Ether {
            return None;
        }
        let address = find(message, |attribute| match attribute {
            LinkAttribute::Address(bytes) => <[u8; 6]>::try_from(bytes.as_slice()).ok(),
            _ => None,
        });
        let mut link = Self {
            name: name.to_owned(),
            hardware_address: HardwareAddress::new(address?),
            mtu_bytes: 0,
            operational: State::Unknown,
            kind: kind(message).map(InfoKind::to_string),
            index: message.header.index,
            flags: message.header.flags,
            address_generation: None,
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::Mtu(bytes) => link.mtu_bytes = *bytes,
                LinkAttribute::OperState(state) => link.operational = *state,
                LinkAttribute::AfSpecUnspec(specs) => {
                    link.address_generation = address_generation(specs);
                }
                _ => {}
            }
        }
        Some(link)
    }

    /// The name of the bridge or bond among `links` that the interface belongs to.
    pub(super) fn controller(&self, links: &[LinkMessage]) -> Option<String> {
        let own = links.iter().find(|link| link.header.index == self.index)?;
        let controller = find(own, |attribute| match attribute {
            LinkAttribute::Controller(index) => Some(*index),
            _ => None,
        })?;
        links
            .iter()
            .find(|link| link.header.index == controller)
            .map(name)
    }

    /// The name of the first interface among `links` whose frames go over this one.
    pub(super) fn stacked(&self, links: &[LinkMessage]) -> Option<String> {
        links.iter().find(|link| self.carries(link)).map(name)
    }

    /// Whether it stands on this one. A veth names its other end in the same way, so the kind decides.
    fn carries(&self, link: &LinkMessage) -> bool {
        let below = find(link, |attribute| match attribute {
            LinkAttribute::Link(index) => Some(*index),
            _ => None,
        });
        let stacks = matches!(
            kind(link),
            Some(
                InfoKind::Vlan
                    | InfoKind::MacVlan
                    | InfoKind::MacVtap
                    | InfoKind::IpVlan
                    | InfoKind::IpVtap
                    | InfoKind::MacSec
            )
        );
        stacks && below == Some(self.index)
    }
}

fn find<'m, T>(
    message: &'m LinkMessage,
    what: impl FnMut(&'m LinkAttribute) -> Option<T>,
) -> Option<T> {
    message.attributes.iter().find_map(what)
}

fn name(message: &LinkMessage) -> String {
    let name = find(message, |attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    name.unwrap_or_else(|| message.header.index.to_string())
}

fn kind(message: &LinkMessage) -> Option<&InfoKind> {
    let infos = find(message, |attribute| match attribute {
        LinkAttribute::LinkInfo(infos) => Some(infos),
        _ => None,
    })?;
    infos.iter().find_map(|info| match info {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    })
}

fn address_generation(specs: &[AfSpecUnspec]) -> Option<In6AddrGenMode> {
    let inet6 = specs.iter().find_map(|spec| match spec {
        AfSpecUnspec::Inet6(attributes) => Some(attributes),
        _ => None,
    })?;
    inet6.iter().find_map(|attribute| match attribute {
        AfSpecInet6::AddrGenMode(mode) => Some(*mode),
        _ => None,
    })
}

pub(super) fn net(message: &AddressMessage) -> Option<IpNet> {
    let AddressHeader { prefix_len, .. } = message.header;
    let attributes = || message.attributes.iter();
    let local = attributes().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    let address = attributes().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    });
    IpNet::new(local.or(address)?, prefix_len).ok()
}

/// Whether the kernel made this address by itself when the interface went up (RFC 4862 section 5.3). Since Linux 5.18 it
/// says so; before, it is known by its form.
pub(super) fn is_kernel_made(message: &AddressMessage, link: &PortLink) -> bool {
    if message.header.family != AddressFamily::Inet6 || message.header.scope != AddressScope::Link {
        return false;
    }
    let origin = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Protocol(origin) => Some(*origin),
            _ => None,
        });
    match origin {
        Some(origin) => origin == AddressProtocol::LinkLocal,
        None => net(message).is_some_and(|net| net.addr() == eui64(link.hardware_address)),
    }
}

/// The link-local address of an interface with this hardware address (RFC 4291 appendix A).
pub(super) fn eui64(hardware_address: HardwareAddress) -> Ipv6Addr {
    let [a, b, c, d, e, f] = hardware_address.octets();
    let interface = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    let [high, low] = [0xfe80_u64 << 48, u64::from_be_bytes(interface)];
    Ipv6Addr::from((u128::from(high) << 64) | u128::from(low))
}
