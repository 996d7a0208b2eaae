//! IPv4 and IPv6 inside, over IPv4 and IPv6 outside, with both suites.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use linkveil_crypto::Suite;
use linkveil_netns_tests::link::{Link, Side};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::traffic::{FlowPlan, ping, ping_of_size, tcp_copy};

/// Everything that one link should carry, for both inner families.
fn carries_both_families(underlay: Underlay, suite: Suite) {
    let mut link = Link::plan(underlay);
    link.add_inner_v6();
    link.a.plan.suite = suite;
    link.b.plan.suite = suite;
    link.start();

    let (a, b) = (link.a.blue(), link.b.blue());
    carries(&link, Side::A.inner_v4(), Side::B.inner_v4());
    carries(&link, Side::A.inner_v6(), Side::B.inner_v6());

    let inner_mtu = link.a.gateway().status().peers[0].inner_mtu_bytes;
    let overhead = match underlay {
        Underlay::V4 => 76,
        Underlay::V6 => 96,
    };
    // REQ-PAD-4
    assert_eq!(inner_mtu, 1500 - overhead);
    assert!(ping_of_size(a, Side::B.inner_v4(), inner_mtu));
    assert!(ping_of_size(b, Side::A.inner_v6(), inner_mtu));

    for site in [&link.a, &link.b] {
        // The tenants' kernels report IPv6 multicast groups (RFC 3810), which no prefix covers.
        site.gateway()
            .status()
            .without_drop("no_route")
            .assert_drops(&[]);
    }
}

fn carries(link: &Link, a: IpAddr, b: IpAddr) {
    let (left, right) = (link.a.blue(), link.b.blue());
    ping(left, b);
    ping(right, a);
    tcp_copy(left, right, b, 300_000);
    tcp_copy(right, left, a, 300_000);
    let flow = FlowPlan {
        from: left,
        source: a,
        to: right,
        destination: SocketAddr::new(b, 7000),
        payload_bytes: 1000,
        interval: Duration::from_millis(1),
        tag: 1,
    };
    let flow = flow.start();
    linkveil_netns_tests::timing::pause(Duration::from_millis(200));
    flow.finish().assert_complete();
}

#[test]
fn both_inner_families_cross_an_ipv4_underlay_under_aes_256_gcm() {
    carries_both_families(Underlay::V4, Suite::Aes256Gcm);
}

#[test]
fn both_inner_families_cross_an_ipv6_underlay_under_aes_256_gcm() {
    carries_both_families(Underlay::V6, Suite::Aes256Gcm);
}

#[test]
fn both_inner_families_cross_an_ipv4_underlay_under_chacha20_poly1305() {
    carries_both_families(Underlay::V4, Suite::ChaCha20Poly1305);
}

#[test]
fn both_inner_families_cross_an_ipv6_underlay_under_chacha20_poly1305() {
    carries_both_families(Underlay::V6, Suite::ChaCha20Poly1305);
}
