//! A gateway that goes elsewhere while traffic flows.

use std::time::Duration;

use linkveil_netns_tests::link::{Link, PORT, Side, UNDERLAY_DEVICE};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::timing::{pause, wait_for};
use linkveil_netns_tests::traffic::{Flow, FlowPlan, ping};

/// Where side A is after it has moved.
const ELSEWHERE: &str = "192.0.2.101";
/// Between two packets of a flow.
const INTERVAL: Duration = Duration::from_millis(2);

/// Side A listens on whatever address it has.
fn footloose() -> Link {
    let mut link = Link::plan(Underlay::V4);
    link.a.plan.listen = ([0, 0, 0, 0], PORT).into();
    link
}

fn flows(link: &Link) -> [Flow; 2] {
    let plan = |from: Side, to: Side| {
        let tenant = |side| match side {
            Side::A => link.a.blue(),
            Side::B => link.b.blue(),
        };
        FlowPlan {
            from: tenant(from),
            source: from.inner_v4(),
            to: tenant(to),
            destination: (to.inner_v4(), 9_000).into(),
            payload_bytes: 64,
            interval: INTERVAL,
            tag: 7,
        }
        .start()
    };
    [plan(Side::A, Side::B), plan(Side::B, Side::A)]
}

/// Side A has the new address as well, and sends from it.
fn move_with_both_addresses(link: &Link) {
    let host = &link.a.host;
    host.ip(&format!("address add {ELSEWHERE}/32 dev {UNDERLAY_DEVICE}"));
    host.ip(&format!(
        "route change 192.0.2.0/24 dev {UNDERLAY_DEVICE} src {ELSEWHERE}"
    ));
}

/// The address that side B sends to.
fn endpoint(link: &Link) -> String {
    link.b
        .gateway()
        .status()
        .peer("gw-a")
        .endpoint
        .clone()
        .unwrap()
}

fn wait_until_followed(link: &Link) {
    let moved = format!("{ELSEWHERE}:{PORT}");
    wait_for("the move of the endpoint", || {
        (endpoint(link) == moved).then_some(())
    });
}

// REQ-PATH-1, REQ-PATH-2, REQ-PATH-3, REQ-PATH-4, REQ-PATH-6
#[test]
fn a_peer_that_moves_in_mid_flow_is_followed_without_a_lost_packet() {
    let mut link = footloose();
    link.start();
    ping(link.a.blue(), Side::B.inner_v4());
    let flows = flows(&link);
    pause(Duration::from_millis(500));
    move_with_both_addresses(&link);
    wait_until_followed(&link);
    pause(Duration::from_millis(500));
    for flow in flows {
        flow.finish().assert_complete();
    }
    let status = link.b.gateway().status();
    assert_eq!(status.control("endpoints_moved"), 1);
    assert_eq!(status.control("handshakes_completed"), 1, "no new keys");
    status.assert_drops(&[]);
    assert_eq!(
        link.a
            .gateway()
            .status()
            .control("path_challenges_answered"),
        1
    );
}

// REQ-PATH-4: the old address is gone at once; what was sent there is lost, and nothing else.
#[test]
fn a_peer_whose_address_is_taken_away_is_found_by_its_first_packet() {
    let mut link = footloose();
    link.start();
    ping(link.a.blue(), Side::B.inner_v4());
    let flows = flows(&link);
    pause(Duration::from_millis(500));
    move_with_both_addresses(&link);
    let old = Side::A.address(Underlay::V4);
    link.a
        .host
        .ip(&format!("address del {old}/24 dev {UNDERLAY_DEVICE}"));
    link.a.host.ip(&format!(
        "route replace 192.0.2.0/24 dev {UNDERLAY_DEVICE} src {ELSEWHERE}"
    ));
    wait_until_followed(&link);
    pause(Duration::from_millis(500));
    for flow in flows {
        let report = flow.finish();
        let trouble = (report.duplicates, report.foreign);
        assert_eq!(trouble, (0, 0), "{report:?}");
        // Two programs, `ip` twice, and a round trip.
        assert!(report.lost() < 250, "half a second: {report:?}");
    }
    ping(link.b.blue(), Side::A.inner_v4());
    assert_eq!(link.b.gateway().status().control("handshakes_completed"), 1);
}

// REQ-PATH-7
#[test]
fn a_pinned_peer_is_not_followed_but_heard() {
    let mut link = footloose();
    link.b.plan.peers[0].roaming = Some("pin");
    link.start();
    ping(link.a.blue(), Side::B.inner_v4());
    let home = endpoint(&link);
    let flows = flows(&link);
    move_with_both_addresses(&link);
    pause(Duration::from_secs(1));
    for flow in flows {
        flow.finish().assert_complete();
    }
    assert_eq!(endpoint(&link), home);
    let status = link.b.gateway().status();
    assert_eq!(status.control("path_challenges_sent"), 0);
    assert!(status.control("path_candidates_pinned") > 0);
    link.a.gateway().rekey();
    wait_for("a refused handshake", || {
        let status = link.b.gateway().status();
        (status.control("handshake_pinned_elsewhere") > 0).then_some(())
    });
    assert_eq!(link.b.gateway().status().control("handshakes_completed"), 1);
}
