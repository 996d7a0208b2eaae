//! In-memory queues: the same traits without a kernel. Deterministic and bounded, for tests, simulation and benchmarks.
//!
//! [`network`] makes a small internet of socket groups that steer by lane exactly as the Linux groups do. [`tun`] makes
//! one TUN queue and the host behind it. [`port_wire`] makes two protected ports and the cable between them.

mod port;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use crate::batch::{Arena, RecvMeta, TunBatch, UdpBatch};
use crate::frames::{Frame, FrameList};
use crate::gso::{GsoQueue, Train};
use crate::traits::{TunQueue, TunSendReport, UdpQueue, UdpSendReport};
use crate::virtio::{Offload, Offloads};

pub use port::{MemoryPort, PortWireOptions, port_wire};

/// First byte of a data datagram: everything else belongs to the control socket of its group.
const DATA_TYPE: u8 = 4;

/// What a sender meets when the receiver's queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// The sender keeps the train and reports `blocked`, as with a full socket buffer.
    Block,
    /// The train is lost without a word, as in a network. It counts as sent.
    Drop,
}

/// Whether trains arrive whole, as through GRO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coalesce {
    /// A train arrives as one, at the socket that its first datagram is steered to.
    Trains,
    /// Each datagram arrives alone, at its own socket.
    Datagrams,
}

/// How a [`network`] behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkOptions {
    /// Trains (or datagrams) that wait at one socket, at least 1.
    pub capacity: usize,
    /// How trains arrive.
    pub coalesce: Coalesce,
    /// What happens beyond `capacity`.
    pub when_full: WhenFull,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            capacity: 256,
            coalesce: Coalesce::Trains,
            when_full: WhenFull::Block,
        }
    }
}

/// The sockets of one address, as a `SO_REUSEPORT` group has them.
#[derive(Debug)]
pub struct MemoryGroup {
    /// One data socket for each lane, in lane order.
    pub data: Vec<MemoryUdp>,
    /// The socket for everything that is not data.
    pub control: MemoryUdp,
}

/// Connects groups with each other: for each (address, lanes) one group, in the same order.
#[must_use]
pub fn network(groups: &[(SocketAddr, usize)], options: NetworkOptions) -> Vec<MemoryGroup> {
    let mut ports = Vec::with_capacity(groups.len());
    let mut inboxes = Vec::with_capacity(groups.len());
    for &(address, lanes) in groups {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..=lanes)
            .map(|_| sync_channel(options.capacity.max(1)))
            .unzip();
        ports.push(Port {
            address,
            inboxes: senders,
        });
        inboxes.push((address, receivers));
    }
    let wires = Arc::new(Wires { ports, options });
    inboxes
        .into_iter()
        .map(|(address, receivers)| MemoryGroup::new(address, receivers, &wires))
        .collect()
}

impl MemoryGroup {
    fn new(local: SocketAddr, receivers: Vec<Receiver<Delivery>>, wires: &Arc<Wires>) -> Self {
        let socket = |inbox| MemoryUdp {
            local,
            inbox,
            wires: Arc::clone(wires),
        };
        let mut sockets: VecDeque<MemoryUdp> = receivers.into_iter().map(socket).collect();
        #[expect(
            clippy::expect_used,
            reason = "network() makes one receiver more than there are lanes"
        )]
        let control = sockets.pop_back().expect("a group has a control socket");
        Self {
            data: sockets.into(),
            control,
        }
    }
}

/// One train on its way.
#[derive(Debug)]
struct Delivery {
    meta: RecvMeta,
    bytes: Vec<u8>,
}

/// Where all sockets of one address listen; the control socket's inbox is the last.
#[derive(Debug)]
struct Port {
    address: SocketAddr,
    inboxes: Vec<SyncSender<Delivery>>,
}

#[derive(Debug)]
struct Wires {
    ports: Vec<Port>,
    options: NetworkOptions,
}

/// What became of one train.
enum Passed {
    Sent,
    Blocked,
    NoRoute,
}

impl Wires {
    fn inbox(&self, remote: SocketAddr, first: &[u8]) -> Option<&SyncSender<Delivery>> {
        let port = self.ports.iter().find(|port| port.address == remote)?;
        let lanes = port.inboxes.len() - 1;
        let member = match first {
            _ if lanes == 0 => 0,
            [DATA_TYPE, lane, ..] => usize::from(*lane) % lanes,
            // Too short for the steering program: the kernel takes the first socket.
            [] | [DATA_TYPE] => 0,
            _ => lanes,
        };
        port.inboxes.get(member)
    }

    fn pass(&self, from: SocketAddr, train: Train<'_>) -> Passed {
        let Some(inbox) = self.inbox(train.remote, train.bytes) else {
            return Passed::NoRoute;
        };
        let meta = RecvMeta {
            remote: from,
            len: train.bytes.len(),
            stride: train.segment_len.max(1),
            tos: train.tos,
        };
        match inbox.try_send(Delivery {
            meta,
            bytes: train.bytes.to_vec(),
        }) {
            Ok(()) => Passed::Sent,
            Err(TrySendError::Full(_)) if self.options.when_full == WhenFull::Block => {
                Passed::Blocked
            }
            Err(TrySendError::Full(_)) => Passed::Sent,
            Err(TrySendError::Disconnected(_)) => Passed::NoRoute,
        }
    }
}

/// One socket of a [`network`].
#[derive(Debug)]
pub struct MemoryUdp {
    local: SocketAddr,
    inbox: Receiver<Delivery>,
    wires: Arc<Wires>,
}

impl MemoryUdp {
    /// The address of its group.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next train that waits here, with the address it came from.
    pub fn recv_from(&mut self) -> Option<(Vec<u8>, RecvMeta)> {
        self.inbox
            .try_recv()
            .ok()
            .map(|delivery| (delivery.bytes, delivery.meta))
    }

    /// Sends one datagram with TOS 0. `None`: nobody listens there or the receiver is full.
    pub fn send_to(&mut self, bytes: &[u8], remote: SocketAddr) -> Option<()> {
        let train = Train {
            remote,
            tos: 0,
            segment_len: bytes.len(),
            bytes,
        };
        matches!(self.wires.pass(self.local, train), Passed::Sent).then_some(())
    }

    /// Sends a train as it is, even one that a [`GsoQueue`] would not build (datagrams of several lanes, short middle).
    /// `None`: nobody listens there or the receiver is full.
    pub fn send_train(&mut self, train: Train<'_>) -> Option<()> {
        matches!(self.wires.pass(self.local, train), Passed::Sent).then_some(())
    }

    /// Passes on the oldest train of `queue`, as whole as the network leaves it.
    fn send_front(&self, queue: &mut GsoQueue, train_segments: usize) -> Passed {
        let Some(train) = queue.front() else {
            return Passed::NoRoute;
        };
        let part_len = train.bytes.len().min(train.segment_len * train_segments);
        let part = Train {
            bytes: train.bytes.get(..part_len).unwrap_or(train.bytes),
            ..train
        };
        let passed = self.wires.pass(self.local, part);
        if matches!(passed, Passed::Sent) {
            queue.consume(train_segments);
        }
        passed
    }
}

impl UdpQueue for MemoryUdp {
    fn recv_batch(&mut self, batch: &mut UdpBatch) -> io::Result<usize> {
        batch.clear();
        while batch.len() < batch.capacity() {
            let Ok(delivery) = self.inbox.try_recv() else {
                break;
            };
            if batch.push(delivery.meta, &delivery.bytes).is_none() {
                batch.count_truncated();
            }
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, queue: &mut GsoQueue) -> io::Result<UdpSendReport> {
        let mut report = UdpSendReport::default();
        while let Some(train) = queue.front() {
            let segments = match self.wires.options.coalesce {
                Coalesce::Trains => train.segment_count(),
                Coalesce::Datagrams => 1,
            };
            match self.send_front(queue, segments) {
                Passed::Sent => report.sent += segments,
                Passed::NoRoute => report.dropped += queue.drop_front(),
                Passed::Blocked => {
                    report.blocked = true;
                    break;
                }
            }
        }
        Ok(report)
    }
}

/// One TUN queue and the host behind it; each direction holds at most `capacity` packets (at least 1). The device does
/// nothing of itself.
#[must_use]
pub fn tun(capacity: usize) -> (MemoryTun, TunHost) {
    tun_with(capacity, Offloads::None)
}

/// [`tun`] with a device that does `offloads` of itself.
#[must_use]
pub fn tun_with(capacity: usize, offloads: Offloads) -> (MemoryTun, TunHost) {
    let (to_lane, from_host) = sync_channel(capacity.max(1));
    let (to_host, from_lane) = sync_channel(capacity.max(1));
    let tun = MemoryTun {
        from_host,
        to_host,
        offloads,
    };
    (tun, TunHost { to_lane, from_lane })
}

/// A TUN queue whose host is a [`TunHost`].
#[derive(Debug)]
pub struct MemoryTun {
    from_host: Receiver<HostPacket>,
    to_host: SyncSender<HostPacket>,
    offloads: Offloads,
}

/// A packet that crosses the device, and what is left to be done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPacket {
    /// The packet or super-packet.
    pub bytes: Vec<u8>,
    /// What is left to be done.
    pub offload: Offload,
}

/// The host side of a [`MemoryTun`]: what the network stack would be.
#[derive(Debug)]
pub struct TunHost {
    to_lane: SyncSender<HostPacket>,
    from_lane: Receiver<HostPacket>,
}

impl TunHost {
    /// Sends a packet into the tunnel. `None`: the queue is full or its lane is gone.
    pub fn send(&self, packet: &[u8]) -> Option<()> {
        self.send_with(packet, Offload::None)
    }

    /// Sends a packet or super-packet to which something is left to be done. `None` as [`Self::send`].
    pub fn send_with(&self, packet: &[u8], offload: Offload) -> Option<()> {
        let bytes = packet.to_vec();
        self.to_lane.try_send(HostPacket { bytes, offload }).ok()
    }

    /// The bytes of the next packet that came out of the tunnel.
    pub fn recv(&self) -> Option<Vec<u8>> {
        self.recv_with().map(|packet| packet.bytes)
    }

    /// The next packet or super-packet that came out of the tunnel.
    pub fn recv_with(&self) -> Option<HostPacket> {
        self.from_lane.try_recv().ok()
    }
}

impl MemoryTun {
    fn send(&self, frame: Frame<'_>, arena: &impl Arena) -> Option<()> {
        if frame.offload.needs() > self.offloads {
            return None;
        }
        let mut bytes = Vec::new();
        for part in frame.parts {
            bytes.extend_from_slice(arena.slice(part)?);
        }
        let offload = frame.offload;
        self.to_host.try_send(HostPacket { bytes, offload }).ok()
    }
}

impl TunQueue for MemoryTun {
    fn recv_batch(&mut self, batch: &mut TunBatch) -> io::Result<usize> {
        batch.clear();
        while !batch.is_full() {
            match self.from_host.try_recv() {
                // A packet longer than any IP packet: the host dropped it.
                Ok(packet) => drop(batch.push(&packet.bytes, packet.offload)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) if batch.is_empty() => {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                Err(TryRecvError::Disconnected) => break,
            }
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, frames: &FrameList, arena: &impl Arena) -> TunSendReport {
        let taken = |frame: &Frame<'_>| self.send(*frame, arena).is_some();
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

#[cfg(test)]
mod tests;
