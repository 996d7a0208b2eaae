//! What every system call here needs.

use std::io;

use rustix::io::Errno;

/// The error of the system call that just failed.
pub(crate) fn last_errno() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}
