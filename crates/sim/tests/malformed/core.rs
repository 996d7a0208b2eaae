//! A control core that is told lies by everybody, some of whom know its public key.

use std::sync::Arc;
use std::time::Duration;

use linkveil_crypto::{DeterministicMlKem768, Mac1Key, Psk, PublicKey, StaticSecret, Suite};
use linkveil_sa::{LaneCommand, Limits, Path};
use linkveil_sim::clock::{VirtualClock, WallOffset};
use linkveil_sim::random::{Seed, SimRandom};
use linkveil_tunnel::config::{Keepalive, Roaming};
use linkveil_tunnel::{Core, CoreConfig, Now, PeerConfig, PqPolicy};
use linkveil_wire::{HandshakeFlags, InnerMtu, LaneCount};

use crate::mutate::{mutate, noise, place};
use crate::{random, samples, share};

/// Time between two messages: some come while the budget for strangers has something left, some do not.
const PAUSE_MS: u64 = 2;

fn path(host: u8) -> Path {
    Path {
        socket: samples::SOCKET,
        remote: ([192, 0, 2, host], 51_840).into(),
    }
}

fn now(clock: &VirtualClock) -> Now {
    Now {
        instant: clock.instant(),
        wall: clock.wall(WallOffset::default()),
    }
}

fn core(secret: StaticSecret, peers: &[(PublicKey, Option<Path>)], clock: &VirtualClock) -> Core {
    let config = CoreConfig {
        secret,
        suite: Suite::Aes256Gcm,
        lanes: LaneCount::ONE,
        kem: Arc::new(DeterministicMlKem768),
        flags: HandshakeFlags::NONE,
        rekey_after: Duration::from_secs(3_600),
        post_quantum: PqPolicy::Preferred,
        limits: Limits::TINY,
    };
    let peers = peers.iter().map(|(public_key, endpoint)| PeerConfig {
        name: public_key.to_string(),
        public_key: *public_key,
        psk: Psk::none(),
        endpoint: *endpoint,
        roaming: Roaming::Follow,
        keepalive: Keepalive::Off,
        mtu: InnerMtu::new(1_424).unwrap(),
    });
    let random = Seed::new(9).stream(9);
    Core::new(config, peers.collect(), Box::new(random), now(clock))
}

/// The core under test, which calls a peer that never answers, and true messages to it.
struct Scene {
    core: Core,
    mac1: Mac1Key,
    messages: Vec<Vec<u8>>,
}

/// Messages as `from` would send them to `to`: an initiation, and the response to one if `to` has called.
fn scene(clock: &VirtualClock) -> Scene {
    let secret = |seed| StaticSecret::generate(&mut Seed::new(seed).stream(0));
    let (own, caller, called) = (secret(1).public(), secret(2).public(), secret(3).public());
    let peers = [(caller, None), (called, Some(path(3)))];
    let mut target = core(secret(1), &peers, clock);
    let mut initiator = core(secret(2), &[(own, Some(path(1)))], clock);
    let first = initiator.poll_transmit().expect("it calls at start").bytes;
    let own_call = target.poll_transmit().expect("it calls at start").bytes;

    // The called one's answer: its lanes have to install first.
    let mut responder = core(secret(3), &[(own, None)], clock);
    responder.handle_datagram(path(1), &own_call, now(clock));
    while let Some(command) = responder.poll_command() {
        if let LaneCommand::InstallRx(install) = command {
            let installed = linkveil_sa::LaneEvent::Installed {
                epoch: install.epoch,
                direction: linkveil_sa::InstallKind::Rx,
            };
            responder.handle_lane_event(installed, now(clock));
        }
    }
    let second = responder.poll_transmit().expect("it answers").bytes;

    let mut cookie = vec![3, 0, 0, 0];
    cookie.extend(&own_call[4..8]);
    cookie.resize(64, 0x11);
    Scene {
        core: target,
        mac1: Mac1Key::for_receiver(&own),
        messages: vec![first, second, cookie],
    }
}

/// A spoiled message, often with a mac1 that is right again.
fn message(random: &mut SimRandom, scene: &Scene) -> Vec<u8> {
    let original = &scene.messages[place(random, scene.messages.len())];
    let mut bytes = original.clone();
    while bytes == *original {
        if random.below(16) == 0 {
            let len = place(random, 1_600);
            bytes = noise(random, len);
        } else {
            mutate(random, &mut bytes);
        }
        if random.below(3) > 0 && random.below(4) > 0 {
            // Lengths stay, or every second message would fail at its length.
            bytes.resize(original.len(), 0);
        }
    }
    if random.below(3) > 0 && bytes.len() > 40 {
        let start = bytes.len() - 32;
        let mac1 = scene.mac1.mac(&bytes[..start]);
        bytes[start..start + 16].copy_from_slice(&mac1);
    }
    bytes
}

/// Sum of all counters.
fn counted(core: &Core) -> u64 {
    core.counters().named().map(|(_, count)| count).sum()
}

/// Drains the core; how many epochs it has begun.
fn begun(core: &mut Core) -> u64 {
    let mut begun = 0;
    while let Some(command) = core.poll_command() {
        begun += u64::from(matches!(command, LaneCommand::InstallRx(_)));
    }
    while core.poll_event().is_some() || core.poll_transmit().is_some() {}
    begun
}

// REQ-CNT-1, REQ-CNT-2, REQ-MAC-1, REQ-FLOOD-1
#[test]
fn each_message_moves_one_counter_or_begins_an_epoch() {
    let (mut random, mut clock) = (random(2), VirtualClock::new());
    let mut scene = scene(&clock);
    begun(&mut scene.core);
    let (start, messages) = (counted(&scene.core), share(10));
    let (mut epochs, mut told) = (0, start);
    for _ in 0..messages {
        let bytes = message(&mut random, &scene);
        let host = u8::try_from(random.below(250)).unwrap();
        scene.core.handle_datagram(path(host), &bytes, now(&clock));
        let (now_told, new) = (counted(&scene.core), begun(&mut scene.core));
        assert_eq!(now_told - told + new, 1, "{bytes:02x?}");
        epochs += new;
        told = now_told;
        clock.advance_to(clock.elapsed() + Duration::from_millis(random.below(PAUSE_MS)));
    }
    assert_eq!(told - start + epochs, messages);
    assert!(epochs <= 2, "one true message each way, at most: {epochs}");
    // Each of these doors was tried.
    for name in [
        "message_unknown_type",
        "message_wrong_length",
        "message_reserved_bits",
        "handshake_wrong_mac1",
        "handshake_unauthentic",
        "handshake_wrong_receiver",
        "handshake_unauthentic_cookie",
        "cookie_replies_sent",
    ] {
        let mut named = scene.core.counters().named();
        let count = named
            .find(|(known, _)| *known == name)
            .map(|(_, count)| count);
        assert!(count > Some(0), "{name}: {count:?}");
    }
}

/// Their MACs are wrong as well, so a message that was looked at any further would be counted for its MAC.
// REQ-HDR-9
#[test]
fn what_the_form_rules_out_costs_no_mac() {
    let clock = VirtualClock::new();
    let mut scene = scene(&clock);
    let mut expected = std::collections::BTreeMap::new();
    for original in scene.messages.clone() {
        let changed = |place: usize, value: u8| {
            let mut bytes = original.clone();
            bytes[place..place + if place == 4 { 4 } else { 1 }].fill(value);
            let last = bytes.len() - 17;
            bytes[last] ^= 1;
            bytes
        };
        let mut long = changed(0, original[0]);
        long.push(0);
        let refused = [
            (changed(0, 0), "message_unknown_type"),
            (changed(0, 9), "message_unknown_type"),
            (changed(1, 1), "message_reserved_bits"),
            (changed(3, 0x80), "message_reserved_bits"),
            (changed(4, 0), "message_zero_spi"),
            (long, "message_wrong_length"),
            (
                original[..original.len() - 1].to_vec(),
                "message_wrong_length",
            ),
        ];
        for (bytes, name) in refused {
            scene.core.handle_datagram(path(2), &bytes, now(&clock));
            *expected.entry(name).or_insert(0) += 1;
        }
    }
    let named = scene.core.counters().named();
    let counted = named.filter(|(name, count)| *count > 0 && *name != "handshakes_started");
    assert_eq!(
        counted.collect::<std::collections::BTreeMap<_, _>>(),
        expected
    );
}
