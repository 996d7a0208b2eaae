//! The engine around the receiving side of a queue.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::{Arrival, ImpairConfig, ImpairCounts, Impairment, Stream};
use crate::batch::{RecvMeta, UdpBatch};
use crate::clock;
use crate::gso::GsoQueue;
use crate::traits::{UdpQueue, UdpSendReport};

/// Trains of one read from the queue below: as many as a lane reads at a time.
const TRAINS: usize = 16;

/// A queue whose received datagrams pass an [`Impairment`]. What is sent stays as it is: the other side impairs that.
///
/// Trains are taken apart, so that a datagram is lost, late or doubled inside a train, too; every datagram then comes as
/// a train of its own. The queue below is read only when nothing that is due waits here, so its own buffer pushes back
/// as ever.
#[derive(Debug)]
pub struct Impaired<Q, C = fn() -> Instant> {
    below: Q,
    engine: Impairment<RecvMeta>,
    arrivals: UdpBatch,
    clock: C,
}

impl<Q> Impaired<Q> {
    /// Impairs `below`, by the monotonic clock.
    #[must_use]
    pub fn new(below: Q, config: ImpairConfig, stream: Stream) -> Self {
        Self::with_clock(below, config, stream, clock::now)
    }
}

impl<Q, C: Fn() -> Instant> Impaired<Q, C> {
    /// Impairs `below`, by another clock.
    #[must_use]
    pub fn with_clock(below: Q, config: ImpairConfig, stream: Stream, clock: C) -> Self {
        Self {
            below,
            engine: Impairment::new(config, stream),
            arrivals: UdpBatch::new(TRAINS),
            clock,
        }
    }

    /// Moves what is due into `batch` until that is full.
    fn release(&mut self, now: Instant, batch: &mut UdpBatch) {
        while batch.len() < batch.capacity() {
            let Some(Arrival { meta, bytes }) = self.engine.poll(now) else {
                return;
            };
            let _fits = batch.push(meta, &bytes);
        }
    }

    fn admit_arrivals(&mut self, now: Instant) {
        for index in 0..self.arrivals.len() {
            let Some((meta, train)) = self.arrivals.buffer_mut(index) else {
                continue;
            };
            for range in meta.segments() {
                let datagram = train.get(range).unwrap_or_default();
                let alone = RecvMeta {
                    len: datagram.len(),
                    stride: datagram.len().max(1),
                    ..meta
                };
                self.engine.admit(now, alone, datagram);
            }
        }
    }
}

impl<Q: UdpQueue, C: Fn() -> Instant> UdpQueue for Impaired<Q, C> {
    fn recv_batch(&mut self, batch: &mut UdpBatch) -> io::Result<usize> {
        batch.clear();
        let now = (self.clock)();
        self.release(now, batch);
        if batch.len() < batch.capacity() {
            self.below.recv_batch(&mut self.arrivals)?;
            (0..self.arrivals.truncated()).for_each(|_| batch.count_truncated());
            self.admit_arrivals(now);
            self.release(now, batch);
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, queue: &mut GsoQueue) -> io::Result<UdpSendReport> {
        self.below.send_batch(queue)
    }

    fn next_due(&self) -> Option<Instant> {
        self.engine.next_due()
    }

    fn impaired(&self) -> ImpairCounts {
        self.engine.counts()
    }
}

impl<Q: AsFd, C> AsFd for Impaired<Q, C> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.below.as_fd()
    }
}

#[cfg(test)]
mod tests;
