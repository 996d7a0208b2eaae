//! Addresses of packet sockets: `struct sockaddr_ll` (packet(7)).

use std::io;
use std::os::fd::AsFd;

use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};
use rustix::net::{AddressFamily, SocketAddrAny};

use crate::interface::{HardwareAddress, InterfaceIndex};

/// Length of the structure in bytes.
const LEN: SocketAddrLen = 20;

const _: () = assert!(size_of::<libc::sockaddr_ll>() == LEN as usize);

/// An interface, an EtherType, and an address on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct LinkAddress(libc::sockaddr_ll);

impl LinkAddress {
    /// All stations that are behind `interface`.
    pub(super) fn new(interface: InterfaceIndex, ethertype: u16) -> Self {
        Self::with(interface, ethertype, HardwareAddress::new([0; 6]))
    }

    /// The stations behind `interface` that listen to `address`.
    pub(super) fn with(
        interface: InterfaceIndex,
        ethertype: u16,
        address: HardwareAddress,
    ) -> Self {
        let [a, b, c, d, e, f] = address.octets();
        Self(libc::sockaddr_ll {
            sll_family: AddressFamily::PACKET.as_raw(),
            sll_protocol: ethertype.to_be(),
            sll_ifindex: i32::try_from(interface.get()).unwrap_or(-1),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 6,
            sll_addr: [a, b, c, d, e, f, 0, 0],
        })
    }

    /// What a socket is bound to.
    pub(super) fn of(socket: impl AsFd) -> io::Result<Self> {
        let any = rustix::net::getsockname(socket)?;
        Self::read(&any).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// `None`: another kind of address.
    pub(super) fn read(any: &SocketAddrAny) -> Option<Self> {
        if any.address_family() != AddressFamily::PACKET {
            return None;
        }
        // SAFETY: sockaddr_ll consists of integers; all zero bits are a valid value.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        // The kernel leaves out what the interface's own addresses do not fill.
        let len = any.addr_len().min(LEN) as usize;
        let to = std::ptr::from_mut(&mut address).cast::<u8>();
        // SAFETY: as many bytes of `any` are initialized as it is long, and no more of `address` are written than it has.
        // Any bytes are valid in it.
        unsafe { std::ptr::copy_nonoverlapping(any.as_ptr().cast(), to, len) };
        Some(Self(address))
    }

    /// The address on the wire: a socket's own, or the sender's of a received frame.
    pub(super) fn hardware_address(&self) -> HardwareAddress {
        let [a, b, c, d, e, f, _, _] = self.0.sll_addr;
        HardwareAddress::new([a, b, c, d, e, f])
    }

    /// What the interface carries (ARPHRD_*).
    pub(super) fn hardware_type(&self) -> u16 {
        self.0.sll_hatype
    }

    /// Whether the interface was deleted.
    pub(super) fn is_nowhere(&self) -> bool {
        self.0.sll_ifindex <= 0
    }
}

// SAFETY: the closure gets a pointer to a live sockaddr_ll and its length.
unsafe impl SocketAddrArg for LinkAddress {
    unsafe fn with_sockaddr<R>(
        &self,
        f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R,
    ) -> R {
        f(std::ptr::from_ref(&self.0).cast(), LEN)
    }
}
