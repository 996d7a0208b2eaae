//! The policies of both sides in every combination (docs/protocol.md section 7.5).

use linkveil_netns_tests::link::{Link, Side};
use linkveil_netns_tests::plan::PostQuantum::{self, Off, Preferred, Required};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::timing::wait_for;
use linkveil_netns_tests::traffic::ping;

/// Starts A as initiator and B as responder, B first, so that the first call counts.
fn start(initiator: PostQuantum, responder: PostQuantum) -> Link {
    let mut link = Link::plan(Underlay::V4);
    link.a.plan.post_quantum = initiator;
    link.b.plan.post_quantum = responder;
    link.b.plan.peers[0].endpoint = None;
    link.b.start();
    link.a.start();
    link
}

/// Whether ML-KEM takes part in what the two agree on.
fn agreed(initiator: PostQuantum, responder: PostQuantum) -> bool {
    let link = start(initiator, responder);
    let epoch = link.wait_until_established();
    assert_eq!(epoch.role, "initiator");
    ping(link.a.blue(), Side::B.inner_v4());
    for site in [&link.a, &link.b] {
        site.gateway().status().assert_drops(&[]);
    }
    epoch.post_quantum
}

// REQ-PQ-1, REQ-PQ-6
#[test]
fn two_sides_that_want_it_have_it() {
    for (initiator, responder) in [
        (Required, Required),
        (Required, Preferred),
        (Preferred, Required),
        (Preferred, Preferred),
    ] {
        assert!(agreed(initiator, responder), "{initiator} {responder}");
    }
}

// REQ-PQ-3, REQ-PQ-5
#[test]
fn without_it_on_one_side_a_side_that_prefers_it_goes_on() {
    for (initiator, responder) in [(Preferred, Off), (Off, Preferred), (Off, Off)] {
        assert!(!agreed(initiator, responder), "{initiator} {responder}");
    }
}

// REQ-PQ-4
#[test]
fn an_initiator_that_requires_it_refuses_a_response_without() {
    let link = start(Required, Off);
    wait_for("the refusal", || {
        let status = link.a.gateway().status();
        (status.control("handshake_post_quantum_missing") > 0).then_some(())
    });
    assert_eq!(link.a.gateway().status().peers[0].epoch, None);
}

// REQ-PQ-2
#[test]
fn a_responder_that_requires_it_refuses_an_initiation_without() {
    let link = start(Off, Required);
    wait_for("the refusal", || {
        let status = link.b.gateway().status();
        (status.control("handshake_post_quantum_required") > 0).then_some(())
    });
    for site in [&link.a, &link.b] {
        assert_eq!(site.gateway().status().peers[0].epoch, None);
    }
}
