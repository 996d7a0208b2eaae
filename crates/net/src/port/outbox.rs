//! Frames on their way out of a port.

use std::ops::{Deref, DerefMut};

use super::PORT_FRAME_LEN;

/// Frames begin at whole cache lines, so that no two of them share one.
const ALIGNMENT: usize = 64;

/// The send queue of a port's lane: frames one behind the other in one piece of memory, first in, first out.
///
/// A frame is sealed where it will be sent from: [`Self::reserve`] gives a [`PortSlot`], the caller writes and seals
/// there, [`PortSlot::commit`] makes it part of the queue. A slot dropped without commit was never there.
///
/// Memory is used from its start and anew as soon as everything has left, so a quiet lane stays in the same cache lines.
/// Who seals only while nothing waits needs room for one round of frames.
#[derive(Debug)]
pub struct PortOutbox {
    memory: Box<[u8]>,
    frames: Vec<Place>,
    /// Frames from the first on that have left.
    gone: usize,
    /// Behind the newest frame.
    end: usize,
    capacity: usize,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    len: usize,
}

/// Place for one frame of fixed length.
///
/// Dereferences to its bytes, which hold remains of older frames until written. Dropped without [`Self::commit`], the
/// queue is as if it had never been reserved.
#[derive(Debug)]
#[must_use = "a slot that is not committed is not sent"]
pub struct PortSlot<'a> {
    outbox: &'a mut PortOutbox,
    place: Place,
}

impl PortOutbox {
    /// A queue of at most `frames` frames (at least 1) that have `bytes` bytes together, each rounded up to 64.
    #[must_use]
    pub fn new(frames: usize, bytes: usize) -> Self {
        let capacity = frames.max(1);
        Self {
            memory: vec![0; bytes].into_boxed_slice(),
            frames: Vec::with_capacity(capacity),
            gone: 0,
            end: 0,
            capacity,
        }
    }

    /// Makes place for a frame of exactly `len` bytes.
    ///
    /// `None`: the queue is full (send first), or `len` is not in 1..=[`PORT_FRAME_LEN`] (then it stays `None`).
    #[inline]
    pub fn reserve(&mut self, len: usize) -> Option<PortSlot<'_>> {
        if len == 0 || len > PORT_FRAME_LEN || !self.has_room_for(1, len) {
            return None;
        }
        let place = Place {
            start: self.end,
            len,
        };
        Some(PortSlot {
            outbox: self,
            place,
        })
    }

    /// Whether so many frames of at most `len` bytes each can be reserved and committed one after the other.
    #[must_use]
    #[inline]
    pub fn has_room_for(&self, frames: usize, len: usize) -> bool {
        let bytes = len.next_multiple_of(ALIGNMENT).saturating_mul(frames);
        frames <= self.capacity - self.frames.len() && bytes <= self.memory.len() - self.end
    }

    /// Number of frames that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len() - self.gone
    }

    /// Whether nothing waits to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The frames that wait, oldest first.
    pub fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let waiting = self.frames.get(self.gone..).unwrap_or_default();
        waiting
            .iter()
            .filter_map(|place| self.memory.get(place.start..place.start + place.len))
    }

    /// The oldest frame, or `None` when empty.
    #[must_use]
    pub fn front(&self) -> Option<&[u8]> {
        self.frames().next()
    }

    /// Removes the `frames` oldest ones, because they were sent or given up.
    pub fn consume(&mut self, frames: usize) {
        self.gone += frames;
        if self.gone >= self.frames.len() {
            self.clear();
        }
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.frames.clear();
        (self.gone, self.end) = (0, 0);
    }
}

impl PortSlot<'_> {
    /// Makes the bytes a frame of the queue.
    #[inline]
    pub fn commit(self) {
        let Place { start, len } = self.place;
        self.outbox.end = start + len.next_multiple_of(ALIGNMENT);
        self.outbox.frames.push(self.place);
    }
}

impl Deref for PortSlot<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let Place { start, len } = self.place;
        let memory = &self.outbox.memory;
        memory.get(start..start + len).unwrap_or(&[])
    }
}

impl DerefMut for PortSlot<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        let Place { start, len } = self.place;
        let memory = &mut self.outbox.memory;
        memory.get_mut(start..start + len).unwrap_or(&mut [])
    }
}

#[cfg(test)]
mod tests;
