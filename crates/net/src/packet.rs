//! Linux packet sockets (packet(7)) on a protected port.
//!
//! A port has one socket for each lane, which see EtherType 0x88E5 (MACsec) and nothing else, and one for control, which
//! sees 0x88B5 (for local experiments, IEEE 802-2014 9.2.4). So whatever else the port carries (LLDP, EAPOL, IP) is
//! neither seen nor disturbed. A program in the kernel gives each frame to the lane of its channel (`steer.rs`).
//!
//! What is sent leaves below the traffic control of the kernel (PACKET_QDISC_BYPASS) and above nothing: a packet capture
//! on the same port does not show it, one on the other end does. What the lanes send they do not receive.
//!
//! VLAN tags: those inside a MACsec frame are part of what it hides. One *outside* is no affair of a port: the kernel gives
//! such a frame to the VLAN's own interface. Where there is none it takes the tag off and shows the frame to the lanes
//! like any other; PACKET_AUXDATA would not tell, because the kernel forgets the tag before. No harm: the outer tag was
//! never protected, and the frame is authentic or it is dropped.

mod address;
mod control;
mod lock;
mod options;
mod recv;
mod send;
pub(crate) mod steer;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::io::Errno;

pub use control::{CONTROL_GROUP, ControlFrame, ControlPort, PortCondition};

use crate::interface::{self, HardwareAddress, InterfaceIndex, NameError};
use crate::port::{PortBatch, PortOutbox};
use crate::sys;
use crate::traits::{PortQueue, PortSendReport};
use address::LinkAddress;
use lock::PortLock;

/// EtherType of a MACsec frame (IEEE 802.1AE-2018 9.8).
pub const ETHERTYPE_MACSEC: u16 = 0x88e5;

/// EtherType of control frames.
pub const ETHERTYPE_CONTROL: u16 = 0x88b5;

/// Most lanes of a port, as lanes are numbered in six bits.
pub const MAX_LANES: usize = crate::udp::MAX_LANES;

/// Which frames a port takes from the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// Those to its own address, and all to groups.
    Station,
    /// All: hosts with other addresses are behind it, as when its device is a port of a bridge.
    Bridge,
}

/// Why a port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// No interface can have this name.
    #[error("port name {name:?}: {error}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        #[source]
        error: NameError,
    },
    /// Nothing of that name.
    #[error("there is no interface {0} in this namespace")]
    NoInterface(String),
    /// It carries something else than Ethernet frames.
    #[error("{0} is no Ethernet interface")]
    NotEthernet(String),
    /// Its lanes cannot be told apart while it is down.
    #[error("the port {0} is down: `ip link set {0} up`")]
    Down(String),
    /// Zero lanes, or more than [`MAX_LANES`].
    #[error("a port has 1 to {MAX_LANES} lanes, not {0}")]
    Lanes(usize),
    /// Somebody owns it.
    #[error("the port {name} is protected by process {process} already")]
    Taken {
        /// The port.
        name: String,
        /// The owner, 0 if the kernel does not tell: it is in another PID namespace, or was asked for too often.
        process: i32,
    },
    /// We lack CAP_NET_RAW over the namespace.
    #[error("not allowed to open the port {0}: this needs root or CAP_NET_RAW and CAP_NET_ADMIN")]
    Forbidden(String),
    /// Anything else.
    #[error("port {name}: {error}")]
    System {
        /// The port.
        name: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
}

/// All sockets of one port. It belongs to this process as long as any of them is open.
#[derive(Debug)]
pub struct PacketPort {
    /// One queue for each lane, in lane order.
    pub lanes: Vec<LinuxPort>,
    /// For control frames.
    pub control: ControlPort,
}

impl PacketPort {
    /// Opens the interface `name`, which must be up, with so many lanes, in the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// See [`PortError`]. On an error nothing is left behind.
    pub fn open(name: &str, lanes: usize, reception: Reception) -> Result<Self, PortError> {
        interface::check_name(name).map_err(|error| PortError::Name {
            name: name.to_owned(),
            error,
        })?;
        if !(1..=MAX_LANES).contains(&lanes) {
            return Err(PortError::Lanes(lanes));
        }
        let system = |error| refused(name, error);
        let index = interface::index_of(name).map_err(system)?;
        let index = index.ok_or_else(|| PortError::NoInterface(name.to_owned()))?;
        let lock = Arc::new(PortLock::acquire(name, index)?);
        let control = ControlPort::open(index, reception, Arc::clone(&lock)).map_err(system)?;
        if control.local().hardware_type() != libc::ARPHRD_ETHER {
            return Err(PortError::NotEthernet(name.to_owned()));
        }
        let sockets = lane_sockets(index, lanes).map_err(system)?;
        let lanes = sockets
            .into_iter()
            .map(|socket| LinuxPort::new(socket, Arc::clone(&lock)));
        Ok(Self {
            lanes: lanes.collect(),
            control,
        })
    }

    /// The port's address.
    #[must_use]
    pub fn hardware_address(&self) -> HardwareAddress {
        self.control.local().hardware_address()
    }
}

fn refused(name: &str, error: io::Error) -> PortError {
    let name = name.to_owned();
    match Errno::from_io_error(&error) {
        Some(Errno::PERM | Errno::ACCESS) => PortError::Forbidden(name),
        Some(Errno::NETDOWN) => PortError::Down(name),
        Some(Errno::NODEV | Errno::NXIO) => PortError::NoInterface(name),
        _ => PortError::System { name, error },
    }
}

/// The lanes' sockets. Frames come in once all of them are there, each to its own lane: before, each would come to every
/// socket.
fn lane_sockets(index: InterfaceIndex, lanes: usize) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::with_capacity(lanes);
    let mut group = None;
    for _ in 0..lanes {
        let socket = options::lane()?;
        options::refuse_all(&socket)?;
        rustix::net::bind(&socket, &LinkAddress::new(index, ETHERTYPE_MACSEC))?;
        if lanes > 1 {
            group = Some(options::join(&socket, group, lanes)?);
        }
        sockets.push(socket);
    }
    for socket in &sockets {
        options::accept_all(socket)?;
    }
    Ok(sockets)
}

/// One queue of a [`PacketPort`], owned by one lane.
#[derive(Debug)]
pub struct LinuxPort {
    socket: OwnedFd,
    receiver: recv::Receiver,
    sender: send::Sender,
    _lock: Arc<PortLock>,
}

impl LinuxPort {
    fn new(socket: OwnedFd, lock: Arc<PortLock>) -> Self {
        Self {
            socket,
            receiver: recv::Receiver::new(),
            sender: send::Sender::new(),
            _lock: lock,
        }
    }

    /// Whether the interface was deleted. The kernel says so by a number that no interface has.
    fn is_gone(&self) -> bool {
        LinkAddress::of(&self.socket).is_ok_and(|local| local.is_nowhere())
    }
}

impl PortQueue for LinuxPort {
    fn recv_batch(&mut self, batch: &mut PortBatch) -> io::Result<usize> {
        match self.receiver.receive(self.socket.as_fd(), batch) {
            Ok(()) => Ok(batch.len()),
            Err(error @ (Errno::BADF | Errno::NOTSOCK | Errno::FAULT | Errno::INVAL)) => {
                Err(error.into())
            }
            Err(error @ Errno::NETDOWN) if self.is_gone() => Err(error.into()),
            // Nothing there, interrupted, or the interface went down and may come back: poll again.
            Err(_) => Ok(0),
        }
    }

    fn send_batch(&mut self, outbox: &mut PortOutbox) -> io::Result<PortSendReport> {
        let report = self.sender.send_all(self.socket.as_fd(), outbox)?;
        // Both are told for frames, but may mean the port.
        if report.dropped > 0 && self.is_gone() {
            return Err(Errno::NETDOWN.into());
        }
        Ok(report)
    }

    fn take_overruns(&mut self) -> u64 {
        // struct tpacket_stats: all frames, and those of them that were dropped. Reading sets both to 0.
        let statistics =
            sys::get_integers::<2>(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS);
        statistics.map_or(0, |[_all, dropped]| dropped.into())
    }
}

impl AsFd for LinuxPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for LinuxPort {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests;
