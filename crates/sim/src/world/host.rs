//! One gateway's place in a world: it outlives the gateway, which may stop and start again.

use std::time::Instant;

use linkveil_crypto::PublicKey;
use linkveil_tunnel::Now;

use crate::clock::WallOffset;
use crate::fault::Tamper;
use crate::gateway::{Gateway, GatewaySetup, Neighbor, Underlay};
use crate::random::Seed;

/// Gateways draw from sources of their own, another one in each life.
const GATEWAY_STREAM: u64 = 100;
const STREAMS_PER_LIFE: u64 = 10;

#[derive(Debug)]
pub(super) struct Host {
    setup: GatewaySetup,
    underlay: Underlay,
    neighbor: Neighbor,
    number: u64,
    pub(super) gateway: Option<Gateway>,
    /// How often it was started.
    pub(super) lives: u64,
    pub(super) wall: WallOffset,
    pub(super) tamper: Tamper,
    /// How often its core was called because something was due.
    pub(super) wakeups: u64,
}

impl Host {
    pub(super) fn new(
        number: u64,
        setup: GatewaySetup,
        underlay: Underlay,
        neighbor: Neighbor,
    ) -> Self {
        Self {
            wall: setup.wall,
            setup,
            underlay,
            neighbor,
            number,
            gateway: None,
            lives: 0,
            tamper: Tamper::default(),
            wakeups: 0,
        }
    }

    /// A new gateway with the same configuration and key, and no memory of any former one.
    pub(super) fn start(&mut self, seed: Seed, now: Now) {
        let random = seed.stream(GATEWAY_STREAM + self.number + STREAMS_PER_LIFE * self.lives);
        self.lives += 1;
        let neighbors = std::slice::from_ref(&self.neighbor);
        self.gateway = Some(Gateway::start(
            &self.setup,
            &self.underlay,
            neighbors,
            random,
            now,
        ));
    }

    pub(super) fn public_key(&self) -> PublicKey {
        self.setup.secret.public()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.gateway.as_ref().and_then(Gateway::deadline)
    }

    /// Calls the core if something is due.
    pub(super) fn fire_timers(&mut self, now: Now) -> Fired {
        let due = self.deadline().is_some_and(|at| at <= now.instant);
        match &mut self.gateway {
            Some(gateway) if due => {
                gateway.handle_timeout(now);
                self.wakeups += 1;
                Fired::Yes
            }
            _ => Fired::No,
        }
    }
}

/// Whether anything was due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fired {
    Yes,
    No,
}
