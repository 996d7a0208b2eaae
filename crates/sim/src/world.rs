//! A world: gateways, the link between them, virtual time, and the checker that watches all of it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use linkveil_dataplane::Report;
use linkveil_sa::{LaneCommand, PeerId};
use linkveil_tunnel::{Event, Now, PeerState, PeerStatus};
use linkveil_wire::Datagram;

use crate::checker::{Checker, Progress};
use crate::clock::VirtualClock;
use crate::gateway::{Called, Deed, Gateway, GatewaySetup, Neighbor};
use crate::link::{Class, GatewayId, Link, Weather};
use crate::packet::{PacketId, build};
use crate::random::{Chance, Seed, SimRandom};

/// Every gateway works at least so often, as real lanes do for their reports of activity.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Parts of a run that draw from sources of their own.
const LINK_STREAM: u64 = 1;
const PACKET_STREAM: u64 = 2;
const GATEWAY_STREAM: u64 = 100;

/// How often two datagrams of one length that arrive together are merged into a train, as by receive offload.
const MERGING: Chance = Chance::per_mille(300);

/// A datagram on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    arrival: Duration,
    /// Keeps the order of what arrives at the same moment.
    number: u64,
    from: GatewayId,
    to: GatewayId,
    datagram: Vec<u8>,
    packet: Option<PacketId>,
}

/// Gateways under one clock. See the crate's text.
#[derive(Debug)]
pub struct World {
    clock: VirtualClock,
    link: Link,
    gateways: Vec<Gateway>,
    flights: BinaryHeap<Reverse<Flight>>,
    flown: u64,
    next_packet: u64,
    random: SimRandom,
    next_heartbeat: Duration,
    events: Vec<(GatewayId, Event)>,
    /// What happened and must not have.
    pub checker: Checker,
}

/// The address of a gateway on the underlay.
#[must_use]
pub fn address_of(gateway: GatewayId) -> SocketAddr {
    SocketAddr::new(
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, number_of(gateway))),
        51_840,
    )
}

/// A tenant's address behind a gateway.
#[must_use]
pub fn tenant_of(gateway: GatewayId) -> Ipv4Addr {
    Ipv4Addr::new(10, number_of(gateway), 0, 1)
}

fn number_of(gateway: GatewayId) -> u8 {
    u8::try_from(gateway.0 + 1).expect("a world has a handful of gateways")
}

fn prefix_of(gateway: GatewayId) -> IpNet {
    IpNet::V4(
        Ipv4Net::new(tenant_of(gateway), 24)
            .expect("24 bits")
            .trunc(),
    )
}

impl World {
    /// Two gateways that call each other as `called` says: first whether gateway 0 calls 1, then the other way.
    #[must_use]
    pub fn pair(
        seed: Seed,
        weather: Weather,
        setups: [GatewaySetup; 2],
        called: [Called; 2],
    ) -> Self {
        let clock = VirtualClock::new();
        let keys = [0, 1].map(|side: usize| setups[side].secret.public());
        let mut world = Self {
            link: Link::new(weather, seed.stream(LINK_STREAM)),
            gateways: Vec::new(),
            flights: BinaryHeap::new(),
            flown: 0,
            next_packet: 0,
            random: seed.stream(PACKET_STREAM),
            next_heartbeat: HEARTBEAT,
            events: Vec::new(),
            checker: Checker::default(),
            clock,
        };
        for (side, setup) in setups.into_iter().enumerate() {
            let other = GatewayId(1 - side);
            let neighbor = Neighbor {
                id: other,
                public_key: keys[other.0],
                address: address_of(other),
                called: called[side],
                prefixes: vec![prefix_of(other)],
            };
            let now = world.now_with(setup.wall);
            let random = seed.stream(GATEWAY_STREAM + side as u64);
            let address = address_of(GatewayId(side));
            let gateway = Gateway::start(setup, address, &[neighbor], random, now);
            world.gateways.push(gateway);
        }
        world.work_all(None);
        world
    }

    /// Time since the world began.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The link, to change its weather or to write rules.
    pub const fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// A gateway, to ask it something.
    #[must_use]
    pub fn gateway(&self, id: GatewayId) -> &Gateway {
        &self.gateways[id.0]
    }

    /// State of a gateway's link to its only peer.
    ///
    /// # Panics
    ///
    /// Never: both gateways have a peer.
    #[must_use]
    pub fn status(&self, id: GatewayId) -> PeerStatus {
        let status = self.gateways[id.0].peer_status(PeerId::new(0));
        status.expect("a gateway of a pair has one peer")
    }

    /// Everything that cores told, with who told it.
    #[must_use]
    pub fn events(&self) -> &[(GatewayId, Event)] {
        &self.events
    }

    /// The counters of a gateway's lanes.
    ///
    /// # Panics
    ///
    /// If the lanes do not answer: then they are broken.
    pub fn report(&mut self, id: GatewayId) -> Report {
        self.gateways[id.0].request_report();
        self.work(id, None);
        let report = self.gateways[id.0].take_report();
        report.expect("the lanes answer between two batches")
    }

    /// Whether both sides send under one and the same epoch.
    #[must_use]
    pub fn agreed(&self) -> bool {
        let [a, b] = [0, 1].map(|side| self.status(GatewayId(side)));
        let established = a.state == PeerState::Established && b.state == PeerState::Established;
        let fingerprint = |status: PeerStatus| status.epoch.map(|epoch| epoch.fingerprint);
        established && fingerprint(a) == fingerprint(b)
    }

    /// Begins a handshake at a gateway.
    pub fn rekey(&mut self, id: GatewayId) {
        let now = self.now_of(id);
        self.gateways[id.0].rekey(PeerId::new(0), now);
        self.work(id, None);
    }

    /// Gives one inner packet to a gateway, for the other one. It goes to a lane and has a length that are drawn.
    pub fn offer(&mut self, from: GatewayId) -> PacketId {
        let to = GatewayId(1 - from.0);
        let id = PacketId::new(self.next_packet);
        self.next_packet += 1;
        let len = usize::try_from(self.random.below(1_360)).unwrap_or(0) + 64;
        let packet = build(id, tenant_of(from), tenant_of(to), len);
        let lane = usize::try_from(self.random.below(64)).unwrap_or(0);
        self.checker.offered(id, to, &packet);
        self.gateways[from.0]
            .offer(lane, &packet)
            .expect("a device's queue holds more than a world offers at once");
        self.work(from, Some(id));
        id
    }

    /// Lets time pass until `elapsed`, with everything that happens on the way.
    pub fn run_until(&mut self, elapsed: Duration) {
        while let Some(next) = self.next_moment().filter(|next| *next <= elapsed) {
            self.clock.advance_to(next);
            self.deliver_due();
            for side in 0..self.gateways.len() {
                let now = self.now_of(GatewayId(side));
                self.gateways[side].handle_timeout(now);
            }
            if self.clock.elapsed() >= self.next_heartbeat {
                self.next_heartbeat += HEARTBEAT;
            }
            self.work_all(None);
        }
        self.clock.advance_to(elapsed);
    }

    /// Lets time pass for a while.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.clock.elapsed() + duration);
    }

    /// Runs until both sides agree, at most until `limit`; whether they did.
    pub fn run_until_agreed(&mut self, limit: Duration) -> bool {
        while !self.agreed() && self.clock.elapsed() < limit {
            self.run_for(Duration::from_millis(10));
        }
        self.agreed()
    }

    fn next_moment(&self) -> Option<Duration> {
        let arrival = self.flights.peek().map(|Reverse(flight)| flight.arrival);
        let deadlines = self.gateways.iter().filter_map(Gateway::deadline);
        let timer = deadlines.map(|at| self.clock.elapsed_at(at)).min();
        let candidates = [arrival, timer, Some(self.next_heartbeat)];
        candidates.into_iter().flatten().min()
    }

    /// Everything that arrives now; sometimes neighbors of one length as a train.
    fn deliver_due(&mut self) {
        let mut due = Vec::new();
        while let Some(Reverse(flight)) = self.flights.peek() {
            if flight.arrival > self.clock.elapsed() {
                break;
            }
            due.extend(self.flights.pop().map(|Reverse(flight)| flight));
        }
        let mut due = due.into_iter().peekable();
        while let Some(flight) = due.next() {
            self.arrived(&flight);
            let mut bytes = flight.datagram.clone();
            while let Some(next) =
                due.next_if(|next| merges(&flight, next) && self.random.happens(MERGING))
            {
                self.arrived(&next);
                bytes.extend(&next.datagram);
            }
            let to = &mut self.gateways[flight.to.0];
            to.receive_train(flight.from, flight.datagram.len(), &bytes);
        }
    }

    fn arrived(&mut self, flight: &Flight) {
        if let Some(packet) = flight.packet {
            self.checker.progressed(packet, Progress::Arrived);
        }
    }

    fn work_all(&mut self, packet: Option<PacketId>) {
        for side in 0..self.gateways.len() {
            self.work(GatewayId(side), packet);
        }
    }

    /// Lets a gateway work and carries what it did to the link and to the checker. `packet` is what it was given
    /// just now: a data datagram that it sends then is that packet's.
    fn work(&mut self, id: GatewayId, packet: Option<PacketId>) {
        let now = self.now_of(id);
        let checker = &mut self.checker;
        let gateway = &mut self.gateways[id.0];
        let deeds = gateway.work(now, &mut |command| match command {
            LaneCommand::InstallRx(install) => checker.installed_rx(install),
            LaneCommand::InstallTx(install) => checker.installed_tx(id, install),
            _ => {}
        });
        let events = gateway.take_events();
        self.events
            .extend(events.into_iter().map(|event| (id, event)));
        for deed in deeds {
            match deed {
                Deed::Sent { to, datagram, .. } => self.launch(id, to, &datagram, packet),
                Deed::Delivered(bytes) => self.checker.delivered(id, &bytes),
            }
        }
    }

    fn launch(
        &mut self,
        from: GatewayId,
        to: GatewayId,
        datagram: &[u8],
        packet: Option<PacketId>,
    ) {
        let class = Class::of(datagram);
        let mut copy = datagram.to_vec();
        if let Ok(sealed) = Datagram::parse(&mut copy) {
            self.checker.sealed(from, sealed.header(), datagram);
        }
        let packet = packet.filter(|_| class == Class::Data);
        if let Some(packet) = packet {
            self.checker.progressed(packet, Progress::Sealed);
        }
        for delay in self.link.fates(from, class) {
            self.flown += 1;
            self.flights.push(Reverse(Flight {
                arrival: self.clock.elapsed() + delay,
                number: self.flown,
                from,
                to,
                datagram: datagram.to_vec(),
                packet,
            }));
        }
    }

    fn now_of(&self, id: GatewayId) -> Now {
        self.now_with(self.gateways[id.0].wall())
    }

    fn now_with(&self, wall: crate::clock::WallOffset) -> Now {
        Now {
            instant: self.clock.instant(),
            wall: self.clock.wall(wall),
        }
    }
}

fn merges(first: &Flight, next: &Flight) -> bool {
    first.from == next.from
        && first.to == next.to
        && first.datagram.len() == next.datagram.len()
        && Class::of(&first.datagram) == Class::of(&next.datagram)
}
