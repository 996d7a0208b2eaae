//! What a configured peer may send: its own VNIs, from its own prefixes, and nothing else.

use std::net::IpAddr;

use linkveil_netns_tests::keys;
use linkveil_netns_tests::link::{Link, Side, Site};
use linkveil_netns_tests::plan::{PeerPlan, PeerVpcPlan, Underlay};
use linkveil_netns_tests::timing::wait_for;
use linkveil_netns_tests::traffic::{ping, send_datagrams};

const COUNT: u64 = 10;

/// Waits until `site` has dropped [`COUNT`] packets for any reason, and asserts that it was this one.
fn assert_all_dropped_as(site: &Site, reason: &str) {
    wait_for("the drops", || {
        let drops = site.gateway().status().drops;
        (drops.values().sum::<u64>() >= COUNT).then_some(())
    });
    site.gateway().status().assert_drops(&[(reason, COUNT)]);
}

/// Gives the tenant on side B one more address and sends from it.
fn send_from_b_as(link: &Link, source: &str) {
    let source: IpAddr = source.parse().unwrap();
    link.b.blue().ip(&format!("address add {source}/32 dev lo"));
    send_datagrams(link.b.blue(), source, Side::A.inner_v4(), COUNT);
}

// REQ-ADM-2
#[test]
fn a_vni_that_the_peer_may_not_use_is_dropped_and_counted() {
    let mut link = Link::plan(Underlay::V4);
    // A expects 6001 from B, and B sends what it thinks is its own number.
    link.b.plan.vpcs[0].vni = 6_999;
    link.start();
    let source = Side::B.inner_v4();
    send_datagrams(link.b.blue(), source, Side::A.inner_v4(), COUNT);
    assert_all_dropped_as(&link.a, "unknown_vni");
    assert_eq!(link.a.gateway().status().peer("gw-b").rx.packets, 0);
    link.b.gateway().status().assert_drops(&[]);
}

// REQ-ADM-3
#[test]
fn a_source_outside_the_peers_prefixes_is_dropped_and_counted() {
    let mut link = Link::plan(Underlay::V4);
    link.start();
    send_from_b_as(&link, "10.9.0.1");
    assert_all_dropped_as(&link.a, "wrong_source");
    assert_eq!(link.a.gateway().status().peer("gw-b").rx.packets, 0);
    link.b.gateway().status().assert_drops(&[]);
}

// REQ-ADM-3
#[test]
fn a_source_of_the_local_side_is_dropped_and_counted() {
    let mut link = Link::plan(Underlay::V4);
    link.start();
    send_from_b_as(&link, "10.1.0.77");
    assert_all_dropped_as(&link.a, "wrong_source");
    link.b.gateway().status().assert_drops(&[]);
}

/// A third peer that is configured on side A and not there; its prefix lies inside that of B.
fn nest_a_third_peer(link: &mut Link) {
    link.a.plan.peers[0].vpcs[0].prefixes = vec!["10.2.0.0/16".into()];
    link.a.plan.peers.push(PeerPlan {
        name: "gw-c".into(),
        public_key: keys::nobody(),
        endpoint: None,
        roaming: None,
        keepalive: None,
        psk_files: vec![],
        vpcs: vec![PeerVpcPlan {
            name: "blue".into(),
            vni: 7_001,
            prefixes: vec!["10.2.3.0/24".into()],
        }],
    });
}

// REQ-ADM-3
// FIELD-BUG: source check wrong for nested prefixes
#[test]
fn a_source_inside_the_peers_prefix_that_belongs_to_another_peer_is_dropped_and_counted() {
    let mut link = Link::plan(Underlay::V4);
    nest_a_third_peer(&mut link);
    link.start();
    send_from_b_as(&link, "10.2.3.7");
    assert_all_dropped_as(&link.a, "wrong_source");
    link.b.gateway().status().assert_drops(&[]);
}

// REQ-ADM-1, REQ-ADM-7
#[test]
fn a_destination_of_the_nested_peer_never_goes_to_the_outer_one() {
    let mut link = Link::plan(Underlay::V4);
    nest_a_third_peer(&mut link);
    link.start();
    ping(link.a.blue(), Side::B.inner_v4());
    let before = link.a.gateway().status().peer("gw-b").tx;
    let source = Side::A.inner_v4();
    send_datagrams(link.a.blue(), source, "10.2.3.7".parse().unwrap(), COUNT);
    assert_all_dropped_as(&link.a, "no_epoch");
    assert_eq!(link.a.gateway().status().peer("gw-b").tx, before);
}

// REQ-ADM-1
#[test]
fn a_destination_without_a_peer_is_dropped_and_counted() {
    let mut link = Link::plan(Underlay::V4);
    link.start();
    let stray: IpAddr = "10.77.0.1".parse().unwrap();
    link.a
        .blue()
        .ip(&format!("route add {stray}/32 dev lv-blue"));
    send_datagrams(link.a.blue(), Side::A.inner_v4(), stray, COUNT);
    assert_all_dropped_as(&link.a, "no_route");
}
