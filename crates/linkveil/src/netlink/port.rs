//! Makes an Ethernet interface a protected port: nothing but protected frames, and what other protocols of the link itself
//! say, is to leave it.
//!
//! | what is set         | why                                                                         | taken back  |
//! |---------------------|-----------------------------------------------------------------------------|-------------|
//! | addrgenmode none    | the kernel makes no IPv6 address and sends nothing from it                  | on drop     |
//! | its fe80 address    | that it made before is removed                                              | on drop     |
//! | ARP off             | the kernel neither asks nor answers                                         | on drop     |
//! | up                  | frames cross                                                                | on drop     |
//! | frames to all groups, or all frames | membership of a socket (`net::packet`)                     | by the kernel |
//!
//! Any other IP address is the user's will and refused: traffic to it would leave in clear.

mod link;

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use futures_util::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressMessage, AddressProtocol, AddressScope,
};
use rtnetlink::packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, LinkAttribute, LinkFlags, LinkMessage,
};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec};

use super::{reason, with_kernel};

pub use link::PortLink;
use link::{is_kernel_made, net};

/// Why an interface cannot be a protected port.
#[derive(Debug, thiserror::Error)]
pub enum PortLinkError {
    /// No netlink socket, or no runtime for it.
    #[error("cannot talk to the kernel over netlink: {0}")]
    Connect(#[from] io::Error),
    /// Nothing of that name.
    #[error("there is no port {0} in this namespace")]
    NoPort(String),
    /// It carries something else than Ethernet frames.
    #[error("the port {0} is no Ethernet interface")]
    NotEthernet(String),
    /// Its frames go to a bridge or bond before anybody else sees them.
    #[error(
        "the port {port} belongs to {controller}, which takes all of its frames: `ip link set {port} nomaster`"
    )]
    Controlled {
        /// The port.
        port: String,
        /// To what it belongs.
        controller: String,
    },
    /// Another interface stands on it: its traffic would be in clear, or it takes frames that are the port's.
    #[error(
        "the interface {stacked} stands on the port {port}, and its traffic would not be protected; \
         put it on the port's device instead: `ip link delete {stacked}`"
    )]
    Stacked {
        /// The port.
        port: String,
        /// The interface on it.
        stacked: String,
    },
    /// Traffic from and to these would be in clear.
    #[error(
        "the port {port} has IP addresses, whose traffic would not be protected; remove them: {}",
        removals(port, addresses)
    )]
    HasAddresses {
        /// The port.
        port: String,
        /// Which ones.
        addresses: Vec<IpNet>,
    },
    /// The kernel said no.
    #[error("{step}: {reason}")]
    Refused {
        /// What was asked, as one would ask `ip` for it.
        step: String,
        /// The kernel's answer.
        reason: String,
    },
}

fn removals(port: &str, addresses: &[IpNet]) -> String {
    let commands = addresses
        .iter()
        .map(|address| format!("`ip address delete {address} dev {port}`"));
    commands.collect::<Vec<_>>().join(", ")
}

/// An interface that was made a port, and what was changed for that. Dropped without [`Self::keep`], it is as it was before.
#[derive(Debug)]
#[must_use = "dropped, it is no port any more"]
pub struct ProtectedLink {
    link: PortLink,
    changes: Vec<Change>,
}

/// What was changed, with what it was before where that is not plain.
#[derive(Debug, Clone, Copy)]
enum Change {
    AddressGeneration(In6AddrGenMode),
    Arp,
    LinkLocal(Ipv6Addr),
    Up,
}

/// Makes the interface `port` a protected port, in the calling thread's network namespace.
///
/// # Errors
///
/// See [`PortLinkError`]. What was changed until then is changed back.
pub fn protect(port: &str) -> Result<ProtectedLink, PortLinkError> {
    with_kernel(async |handle| {
        let kernel = Kernel { handle, port };
        let link = kernel.link().await?;
        kernel.check(&link).await?;
        let mut changes = Vec::new();
        let changed = kernel.change(&link, &mut changes).await;
        if let Err(error) = changed {
            // The first fault is the one to tell.
            let _ = kernel.restore(&link, &changes).await;
            return Err(error);
        }
        Ok(ProtectedLink { link, changes })
    })
}

impl ProtectedLink {
    /// The interface as it was before.
    pub fn link(&self) -> &PortLink {
        &self.link
    }

    /// Leaves it a port. To change it back takes CAP_NET_ADMIN, which a gateway that runs has given up.
    pub fn keep(mut self) {
        self.changes.clear();
    }
}

impl Drop for ProtectedLink {
    /// For a start that fails later on. Its own fault is the one to tell.
    fn drop(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        let _ = with_kernel(async |handle| {
            let port = &self.link.name;
            Kernel { handle, port }
                .restore(&self.link, &self.changes)
                .await
        });
    }
}

struct Kernel<'p> {
    handle: Handle,
    port: &'p str,
}

impl Kernel<'_> {
    async fn link(&self) -> Result<PortLink, PortLinkError> {
        let name = self.port.to_owned();
        let mut links = self.handle.link().get().match_name(name).execute();
        match links.try_next().await {
            Ok(Some(message)) => PortLink::read(self.port, &message)
                .ok_or_else(|| PortLinkError::NotEthernet(self.port.to_owned())),
            _ => Err(PortLinkError::NoPort(self.port.to_owned())),
        }
    }

    /// Refuses what cannot be a port.
    async fn check(&self, link: &PortLink) -> Result<(), PortLinkError> {
        let port = || self.port.to_owned();
        let links = self.links().await?;
        if let Some(controller) = link.controller(&links) {
            return Err(PortLinkError::Controlled {
                port: port(),
                controller,
            });
        }
        if let Some(stacked) = link.stacked(&links) {
            return Err(PortLinkError::Stacked {
                port: port(),
                stacked,
            });
        }
        let addresses = self.addresses(link).await?;
        let foreign = addresses.iter().filter(|own| !is_kernel_made(own, link));
        let addresses: Vec<_> = foreign.filter_map(net).collect();
        if addresses.is_empty() {
            return Ok(());
        }
        Err(PortLinkError::HasAddresses {
            port: port(),
            addresses,
        })
    }

    /// Every interface of the namespace.
    async fn links(&self) -> Result<Vec<LinkMessage>, PortLinkError> {
        let links = self.handle.link().get().execute().try_collect().await;
        links.map_err(|error| self.refused("ip link show", &error))
    }

    async fn addresses(&self, link: &PortLink) -> Result<Vec<AddressMessage>, PortLinkError> {
        let request = self.handle.address().get();
        let request = request.set_link_index_filter(link.index);
        let addresses = request.execute().try_collect().await;
        addresses.map_err(|error| self.refused("ip address show", &error))
    }

    /// Everything that the module's table says, in an order in which no frame leaves meanwhile.
    async fn change(&self, link: &PortLink, done: &mut Vec<Change>) -> Result<(), PortLinkError> {
        if let Some(before) = link
            .address_generation
            .filter(|mode| *mode != In6AddrGenMode::None)
        {
            self.set_address_generation(link, In6AddrGenMode::None)
                .await?;
            done.push(Change::AddressGeneration(before));
        }
        if !link.flags.contains(LinkFlags::Noarp) {
            self.set(link, "arp off", |message| message.arp(false))
                .await?;
            done.push(Change::Arp);
        }
        // All that is there by now was made by the kernel: the others were refused.
        for message in self.addresses(link).await? {
            if let Some(IpAddr::V6(address)) = net(&message).map(|net| net.addr()) {
                let result = self.handle.address().del(message).execute().await;
                let step = format!("ip address delete {address}/64");
                result.map_err(|error| self.refused(&step, &error))?;
                done.push(Change::LinkLocal(address));
            }
        }
        if !link.flags.contains(LinkFlags::Up) {
            self.set(link, "up", LinkMessageBuilder::up).await?;
            done.push(Change::Up);
        }
        Ok(())
    }

    async fn restore(&self, link: &PortLink, changes: &[Change]) -> Result<(), PortLinkError> {
        let mut outcome = Ok(());
        for change in changes.iter().rev() {
            let result = match *change {
                Change::Up => self.set(link, "down", LinkMessageBuilder::down).await,
                Change::LinkLocal(address) => self.add_link_local(link, address).await,
                Change::Arp => {
                    let arp_on = |message: LinkMessageBuilder<_>| message.arp(true);
                    self.set(link, "arp on", arp_on).await
                }
                Change::AddressGeneration(before) => {
                    self.set_address_generation(link, before).await
                }
            };
            outcome = outcome.and(result);
        }
        outcome
    }

    async fn set(
        &self,
        link: &PortLink,
        step: &str,
        change: impl FnOnce(LinkMessageBuilder<LinkUnspec>) -> LinkMessageBuilder<LinkUnspec>,
    ) -> Result<(), PortLinkError> {
        let message = change(LinkUnspec::new_with_index(link.index)).build();
        let result = self.handle.link().set(message).execute().await;
        result.map_err(|error| self.refused(&format!("ip link set {} {step}", self.port), &error))
    }

    async fn set_address_generation(
        &self,
        link: &PortLink,
        mode: In6AddrGenMode,
    ) -> Result<(), PortLinkError> {
        let mode = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(mode)]);
        let attribute = LinkAttribute::AfSpecUnspec(vec![mode]);
        let append = |message: LinkMessageBuilder<_>| message.append_extra_attribute(attribute);
        self.set(link, "addrgenmode", append).await
    }

    /// Gives back an address as the kernel had made it, so that it is known for what it is the next time.
    async fn add_link_local(
        &self,
        link: &PortLink,
        address: Ipv6Addr,
    ) -> Result<(), PortLinkError> {
        let mut request = self.handle.address().add(link.index, address.into(), 64);
        let message = request.message_mut();
        message.header.scope = AddressScope::Link;
        let origin = AddressAttribute::Protocol(AddressProtocol::LinkLocal);
        message.attributes.push(origin);
        let step = format!("ip address add {address}/64");
        let result = request.execute().await;
        result.map_err(|error| self.refused(&step, &error))
    }

    fn refused(&self, step: &str, error: &rtnetlink::Error) -> PortLinkError {
        let step = if step.contains(self.port) {
            step.to_owned()
        } else {
            format!("{step} dev {}", self.port)
        };
        PortLinkError::Refused {
            step,
            reason: reason(error),
        }
    }
}

#[cfg(test)]
mod tests;
