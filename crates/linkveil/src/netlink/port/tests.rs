use super::super::tests::{ip, run_in_new_namespace};
use super::link::eui64;
use super::*;
use linkveil_net::interface::HardwareAddress;
use linkveil_net::{PacketPort, PortError, Reception};
use rtnetlink::packet_route::link::State;

/// An interface `lv-port` with the hardware address 02:00:00:00:00:0a, and its other end, which is up.
fn cable() {
    ip("link add lv-port mtu 9000 address 02:00:00:00:00:0a type veth peer name lv-end");
    ip("link set lv-end up");
}

fn refusal() -> String {
    protect("lv-port").unwrap_err().to_string()
}

/// Everything that a port changes.
fn state() -> String {
    let link = ip("-d link show lv-port");
    let addresses = ip("address show dev lv-port");
    let addresses = addresses.lines().filter(|line| line.contains("inet"));
    let addresses = addresses.collect::<Vec<_>>().join("\n");
    let flags = ["NOARP", ",UP", "addrgenmode none"].map(|flag| (flag, link.contains(flag)));
    format!("{flags:?}\n{addresses}").replace(" tentative", "")
}

#[test]
fn a_port_becomes_silent_and_is_given_back() {
    run_in_new_namespace("port::tests::inside_a_port_becomes_silent_and_is_given_back");
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_a_port_becomes_silent_and_is_given_back() {
    cable();
    let down = state();
    for _ in 0..2 {
        let port = protect("lv-port").unwrap();
        let link = port.link();
        let address = HardwareAddress::new([2, 0, 0, 0, 0, 0xa]);
        assert_eq!((link.hardware_address, link.mtu_bytes), (address, 9000));
        assert_eq!(link.kind.as_deref(), Some("veth"));
        assert_eq!(link.operational, State::Down);
        let silent = "[(\"NOARP\", true), (\",UP\", true), (\"addrgenmode none\", true)]\n";
        assert_eq!(state(), silent);
        drop(port);
        assert_eq!(state(), down);
    }
}

#[test]
fn an_address_of_the_kernels_own_making_goes_and_comes_back() {
    run_in_new_namespace(
        "port::tests::inside_an_address_of_the_kernels_own_making_goes_and_comes_back",
    );
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_an_address_of_the_kernels_own_making_goes_and_comes_back() {
    cable();
    ip("link set lv-port up");
    let up = state();
    assert!(up.contains("fe80::ff:fe00:a/64"), "{up}");
    for _ in 0..2 {
        let port = protect("lv-port").unwrap();
        assert!(!state().contains("inet"), "{}", state());
        drop(port);
        assert_eq!(state(), up);
    }
    // What is as wanted already is not touched, and not changed back.
    let first = protect("lv-port").unwrap();
    let second = protect("lv-port").unwrap();
    let silent = state();
    drop(second);
    assert_eq!(state(), silent);
    drop(first);
    assert_eq!(state(), up);
    protect("lv-port").unwrap().keep();
    assert_eq!(state(), silent);
}

#[test]
fn a_port_with_addresses_is_refused_and_left_alone() {
    run_in_new_namespace("port::tests::inside_a_port_with_addresses_is_refused_and_left_alone");
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_a_port_with_addresses_is_refused_and_left_alone() {
    cable();
    ip("link set lv-port up");
    ip("address add 192.0.2.1/24 dev lv-port");
    ip("address add 2001:db8::1/64 dev lv-port nodad");
    ip("address add fe80::77/64 dev lv-port nodad");
    let before = state();
    let refused = refusal();
    let (text, commands) = refused.split_once(": ").unwrap();
    assert_eq!(
        text,
        "the port lv-port has IP addresses, whose traffic would not be protected; remove them"
    );
    let mut commands: Vec<_> = commands.split(", ").collect();
    commands.sort_unstable();
    assert_eq!(
        commands,
        [
            "`ip address delete 192.0.2.1/24 dev lv-port`",
            "`ip address delete 2001:db8::1/64 dev lv-port`",
            "`ip address delete fe80::77/64 dev lv-port`",
        ]
    );
    assert_eq!(state(), before);
    for command in commands {
        let command = command.trim_matches('`').strip_prefix("ip ");
        ip(command.unwrap());
    }
    protect("lv-port").unwrap().keep();
}

#[test]
fn what_cannot_be_a_port_is_named() {
    run_in_new_namespace("port::tests::inside_what_cannot_be_a_port_is_named");
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_what_cannot_be_a_port_is_named() {
    assert_eq!(refusal(), "there is no port lv-port in this namespace");
    ip("tuntap add lv-port mode tun");
    assert_eq!(refusal(), "the port lv-port is no Ethernet interface");
    let loopback = protect("lo").unwrap_err().to_string();
    assert_eq!(loopback, "the port lo is no Ethernet interface");
    ip("link delete lv-port");
    cable();
    ip("link add lv-bridge type bridge");
    ip("link set lv-port master lv-bridge");
    assert_eq!(
        refusal(),
        "the port lv-port belongs to lv-bridge, which takes all of its frames: \
         `ip link set lv-port nomaster`"
    );
}

#[test]
fn a_port_under_another_interface_is_refused() {
    run_in_new_namespace("port::tests::inside_a_port_under_another_interface_is_refused");
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_a_port_under_another_interface_is_refused() {
    cable();
    ip("link add lv-upper link lv-port type macvlan");
    assert_eq!(
        refusal(),
        "the interface lv-upper stands on the port lv-port, and its traffic would not be protected; \
         put it on the port's device instead: `ip link delete lv-upper`"
    );
    ip("link delete lv-upper");
    ip("link add lv-upper link lv-end type macvlan");
    protect("lv-port").unwrap().keep();
}

#[test]
fn a_protected_port_can_be_opened_at_once_and_by_one_only() {
    run_in_new_namespace(
        "port::tests::inside_a_protected_port_can_be_opened_at_once_and_by_one_only",
    );
}

#[test]
#[ignore = "runs in a namespace of its own, started by the test without `inside`"]
fn inside_a_protected_port_can_be_opened_at_once_and_by_one_only() {
    cable();
    let open = || PacketPort::open("lv-port", 2, Reception::Bridge);
    assert!(matches!(open(), Err(PortError::Down(_))));
    let link = protect("lv-port").unwrap();
    let port = open().unwrap();
    assert_eq!(port.hardware_address(), link.link().hardware_address);
    assert!(matches!(open(), Err(PortError::Taken { .. })));
    let flags = ip("-d link show lv-port");
    let words: Vec<_> = flags.split_whitespace().collect();
    let promiscuous = words.windows(2).any(|pair| pair == ["promiscuity", "1"]);
    assert!(promiscuous, "{flags}");
}

#[test]
fn a_link_local_address_is_made_from_the_hardware_address() {
    let hardware_address = HardwareAddress::new([0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]);
    let expected: Ipv6Addr = "fe80::3656:78ff:fe9a:bcde".parse().unwrap();
    assert_eq!(eui64(hardware_address), expected);
}
