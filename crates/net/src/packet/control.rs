//! The socket for control frames of a port.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};

use super::address::LinkAddress;
use super::lock::PortLock;
use super::{ETHERTYPE_CONTROL, Reception, options};
use crate::interface::{HardwareAddress, InterfaceIndex};

/// Where control frames go: the group address that no bridge passes on (IEEE 802.1Q-2018 table 8-1), so they reach the
/// other end of the cable and nobody else.
pub const CONTROL_GROUP: HardwareAddress =
    HardwareAddress::new([0x01, 0x80, 0xc2, 0x00, 0x00, 0x03]);

/// Frames that are too long and are passed over in one call, so that a flood of them does not keep control busy.
const PASSED_OVER_MAX: usize = 64;

/// Sends and receives control frames. Owned by control, which may wait for it by its descriptor; never blocks.
#[derive(Debug)]
pub struct ControlPort {
    socket: OwnedFd,
    interface: InterfaceIndex,
    local: LinkAddress,
    _lock: Arc<PortLock>,
}

/// What became of a port's interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortCondition {
    /// It is what it was.
    Unchanged,
    /// It is gone.
    Deleted,
    /// It has this address now.
    Readdressed(HardwareAddress),
}

/// A received control frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlFrame {
    /// Who sent it.
    pub source: HardwareAddress,
    /// Bytes of payload, with the zeros at its end that a medium appends to fewer than 46.
    pub len: usize,
}

impl ControlPort {
    pub(super) fn open(
        interface: InterfaceIndex,
        reception: Reception,
        lock: Arc<PortLock>,
    ) -> io::Result<Self> {
        let socket = options::control()?;
        rustix::net::bind(&socket, &LinkAddress::new(interface, ETHERTYPE_CONTROL))?;
        // An interface that is down takes the socket, and says so afterwards.
        rustix::net::sockopt::socket_error(&socket)??;
        let local = LinkAddress::of(&socket)?;
        if local.hardware_type() == libc::ARPHRD_ETHER {
            options::receive(&socket, interface, CONTROL_GROUP, reception)?;
        }
        Ok(Self {
            socket,
            interface,
            local,
            _lock: lock,
        })
    }

    /// What became of the interface since it was opened. A socket is told that it went down, and not that it was deleted
    /// after that, nor that it has another address.
    #[must_use]
    pub fn condition(&self) -> PortCondition {
        match LinkAddress::of(&self.socket) {
            Ok(now) if now.is_nowhere() => PortCondition::Deleted,
            Ok(now) if now.hardware_address() != self.local.hardware_address() => {
                PortCondition::Readdressed(now.hardware_address())
            }
            _ => PortCondition::Unchanged,
        }
    }

    pub(super) fn local(&self) -> LinkAddress {
        self.local
    }

    /// Sends a frame with this payload to `destination`, from the port's own address.
    ///
    /// # Errors
    ///
    /// The port is down or gone, its MTU too small, its queue full (`WouldBlock`): then the frame is lost, as it might be
    /// on the wire.
    pub fn send_to(&self, payload: &[u8], destination: HardwareAddress) -> io::Result<()> {
        let address = LinkAddress::with(self.interface, ETHERTYPE_CONTROL, destination);
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        rustix::net::sendto(&self.socket, payload, flags, &address)?;
        Ok(())
    }

    /// Writes the payload of the next frame that waits into `buffer`; `None` if there is none. Longer ones are passed over.
    ///
    /// # Errors
    ///
    /// Only when the socket is unusable.
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<Option<ControlFrame>> {
        for _ in 0..PASSED_OVER_MAX {
            let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
            let (len, source) = match rustix::net::recvfrom(&self.socket, &mut *buffer, flags) {
                Ok((_, len, source)) => (len, source),
                Err(Errno::INTR) => continue,
                // The interface went down, and may come back.
                Err(Errno::AGAIN | Errno::NETDOWN) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let source = source.as_ref().and_then(LinkAddress::read);
            if let Some(source) = source.filter(|_| len <= buffer.len()) {
                let source = source.hardware_address();
                return Ok(Some(ControlFrame { source, len }));
            }
        }
        Ok(None)
    }
}

impl AsFd for ControlPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for ControlPort {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
