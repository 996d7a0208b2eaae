//! Whose a port is. The kernel lets any number of processes read and write the frames of an interface; two that protect
//! it would both answer its peer.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

use super::PortError;
use crate::interface::InterfaceIndex;

/// Holds a port for this process, until it is dropped or the process ends in any way.
///
/// It is an abstract unix socket (unix(7)): such names belong to one network namespace, as interfaces do, and the kernel
/// frees them by itself. Nobody needs a right to take such a name, so another user of the namespace could keep a gateway
/// from starting; the error tells which process it is.
#[derive(Debug)]
pub(super) struct PortLock {
    _listener: UnixListener,
}

impl PortLock {
    /// Takes the port, in the namespace of the calling thread.
    pub(super) fn acquire(name: &str, index: InterfaceIndex) -> Result<Self, PortError> {
        let system = |error| super::refused(name, error);
        let place = format!("linkveil/port/{index}");
        let address = SocketAddr::from_abstract_name(&place).map_err(system)?;
        match UnixListener::bind_addr(&address) {
            Ok(_listener) => Ok(Self { _listener }),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(PortError::Taken {
                name: name.to_owned(),
                process: owner(&place),
            }),
            Err(error) => Err(system(error)),
        }
    }
}

/// The process that listens there, 0 if the kernel does not tell. Nobody accepts there, so that all who ever asked wait in
/// a queue; who finds it full does not wait for room.
fn owner(name: &str) -> i32 {
    let process = || {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let kind = SocketType::STREAM;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None).ok()?;
        let address = SocketAddrUnix::new_abstract_name(name.as_bytes()).ok()?;
        rustix::net::connect(&socket, &address).ok()?;
        let credentials = sockopt::socket_peercred(&socket).ok()?;
        Some(credentials.pid.as_raw_nonzero().get())
    };
    process().unwrap_or(0)
}
