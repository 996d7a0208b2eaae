//! All of a world but its gateways: time, the underlay, the model, and the log.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use linkveil_sa::LaneCommand;
use linkveil_tunnel::Event;

use crate::checker::{Bound, Checker};
use crate::clock::VirtualClock;
use crate::fault::Tamper;
use crate::gateway::{Observer, Passage};
use crate::link::{Class, Condition, GatewayId, Link};
use crate::log::Log;
use crate::packet::PacketId;

/// Addresses that a gateway can have on the underlay, one after the other.
pub(super) const ADDRESSES: u16 = 4;
const FIRST_PORT: u16 = 51_840;

/// The address of a gateway on the underlay when the world begins.
#[must_use]
pub fn address_of(gateway: GatewayId) -> SocketAddr {
    outer_address(gateway, 0)
}

/// The address of a gateway after it was moved so many times.
#[must_use]
pub fn outer_address(gateway: GatewayId, moves: u16) -> SocketAddr {
    let host = u8::try_from(gateway.0 + 1).expect("a world has a handful of gateways");
    let ip = Ipv4Addr::new(192, 0, 2, host);
    SocketAddr::new(IpAddr::V4(ip), FIRST_PORT + moves)
}

/// The address of somebody who is no gateway.
#[must_use]
pub fn stranger() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200)), FIRST_PORT)
}

/// A datagram on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flight {
    pub(super) arrival: Duration,
    /// Keeps the order of what arrives at the same moment.
    number: u64,
    pub(super) source: SocketAddr,
    pub(super) target: SocketAddr,
    pub(super) datagram: Rc<[u8]>,
    /// The inner packet, which the model does not need, but a broken gateway may have.
    pub(super) packet: Option<Rc<[u8]>>,
}

/// A datagram that somebody on the path has kept.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Who sent it.
    pub from: GatewayId,
    /// What it is.
    pub class: Class,
    /// When it was sent.
    pub at: Duration,
    /// Its bytes as they were sent.
    pub datagram: Rc<[u8]>,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) clock: VirtualClock,
    pub(super) link: Link,
    pub(super) flights: BinaryHeap<Reverse<Flight>>,
    flown: u64,
    pub(super) checker: Checker,
    pub(super) log: Log,
    pub(super) events: Vec<(GatewayId, Event)>,
    pub(super) recorded: Vec<Recorded>,
    /// How often each gateway was moved.
    pub(super) moves: Vec<u16>,
}

impl Outside {
    pub(super) fn new(link: Link, log: Log) -> Self {
        Self {
            clock: VirtualClock::new(),
            link,
            flights: BinaryHeap::new(),
            flown: 0,
            checker: Checker::default(),
            log,
            events: Vec::new(),
            recorded: Vec::new(),
            moves: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        self.log.note(self.clock.elapsed(), text);
    }

    /// Where a gateway is now.
    pub(super) fn address(&self, gateway: GatewayId) -> SocketAddr {
        outer_address(gateway, self.moves[gateway.0])
    }

    /// Who has this address now.
    pub(super) fn owner(&self, address: SocketAddr) -> Option<GatewayId> {
        (0..self.moves.len())
            .map(GatewayId)
            .find(|id| self.address(*id) == address)
    }

    /// Whether a datagram goes where its receiver is or was.
    fn bound(&self, from: GatewayId, to: SocketAddr) -> Bound {
        let peer = GatewayId(1 - from.0);
        let mut known = (0..=self.moves[peer.0]).map(|moves| outer_address(peer, moves));
        if known.any(|address| address == to) {
            Bound::ForPeer
        } else {
            Bound::Astray
        }
    }

    /// The next datagram that has arrived by now.
    pub(super) fn pop_arrived(&mut self) -> Option<Flight> {
        let now = self.clock.elapsed();
        let Reverse(next) = self.flights.peek()?;
        if next.arrival > now {
            return None;
        }
        self.flights.pop().map(|Reverse(flight)| flight)
    }

    fn launch(&mut self, from: GatewayId, to: SocketAddr, datagram: &Rc<[u8]>, inner: &Inner) {
        let class = Class::of(datagram);
        let now = self.clock.elapsed();
        self.recorded.push(Recorded {
            from,
            class,
            at: now,
            datagram: Rc::clone(datagram),
        });
        let fates = self.link.fates(from, class, now);
        self.note(|| {
            let len = datagram.len();
            let carries = inner.id().map_or(String::new(), |id| format!(", {id}"));
            format!("{from} sends {class:?} of {len} bytes to {to}{carries}: {fates:?}")
        });
        for fate in fates {
            let mut copy = Rc::clone(datagram);
            if fate.condition == Condition::Damaged {
                let mut bytes = datagram.to_vec();
                self.link.damage(&mut bytes);
                copy = bytes.into();
            }
            self.flown += 1;
            self.flights.push(Reverse(Flight {
                arrival: now + fate.delay,
                number: self.flown,
                source: self.address(from),
                target: to,
                datagram: copy,
                packet: inner.bytes(),
            }));
        }
    }
}

/// What a gateway was given just before it works: a data datagram that leaves then carries it.
#[derive(Clone, Debug)]
pub(super) struct Inner(pub(super) Option<(PacketId, Rc<[u8]>)>);

impl Inner {
    fn id(&self) -> Option<PacketId> {
        self.0.as_ref().map(|(id, _)| *id)
    }

    fn bytes(&self) -> Option<Rc<[u8]>> {
        self.0.as_ref().map(|(_, bytes)| Rc::clone(bytes))
    }
}

/// Carries what one gateway does to the link, the model and the log.
pub(super) struct Watch<'w> {
    pub(super) outside: &'w mut Outside,
    pub(super) tamper: &'w mut Tamper,
    pub(super) from: GatewayId,
    pub(super) inner: Inner,
}

impl Watch<'_> {
    fn send(&mut self, to: SocketAddr, datagram: Vec<u8>, inner: &Inner) {
        let datagram: Rc<[u8]> = datagram.into();
        let bound = self.outside.bound(self.from, to);
        let checker = &mut self.outside.checker;
        checker.sent(self.from, &datagram, inner.id(), bound);
        self.outside.launch(self.from, to, &datagram, inner);
    }
}

impl Observer for Watch<'_> {
    fn ordered(&mut self, command: &LaneCommand) -> Passage {
        let passage = self.tamper.passage(command);
        let from = self.from;
        self.outside
            .note(|| format!("{from} orders {}", describe(command)));
        if passage == Passage::Free {
            self.outside.checker.ordered(from, command);
        }
        passage
    }

    fn sent(&mut self, to: SocketAddr, datagram: Vec<u8>) {
        if Class::of(&datagram) != Class::Data {
            self.send(to, datagram, &Inner(None));
            return;
        }
        let inner = self.inner.clone();
        for (to, datagram) in self.tamper.sent(to, stranger(), datagram) {
            self.send(to, datagram, &inner);
        }
    }

    fn delivered(&mut self, packet: Vec<u8>) {
        for packet in self.tamper.delivered(packet) {
            let from = self.from;
            self.outside.note(|| {
                let id = crate::packet::id_of(&packet);
                format!(
                    "{from} delivers {}",
                    id.map_or("?".into(), |id| id.to_string())
                )
            });
            self.outside.checker.delivered(from, &packet);
        }
    }

    fn told(&mut self, event: Event) {
        let from = self.from;
        self.outside.note(|| format!("{from} tells {event:?}"));
        self.outside.events.push((from, event));
    }
}

/// An order without its keys.
fn describe(command: &LaneCommand) -> String {
    match command {
        LaneCommand::InstallRx(install) => {
            let (spi, name) = (install.spi, install.keys.fingerprint());
            format!("to receive under {name} by SPI {spi}")
        }
        LaneCommand::InstallTx(install) => {
            let (spi, name) = (install.spi, install.keys.fingerprint());
            format!("to send under {name} to SPI {spi}")
        }
        LaneCommand::RemoveRx { spi, .. } => format!("to forget SPI {spi}"),
        LaneCommand::RemoveTx { epoch, .. } => format!("to stop sending under epoch {epoch:?}"),
        LaneCommand::SendControl { frame, .. } => format!("to say {frame:?}"),
    }
}
