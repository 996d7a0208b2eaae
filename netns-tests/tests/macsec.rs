//! A cable between two gateways that MACsec protects.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use linkveil_net::clock;
use linkveil_netns_tests::capture::{Capture, frames_with};
use linkveil_netns_tests::inject::Injector;
use linkveil_netns_tests::link::Side;
use linkveil_netns_tests::station::Station;
use linkveil_netns_tests::status::MacsecStatus;
use linkveil_netns_tests::timing::{pause, wait_for};
use linkveil_netns_tests::traffic::{ping, ping_of_size, tcp_copy};
use linkveil_netns_tests::trunk::{
    End, HANDSHAKE, MACSEC, PORT_DEVICE, TAP_DEVICE, Trunk, ethertype, mac, sci, static_keys,
};

const ROTATIONS: u32 = 20;
const SUITES: [&str; 4] = [
    "gcm-aes-128",
    "gcm-aes-256",
    "gcm-aes-xpn-128",
    "gcm-aes-xpn-256",
];

fn copy_both_ways(trunk: &Trunk, bytes: usize) {
    let [a, b] = trunk.ends();
    tcp_copy(&a.inside, &b.inside, b.address(), bytes);
    tcp_copy(&b.inside, &a.inside, a.address(), bytes);
}

fn assert_clean(trunk: &Trunk) {
    for end in trunk.ends() {
        end.port().assert_refused(&[]);
    }
}

/// Packet number and association of each frame that the side sealed, by channel.
fn numbers(frames: &[Vec<u8>], side: Side) -> Vec<(Vec<u8>, u8, u32)> {
    let protected = |frame: &&Vec<u8>| ethertype(frame) == MACSEC && frame[6..12] == mac(side);
    let number = |frame: &Vec<u8>| {
        let pn = u32::from_be_bytes(frame[16..20].try_into().unwrap());
        (frame[20..28].to_vec(), frame[14] & 3, pn)
    };
    frames.iter().filter(protected).map(number).collect()
}

// REQ-SECY-6, REQ-SECY-13
#[test]
fn a_cable_with_keys_by_handshake_shows_protected_frames_and_handshakes_only() {
    let mut trunk = Trunk::noise();
    let capture = Capture::start(&trunk.b.host, PORT_DEVICE);
    trunk.start();
    ping(&trunk.a.inside, trunk.b.address());
    copy_both_ways(&trunk, 3_000_000);
    let flow = trunk.flow(Side::A).start();
    pause(Duration::from_millis(300));
    flow.finish().assert_complete();
    let frames = capture.finish();
    let mut kinds = BTreeMap::new();
    for frame in &frames {
        *kinds.entry(ethertype(frame)).or_insert(0) += 1;
    }
    assert_eq!(
        kinds.keys().collect::<Vec<_>>(),
        [&HANDSHAKE, &MACSEC],
        "{kinds:?}"
    );
    // The tag of the flow, which stands in each of its datagrams.
    assert_eq!(frames_with(&frames, &0x5345_4359_u64.to_be_bytes()), 0);
    let port = trunk.a.port();
    assert_eq!(port.mtu_bytes, 1468);
    assert_eq!(port.tx.len(), 2);
    assert!(port.peer.unwrap().epoch.unwrap().post_quantum);
    assert_clean(&trunk);
}

// REQ-SECY-7
#[test]
fn twenty_rotations_under_a_paced_flow_lose_nothing() {
    let mut trunk = Trunk::noise();
    trunk.start();
    let mut epoch = trunk.wait_for_epoch(|_| true);
    let [there, back] = [Side::A, Side::B].map(|side| trunk.flow(side).start());
    for number in 0..ROTATIONS {
        let end = trunk.ends()[usize::from(number % 2 == 0)];
        end.gateway().rekey();
        epoch = trunk.wait_for_epoch_after(&epoch);
    }
    let (there, back) = (there.finish(), back.finish());
    assert_clean(&trunk);
    let [a, b] = trunk.ends().map(End::port);
    for (from, to) in [(&a, &b), (&b, &a)] {
        let (sent, got) = (from.sent("out_pkts_encrypted"), to.received("in_pkts_ok"));
        assert_eq!(sent, got, "{from:?} {to:?}");
    }
    there.assert_complete();
    back.assert_complete();
}

// REQ-SECY-6
#[test]
fn every_suite_carries_with_written_down_keys() {
    for suite in SUITES {
        let mut trunk = Trunk::fixed(suite);
        for end in trunk.ends_mut() {
            end.options += "\nprotect = \"integrity\"";
        }
        trunk.start();
        let capture = Capture::start(&trunk.b.host, PORT_DEVICE);
        let flow = trunk.flow(Side::A).start();
        pause(Duration::from_millis(100));
        flow.finish().assert_complete();
        copy_both_ways(&trunk, 300_000);
        let frames = capture.finish();
        assert!(
            frames_with(&frames, &0x5345_4359_u64.to_be_bytes()) > 0,
            "{suite}: integrity only, so everybody reads"
        );
        for end in trunk.ends() {
            let port = end.port();
            assert!(port.sent("out_pkts_protected") > 0);
            assert_eq!(port.sent("out_pkts_encrypted"), 0);
        }
        assert_clean(&trunk);
    }
}

// REQ-SECY-3
#[test]
fn a_channel_that_frames_do_not_name_is_the_only_one() {
    let mut trunk = Trunk::noise();
    for end in trunk.ends_mut() {
        end.options = "sci = \"implied\"".to_owned();
    }
    trunk.start();
    copy_both_ways(&trunk, 300_000);
    let port = trunk.a.port();
    assert_eq!((port.tx.len(), port.mtu_bytes), (1, 1468));
    assert!(ping_of_size(
        &trunk.a.inside,
        trunk.b.address(),
        port.mtu_bytes
    ));
    assert_clean(&trunk);
}

// Both sides need not have the same number of lanes.
#[test]
fn one_lane_talks_to_four() {
    let mut trunk = Trunk::noise();
    (trunk.a.lanes, trunk.b.lanes) = (1, 4);
    trunk.start();
    copy_both_ways(&trunk, 2_000_000);
    let [a, b] = trunk.ends().map(End::port);
    assert_eq!((a.tx.len(), a.rx.len()), (1, 4));
    assert_eq!((b.tx.len(), b.rx.len()), (4, 1));
    assert_clean(&trunk);
}

#[test]
fn frames_of_full_size_cross_and_so_do_jumbos() {
    let mut trunk = Trunk::noise();
    trunk.set_mtu(9_000);
    trunk.start();
    let [a, b] = trunk.ends();
    let mtu = a.port().mtu_bytes;
    assert_eq!(mtu, 9_000 - 32);
    assert!(ping_of_size(&a.inside, b.address(), mtu));
    copy_both_ways(&trunk, 3_000_000);
    assert_clean(&trunk);
}

#[test]
fn vlan_tags_and_every_ethertype_cross_unchanged() {
    let mut trunk = Trunk::noise();
    for end in trunk.ends_mut() {
        end.options = "promiscuous = true".to_owned();
    }
    trunk.start();
    let [mut left, mut right] = trunk
        .ends()
        .map(|end| Station::plug_in(&end.inside, TAP_DEVICE));
    // One tag, two tags, a protocol of nobody, a frame as short as they come.
    let kinds = [
        vec![0x81, 0, 0x20, 7, 8, 0],
        vec![0x88, 0xa8, 0, 9, 0x81, 0, 0, 7, 0x86, 0xdd],
        vec![0x12, 0x34],
        vec![0x89, 0x02],
    ];
    for (kind, length) in kinds.into_iter().zip([100, 900, 1_200, 46]) {
        let addresses = [[2, 0, 0, 0, 2, 2], [2, 0, 0, 0, 2, 1]].concat();
        let frame = [addresses, kind, vec![0x77; length]].concat();
        left.send(&frame);
        right.expect(&frame);
    }
    assert_clean(&trunk);
}

#[test]
fn other_protocols_on_the_port_are_left_alone() {
    let mut trunk = Trunk::noise();
    trunk.start();
    let capture = Capture::start(&trunk.b.inside, TAP_DEVICE);
    let seen = Capture::start(&trunk.b.host, PORT_DEVICE);
    let mut injector = Injector::open(&trunk.a.host, &trunk.b.host, PORT_DEVICE);
    // LLDP and EAPOL, and IP that nothing protects.
    for kind in [0x88cc_u16, 0x888e, 0x0800] {
        let mut frame = [[1, 0x80, 0xc2, 0, 0, 0x0e], mac(Side::A)].concat();
        frame.extend(kind.to_be_bytes());
        frame.resize(60, 0x5a);
        injector.send(&frame);
    }
    ping(&trunk.a.inside, trunk.b.address());
    assert_eq!(frames_with(&capture.finish(), &[0x5a; 40]), 0);
    assert_eq!(frames_with(&seen.finish(), &[0x5a; 40]), 3);
    assert_clean(&trunk);
}

/// What is done to a frame on its way.
type Change = fn(&mut Vec<u8>);

/// Frames that A sent to B, and what B makes of them when they come again, changed by `change`.
fn again(suite: &str, change: Change) -> (u64, MacsecStatus) {
    let mut trunk = Trunk::fixed(suite);
    trunk.start();
    let capture = Capture::start(&trunk.b.host, PORT_DEVICE);
    let flow = trunk.flow(Side::A).start();
    pause(Duration::from_millis(100));
    flow.finish().assert_complete();
    let frames = capture.finish();
    let of_a = |frame: &&Vec<u8>| ethertype(frame) == MACSEC && frame[6..12] == mac(Side::A);
    let mut frames: Vec<_> = frames.iter().filter(of_a).cloned().collect();
    assert!(frames.len() > 10, "{}", frames.len());
    let mut injector = Injector::open(&trunk.a.host, &trunk.b.host, PORT_DEVICE);
    let delivered = trunk.b.port().received("in_pkts_ok");
    for frame in &mut frames {
        change(frame);
        injector.send(frame);
    }
    let count = frames.len() as u64;
    let port = wait_for("all of them counted", || {
        let port = trunk.b.port();
        let all = |counters: &BTreeMap<String, u64>| {
            let frames = counters
                .iter()
                .filter(|(name, _)| name.starts_with("in_pkts"));
            frames.map(|(_, count)| *count).sum::<u64>()
        };
        let channels: u64 = port.rx.iter().map(|channel| all(&channel.counters)).sum();
        (all(&port.secy) + channels >= delivered + count).then_some(port)
    });
    // Nothing was delivered but what the host itself sent meanwhile.
    ping(&trunk.a.inside, trunk.b.address());
    (count, port)
}

// REQ-SECY-16
#[test]
fn frames_that_come_again_are_duplicates() {
    let (count, port) = again("gcm-aes-xpn-256", |_| ());
    port.assert_refused(&[("in_pkts_duplicate", count)]);
}

// REQ-SECY-2, REQ-SECY-14, REQ-SECY-18
#[test]
fn frames_that_were_changed_are_counted_for_what_they_are() {
    let cases: [(&str, Change); 6] = [
        ("in_pkts_not_valid", |frame| {
            // A number that was not there yet, or it would be a duplicate.
            frame[16..20].copy_from_slice(&0x0010_0000_u32.to_be_bytes());
        }),
        ("in_pkts_bad_tag", |frame| frame[14] |= 0x80),
        ("in_pkts_bad_tag", |frame| frame[15] |= 0xc0),
        ("in_pkts_bad_tag", |frame| frame.truncate(24)),
        ("in_pkts_no_sci", |frame| frame[27] ^= 4),
        ("in_pkts_not_using_sa", |frame| frame[14] ^= 2),
    ];
    for (name, change) in cases {
        let (count, port) = again("gcm-aes-256", change);
        port.assert_refused(&[(name, count)]);
    }
}

// REQ-SECY-25
#[test]
fn no_packet_number_is_used_twice_over_three_runs() {
    let mut trunk = Trunk::fixed("gcm-aes-128");
    trunk.b.start();
    let capture = Capture::start(&trunk.b.host, PORT_DEVICE);
    for run in 0..3 {
        trunk.a.start();
        let flow = trunk.flow(Side::A).start();
        pause(Duration::from_millis(100));
        flow.finish().assert_complete();
        if run == 1 {
            // What it had reserved is lost with it.
            trunk.a.take_gateway().kill();
        } else {
            assert!(trunk.a.take_gateway().terminate().success());
        }
    }
    let mut numbers = numbers(&capture.finish(), Side::A);
    let count = numbers.len();
    assert!(count > 150, "{count}");
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
}

/// What `linkveil up` says when it refuses to start.
fn refusal(end: &End) -> String {
    let config = end.folder().join("node.toml");
    let binary = linkveil_netns_tests::gateway::binary();
    let output = end.host.run(|| {
        std::process::Command::new("timeout")
            .arg("10")
            .arg(binary)
            .arg("up")
            .arg(config)
            .env("STATE_DIRECTORY", end.folder())
            .output()
            .unwrap()
    });
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

// REQ-SECY-25
#[test]
fn a_start_that_could_use_a_packet_number_again_is_refused() {
    let mut trunk = Trunk::fixed("gcm-aes-256");
    trunk.a.start();
    assert!(trunk.a.take_gateway().terminate().success());
    let state = trunk.a.folder().join("trunk.pn");
    let kept = fs::read(&state).unwrap();
    fs::remove_file(&state).unwrap();
    let text = refusal(&trunk.a);
    assert!(text.contains("which was used before"), "{text}");
    fs::write(&state, kept).unwrap();
    trunk.a.start();
    assert!(trunk.a.take_gateway().terminate().success());
    trunk.a.keys += "\nunsafe_reuse_pn = true";
    fs::remove_file(&state).unwrap();
    trunk.a.start();
}

// REQ-SECY-23
#[test]
fn one_key_for_one_channel_in_both_directions_is_refused() {
    let mut trunk = Trunk::fixed("gcm-aes-256");
    trunk.a.start();
    assert!(trunk.a.take_gateway().terminate().success());
    let own = static_keys("gcm-aes-256", Side::A, 0);
    let key = own.split("key = \"").nth(1).unwrap().split('"').next();
    let key = key.unwrap();
    let own_sci = sci(Side::A, 1);
    trunk.a.keys = format!(
        "mode = \"static\"\ntx = {{ key = \"{key}\" }}\nrx = [{{ sci = \"{own_sci}\", an = 1, key = \"{key}\" }}]"
    );
    fs::write(trunk.a.folder().join("node.toml"), trunk.a.config()).unwrap();
    let text = refusal(&trunk.a);
    assert!(text.contains("the same nonce"), "{text}");
}

#[test]
fn a_port_with_addresses_is_refused_and_named() {
    let mut trunk = Trunk::noise();
    trunk.a.start();
    assert!(trunk.a.take_gateway().terminate().success());
    let add = format!("address add 192.0.2.7/24 dev {PORT_DEVICE}");
    trunk.a.host.ip(&add);
    let text = refusal(&trunk.a);
    assert!(
        text.contains(PORT_DEVICE) && text.contains("192.0.2.7"),
        "{text}"
    );
}

// A side that forgot everything has new keys with the other within seconds, without being asked.
#[test]
fn a_restart_of_either_side_is_followed() {
    let mut trunk = Trunk::noise();
    trunk.start();
    for left in [true, false] {
        let before = trunk.wait_for_epoch(|_| true);
        let end = if left { &mut trunk.a } else { &mut trunk.b };
        end.take_gateway().kill();
        end.start();
        trunk.wait_for_epoch_after(&before);
        ping(&trunk.a.inside, trunk.b.address());
    }
}

#[test]
fn random_frames_hurt_nobody_and_are_all_counted() {
    const FRAMES: u64 = 20_000;
    let mut trunk = Trunk::noise();
    trunk.start();
    let mut injector = Injector::open(&trunk.a.host, &trunk.b.host, PORT_DEVICE);
    let mut dice = linkveil_netns_tests::dice::Dice::new(5);
    let flow = trunk.flow(Side::A).start();
    let end = clock::now() + Duration::from_secs(60);
    for number in 0..FRAMES {
        assert!(clock::now() < end, "too slow");
        let kind = if number % 4 == 0 { HANDSHAKE } else { MACSEC };
        let mut frame = [mac(Side::B), mac(Side::A)].concat();
        frame.extend(kind.to_be_bytes());
        let length = dice.below(1_400);
        frame.extend((0..length).map(|_| dice.byte()));
        injector.send(&frame);
        if number % 64 == 0 {
            pause(Duration::from_millis(1));
        }
    }
    flow.finish().assert_complete();
    let port = trunk.b.port();
    let of_channels = [
        "in_pkts_not_using_sa",
        "in_pkts_late",
        "in_pkts_duplicate",
        "in_pkts_not_valid",
    ];
    let of_channels = of_channels.iter().map(|name| port.received(name));
    let refused = port.secy.values().sum::<u64>() + of_channels.sum::<u64>();
    assert_eq!(refused, FRAMES * 3 / 4, "{port:?}");
}

// REQ-MSEC-18
#[test]
fn rotations_go_on_over_a_lossy_reordering_duplicating_cable() {
    let mut trunk = Trunk::noise();
    for (end, seed) in trunk.ends_mut().into_iter().zip(1..) {
        end.impair = Some(format!(
            "seed = {seed}\nloss = \"5 %\"\nduplicate = \"5 %\"\nreorder = \"10 %\"\ndelay_ms = 3\njitter_ms = 2"
        ));
    }
    trunk.start();
    let mut epoch = trunk.wait_for_epoch(|_| true);
    let [there, back] = [Side::A, Side::B].map(|side| trunk.flow(side).start());
    for number in 0..4 {
        let end = trunk.ends()[number % 2];
        end.gateway().rekey();
        epoch = trunk.wait_for_epoch_after(&epoch);
    }
    for report in [there.finish(), back.finish()] {
        assert_eq!((report.duplicates, report.foreign), (0, 0), "{report:?}");
        assert!(report.received > report.sent / 2, "{report:?}");
    }
    for end in trunk.ends() {
        let port = end.port();
        assert!(port.received("in_pkts_duplicate") > 0, "{port:?}");
        assert!(port.drops["impair_lost"] > 0, "{port:?}");
        assert_eq!(port.received("in_pkts_not_valid"), 0, "{port:?}");
    }
}
