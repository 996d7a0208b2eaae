//! What a lane asks of a TUN queue, of a UDP socket and of a protected port, and what they report back.

use std::io;
use std::time::Instant;

use crate::batch::{Arena, TunBatch, UdpBatch};
use crate::frames::FrameList;
use crate::gso::GsoQueue;
use crate::impair::ImpairCounts;
use crate::port::{PortBatch, PortOutbox};
use crate::virtio::Offloads;

/// One queue of a TUN device. Owned by one lane; never blocks.
pub trait TunQueue {
    /// Replaces the content of `batch` by the packets that are waiting, up to its capacity, and returns their number.
    /// Nothing waiting is `Ok(0)`.
    ///
    /// # Errors
    ///
    /// Only when the queue will never deliver again, for example because its device was deleted.
    fn recv_batch(&mut self, batch: &mut TunBatch) -> io::Result<usize>;

    /// Writes the packets and super-packets that `frames` points to inside `arena`, in order.
    ///
    /// Every frame is either sent or dropped when this returns: a TUN device takes a packet or it does not, waiting
    /// would only grow the delay. A frame that points outside `arena` is dropped, and so is one with more left to be done
    /// to it than [`Self::offloads`] says the device does.
    fn send_batch(&mut self, frames: &FrameList, arena: &impl Arena) -> TunSendReport;

    /// What the device does of itself, in both directions.
    fn offloads(&self) -> Offloads {
        Offloads::None
    }
}

/// One UDP socket of a lane. Owned by one lane; never blocks.
pub trait UdpQueue {
    /// Replaces the content of `batch` by the trains that are waiting, up to its capacity, and returns their number.
    /// Nothing waiting is `Ok(0)`.
    ///
    /// # Errors
    ///
    /// Only when the socket is unusable. Errors that belong to one destination or one datagram are not reported here.
    fn recv_batch(&mut self, batch: &mut UdpBatch) -> io::Result<usize>;

    /// Sends the trains of `queue` in order until it is empty or the kernel takes no more; then the rest stays in
    /// `queue` for the next call and the report says `blocked`.
    ///
    /// # Errors
    ///
    /// Only when the socket is unusable. An error of one destination drops that train and is counted in the report.
    fn send_batch(&mut self, queue: &mut GsoQueue) -> io::Result<UdpSendReport>;

    /// When [`Self::recv_batch`] must be called although no poll says that there is something; `None`: never. Only a
    /// queue that holds datagrams back ([`Impaired`](crate::Impaired)) has such a time.
    fn next_due(&self) -> Option<Instant> {
        None
    }

    /// What was done to received datagrams on purpose, since the start.
    fn impaired(&self) -> ImpairCounts {
        ImpairCounts::default()
    }
}

/// One queue of a protected Ethernet port. Owned by one lane; never blocks.
pub trait PortQueue {
    /// Replaces the content of `batch` by the frames that are waiting, up to its capacity, and returns their number.
    /// Nothing waiting is `Ok(0)`, and so is a port that is down.
    ///
    /// # Errors
    ///
    /// Only when the queue will never deliver again, for example because its interface was deleted.
    fn recv_batch(&mut self, batch: &mut PortBatch) -> io::Result<usize>;

    /// Sends the frames of `outbox` in order until it is empty or the port takes no more; then the rest stays in
    /// `outbox` for the next call and the report says `blocked`.
    ///
    /// # Errors
    ///
    /// Only when the queue is unusable. A frame that the port refuses is dropped and counted in the report.
    fn send_batch(&mut self, outbox: &mut PortOutbox) -> io::Result<PortSendReport>;

    /// Received frames that were lost since the last call, because nobody took them in time. May cost a system call.
    fn take_overruns(&mut self) -> u64 {
        0
    }

    /// As [`UdpQueue::next_due`].
    fn next_due(&self) -> Option<Instant> {
        None
    }

    /// As [`UdpQueue::impaired`].
    fn impaired(&self) -> ImpairCounts {
        ImpairCounts::default()
    }
}

/// Outcome of [`TunQueue::send_batch`]; the two numbers add up to the number of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TunSendReport {
    /// Frames that the device took.
    pub sent: usize,
    /// Frames that the device refused (it is down, its queue is full, the bytes are no IP packet).
    pub dropped: usize,
}

/// Outcome of [`UdpQueue::send_batch`]. Numbers count datagrams, not trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UdpSendReport {
    /// Datagrams that the kernel took.
    pub sent: usize,
    /// Datagrams dropped because they do not fit the MTU of the outgoing link.
    pub dropped_too_big: usize,
    /// Datagrams dropped for another reason of their destination (no route, host unreachable, refused, forbidden).
    pub dropped: usize,
    /// The socket's buffer is full: the rest waits in the queue. Poll for writability before the next call.
    pub blocked: bool,
    /// What became of segmentation offload during this call.
    pub gso: GsoNotice,
}

/// Outcome of [`PortQueue::send_batch`], in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PortSendReport {
    /// Frames that the port took.
    pub sent: usize,
    /// Frames dropped because they do not fit the MTU of the port.
    pub dropped_too_big: usize,
    /// Frames that the port refused for another reason (it is down, has no carrier, or the bytes are no frame).
    pub dropped: usize,
    /// The port takes no more now: the rest waits in the outbox. Poll for writability before the next call.
    pub blocked: bool,
}

/// Whether a socket still hands whole trains to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GsoNotice {
    /// Nothing changed.
    #[default]
    Unchanged,
    /// The kernel takes no more than [`SAFE_TRAIN_SEGMENTS`](crate::gso::SAFE_TRAIN_SEGMENTS) datagrams at once. Told once
    /// in the life of a socket.
    Shortened,
    /// The kernel refused a train whose segments it then took one by one. From now on this socket sends single
    /// datagrams. Told once in the life of a socket.
    TurnedOff,
}
