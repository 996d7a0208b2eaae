//! Linux UDP sockets: a `SO_REUSEPORT` group with one data socket for each lane and one for control.
//!
//! The group's members have one address. A small classic BPF program in the kernel reads the first two bytes of each
//! datagram: data goes to the socket of its lane, the rest to control. Receive offload may still deliver a train whose
//! later datagrams belong to other lanes, because the kernel merges before it steers.

mod address;
mod cmsg;
pub(crate) mod options;
mod recv;
mod send;

pub(crate) use options::family_of;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;

use crate::batch::UdpBatch;
use crate::gso::GsoQueue;
use crate::traits::{UdpQueue, UdpSendReport};

/// Most data sockets in a group, as lanes are numbered in six bits.
pub const MAX_LANES: usize = 64;

/// The remote of a datagram whose address we cannot read: it never happens, and no peer has this one.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// All sockets of one listen address.
#[derive(Debug)]
pub struct ReuseportGroup {
    /// One socket for each lane, in lane order. DF is set and ICMP about the path ignored (IP_PMTUDISC_PROBE).
    pub data: Vec<LinuxUdp>,
    /// For all that is not data. Non-blocking; its datagrams may be fragmented.
    pub control: UdpSocket,
}

impl ReuseportGroup {
    /// Binds `lanes` data sockets (1..=[`MAX_LANES`]) and the control socket to `address`, in the network namespace of
    /// the calling thread. Port 0 takes a free port, the same for all.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when anyone, another group included, holds the address; `AddrNotAvailable` when no interface has it;
    /// `InvalidInput` for a number of lanes outside the range; else what the system says.
    pub fn bind(address: SocketAddr, lanes: usize) -> io::Result<Self> {
        let members = match u32::try_from(lanes) {
            Ok(members @ 1..) if lanes <= MAX_LANES => members,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a group has 1 to 64 lanes",
                ));
            }
        };
        options::ensure_free(address)?;
        let family = family_of(address);
        let mut address = address;
        let mut data = Vec::with_capacity(lanes);
        // The order of the binds is the order of the members, which the steering program counts on.
        for lane in 0..lanes {
            let socket = options::member(family)?;
            options::data(&socket, family)?;
            if lane == 0 {
                options::steer(&socket, members)?;
            }
            address = bind(&socket, address)?;
            data.push(LinuxUdp::new(socket, address));
        }
        let control = options::member(family)?;
        options::control(&control, family)?;
        bind(&control, address)?;
        Ok(Self {
            data,
            control: control.into(),
        })
    }

    /// The address of all members.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.data.first().map_or(NOWHERE, LinuxUdp::local_addr)
    }
}

/// Binds and returns the address with its true port.
fn bind(socket: &OwnedFd, address: SocketAddr) -> io::Result<SocketAddr> {
    rustix::net::bind(socket, &address)?;
    Ok(rustix::net::getsockname(socket)?.try_into()?)
}

/// A data socket: one member of a [`ReuseportGroup`], owned by one lane.
#[derive(Debug)]
pub struct LinuxUdp {
    socket: OwnedFd,
    local: SocketAddr,
    receiver: recv::Receiver,
    sender: send::Sender,
}

impl LinuxUdp {
    fn new(socket: OwnedFd, local: SocketAddr) -> Self {
        Self {
            socket,
            local,
            receiver: recv::Receiver::new(),
            sender: send::Sender::new(),
        }
    }

    /// The address of its group.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl UdpQueue for LinuxUdp {
    fn recv_batch(&mut self, batch: &mut UdpBatch) -> io::Result<usize> {
        match self.receiver.receive(self.socket.as_fd(), batch) {
            Ok(()) => Ok(batch.len()),
            Err(error @ (Errno::BADF | Errno::NOTSOCK | Errno::FAULT | Errno::INVAL)) => {
                Err(error.into())
            }
            // Nothing there, interrupted, or an error that belongs to one destination: poll again.
            Err(_) => Ok(0),
        }
    }

    fn send_batch(&mut self, queue: &mut GsoQueue) -> io::Result<UdpSendReport> {
        Ok(self.sender.send_all(self.socket.as_fd(), queue)?)
    }
}

impl AsFd for LinuxUdp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for LinuxUdp {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests;
