//! Linux TUN and TAP devices with many queues (Documentation/networking/tuntap.rst in the kernel's source).

use std::ffi::{c_char, c_short};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::batch::{Arena, TunBatch};
use crate::frames::{Frame, FrameList, MAX_PARTS};
use crate::interface::{self, NameError};
use crate::netns::{Netns, NetnsError};
use crate::traits::{TunQueue, TunSendReport};
use crate::virtio::{Offload, Offloads, VNET_HEADER_LEN};

/// The driver's door.
const DRIVER: &str = "/dev/net/tun";

/// Most queues of one device (MAX_TAP_QUEUES in the kernel).
pub const MAX_QUEUES: usize = 256;

/// No packet information in front of each packet, many queues.
const QUEUE_FLAGS: i32 = libc::IFF_NO_PI | libc::IFF_MULTI_QUEUE;

/// What a device carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// IP packets.
    Tun,
    /// Ethernet frames, without their frame check sequence. The kernel chooses the device's MAC address.
    Tap,
}

impl DeviceKind {
    const fn queue_flags(self, wanted: Offloads) -> i32 {
        let kind = match self {
            Self::Tun => libc::IFF_TUN,
            Self::Tap => libc::IFF_TAP,
        };
        let header = match VnetHeader::of(wanted) {
            VnetHeader::Absent => 0,
            VnetHeader::Present => libc::IFF_VNET_HDR,
        };
        QUEUE_FLAGS | kind | header
    }
}

/// Why a TUN or TAP device cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TunError {
    /// No interface can have this name.
    #[error("device name {name:?}: {error}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        #[source]
        error: NameError,
    },
    /// Zero queues, or more than [`MAX_QUEUES`].
    #[error("a TUN or TAP device has 1 to {MAX_QUEUES} queues, not {0}")]
    QueueCount(usize),
    /// The node or the driver behind it is missing.
    #[error(
        "{DRIVER} is missing: load the driver with `modprobe tun`; in a container without the node, \
         `mkdir -p /dev/net && mknod {DRIVER} c 10 200`"
    )]
    NoDriver,
    /// We lack CAP_NET_ADMIN over the namespace, or access to the node.
    #[error(
        "not allowed to create the device {0}: this needs root or CAP_NET_ADMIN, and access to {DRIVER}"
    )]
    Forbidden(String),
    /// An interface of that name exists in the namespace.
    #[error("the interface {0} exists already: another gateway runs, or another name is needed")]
    Taken(String),
    /// The namespace cannot be used.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// Anything else.
    #[error("device {name}: {error}")]
    System {
        /// The device.
        name: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
}

/// Makes TUN and TAP devices.
#[derive(Debug)]
pub struct TunDevice;

impl TunDevice {
    /// Creates the device `name` with `queues` queues in `netns` (`None`: the namespace of the calling thread). It is
    /// down and has no IP address. It does as much of what is `wanted` of itself as the kernel can. The queues may be used from any namespace; the device goes away with the last of them.
    ///
    /// # Errors
    ///
    /// See [`TunError`]. On an error nothing is left behind.
    pub fn create(
        name: &str,
        kind: DeviceKind,
        queues: usize,
        wanted: Offloads,
        netns: Option<&Netns>,
    ) -> Result<Vec<LinuxTun>, TunError> {
        interface::check_name(name).map_err(|error| TunError::Name {
            name: name.to_owned(),
            error,
        })?;
        if !(1..=MAX_QUEUES).contains(&queues) {
            return Err(TunError::QueueCount(queues));
        }
        match netns {
            Some(netns) => netns.run(|| create_here(name, kind, queues, wanted))?,
            None => create_here(name, kind, queues, wanted),
        }
    }
}

fn create_here(
    name: &str,
    kind: DeviceKind,
    queues: usize,
    wanted: Offloads,
) -> Result<Vec<LinuxTun>, TunError> {
    let flags = kind.queue_flags(wanted);
    // Only the first may create the device; without IFF_TUN_EXCL we would join a device of somebody else.
    let first = open_queue(name, flags | libc::IFF_TUN_EXCL)?;
    // The device's, not the queue's.
    let offloads = enable_offloads(&first, wanted);
    let rest = (1..queues).map(|_| open_queue(name, flags));
    let files = std::iter::once(Ok(first)).chain(rest);
    let queue = |file: Result<OwnedFd, TunError>| {
        file.map(|file| LinuxTun {
            file,
            offloads,
            header: VnetHeader::of(wanted),
        })
    };
    files.map(queue).collect()
}

fn open_queue(name: &str, flags: i32) -> Result<OwnedFd, TunError> {
    let oflags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(DRIVER, oflags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT | Errno::NXIO | Errno::NODEV | Errno::NOTDIR => TunError::NoDriver,
        error => refused(name, error),
    })?;
    attach(&file, name, flags).map_err(|error| refused(name, error))?;
    Ok(file)
}

/// Partial checksums, and TCP super-packets whatever their ECN.
const TCP_OFFLOADS: u32 =
    libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6 | libc::TUN_F_TSO_ECN;
/// And UDP super-packets.
const UDP_OFFLOADS: u32 = TCP_OFFLOADS | libc::TUN_F_USO4 | libc::TUN_F_USO6;

/// Turns on as much of what is wanted as the kernel has.
fn enable_offloads(file: &OwnedFd, wanted: Offloads) -> Offloads {
    let levels = [
        (Offloads::TcpAndUdp, UDP_OFFLOADS),
        (Offloads::Tcp, TCP_OFFLOADS),
    ];
    for (offloads, flags) in levels.into_iter().filter(|(level, _)| *level <= wanted) {
        // SAFETY: TUNSETOFFLOAD takes its argument by value, as an unsigned long.
        let result = unsafe {
            libc::ioctl(
                file.as_raw_fd(),
                libc::TUNSETOFFLOAD,
                libc::c_ulong::from(flags),
            )
        };
        if result == 0 {
            return offloads;
        }
    }
    Offloads::None
}

fn refused(name: &str, error: Errno) -> TunError {
    match error {
        Errno::PERM | Errno::ACCESS => TunError::Forbidden(name.to_owned()),
        // EINVAL: the interface exists and is no device of this kind.
        Errno::BUSY | Errno::EXIST | Errno::INVAL => TunError::Taken(name.to_owned()),
        error => TunError::System {
            name: name.to_owned(),
            error: error.into(),
        },
    }
}

/// Makes `file` a queue of the device `name`.
fn attach(file: &OwnedFd, name: &str, flags: i32) -> Result<(), Errno> {
    // SAFETY: ifreq is a plain C structure of integers, arrays and a union of those; all zero bits are a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // One less than the array, so that the terminating zero stays.
    let place = request.ifr_name.iter_mut().take(interface::MAX_NAME_LEN);
    place
        .zip(name.bytes())
        .for_each(|(to, from)| *to = c_char::from_ne_bytes([from]));
    request.ifr_ifru.ifru_flags = flag_bits(flags);
    // SAFETY: TUNSETIFF takes a pointer to an ifreq, which the kernel reads and writes; `request` is one and lives
    // until the call is over.
    let result = unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            libc::TUNSETIFF,
            std::ptr::from_mut(&mut request),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(crate::sys::last_errno())
    }
}

/// The lower 16 bits: the kernel's flags fill an unsigned 16-bit field that C declares as signed.
fn flag_bits(flags: i32) -> c_short {
    let [a, b, ..] = flags.to_le_bytes();
    c_short::from_le_bytes([a, b])
}

/// One queue of a TUN or TAP device, owned by one lane.
#[derive(Debug)]
pub struct LinuxTun {
    file: OwnedFd,
    offloads: Offloads,
    header: VnetHeader,
}

/// Whether a header stands in front of each packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VnetHeader {
    Present,
    Absent,
}

impl VnetHeader {
    const fn of(wanted: Offloads) -> Self {
        match wanted {
            Offloads::None => Self::Absent,
            Offloads::Tcp | Offloads::TcpAndUdp => Self::Present,
        }
    }
}

impl LinuxTun {
    /// Reads one packet into `buffer`; its length and what is left to be done to it.
    #[inline]
    fn read(&self, buffer: &mut [u8]) -> Result<(usize, Offload), Errno> {
        match self.header {
            VnetHeader::Absent => Ok((rustix::io::read(&self.file, buffer)?, Offload::None)),
            VnetHeader::Present => {
                let mut header = [0; VNET_HEADER_LEN];
                let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(buffer)];
                let len = rustix::io::readv(&self.file, &mut parts)?;
                let len = len.saturating_sub(VNET_HEADER_LEN);
                // A header that we do not understand is one that we did not ask for.
                Ok((len, Offload::parse(&header).unwrap_or_default()))
            }
        }
    }

    /// Writes one frame; whether the device took it.
    #[inline]
    fn write(&self, frame: Frame<'_>, arena: &impl Arena) -> Option<()> {
        if frame.offload.needs() > self.offloads {
            return None;
        }
        let header = frame.offload.emit();
        let mut parts = [IoSlice::new(&[]); 1 + MAX_PARTS];
        let mut count = 0;
        if self.header == VnetHeader::Present {
            *parts.first_mut()? = IoSlice::new(&header);
            count = 1;
        }
        for (place, part) in parts.get_mut(count..)?.iter_mut().zip(frame.parts) {
            *place = IoSlice::new(arena.slice(part)?);
        }
        count += frame.parts.len();
        let parts = parts.get(..count)?;
        let written = rustix::io::retry_on_intr(|| rustix::io::writev(&self.file, parts)).ok()?;
        // Writing nothing succeeds, and is no packet.
        (written > 0).then_some(())
    }
}

impl TunQueue for LinuxTun {
    fn recv_batch(&mut self, batch: &mut TunBatch) -> io::Result<usize> {
        batch.clear();
        while let Some(buffer) = batch.next_buffer() {
            match self.read(buffer) {
                Ok((len, offload)) => batch.commit(len, offload),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // The device was deleted. What came before it is delivered first.
                Err(error) if batch.is_empty() => return Err(error.into()),
                Err(_) => break,
            }
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, frames: &FrameList, arena: &impl Arena) -> TunSendReport {
        let taken = |frame: &Frame<'_>| self.write(*frame, arena).is_some();
        let sent = frames.iter().filter(taken).count();
        TunSendReport {
            sent,
            dropped: frames.len() - sent,
        }
    }

    fn offloads(&self) -> Offloads {
        self.offloads
    }
}

impl AsFd for LinuxTun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for LinuxTun {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

#[cfg(test)]
mod tests;
