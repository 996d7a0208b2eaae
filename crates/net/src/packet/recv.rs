//! recvmmsg(2): many frames with one system call.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use crate::port::PortBatch;
use crate::sys;

/// Least frames that a call asks for: a quiet lane prepares no more.
const ASKED_MIN: usize = 16;

/// The arrays that recvmmsg(2) works on, one element of each for a frame. Allocated once.
#[derive(Debug)]
pub(super) struct Receiver {
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    /// Frames that the next call asks for: what it takes to prepare for one is spent for each, whether it comes or not.
    asked: usize,
}

// SAFETY: the raw pointers inside `headers` and `parts` are written right before each system call and followed by
// nobody but the kernel during it; between calls they are dead numbers that any thread may own.
unsafe impl Send for Receiver {}

impl Receiver {
    pub(super) fn new() -> Self {
        Self {
            headers: Vec::new(),
            parts: Vec::new(),
            asked: ASKED_MIN,
        }
    }

    /// Replaces the content of `batch` by what waits at `socket`. As long as all come that are asked for, it asks for twice
    /// as many.
    pub(super) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        batch: &mut PortBatch,
    ) -> Result<(), Errno> {
        batch.clear();
        while !batch.is_full() {
            let received = match self.receive_some(socket, batch) {
                Ok(received) => received,
                Err(error) if batch.is_empty() => return Err(error),
                // What came before is delivered first.
                Err(_) => break,
            };
            if received < self.headers.len() {
                self.asked = received.next_power_of_two().max(ASKED_MIN);
                break;
            }
            self.asked = batch.capacity().min(2 * self.asked);
        }
        Ok(())
    }

    /// One call; how many frames came.
    fn receive_some(
        &mut self,
        socket: BorrowedFd<'_>,
        batch: &mut PortBatch,
    ) -> Result<usize, Errno> {
        self.prepare(batch);
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        // SAFETY: `headers` holds `count` elements. `prepare` has just pointed each of them to an iovec inside a vector of
        // `self` that is not touched until the call is over, and each iovec to a buffer of its own inside `batch`, which
        // we hold exclusively, with that buffer's length. No timeout.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| sys::last_errno())?;
        for header in self.headers.iter().take(received) {
            if header.msg_hdr.msg_flags & libc::MSG_TRUNC == 0 {
                batch.commit(header.msg_len as usize);
            } else {
                batch.commit_truncated();
            }
        }
        Ok(received)
    }

    fn prepare(&mut self, batch: &mut PortBatch) {
        self.parts.clear();
        let buffers = batch.raw_buffers().take(self.asked);
        self.parts.extend(buffers.map(|buffer| libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        }));
        self.headers.clear();
        let headers = self.parts.iter_mut().map(sys::header_of_one);
        self.headers.extend(headers);
    }
}
