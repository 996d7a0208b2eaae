//! Sets up a VPC's device over rtnetlink: MTU, addresses, link up, routes.
//!
//! Nothing is taken back here: the device has no owner but linkveil, and everything that hangs on it
//! goes away with it.

pub mod port;

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;
use linkveil_net::interface::HardwareAddress;
use rtnetlink::packet_route::address::AddressHeaderFlags;
use rtnetlink::packet_route::link::{AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute};
use rtnetlink::packet_route::route::{RouteAttribute, RouteMetric, RouteProtocol, RouteScope};
use rtnetlink::{Handle, LinkUnspec, RouteMessageBuilder};

use crate::config::VpcKind;

/// What a device is to look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePlan {
    /// Name of a device that exists in the calling thread's namespace.
    pub device: String,
    /// What the device carries.
    pub kind: VpcKind,
    /// MTU of the device in bytes.
    pub mtu_bytes: u16,
    /// The device's own Ethernet address, where the kernel is not to choose one.
    pub hardware_address: Option<HardwareAddress>,
    /// The gateway's own addresses.
    pub addresses: Vec<IpNet>,
    /// What is routed into the device.
    pub routes: Vec<RoutePlan>,
    /// For an Ethernet VPC: the largest IP packet that every path carries, where that is below the device's MTU. No route
    /// keeps larger ones away.
    pub carried_bytes: Option<u16>,
}

impl DevicePlan {
    /// MTU of the narrowest route in bytes, where one is below the device's.
    pub fn least_route_mtu_bytes(&self) -> Option<u16> {
        self.routes.iter().filter_map(|route| route.mtu_bytes).min()
    }
}

/// A route into the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoutePlan {
    /// Where it leads.
    pub prefix: IpNet,
    /// What the path to the peer behind it carries, where that is below the device's MTU. The kernel then does path MTU
    /// discovery by itself (RFC 1191), for what it sends and for what it forwards.
    pub mtu_bytes: Option<u16>,
}

/// A step that the kernel refused.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No netlink socket, or no runtime for it.
    #[error("cannot talk to the kernel over netlink: {0}")]
    Connect(#[from] io::Error),
    /// The kernel said no.
    #[error("{step}: {reason}")]
    Refused {
        /// What was asked, as one would ask `ip` for it.
        step: String,
        /// The kernel's answer.
        reason: String,
    },
    /// There is no device of that name in this namespace.
    #[error("there is no device {0} in this namespace")]
    NoDevice(String),
}

/// Carries out the plan in the calling thread's network namespace.
///
/// # Errors
///
/// The first step that the kernel refused; earlier steps stay done.
pub fn configure(plan: &DevicePlan) -> Result<(), NetlinkError> {
    with_kernel(async |handle| Setup { handle, plan }.run().await)
}

/// Runs `work` with a netlink socket of the calling thread's network namespace.
fn with_kernel<T, E: From<io::Error>>(
    work: impl AsyncFnOnce(Handle) -> Result<T, E>,
) -> Result<T, E> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        let connection = tokio::spawn(connection);
        let result = work(handle).await;
        connection.abort();
        result
    })
}

struct Setup<'p> {
    handle: Handle,
    plan: &'p DevicePlan,
}

impl Setup<'_> {
    async fn run(&self) -> Result<(), NetlinkError> {
        let index = self.device_index().await?;
        self.set_link(index).await?;
        for address in &self.plan.addresses {
            self.add_address(index, *address).await?;
        }
        self.set_up(index).await?;
        for route in &self.plan.routes {
            self.add_route(index, *route).await?;
        }
        Ok(())
    }

    async fn device_index(&self) -> Result<u32, NetlinkError> {
        use futures_util::TryStreamExt;
        let name = &self.plan.device;
        let mut links = self.handle.link().get().match_name(name.clone()).execute();
        match links.try_next().await {
            Ok(Some(link)) => Ok(link.header.index),
            _ => Err(NetlinkError::NoDevice(name.clone())),
        }
    }

    /// MTU, and no link-local address of the kernel's own making: it would send router solicitations
    /// into the tunnel, from an address that no peer admits.
    async fn set_link(&self, index: u32) -> Result<(), NetlinkError> {
        let quiet = AfSpecInet6::AddrGenMode(In6AddrGenMode::None);
        let mut message = LinkUnspec::new_with_index(index)
            .mtu(self.plan.mtu_bytes.into())
            .append_extra_attribute(LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(
                vec![quiet],
            )]));
        let mut step = format!(
            "ip link set {} mtu {}",
            self.plan.device, self.plan.mtu_bytes
        );
        if let Some(address) = self.plan.hardware_address {
            message = message.address(address.octets().to_vec());
            step = format!("{step} address {address}");
        }
        let result = self.handle.link().set(message.build()).execute().await;
        self.explain(result, || step)
    }

    async fn add_address(&self, index: u32, address: IpNet) -> Result<(), NetlinkError> {
        let mut request = self
            .handle
            .address()
            .add(index, address.addr(), address.prefix_len());
        if address.addr().is_ipv6() && self.plan.kind == VpcKind::L3 {
            // Nobody else is on the link of a TUN device: no need to wait until the address is known to be unique
            // (RFC 4862 section 5.4), and a route cannot name it as its source before that.
            request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        }
        let result = request.execute().await;
        self.explain(result, || {
            format!("ip address add {address} dev {}", self.plan.device)
        })
    }

    async fn set_up(&self, index: u32) -> Result<(), NetlinkError> {
        let message = LinkUnspec::new_with_index(index).up().build();
        let result = self.handle.link().set(message).execute().await;
        self.explain(result, || format!("ip link set {} up", self.plan.device))
    }

    async fn add_route(&self, index: u32, route: RoutePlan) -> Result<(), NetlinkError> {
        let RoutePlan { prefix, mtu_bytes } = route;
        let refused = |reason: String| NetlinkError::Refused {
            step: self.route_command(route),
            reason,
        };
        let mut message = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(prefix.addr(), prefix.prefix_len())
            .map_err(|error| refused(error.to_string()))?
            .output_interface(index)
            .protocol(RouteProtocol::Static);
        if prefix.addr().is_ipv4() {
            // Without a gateway the destination is on the link (ip-route(8)).
            message = message.scope(RouteScope::Link);
        }
        if let Some(source) = self.source_for(prefix) {
            message = message
                .pref_source(source)
                .map_err(|error| refused(error.to_string()))?;
        }
        if let Some(mtu) = mtu_bytes {
            message
                .get_mut()
                .attributes
                .push(RouteAttribute::Metrics(vec![RouteMetric::Mtu(mtu.into())]));
        }
        let result = self.handle.route().add(message.build()).execute().await;
        self.explain(result, || self.route_command(route))
    }

    /// The gateway's own address in the prefix's family, so that its own packets carry an address that
    /// the peer admits.
    fn source_for(&self, prefix: IpNet) -> Option<IpAddr> {
        let addresses = self.plan.addresses.iter().map(IpNet::addr);
        addresses
            .into_iter()
            .find(|own| own.is_ipv4() == prefix.addr().is_ipv4())
    }

    fn route_command(&self, route: RoutePlan) -> String {
        let RoutePlan { prefix, mtu_bytes } = route;
        let mtu = mtu_bytes.map_or_else(String::new, |bytes| format!(" mtu {bytes}"));
        format!("ip route add {prefix} dev {}{mtu}", self.plan.device)
    }

    #[expect(clippy::unused_self, reason = "reads like a step of the setup")]
    fn explain(
        &self,
        result: Result<(), rtnetlink::Error>,
        step: impl FnOnce() -> String,
    ) -> Result<(), NetlinkError> {
        result.map_err(|error| NetlinkError::Refused {
            step: step(),
            reason: reason(&error),
        })
    }
}

/// The kernel's own words, without the type names around them.
fn reason(error: &rtnetlink::Error) -> String {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io().to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
