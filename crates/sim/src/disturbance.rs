//! What can befall a world, and how a time of trouble is drawn.

use std::fmt;
use std::time::Duration;

use linkveil_crypto::mac::MAC_LEN;
use linkveil_crypto::{Mac1Key, Random};

use crate::link::{Class, GatewayId, Weather};
use crate::random::{Chance, SimRandom};
use crate::world::{Farewell, Recorded, SIDES, World, other, stranger};

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
/// Steps of a wall clock, in seconds: a correction by NTP, a wrong time zone, a dead battery.
const STEPS: [i64; 12] = [
    1,
    -1,
    30,
    -30,
    3_600,
    -3_600,
    DAY,
    -DAY,
    YEAR,
    -YEAR,
    8 * YEAR,
    -8 * YEAR,
];

/// More than a gateway computes at once (docs/protocol.md section 13).
const FLOOD: usize = 220;
/// With a KEM key (docs/protocol.md section 7.1).
const INITIATION_LEN: usize = 1_342;

/// What a gateway that restarts within a time of trouble was away for, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// No handshake goes on for so long: two attempts are kept, with at most 16.5 s between them, and an unconfirmed epoch for 10 s.
const OLD: Duration = Duration::from_secs(45);
/// Rare, because it costs as much as the rest of a run.
const FLOODED: Chance = Chance::per_mille(30);
const LONG: Chance = Chance::per_mille(250);

/// One thing that befalls a world.
#[derive(Clone, PartialEq, Debug)]
pub enum Disturbance {
    /// A gateway goes down. Its memory is lost, its key is not.
    Stop(GatewayId, Farewell),
    /// It comes back, or is there anyway.
    Start(GatewayId),
    /// Its wall clock steps by so many seconds; its monotonic clock goes on.
    ClockStep(GatewayId, i64),
    /// Nothing gets through that this gateway sends.
    Blackout(GatewayId, Duration),
    /// What is sent from now on meets this weather.
    Weather(Weather),
    /// A gateway is told to replace its keys.
    Rekey(GatewayId),
    /// Both call at once.
    Crossed,
    /// Somebody who has kept all that was ever sent sends some of it again, to both sides, from the sender's address or from
    /// his own.
    Replay(u64),
    /// A stranger who knows a gateway's public key sends it initiations that it must compute to refuse, more than it will.
    Flood(GatewayId),
    /// A gateway gets another address and does not notice, as when a NAT forgets it.
    Move(GatewayId),
}

impl Disturbance {
    /// Lets it happen now.
    pub fn strike(&self, world: &mut World, random: &mut SimRandom) {
        world.note(|| format!("-- {self:?}"));
        match *self {
            Self::Stop(side, farewell) => world.stop(side, farewell),
            Self::Start(side) => world.start(side),
            Self::ClockStep(side, seconds) => world.step_wall(side, seconds),
            Self::Blackout(side, length) => {
                let end = world.elapsed() + length;
                world.link().black_out(side, end);
            }
            Self::Weather(weather) => world.link().set_weather(weather),
            Self::Rekey(side) => world.rekey(side),
            Self::Crossed => SIDES.into_iter().for_each(|side| world.rekey(side)),
            Self::Replay(count) => (0..count).for_each(|_| replay(world, random)),
            Self::Flood(side) => flood(world, side, random),
            Self::Move(side) => world.move_address(side),
        }
    }
}

/// Half of what is replayed are handshake messages: there are few of them, and they can do more. From his own address the
/// stranger sends only what is old: who passes on a handshake while it goes on is a router, and gets what follows.
fn replay(world: &mut World, random: &mut SimRandom) {
    let handshakes = random.below(2) == 0;
    let from_afar = random.below(2) == 0;
    let now = world.elapsed();
    let fits = |recorded: &&Recorded| {
        let kind = matches!(recorded.class, Class::Initiation | Class::Response);
        (kind || !handshakes) && (!from_afar || recorded.at + OLD <= now)
    };
    let all: Vec<_> = world.recorded().iter().filter(fits).collect();
    if all.is_empty() {
        return;
    }
    let place = usize::try_from(random.below(all.len() as u64)).unwrap_or(0);
    let recorded = all[place].clone();
    let source = if from_afar {
        stranger()
    } else {
        world.address(recorded.from)
    };
    world.inject(random.pick(&SIDES), source, &recorded.datagram);
}

/// Good lengths and a good mac1, and nothing else: what costs most per datagram.
fn flood(world: &mut World, to: GatewayId, random: &mut SimRandom) {
    let mac1 = Mac1Key::for_receiver(&world.public_key(to));
    for _ in 0..FLOOD {
        let mut message = vec![0; INITIATION_LEN];
        message[0] = 1;
        random.fill(&mut message[4..INITIATION_LEN - 2 * MAC_LEN]);
        let mac = mac1.mac(&message[..INITIATION_LEN - 2 * MAC_LEN]);
        message[INITIATION_LEN - 2 * MAC_LEN..][..MAC_LEN].copy_from_slice(&mac);
        world.inject(to, stranger(), &message);
    }
}

/// Who may be moved: a gateway that nobody can call and that can call nobody would never be found again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mobility {
    /// Nobody.
    Fixed,
    /// This one, which knows where its peer is.
    Mobile(GatewayId),
}

/// A time of trouble: what happens when, counted from its beginning, in order.
#[derive(Clone, PartialEq, Default)]
pub struct Trouble {
    /// What happens when.
    pub events: Vec<(Duration, Disturbance)>,
    /// When it is over.
    pub length: Duration,
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trouble for {:?}:", self.length)?;
        self.events
            .iter()
            .try_for_each(|(at, event)| write!(f, " {at:?} {event:?};"))
    }
}

impl Trouble {
    /// One to four disturbances within a few seconds or minutes, in any weather.
    pub fn draw(random: &mut SimRandom, mobility: Mobility) -> Self {
        let length = random.between(Duration::from_secs(2), Duration::from_secs(12));
        let mut trouble = Self {
            events: Vec::new(),
            length,
        };
        let weathers = [
            Weather::FAIR,
            Weather::UNORDERED,
            Weather::FOUL,
            Weather::STORM,
        ];
        let weather = Disturbance::Weather(random.pick(&weathers));
        trouble.events.push((Duration::ZERO, weather));
        for _ in 0..=random.below(4) {
            let at = random.between(Duration::ZERO, length);
            trouble.add_drawn(at, random, mobility);
        }
        trouble.events.sort_by_key(|(at, _)| *at);
        trouble
    }

    fn add_drawn(&mut self, at: Duration, random: &mut SimRandom, mobility: Mobility) {
        let side = random.pick(&SIDES);
        if random.happens(FLOODED) {
            // Who calls then meets a gateway that asks for cookies.
            self.add(at, Disturbance::Rekey(other(side)));
            self.add(at + Duration::from_millis(1), Disturbance::Flood(side));
            return;
        }
        match random.below(10) {
            0..=2 => self.add_restart(at, side, random),
            3 => {
                // Both at once, but not for the same time.
                SIDES
                    .into_iter()
                    .for_each(|side| self.add_restart(at, side, random));
            }
            4 => self.add(at, Disturbance::ClockStep(side, random.pick(&STEPS))),
            5 => self.add_blackout(at, random),
            6 => self.add(at, Disturbance::Crossed),
            7 => {
                let burst = random.below(5) + 1;
                for number in 0..burst {
                    let later = Duration::from_millis(300) * u32::try_from(number).unwrap_or(0);
                    self.add(at + later, Disturbance::Rekey(side));
                }
            }
            8 => self.add(at, Disturbance::Replay(random.below(20) + 1)),
            _ => match mobility {
                Mobility::Mobile(side) => self.add(at, Disturbance::Move(side)),
                Mobility::Fixed => self.add(at, Disturbance::Crossed),
            },
        }
    }

    /// Down, perhaps with a step of the clock, and up again at once or after a while.
    fn add_restart(&mut self, at: Duration, side: GatewayId, random: &mut SimRandom) {
        let farewell = random.pick(&[Farewell::Said, Farewell::Unsaid]);
        self.add(at, Disturbance::Stop(side, farewell));
        if random.below(3) == 0 {
            self.add(at, Disturbance::ClockStep(side, random.pick(&STEPS)));
        }
        let pause = if random.happens(LONG) {
            random.between(Duration::ZERO, LONGEST_PAUSE)
        } else {
            random.between(Duration::ZERO, Duration::from_millis(500))
        };
        self.add(at + pause, Disturbance::Start(side));
    }

    /// One direction or both. A long one outlives every key.
    fn add_blackout(&mut self, at: Duration, random: &mut SimRandom) {
        let length = if random.happens(LONG) {
            random.between(Duration::from_secs(20), Duration::from_secs(120))
        } else {
            random.between(Duration::from_millis(200), Duration::from_secs(8))
        };
        let sides = random.pick(&[&SIDES[..], &SIDES[..1], &SIDES[1..]]);
        for side in sides {
            self.add(at, Disturbance::Blackout(*side, length));
        }
        self.length = self.length.max(at + length);
    }

    fn add(&mut self, at: Duration, event: Disturbance) {
        self.length = self.length.max(at);
        self.events.push((at, event));
    }
}

#[cfg(test)]
mod tests;
