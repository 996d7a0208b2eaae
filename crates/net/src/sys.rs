//! What every system call here needs.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;

/// The error of the system call that just failed.
pub(crate) fn last_errno() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}

pub(crate) fn set_integer(socket: impl AsFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    set_option(socket, level, name, &value)
}

/// setsockopt(2) for what rustix does not know. `T` is the type that the kernel expects for this option.
pub(crate) fn set_option<T>(socket: impl AsFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    let len = u32::try_from(size_of::<T>()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the pointer and the length describe `value`, a live object; the kernel only reads it. What a sock_fprog
    // points to lives in the caller until this returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            len,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// getsockopt(2) for options that are 32-bit numbers: the first `N` of them.
pub(crate) fn get_integers<const N: usize>(
    socket: impl AsFd,
    level: i32,
    name: i32,
) -> io::Result<[u32; N]> {
    let mut value = [0; N];
    let mut len = u32::try_from(size_of_val(&value)).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: the pointer and the length describe `value`, which the kernel fills at most; any bytes are valid in it.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if result == 0 {
        Ok(value)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A message header that points nowhere.
pub(crate) fn empty_header() -> libc::mmsghdr {
    // SAFETY: mmsghdr consists of integers and raw pointers; for both all zero bits are a valid value.
    unsafe { std::mem::zeroed() }
}

/// A message of one part, without address and ancillary data.
pub(crate) fn header_of_one(part: &mut libc::iovec) -> libc::mmsghdr {
    let mut header = empty_header();
    header.msg_hdr.msg_iov = part;
    header.msg_hdr.msg_iovlen = 1;
    header
}
