//! Socket options of a group's members.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::sys::{set_integer, set_option};

/// Receive buffer of a data socket, in bytes as the kernel counts them: about forty trains of 64 KiB, so that a lane may
/// be away from its socket for a millisecond at tens of Gb/s. The usual default holds three.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Send buffer, in bytes: several full trains, and little enough that back-pressure is felt.
const SEND_BUFFER: usize = 1 << 20;

/// First byte of a data datagram.
const DATA_TYPE: u32 = 4;

/// A UDP socket without address: non-blocking, closed on exec, part of a `SO_REUSEPORT` group once bound.
pub(super) fn member(family: AddressFamily) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::DGRAM, flags, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    if family == AddressFamily::INET6 {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    Ok(socket)
}

/// Options of a data socket: never fragment and ignore what ICMP says about the path, receive whole trains and their
/// TOS byte.
pub(super) fn data(socket: &OwnedFd, family: AddressFamily) -> io::Result<()> {
    if family == AddressFamily::INET6 {
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::PROBE)?;
        sockopt::set_ipv6_recvtclass(socket, true)?;
    } else {
        sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::PROBE)?;
        sockopt::set_ip_recvtos(socket, true)?;
    }
    // Only a kernel before 5.0 lacks it; then every datagram arrives alone.
    drop(set_integer(socket, libc::SOL_UDP, libc::UDP_GRO, 1));
    buffers(socket)
}

/// Options of the control socket: may be fragmented, so that a handshake crosses a path of 1,280 bytes.
pub(super) fn control(socket: &OwnedFd, family: AddressFamily) -> io::Result<()> {
    if family == AddressFamily::INET6 {
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::DONT)?;
    } else {
        sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::DONT)?;
    }
    buffers(socket)
}

/// Enlarges both buffers beyond the system's limit where we may, else up to it.
fn buffers(socket: &OwnedFd) -> io::Result<()> {
    if sockopt::set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER / 2).is_err() {
        sockopt::set_socket_recv_buffer_size(socket, RECEIVE_BUFFER / 2)?;
    }
    if sockopt::set_socket_send_buffer_size_force(socket, SEND_BUFFER / 2).is_err() {
        sockopt::set_socket_send_buffer_size(socket, SEND_BUFFER / 2)?;
    }
    Ok(())
}

/// Steers the datagrams of the group that `socket` belongs to: data to member `lane mod lanes`, the rest to member
/// `lanes`. Set before the first bind, it holds from the first datagram on.
///
/// For UDP the program sees the payload at offset 0. A load beyond the end of a short datagram makes the kernel take
/// member 0, where it is counted as too short.
pub(super) fn steer(socket: &OwnedFd, lanes: u32) -> io::Result<()> {
    let code = |code: u32| u16::try_from(code).unwrap_or_default();
    let load_byte = code(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS);
    let step = |code, k| libc::sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    };
    let jump_unless_data = libc::sock_filter {
        code: code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K),
        jt: 0,
        jf: 3,
        k: DATA_TYPE,
    };
    let mut program = [
        step(load_byte, 0),
        jump_unless_data,
        step(load_byte, 1),
        step(code(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K), lanes),
        step(code(libc::BPF_RET | libc::BPF_A), 0),
        step(code(libc::BPF_RET | libc::BPF_K), lanes),
    ];
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_mut_ptr(),
    };
    set_option(
        socket,
        libc::SOL_SOCKET,
        libc::SO_ATTACH_REUSEPORT_CBPF,
        &filter,
    )
}

/// Whether another socket holds `address` already. Without this look a second gateway of the same user would silently
/// join the group of the first.
pub(super) fn ensure_free(address: std::net::SocketAddr) -> io::Result<()> {
    let probe = rustix::net::socket_with(
        family_of(address),
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&probe, true)?;
    }
    rustix::net::bind(&probe, &address).map_err(Errno::into)
}

/// The address family of `address`.
pub(crate) fn family_of(address: std::net::SocketAddr) -> AddressFamily {
    if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    }
}
