//! Runs keep their bytes, their order and what is known about them, also around the ring's end.

use proptest::prelude::*;

use super::*;
use crate::testing::{address, lane};

fn two_lanes() -> (StrayPorts, StrayPorts) {
    let wakers = [Waker::new().unwrap(), Waker::new().unwrap()];
    let mut ports = join(&wakers).into_iter();
    (ports.next().unwrap(), ports.next().unwrap())
}

fn run(bytes: &[u8]) -> Run<'_> {
    Run {
        socket: SocketIndex::new(3),
        remote: address(9),
        tos: 2,
        stride: 7,
        bytes,
    }
}

proptest! {
    // REQ-LANE-7
    #[test]
    fn runs_arrive_whole_and_in_order(runs in prop::collection::vec(1usize..65_000, 1..40)) {
        let (mut from, mut to) = two_lanes();
        let (mut batch, mut sockets) = (UdpBatch::new(4), Vec::new());
        for (number, len) in runs.into_iter().enumerate() {
            let bytes: Vec<u8> = (0..len).map(|place| u8::try_from((place * 31 + number) % 251).unwrap()).collect();
            prop_assert_eq!(from.forward(lane(1), &run(&bytes)), Forwarded::Yes);
            to.receive(&mut batch, &mut sockets);
            prop_assert_eq!(&sockets, &[SocketIndex::new(3)]);
            let (meta, received) = batch.buffer_mut(0).unwrap();
            prop_assert_eq!((meta.remote, meta.tos, meta.stride), (address(9), 2, 7));
            prop_assert!(received == bytes);
        }
        prop_assert!(to.is_idle());
    }
}

// REQ-LANE-5
#[test]
fn a_full_ring_refuses_a_run_and_keeps_what_it_has() {
    let (mut from, mut to) = two_lanes();
    let bytes = vec![7; 65_000];
    let taken = (0..10).filter(|_| from.forward(lane(1), &run(&bytes)) == Forwarded::Yes);
    assert_eq!(taken.count(), RING_BYTES / (65_000 + HEADER_LEN));
    let (mut batch, mut sockets) = (UdpBatch::new(16), Vec::new());
    to.receive(&mut batch, &mut sockets);
    assert_eq!(batch.len(), 4);
    assert!(to.is_idle());
}

#[test]
fn a_lane_has_no_way_to_itself() {
    let (mut from, _to) = two_lanes();
    assert_eq!(from.forward(lane(0), &run(b"own")), Forwarded::No);
    assert_eq!(from.forward(lane(7), &run(b"nobody")), Forwarded::No);
}

#[test]
fn an_ipv6_remote_keeps_its_scope() {
    let (mut from, mut to) = two_lanes();
    let remote = SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 0, 5));
    let sent = Run {
        remote,
        ..run(b"x")
    };
    assert_eq!(from.forward(lane(1), &sent), Forwarded::Yes);
    let (mut batch, mut sockets) = (UdpBatch::new(1), Vec::new());
    to.receive(&mut batch, &mut sockets);
    assert_eq!(batch.meta(0).unwrap().remote, remote);
}
