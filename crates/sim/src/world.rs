//! A world: gateways, the link between them, virtual time, and the model that watches all of it.

mod host;
mod outside;
mod steps;

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use linkveil_crypto::PublicKey;
use linkveil_dataplane::Report;
use linkveil_sa::PeerId;
use linkveil_tunnel::{Event, Now, PeerState, PeerStatus};

use crate::checker::Checker;
use crate::clock::WallOffset;
use crate::fault::{Fault, Tamper};
use crate::gateway::{Called, Gateway, GatewaySetup, Neighbor, Underlay};
use crate::link::{Class, GatewayId, Link, Weather};
use crate::log::Log;
use crate::packet::{MIN_PACKET_LEN, PacketId, build};
use crate::random::{Seed, SimRandom};

use host::Host;
use outside::{ADDRESSES, Inner, Outside, Watch};
pub use outside::{Recorded, address_of, outer_address, stranger};

/// The two gateways of a world.
pub const SIDES: [GatewayId; 2] = [GatewayId(0), GatewayId(1)];

/// Every gateway works at least so often, as real lanes do for their reports of activity.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Parts of a run that draw from sources of their own.
const LINK_STREAM: u64 = 1;
const PACKET_STREAM: u64 = 2;

/// Longest packet that is offered, in bytes: the inner MTU of a 1,500-byte path.
const MAX_PACKET_LEN: u64 = 1_424;

/// Whether a gateway that stops says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Farewell {
    /// As by `systemctl stop`.
    Said,
    /// As by a loss of power.
    Unsaid,
}

/// Gateways under one clock. See the crate's text.
#[derive(Debug)]
pub struct World {
    seed: Seed,
    hosts: Vec<Host>,
    outside: Outside,
    next_packet: u64,
    random: SimRandom,
    next_heartbeat: Duration,
    steps_at_once: u32,
}

/// A tenant's address behind a gateway.
#[must_use]
pub fn tenant_of(gateway: GatewayId) -> Ipv4Addr {
    let number = u8::try_from(gateway.0 + 1).expect("a world has a handful of gateways");
    Ipv4Addr::new(10, number, 0, 1)
}

/// The other gateway of a pair.
#[must_use]
pub const fn other(side: GatewayId) -> GatewayId {
    GatewayId(1 - side.0)
}

fn prefix_of(gateway: GatewayId) -> IpNet {
    let whole = Ipv4Net::new(tenant_of(gateway), 24).expect("24 bits");
    IpNet::V4(whole.trunc())
}

/// Every address but the gateway's own.
fn underlay_of(side: GatewayId) -> Underlay {
    let others = (0..ADDRESSES).map(|moves| outer_address(other(side), moves));
    Underlay {
        own: address_of(side),
        others: others.chain([stranger()]).collect(),
    }
}

impl World {
    /// Two gateways that call each other as `called` says: first whether gateway 0 calls 1, then the other way.
    #[must_use]
    pub fn pair(
        seed: Seed,
        weather: Weather,
        setups: [GatewaySetup; 2],
        called: [Called; 2],
        log: Log,
    ) -> Self {
        let keys = [0, 1].map(|side: usize| setups[side].secret.public());
        let link = Link::new(weather, seed.stream(LINK_STREAM));
        let mut world = Self {
            seed,
            hosts: Vec::new(),
            outside: Outside::new(link, log),
            next_packet: 0,
            random: seed.stream(PACKET_STREAM),
            next_heartbeat: HEARTBEAT,
            steps_at_once: 0,
        };
        for (setup, side) in setups.into_iter().zip(SIDES) {
            let peer = other(side);
            let neighbor = Neighbor {
                name: peer.to_string(),
                public_key: keys[peer.0],
                address: address_of(peer),
                called: called[side.0],
                prefixes: vec![prefix_of(peer)],
            };
            let host = Host::new(side.0 as u64, setup, underlay_of(side), neighbor);
            world.hosts.push(host);
            world.outside.moves.push(0);
        }
        for side in SIDES {
            world.start(side);
        }
        world
    }

    /// Breaks a gateway on purpose.
    pub fn break_gateway(&mut self, id: GatewayId, fault: Fault) {
        self.hosts[id.0].tamper = Tamper::with(fault);
    }

    /// Time since the world began.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.outside.clock.elapsed()
    }

    /// The link, to change its weather or to write rules.
    pub const fn link(&mut self) -> &mut Link {
        &mut self.outside.link
    }

    /// What happened and must not have.
    #[must_use]
    pub const fn checker(&self) -> &Checker {
        &self.outside.checker
    }

    /// The same, to end it.
    pub const fn checker_mut(&mut self) -> &mut Checker {
        &mut self.outside.checker
    }

    /// What was written down.
    #[must_use]
    pub const fn log(&self) -> &Log {
        &self.outside.log
    }

    /// Writes a line into the log.
    pub fn note(&mut self, text: impl FnOnce() -> String) {
        self.outside.note(text);
    }

    /// All datagrams that were ever sent, in order.
    #[must_use]
    pub fn recorded(&self) -> &[Recorded] {
        &self.outside.recorded
    }

    /// Everything that cores told, with who told it.
    #[must_use]
    pub fn events(&self) -> &[(GatewayId, Event)] {
        &self.outside.events
    }

    /// A gateway that is up, to ask it something.
    #[must_use]
    pub fn gateway(&self, id: GatewayId) -> Option<&Gateway> {
        self.hosts[id.0].gateway.as_ref()
    }

    /// State of a gateway's link to its only peer, while it is up.
    #[must_use]
    pub fn status(&self, id: GatewayId) -> Option<PeerStatus> {
        self.gateway(id)?.peer_status(PeerId::new(0))
    }

    /// A gateway's static key, which everybody may know.
    #[must_use]
    pub fn public_key(&self, id: GatewayId) -> PublicKey {
        self.hosts[id.0].public_key()
    }

    /// How often something was due at a gateway.
    #[must_use]
    pub fn wakeups(&self, id: GatewayId) -> u64 {
        self.hosts[id.0].wakeups
    }

    /// The counters of a gateway's lanes, while it is up.
    pub fn report(&mut self, id: GatewayId) -> Option<Report> {
        self.hosts[id.0].gateway.as_mut()?.request_report();
        self.work(id, Inner(None));
        self.hosts[id.0].gateway.as_mut()?.take_report()
    }

    /// Whether both sides send under one and the same epoch, in their own eyes and in the model's.
    #[must_use]
    pub fn agreed(&self) -> bool {
        let [a, b] = SIDES.map(|side| {
            let status = self.status(side)?;
            let believed = status.epoch?.fingerprint;
            let seen = self.checker().sending_under(side)?;
            (status.state == PeerState::Established && believed == seen).then_some(seen)
        });
        a.is_some() && a == b
    }

    /// Begins a handshake at a gateway, if it is up.
    pub fn rekey(&mut self, id: GatewayId) {
        let now = self.now_of(id);
        if let Some(gateway) = &mut self.hosts[id.0].gateway {
            gateway.rekey(PeerId::new(0), now);
            self.outside.note(|| format!("{id} is told to rekey"));
            self.work(id, Inner(None));
        }
    }

    /// Ends a gateway. All that it knows is lost, but for configuration and key. Without effect on one that is down.
    pub fn stop(&mut self, id: GatewayId, farewell: Farewell) {
        let now = self.now_of(id);
        let Some(gateway) = &mut self.hosts[id.0].gateway else {
            return;
        };
        if farewell == Farewell::Said {
            gateway.close(now);
            self.work(id, Inner(None));
        }
        self.outside
            .note(|| format!("{id} stops, farewell {farewell:?}"));
        self.hosts[id.0].gateway = None;
        self.outside.checker.stopped(id);
    }

    /// Starts a gateway that is down.
    pub fn start(&mut self, id: GatewayId) {
        if self.gateway(id).is_none() {
            let now = self.now_of(id);
            self.outside.note(|| format!("{id} starts"));
            self.hosts[id.0].start(self.seed, now);
            self.work(id, Inner(None));
        }
    }

    /// Moves a gateway's wall clock by so many seconds, forwards or back; its monotonic clock goes on.
    pub fn step_wall(&mut self, id: GatewayId, seconds: i64) {
        self.outside
            .note(|| format!("the clock of {id} steps by {seconds} s"));
        let wall = &mut self.hosts[id.0].wall;
        *wall = wall.stepped(seconds);
    }

    /// Sets a gateway's wall clock.
    pub fn set_wall(&mut self, id: GatewayId, wall: WallOffset) {
        self.outside
            .note(|| format!("the clock of {id} is off by {wall:?}"));
        self.hosts[id.0].wall = wall;
    }

    /// Gives a gateway another address on the underlay, as when a NAT forgets it; it does not notice. What is under way
    /// to the old one is lost. Without effect when it had all of its addresses.
    pub fn move_address(&mut self, id: GatewayId) {
        let moves = &mut self.outside.moves[id.0];
        *moves = (*moves + 1).min(ADDRESSES - 1);
        let address = self.outside.address(id);
        self.outside.note(|| format!("{id} is at {address} now"));
    }

    /// Where a gateway is now.
    #[must_use]
    pub fn address(&self, id: GatewayId) -> SocketAddr {
        self.outside.address(id)
    }

    /// Gives one inner packet to a gateway, for the other one. It goes to a lane and has a length that are drawn. `None`:
    /// the gateway is down.
    ///
    /// # Panics
    ///
    /// If the device's queue is full: it holds more than a world offers at a moment.
    pub fn offer(&mut self, from: GatewayId) -> Option<PacketId> {
        let len = MIN_PACKET_LEN as u64
            + self
                .random
                .below(MAX_PACKET_LEN - MIN_PACKET_LEN as u64 + 1);
        let lane = usize::try_from(self.random.below(64)).unwrap_or(0);
        let gateway = self.hosts[from.0].gateway.as_ref()?;
        let to = other(from);
        let id = PacketId::new(self.next_packet);
        self.next_packet += 1;
        let len = usize::try_from(len).unwrap_or(MIN_PACKET_LEN);
        let packet: Rc<[u8]> = build(id, tenant_of(from), tenant_of(to), len).into();
        let taken = gateway.offer(lane, &packet);
        taken.expect("a device's queue holds more than a world offers at once");
        self.outside.checker.offered(id, from, to, &packet);
        self.outside.note(|| format!("{from} is given {id}"));
        self.work(from, Inner(Some((id, packet))));
        Some(id)
    }

    /// A datagram arrives at a gateway at once, from any address. Without effect on one that is down.
    pub fn inject(&mut self, to: GatewayId, source: SocketAddr, datagram: &[u8]) {
        self.outside.note(|| {
            let (class, len) = (Class::of(datagram), datagram.len());
            format!("{class:?} of {len} bytes is slipped to {to} from {source}")
        });
        self.arrive(to, datagram, None);
        if let Some(gateway) = &mut self.hosts[to.0].gateway {
            gateway.receive(source, datagram.len(), datagram);
        }
        self.work(to, Inner(None));
    }

    /// Lets time pass until `elapsed`, with everything that happens on the way.
    pub fn run_until(&mut self, elapsed: Duration) {
        while let Some(next) = self.next_moment().filter(|next| *next <= elapsed) {
            if !self.step_to(next) {
                break;
            }
        }
        self.outside.clock.advance_to(elapsed);
    }

    /// Lets time pass for a while.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.elapsed() + duration);
    }

    /// Runs until both sides agree, at most until `limit`; whether they did.
    pub fn run_until_agreed(&mut self, limit: Duration) -> bool {
        while !self.agreed() && self.elapsed() < limit {
            self.run_for(Duration::from_millis(10));
        }
        self.agreed()
    }

    fn watch(&mut self, from: GatewayId, inner: Inner) -> Watch<'_> {
        Watch {
            outside: &mut self.outside,
            tamper: &mut self.hosts[from.0].tamper,
            from,
            inner,
        }
    }

    /// Lets a gateway work and carries what it does to the link and to the model. `inner` is what it was given just now.
    fn work(&mut self, id: GatewayId, inner: Inner) {
        let now = self.now_of(id);
        let host = &mut self.hosts[id.0];
        let Some(gateway) = &mut host.gateway else {
            return;
        };
        let mut watch = Watch {
            outside: &mut self.outside,
            tamper: &mut host.tamper,
            from: id,
            inner,
        };
        gateway.work(now, &mut watch);
        self.outside.checker.settled(id);
    }

    fn now_of(&self, id: GatewayId) -> Now {
        let clock = &self.outside.clock;
        Now {
            instant: clock.instant(),
            wall: clock.wall(self.hosts[id.0].wall),
        }
    }
}
