//! sendmmsg(2): many frames with one system call.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use crate::port::PortOutbox;
use crate::sys;
use crate::traits::PortSendReport;

/// Frames in one system call: those of a super-packet of 64 KiB at an MTU of 1,500, and some.
const MAX_MESSAGES: usize = 64;

/// How often in a row a full transmit ring is met by waiting. The kernel has one word (ENOBUFS) for a ring that will be
/// free in microseconds and for a cable that is not plugged in, so waiting must end: then frames are dropped, until one
/// is taken again.
const PATIENCE: u32 = 64;

/// The arrays that sendmmsg(2) works on. Allocated once.
#[derive(Debug)]
pub(super) struct Sender {
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    /// Refusals in a row.
    refusals: u32,
}

// SAFETY: the raw pointers inside `headers` and `parts` are written right before each system call and followed by
// nobody but the kernel during it; between calls they are dead numbers that any thread may own.
unsafe impl Send for Sender {}

impl Sender {
    pub(super) fn new() -> Self {
        Self {
            headers: Vec::with_capacity(MAX_MESSAGES),
            parts: Vec::with_capacity(MAX_MESSAGES),
            refusals: 0,
        }
    }

    /// Sends until `outbox` is empty or the port full. Every round of the loop removes a frame or leaves.
    pub(super) fn send_all(
        &mut self,
        socket: BorrowedFd<'_>,
        outbox: &mut PortOutbox,
    ) -> Result<PortSendReport, Errno> {
        let mut report = PortSendReport::default();
        while !outbox.is_empty() {
            match self.send_some(socket, outbox) {
                Ok(frames) => {
                    self.refusals = 0;
                    report.sent += frames;
                    outbox.consume(frames);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    report.blocked = true;
                    break;
                }
                Err(Errno::NOBUFS) if self.refusals < PATIENCE => {
                    self.refusals += 1;
                    report.blocked = true;
                    break;
                }
                Err(error @ (Errno::BADF | Errno::NOTSOCK | Errno::FAULT)) => return Err(error),
                // Errors of later frames come back when they are first.
                Err(error) => {
                    if error == Errno::MSGSIZE {
                        report.dropped_too_big += 1;
                    } else {
                        report.dropped += 1;
                    }
                    outbox.consume(1);
                }
            }
        }
        Ok(report)
    }

    /// One sendmmsg(2) with as many frames as fit. Returns how many the kernel took, at least one.
    fn send_some(&mut self, socket: BorrowedFd<'_>, outbox: &PortOutbox) -> Result<usize, Errno> {
        self.parts.clear();
        let frames = outbox.frames().take(MAX_MESSAGES);
        // sendmmsg(2) only reads, but struct iovec has no const form.
        self.parts.extend(frames.map(|frame| libc::iovec {
            iov_base: frame.as_ptr().cast_mut().cast(),
            iov_len: frame.len(),
        }));
        self.headers.clear();
        let headers = self.parts.iter_mut().map(sys::header_of_one);
        self.headers.extend(headers);
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        // SAFETY: `headers` holds `count` elements, each pointing to an iovec inside a vector of `self` that nobody touches
        // until the call is over; the iovecs point to bytes of `outbox`, which we borrow that long, and the kernel only
        // reads them. There are no addresses: the socket is bound.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        usize::try_from(sent).map_err(|_| sys::last_errno())
    }
}
