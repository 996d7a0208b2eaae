//! recvmmsg(2) with UDP_GRO: many trains with one system call.

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::address::RawAddress;
use super::cmsg::{self, Ancillary, Kind};
use crate::batch::{RecvMeta, UdpBatch};

/// The arrays that recvmmsg(2) works on, one element of each for a buffer of the batch. Allocated once.
#[derive(Debug)]
pub(super) struct Receiver {
    headers: Vec<libc::mmsghdr>,
    parts: Vec<libc::iovec>,
    addresses: Vec<RawAddress>,
    ancillary: Vec<Ancillary>,
}

// SAFETY: the raw pointers inside `headers` and `parts` are written right before each system call and followed by
// nobody but the kernel during it; between calls they are dead numbers that any thread may own.
unsafe impl Send for Receiver {}

impl Receiver {
    pub(super) fn new() -> Self {
        Self {
            headers: Vec::new(),
            parts: Vec::new(),
            addresses: Vec::new(),
            ancillary: Vec::new(),
        }
    }

    /// Replaces the content of `batch` by what waits at `socket`.
    pub(super) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        batch: &mut UdpBatch,
    ) -> Result<(), Errno> {
        batch.clear();
        self.prepare(batch);
        let count = u32::try_from(self.headers.len()).unwrap_or(u32::MAX);
        // SAFETY: `headers` holds at least `count` elements. `prepare` has just pointed each of them to an address, an
        // iovec and ancillary space inside vectors of `self` that are not touched until the call is over, and each iovec
        // to a buffer of its own inside `batch`, which we hold exclusively, with that buffer's length. No timeout.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                count,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| crate::sys::last_errno())?;
        self.collect(received, batch);
        Ok(())
    }

    /// Points every header to its buffers; the kernel overwrote the lengths of the last call.
    fn prepare(&mut self, batch: &mut UdpBatch) {
        let capacity = batch.capacity();
        self.parts.clear();
        self.parts
            .extend(batch.raw_buffers().map(|buffer| libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: buffer.len(),
            }));
        self.addresses.resize(capacity, RawAddress::default());
        self.ancillary.resize_with(capacity, Ancillary::default);
        self.headers.clear();
        let places = self
            .parts
            .iter_mut()
            .zip(&mut self.addresses)
            .zip(&mut self.ancillary);
        self.headers
            .extend(places.map(|((part, address), ancillary)| {
                let mut header = crate::sys::empty_header();
                header.msg_hdr.msg_name = std::ptr::from_mut(address).cast();
                header.msg_hdr.msg_namelen = RawAddress::CAPACITY;
                header.msg_hdr.msg_iov = part;
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = std::ptr::from_mut(ancillary).cast();
                header.msg_hdr.msg_controllen = Ancillary::CAPACITY;
                header
            }));
    }

    fn collect(&self, received: usize, batch: &mut UdpBatch) {
        let filled = self
            .headers
            .iter()
            .zip(&self.addresses)
            .zip(&self.ancillary)
            .take(received);
        for ((header, address), ancillary) in filled {
            if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
                batch.count_truncated();
            }
            batch.commit(meta(header, address, ancillary));
        }
    }
}

fn meta(header: &libc::mmsghdr, address: &RawAddress, ancillary: &Ancillary) -> RecvMeta {
    let len = header.msg_len as usize;
    let (mut stride, mut tos) = (len, 0);
    for (kind, value) in ancillary.messages(header.msg_hdr.msg_controllen) {
        match (kind, cmsg::integer(value)) {
            (Kind::UDP_GRO, Some(segment)) => stride = segment,
            (Kind::IP_TOS | Kind::IPV6_TCLASS, Some(byte)) => {
                tos = u8::try_from(byte & 0xff).unwrap_or_default();
            }
            _ => {}
        }
    }
    let remote = address
        .decode(header.msg_hdr.msg_namelen)
        .unwrap_or(super::NOWHERE);
    RecvMeta {
        remote,
        len,
        stride: stride.max(1),
        tos,
    }
}
