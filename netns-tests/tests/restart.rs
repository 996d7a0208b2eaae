//! A gateway that is killed and comes back, and one that is told to go.

use linkveil_netns_tests::link::{Link, Side, Site};
use linkveil_netns_tests::plan::{Underlay, device_of};
use linkveil_netns_tests::timing::wait_for;
use linkveil_netns_tests::traffic::ping;

/// Kills and restarts one side of an established link, and asserts that its first attempt succeeds.
fn first_attempt_after_a_restart_succeeds(restarted: fn(&mut Link) -> &mut Site) {
    let mut link = Link::up(Underlay::V4);
    ping(link.a.blue(), Side::B.inner_v4());
    let before = link.wait_until_established();

    let site = restarted(&mut link);
    site.take_gateway().kill();
    let device = device_of("blue");
    wait_for("the end of the device", || {
        (!site.blue().has_device(&device)).then_some(())
    });
    site.start();
    link.wait_for_epoch_after(&before);

    ping(link.a.blue(), Side::B.inner_v4());
    ping(link.b.blue(), Side::A.inner_v4());
    let status = restarted(&mut link).gateway().status();
    assert_eq!(status.control("handshakes_started"), 1);
    assert_eq!(status.control("handshakes_completed"), 1);
    assert_eq!(status.control("handshake_retries"), 0);
    status.assert_drops(&[]);
}

// REQ-LIVE-1, REQ-LIVE-9
#[test]
fn the_first_attempt_after_kill_9_of_the_calling_side_succeeds() {
    first_attempt_after_a_restart_succeeds(|link| &mut link.a);
}

// REQ-LIVE-1, REQ-LIVE-9
#[test]
fn the_first_attempt_after_kill_9_of_the_called_side_succeeds() {
    first_attempt_after_a_restart_succeeds(|link| &mut link.b);
}

#[test]
fn after_sigterm_devices_routes_and_socket_are_gone() {
    let mut link = Link::up(Underlay::V4);
    let device = device_of("blue");
    assert!(link.a.blue().has_device(&device));
    let socket = link.a.gateway().control_socket();
    assert!(socket.exists());

    let status = link.a.take_gateway().terminate();
    assert_eq!(status.code(), Some(0));
    assert!(!link.a.blue().has_device(&device));
    let routes = link.a.blue().output("ip", "route show");
    assert_eq!(String::from_utf8_lossy(&routes.stdout), "");
    assert!(!socket.exists());
}
