//! A gateway whose address changes is followed by its authentic datagrams alone, soon, and without new keys.

use std::time::Duration;

use linkveil_crypto::{StaticSecret, Suite};
use linkveil_sim::checker::Progress;
use linkveil_sim::clock::WallOffset;
use linkveil_sim::gateway::{Called, GatewaySetup};
use linkveil_sim::kem::KemChoice;
use linkveil_sim::link::{GatewayId, Weather};
use linkveil_sim::log::Log;
use linkveil_sim::random::Seed;
use linkveil_sim::world::{SIDES, World};
use linkveil_tunnel::{Keepalive, PqPolicy, Roaming};
use linkveil_wire::LaneCount;

const MOBILE: GatewayId = GatewayId(0);
/// Three packets of the mobile one, or one and a second challenge.
const FOUND: Duration = Duration::from_millis(300);
const PAUSE: Duration = Duration::from_millis(50);

/// Lanes may hand packets over in another order, so one lane and several.
fn world(lanes: u8) -> World {
    let seed = Seed::new(u64::from(lanes));
    let mut random = seed.stream(7);
    let setups = [0, 1].map(|_| GatewaySetup {
        secret: StaticSecret::generate(&mut random),
        lanes: LaneCount::new(lanes).unwrap(),
        wall: WallOffset::default(),
        post_quantum: PqPolicy::Required,
        suite: Suite::Aes256Gcm,
        rekey_after: Duration::from_secs(3_600),
        kem: KemChoice::Plain,
        roaming: Roaming::Follow,
        keepalive: Keepalive::Off,
    });
    let called = [Called::ByUs, Called::NotByUs];
    World::pair(seed, Weather::FAIR, setups, called, Log::default())
}

/// Both send for a while; whether what they sent last came out.
fn flows(world: &mut World, length: Duration) -> [bool; 2] {
    let end = world.elapsed() + length;
    let mut last = [None; 2];
    while world.elapsed() < end {
        last = SIDES.map(|side| world.offer(side));
        world.run_for(PAUSE);
    }
    last.map(|id| id.and_then(|id| world.checker().progress(id)) == Some(Progress::Delivered))
}

// REQ-PATH-1, REQ-PATH-2, REQ-PATH-3, REQ-PATH-4, REQ-PATH-6
#[test]
fn a_gateway_that_moves_is_found_by_its_next_packets() {
    for lanes in [1, 3, 7] {
        let mut world = world(lanes);
        assert_eq!(flows(&mut world, FOUND), [true; 2]);
        for _ in 0..3 {
            world.move_address(MOBILE);
            let before = flows(&mut world, PAUSE);
            assert_eq!(
                before,
                [true, false],
                "its own packets arrive from the first on"
            );
            assert_eq!(flows(&mut world, FOUND), [true; 2], "{lanes} lanes");
            // Longer than the pause between two moves.
            assert_eq!(flows(&mut world, Duration::from_secs(2)), [true; 2]);
        }
        assert_eq!(world.checker().violations(), []);
        assert_eq!(world.checker().epochs().len(), 1, "no new keys");
    }
}
