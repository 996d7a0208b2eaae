//! For tests of lanes on threads of their own: queues in memory that can be polled.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::Duration;

use linkveil_net::batch::{Arena, TunBatch, UdpBatch};
use linkveil_net::clock;
use linkveil_net::gso::GsoQueue;
use linkveil_net::traits::{
    PortQueue, PortSendReport, TunQueue, TunSendReport, UdpQueue, UdpSendReport,
};
use linkveil_net::{FrameList, PortBatch, PortOutbox};

/// Far longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A queue with a descriptor that is readable when the test says so, and not when something is in the queue.
pub(crate) struct Belled<Q> {
    queue: Q,
    bell: UnixDatagram,
}

impl<Q> Belled<Q> {
    pub(crate) fn new(queue: Q) -> (Self, UnixDatagram) {
        let (bell, rope) = UnixDatagram::pair().unwrap();
        bell.set_nonblocking(true).unwrap();
        (Self { queue, bell }, rope)
    }

    fn silence(&self) {
        while self.bell.recv(&mut [0]).is_ok() {}
    }
}

impl<Q> AsFd for Belled<Q> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl<Q: UdpQueue> UdpQueue for Belled<Q> {
    fn recv_batch(&mut self, batch: &mut UdpBatch) -> io::Result<usize> {
        self.silence();
        self.queue.recv_batch(batch)
    }

    fn send_batch(&mut self, queue: &mut GsoQueue) -> io::Result<UdpSendReport> {
        self.queue.send_batch(queue)
    }
}

impl<Q: TunQueue> TunQueue for Belled<Q> {
    fn recv_batch(&mut self, batch: &mut TunBatch) -> io::Result<usize> {
        self.silence();
        self.queue.recv_batch(batch)
    }

    fn send_batch(&mut self, frames: &FrameList, arena: &impl Arena) -> TunSendReport {
        self.queue.send_batch(frames, arena)
    }
}

impl<Q: PortQueue> PortQueue for Belled<Q> {
    fn recv_batch(&mut self, batch: &mut PortBatch) -> io::Result<usize> {
        self.silence();
        self.queue.recv_batch(batch)
    }

    fn send_batch(&mut self, outbox: &mut PortOutbox) -> io::Result<PortSendReport> {
        self.queue.send_batch(outbox)
    }
}

/// Looks until there is something.
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = clock::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock::now() < end, "it never came");
        thread::yield_now();
    }
}
