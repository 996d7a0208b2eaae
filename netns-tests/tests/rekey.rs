//! New keys under traffic.

use std::net::SocketAddr;
use std::time::Duration;

use linkveil_crypto::Suite;
use linkveil_netns_tests::link::{Link, Side};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::timing::pause;
use linkveil_netns_tests::traffic::{FlowPlan, ping, ping_of_size};

const REKEYS: u32 = 20;

/// One datagram a millisecond between the tenants, from `side`.
fn flow(link: &Link, side: Side) -> FlowPlan<'_> {
    let (from, to) = match side {
        Side::A => (&link.a, &link.b),
        Side::B => (&link.b, &link.a),
    };
    FlowPlan {
        from: from.blue(),
        source: side.inner_v4(),
        to: to.blue(),
        destination: SocketAddr::new(side.other().inner_v4(), 7000),
        payload_bytes: 500,
        interval: Duration::from_millis(1),
        tag: 0x4e4b,
    }
}

// REQ-EPOCH-1, REQ-EPOCH-2, REQ-EPOCH-6, REQ-EPOCH-9, REQ-EPOCH-10
#[test]
fn twenty_forced_rekeys_under_a_paced_flow_lose_nothing() {
    let link = Link::up(Underlay::V4);
    let (there, back) = (flow(&link, Side::A).start(), flow(&link, Side::B).start());
    let mut epoch = link.wait_until_established();
    for number in 0..REKEYS {
        // Either side may ask for it.
        let site = if number % 2 == 0 { &link.a } else { &link.b };
        site.gateway().rekey();
        epoch = link.wait_for_epoch_after(&epoch);
    }
    there.finish().assert_complete();
    back.finish().assert_complete();
    for site in [&link.a, &link.b] {
        site.gateway().status().assert_drops(&[]);
    }
}

// REQ-LIM-4, REQ-LIM-11
#[test]
fn the_small_limits_of_a_debug_build_rekey_in_mid_flow_and_lose_nothing() {
    let link = Link::up(Underlay::V4);
    let before = link.wait_until_established();
    // 4,096 packets are the limit of a lane key in a debug build, and 7/8 of them the time to rekey: what is left then is
    // 300 ms for a handshake on a busy machine.
    let flow = FlowPlan {
        interval: Duration::from_micros(600),
        ..flow(&link, Side::A)
    };
    let flow = flow.start();
    pause(Duration::from_secs(5));
    let report = flow.finish();
    // First, so that a failure says what was dropped.
    for site in [&link.a, &link.b] {
        site.gateway().status().assert_drops(&[]);
    }
    report.assert_complete();
    assert!(
        report.sent > 4_096,
        "too slow to prove anything: {report:?}"
    );
    link.wait_for_epoch_after(&before);
}

/// A handshake with ML-KEM does not fit such a path in one piece, and must cross it all the same.
fn rekeys_at_mtu_1280(underlay: Underlay, suite: Suite) {
    let mut link = Link::plan(underlay);
    link.set_underlay_mtu(1280);
    link.a.plan.suite = suite;
    link.b.plan.suite = suite;
    link.start();
    let first = link.wait_until_established();
    assert!(first.post_quantum);
    link.a.gateway().rekey();
    let second = link.wait_for_epoch_after(&first);
    link.b.gateway().rekey();
    let third = link.wait_for_epoch_after(&second);
    assert!(third.post_quantum);

    ping(link.a.blue(), Side::B.inner_v4());
    let inner_mtu = link.a.gateway().status().peers[0].inner_mtu_bytes;
    assert!(ping_of_size(link.a.blue(), Side::B.inner_v4(), inner_mtu));
    for site in [&link.a, &link.b] {
        let status = site.gateway().status();
        status.assert_drops(&[]);
        // Linux takes IPv6 away from a smaller device, so the routes are smaller instead.
        assert_eq!(status.vpcs[0].mtu_bytes, 1280);
        assert_eq!(status.vpcs[0].route_mtu_bytes, Some(inner_mtu));
    }
}

// REQ-UDP-2
#[test]
fn a_full_rekey_crosses_an_ipv4_underlay_of_1280_bytes() {
    rekeys_at_mtu_1280(Underlay::V4, Suite::Aes256Gcm);
}

// REQ-UDP-2
#[test]
fn a_full_rekey_crosses_an_ipv6_underlay_of_1280_bytes() {
    rekeys_at_mtu_1280(Underlay::V6, Suite::ChaCha20Poly1305);
}
