use super::*;
use crate::config::VpcKind;
use crate::config::tests::{GOOD, SECOND_PEER, SECOND_VPC, load};

fn plans(config: &Config, outer_bytes: &[u16]) -> Vec<PeerPlan> {
    let plan = |(peer, bytes): (&Peer, &u16)| {
        let remote = peer.endpoint.unwrap();
        PeerPlan {
            path: path_to(peer, &config.node.listen),
            mtu: PathMtu::new(*bytes, remote),
        }
    };
    config.peers.iter().zip(outer_bytes).map(plan).collect()
}

#[test]
fn a_device_gets_the_routes_of_its_vpc_from_all_peers() {
    let config = load(&format!("{GOOD}{SECOND_PEER}{SECOND_VPC}"));
    let devices = devices(&config, &plans(&config, &[1500, 1500])).unwrap();
    let routes = devices[0].routes.iter();
    let routes: Vec<String> = routes.map(|route| route.prefix.to_string()).collect();
    assert_eq!(routes, ["10.2.0.0/24", "2001:db8:2::/64", "10.3.0.0/24"]);
    assert_eq!(devices[0].addresses, config.vpcs[0].addresses);
    assert_eq!(
        (devices[1].device.as_str(), devices[1].routes.len()),
        ("lv-red", 0)
    );
}

#[test]
fn a_device_is_as_wide_as_its_widest_path_and_each_route_as_its_own() {
    let config = load(&format!("{GOOD}{SECOND_PEER}{SECOND_VPC}"));
    let devices = devices(&config, &plans(&config, &[9000, 1400])).unwrap();
    assert_eq!(devices[0].mtu_bytes, 8924);
    let mtus: Vec<_> = devices[0]
        .routes
        .iter()
        .map(|route| route.mtu_bytes)
        .collect();
    assert_eq!(mtus, [None, None, Some(1324)]);
    assert_eq!(devices[0].least_route_mtu_bytes(), Some(1324));
    assert_eq!(devices[1].mtu_bytes, 1424, "no peer carries the second VPC");
}

#[test]
fn an_ethernet_device_is_as_wide_as_its_narrowest_path_and_has_no_routes() {
    let text = format!("{GOOD}{SECOND_PEER}").replace("\"l3\"", "\"l2\"");
    let without_prefixes = text.lines().filter(|line| !line.starts_with("prefixes"));
    let text: String = without_prefixes.map(|line| format!("{line}\n")).collect();
    let config = load(&text);
    let paths = plans(&config, &[9000, 1400]);
    let plan = devices(&config, &paths).unwrap().remove(0);
    assert_eq!((plan.kind, plan.mtu_bytes), (VpcKind::L2, 1310));
    assert_eq!(plan.addresses, config.vpcs[0].addresses);
    assert_eq!((plan.routes, plan.carried_bytes), (vec![], None));

    let fixed = load(&text.replace("\"auto\"", "1500"));
    let plan = devices(&fixed, &paths).unwrap().remove(0);
    assert_eq!((plan.mtu_bytes, plan.carried_bytes), (1500, Some(1310)));

    // Its own IPv6 addresses need 1280 bytes on every path.
    let error = devices(&config, &plans(&config, &[9000, 1369])).unwrap_err();
    assert_eq!(error.peer, "gw-c");
    let ipv4 = load(&text.replace(", \"2001:db8:1::1/64\"", ""));
    let plan = devices(&ipv4, &plans(&ipv4, &[9000, 1280])).unwrap();
    assert_eq!(plan[0].mtu_bytes, 1190);
}

#[test]
fn a_fixed_mtu_bounds_the_device_and_each_path_its_routes() {
    let config = load(&format!("{GOOD}{SECOND_PEER}").replace("\"auto\"", "1400"));
    let devices = devices(&config, &plans(&config, &[1500, 1400])).unwrap();
    assert_eq!(devices[0].mtu_bytes, 1400);
    let mtus: Vec<_> = devices[0]
        .routes
        .iter()
        .map(|route| route.mtu_bytes)
        .collect();
    assert_eq!(mtus, [None, None, Some(1324)]);
}

#[test]
fn a_peer_without_ipv6_may_have_a_path_that_is_too_narrow_for_it() {
    let config = load(&format!("{GOOD}{SECOND_PEER}"));
    let devices = devices(&config, &plans(&config, &[1500, 1355])).unwrap();
    assert_eq!(devices[0].least_route_mtu_bytes(), Some(1279));
}

// REQ-MTU-4
#[test]
fn a_path_too_narrow_for_ipv6_names_the_vpc_the_peer_and_the_numbers() {
    let peer = SECOND_PEER.replace("\"10.3.0.0/24\"", "\"2001:db8:3::/64\"");
    let config = load(&format!("{GOOD}{peer}"));
    let error = devices(&config, &plans(&config, &[1500, 1355])).unwrap_err();
    insta::assert_snapshot!(error.to_string());
}

#[test]
fn datagrams_leave_from_the_first_address_of_the_peers_family() {
    let config = load(&GOOD.replace(
        "\"192.0.2.1:51840\"",
        "[\"[::]:51840\", \"192.0.2.1:51840\", \"0.0.0.0:51841\"]",
    ));
    let path = path_to(&config.peers[0], &config.node.listen).unwrap();
    assert_eq!(
        (path.socket.index(), path.remote),
        (1, "192.0.2.2:51840".parse().unwrap())
    );
}

#[test]
fn a_peer_without_an_endpoint_has_no_path() {
    let config = load(&GOOD.replace("endpoint = \"192.0.2.2:51840\"\n", ""));
    assert_eq!(path_to(&config.peers[0], &config.node.listen), None);
}
