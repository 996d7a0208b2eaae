use std::env;
use std::process::Command;

use super::*;

/// Runs a test of this file, marked as ignored, in a network namespace of its own.
pub(super) fn run_in_new_namespace(test: &str) {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command.arg("--net").arg(env::current_exe().unwrap());
    command.args([
        "--exact",
        &format!("netlink::{test}"),
        "--ignored",
        "--nocapture",
    ]);
    let output = command.output().expect("unshare (util-linux) runs");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

pub(super) fn ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .expect("ip (iproute2) runs");
    assert!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn routes(prefixes: &[&str], mtu_bytes: Option<u16>) -> Vec<RoutePlan> {
    let prefixes = nets(prefixes).into_iter();
    prefixes
        .map(|prefix| RoutePlan { prefix, mtu_bytes })
        .collect()
}

fn plan() -> DevicePlan {
    DevicePlan {
        device: "lv-blue".into(),
        kind: VpcKind::L3,
        mtu_bytes: 1424,
        hardware_address: None,
        addresses: nets(&["10.1.0.1/24", "2001:db8:1::1/64"]),
        routes: routes(
            &["10.2.0.0/24", "10.3.0.7/32", "2001:db8:2::/64", "0.0.0.0/0"],
            None,
        ),
        carried_bytes: None,
    }
}

#[test]
fn a_device_gets_its_mtu_addresses_and_routes() {
    run_in_new_namespace("tests::inside_a_device_gets_its_mtu_addresses_and_routes");
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_a_device_gets_its_mtu_addresses_and_routes() {
    ip("tuntap add lv-blue mode tun");
    configure(&plan()).unwrap();
    let link = ip("link show lv-blue");
    assert!(link.contains("mtu 1424") && link.contains("UP"), "{link}");
    let addresses = ip("-brief address show lv-blue");
    assert!(
        addresses.contains("10.1.0.1/24") && addresses.contains("2001:db8:1::1/64"),
        "{addresses}"
    );
    assert!(
        !addresses.contains("fe80"),
        "no address of the kernel's own making: {addresses}"
    );
    let routes = ip("route show dev lv-blue");
    for route in [
        "10.2.0.0/24 proto static scope link src 10.1.0.1",
        "10.3.0.7 proto static",
        "default proto static",
    ] {
        assert!(routes.contains(route), "{route} in {routes}");
    }
    let routes = ip("-6 route show dev lv-blue");
    assert!(
        routes.contains("2001:db8:2::/64 proto static src 2001:db8:1::1"),
        "{routes}"
    );
}

#[test]
fn each_route_gets_the_mtu_of_its_own_path() {
    run_in_new_namespace("tests::inside_each_route_gets_the_mtu_of_its_own_path");
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_each_route_gets_the_mtu_of_its_own_path() {
    ip("tuntap add lv-blue mode tun");
    let narrow = DevicePlan {
        routes: [
            routes(&["10.2.0.0/24"], Some(1204)),
            routes(&["10.3.0.0/24"], None),
            routes(&["2001:db8:2::/64"], Some(1300)),
        ]
        .concat(),
        ..plan()
    };
    configure(&narrow).unwrap();
    let narrow = ip("route show 10.2.0.0/24");
    assert!(narrow.contains("mtu 1204"), "{narrow}");
    let wide = ip("route show 10.3.0.0/24");
    assert!(
        wide.contains("10.3.0.0/24") && !wide.contains("mtu"),
        "{wide}"
    );
    let ipv6 = ip("-6 route show 2001:db8:2::/64");
    assert!(ipv6.contains("mtu 1300"), "{ipv6}");
}

#[test]
fn what_the_kernel_refuses_is_named() {
    run_in_new_namespace("tests::inside_what_the_kernel_refuses_is_named");
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_what_the_kernel_refuses_is_named() {
    let missing = configure(&plan()).unwrap_err().to_string();
    assert_eq!(missing, "there is no device lv-blue in this namespace");
    ip("tuntap add lv-blue mode tun");
    ip("tuntap add other mode tun");
    ip("link set other up");
    ip("route add 10.2.0.0/24 dev other scope link");
    let taken = configure(&plan()).unwrap_err().to_string();
    assert_eq!(
        taken,
        "ip route add 10.2.0.0/24 dev lv-blue: File exists (os error 17)"
    );
}

#[test]
fn a_device_gets_the_hardware_address_of_its_port() {
    run_in_new_namespace("tests::inside_a_device_gets_the_hardware_address_of_its_port");
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_a_device_gets_the_hardware_address_of_its_port() {
    ip("tuntap add lv-trunk mode tap");
    let plan = DevicePlan {
        device: "lv-trunk".into(),
        kind: VpcKind::L2,
        mtu_bytes: 1468,
        hardware_address: Some(HardwareAddress::new([2, 0, 0, 0, 0, 9])),
        routes: Vec::new(),
        ..plan()
    };
    configure(&plan).unwrap();
    let link = ip("link show lv-trunk");
    assert!(
        link.contains("02:00:00:00:00:09") && link.contains("mtu 1468"),
        "{link}"
    );
}
