//! TAI64N timestamps, which order the initiations of one initiator.

use std::fmt;

/// A TAI64N time: 8 bytes of seconds (2^62 + 10 + Unix time) and 4 bytes of nanoseconds. Byte
/// order is time order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp([u8; Self::LEN]);

impl Timestamp {
    /// Length on the wire, in bytes.
    pub const LEN: usize = 12;
    /// Earlier than every real time; what "never" is written as.
    pub const ZERO: Self = Self([0; Self::LEN]);
    /// The last time that the format has.
    pub const MAX: Self = Self::from_parts(Self::SECONDS_LIMIT - 1, Self::NANOS_PER_SECOND - 1);

    const NANOS_PER_SECOND: u32 = 1_000_000_000;
    /// TAI64 keeps the labels from here on reserved.
    const SECONDS_LIMIT: u64 = 1 << 63;
    /// TAI64's label of the Unix epoch: 2^62, and the 10 s that TAI was ahead in 1972.
    const UNIX_EPOCH: u64 = (1 << 62) + 10;

    /// The time `secs` seconds and `nanos` nanoseconds after the Unix epoch. Nanoseconds beyond a
    /// second carry over; times past the end of the format become [`Self::MAX`].
    #[must_use]
    pub const fn from_unix(secs: u64, nanos: u32) -> Self {
        let carry = (nanos / Self::NANOS_PER_SECOND) as u64;
        let seconds = secs.saturating_add(Self::UNIX_EPOCH).saturating_add(carry);
        if seconds < Self::SECONDS_LIMIT {
            Self::from_parts(seconds, nanos % Self::NANOS_PER_SECOND)
        } else {
            Self::MAX
        }
    }

    /// `None` unless the bytes are a TAI64N time.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::LEN]) -> Option<Self> {
        let (seconds, nanos) = Self(bytes).parts();
        (seconds < Self::SECONDS_LIMIT && nanos < Self::NANOS_PER_SECOND).then_some(Self(bytes))
    }

    /// The bytes for the wire.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0
    }

    /// The next time that can be written, one nanosecond later; [`Self::MAX`] stays itself.
    #[must_use]
    pub const fn successor(self) -> Self {
        let (seconds, nanos) = self.parts();
        if nanos + 1 < Self::NANOS_PER_SECOND {
            Self::from_parts(seconds, nanos + 1)
        } else if seconds + 1 < Self::SECONDS_LIMIT {
            Self::from_parts(seconds + 1, 0)
        } else {
            Self::MAX
        }
    }

    const fn parts(self) -> (u64, u32) {
        let [a, b, c, d, e, f, g, h, nanos @ ..] = self.0;
        let seconds = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        (seconds, u32::from_be_bytes(nanos))
    }

    const fn from_parts(seconds: u64, nanos: u32) -> Self {
        let [a, b, c, d, e, f, g, h] = seconds.to_be_bytes();
        let [w, x, y, z] = nanos.to_be_bytes();
        Self([a, b, c, d, e, f, g, h, w, x, y, z])
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = self.parts();
        write!(f, "Timestamp({seconds:#018x}.{nanos:09})")
    }
}

impl fmt::Display for Timestamp {
    /// Seconds since the Unix epoch, with nine decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = self.parts();
        let unix = seconds.cast_signed() - Self::UNIX_EPOCH.cast_signed();
        write!(f, "{unix}.{nanos:09}")
    }
}

#[cfg(test)]
mod tests;
