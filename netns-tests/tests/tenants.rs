//! Two tenants with the same addresses on both sides.

use std::net::SocketAddr;
use std::time::Duration;

use linkveil_netns_tests::link::{Link, Side};
use linkveil_netns_tests::netns::Namespace;
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::timing::pause;
use linkveil_netns_tests::traffic::{FlowPlan, ping};

/// From side A to side B, on the same addresses and port for every tenant.
fn flow<'n>(from: &'n Namespace, to: &'n Namespace, tag: u64) -> FlowPlan<'n> {
    FlowPlan {
        from,
        source: Side::A.inner_v4(),
        to,
        destination: SocketAddr::new(Side::B.inner_v4(), 7000),
        payload_bytes: 200,
        interval: Duration::from_millis(2),
        tag,
    }
}

// REQ-ADM-4
#[test]
fn two_tenants_with_the_same_addresses_never_see_each_other() {
    let mut link = Link::plan(Underlay::V4);
    link.add_tenant("red");
    link.start();
    let (blue_a, blue_b) = (&link.a.tenants["blue"], &link.b.tenants["blue"]);
    let (red_a, red_b) = (&link.a.tenants["red"], &link.b.tenants["red"]);

    ping(blue_a, Side::B.inner_v4());
    ping(red_b, Side::A.inner_v4());

    let blue = flow(blue_a, blue_b, 0xb1).start();
    let red = flow(red_a, red_b, 0x4ed).start();
    pause(Duration::from_secs(1));
    let (blue, red) = (blue.finish(), red.finish());
    // A datagram that crossed would be foreign at one receiver and missing at the other.
    blue.assert_complete();
    red.assert_complete();

    for site in [&link.a, &link.b] {
        site.gateway().status().assert_drops(&[]);
    }
}

// REQ-ADM-4
#[test]
fn what_one_tenant_sends_does_not_reach_another_that_listens_alone() {
    let mut link = Link::plan(Underlay::V4);
    link.add_tenant("red");
    link.start();
    let (blue_a, blue_b) = (&link.a.tenants["blue"], &link.b.tenants["blue"]);
    let (red_a, red_b) = (&link.a.tenants["red"], &link.b.tenants["red"]);

    // Red's receiver waits for blue's tag on the port to which blue sends.
    let listening = FlowPlan {
        interval: Duration::from_secs(1),
        ..flow(red_a, red_b, 0xb1)
    }
    .start();
    let blue = flow(blue_a, blue_b, 0xb1).start();
    pause(Duration::from_millis(500));
    let blue = blue.finish();
    let red = listening.finish();
    blue.assert_complete();
    assert_eq!((red.sent, red.received, red.duplicates), (1, 1, 0));
}
