//! The secret of an epoch, split by direction, from which the lanes expand their own keys.
//!
//! Every lane holds the secret until its keys are expanded or its association goes; all of them
//! share one allocation, which wipes itself with the last of them.

use linkveil_crypto::{
    ChannelContext, ChannelKeys, Direction, EpochSecret, Fingerprint, LaneContext, LaneKeys,
    PostQuantum, Purpose, Suite,
};
use linkveil_wire::Lane;
use std::fmt;
use std::sync::Arc;

/// Takes the secret of a finished handshake apart into what we seal with and what we open with.
///
/// `tx` is the direction in which *we* send: the initiator passes
/// [`Direction::InitiatorToResponder`]. The secret is consumed, so each half exists once: two
/// senders with one key, which is a nonce used twice, cannot be built.
#[must_use]
pub fn split_epoch(
    secret: EpochSecret,
    suite: Suite,
    post_quantum: PostQuantum,
    tx: Direction,
) -> (TxKeys, RxKeys) {
    let secret = Arc::new(secret);
    let half = |direction| DirectionSecret {
        secret: Arc::clone(&secret),
        suite,
        post_quantum,
        direction,
    };
    (TxKeys(half(tx)), RxKeys(half(tx.reverse())))
}

/// What all lanes of a sender derive their keys from. Its content is in no output.
pub struct TxKeys(pub(crate) DirectionSecret);

/// What all lanes of a receiver derive their keys from. Its content is in no output.
pub struct RxKeys(pub(crate) DirectionSecret);

impl TxKeys {
    /// The epoch's public name, the same at both ends.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.secret.fingerprint()
    }

    /// Who seals with these keys: we, seen from the handshake.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.0.direction
    }
}

impl RxKeys {
    /// The epoch's public name, the same at both ends.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.secret.fingerprint()
    }

    /// Who seals what these keys open: the peer, seen from the handshake.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.0.direction
    }
}

impl fmt::Debug for TxKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TxKeys(..)")
    }
}

impl fmt::Debug for RxKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RxKeys(..)")
    }
}

/// An epoch's secret with all that goes into a lane key but the lane.
pub(crate) struct DirectionSecret {
    secret: Arc<EpochSecret>,
    suite: Suite,
    post_quantum: PostQuantum,
    direction: Direction,
}

impl DirectionSecret {
    /// One more holder of the same secret; crate-private, because two holders for one lane would
    /// undo what [`split_epoch`] promises.
    pub(crate) fn share(&self) -> Self {
        Self {
            secret: Arc::clone(&self.secret),
            ..*self
        }
    }

    pub(crate) const fn suite(&self) -> Suite {
        self.suite
    }

    pub(crate) const fn direction(&self) -> Direction {
        self.direction
    }

    /// Key and salt of one MACsec association.
    pub(crate) fn channel_keys(
        &self,
        context: impl FnOnce(PostQuantum, Direction) -> ChannelContext,
    ) -> ChannelKeys {
        let context = context(self.post_quantum, self.direction);
        self.secret.channel_keys(&context)
    }

    /// Key and IV of one sender lane.
    pub(crate) fn lane_keys(&self, lane: Lane) -> LaneKeys {
        self.secret.lane_keys(&LaneContext {
            purpose: Purpose::VpcData,
            suite: self.suite,
            post_quantum: self.post_quantum,
            direction: self.direction,
            lane: u16::from(lane.get()),
        })
    }
}

#[cfg(test)]
mod tests;
