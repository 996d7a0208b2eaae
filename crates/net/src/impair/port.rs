//! The engine around the receiving side of a port.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::{Arrival, ImpairConfig, ImpairCounts, Impairment, Stream};
use crate::clock;
use crate::port::{PortBatch, PortOutbox};
use crate::traits::{PortQueue, PortSendReport};

/// Frames of one read from the port below.
const FRAMES: usize = 64;

/// A port whose received frames pass an [`Impairment`]. What is sent stays as it is: the other side impairs that.
///
/// The port below is read only when nothing that is due waits here, so its own buffer pushes back as ever.
#[derive(Debug)]
pub struct ImpairedPort<Q, C = fn() -> Instant> {
    below: Q,
    engine: Impairment<()>,
    arrivals: PortBatch,
    clock: C,
}

impl<Q> ImpairedPort<Q> {
    /// Impairs `below`, by the monotonic clock.
    #[must_use]
    pub fn new(below: Q, config: ImpairConfig, stream: Stream) -> Self {
        Self::with_clock(below, config, stream, clock::now)
    }
}

impl<Q, C: Fn() -> Instant> ImpairedPort<Q, C> {
    /// Impairs `below`, by another clock.
    #[must_use]
    pub fn with_clock(below: Q, config: ImpairConfig, stream: Stream, clock: C) -> Self {
        Self {
            below,
            engine: Impairment::new(config, stream),
            arrivals: PortBatch::new(FRAMES),
            clock,
        }
    }

    /// Moves what is due into `batch` until that is full.
    fn release(&mut self, now: Instant, batch: &mut PortBatch) {
        while !batch.is_full() {
            let Some(Arrival { bytes, .. }) = self.engine.poll(now) else {
                return;
            };
            let _fits = batch.push(&bytes);
        }
    }
}

impl<Q: PortQueue, C: Fn() -> Instant> PortQueue for ImpairedPort<Q, C> {
    fn recv_batch(&mut self, batch: &mut PortBatch) -> io::Result<usize> {
        batch.clear();
        let now = (self.clock)();
        self.release(now, batch);
        if !batch.is_full() {
            self.below.recv_batch(&mut self.arrivals)?;
            batch.count_truncated(self.arrivals.truncated());
            for index in 0..self.arrivals.len() {
                let frame = self.arrivals.frame_mut(index).unwrap_or_default();
                self.engine.admit(now, (), frame);
            }
            self.release(now, batch);
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, outbox: &mut PortOutbox) -> io::Result<PortSendReport> {
        self.below.send_batch(outbox)
    }

    fn take_overruns(&mut self) -> u64 {
        self.below.take_overruns()
    }

    fn next_due(&self) -> Option<Instant> {
        self.engine.next_due()
    }

    fn impaired(&self) -> ImpairCounts {
        self.engine.counts()
    }
}

impl<Q: AsFd, C> AsFd for ImpairedPort<Q, C> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.below.as_fd()
    }
}

#[cfg(test)]
mod tests;
