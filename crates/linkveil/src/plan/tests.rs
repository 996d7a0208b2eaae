use super::*;
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
    let routes: Vec<String> = devices[0].routes.iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["10.2.0.0/24", "2001:db8:2::/64", "10.3.0.0/24"]);
    assert_eq!(devices[0].addresses, config.vpcs[0].addresses);
    assert_eq!(
        (devices[1].device.as_str(), devices[1].routes.len()),
        ("lv-red", 0)
    );
}

#[test]
fn the_narrowest_path_of_a_vpc_decides() {
    let config = load(&format!("{GOOD}{SECOND_PEER}{SECOND_VPC}"));
    let devices = devices(&config, &plans(&config, &[9000, 1400])).unwrap();
    assert_eq!(
        (devices[0].mtu_bytes, devices[0].route_mtu_bytes),
        (1324, None)
    );
    assert_eq!(devices[1].mtu_bytes, 1424, "no peer carries the second VPC");
}

#[test]
fn a_path_too_narrow_for_ipv6_names_the_vpc_the_peer_and_the_numbers() {
    let config = load(&format!("{GOOD}{SECOND_PEER}"));
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
