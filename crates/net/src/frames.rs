//! What a lane gives a device: packets, and super-packets gathered from several places of a receive buffer.

use crate::batch::InnerSlice;
use crate::virtio::Offload;

/// Most places of one frame: a full train's. The kernel takes 1,024 (UIO_MAXIOV).
pub const MAX_PARTS: usize = 128;

/// Frames for one device, in order. Keeps its memory when it is cleared.
#[derive(Debug, Default)]
pub struct FrameList {
    parts: Vec<InnerSlice>,
    frames: Vec<FrameMeta>,
}

#[derive(Debug, Clone, Copy)]
struct FrameMeta {
    /// Behind its last part; its first one is where the frame before ends.
    end: usize,
    offload: Offload,
}

/// One packet or super-packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'f> {
    /// Where its bytes lie, one behind the other. Never empty.
    pub parts: &'f [InnerSlice],
    /// What is left to be done to it.
    pub offload: Offload,
}

/// A frame has no place for another part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameFull;

impl FrameList {
    /// A list with memory for so many packets.
    #[must_use]
    pub fn with_capacity(packets: usize) -> Self {
        Self {
            parts: Vec::with_capacity(packets),
            frames: Vec::with_capacity(packets),
        }
    }

    /// Begins a frame.
    pub fn push(&mut self, part: InnerSlice, offload: Offload) {
        self.parts.push(part);
        let end = self.parts.len();
        self.frames.push(FrameMeta { end, offload });
    }

    /// Adds a part to the newest frame.
    ///
    /// # Errors
    ///
    /// [`FrameFull`]: it has [`MAX_PARTS`], or there is none.
    pub fn extend_last(&mut self, part: InnerSlice) -> Result<(), FrameFull> {
        let start = self.start_of_last();
        let last = self.frames.last_mut().ok_or(FrameFull)?;
        if last.end - start >= MAX_PARTS {
            return Err(FrameFull);
        }
        self.parts.push(part);
        last.end = self.parts.len();
        Ok(())
    }

    /// Says what is left to be done to the newest frame.
    pub fn set_last_offload(&mut self, offload: Offload) {
        if let Some(last) = self.frames.last_mut() {
            last.offload = offload;
        }
    }

    /// The first part of the newest frame: where its headers are.
    #[must_use]
    pub fn last_head(&self) -> Option<&InnerSlice> {
        self.parts
            .get(self.start_of_last())
            .filter(|_| !self.frames.is_empty())
    }

    fn start_of_last(&self) -> usize {
        match self.frames.as_slice() {
            [.., before, _] => before.end,
            _ => 0,
        }
    }

    /// The frames in order.
    pub fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        self.frames.iter().map(move |meta| {
            let parts = self.parts.get(start..meta.end).unwrap_or_default();
            start = meta.end;
            Frame {
                parts,
                offload: meta.offload,
            }
        })
    }

    /// Number of frames.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.frames.clear();
    }
}

/// Whole packets to which nothing is left to be done.
impl FromIterator<InnerSlice> for FrameList {
    fn from_iter<I: IntoIterator<Item = InnerSlice>>(packets: I) -> Self {
        let mut list = Self::default();
        for packet in packets {
            list.push(packet, Offload::None);
        }
        list
    }
}

#[cfg(test)]
mod tests;
