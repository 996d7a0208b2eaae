//! Socket addresses as the kernel lays them out: `struct sockaddr_in` (ip(7)) and `struct sockaddr_in6` (ipv6(7)).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Length of `struct sockaddr_in`.
const V4_LEN: u32 = 16;

/// Length of `struct sockaddr_in6`, the longer one.
const V6_LEN: u32 = 28;

/// The address families, in the 16 bits that they have inside an address.
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

const _: () = assert!(AF_INET as i32 == libc::AF_INET && AF_INET6 as i32 == libc::AF_INET6);

/// Room for either form of address, aligned as both demand.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(4))]
pub(super) struct RawAddress {
    bytes: [u8; V6_LEN as usize],
}

impl RawAddress {
    /// Room in bytes, for a kernel that writes an address here.
    pub(super) const CAPACITY: u32 = V6_LEN;

    /// Writes `address` and returns the length in use.
    pub(super) fn encode(&mut self, address: SocketAddr) -> u32 {
        match address {
            SocketAddr::V4(address) => self.encode_v4(address),
            SocketAddr::V6(address) => self.encode_v6(address),
        }
    }

    fn encode_v4(&mut self, address: SocketAddrV4) -> u32 {
        let [f0, f1] = AF_INET.to_ne_bytes();
        let [p0, p1] = address.port().to_be_bytes();
        let [a, b, c, d] = address.ip().octets();
        self.bytes = [0; V6_LEN as usize];
        let head = [f0, f1, p0, p1, a, b, c, d];
        self.bytes
            .iter_mut()
            .zip(head)
            .for_each(|(to, from)| *to = from);
        V4_LEN
    }

    fn encode_v6(&mut self, address: SocketAddrV6) -> u32 {
        let fields = (AF_INET6.to_ne_bytes().into_iter())
            .chain(address.port().to_be_bytes())
            .chain(address.flowinfo().to_be_bytes())
            .chain(address.ip().octets())
            .chain(address.scope_id().to_ne_bytes());
        self.bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(to, from)| *to = from);
        V6_LEN
    }

    /// Reads the address in the first `len` bytes. `None`: neither IPv4 nor IPv6, or too short for it.
    pub(super) fn decode(&self, len: u32) -> Option<SocketAddr> {
        let bytes = self.bytes.get(..len as usize)?;
        let (family, rest) = bytes.split_first_chunk::<2>()?;
        let (port, rest) = rest.split_first_chunk::<2>()?;
        let port = u16::from_be_bytes(*port);
        match u16::from_ne_bytes(*family) {
            AF_INET => {
                let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
                Some(SocketAddrV4::new(address, port).into())
            }
            AF_INET6 => {
                let (flow, rest) = rest.split_first_chunk::<4>()?;
                let (address, rest) = rest.split_first_chunk::<16>()?;
                let scope = u32::from_ne_bytes(*rest.first_chunk::<4>()?);
                let flow = u32::from_be_bytes(*flow);
                Some(SocketAddrV6::new(Ipv6Addr::from(*address), port, flow, scope).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
