//! The kernel's answer, with links whose MTU we set.

use std::net::SocketAddr;

use super::*;
use crate::testing::{in_private_netns, ip};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn the_mtu_is_that_of_the_outgoing_link() {
    in_private_netns("the_mtu_is_that_of_the_outgoing_link", || {
        ip("link set lo mtu 1400");
        assert_eq!(
            path_mtu(address("127.0.0.1:4500"), address("127.0.0.2:9")).unwrap(),
            1400
        );
        assert_eq!(
            path_mtu(address("0.0.0.0:0"), address("127.0.0.2:9")).unwrap(),
            1400
        );
        assert_eq!(
            path_mtu(address("[::]:0"), address("[::1]:9")).unwrap(),
            1400
        );
        ip("link set lo mtu 65536");
        assert_eq!(
            path_mtu(address("127.0.0.1:0"), address("127.0.0.2:9")).unwrap(),
            65_535
        );
    });
}

#[test]
fn the_mtu_of_a_route_goes_before_that_of_its_link() {
    in_private_netns("the_mtu_of_a_route_goes_before_that_of_its_link", || {
        ip("route add 198.51.100.0/24 dev lo mtu 1280");
        assert_eq!(
            path_mtu(address("0.0.0.0:0"), address("198.51.100.1:9")).unwrap(),
            1280
        );
    });
}

#[test]
fn no_route_and_mixed_families_are_errors() {
    in_private_netns("no_route_and_mixed_families_are_errors", || {
        let error = path_mtu(address("0.0.0.0:0"), address("198.51.100.1:9")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NetworkUnreachable);
    });
    let error = path_mtu(address("0.0.0.0:0"), address("[::1]:9")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
