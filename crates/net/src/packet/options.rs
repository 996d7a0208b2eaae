//! Options of a port's sockets.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::{Reception, steer};
use crate::interface::{HardwareAddress, InterfaceIndex};
use crate::sys::{get_integers, set_integer, set_option};

/// Receive buffer of a lane in bytes as the kernel counts them, which is 2,304 for a frame of 1,500: 3,600 of those, so
/// that a lane may be away for three milliseconds at a million frames a second.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Send buffer of a lane in bytes as the kernel counts them: 450 frames of 1,500. On a veth they count until the other end
/// has read them, and there the kernel drops what is beyond 1,000 (net.core.netdev_max_backlog) without a word.
const SEND_BUFFER: usize = 1 << 20;

/// A socket without interface: non-blocking, closed on exec, past the traffic control, deaf until it is bound.
///
/// For a while after an interface has got its carrier the traffic control throws away what it is given.
pub(super) fn socket(kind: SocketType) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::PACKET, kind, flags, None)?;
    set_integer(&socket, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, 1)?;
    Ok(socket)
}

/// A lane's socket: frames with their addresses.
pub(super) fn lane() -> io::Result<OwnedFd> {
    let socket = socket(SocketType::RAW)?;
    // A socket for one EtherType hears nothing of what is sent; should a kernel think otherwise, this says it. Linux 4.20.
    drop(set_integer(
        &socket,
        libc::SOL_PACKET,
        libc::PACKET_IGNORE_OUTGOING,
        1,
    ));
    if sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BUFFER / 2).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER / 2)?;
    }
    if sockopt::set_socket_send_buffer_size_force(&socket, SEND_BUFFER / 2).is_err() {
        sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER / 2)?;
    }
    Ok(socket)
}

/// The control socket: the kernel writes and takes off the Ethernet header. Without [`Reception::Bridge`] an interface may
/// still show frames to other stations; those are refused here in any case.
pub(super) fn control() -> io::Result<OwnedFd> {
    let socket = socket(SocketType::DGRAM)?;
    let packet_type = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
    let mut program = [
        instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, packet_type),
        libc::sock_filter {
            jt: 1,
            ..instruction(
                libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
                libc::PACKET_OTHERHOST.into(),
            )
        },
        instruction(libc::BPF_RET | libc::BPF_K, u32::MAX),
        instruction(libc::BPF_RET | libc::BPF_K, 0),
    ];
    attach(
        &socket,
        libc::SOL_SOCKET,
        libc::SO_ATTACH_FILTER,
        &mut program,
    )?;
    Ok(socket)
}

/// Takes the frames to `group` from the wire, all to groups, and all if asked for: until the socket is closed. The kernel
/// counts who wants that, so nobody else's wish is disturbed.
pub(super) fn receive(
    socket: &OwnedFd,
    interface: InterfaceIndex,
    group: HardwareAddress,
    reception: Reception,
) -> io::Result<()> {
    let [a, b, c, d, e, f] = group.octets();
    let membership = |kind: i32| libc::packet_mreq {
        mr_ifindex: i32::try_from(interface.get()).unwrap_or(-1),
        mr_type: u16::try_from(kind).unwrap_or_default(),
        mr_alen: 6,
        mr_address: [a, b, c, d, e, f, 0, 0],
    };
    let kinds: &[i32] = match reception {
        Reception::Station => &[libc::PACKET_MR_MULTICAST, libc::PACKET_MR_ALLMULTI],
        Reception::Bridge => &[
            libc::PACKET_MR_MULTICAST,
            libc::PACKET_MR_ALLMULTI,
            libc::PACKET_MR_PROMISC,
        ],
    };
    kinds.iter().try_for_each(|kind| {
        set_option(
            socket,
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            &membership(*kind),
        )
    })
}

/// Makes the socket deaf.
pub(super) fn refuse_all(socket: &OwnedFd) -> io::Result<()> {
    let mut program = [instruction(libc::BPF_RET | libc::BPF_K, 0)];
    attach(
        socket,
        libc::SOL_SOCKET,
        libc::SO_ATTACH_FILTER,
        &mut program,
    )
}

/// Ends that.
pub(super) fn accept_all(socket: &OwnedFd) -> io::Result<()> {
    set_integer(socket, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, 0)
}

/// The number of a group of sockets that share frames (PACKET_FANOUT).
#[derive(Debug, Clone, Copy)]
pub(super) struct Group(u32);

/// Puts a bound socket into `group`, or into a new one of its own that others cannot join by accident; then it says how
/// frames are shared among `lanes`.
pub(super) fn join(socket: &OwnedFd, group: Option<Group>, lanes: usize) -> io::Result<Group> {
    // The lower half is the group's number, the upper one what kind it is.
    let kind = libc::PACKET_FANOUT_CBPF << 16;
    let (level, name) = (libc::SOL_PACKET, libc::PACKET_FANOUT);
    if let Some(group) = group {
        set_option(socket, level, name, &(kind | group.0))?;
        return Ok(group);
    }
    let unique = libc::PACKET_FANOUT_FLAG_UNIQUEID << 16;
    set_option(socket, level, name, &(kind | unique))?;
    let [number] = get_integers(socket, level, name)?;
    let lanes = u32::try_from(lanes).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut program = steer::program(lanes);
    attach(socket, level, libc::PACKET_FANOUT_DATA, &mut program)?;
    Ok(Group(number & 0xffff))
}

pub(super) fn instruction(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt: 0,
        jf: 0,
        k,
    }
}

/// Gives the kernel a classic BPF program.
fn attach(
    socket: impl AsFd,
    level: i32,
    option: i32,
    program: &mut [libc::sock_filter],
) -> io::Result<()> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_mut_ptr(),
    };
    set_option(socket, level, option, &filter)
}
