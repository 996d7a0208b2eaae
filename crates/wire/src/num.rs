//! The numbers of the protocol that have a meaning, each with its own type and range.

use std::fmt;
use std::num::{NonZeroU8, NonZeroU32};

/// Most lanes a node may announce: lane numbers fit 6 bits, and 64 cores for one peer is beyond
/// any machine that we measured.
pub const MAX_LANES: u8 = 64;

/// Security Parameter Index: the number that the *receiver* of a direction chose for (peer,
/// epoch). 32 bits, never 0, and random, so that it tells nothing about how many peers exist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Spi(NonZeroU32);

impl Spi {
    /// `None` for 0.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number, never 0.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Spi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Counts the datagrams sealed under one lane key, from 1. The AEAD nonce follows from it.
///
/// 0 can be written down, as the number before the first; no datagram with it is ever sent, and
/// [`crate::Datagram::parse`] refuses one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PacketNumber(u64);

impl PacketNumber {
    /// The number of the first datagram under a key.
    pub const FIRST: Self = Self(1);

    /// Any 64-bit number.
    #[must_use]
    pub const fn new(value: u64) -> Self {
        Self(value)
    }

    /// The number as it stands on the wire.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number after this one; `None` at the end of the number space.
    #[must_use]
    pub const fn successor(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }
}

impl fmt::Display for PacketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Index of a lane within one node, 0 to 63.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Lane(u8);

impl Lane {
    /// The lane that every node has.
    pub const ZERO: Self = Self(0);

    /// `None` from [`MAX_LANES`] on.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if value < MAX_LANES {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The lane as a byte of the link header.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The lane as an index into per-lane tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How many lanes a node runs, 1 to 64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LaneCount(NonZeroU8);

impl LaneCount {
    /// A node with a single lane.
    pub const ONE: Self = Self(NonZeroU8::MIN);

    /// `None` for 0 and for more than [`MAX_LANES`].
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(count) if value <= MAX_LANES => Some(Self(count)),
            _ => None,
        }
    }

    /// The count, 1 to 64.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// Every lane of the node, ascending.
    pub fn lanes(self) -> impl Iterator<Item = Lane> {
        (0..self.get()).map(Lane)
    }

    /// Which of this node's lanes opens what the given lane of a peer sealed: `sender mod count`.
    /// No other lane may ever derive that key, for it would come with a fresh replay window.
    #[must_use]
    pub const fn owner_of(self, sender: Lane) -> Lane {
        Lane(sender.0 % self.0.get())
    }

    /// Whether a node with this count has the lane.
    #[must_use]
    pub const fn contains(self, lane: Lane) -> bool {
        lane.0 < self.get()
    }
}

impl fmt::Display for LaneCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Virtual Network Identifier: 24 bits (RFC 8926 s3.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Vni(u32);

impl Vni {
    /// The greatest identifier, 2^24 - 1.
    pub const MAX: Self = Self(0x00ff_ffff);

    /// `None` when the number needs more than 24 bits.
    #[must_use]
    pub const fn new(value: u32) -> Option<Self> {
        if value <= Self::MAX.0 {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The identifier, below 2^24.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_be_bytes(bytes: [u8; 3]) -> Self {
        let [high, middle, low] = bytes;
        Self(u32::from_be_bytes([0, high, middle, low]))
    }

    pub(crate) const fn to_be_bytes(self) -> [u8; 3] {
        let [_, high, middle, low] = self.0.to_be_bytes();
        [high, middle, low]
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Largest inner packet that a path carries in one datagram, in bytes, from the inner IP header on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct InnerMtu(u16);

impl InnerMtu {
    /// What every IPv4 host must be able to receive (RFC 791 s3.1); less serves nobody.
    pub const MIN: Self = Self(576);
    /// The greatest IPv4 packet, 65,535, less our 76 bytes over IPv4.
    pub const MAX: Self = Self(65_459);

    /// `None` outside [`Self::MIN`] to [`Self::MAX`].
    #[must_use]
    pub const fn new(value: u16) -> Option<Self> {
        if value >= Self::MIN.0 && value <= Self::MAX.0 {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The size in bytes.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for InnerMtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How many outer UDP source ports a node sends its data from. Version 1 nodes announce 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SourcePorts(NonZeroU8);

impl SourcePorts {
    /// One port for all lanes: what this version does.
    pub const ONE: Self = Self(NonZeroU8::MIN);

    /// `None` for 0.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(count) => Some(Self(count)),
            None => None,
        }
    }

    /// The count, never 0.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl fmt::Display for SourcePorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests;
