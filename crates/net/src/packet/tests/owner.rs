use super::*;

fn refusal(name: &str, lanes: usize) -> String {
    let refused = PacketPort::open(name, lanes, Reception::Station);
    refused.unwrap_err().to_string()
}

#[test]
fn a_port_has_one_owner() {
    in_private_netns("a_port_has_one_owner", || {
        cable(1_500);
        let PacketPort { lanes, control } = open("lv-a", 2);
        let expected = format!(
            "the port lv-a is protected by process {} already",
            std::process::id()
        );
        assert_eq!(refusal("lv-a", 1), expected);
        drop(open("lv-b", 1));
        without_forks(|| drop(lanes));
        assert_eq!(refusal("lv-a", 1), expected, "its control is there yet");
        without_forks(|| drop(control));
        open("lv-a", 1);
    });
}

#[test]
fn however_many_asked_for_the_owner_the_next_one_is_refused_at_once() {
    in_private_netns(
        "however_many_asked_for_the_owner_the_next_one_is_refused_at_once",
        || {
            cable(1_500);
            let _port = open("lv-a", 1);
            // Linux has room for net.core.somaxconn of them, which is 4096.
            let limit = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
            let limit: usize = limit.trim().parse().unwrap();
            for _ in 0..limit + 2 {
                assert!(refusal("lv-a", 1).starts_with("the port lv-a is protected by process "));
            }
            let last = refusal("lv-a", 1);
            assert_eq!(last, "the port lv-a is protected by process 0 already");
        },
    );
}

#[test]
fn what_cannot_be_a_port_is_named() {
    in_private_netns("what_cannot_be_a_port_is_named", || {
        cable(1_500);
        assert_eq!(
            refusal("eth77", 1),
            "there is no interface eth77 in this namespace"
        );
        assert_eq!(refusal("lo", 1), "lo is no Ethernet interface");
        assert_eq!(refusal("lv-a", 0), "a port has 1 to 64 lanes, not 0");
        assert_eq!(refusal("lv-a", 65), "a port has 1 to 64 lanes, not 65");
        assert!(refusal("a/b", 1).starts_with("port name \"a/b\""));
        ip("link set lv-b down");
        for lanes in [1, 2] {
            assert_eq!(
                refusal("lv-b", lanes),
                "the port lv-b is down: `ip link set lv-b up`"
            );
        }
    });
}

#[test]
fn the_wire_is_listened_to_only_as_long_as_the_port_is_open() {
    in_private_netns(
        "the_wire_is_listened_to_only_as_long_as_the_port_is_open",
        || {
            cable(1_500);
            let listens = |promiscuous: u8, all_groups: u8| {
                let link = output("ip", "-d link show lv-a");
                let words: Vec<_> = link.split_whitespace().collect();
                for (name, count) in [("promiscuity", promiscuous), ("allmulti", all_groups)] {
                    let told = words.iter().skip_while(|word| **word != name).nth(1);
                    assert_eq!(told, Some(&count.to_string().as_str()), "{link}");
                }
            };
            listens(0, 0);
            let port = open("lv-a", 1);
            listens(0, 1);
            let groups = output("ip", "maddress show dev lv-a");
            assert!(groups.contains("01:80:c2:00:00:03"), "{groups}");
            without_forks(|| drop(port));
            listens(0, 0);
            let port = PacketPort::open("lv-a", 1, Reception::Bridge).unwrap();
            listens(1, 1);
            without_forks(|| drop(port));
            listens(0, 0);
        },
    );
}

#[test]
fn a_port_knows_its_address() {
    in_private_netns("a_port_knows_its_address", || {
        let [a, b] = ports(1_500, 1);
        assert_eq!([a.hardware_address(), b.hardware_address()], ADDRESSES);
        assert_eq!(a.hardware_address().to_string(), "02:00:00:00:00:0a");
    });
}
