//! Received frames of a port, and the arena that a device is given the opened ones from.

use super::PORT_FRAME_LEN;
use crate::batch::{Arena, InnerSlice};

/// The frames of one [`PortQueue::recv_batch`](crate::PortQueue::recv_batch).
///
/// Each has [`PORT_FRAME_LEN`] bytes of its own, of which short frames touch the first ones only. They are validated and
/// decrypted in place; [`TunQueue::send_batch`](crate::TunQueue::send_batch) reads from here what is left of them.
#[derive(Debug)]
pub struct PortBatch {
    memory: Box<[u8]>,
    frames: Vec<FrameMeta>,
    /// Buffers that were filled; more than there are frames where one was cut.
    filled: usize,
    capacity: usize,
    truncated: usize,
}

#[derive(Debug, Clone, Copy)]
struct FrameMeta {
    /// Which buffer it lies in.
    buffer: usize,
    len: usize,
}

impl PortBatch {
    /// A batch of at most `capacity` frames (at least 1). Its memory is backed where it is touched.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            memory: vec![0; capacity * PORT_FRAME_LEN].into_boxed_slice(),
            frames: Vec::with_capacity(capacity),
            filled: 0,
            capacity,
            truncated: 0,
        }
    }

    /// Number of frames that fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of frames inside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether no frame is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes of all frames.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.frames.iter().map(|frame| frame.len).sum()
    }

    /// Whether no other frame has place.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.filled == self.capacity
    }

    /// Frames of the last receive that were longer than [`PORT_FRAME_LEN`]. They are not among the others: what is cut
    /// is not delivered.
    #[must_use]
    pub fn truncated(&self) -> usize {
        self.truncated
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.frames.clear();
        (self.filled, self.truncated) = (0, 0);
    }

    /// Appends a copy of a frame. `None`: the batch is full, or the frame longer than [`PORT_FRAME_LEN`].
    pub fn push(&mut self, frame: &[u8]) -> Option<()> {
        let place = self.raw_buffers().next()?.get_mut(..frame.len())?;
        place.copy_from_slice(frame);
        self.commit(frame.len());
        Some(())
    }

    /// Frame number `index`, or `None` past the end.
    #[must_use]
    #[inline]
    pub fn frame_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        let meta = *self.frames.get(index)?;
        let buffer = self.memory.get_mut(meta.buffer * PORT_FRAME_LEN..)?;
        buffer.get_mut(..meta.len)
    }

    /// The buffers that are free yet, for a receiver that lets the kernel fill many at once.
    pub(crate) fn raw_buffers(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.memory
            .chunks_exact_mut(PORT_FRAME_LEN)
            .skip(self.filled)
    }

    /// Declares the first `len` bytes of the next free buffer a frame.
    pub(crate) fn commit(&mut self, len: usize) {
        debug_assert!(len <= PORT_FRAME_LEN && self.filled < self.capacity);
        self.frames.push(FrameMeta {
            buffer: self.filled,
            len: len.min(PORT_FRAME_LEN),
        });
        self.filled += 1;
    }

    /// Counts a frame that was longer than the next free buffer, and leaves that buffer out.
    pub(crate) fn commit_truncated(&mut self) {
        self.filled += 1;
        self.truncated += 1;
    }

    /// Counts a frame that was too long and is in no buffer.
    pub(crate) fn count_truncated(&mut self, frames: usize) {
        self.truncated += frames;
    }
}

impl Arena for PortBatch {
    #[inline]
    fn slice(&self, slice: &InnerSlice) -> Option<&[u8]> {
        let meta = self.frames.get(slice.buffer)?;
        let buffer = self.memory.get(meta.buffer * PORT_FRAME_LEN..)?;
        buffer.get(..meta.len)?.get(slice.range.clone())
    }

    #[inline]
    fn slice_mut(&mut self, slice: &InnerSlice) -> Option<&mut [u8]> {
        self.frame_mut(slice.buffer)?.get_mut(slice.range.clone())
    }
}

#[cfg(test)]
mod tests;
