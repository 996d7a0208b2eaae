//! Both stations, the link between them, and time.

use std::collections::BTreeMap;
use std::time::Duration;

use linkveil_crypto::StaticSecret;
use linkveil_macsec::CipherSuite;
use linkveil_sa::{LaneEvent, Macsec};
use linkveil_tunnel::{Event, Now, PORT_PEER, Rekey};
use linkveil_wire::port::PORT_ETHERTYPE;
use linkveil_wire::sectag::SciForm;
use linkveil_wire::{EtherType, EthernetFrame, MacAddr, PortFrame, TaggedFrame};

use super::lane::{Deed, KeyName};
use super::model::{Model, Violation, data_frame};
use super::station::{Station, StationSetup};
use crate::clock::{VirtualClock, WallOffset};
use crate::link::{Class, Condition, GatewayId, Link, Weather};
use crate::log::Log;
use crate::random::{Seed, SimRandom};

/// Steps without time passing after which a world is broken.
const STEPS: usize = 100_000;
/// How often lanes report.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// What a message needs to come to rest after it was sent: the longest detour of checked weathers, and some.
const SETTLE: Duration = Duration::from_millis(400);

const SECRETS: u64 = 1;
const LINK: u64 = 2;
const DATA: u64 = 3;
const LIVES: u64 = 16;

/// What may keep a frame from being sent, besides the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pardon {
    /// Nothing.
    #[default]
    Nothing,
    /// A key that is used up: the change of keys that it asked for fell into a time of trouble.
    UsedUpKeys,
}

/// Two stations on one link.
#[derive(Debug)]
pub struct World {
    /// They.
    pub stations: [Station; 2],
    /// What becomes of frames.
    pub link: Link,
    /// What must be true.
    pub model: Model,
    /// What happened.
    pub log: Log,
    /// Every handshake frame that was sent, and its sender.
    pub recorded: Vec<(usize, Vec<u8>)>,
    /// What need not get through.
    pub pardon: Pardon,
    /// Handshakes that were completed, on both sides.
    pub completed: usize,
    seed: Seed,
    lives: u64,
    clock: VirtualClock,
    random: SimRandom,
    air: BTreeMap<(Duration, u64), (usize, Vec<u8>)>,
    sequence: u64,
    next_id: u64,
    next_data: [Duration; 2],
    /// When a lane last had no key that it may use.
    last_refused: Duration,
    data_pause: Duration,
    next_report: Duration,
}

fn secret_of(seed: Seed, side: usize) -> StaticSecret {
    let mut random = seed.stream(SECRETS);
    let mut secrets = [0, 1].map(|_| StaticSecret::generate(&mut random));
    secrets.swap(0, side);
    let [secret, _] = secrets;
    secret
}

impl World {
    /// Both stations call each other at once. A data frame goes out every `data_pause`, from each.
    #[must_use]
    pub fn new(seed: Seed, setups: [StationSetup; 2], data_pause: Duration, log: Log) -> Self {
        let clock = VirtualClock::new();
        let now = Now {
            instant: clock.instant(),
            wall: clock.wall(WallOffset::default()),
        };
        let [first, second] = setups;
        let start = |setup, side: usize| {
            let keys = (secret_of(seed, side), secret_of(seed, 1 - side).public());
            Station::start(setup, keys, seed.stream(LIVES + side as u64), now)
        };
        Self {
            stations: [start(first, 0), start(second, 1)],
            link: Link::new(Weather::FAIR, seed.stream(LINK)),
            model: Model::default(),
            log,
            recorded: Vec::new(),
            pardon: Pardon::default(),
            completed: 0,
            seed,
            lives: 2,
            clock,
            random: seed.stream(DATA),
            air: BTreeMap::new(),
            sequence: 0,
            next_id: 1,
            next_data: [Duration::ZERO; 2],
            last_refused: Duration::ZERO,
            data_pause,
            next_report: Duration::ZERO,
        }
    }

    /// Time since the world began.
    #[must_use]
    pub const fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The moment, for a core.
    #[must_use]
    pub fn now(&self) -> Now {
        Now {
            instant: self.clock.instant(),
            wall: self.clock.wall(WallOffset::default()),
        }
    }

    /// Another life of a station: it has lost everything but its configuration.
    pub fn restart(&mut self, side: usize, setup: StationSetup) {
        self.lives += 1;
        let keys = (
            secret_of(self.seed, side),
            secret_of(self.seed, 1 - side).public(),
        );
        let random = self.seed.stream(LIVES + self.lives);
        let now = self.now();
        self.stations[side] = Station::start(setup, keys, random, now);
        self.model.excuse_all();
        self.log.note(self.clock.elapsed(), || {
            format!("station {side} restarts as {}", setup.station)
        });
    }

    /// Asks a station for new keys.
    pub fn rekey(&mut self, side: usize) -> Rekey {
        let now = self.now();
        let started = self.stations[side].core.rekey(PORT_PEER, now);
        self.log.note(self.clock.elapsed(), || {
            format!("station {side} is asked for new keys: {started:?}")
        });
        started
    }

    /// A frame that nobody of the two has sent arrives at a station.
    pub fn inject(&mut self, to: usize, frame: Vec<u8>) {
        self.send_at(to, frame, self.clock.elapsed());
    }

    fn send_at(&mut self, to: usize, frame: Vec<u8>, at: Duration) {
        self.sequence += 1;
        self.air.insert((at, self.sequence), (to, frame));
    }

    /// Lets time pass.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run_for(&mut self, time: Duration) -> Result<(), Violation> {
        let end = self.clock.elapsed() + time;
        while self.step(end)? {}
        Ok(())
    }

    /// Lets time pass, and what was sent before come to rest; then nothing must be missing of what was sent meanwhile.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run_without_loss(&mut self, time: Duration) -> Result<(), Violation> {
        self.run_for(time)?;
        let end = self.clock.elapsed();
        self.run_for(SETTLE)?;
        self.model.check_delivered(end)
    }

    /// Lets time pass until both stations send under one epoch.
    ///
    /// # Errors
    /// [`Violation::NoCommonKeys`] after `most`, or another one.
    pub fn await_common_keys(&mut self, most: Duration) -> Result<(), Violation> {
        let end = self.clock.elapsed() + most;
        // A key may be used up: then it is common, and no good.
        while !self.has_common_keys() || self.clock.elapsed() < self.last_refused + SETTLE {
            if !self.step(end)? {
                return Err(Violation::NoCommonKeys);
            }
        }
        // What was sent under others, or none, may be lost.
        self.run_for(SETTLE)?;
        self.model.excuse_all();
        Ok(())
    }

    /// Whether both send under one epoch.
    #[must_use]
    pub fn has_common_keys(&self) -> bool {
        let [a, b] = [0, 1].map(|side| self.stations[side].sends_under());
        a.is_some() && a == b
    }

    /// Goes to the next thing that happens, and lets it happen; `false` if that is after `end`, which is then now.
    fn step(&mut self, end: Duration) -> Result<bool, Violation> {
        let next = self.next_time();
        if next > end {
            self.clock.advance_to(end);
            return Ok(false);
        }
        self.clock.advance_to(next);
        let now = self.clock.elapsed();
        while let Some(entry) = self.air.first_entry().filter(|entry| entry.key().0 <= now) {
            let (to, frame) = entry.remove();
            self.arrive(to, frame)?;
        }
        for side in [0, 1] {
            if self.next_data[side] <= now {
                self.next_data[side] = now + self.data_pause;
                self.send_data(side)?;
            }
            if self.next_report <= now {
                self.report(side);
            }
            let moment = self.now();
            self.stations[side].core.handle_timeout(moment);
            self.settle(side)?;
        }
        if self.next_report <= now {
            self.next_report = now + REPORT_EVERY;
        }
        Ok(true)
    }

    fn next_time(&self) -> Duration {
        let air = self.air.first_key_value().map(|((at, _), _)| *at);
        let timers = self.stations.iter().filter_map(|station| {
            let (at, _) = station.core.poll_timeout()?;
            Some(self.clock.elapsed_at(at))
        });
        let orders = self.stations.iter().filter_map(Station::next_due);
        let times = timers.chain(orders).chain(air).chain(self.next_data);
        times
            .min()
            .map_or(self.next_report, |next| next.min(self.next_report))
    }

    fn report(&mut self, side: usize) {
        let now = self.now();
        let Station { core, lanes, .. } = &mut self.stations[side];
        let events: Vec<LaneEvent<Macsec>> =
            lanes.iter_mut().flat_map(|lane| lane.report()).collect();
        for event in events {
            core.handle_lane_event(event, now);
        }
    }

    /// Core and lanes of a station work until both are quiet.
    fn settle(&mut self, side: usize) -> Result<(), Violation> {
        for _ in 0..STEPS {
            let (at, now) = (self.clock.elapsed(), self.now());
            let output = self.stations[side].drain(at);
            let quiet = output.handshakes.is_empty() && output.events.is_empty();
            for event in output.events {
                self.completed += usize::from(matches!(event, Event::HandshakeCompleted { .. }));
                self.log.note(at, || format!("station {side}: {event:?}"));
            }
            for frame in output.handshakes {
                self.recorded.push((side, frame.clone()));
                let class = PortFrame::parse(&frame)
                    .map_or(Class::Unknown, |frame| Class::of(frame.message));
                self.log
                    .note(at, || format!("station {side} sends {class:?}"));
                self.transmit(side, class, &frame);
            }
            let deeds = self.stations[side].work(at, now)?;
            if quiet
                && deeds.is_empty()
                && self.stations[side].next_due().is_none_or(|due| due > at)
            {
                return self.flush(side);
            }
            for deed in deeds {
                self.carry_out(side, deed)?;
            }
        }
        Err(Violation::Restless)
    }

    /// What the last deeds of the lanes made the core want.
    fn flush(&mut self, side: usize) -> Result<(), Violation> {
        let at = self.clock.elapsed();
        let output = self.stations[side].drain(at);
        if output.handshakes.is_empty() && output.events.is_empty() {
            return Ok(());
        }
        for event in output.events {
            self.completed += usize::from(matches!(event, Event::HandshakeCompleted { .. }));
            self.log.note(at, || format!("station {side}: {event:?}"));
        }
        for frame in output.handshakes {
            self.recorded.push((side, frame.clone()));
            let class =
                PortFrame::parse(&frame).map_or(Class::Unknown, |frame| Class::of(frame.message));
            self.transmit(side, class, &frame);
        }
        self.settle(side)
    }

    fn carry_out(&mut self, side: usize, deed: Deed) -> Result<(), Violation> {
        match deed {
            Deed::Sealed(frame, name, number) => {
                self.model.note_nonce(name, number)?;
                self.transmit(side, Class::Control, &frame);
            }
            Deed::Delivered(plain) => self.model.note_delivered(&plain)?,
            Deed::Event(_) | Deed::Installed(..) => {
                let now = self.now();
                self.stations[side].tell(deed, now);
            }
        }
        Ok(())
    }

    fn send_data(&mut self, side: usize) -> Result<(), Violation> {
        let (own, other) = (side, 1 - side);
        let place = self.random.below(self.stations[own].lanes.len() as u64);
        let addresses = [other, own].map(|side| self.stations[side].setup().station.octets());
        let addresses: Vec<u8> = addresses.concat();
        let len = self.random.pick(&[0, 3, 40, 300, 1_000]);
        let id = self.next_id;
        self.next_id += 1;
        let addresses = *addresses.first_chunk().expect("two addresses");
        let plain = data_frame(id, addresses, len);
        let lane = &mut self.stations[own].lanes[usize::try_from(place).expect("a lane")];
        let sealed = lane.seal(&plain);
        self.model.note_sent(id, plain, self.clock.elapsed());
        let Some((frame, name, number)) = sealed else {
            self.last_refused = self.clock.elapsed();
            if self.pardon == Pardon::UsedUpKeys {
                self.model.excuse(id);
            }
            return Ok(());
        };
        self.model.note_nonce(name, number)?;
        if !self.transmit(side, Class::Data, &frame) {
            self.model.excuse(id);
        }
        Ok(())
    }

    /// Whether at least one copy will arrive as it was sent, and not too late.
    fn transmit(&mut self, from: usize, class: Class, frame: &[u8]) -> bool {
        let now = self.clock.elapsed();
        let mut arrives = false;
        for fate in self.link.fates(GatewayId(from), class, now) {
            let mut copy = frame.to_vec();
            if fate.condition == Condition::Damaged {
                self.link.damage(&mut copy);
            } else {
                arrives |= fate.delay < SETTLE;
            }
            self.send_at(1 - from, copy, now + fate.delay);
        }
        arrives
    }

    fn arrive(&mut self, to: usize, frame: Vec<u8>) -> Result<(), Violation> {
        let Ok(parsed) = EthernetFrame::parse(&frame) else {
            return Ok(());
        };
        if parsed.ether_type() == PORT_ETHERTYPE {
            let now = self.now();
            self.stations[to].core.handle_frame(&frame, now);
        } else if let Some(place) = self.owner(to, parsed.ether_type(), &frame) {
            for deed in self.stations[to].lanes[place].open(frame) {
                self.carry_out(to, deed)?;
            }
        }
        self.settle(to)
    }

    /// The lane that gets a MACsec frame by the port id in its SCI.
    fn owner(&self, to: usize, ether_type: EtherType, frame: &[u8]) -> Option<usize> {
        let width = self.suite().pn_width();
        if ether_type != linkveil_wire::sectag::MACSEC_ETHERTYPE {
            return None;
        }
        let SciForm::Explicit(sci) = TaggedFrame::parse(frame, width).ok()?.tag().sci else {
            return None;
        };
        let lanes = self.stations[to].lanes.len();
        Some(usize::from(sci.port().get().checked_sub(1)?) % lanes)
    }

    /// The suite of both ports.
    #[must_use]
    pub fn suite(&self) -> CipherSuite {
        self.stations[0].setup().terms.suite
    }

    /// The MAC address of a station.
    #[must_use]
    pub const fn station(&self, side: usize) -> MacAddr {
        self.stations[side].setup().station
    }

    /// The key that a station's first lane sends under.
    #[must_use]
    pub fn key(&self, side: usize) -> Option<KeyName> {
        self.stations[side].lanes[0].key()
    }

    /// The public key of a station.
    #[must_use]
    pub fn public_key(&self, side: usize) -> linkveil_crypto::PublicKey {
        secret_of(self.seed, side).public()
    }
}
