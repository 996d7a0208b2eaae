//! What an observer of the underlay sees.

use std::net::SocketAddr;
use std::time::Duration;

use linkveil_netns_tests::capture::{Capture, frames_with};
use linkveil_netns_tests::link::{Link, Side, UNDERLAY_DEVICE};
use linkveil_netns_tests::plan::{Underlay, device_of};
use linkveil_netns_tests::timing::pause;
use linkveil_netns_tests::traffic::FlowPlan;

const TAG: u64 = 0x7465_6e61_6e74_2121;
const PAYLOAD: usize = 500;

/// Source and destination as they stand in an inner IPv4 header.
const ADDRESSES: [u8; 8] = [10, 1, 0, 1, 10, 2, 0, 1];

/// The Geneve header of a data frame with the VNI of side A.
const GENEVE: [u8; 8] = [0x02, 0x40, 0x08, 0x00, 0x00, 0x13, 0x89, 0x00];

// REQ-DATA-1
#[test]
fn the_underlay_shows_neither_payload_nor_addresses_nor_vni() {
    let link = Link::up(Underlay::V4);
    assert_eq!(GENEVE[4..7], Side::A.vni(1).to_be_bytes()[1..]);
    let inside = Capture::start(link.a.blue(), &device_of("blue"));
    let outside = Capture::start(&link.a.host, UNDERLAY_DEVICE);
    let flow = FlowPlan {
        from: link.a.blue(),
        source: Side::A.inner_v4(),
        to: link.b.blue(),
        destination: SocketAddr::new(Side::B.inner_v4(), 7000),
        payload_bytes: PAYLOAD,
        interval: Duration::from_millis(5),
        tag: TAG,
    };
    let flow = flow.start();
    pause(Duration::from_millis(300));
    link.a.gateway().rekey();
    pause(Duration::from_millis(300));
    let report = flow.finish();
    report.assert_complete();

    // The same patterns are found where they should be, so the search works.
    let inside = inside.finish();
    assert!(frames_with(&inside, &TAG.to_be_bytes()) > 0);
    assert!(frames_with(&inside, &ADDRESSES) > 0);

    let outside = outside.finish();
    // In bytes: a frame may be a train of several datagrams.
    let seen: usize = outside.iter().map(Vec::len).sum();
    assert!(seen as u64 >= report.sent * PAYLOAD as u64);
    assert_eq!(frames_with(&outside, &TAG.to_be_bytes()), 0);
    assert_eq!(frames_with(&outside, &ADDRESSES), 0);
    assert_eq!(frames_with(&outside, &GENEVE), 0);
}
