//! Linux TUN and TAP devices with many queues (Documentation/networking/tuntap.rst in the kernel's source).

use std::ffi::{c_char, c_short};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::batch::{InnerSlice, TunBatch, UdpBatch};
use crate::interface::{self, NameError};
use crate::netns::{Netns, NetnsError};
use crate::traits::{TunQueue, TunSendReport};

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
    const fn queue_flags(self) -> i32 {
        QUEUE_FLAGS
            | match self {
                Self::Tun => libc::IFF_TUN,
                Self::Tap => libc::IFF_TAP,
            }
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
    /// down and has no IP address. The queues may be used from any namespace; the device goes away with the last of them.
    ///
    /// # Errors
    ///
    /// See [`TunError`]. On an error nothing is left behind.
    pub fn create(
        name: &str,
        kind: DeviceKind,
        queues: usize,
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
            Some(netns) => netns.run(|| create_here(name, kind, queues))?,
            None => create_here(name, kind, queues),
        }
    }
}

fn create_here(name: &str, kind: DeviceKind, queues: usize) -> Result<Vec<LinuxTun>, TunError> {
    let flags = kind.queue_flags();
    // Only the first may create the device; without IFF_TUN_EXCL we would join a device of somebody else.
    let first = open_queue(name, flags | libc::IFF_TUN_EXCL)?;
    let rest = (1..queues).map(|_| open_queue(name, flags));
    std::iter::once(Ok(first)).chain(rest).collect()
}

fn open_queue(name: &str, flags: i32) -> Result<LinuxTun, TunError> {
    let oflags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(DRIVER, oflags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT | Errno::NXIO | Errno::NODEV | Errno::NOTDIR => TunError::NoDriver,
        error => refused(name, error),
    })?;
    attach(&file, name, flags).map_err(|error| refused(name, error))?;
    Ok(LinuxTun { file })
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
}

impl TunQueue for LinuxTun {
    fn recv_batch(&mut self, batch: &mut TunBatch) -> io::Result<usize> {
        batch.clear();
        while let Some(buffer) = batch.next_buffer() {
            match rustix::io::read(&self.file, buffer) {
                Ok(len) => batch.commit(len),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // The device was deleted. What came before it is delivered first.
                Err(error) if batch.is_empty() => return Err(error.into()),
                Err(_) => break,
            }
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, frames: &[InnerSlice], arena: &UdpBatch) -> TunSendReport {
        let taken = |bytes: &&[u8]| {
            rustix::io::retry_on_intr(|| rustix::io::write(&self.file, bytes)).is_ok()
        };
        let sent = frames
            .iter()
            .filter_map(|frame| arena.slice(frame))
            .filter(taken)
            .count();
        TunSendReport {
            sent,
            dropped: frames.len() - sent,
        }
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
