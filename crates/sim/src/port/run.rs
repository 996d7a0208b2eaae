//! One seeded run of two MACsec ports: disturbances, and after each of them nothing is lost any more.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use linkveil_crypto::{Psk, StaticSecret, Suite};
use linkveil_macsec::{CipherSuite, Protection};
use linkveil_noise::{Identity, KemOffer, Offer, RemotePeer, create_initiation};
use linkveil_sa::Limits;
use linkveil_wire::{
    An, HandshakeFlags, InnerMtu, LaneCount, MacAddr, PortFrame, PortOffer, PortTerms, Spi,
};

use super::model::Violation;
use super::station::StationSetup;
use super::world::{Pardon, World};
use crate::kem::{KemChoice, PlainKem};
use crate::link::{Class, GatewayId, Rule, Treatment, Weather};
use crate::log::Log;
use crate::random::{Seed, SimRandom};

/// Longest time from the end of a disturbance to common keys: an unconfirmed epoch is given up after 10 s, and calls are
/// up to 15 s apart.
const RECOVERY: Duration = Duration::from_secs(40);
/// Disturbances of a run.
const TROUBLES: usize = 7;
/// Between two data frames of a station.
const DATA_PAUSE: Duration = Duration::from_millis(25);

const SCENARIO: u64 = 4;
const TROUBLE: u64 = 5;

/// What befalls a world. All of the first group lose nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// One side makes new keys.
    Rotation(usize),
    /// Both do, at once.
    BothRotate,
    /// New keys are asked for again and again, by either side.
    ManyRotations,
    /// New keys, while messages about them get lost.
    RotationInLoss(usize),
    /// New keys by age.
    Ageing,
    /// Somebody on the link sends frames of his own making.
    Forgeries,
    /// One side loses its keys.
    Restart(usize),
    /// One side comes back with another interface.
    NewInterface(usize),
    /// Everything at once.
    Storm,
    /// Nothing gets through from one side for a while.
    Blackout(usize),
}

/// A run that went well.
#[derive(Clone, Debug, Default)]
pub struct PortOutcome {
    /// Its log.
    pub log: Vec<String>,
    /// Frames that came out.
    pub delivered: usize,
    /// Frames that were sealed.
    pub sealed: usize,
    /// Keys that sealed something.
    pub keys: usize,
    /// Handshakes that were completed, counted on both sides.
    pub completed: usize,
    /// What befell it.
    pub troubles: Vec<Trouble>,
}

/// A run that did not.
#[derive(Debug)]
pub struct PortFailure {
    /// What to repeat it with.
    pub seed: Seed,
    /// What happened.
    pub violation: Violation,
    /// After what.
    pub troubles: Vec<Trouble>,
    /// Its log.
    pub log: Vec<String>,
}

impl fmt::Display for PortFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            violation,
            troubles,
            ..
        } = self;
        write!(f, "seed {seed}: {violation} after {troubles:?}")
    }
}

fn draw_setups(random: &mut SimRandom) -> [StationSetup; 2] {
    let terms = PortTerms {
        suite: random.pick(&CipherSuite::ALL),
        protection: random.pick(&[Protection::Confidentiality, Protection::Integrity]),
    };
    let suite = random.pick(&Suite::ALL);
    let kem = match random.below(16) {
        0 => KemChoice::MlKem768,
        _ => KemChoice::Plain,
    };
    let rekey_after = Duration::from_secs(random.pick(&[60, 7_200]));
    // Few packets: so that keys come to their end by use, too. An eighth of them lasts longer than the longest change of
    // keys that is to lose nothing.
    let packets = random.pick(&[1_000, 1 << 30]);
    [0, 1].map(|side| StationSetup {
        station: MacAddr::new([2, 0, 0, 0, 0, side + 1]),
        terms,
        lanes: LaneCount::new(random.pick(&[1, 1, 2, 3, 4])).expect("a count"),
        suite,
        rekey_after,
        limits: Limits {
            packets,
            ..Limits::production(Suite::Aes256Gcm)
        },
        kem,
        slowness: Duration::from_millis(random.pick(&[0, 2, 20])),
    })
}

/// A run from its seed.
///
/// # Errors
/// [`PortFailure`].
pub fn run(seed: Seed) -> Result<PortOutcome, Box<PortFailure>> {
    run_with(seed, Log::default())
}

/// A run with a log.
///
/// # Errors
/// [`PortFailure`].
pub fn run_with(seed: Seed, log: Log) -> Result<PortOutcome, Box<PortFailure>> {
    let mut world = World::new(
        seed,
        draw_setups(&mut seed.stream(SCENARIO)),
        DATA_PAUSE,
        log,
    );
    let mut random = seed.stream(TROUBLE);
    let mut troubles = Vec::new();
    let result = disturb(&mut world, &mut random, &mut troubles);
    let log = world.log.lines().to_vec();
    match result {
        Ok(()) => Ok(PortOutcome {
            log,
            delivered: world.model.delivered(),
            sealed: world.model.sealed(),
            keys: world.model.keys(),
            completed: world.completed,
            troubles,
        }),
        Err(violation) => Err(Box::new(PortFailure {
            seed,
            violation,
            troubles,
            log,
        })),
    }
}

fn disturb(
    world: &mut World,
    random: &mut SimRandom,
    troubles: &mut Vec<Trouble>,
) -> Result<(), Violation> {
    world.await_common_keys(RECOVERY)?;
    world.run_without_loss(Duration::from_secs(1))?;
    for _ in 0..TROUBLES {
        let weather = random.pick(&[Weather::FAIR, Weather::UNORDERED]);
        world.link.set_weather(weather);
        let trouble = draw(random);
        troubles.push(trouble);
        let at = world.elapsed();
        world.log.note(at, || format!("now comes {trouble:?}"));
        befall(world, random, trouble)?;
        world.link.calm();
    }
    world.run_without_loss(Duration::from_secs(1))
}

fn draw(random: &mut SimRandom) -> Trouble {
    let side = usize::from(random.below(2) == 1);
    random.pick(&[
        Trouble::Rotation(side),
        Trouble::BothRotate,
        Trouble::ManyRotations,
        Trouble::RotationInLoss(side),
        Trouble::RotationInLoss(side),
        Trouble::Ageing,
        Trouble::Forgeries,
        Trouble::Restart(side),
        Trouble::NewInterface(side),
        Trouble::Storm,
        Trouble::Blackout(side),
    ])
}

fn befall(world: &mut World, random: &mut SimRandom, trouble: Trouble) -> Result<(), Violation> {
    match trouble {
        Trouble::Rotation(side) => {
            world.rekey(side);
            world.run_without_loss(Duration::from_secs(3))
        }
        Trouble::BothRotate => {
            world.rekey(0);
            world.rekey(1);
            world.run_without_loss(Duration::from_secs(4))
        }
        Trouble::ManyRotations => many_rotations(world, random),
        Trouble::RotationInLoss(side) => rotation_in_loss(world, random, side),
        Trouble::Ageing => world.run_without_loss(Duration::from_secs(30)),
        Trouble::Forgeries => forgeries(world, random),
        Trouble::Restart(side) => {
            let setup = *world.stations[side].setup();
            world.restart(side, setup);
            recover(world)
        }
        Trouble::NewInterface(side) => {
            let mut setup = *world.stations[side].setup();
            let [.., last] = setup.station.octets();
            setup.station = MacAddr::new([2, 0, 0, 0, 7, last.wrapping_add(2)]);
            world.restart(side, setup);
            recover(world)?;
            assert_eq!(world.stations[1 - side].peer_at(), Some(setup.station));
            Ok(())
        }
        Trouble::Storm => {
            world.link.set_weather(Weather::STORM);
            world.rekey(usize::from(random.below(2) == 1));
            world.run_for(Duration::from_secs(5))?;
            recover(world)
        }
        Trouble::Blackout(side) => {
            let end = world.elapsed() + Duration::from_secs(random.pick(&[3, 12]));
            world.link.black_out(GatewayId(side), end);
            world.rekey(usize::from(random.below(2) == 1));
            world.run_for(Duration::from_secs(12))?;
            recover(world)
        }
    }
}

fn recover(world: &mut World) -> Result<(), Violation> {
    world.link.calm();
    world.await_common_keys(RECOVERY)?;
    // An effort that began in the trouble may still come to its end, and must not cost a frame.
    world.pardon = Pardon::UsedUpKeys;
    world.run_without_loss(Duration::from_secs(5))?;
    // Calls are at most 15 s apart.
    world.run_for(Duration::from_secs(12))?;
    world.pardon = Pardon::Nothing;
    Ok(())
}

fn many_rotations(world: &mut World, random: &mut SimRandom) -> Result<(), Violation> {
    for _ in 0..12 {
        world.rekey(usize::from(random.below(2) == 1));
        let pause = random.between(Duration::from_millis(1), Duration::from_millis(400));
        world.run_for(pause)?;
    }
    world.run_without_loss(Duration::from_secs(4))
}

/// Data gets through; what the change of keys consists of gets lost, some of it, from both sides.
fn rotation_in_loss(
    world: &mut World,
    random: &mut SimRandom,
    side: usize,
) -> Result<(), Violation> {
    for from in [0, 1] {
        for class in [Class::Initiation, Class::Response, Class::Control] {
            let times = random.pick(&[0, 0, 1]);
            if times > 0 {
                world.link.add_rule(Rule {
                    from: GatewayId(from),
                    class,
                    treatment: Treatment::Lose,
                    times,
                });
            }
        }
    }
    world.rekey(side);
    world.run_without_loss(Duration::from_secs(8))
}

/// Old messages, as they were and from elsewhere; new ones of strangers; from our own address; and nonsense.
fn forgeries(world: &mut World, random: &mut SimRandom) -> Result<(), Violation> {
    let recorded = world.recorded.clone();
    for (from, frame) in recorded.iter().rev().take(40) {
        world.inject(1 - from, frame.clone());
        world.inject(*from, frame.clone());
        let mut moved = frame.clone();
        moved[6..12].copy_from_slice(&[2, 0, 0, 0, 9, 9]);
        world.inject(1 - from, moved);
        let mut damaged = frame.clone();
        let place = usize::try_from(random.below(frame.len() as u64)).unwrap_or(0);
        damaged[place] ^= 1;
        world.inject(1 - from, damaged);
    }
    for _ in 0..random.pick(&[10, 300]) {
        let to = usize::from(random.below(2) == 1);
        let frame = strangers_initiation(world, random, to);
        world.inject(to, frame);
    }
    for to in [0, 1] {
        let mut mirrored = strangers_initiation(world, random, to);
        mirrored[6..12].copy_from_slice(&world.station(to).octets());
        world.inject(to, mirrored);
        for frame in forged_macsec(world, random, to) {
            world.inject(to, frame);
        }
    }
    world.rekey(usize::from(random.below(2) == 1));
    world.run_without_loss(Duration::from_secs(4))
}

/// A good first message of somebody who knows the station's public key, and is no peer.
fn strangers_initiation(world: &World, random: &mut SimRandom, to: usize) -> Vec<u8> {
    let identity = Identity::new(
        StaticSecret::generate(random),
        world.stations[to].setup().suite,
        Arc::new(PlainKem),
    );
    let source = MacAddr::new([2, 0, 0, 1, 0, random.pick(&[1, 2, 3])]);
    let peer = RemotePeer {
        public_key: world.public_key(to),
        psk: &Psk::none(),
    };
    let offer = Offer {
        timestamp: world.now().wall,
        spi: Spi::new(7).expect("an SPI"),
        lanes: LaneCount::ONE,
        mtu: InnerMtu::MIN,
        flags: HandshakeFlags::NONE,
        post_quantum: KemOffer::Send,
        cookie: None,
        port: Some(PortOffer {
            an: An::ALL[0],
            terms: world.stations[to].setup().terms,
            station: source,
        }),
    };
    let made = create_initiation(&identity, &peer, offer, random);
    let (message, _) = made.expect("an initiation");
    let frame = PortFrame {
        source,
        message: &message,
    };
    frame.emit().expect("a frame")
}

/// Frames on the peer's channel, under every association, with any content.
fn forged_macsec(world: &mut World, random: &mut SimRandom, to: usize) -> Vec<Vec<u8>> {
    let sci = world.stations[1 - to].lanes[0].sci();
    let frames = An::ALL.map(|an| {
        let mut frame = [world.station(to).octets(), sci.address().octets()].concat();
        frame.extend_from_slice(&[0x88, 0xe5, 0x2c | an.get(), 0]);
        frame.extend_from_slice(
            &u32::try_from(random.below(1 << 20))
                .unwrap_or(1)
                .to_be_bytes(),
        );
        frame.extend_from_slice(&sci.to_bytes());
        frame.extend((0..10).flat_map(|_| random.next_u64().to_be_bytes()));
        frame
    });
    frames.into()
}
