//! What differs from run to run before anything happens.

use std::time::Duration;

use linkveil_crypto::{StaticSecret, Suite};
use linkveil_tunnel::{Keepalive, PqPolicy, Roaming};
use linkveil_wire::LaneCount;

use crate::clock::WallOffset;
use crate::disturbance::Mobility;
use crate::gateway::{Called, GatewaySetup};
use crate::kem::KemChoice;
use crate::link::Weather;
use crate::log::Log;
use crate::random::{Seed, SimRandom};
use crate::world::{SIDES, World};

const DAY: i64 = 86_400;

/// Two gateways and how they are configured.
#[derive(Debug)]
pub struct Scenario {
    lanes: [u8; 2],
    called: [Called; 2],
    suite: Suite,
    walls: [i64; 2],
    rekey_after: Duration,
    kem: KemChoice,
    roaming: Roaming,
    keepalive: Keepalive,
    /// Who may be moved.
    pub mobility: Mobility,
    /// Times of trouble.
    pub troubles: u64,
}

impl Scenario {
    /// One of many.
    pub fn draw(random: &mut SimRandom) -> Self {
        use Called::{ByUs, NotByUs};
        let called = random.pick(&[[ByUs, ByUs], [ByUs, NotByUs], [NotByUs, ByUs]]);
        let able = SIDES.into_iter().filter(|side| called[side.0] == ByUs);
        let mobile = able.map(Mobility::Mobile).chain([Mobility::Fixed]);
        let mobility = random.pick(&mobile.collect::<Vec<_>>());
        // A peer can be pinned if it has an endpoint and stays there.
        let pinnable = called == [ByUs, ByUs] && mobility == Mobility::Fixed;
        let roaming = if pinnable {
            random.pick(&[Roaming::Follow, Roaming::Pin])
        } else {
            Roaming::Follow
        };
        Self {
            lanes: [0, 1].map(|_| random.pick(&[1, 1, 2, 3, 4, 7])),
            called,
            suite: random.pick(&Suite::ALL),
            walls: [0, 1].map(|_| random.pick(&[0, 0, -DAY, DAY, -3_000 * DAY])),
            rekey_after: Duration::from_secs(random.pick(&[60, 60, 120, 7_200])),
            kem: match random.below(16) {
                0 => KemChoice::MlKem768,
                _ => KemChoice::Plain,
            },
            roaming,
            keepalive: random.pick(&[
                Keepalive::Off,
                Keepalive::Every(Duration::from_secs(7)),
                Keepalive::Every(Duration::from_secs(25)),
            ]),
            mobility,
            troubles: random.below(3) + 1,
        }
    }

    /// The world of this scenario, whose gateways start in fair weather.
    ///
    /// # Panics
    ///
    /// Never: every number of lanes that is drawn is one.
    pub fn world(&self, seed: Seed, random: &mut SimRandom, log: Log) -> World {
        let setups = [0, 1].map(|side: usize| GatewaySetup {
            secret: StaticSecret::generate(random),
            lanes: LaneCount::new(self.lanes[side]).expect("1 to 7"),
            wall: WallOffset::seconds(self.walls[side]),
            post_quantum: PqPolicy::Required,
            suite: self.suite,
            rekey_after: self.rekey_after,
            kem: self.kem,
            roaming: self.roaming,
            keepalive: self.keepalive,
        });
        World::pair(seed, Weather::FAIR, setups, self.called, log)
    }
}
