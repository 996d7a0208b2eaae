//! Two gateways over a bad network. They make it themselves, between the underlay and their sockets, and count every
//! datagram that they touched; so what is missing, doubled or broken is known to the last one.

use std::net::SocketAddr;
use std::time::Duration;

use linkveil_netns_tests::link::{Link, Side, Site};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::status::Status;
use linkveil_netns_tests::timing::{pause, wait_for};
use linkveil_netns_tests::traffic::{Flow, FlowPlan, FlowReport, tcp_copy};

/// Longer than a datagram is held back, and than a tenant's device takes.
const SETTLE: Duration = Duration::from_millis(200);
const REKEYS: u32 = 4;

fn foul(seed: u32) -> String {
    format!(
        "seed = {seed}\nloss = \"5 %\"\nduplicate = \"5 %\"\nreorder = \"10 %\"\n\
         delay_ms = 5\njitter_ms = 2"
    )
}

/// Both gateways impaired like this, with keys.
fn impaired(lines: impl Fn(u32) -> String) -> Link {
    let mut link = Link::plan(Underlay::V4);
    link.a.plan.impair = Some(lines(1));
    link.b.plan.impair = Some(lines(2));
    link.start();
    link
}

fn flow(link: &Link, side: Side) -> Flow {
    let (from, to) = match side {
        Side::A => (&link.a, &link.b),
        Side::B => (&link.b, &link.a),
    };
    let plan = FlowPlan {
        from: from.blue(),
        source: side.inner_v4(),
        to: to.blue(),
        destination: SocketAddr::new(side.other().inner_v4(), 7000),
        payload_bytes: 500,
        interval: Duration::from_millis(1),
        tag: 0x1bad,
    };
    plan.start()
}

/// The status once it stands still: nothing is held back any more.
fn settled(site: &Site) -> Status {
    let mut before = site.gateway().status();
    wait_for("an idle gateway", || {
        pause(SETTLE);
        let now = site.gateway().status();
        let still = (&now.drops, &now.lane_events) == (&before.drops, &before.lane_events);
        before = now;
        still.then(|| before.clone())
    })
}

fn drop_count(status: &Status, name: &str) -> u64 {
    status.drops.get(name).copied().expect("a drop counter")
}

/// Of a flow that was not complete: nothing came twice, nothing came that was not sent.
#[track_caller]
fn assert_sound(report: &FlowReport) {
    assert_eq!((report.duplicates, report.foreign), (0, 0), "{report:?}");
    assert!(
        report.lost() > 0,
        "no loss at all proves nothing: {report:?}"
    );
}

/// Second copies are duplicates to the replay window, or too old for it, and nothing else was dropped than what the
/// network lost.
#[track_caller]
fn assert_every_datagram_accounted_for(status: &Status) {
    let doubled = status.lane_event("impair_duplicated");
    assert!(doubled > 0, "{status:?}");
    for name in ["impair_reordered", "impair_delayed"] {
        assert!(status.lane_event(name) > 0, "{name}: {status:?}");
    }
    let (duplicate, too_old) = (
        drop_count(status, "duplicate"),
        drop_count(status, "too_old"),
    );
    assert!(duplicate > 0);
    assert_eq!(duplicate + too_old, doubled, "{status:?}");
    status.assert_drops(&[
        ("impair_lost", drop_count(status, "impair_lost")),
        ("duplicate", duplicate),
        ("too_old", too_old),
    ]);
}

// REQ-REPLAY-1, REQ-CNT-1
#[test]
fn tcp_crosses_a_lossy_reordering_duplicating_link_whole() {
    let link = impaired(foul);
    let (left, right) = (link.a.blue(), link.b.blue());
    tcp_copy(left, right, Side::B.inner_v4(), 3_000_000);
    tcp_copy(right, left, Side::A.inner_v4(), 1_000_000);
    for site in [&link.a, &link.b] {
        assert_every_datagram_accounted_for(&settled(site));
    }
}

// REQ-REPLAY-1, REQ-EPOCH-3, REQ-EPOCH-6
#[test]
fn rekeys_go_on_under_loss_and_nothing_is_delivered_twice() {
    let link = impaired(foul);
    let flows = [flow(&link, Side::A), flow(&link, Side::B)];
    let mut epoch = link.wait_until_established();
    for number in 0..REKEYS {
        let site = if number % 2 == 0 { &link.a } else { &link.b };
        site.gateway().rekey();
        epoch = link.wait_for_epoch_after(&epoch);
    }
    let [there, back] = flows.map(Flow::finish);
    assert_sound(&there);
    assert_sound(&back);
    for (site, report) in [(&link.b, there), (&link.a, back)] {
        let status = settled(site);
        assert_every_datagram_accounted_for(&status);
        // Handshakes have their own socket and their own engine.
        let touched: u64 = ["impair_delayed", "impair_reordered"]
            .iter()
            .map(|name| status.control(name))
            .sum();
        assert!(touched >= u64::from(REKEYS), "{status:?}");
        // What the tenant misses was lost on the way here; the rest of the losses were link control frames.
        assert!(report.lost() <= drop_count(&status, "impair_lost"));
        assert!(status.control("handshakes_completed") > u64::from(REKEYS));
    }
}

// REQ-LIVE-3, REQ-EPOCH-3
#[test]
fn lost_handshake_messages_are_repeated_until_there_are_new_keys() {
    let link = impaired(|seed| format!("seed = {seed}\nloss = \"30 %\""));
    let mut epoch = link.wait_until_established();
    for _ in 0..REKEYS {
        link.a.gateway().rekey();
        epoch = link.wait_for_epoch_after(&epoch);
    }
    let status = [&link.a, &link.b].map(|site| site.gateway().status());
    let total = |name: &str| status.iter().map(|one| one.control(name)).sum::<u64>();
    assert!(total("impair_lost") > 0, "{status:?}");
    assert!(total("handshake_retries") > 0, "{status:?}");
    // A takes a key as complete when B has confirmed it; under loss the next rekey can come first, so B's count is the one to hold
    // against: each of A's rekeys ended in a key that B sends under.
    assert!(
        status[1].control("handshakes_completed") > u64::from(REKEYS),
        "{status:?}"
    );
}

// REQ-CNT-1
#[test]
fn a_corrupted_datagram_is_dropped_and_counted_for_what_it_is() {
    let mut link = Link::plan(Underlay::V4);
    link.b.plan.impair = Some("seed = 3\ncorrupt = \"10 %\"".to_owned());
    link.start();
    let there = flow(&link, Side::A);
    pause(Duration::from_secs(2));
    let report = there.finish();
    assert_sound(&report);
    let status = settled(&link.b);
    let corrupted = status.lane_event("impair_corrupted");
    // Each is dropped once: most as not authentic, those hit in their clear header as what it says now.
    assert_eq!(status.drops.values().sum::<u64>(), corrupted, "{status:?}");
    let unauthentic = drop_count(&status, "unauthentic");
    assert!(unauthentic * 10 > corrupted * 9, "{status:?}");
    assert!(report.lost() <= corrupted, "{report:?}");
    link.a.gateway().status().assert_drops(&[]);
}

// A gateway that is not what it should be says so, and one that is, does not.
#[test]
fn an_impaired_gateway_says_so_at_its_start() {
    let mut link = Link::plan(Underlay::V4);
    link.b.plan.impair = Some("delay_ms = 1".to_owned());
    link.start();
    let says = |site: &Site| site.gateway().log().contains("[debug.impair] is on");
    assert_eq!((says(&link.a), says(&link.b)), (false, true));
    let status = settled(&link.a);
    for name in [
        "impair_duplicated",
        "impair_reordered",
        "impair_delayed",
        "impair_corrupted",
    ] {
        assert_eq!((status.lane_event(name), status.control(name)), (0, 0));
    }
}
