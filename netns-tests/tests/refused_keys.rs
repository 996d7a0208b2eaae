//! Gateways that do not know each other's keys, or share no pre-shared key: silence and counters.

use std::time::Duration;

use linkveil_crypto::{PskPart, SystemRandom};
use linkveil_netns_tests::keys;
use linkveil_netns_tests::link::{Link, Side, Site};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::timing::{pause, wait_for};

fn drops_of_packets_without_keys(site: &Site, to: Side) -> u64 {
    let output = site.blue().output(
        "ping",
        &format!("-n -q -c 3 -i 0.05 -W 1 {}", to.inner_v4()),
    );
    assert!(!output.status.success(), "ping crossed a link without keys");
    3
}

/// Starts both and waits until side B has refused an initiation under `counter`.
fn start_and_wait_for_refusal(link: &mut Link, counter: &str) -> u64 {
    link.b.start();
    link.a.start();
    wait_for(counter, || {
        let count = link.b.gateway().status().control(counter);
        (count > 0).then_some(count)
    })
}

// REQ-HS-10, REQ-CNT-1, REQ-ADM-7
#[test]
fn a_gateway_whose_key_is_not_configured_is_refused_in_silence() {
    let mut link = Link::plan(Underlay::V4);
    link.b.plan.peers[0].public_key = keys::nobody();
    // Only A calls.
    link.b.plan.peers[0].endpoint = None;
    start_and_wait_for_refusal(&mut link, "handshake_unknown_peer");
    let count = drops_of_packets_without_keys(&link.a, Side::B);

    let (a, b) = (link.a.gateway().status(), link.b.gateway().status());
    assert_eq!(a.peers[0].epoch, None);
    assert_eq!(b.peers[0].epoch, None);
    a.assert_drops(&[("no_epoch", count)]);
    b.assert_drops(&[]);
}

// REQ-MAC-1
#[test]
fn a_call_to_the_wrong_public_key_fails_at_mac1() {
    let mut link = Link::plan(Underlay::V4);
    link.a.plan.peers[0].public_key = keys::nobody();
    link.b.plan.peers[0].endpoint = None;
    start_and_wait_for_refusal(&mut link, "handshake_wrong_mac1");
    link.a.gateway().status().assert_drops(&[]);
    link.b.gateway().status().assert_drops(&[]);
}

// REQ-PSK-3
#[test]
fn different_pre_shared_keys_make_no_epoch() {
    let mut link = Link::plan(Underlay::V4);
    for site in [&mut link.a, &mut link.b] {
        let part = PskPart::generate(&mut SystemRandom);
        keys::write_psk(&site.folder().join("psk"), &part);
        site.plan.peers[0].psk_files = vec!["psk".into()];
    }
    link.b.plan.peers[0].endpoint = None;
    link.b.start();
    link.a.start();
    pause(Duration::from_millis(1500));
    for site in [&link.a, &link.b] {
        assert_eq!(site.gateway().status().peers[0].epoch, None);
    }
}

// REQ-PSK-1
#[test]
fn equal_pre_shared_keys_in_two_parts_make_an_epoch() {
    let mut link = Link::plan(Underlay::V4);
    let parts = [1, 2].map(|_| PskPart::generate(&mut SystemRandom));
    for site in [&mut link.a, &mut link.b] {
        for (part, name) in parts.iter().zip(["one", "two"]) {
            keys::write_psk(&site.folder().join(name), part);
        }
        site.plan.peers[0].psk_files = vec!["one".into(), "two".into()];
    }
    link.start();
    linkveil_netns_tests::traffic::ping(link.a.blue(), Side::B.inner_v4());
}
