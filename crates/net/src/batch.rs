//! Receive buffers of a lane: [`TunBatch`] for inner packets, [`UdpBatch`] for trains of datagrams.
//!
//! Both own a fixed number of equal buffers in one allocation that the kernel backs by memory only where it is touched.
//! Buffers fill from the first one, so a quiet lane keeps working in the same few cache lines. Nothing is zeroed
//! between batches: what is visible is always bounded by the length that was received.

use std::net::SocketAddr;
use std::ops::Range;

use crate::virtio::Offload;

/// Longest packet that a device hands over: an IP packet of 65,535 bytes behind an Ethernet header with two VLAN tags, or
/// any frame that fits.
pub const TUN_PACKET_LEN: usize = 65_536 + 64;

/// Free bytes in front of each packet, for an encapsulation header that is to stand right before it.
pub const TUN_HEADROOM: usize = 64;

/// Free bytes behind each packet, for padding.
pub const TUN_TAILROOM: usize = 64;

/// One packet with the room around it.
const TUN_BUFFER_LEN: usize = TUN_HEADROOM + TUN_PACKET_LEN + TUN_TAILROOM;

/// Bytes of one UDP buffer: a train that the kernel merged is at most 65,535 bytes.
pub const UDP_BUFFER_LEN: usize = 65_536;

/// The inner packets of one [`TunQueue::recv_batch`](crate::TunQueue::recv_batch).
#[derive(Debug)]
pub struct TunBatch {
    memory: Box<[u8]>,
    packets: Vec<(usize, Offload)>,
    /// Bytes of all packets.
    bytes: usize,
    capacity: usize,
    budget: usize,
}

/// One packet of a [`TunBatch`], with room around it.
#[derive(Debug)]
pub struct TunPacket<'a> {
    buffer: &'a mut [u8],
    len: usize,
    /// What the kernel left undone in it.
    pub offload: Offload,
}

impl TunPacket<'_> {
    /// The inner packet, from its IP (or Ethernet) header on.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let end = TUN_HEADROOM + self.len;
        self.buffer.get(TUN_HEADROOM..end).unwrap_or_default()
    }

    /// The same, to be changed.
    #[must_use]
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let end = TUN_HEADROOM + self.len;
        self.buffer.get_mut(TUN_HEADROOM..end).unwrap_or_default()
    }

    /// Everything: [`TUN_HEADROOM`] bytes, the packet, and [`TUN_TAILROOM`] bytes at least. What is not packet holds
    /// remains of older ones.
    #[must_use]
    #[inline]
    pub fn with_room(&mut self) -> &mut [u8] {
        self.buffer
    }
}

impl TunBatch {
    /// A batch of at most `capacity` packets (at least 1), that is full as well when they have `budget` bytes.
    #[must_use]
    pub fn new(capacity: usize, budget: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            memory: vec![0; capacity * TUN_BUFFER_LEN].into_boxed_slice(),
            packets: Vec::with_capacity(capacity),
            bytes: 0,
            capacity,
            budget,
        }
    }

    /// Number of packets that fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of packets inside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether no packet is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Whether no other packet has place: all buffers are taken, or their bytes are as many as one batch shall have. A
    /// batch that is worked on while it still is in the processor's cache costs less than one that is not.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.packets.len() == self.capacity || self.bytes >= self.budget
    }

    /// Bytes of all packets.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all packets.
    pub fn clear(&mut self) {
        self.packets.clear();
        self.bytes = 0;
    }

    /// Appends a copy of `bytes`. `None`: the batch is full or the packet longer than [`TUN_PACKET_LEN`].
    pub fn push(&mut self, bytes: &[u8], offload: Offload) -> Option<()> {
        self.next_buffer()?
            .get_mut(..bytes.len())?
            .copy_from_slice(bytes);
        self.commit(bytes.len(), offload);
        Some(())
    }

    /// Packet number `index`, or `None` past the end.
    #[must_use]
    pub fn packet_mut(&mut self, index: usize) -> Option<TunPacket<'_>> {
        let (len, offload) = *self.packets.get(index)?;
        let buffer = self.memory.chunks_exact_mut(TUN_BUFFER_LEN).nth(index)?;
        Some(TunPacket {
            buffer,
            len,
            offload,
        })
    }

    /// All packets in the order of their arrival.
    pub fn packets_mut(&mut self) -> impl Iterator<Item = TunPacket<'_>> {
        let buffers = self.memory.chunks_exact_mut(TUN_BUFFER_LEN);
        let packets = buffers.zip(&self.packets);
        packets.map(|(buffer, (len, offload))| TunPacket {
            buffer,
            len: *len,
            offload: *offload,
        })
    }

    /// [`TUN_PACKET_LEN`] bytes that the next packet goes into, or `None` when full.
    pub(crate) fn next_buffer(&mut self) -> Option<&mut [u8]> {
        if self.is_full() {
            return None;
        }
        let index = self.packets.len();
        let buffer = self.memory.chunks_exact_mut(TUN_BUFFER_LEN).nth(index)?;
        buffer.get_mut(TUN_HEADROOM..TUN_HEADROOM + TUN_PACKET_LEN)
    }

    /// Declares the first `len` bytes of [`Self::next_buffer`] a packet.
    pub(crate) fn commit(&mut self, len: usize, offload: Offload) {
        debug_assert!(len <= TUN_PACKET_LEN && self.packets.len() < self.capacity);
        let len = len.min(TUN_PACKET_LEN);
        self.packets.push((len, offload));
        self.bytes += len;
    }
}

/// What is known about one train of datagrams before any byte of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecvMeta {
    /// Where the train came from.
    pub remote: SocketAddr,
    /// Bytes of the whole train.
    pub len: usize,
    /// Bytes of each datagram but the last, which may be shorter. Never 0, even for an empty datagram.
    pub stride: usize,
    /// The outer TOS or traffic class byte; its lower two bits are the ECN field. 0 when the kernel did not say.
    pub tos: u8,
}

impl RecvMeta {
    /// The ranges of the train's datagrams inside its buffer. An empty datagram is one empty range.
    pub fn segments(self) -> impl Iterator<Item = Range<usize>> {
        let stride = self.stride.max(1);
        let count = self.len.div_ceil(stride).max(1);
        (0..count).map(move |index| index * stride..self.len.min((index + 1) * stride))
    }
}

/// The trains of one [`UdpQueue::recv_batch`](crate::UdpQueue::recv_batch), and the arena that
/// [`TunQueue::send_batch`](crate::TunQueue::send_batch) reads the opened packets from.
///
/// A lane may keep a second one for datagrams that another lane handed over: [`Self::clear`], then [`Self::push`].
#[derive(Debug)]
pub struct UdpBatch {
    memory: Box<[u8]>,
    metas: Vec<RecvMeta>,
    capacity: usize,
    truncated: usize,
}

impl UdpBatch {
    /// A batch of at most `capacity` trains (at least 1).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            memory: vec![0; capacity * UDP_BUFFER_LEN].into_boxed_slice(),
            metas: Vec::with_capacity(capacity),
            capacity,
            truncated: 0,
        }
    }

    /// Number of trains that fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Number of trains inside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.metas.len()
    }

    /// Whether no train is inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.metas.is_empty()
    }

    /// Bytes of all trains.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.metas.iter().map(|meta| meta.len).sum()
    }

    /// Trains of the last receive that were longer than their buffer and lost their end. Their last datagram is cut and
    /// will not authenticate; the ones before it are whole.
    #[must_use]
    pub fn truncated(&self) -> usize {
        self.truncated
    }

    /// Forgets all trains.
    pub fn clear(&mut self) {
        self.metas.clear();
        self.truncated = 0;
    }

    /// Appends a copy of a train; `meta.len` is taken from `bytes`. `None`: the batch is full or the train longer than
    /// [`UDP_BUFFER_LEN`].
    pub fn push(&mut self, meta: RecvMeta, bytes: &[u8]) -> Option<()> {
        self.push_parts(meta, [bytes, &[]])
    }

    /// [`Self::push`] of a train whose bytes lie in two places, one behind the other.
    pub fn push_parts(&mut self, meta: RecvMeta, parts: [&[u8]; 2]) -> Option<()> {
        if self.metas.len() == self.capacity {
            return None;
        }
        let buffer = self
            .memory
            .chunks_exact_mut(UDP_BUFFER_LEN)
            .nth(self.metas.len())?;
        let len = parts.iter().map(|part| part.len()).sum();
        let mut room = buffer.get_mut(..len)?;
        for part in parts {
            let (here, behind) = room.split_at_mut_checked(part.len())?;
            here.copy_from_slice(part);
            room = behind;
        }
        self.commit(RecvMeta { len, ..meta });
        Some(())
    }

    /// What is known about train `index`, or `None` past the end.
    #[must_use]
    pub fn meta(&self, index: usize) -> Option<RecvMeta> {
        self.metas.get(index).copied()
    }

    /// Train number `index`: its meta and its bytes, or `None` past the end.
    #[must_use]
    pub fn buffer_mut(&mut self, index: usize) -> Option<(RecvMeta, &mut [u8])> {
        let meta = *self.metas.get(index)?;
        let bytes = self
            .memory
            .get_mut(index * UDP_BUFFER_LEN..)?
            .get_mut(..meta.len)?;
        Some((meta, bytes))
    }

    /// Train number `index` as [`Self::buffer_mut`], and the ones before it. `None` past the end.
    #[must_use]
    pub fn train_mut(&mut self, index: usize) -> Option<(RecvMeta, &mut [u8], TrainsBefore<'_>)> {
        let meta = *self.metas.get(index)?;
        let (before, rest) = self.memory.split_at_mut_checked(index * UDP_BUFFER_LEN)?;
        let before = TrainsBefore {
            memory: before,
            metas: self.metas.get(..index)?,
        };
        Some((meta, rest.get_mut(..meta.len)?, before))
    }

    /// Every buffer, for a receiver that lets the kernel fill many at once.
    pub(crate) fn raw_buffers(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.memory.chunks_exact_mut(UDP_BUFFER_LEN)
    }

    /// Declares that the kernel filled the next raw buffer with what `meta` says.
    pub(crate) fn commit(&mut self, meta: RecvMeta) {
        debug_assert!(self.metas.len() < self.capacity);
        self.metas.push(RecvMeta {
            len: meta.len.min(UDP_BUFFER_LEN),
            stride: meta.stride.max(1),
            ..meta
        });
    }

    /// Counts a train that was longer than its buffer.
    pub(crate) fn count_truncated(&mut self) {
        self.truncated += 1;
    }
}

impl Arena for UdpBatch {
    #[inline]
    fn slice(&self, slice: &InnerSlice) -> Option<&[u8]> {
        self.memory.get(place_of(&self.metas, slice)?)
    }

    #[inline]
    fn slice_mut(&mut self, slice: &InnerSlice) -> Option<&mut [u8]> {
        let place = place_of(&self.metas, slice)?;
        self.memory.get_mut(place)
    }
}

/// Where a slice of a train lies in the memory of all; `None` unless it is inside of what was received.
#[inline]
fn place_of(metas: &[RecvMeta], slice: &InnerSlice) -> Option<Range<usize>> {
    let InnerSlice { buffer, range } = slice;
    let meta = metas.get(*buffer)?;
    let start = buffer * UDP_BUFFER_LEN;
    (range.start <= range.end && range.end <= meta.len)
        .then(|| start + range.start..start + range.end)
}

/// The trains of a [`UdpBatch`] in front of one that is worked on.
#[derive(Debug)]
pub struct TrainsBefore<'b> {
    memory: &'b mut [u8],
    metas: &'b [RecvMeta],
}

impl Arena for TrainsBefore<'_> {
    #[inline]
    fn slice(&self, slice: &InnerSlice) -> Option<&[u8]> {
        self.memory.get(place_of(self.metas, slice)?)
    }

    #[inline]
    fn slice_mut(&mut self, slice: &InnerSlice) -> Option<&mut [u8]> {
        let place = place_of(self.metas, slice)?;
        self.memory.get_mut(place)
    }
}

/// Receive buffers in which packets were opened in place: a device takes them from there.
pub trait Arena {
    /// The bytes that `slice` points to, or `None` if it leaves what was received.
    #[must_use]
    fn slice(&self, slice: &InnerSlice) -> Option<&[u8]>;

    /// The bytes that `slice` points to, to be changed; `None` if it leaves what was received.
    #[must_use]
    fn slice_mut(&mut self, slice: &InnerSlice) -> Option<&mut [u8]>;
}

/// One inner packet inside an [`Arena`], where it was opened in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InnerSlice {
    /// The train of a [`UdpBatch`], as in [`UdpBatch::buffer_mut`], or the frame of a [`PortBatch`](crate::PortBatch).
    pub buffer: usize,
    /// The bytes inside that train or frame.
    pub range: Range<usize>,
}

#[cfg(test)]
mod tests;
