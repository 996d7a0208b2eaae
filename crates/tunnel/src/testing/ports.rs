//! Two MACsec ports, lanes that only note what they are told, and a wire that the test holds in its hands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkveil_crypto::{DeterministicMlKem768, Fingerprint, Psk, StaticSecret, Suite};
use linkveil_noise::PqPolicy;
use linkveil_sa::{EpochId, InstallKind, LaneCommand, LaneEvent, Limits, Macsec};
use linkveil_wire::link::{MessageType, message_type};
use linkveil_wire::port::PortMtu;
use linkveil_wire::{
    An, CipherSuite, ControlFrame, HandshakeFlags, InnerMtu, LaneCount, MacAddr, PortFrame,
    PortTerms, Protection, Timestamp,
};

use super::{Seeded, WALL, secs, start};
use crate::config::{CoreConfig, PORT_PEER, PortConfig, PortError, PortPeer};
use crate::core::Core;
use crate::counters::ControlCounter;
use crate::event::{Event, Now};

/// Rounds after which a link that never gets quiet is broken.
const ROUNDS: usize = 10_000;

pub(crate) const TERMS: PortTerms = PortTerms {
    suite: CipherSuite::GcmAesXpn256,
    protection: Protection::Confidentiality,
};

/// What tests vary about a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PortSetup {
    pub(crate) station: MacAddr,
    pub(crate) terms: PortTerms,
    pub(crate) mtu: u16,
    pub(crate) policy: PqPolicy,
    pub(crate) seed: u64,
}

pub(crate) const fn station(last: u8) -> MacAddr {
    MacAddr::new([2, 0, 0, 0, 0, last])
}

impl PortSetup {
    pub(crate) const fn new(side: u8) -> Self {
        Self {
            station: station(side + 1),
            terms: TERMS,
            mtu: 1_500,
            policy: PqPolicy::Required,
            seed: side as u64 + 1,
        }
    }
}

/// What the lanes have of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Installed {
    pub(crate) epoch: EpochId,
    pub(crate) an: An,
    pub(crate) fingerprint: Fingerprint,
}

/// One port: the real core, and lanes that carry nothing.
pub(crate) struct Port {
    pub(crate) core: Core<Macsec>,
    pub(crate) rx: Vec<Installed>,
    pub(crate) tx: Option<Installed>,
    pub(crate) events: Vec<Event<Macsec>>,
    /// Everything that is installed for reception, one after the other.
    pub(crate) history: Vec<Installed>,
    acks: VecDeque<(EpochId, InstallKind)>,
    opened: Vec<EpochId>,
}

/// Something under way, from one port to the other.
#[derive(Clone, Debug)]
pub(crate) enum Flying {
    Frame(Vec<u8>),
    Control(Installed, ControlFrame),
}

pub(crate) fn secret(side: usize) -> StaticSecret {
    let mut secrets = [0x77, 0x78].map(|seed| StaticSecret::generate(&mut Seeded(seed)));
    secrets.sort_by_key(|secret| *secret.public().as_bytes());
    secrets.swap(0, side);
    let [secret, _] = secrets;
    secret
}

impl Port {
    pub(crate) fn start(side: usize, setup: PortSetup, now: Now) -> Result<Self, PortError> {
        let config = CoreConfig {
            secret: secret(side),
            suite: Suite::Aes256Gcm,
            lanes: LaneCount::new(2).unwrap(),
            kem: Arc::new(DeterministicMlKem768),
            flags: HandshakeFlags::ACCEPTS_PARTIAL_CHECKSUM,
            rekey_after: secs(3_600),
            post_quantum: setup.policy,
            limits: Limits::SMALL,
        };
        let port = PortConfig {
            station: setup.station,
            terms: setup.terms,
            mtu: PortMtu::new(setup.mtu),
        };
        let peer = PortPeer {
            name: "the other".into(),
            public_key: secret(1 - side).public(),
            psk: Psk::none(),
            mtu: InnerMtu::new(1_468).unwrap(),
        };
        let random = Box::new(Seeded(setup.seed));
        Ok(Self {
            core: Core::for_port(config, port, peer, random, now)?,
            rx: Vec::new(),
            tx: None,
            events: Vec::new(),
            history: Vec::new(),
            acks: VecDeque::new(),
            opened: Vec::new(),
        })
    }

    fn carry_out(&mut self, command: LaneCommand<Macsec>) -> Option<Flying> {
        match command {
            LaneCommand::InstallRx(install) => {
                let (epoch, an) = (install.channels.epoch, install.channels.an);
                let fingerprint = install.keys.fingerprint();
                // REQ-MSEC-16: lanes could not take it.
                assert!(self.rx.iter().all(|held| held.an != an), "{an} is taken");
                let installed = Installed {
                    epoch,
                    an,
                    fingerprint,
                };
                self.rx.push(installed);
                self.history.push(installed);
                self.acks.push_back((epoch, InstallKind::Rx));
            }
            LaneCommand::InstallTx(install) => {
                let (epoch, an) = (install.channels.epoch, install.channels.an);
                let fingerprint = install.keys.fingerprint();
                self.tx = Some(Installed {
                    epoch,
                    an,
                    fingerprint,
                });
                self.acks.push_back((epoch, InstallKind::Tx));
            }
            LaneCommand::RemoveRx { epoch, .. } => self.rx.retain(|held| held.epoch != epoch),
            LaneCommand::RemoveTx { epoch, .. } => {
                self.tx.take_if(|held| held.epoch == epoch);
            }
            LaneCommand::SendControl { epoch, frame, .. } => {
                let under = self.tx.filter(|held| held.epoch == epoch)?;
                return Some(Flying::Control(under, frame));
            }
        }
        None
    }

    fn drain(&mut self) -> Vec<Flying> {
        while let Some(event) = self.core.poll_event() {
            self.events.push(event);
        }
        let mut flying = Vec::new();
        while let Some(command) = self.core.poll_command() {
            flying.extend(self.carry_out(command));
        }
        while let Some(transmit) = self.core.poll_transmit() {
            flying.push(Flying::Frame(transmit.bytes));
        }
        flying
    }

    fn open(
        &mut self,
        under: Installed,
        frame: ControlFrame,
        from: MacAddr,
    ) -> Vec<LaneEvent<Macsec>> {
        let mut held = self.rx.iter();
        let found = held.find(|held| (held.an, held.fingerprint) == (under.an, under.fingerprint));
        let Some(epoch) = found.map(|held| held.epoch) else {
            return Vec::new();
        };
        let (peer, path) = (PORT_PEER, from);
        let mut events = Vec::new();
        if !self.opened.contains(&epoch) {
            self.opened.push(epoch);
            events.push(LaneEvent::FirstOpen { peer, epoch, path });
        }
        events.push(LaneEvent::Control {
            peer,
            epoch,
            frame,
            path,
        });
        events
    }

    pub(crate) fn count(&self, counter: ControlCounter) -> u64 {
        self.core.counters().get(counter)
    }

    pub(crate) fn counted(&self) -> Vec<(&'static str, u64)> {
        let all = self.core.counters().named();
        all.filter(|(_, count)| *count > 0).collect()
    }
}

/// Both ports and the wire.
pub(crate) struct PortLink {
    pub(crate) ports: [Port; 2],
    pub(crate) wire: VecDeque<(usize, Flying)>,
    setups: [PortSetup; 2],
    start: Instant,
    elapsed: Duration,
}

fn moment(start: Instant, elapsed: Duration) -> Now {
    Now {
        instant: start + elapsed,
        wall: Timestamp::from_unix(WALL + elapsed.as_secs(), elapsed.subsec_nanos()),
    }
}

impl PortLink {
    /// Side 0 has the smaller public key. The first messages are on the wire.
    pub(crate) fn new(setups: [PortSetup; 2]) -> Self {
        let start = start();
        let now = moment(start, Duration::ZERO);
        let mut link = Self {
            ports: [0, 1].map(|side| Port::start(side, setups[side], now).unwrap()),
            wire: VecDeque::new(),
            setups,
            start,
            elapsed: Duration::ZERO,
        };
        link.pump(0);
        link.pump(1);
        link
    }

    /// A link with common keys, and nothing under way.
    pub(crate) fn settled() -> Self {
        let mut link = Self::new([PortSetup::new(0), PortSetup::new(1)]);
        link.settle();
        // What crossed the first handshake is given up.
        link.advance(secs(12));
        link.assert_agreed();
        link
    }

    pub(crate) fn now(&self) -> Now {
        moment(self.start, self.elapsed)
    }

    pub(crate) fn restart(&mut self, side: usize, setup: PortSetup) {
        self.setups[side] = setup;
        self.ports[side] = Port::start(side, setup, self.now()).unwrap();
        self.pump(side);
    }

    pub(crate) fn pump(&mut self, side: usize) {
        for _ in 0..ROUNDS {
            let flying = self.ports[side].drain();
            self.wire
                .extend(flying.into_iter().map(|item| (side, item)));
            let now = self.now();
            let Some((epoch, direction)) = self.ports[side].acks.pop_front() else {
                return;
            };
            let event = LaneEvent::Installed { epoch, direction };
            self.ports[side].core.handle_lane_event(event, now);
        }
        panic!("port {side} never gets quiet");
    }

    pub(crate) fn poke<T>(
        &mut self,
        side: usize,
        poke: impl FnOnce(&mut Core<Macsec>, Now) -> T,
    ) -> T {
        let now = self.now();
        let result = poke(&mut self.ports[side].core, now);
        self.pump(side);
        result
    }

    pub(crate) fn receive(&mut self, side: usize, frame: &[u8]) {
        self.poke(side, |core, now| core.handle_frame(frame, now));
    }

    pub(crate) fn deliver(&mut self, from: usize, item: Flying) {
        let to = 1 - from;
        match item {
            Flying::Frame(frame) => self.receive(to, &frame),
            Flying::Control(under, frame) => {
                let station = self.setups[from].station;
                let now = self.now();
                for event in self.ports[to].open(under, frame, station) {
                    self.ports[to].core.handle_lane_event(event, now);
                }
                self.pump(to);
            }
        }
    }

    pub(crate) fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let Some((from, item)) = self.wire.pop_front() else {
                return;
            };
            self.deliver(from, item);
        }
        panic!("the ports never stop talking");
    }

    /// Lets time pass, with every timer at its moment and delivery at once.
    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.elapsed + duration;
        for _ in 0..ROUNDS {
            self.settle();
            self.elapse(Duration::ZERO);
            let deadlines = self
                .ports
                .iter()
                .filter_map(|port| port.core.poll_timeout());
            let next = deadlines.map(|(at, _)| at.saturating_duration_since(self.start));
            let Some(next) = next.min().filter(|next| *next <= end) else {
                self.elapsed = end;
                return;
            };
            self.elapsed = self.elapsed.max(next);
            for side in [0, 1] {
                self.poke(side, Core::handle_timeout);
            }
        }
        panic!("timers fire without end");
    }

    /// Lets time pass without anything being done.
    pub(crate) fn elapse(&mut self, duration: Duration) {
        self.elapsed += duration;
    }

    /// Takes the oldest frame of this kind that a port sent off the wire.
    pub(crate) fn take(&mut self, from: usize, kind: MessageType) -> Vec<u8> {
        let place = self.wire.iter().position(|(sender, item)| {
            let Flying::Frame(frame) = item else {
                return false;
            };
            let message = PortFrame::parse(frame).unwrap().message;
            *sender == from && message_type(message) == Ok(kind)
        });
        match self.wire.remove(place.expect("such a frame")) {
            Some((_, Flying::Frame(frame))) => frame,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn sends_under(&self, side: usize) -> Option<Fingerprint> {
        self.ports[side].tx.map(|held| held.fingerprint)
    }

    #[track_caller]
    pub(crate) fn assert_agreed(&self) {
        let [a, b] = [0, 1].map(|side| self.sends_under(side));
        assert!(a.is_some() && a == b, "{a:?} and {b:?}");
        for side in [0, 1] {
            let sender = self.ports[1 - side].tx.unwrap();
            let receives = self.ports[side].rx.iter();
            let mut same = receives.filter(|held| held.fingerprint == sender.fingerprint);
            // REQ-MSEC-17
            assert_eq!(same.next().map(|held| held.an), Some(sender.an));
        }
    }
}
