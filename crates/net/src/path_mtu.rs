//! What the kernel knows about the MTU towards an address.

use std::io;
use std::net::SocketAddr;

use rustix::net::{SocketFlags, SocketType, sockopt};

use crate::udp::family_of;

/// The MTU, in bytes of a whole IP packet, of the route from `local` to `remote` in the namespace of the calling thread.
///
/// Asks by connecting a UDP socket, which sends nothing. The port of `local` is not used. The answer is the MTU of the
/// outgoing link unless the route or an ICMP message says less; a route over loopback may say 65,535 or more, which is
/// returned as 65,535.
///
/// # Errors
///
/// No route, an address that no interface has, or two different address families.
pub fn path_mtu(local: SocketAddr, remote: SocketAddr) -> io::Result<u16> {
    if local.is_ipv4() != remote.is_ipv4() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "local and remote address differ in family",
        ));
    }
    let family = family_of(local);
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::bind(&socket, &SocketAddr::new(local.ip(), 0))?;
    rustix::net::connect(&socket, &remote)?;
    let mtu = if local.is_ipv4() {
        sockopt::ip_mtu(&socket)?
    } else {
        sockopt::ipv6_mtu(&socket)?
    };
    Ok(u16::try_from(mtu).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests;
