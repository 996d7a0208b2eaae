//! How much one lane key may do before it has to be replaced.
//!
//! # Derivation
//!
//! draft-irtf-cfrg-aead-limits bounds what an attacker gains from watching and forging. We rekey,
//! so its multi-key bounds hold, not the (more generous) single-key ones. In its letters: `q`
//! packets sealed and `v` forgeries tried, over all keys; `L` blocks of 16 bytes in the longest
//! packet, associated data included; `B` blocks under the busiest key.
//!
//! **AES-256-GCM** with a secret 96-bit IV per key ("nonce randomization"):
//! `advantage <= (q + v) L B / 2^127`, where `B` grows by 97 when it is small.
//! We grant each lane key 2^-48. UDP bounds `L`: 65,507 bytes less the tag are below 2^12 blocks.
//! With `B` = 2^36 blocks, that is 1 TiB, the draft leaves
//! `q + v <= 2^(127 - 48 - 12 - 36) = 2^31`: 2^30 packets and 2^30 failed opens. A key that really
//! carries 1 TiB does so in packets of 1,024 bytes or more. With the common 1,500-byte MTU `L` is
//! 94 and `q` below 2^30, so that a used-up lane key stands near 2^-54 while nobody forges.
//! Under `n` keys that were all used up, `q + v` is `n` times as large: add log2 n to the exponent
//! (64 lanes and both directions: +7).
//!
//! **`ChaCha20-Poly1305`**: `advantage <= v (L + 1) / 2^103`, whatever was sealed. 2^36 failed opens
//! stand at 2^-55. Packets and bytes have limits all the same, so that every key has an end and a
//! share can be shown; they are so far away that time always comes first.

use linkveil_crypto::Suite;

/// Length of the block in which the bounds count, in bytes, for both suites.
pub(crate) const BLOCK_LEN: u64 = 16;

/// Blocks in the longest datagram, log2: 65,507 bytes of UDP payload, tag excluded.
const LOG2_LONGEST_BLOCKS: u32 = 12;
/// Advantage that one used-up AES-256-GCM lane key grants, log2.
const LOG2_TARGET: i32 = -48;
const LOG2_GCM_BYTES: u32 = 40;
const LOG2_GCM_PACKETS: u32 = 30;
const LOG2_GCM_FAILED_OPENS: u32 = 30;
const LOG2_CHACHA_FAILED_OPENS: u32 = 36;

const _: () = assert!((65_507 - 16) / 16 < (1_u64 << LOG2_LONGEST_BLOCKS));
// 2^30 + 2^30 = 2^31 = q + v, times L, times B, over 2^127, is the target exactly.
const _: () = assert!(LOG2_GCM_PACKETS == LOG2_GCM_FAILED_OPENS);
const _: () = assert!(
    (LOG2_GCM_PACKETS + 1 + LOG2_LONGEST_BLOCKS + LOG2_GCM_BYTES - 4) as i32 - 127 == LOG2_TARGET
);
// v (L + 1) / 2^103 stays below the target as well.
const _: () =
    assert!((LOG2_CHACHA_FAILED_OPENS + LOG2_LONGEST_BLOCKS + 1) as i32 - 103 < LOG2_TARGET);

/// What one lane key may do. Reaching a number is allowed, passing it is refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// Datagrams sealed (or opened, on the receiver) under one lane key.
    pub packets: u64,
    /// Bytes under one lane key: plaintext and associated data, each datagram in whole blocks of
    /// 16 bytes.
    pub bytes: u64,
    /// Datagrams under one lane key that failed to authenticate; receivers count these.
    pub failed_opens: u64,
}

impl Limits {
    /// What this build uses: [`Self::production`] in release builds; in debug builds
    /// [`Self::TINY`], so that every test run goes through several epochs.
    #[must_use]
    pub const fn for_suite(suite: Suite) -> Self {
        if cfg!(debug_assertions) {
            Self::TINY
        } else {
            Self::production(suite)
        }
    }

    /// What this build grants each key of a MACsec channel that a handshake made: in release builds
    /// the production limits of AES-256-GCM, whose bound counts blocks of 16 and holds for
    /// AES-128, too; in debug builds [`Self::SMALL`].
    #[must_use]
    pub const fn for_channels() -> Self {
        if cfg!(debug_assertions) {
            Self::SMALL
        } else {
            Self::production(Suite::Aes256Gcm)
        }
    }

    /// The limits that the module's derivation gives, in every build.
    #[must_use]
    pub const fn production(suite: Suite) -> Self {
        match suite {
            Suite::Aes256Gcm => Self {
                packets: 1 << LOG2_GCM_PACKETS,
                bytes: 1 << LOG2_GCM_BYTES,
                failed_opens: 1 << LOG2_GCM_FAILED_OPENS,
            },
            Suite::ChaCha20Poly1305 => Self {
                packets: 1 << 48,
                bytes: 1 << 60,
                failed_opens: 1 << LOG2_CHACHA_FAILED_OPENS,
            },
        }
    }

    /// For debug builds, on MACsec channels: of their four associations several are in use or drain,
    /// so that keys cannot follow each other as fast as on other links.
    pub const SMALL: Self = Self {
        packets: 1 << 16,
        bytes: 1 << 26,
        failed_opens: 1_024,
    };

    /// For debug builds: a few thousand packets, small or large, then a new epoch.
    pub const TINY: Self = Self {
        packets: 4_096,
        bytes: 4 << 20,
        failed_opens: 1_024,
    };
}

/// How near a lane key is to its limits. Each level is reported once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Pressure {
    /// 7/8 of a limit: the epoch's initiator should make a new epoch.
    Soft,
    /// 15/16 of a limit: the responder should, too; its peer seems not to.
    Late,
}

impl Pressure {
    /// Sixteenths of the limit at which this level begins.
    pub(crate) const fn sixteenths(self) -> u64 {
        match self {
            Self::Soft => 14,
            Self::Late => 15,
        }
    }
}

/// What a lane key has done so far, for `status`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Usage {
    /// Datagrams sealed or opened.
    pub packets: u64,
    /// Bytes, counted as in [`Limits::bytes`].
    pub bytes: u64,
    /// Datagrams that failed to authenticate; 0 for a sender, who cannot know.
    pub failed_opens: u64,
    /// Share of the nearest limit, 0.0 to 1.0.
    pub share: f64,
    /// Log2 of the bound on an attacker's advantage that this key contributes (the module's
    /// derivation, with the longest packet seen as `L`); `None` while it is zero.
    pub log2_advantage: Option<f64>,
}

impl Usage {
    /// An unused key.
    pub const NONE: Self = Self {
        packets: 0,
        bytes: 0,
        failed_opens: 0,
        share: 0.0,
        log2_advantage: None,
    };

    /// Of two keys, the sums of what they did, the share of the one nearer to its limit, and the
    /// greater advantage.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_add(other.packets),
            bytes: self.bytes.saturating_add(other.bytes),
            failed_opens: self.failed_opens.saturating_add(other.failed_opens),
            share: self.share.max(other.share),
            log2_advantage: match (self.log2_advantage, other.log2_advantage) {
                (Some(a), Some(b)) => Some(a.max(b)),
                (a, b) => a.or(b),
            },
        }
    }
}

#[cfg(test)]
mod tests;
