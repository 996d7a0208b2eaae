//! Which member of a group gets a datagram.

use proptest::prelude::*;
use rustix::net::sockopt;

use super::*;
use crate::testing::{in_private_netns, without_forks};

// REQ-LANE-3, REQ-UDP-3
fn lanes_and_control_are_told_apart(address: &str) {
    for lanes in [1usize, 3, 64] {
        let mut group = group(address, lanes);
        let sender = sender(address);
        let target = group.local_addr();
        for lane in 0..=255 {
            sender.send_to(&datagram(lane, 0, 40), target).unwrap();
        }
        for kind in [0u8, 1, 2, 3, 5, 6, 64, 255] {
            sender.send_to(&[kind, 1, 0, 0], target).unwrap();
        }
        let arrivals = receive(&mut group, 256 + 8);
        for arrival in arrivals {
            let expected = if arrival.bytes[0] == 4 {
                usize::from(arrival.bytes[1]) % lanes
            } else {
                lanes
            };
            assert_eq!(
                arrival.member, expected,
                "{:?} with {lanes} lanes",
                arrival.bytes
            );
        }
    }
}

#[test]
fn each_lane_has_its_own_socket_and_control_the_rest_over_ipv4() {
    lanes_and_control_are_told_apart(V4);
}

#[test]
fn each_lane_has_its_own_socket_and_control_the_rest_over_ipv6() {
    lanes_and_control_are_told_apart(V6);
}

#[test]
fn datagrams_of_every_short_length_arrive_somewhere_once_and_harm_nobody() {
    let mut group = group(V4, 2);
    let sender = sender(V4);
    let mut expected = Vec::new();
    for len in 0..128usize {
        for first in [4u8, 1, 0xff] {
            let mut bytes = vec![0xA5; len];
            bytes.iter_mut().take(1).for_each(|byte| *byte = first);
            sender.send_to(&bytes, group.local_addr()).unwrap();
            expected.push(bytes);
        }
    }
    for len in [1472, 9000, 65_506, 65_507] {
        let bytes = datagram(1, 7, len);
        sender.send_to(&bytes, group.local_addr()).unwrap();
        expected.push(bytes);
    }
    let arrivals = receive(&mut group, expected.len());
    let mut received: Vec<Vec<u8>> = arrivals.into_iter().map(|arrival| arrival.bytes).collect();
    received.sort();
    expected.sort();
    assert!(
        received == expected,
        "something was lost, doubled or changed"
    );
}

#[test]
fn too_short_to_steer_goes_to_the_first_lane() {
    let mut group = group(V4, 2);
    let sender = sender(V4);
    for bytes in [&[][..], &[4], &[1]] {
        sender.send_to(bytes, group.local_addr()).unwrap();
    }
    let members: Vec<_> = receive(&mut group, 3)
        .into_iter()
        .map(|arrival| (arrival.member, arrival.bytes))
        .collect();
    assert_eq!(members.len(), 3);
    for expected in [(0, vec![]), (0, vec![4]), (2, vec![1])] {
        assert!(
            members.contains(&expected),
            "{expected:?} is not in {members:?}"
        );
    }
}

#[test]
fn an_address_in_use_is_refused_even_by_a_second_group() {
    in_private_netns(
        "an_address_in_use_is_refused_even_by_a_second_group",
        || {
            let first = group(V4, 2);
            let address = first.local_addr();
            let second = ReuseportGroup::bind(address, 2);
            assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
            without_forks(|| {
                drop(first);
                assert!(ReuseportGroup::bind(address, 2).is_ok());
            });
        },
    );
}

#[test]
fn a_group_has_one_to_sixty_four_lanes() {
    for lanes in [0, 65, usize::MAX] {
        let error = ReuseportGroup::bind(V4.parse().unwrap(), lanes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn an_address_of_nobody_is_refused() {
    let error = ReuseportGroup::bind("192.0.2.77:0".parse().unwrap(), 1).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
}

#[test]
fn the_ipv6_wildcard_leaves_the_port_to_ipv4() {
    in_private_netns("the_ipv6_wildcard_leaves_the_port_to_ipv4", || {
        let six = group("[::]:0", 1);
        let port = six.local_addr().port();
        assert!(ReuseportGroup::bind(SocketAddr::from(([0, 0, 0, 0], port)), 1).is_ok());
    });
}

// REQ-UDP-1, REQ-UDP-2
#[test]
fn data_is_never_fragmented_and_control_may_be() {
    use sockopt::{Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
    let four = group(V4, 2);
    for socket in &four.data {
        assert_eq!(
            sockopt::ip_mtu_discover(socket).unwrap(),
            Ipv4PathMtuDiscovery::PROBE
        );
    }
    assert_eq!(
        sockopt::ip_mtu_discover(&four.control).unwrap(),
        Ipv4PathMtuDiscovery::DONT
    );
    let six = group(V6, 2);
    for socket in &six.data {
        assert_eq!(
            sockopt::ipv6_mtu_discover(socket).unwrap(),
            Ipv6PathMtuDiscovery::PROBE
        );
    }
    assert_eq!(
        sockopt::ipv6_mtu_discover(&six.control).unwrap(),
        Ipv6PathMtuDiscovery::DONT
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    // REQ-LANE-5: receive offload may merge datagrams of several lanes; none is lost or doubled by that.
    #[test]
    fn interleaved_lanes_in_one_train_arrive_once_each(lanes in prop::collection::vec(0u8..8, 1..64)) {
        let mut group = group(V4, 3);
        let mut raw = self::group(V4, 1);
        let mut queue = GsoQueue::new(1);
        for (number, lane) in lanes.iter().enumerate() {
            enqueue(&mut queue, group.local_addr(), 0, &datagram(*lane, u16::try_from(number).unwrap(), 200));
        }
        prop_assert_eq!(raw.data[0].send_batch(&mut queue).unwrap().sent, lanes.len());
        let mut numbers: Vec<_> = receive(&mut group, lanes.len()).into_iter().map(|a| (a.bytes[3], a.bytes[1])).collect();
        numbers.sort_unstable();
        let expected: Vec<_> = lanes.iter().enumerate().map(|(n, lane)| (u8::try_from(n).unwrap(), *lane)).collect();
        prop_assert_eq!(numbers, expected);
    }
}
