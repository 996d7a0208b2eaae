//! Which initiations have made an epoch: none makes two in one life of a gateway (REQ-CLK-2).

use std::collections::{BTreeMap, BTreeSet};

use crate::link::GatewayId;

/// The initiator's ephemeral key, which no two initiations share.
type Ephemeral = [u8; 32];

#[derive(Debug, Default)]
pub(super) struct Calls {
    of: BTreeMap<GatewayId, Called>,
}

#[derive(Debug, Default)]
struct Called {
    /// What arrived at this moment.
    now: Vec<Ephemeral>,
    /// What has made an epoch.
    answered: BTreeSet<Ephemeral>,
}

impl Calls {
    pub(super) fn arrive(&mut self, gateway: GatewayId, datagram: &[u8]) {
        let [1, 0, 0, 0, _, _, _, _, noise @ ..] = datagram else {
            return;
        };
        if let Some(ephemeral) = noise.first_chunk() {
            let called = self.of.entry(gateway).or_default();
            called.now.push(*ephemeral);
        }
    }

    /// The gateway has made an epoch in answer. `None`: to an initiation that had made one. Nothing is said if several
    /// arrived at one moment, because it may have been any of them.
    pub(super) fn answer(&mut self, gateway: GatewayId) -> Option<()> {
        let called = self.of.entry(gateway).or_default();
        match called.now[..] {
            [only] => called.answered.insert(only).then_some(()),
            _ => Some(()),
        }
    }

    pub(super) fn settle(&mut self, gateway: GatewayId) {
        self.of.entry(gateway).or_default().now.clear();
    }

    pub(super) fn forget_life(&mut self, gateway: GatewayId) {
        self.of.remove(&gateway);
    }
}
