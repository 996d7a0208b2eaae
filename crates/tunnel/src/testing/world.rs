//! Several nodes, the wire between them, and time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use linkveil_crypto::{Fingerprint, Psk};
use linkveil_sa::{EpochId, LaneEvent};
use linkveil_wire::Timestamp;

use super::{
    Body, Class, Endpoints, Flight, GREAT, Node, PEER, SMALL, Setup, node_address, path,
    sorted_setups, start,
};
use crate::config::PeerConfig;
use crate::core::Core;
use crate::counters::ControlCounter;
use crate::event::Now;
use crate::status::{PeerState, PeerStatus};

/// Rounds after which a world that never gets quiet is broken.
const ROUNDS: usize = 10_000;

/// The nodes and the wire between them.
pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    pub(crate) wire: VecDeque<Flight>,
    /// What never arrives: from which node, of which class.
    pub(crate) cuts: Vec<(usize, Class)>,
    /// Everything that was put on the wire, lost or not, with its time since the start.
    pub(crate) sent: Vec<(Duration, usize, Class)>,
    start: Instant,
    elapsed: Duration,
}

impl World {
    /// Two nodes that know each other; `change` may vary their setups. Their first messages are on the wire.
    pub(crate) fn pair(change: impl FnOnce(&mut [Setup; 2])) -> Self {
        let mut setups = sorted_setups();
        change(&mut setups);
        Self::of(setups.into())
    }

    /// Nodes that all know each other: the peers of each are the others, in order.
    pub(crate) fn of(setups: Vec<Setup>) -> Self {
        let mut world = Self {
            nodes: Vec::new(),
            wire: VecDeque::new(),
            cuts: Vec::new(),
            sent: Vec::new(),
            start: start(),
            elapsed: Duration::ZERO,
        };
        let keys: Vec<_> = setups.iter().map(|setup| setup.secret.public()).collect();
        for (own, setup) in setups.into_iter().enumerate() {
            let others = keys.iter().enumerate().filter(|(other, _)| *other != own);
            let peers = others.map(|(other, key)| PeerConfig {
                name: format!("node {other}"),
                public_key: *key,
                psk: Psk::none(),
                endpoint: (setup.knows_endpoints == Endpoints::Configured)
                    .then(|| path(node_address(other))),
                roaming: setup.roaming,
                keepalive: setup.keepalive,
                mtu: setup.mtu,
            });
            let peers = peers.collect();
            let node = Node::start(setup, peers, own, world.start);
            world.nodes.push(node);
            world.pump(own);
        }
        world
    }

    /// Puts another core in the place of a node's: it has lost everything but its configuration.
    pub(crate) fn restart(&mut self, node: usize, setup: Setup) {
        let other = self.nodes[1 - node].core.public_key();
        let peer = PeerConfig {
            name: "the other".into(),
            public_key: other,
            psk: Psk::none(),
            endpoint: (setup.knows_endpoints == Endpoints::Configured)
                .then(|| path(self.nodes[1 - node].address)),
            roaming: setup.roaming,
            keepalive: setup.keepalive,
            mtu: setup.mtu,
        };
        let now = self.start + self.elapsed;
        self.nodes[node] = Node::start(setup, vec![peer], node, now);
        self.pump(node);
    }

    pub(crate) fn now(&self, node: usize) -> Now {
        let wall = self.nodes[node].wall + self.elapsed.as_secs();
        Now {
            instant: self.start + self.elapsed,
            wall: Timestamp::from_unix(wall, self.elapsed.subsec_nanos()),
        }
    }

    pub(crate) const fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Drains a core and lets its lanes work until both are quiet.
    pub(crate) fn pump(&mut self, node: usize) {
        for _ in 0..ROUNDS {
            let flights = self.nodes[node].drain();
            for flight in flights {
                self.launch(node, flight);
            }
            let now = self.now(node);
            let Some(event) = self.nodes[node].lanes.next_ack() else {
                return;
            };
            self.nodes[node].core.handle_lane_event(event, now);
        }
        panic!("node {node} never gets quiet");
    }

    pub(crate) fn launch(&mut self, node: usize, flight: Flight) {
        let class = flight.class();
        self.sent.push((self.elapsed, node, class));
        if !self.cuts.contains(&(node, class)) {
            self.wire.push_back(flight);
        }
    }

    /// Something happens to a core.
    pub(crate) fn poke<T>(&mut self, node: usize, poke: impl FnOnce(&mut Core, Now) -> T) -> T {
        let now = self.now(node);
        let result = poke(&mut self.nodes[node].core, now);
        self.pump(node);
        result
    }

    pub(crate) fn lane_event(&mut self, node: usize, event: LaneEvent) {
        self.poke(node, |core, now| core.handle_lane_event(event, now));
    }

    /// A datagram arrives where it goes to, if somebody is there.
    pub(crate) fn deliver(&mut self, flight: &Flight) {
        let found = self.nodes.iter().position(|node| node.address == flight.to);
        let Some(node) = found else { return };
        match &flight.body {
            Body::Handshake(bytes) => {
                let from = path(flight.from);
                self.poke(node, |core, now| core.handle_datagram(from, bytes, now));
            }
            Body::Sealed { .. } => {
                // A lane tells all that it met in a batch before control's orders reach it.
                let now = self.now(node);
                for event in self.nodes[node].lanes.open(flight) {
                    self.nodes[node].core.handle_lane_event(event, now);
                }
                self.pump(node);
            }
        }
    }

    /// Delivers the oldest datagram of a class from a node; panics if there is none.
    pub(crate) fn deliver_first(&mut self, from: usize, class: Class) {
        let flight = self.take(from, class);
        self.deliver(&flight);
    }

    /// Takes the oldest datagram of a class from a node off the wire.
    pub(crate) fn take(&mut self, from: usize, class: Class) -> Flight {
        let from = self.nodes[from].address;
        let place = self
            .wire
            .iter()
            .position(|flight| flight.from == from && flight.class() == class);
        let place = place.unwrap_or_else(|| panic!("no {class:?} in {:?}", self.classes()));
        self.wire.remove(place).unwrap()
    }

    pub(crate) fn classes(&self) -> Vec<Class> {
        self.wire.iter().map(Flight::class).collect()
    }

    /// Delivers everything in order, and what that causes.
    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let Some(flight) = self.wire.pop_front() else {
                return;
            };
            self.deliver(&flight);
        }
        panic!("the nodes never stop talking");
    }

    /// Lets time pass, with every timer at its moment and delivery at once.
    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.elapsed + duration;
        for _ in 0..ROUNDS {
            self.settle();
            let deadlines = self
                .nodes
                .iter()
                .filter_map(|node| node.core.poll_timeout());
            let next = deadlines.map(|(at, _)| at).min();
            let next = next.map(|at| at.saturating_duration_since(self.start));
            let Some(next) = next.filter(|next| *next <= end) else {
                self.elapsed = end;
                return;
            };
            self.elapsed = self.elapsed.max(next);
            for node in 0..self.nodes.len() {
                self.poke(node, Core::handle_timeout);
            }
        }
        panic!("timers fire without end");
    }

    /// Lets time pass in which nothing happens.
    pub(crate) const fn wait(&mut self, duration: Duration) {
        self.elapsed = self.elapsed.saturating_add(duration);
    }

    /// Lets time pass and timers fire; what was on the wire arrives then, and what that causes does not.
    pub(crate) fn step(&mut self, duration: Duration) {
        let under_way = std::mem::take(&mut self.wire);
        self.wait(duration);
        for node in 0..self.nodes.len() {
            self.poke(node, Core::handle_timeout);
        }
        for flight in under_way {
            self.deliver(&flight);
        }
    }

    /// Goes to a node's next deadline and lets its timer fire; nothing is delivered.
    pub(crate) fn next_timer(&mut self, node: usize) {
        let (at, _) = self.nodes[node].core.poll_timeout().expect("a timer");
        self.elapsed = self.elapsed.max(at.saturating_duration_since(self.start));
        self.poke(node, Core::handle_timeout);
    }

    /// Seals a data datagram under what the node sends under.
    pub(crate) fn send_data(&mut self, node: usize) {
        let flight = self.nodes[node].seal(None);
        self.launch(node, flight);
    }

    pub(crate) fn status(&self, node: usize) -> PeerStatus {
        self.nodes[node].core.peer_status(PEER).unwrap()
    }

    pub(crate) fn fingerprint(&self, node: usize) -> Option<Fingerprint> {
        self.status(node).epoch.map(|epoch| epoch.fingerprint)
    }

    pub(crate) fn current(&self, node: usize) -> EpochId {
        self.status(node).epoch.expect("an epoch to send under").id
    }

    /// Whether both nodes of a pair, and their lanes, send under one epoch.
    pub(crate) fn agreed(&self) -> bool {
        let [a, b] = [SMALL, GREAT].map(|node| {
            let status = self.status(node);
            let lanes = self.nodes[node].lanes.sends_under(PEER);
            let lanes = lanes.map(|(_, fingerprint)| fingerprint);
            (status.state == PeerState::Established).then_some(())?;
            lanes.filter(|print| Some(*print) == self.fingerprint(node))
        });
        a.is_some() && a == b
    }

    #[track_caller]
    pub(crate) fn assert_agreed(&self) {
        let states = [SMALL, GREAT].map(|node| self.status(node));
        assert!(self.agreed(), "{states:#?}");
    }

    pub(crate) fn count(&self, node: usize, counter: ControlCounter) -> u64 {
        self.nodes[node].core.counters().get(counter)
    }

    /// All counters that moved, by name.
    pub(crate) fn counted(&self, node: usize) -> Vec<(&'static str, u64)> {
        let all = self.nodes[node].core.counters().named();
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// When a node sent datagrams of a class.
    pub(crate) fn times(&self, node: usize, class: Class) -> Vec<Duration> {
        let all = self.sent.iter();
        all.filter(|(_, from, sent)| (*from, *sent) == (node, class))
            .map(|(at, _, _)| *at)
            .collect()
    }
}
