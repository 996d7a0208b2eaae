//! The send queue of a lane: datagrams for one remote in a row become one train for UDP segmentation offload.
//!
//! A packet is sealed directly where it will be sent from: [`GsoQueue::reserve`] gives a [`Slot`] inside a train,
//! the caller writes and seals there, [`Slot::commit`] makes it part of the train. A slot dropped without commit was
//! never there.
//!
//! The queue is a ring of trains, each with its own 64 KiB. A packet goes to the newest train of its remote if that one
//! has the same TOS byte, is still made of equal segments at least as long as the packet, and has room; else into a new
//! train. So packets for one remote leave in the order of their commits. Trains leave first in, first out.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

/// Longest UDP payload in one send over IPv4 (65,535 - 20 - 8); also used over IPv6, where 20 more would fit.
pub const MAX_TRAIN_BYTES: usize = 65_507;

/// Segments in one send (UDP_MAX_SEGMENTS since Linux 6.9). Before, it was [`SAFE_TRAIN_SEGMENTS`]: a sender that learns so
/// sends a longer train in pieces.
pub const MAX_TRAIN_SEGMENTS: usize = 128;

/// Segments in one send that every kernel with UDP GSO takes.
pub const SAFE_TRAIN_SEGMENTS: usize = 64;

/// Bytes between two trains in memory: a whole number of pages and at least [`MAX_TRAIN_BYTES`].
const TRAIN_SPACING: usize = 65_536;

const _: () = assert!(MAX_TRAIN_BYTES <= TRAIN_SPACING);

/// Datagrams on their way out, grouped into trains. See the module's text.
#[derive(Debug)]
pub struct GsoQueue {
    memory: Box<[u8]>,
    trains: Box<[TrainState]>,
    /// Index of the oldest train.
    head: usize,
    /// Number of trains in the ring from `head` on.
    count: usize,
}

/// One train in the ring. Invariant: `start <= len <= MAX_TRAIN_BYTES`, both multiples of `segment_len` while `open`.
#[derive(Debug, Clone, Copy)]
struct TrainState {
    remote: SocketAddr,
    tos: u8,
    segment_len: usize,
    segments: usize,
    /// Bytes already consumed by the sender.
    start: usize,
    len: usize,
    shape: Shape,
}

/// Whether a train takes more segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Open,
    /// Its last segment is shorter than the others.
    Closed,
}

/// Place for one datagram of fixed length inside a train.
///
/// Dereferences to its bytes, which hold remains of older packets until written. Dropped without [`Self::commit`], the
/// queue is as if it had never been reserved.
#[derive(Debug)]
#[must_use = "a slot that is not committed is not sent"]
pub struct Slot<'a> {
    queue: &'a mut GsoQueue,
    place: Place,
    remote: SocketAddr,
    tos: u8,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Behind the last segment of this train.
    Append { train: usize, offset: usize },
    /// Alone at the start of this train, the one behind the ring's last.
    Open { train: usize },
}

impl Place {
    fn memory_start(self) -> usize {
        match self {
            Self::Append { train, offset } => train * TRAIN_SPACING + offset,
            Self::Open { train } => train * TRAIN_SPACING,
        }
    }
}

/// The unsent rest of one train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Train<'a> {
    /// Where it goes.
    pub remote: SocketAddr,
    /// The outer TOS or traffic class byte of every datagram in it.
    pub tos: u8,
    /// Bytes of each datagram but the last, which may be shorter.
    pub segment_len: usize,
    /// The datagrams one behind the other. Never empty.
    pub bytes: &'a [u8],
}

impl<'a> Train<'a> {
    /// Number of datagrams, at least 1.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.bytes.len().div_ceil(self.segment_len.max(1))
    }

    /// The train in pieces of at most so many datagrams (at least 1).
    pub fn pieces(&self, segments: usize) -> impl Iterator<Item = Self> + use<'a> {
        let train = *self;
        let len = train.segment_len.max(1) * segments.max(1);
        train
            .bytes
            .chunks(len)
            .map(move |bytes| Self { bytes, ..train })
    }

    /// The datagrams in order.
    pub fn segments(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.bytes.chunks(self.segment_len.max(1))
    }
}

impl GsoQueue {
    /// A queue of at most `trains` trains (at least 1), 64 KiB each, allocated now and backed by memory when touched.
    #[must_use]
    pub fn new(trains: usize) -> Self {
        let trains = trains.max(1);
        Self {
            memory: vec![0; trains * TRAIN_SPACING].into_boxed_slice(),
            trains: vec![TrainState::UNUSED; trains].into_boxed_slice(),
            head: 0,
            count: 0,
        }
    }

    /// Whether nothing waits to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Trains that can still be opened. While this is at least n, n calls of [`Self::reserve`] succeed.
    #[must_use]
    pub fn free_trains(&self) -> usize {
        self.trains.len() - self.count
    }

    /// Makes place for a datagram of exactly `len` bytes to `remote`.
    ///
    /// `None`: the queue is full (send first), or `len` is not in 1..=[`MAX_TRAIN_BYTES`] (then it stays `None`).
    pub fn reserve(&mut self, remote: SocketAddr, tos: u8, len: usize) -> Option<Slot<'_>> {
        if len == 0 || len > MAX_TRAIN_BYTES {
            return None;
        }
        let place = match self.appendable(remote, tos, len) {
            Some(place) => place,
            None if self.free_trains() == 0 => return None,
            None => Place::Open {
                train: self.ring_index(self.count),
            },
        };
        Some(Slot {
            queue: self,
            place,
            remote,
            tos,
            len,
        })
    }

    /// The trains with something unsent, oldest first.
    pub fn trains(&self) -> impl Iterator<Item = Train<'_>> {
        (0..self.count).filter_map(|age| self.train_at(self.ring_index(age)))
    }

    /// The oldest train, or `None` when empty.
    #[must_use]
    pub fn front(&self) -> Option<Train<'_>> {
        self.trains().next()
    }

    /// Removes the first `segments` datagrams of the oldest train, because they were sent or given up.
    pub fn consume(&mut self, segments: usize) {
        let Some(train) = self.trains.get_mut(self.head).filter(|_| self.count > 0) else {
            return;
        };
        train.start = train.len.min(
            train
                .start
                .saturating_add(segments.saturating_mul(train.segment_len)),
        );
        if train.start == train.len {
            self.drop_front();
        }
    }

    /// Removes the oldest train and returns how many datagrams it still had.
    pub fn drop_front(&mut self) -> usize {
        let dropped = self.front().map_or(0, |train| train.segment_count());
        match self.count {
            0 => {}
            // Starting over at the first train keeps a quiet lane in the same cache lines.
            1 => (self.head, self.count) = (0, 0),
            _ => (self.head, self.count) = (self.ring_index(1), self.count - 1),
        }
        dropped
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        (self.head, self.count) = (0, 0);
    }

    /// The ring's train `age` places behind the oldest.
    fn ring_index(&self, age: usize) -> usize {
        let index = self.head + age;
        if index < self.trains.len() {
            index
        } else {
            index - self.trains.len()
        }
    }

    fn train_at(&self, index: usize) -> Option<Train<'_>> {
        let train = self.trains.get(index)?;
        let start = index * TRAIN_SPACING;
        let bytes = self.memory.get(start + train.start..start + train.len)?;
        Some(Train {
            remote: train.remote,
            tos: train.tos,
            segment_len: train.segment_len,
            bytes,
        })
    }

    /// The end of the newest train for `remote`, if the datagram may go there.
    fn appendable(&self, remote: SocketAddr, tos: u8, len: usize) -> Option<Place> {
        (0..self.count).rev().find_map(|age| {
            let index = self.ring_index(age);
            let train = self
                .trains
                .get(index)
                .filter(|train| train.remote == remote)?;
            Some(train.takes(tos, len).then_some(Place::Append {
                train: index,
                offset: train.len,
            }))
        })?
    }

    fn commit(&mut self, place: Place, remote: SocketAddr, tos: u8, len: usize) {
        match place {
            Place::Append { train, .. } => {
                if let Some(train) = self.trains.get_mut(train) {
                    train.append(len);
                }
            }
            Place::Open { train } => {
                if let Some(train) = self.trains.get_mut(train) {
                    *train = TrainState::open(remote, tos, len);
                    self.count += 1;
                }
            }
        }
    }
}

impl TrainState {
    const UNUSED: Self = Self {
        remote: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0),
        tos: 0,
        segment_len: 1,
        segments: 0,
        start: 0,
        len: 0,
        shape: Shape::Closed,
    };

    fn open(remote: SocketAddr, tos: u8, len: usize) -> Self {
        Self {
            remote,
            tos,
            segment_len: len,
            segments: 1,
            start: 0,
            len,
            shape: Shape::Open,
        }
    }

    fn takes(&self, tos: u8, len: usize) -> bool {
        self.shape == Shape::Open
            && self.tos == tos
            && len <= self.segment_len
            && self.segments < MAX_TRAIN_SEGMENTS
            && self.len + len <= MAX_TRAIN_BYTES
    }

    fn append(&mut self, len: usize) {
        self.len += len;
        self.segments += 1;
        if len < self.segment_len {
            self.shape = Shape::Closed;
        }
    }
}

impl Slot<'_> {
    /// Makes the bytes part of their train.
    pub fn commit(self) {
        self.queue
            .commit(self.place, self.remote, self.tos, self.len);
    }
}

impl Deref for Slot<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let start = self.place.memory_start();
        self.queue
            .memory
            .get(start..start + self.len)
            .unwrap_or(&[])
    }
}

impl DerefMut for Slot<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        let start = self.place.memory_start();
        self.queue
            .memory
            .get_mut(start..start + self.len)
            .unwrap_or(&mut [])
    }
}

#[cfg(test)]
mod tests;
