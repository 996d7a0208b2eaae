//! Two protected ports and the cable between them.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::WhenFull;
use crate::packet::steer::lane_of;
use crate::port::{PORT_FRAME_LEN, PortBatch, PortOutbox};
use crate::traits::{PortQueue, PortSendReport};

/// How a [`port_wire`] behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortWireOptions {
    /// Frames that wait at one queue, at least 1.
    pub capacity: usize,
    /// What happens beyond `capacity`.
    pub when_full: WhenFull,
    /// Longest frame in bytes, header included, that the cable carries.
    pub frame_len_max: usize,
}

impl Default for PortWireOptions {
    fn default() -> Self {
        Self {
            capacity: 1024,
            when_full: WhenFull::Block,
            frame_len_max: PORT_FRAME_LEN,
        }
    }
}

/// Two ports with so many queues each (at least 1), connected with each other. A frame arrives at the queue that the Linux
/// ports would steer it to.
#[must_use]
pub fn port_wire(lanes: [usize; 2], options: PortWireOptions) -> [Vec<MemoryPort>; 2] {
    let inboxes = lanes.map(|lanes| {
        let channel = |_| sync_channel(options.capacity.max(1));
        (0..lanes.max(1)).map(channel).unzip()
    });
    let [(to_left, left), (to_right, right)]: [(Senders, Vec<_>); 2] = inboxes;
    let ports = |inboxes: Vec<_>, peers: &Senders| {
        let port = |inbox| MemoryPort {
            inbox,
            peers: peers.clone(),
            options,
        };
        inboxes.into_iter().map(port).collect()
    };
    [ports(left, &to_right), ports(right, &to_left)]
}

type Senders = Vec<SyncSender<Vec<u8>>>;

/// One queue of a port of a [`port_wire`].
#[derive(Debug)]
pub struct MemoryPort {
    inbox: Receiver<Vec<u8>>,
    /// The other port's queues.
    peers: Senders,
    options: PortWireOptions,
}

impl MemoryPort {
    /// The next frame that waits here.
    pub fn recv(&mut self) -> Option<Vec<u8>> {
        self.inbox.try_recv().ok()
    }

    /// Sends any bytes, whatever their length. `None`: the receiver is full or gone.
    pub fn send(&mut self, frame: &[u8]) -> Option<()> {
        let peer = self.peers.get(lane_of(frame, self.peers.len()))?;
        peer.try_send(frame.to_vec()).ok()
    }

    /// Passes on one frame.
    fn pass(&self, frame: &[u8], report: &mut PortSendReport) {
        if frame.len() > self.options.frame_len_max {
            report.dropped_too_big += 1;
            return;
        }
        let Some(peer) = self.peers.get(lane_of(frame, self.peers.len())) else {
            report.dropped += 1;
            return;
        };
        match peer.try_send(frame.to_vec()) {
            Err(TrySendError::Full(_)) if self.options.when_full == WhenFull::Block => {
                report.blocked = true;
            }
            Ok(()) | Err(TrySendError::Full(_)) => report.sent += 1,
            Err(TrySendError::Disconnected(_)) => report.dropped += 1,
        }
    }
}

impl PortQueue for MemoryPort {
    fn recv_batch(&mut self, batch: &mut PortBatch) -> io::Result<usize> {
        batch.clear();
        while !batch.is_full() {
            let Ok(frame) = self.inbox.try_recv() else {
                break;
            };
            if batch.push(&frame).is_none() {
                batch.count_truncated(1);
            }
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, outbox: &mut PortOutbox) -> io::Result<PortSendReport> {
        let mut report = PortSendReport::default();
        while let Some(frame) = outbox.front() {
            self.pass(frame, &mut report);
            if report.blocked {
                break;
            }
            outbox.consume(1);
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests;
