//! One node: the real core between a wire and lanes that carry nothing.

use std::net::SocketAddr;
use std::time::Instant;

use linkveil_crypto::Suite;
use linkveil_sa::{Limits, PeerId};
use linkveil_wire::{ControlFrame, LaneCount, Timestamp};

use super::{Body, Deed, FakeLanes, Flight, PEER, Seeded, Setup, node_address};
use crate::config::{CoreConfig, PeerConfig};
use crate::core::Core;
use crate::event::{Event, Now};

/// One node: the real core, and lanes that carry nothing.
pub(crate) struct Node {
    pub(crate) core: Core,
    pub(crate) lanes: FakeLanes,
    pub(crate) address: SocketAddr,
    pub(crate) events: Vec<Event>,
    /// In Unix seconds at the start.
    pub(crate) wall: u64,
}

impl Node {
    pub(super) fn start(setup: Setup, peers: Vec<PeerConfig>, number: usize, now: Instant) -> Self {
        let wall = setup.wall;
        let config = CoreConfig {
            secret: setup.secret,
            suite: Suite::Aes256Gcm,
            kem: setup.kem,
            lanes: LaneCount::new(2).unwrap(),
            flags: setup.flags,
            rekey_after: setup.rekey_after,
            post_quantum: setup.policy,
            limits: Limits::TINY,
        };
        let now = Now {
            instant: now,
            wall: Timestamp::from_unix(wall, 0),
        };
        let endpoints = (0..).map(PeerId::new).zip(&peers);
        let endpoints = endpoints.filter_map(|(id, peer)| Some((id, peer.endpoint?.remote)));
        let lanes = FakeLanes::new(endpoints);
        Self {
            core: Core::new(config, peers, Box::new(Seeded(setup.seed)), now),
            lanes,
            address: node_address(number),
            events: Vec::new(),
            wall,
        }
    }

    /// Everything the core wants, in the order of its contract.
    pub(super) fn drain(&mut self) -> Vec<Flight> {
        while let Some(event) = self.core.poll_event() {
            self.lanes.note_event(&event);
            self.events.push(event);
        }
        let mut flights = Vec::new();
        while let Some(command) = self.core.poll_command() {
            let control = self.lanes.carry_out(command);
            flights.extend(control.map(|sealed| Flight {
                from: self.address,
                to: sealed.to,
                body: sealed.body,
            }));
        }
        while let Some(transmit) = self.core.poll_transmit() {
            self.lanes.deeds.push(Deed::Transmit(transmit.bytes[0]));
            flights.push(Flight {
                from: self.address,
                to: transmit.path.remote,
                body: Body::Handshake(transmit.bytes),
            });
        }
        flights
    }

    /// What the lanes seal for the first peer now.
    pub(crate) fn seal(&self, frame: Option<ControlFrame>) -> Flight {
        let body = self.lanes.seal(PEER, frame).expect("keys to seal with");
        Flight {
            from: self.address,
            to: self.lanes.endpoint_of(PEER),
            body,
        }
    }
}
