//! sendmmsg(2) with UDP_SEGMENT: many trains with one system call.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::address::RawAddress;
use super::cmsg::{Ancillary, Kind};
use crate::gso::{GsoQueue, MAX_TRAIN_SEGMENTS, SAFE_TRAIN_SEGMENTS, Train};
use crate::traits::{GsoNotice, UdpSendReport};

/// Messages in one system call. More would not make it cheaper: 16 full trains are a megabyte.
const MAX_MESSAGES: usize = 64;

/// What one message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// A train.
    Trains,
    /// The kernel refused the front train. One single datagram of it goes first, to learn whether the destination or
    /// the segmentation is to blame.
    Trial,
    /// A datagram: this kernel or device does no segmentation. For ever.
    Singles,
}

/// The arrays that sendmmsg(2) works on. Allocated once.
#[derive(Debug)]
pub(super) struct Sender {
    mode: Mode,
    /// Most datagrams of one message, as far as the kernel is known.
    longest: usize,
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    addresses: Vec<RawAddress>,
    ancillary: Vec<Ancillary>,
    /// Datagrams in each message.
    segments: Vec<usize>,
}

// SAFETY: the raw pointers inside `headers` and `parts` are written right before each system call and followed by
// nobody but the kernel during it; between calls they are dead numbers that any thread may own.
unsafe impl Send for Sender {}

impl Sender {
    pub(super) fn new() -> Self {
        Self {
            mode: Mode::Trains,
            longest: MAX_TRAIN_SEGMENTS,
            headers: Vec::with_capacity(MAX_MESSAGES),
            parts: Vec::with_capacity(MAX_MESSAGES),
            addresses: vec![RawAddress::default(); MAX_MESSAGES],
            ancillary: vec![Ancillary::default(); MAX_MESSAGES],
            segments: Vec::with_capacity(MAX_MESSAGES),
        }
    }

    /// Sends until `queue` is empty or the socket full. Every round of the loop removes something from the queue,
    /// leaves, or goes one mode on.
    pub(super) fn send_all(
        &mut self,
        socket: BorrowedFd<'_>,
        queue: &mut GsoQueue,
    ) -> Result<UdpSendReport, Errno> {
        let mut report = UdpSendReport::default();
        while !queue.is_empty() {
            match self.send_some(socket, queue) {
                Ok(messages) => self.account_sent(messages, queue, &mut report),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    report.blocked = true;
                    break;
                }
                Err(error @ (Errno::BADF | Errno::NOTSOCK | Errno::FAULT)) => return Err(error),
                Err(error) => self.account_refused(error, queue, &mut report),
            }
        }
        Ok(report)
    }

    fn account_sent(&mut self, messages: usize, queue: &mut GsoQueue, report: &mut UdpSendReport) {
        for segments in self.segments.iter().take(messages) {
            queue.consume(*segments);
            report.sent += segments;
        }
        if self.mode == Mode::Trial {
            self.mode = Mode::Singles;
            report.gso = GsoNotice::TurnedOff;
        }
    }

    /// The kernel refused the first message. Errors of later ones come back when they are first.
    fn account_refused(&mut self, error: Errno, queue: &mut GsoQueue, report: &mut UdpSendReport) {
        let Some(train) = queue.front() else { return };
        if error == Errno::INVAL
            && self.longest > SAFE_TRAIN_SEGMENTS
            && train.segment_count() > SAFE_TRAIN_SEGMENTS
        {
            // A kernel before Linux 6.9: shorter trains, for ever.
            self.longest = SAFE_TRAIN_SEGMENTS;
            report.gso = GsoNotice::Shortened;
            return;
        }
        let blames_segmentation = matches!(error, Errno::IO | Errno::INVAL | Errno::MSGSIZE);
        if self.mode == Mode::Trains && blames_segmentation && train.segment_count() > 1 {
            self.mode = Mode::Trial;
            return;
        }
        if self.mode == Mode::Trial {
            self.mode = Mode::Trains;
        }
        if error == Errno::MSGSIZE {
            // A shorter last datagram may still fit.
            let too_big = (train.bytes.len() / train.segment_len.max(1)).max(1);
            queue.consume(too_big);
            report.dropped_too_big += too_big;
        } else {
            report.dropped += queue.drop_front();
        }
    }

    /// One sendmmsg(2) with as many messages as fit. Returns how many the kernel took, at least one.
    fn send_some(&mut self, socket: BorrowedFd<'_>, queue: &GsoQueue) -> Result<usize, Errno> {
        self.parts.clear();
        self.segments.clear();
        match self.mode {
            Mode::Trains => {
                let longest = self.longest;
                let pieces = queue.trains().flat_map(|train| train.pieces(longest));
                self.prepare_all(pieces.take(MAX_MESSAGES));
            }
            Mode::Trial => self.prepare_all(datagrams(queue).take(1)),
            Mode::Singles => self.prepare_all(datagrams(queue).take(MAX_MESSAGES)),
        }
        self.link_headers();
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        // SAFETY: `headers` holds `count` elements. `link_headers` has just pointed each of them to an address, an iovec
        // and ancillary data inside vectors of `self` that nobody touches until the call is over; the iovecs point to
        // bytes of `queue`, which we borrow that long, and the kernel only reads them.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
            )
        };
        usize::try_from(sent).map_err(|_| crate::sys::last_errno())
    }

    fn prepare_all<'a>(&mut self, trains: impl Iterator<Item = Train<'a>>) {
        let places = self.addresses.iter_mut().zip(&mut self.ancillary);
        self.headers.clear();
        for (train, (address, ancillary)) in trains.zip(places) {
            let segments = train.segment_count();
            let mut header = crate::sys::empty_header();
            header.msg_hdr.msg_namelen = address.encode(train.remote);
            header.msg_hdr.msg_controllen = describe(&train, segments, ancillary) as _;
            self.headers.push(header);
            self.segments.push(segments);
            // sendmmsg(2) only reads, but struct iovec has no const form.
            self.parts.push(libc::iovec {
                iov_base: train.bytes.as_ptr().cast_mut().cast(),
                iov_len: train.bytes.len(),
            });
        }
    }

    /// Points every header to its address, bytes and ancillary data, now that those vectors do not move any more.
    fn link_headers(&mut self) {
        let places = self
            .parts
            .iter_mut()
            .zip(&mut self.addresses)
            .zip(&mut self.ancillary);
        for (header, ((part, address), ancillary)) in self.headers.iter_mut().zip(places) {
            header.msg_hdr.msg_name = std::ptr::from_mut(address).cast();
            header.msg_hdr.msg_iov = part;
            header.msg_hdr.msg_iovlen = 1;
            if header.msg_hdr.msg_controllen > 0 {
                header.msg_hdr.msg_control = std::ptr::from_mut(ancillary).cast();
            }
        }
    }
}

/// Writes segment length and TOS of a train where they differ from the socket's own, and returns the bytes in use.
fn describe(train: &Train<'_>, segments: usize, ancillary: &mut Ancillary) -> usize {
    let mut used = 0;
    if segments > 1 {
        let segment_len = u16::try_from(train.segment_len).unwrap_or(u16::MAX);
        used = ancillary.push(used, Kind::UDP_SEGMENT, segment_len.to_ne_bytes());
    }
    if train.tos != 0 {
        let kind = if train.remote.is_ipv4() {
            Kind::IP_TOS
        } else {
            Kind::IPV6_TCLASS
        };
        used = ancillary.push(used, kind, i32::from(train.tos).to_ne_bytes());
    }
    used
}

/// Every datagram of the queue as a train of its own.
fn datagrams(queue: &GsoQueue) -> impl Iterator<Item = Train<'_>> {
    queue.trains().flat_map(|train| {
        train.segments().map(move |bytes| Train {
            bytes,
            segment_len: bytes.len(),
            ..train
        })
    })
}

#[cfg(test)]
mod tests;
