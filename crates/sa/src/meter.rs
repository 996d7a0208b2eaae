//! Counts what one key does and compares it with its limits. Lane keys use it, and the associations
//! of MACsec.
//!
//! A length is what is sealed behind the first block of associated data: for a data datagram, whose
//! header is that block, the plaintext; for a MACsec frame, whose addresses and `SecTAG` take a little
//! more, the whole frame, which is a block too many and never one too few.

use crate::limits::{BLOCK_LEN, Limits, Pressure, Usage};
use linkveil_crypto::Suite;
use linkveil_wire::link::HEADER_LEN;

/// Blocks of associated data in every datagram.
const HEADER_BLOCKS: u64 = HEADER_LEN as u64 / BLOCK_LEN;
/// What the multi-key bound adds to a small `B` for AES-256 (draft-irtf-cfrg-aead-limits).
const SMALL_KEY_BLOCKS: u64 = 97;

/// A limit would be passed: the key must not be used for this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exhausted;

/// The counters of one key. Every one stays at or below its limit.
#[derive(Debug)]
pub struct Meter {
    limits: Limits,
    packets: u64,
    blocks: u64,
    longest_blocks: u64,
    failed_opens: u64,
    reported: Option<Pressure>,
}

impl Meter {
    /// An unused key with these limits.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            packets: 0,
            blocks: 0,
            longest_blocks: 0,
            failed_opens: 0,
            reported: None,
        }
    }

    /// Whether one more datagram with this much plaintext, in bytes, fits the limits.
    ///
    /// # Errors
    /// [`Exhausted`] if not.
    #[inline]
    pub const fn check(&self, plaintext_len: usize) -> Result<(), Exhausted> {
        let blocks = self.blocks.saturating_add(blocks_of(plaintext_len));
        let fits = self.packets < self.limits.packets
            && blocks <= self.limits.bytes / BLOCK_LEN
            && self.failed_opens < self.limits.failed_opens;
        if fits { Ok(()) } else { Err(Exhausted) }
    }

    /// Counts one datagram, for which [`Self::check`] said yes, and returns the count: the first
    /// datagram is 1.
    #[inline]
    pub const fn count(&mut self, plaintext_len: usize) -> u64 {
        let blocks = blocks_of(plaintext_len);
        self.packets += 1;
        self.blocks += blocks;
        if blocks > self.longest_blocks {
            self.longest_blocks = blocks;
        }
        self.packets
    }

    /// Counts one datagram that failed to authenticate. Its length counts for the bound too.
    #[inline]
    pub const fn count_failed_open(&mut self, plaintext_len: usize) {
        self.failed_opens += 1;
        let blocks = blocks_of(plaintext_len);
        if blocks > self.longest_blocks {
            self.longest_blocks = blocks;
        }
    }

    /// The next level of pressure that was reached and not yet returned, lowest first.
    pub const fn take_pressure(&mut self) -> Option<Pressure> {
        let next = match self.reported {
            None => Pressure::Soft,
            Some(Pressure::Soft) => Pressure::Late,
            Some(Pressure::Late) => return None,
        };
        if !self.reached(next) {
            return None;
        }
        self.reported = Some(next);
        self.reported
    }

    const fn reached(&self, level: Pressure) -> bool {
        let sixteenths = level.sixteenths();
        at_least(self.packets, self.limits.packets, sixteenths)
            || at_least(self.blocks, self.limits.bytes / BLOCK_LEN, sixteenths)
            || at_least(self.failed_opens, self.limits.failed_opens, sixteenths)
    }

    /// Datagrams counted by [`Self::count`].
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes counted, as in [`Limits::bytes`].
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.blocks * BLOCK_LEN
    }

    /// Datagrams that failed to authenticate.
    #[must_use]
    pub const fn failed_opens(&self) -> u64 {
        self.failed_opens
    }

    /// Share of the nearest limit that is used up, 0.0 to 1.0.
    #[must_use]
    pub fn share(&self) -> f64 {
        share(self.packets, self.limits.packets)
            .max(share(self.bytes(), self.limits.bytes))
            .max(share(self.failed_opens, self.limits.failed_opens))
    }

    /// All of it for `status`, with the bound for a lane key of this suite.
    #[must_use]
    pub fn usage(&self, suite: Suite) -> Usage {
        Usage {
            packets: self.packets,
            bytes: self.bytes(),
            failed_opens: self.failed_opens,
            share: self.share(),
            log2_advantage: self.log2_advantage(suite),
        }
    }

    /// The bounds of the module `limits`, for this key alone.
    fn log2_advantage(&self, suite: Suite) -> Option<f64> {
        let (factors, denominator) = match suite {
            Suite::Aes256Gcm => (
                [
                    self.packets + self.failed_opens,
                    self.longest_blocks,
                    self.blocks + SMALL_KEY_BLOCKS,
                ],
                127.0,
            ),
            Suite::ChaCha20Poly1305 => ([self.failed_opens, self.longest_blocks + 1, 1], 103.0),
        };
        if factors.contains(&0) {
            return None;
        }
        let log2: f64 = factors.iter().map(|factor| (*factor as f64).log2()).sum();
        Some(log2 - denominator)
    }
}

/// Blocks that one datagram costs, associated data included.
#[inline]
const fn blocks_of(plaintext_len: usize) -> u64 {
    HEADER_BLOCKS + (plaintext_len as u64).div_ceil(BLOCK_LEN)
}

/// Whether `used` has reached so many sixteenths of `limit`, rounded down so that small limits
/// report early rather than late.
const fn at_least(used: u64, limit: u64, sixteenths: u64) -> bool {
    // Split so that no limit can overflow.
    let threshold = limit / 16 * sixteenths + limit % 16 * sixteenths / 16;
    used > 0 && used >= threshold
}

fn share(used: u64, limit: u64) -> f64 {
    if limit == 0 {
        return 1.0;
    }
    used as f64 / limit as f64
}

#[cfg(test)]
mod tests;
