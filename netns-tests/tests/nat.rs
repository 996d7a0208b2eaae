//! A gateway behind a NAT of nftables that forgets, and that gets another address.
//!
//! ```text
//!   host-a  10.99.0.2 -- in0 --  10.99.0.1  NAT  192.0.2.1 -- out0 -- 192.0.2.2  host-b
//! ```

use std::fs;
use std::time::Duration;

use linkveil_netns_tests::link::{Link, PORT, Side, UNDERLAY_DEVICE};
use linkveil_netns_tests::netns::{Namespace, connect};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::timing::{pause, wait_for};
use linkveil_netns_tests::traffic::{FlowPlan, ping, send_datagrams};

/// How long the NAT remembers a flow that nobody uses. Real ones: 30 s and more.
const MEMORY: Duration = Duration::from_secs(2);

const RULES: &str = "\
table ip nat {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname out0 masquerade random
  }
}";

/// The two sides with a NAT between them. Side B cannot call, and side A is behind it.
struct Natted {
    link: Link,
    nat: Namespace,
}

impl Natted {
    /// Nothing is started yet.
    fn plan() -> Self {
        let mut link = Link::plan(Underlay::V4);
        link.a.host.ip(&format!("link del {UNDERLAY_DEVICE}"));
        let nat = Namespace::new("nat");
        connect(&link.a.host, &nat, "in0");
        connect(&nat, &link.b.host, "out0");
        for (place, device, address) in [
            (&link.a.host, "in0", "10.99.0.2/24"),
            (&nat, "in0", "10.99.0.1/24"),
            (&nat, "out0", "192.0.2.1/24"),
            (&link.b.host, "out0", "192.0.2.2/24"),
        ] {
            place.ip(&format!("address add {address} dev {device}"));
            place.ip(&format!("link set {device} up"));
        }
        link.a.host.ip("route add default via 10.99.0.1");
        nat.run(|| {
            fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
            let seconds = MEMORY.as_secs().to_string();
            for timeout in ["udp_timeout", "udp_timeout_stream"] {
                let path = format!("/proc/sys/net/netfilter/nf_conntrack_{timeout}");
                fs::write(path, &seconds).unwrap();
            }
        });
        let rules = link.a.folder().join("nat.nft");
        fs::write(&rules, RULES).unwrap();
        let output = nat.output("nft", &format!("-f {}", rules.display()));
        assert!(output.status.success(), "{output:?}");
        link.a.plan.listen = ([0, 0, 0, 0], PORT).into();
        link.b.plan.peers[0].endpoint = None;
        Self { link, nat }
    }

    /// The provider gives the NAT another address; every mapping is gone.
    fn renumber(&self) {
        self.nat.ip("address del 192.0.2.1/24 dev out0");
        self.nat.ip("address add 192.0.2.77/24 dev out0");
    }

    fn endpoint(&self) -> String {
        let status = self.link.b.gateway().status();
        status.peer("gw-a").endpoint.clone().unwrap()
    }

    /// Whether one packet from side B comes back.
    fn reaches_a(&self) -> bool {
        let to = Side::A.inner_v4();
        let ping = format!("-n -q -c 1 -W 1 {to}");
        self.link.b.blue().output("ping", &ping).status.success()
    }
}

// REQ-PATH-1, REQ-PATH-4
#[test]
fn a_mapping_that_changes_in_mid_flow_is_followed() {
    let mut natted = Natted::plan();
    natted.link.start();
    let link = &natted.link;
    ping(link.a.blue(), Side::B.inner_v4());
    let before = natted.endpoint();
    assert!(before.starts_with("192.0.2.1:"), "{before}");
    let flow = |from: &'static str| {
        let (here, there, source, to) = match from {
            "a" => (link.a.blue(), link.b.blue(), Side::A, Side::B),
            _ => (link.b.blue(), link.a.blue(), Side::B, Side::A),
        };
        FlowPlan {
            from: here,
            source: source.inner_v4(),
            to: there,
            destination: (to.inner_v4(), 9_000).into(),
            payload_bytes: 64,
            interval: Duration::from_millis(2),
            tag: 7,
        }
        .start()
    };
    let flows = ["a", "b"].map(flow);
    pause(Duration::from_millis(300));
    natted.renumber();
    wait_for("the new mapping", || {
        natted.endpoint().starts_with("192.0.2.77:").then_some(())
    });
    pause(Duration::from_millis(500));
    for flow in flows {
        let report = flow.finish();
        assert_eq!((report.duplicates, report.foreign), (0, 0), "{report:?}");
        // Two programs and a round trip; what was sent to the old mapping meanwhile is lost. In the end both ways carried
        // packets for as long as this bound.
        assert!(report.lost() < 250, "half a second: {report:?}");
    }
    let status = link.b.gateway().status();
    assert_eq!(status.control("handshakes_completed"), 1, "no new keys");
    assert!(status.control("endpoints_moved") >= 1);
}

// REQ-KEEP-1, REQ-PATH-1, REQ-EP-2
#[test]
fn a_mapping_that_was_forgotten_comes_back_with_the_first_packet() {
    let mut natted = Natted::plan();
    natted.link.start();
    ping(natted.link.a.blue(), Side::B.inner_v4());
    let before = natted.endpoint();
    pause(MEMORY * 2);
    assert!(!natted.reaches_a(), "the NAT was to forget");
    // The answer to this one may still go to the old mapping.
    send_datagrams(
        natted.link.a.blue(),
        Side::A.inner_v4(),
        Side::B.inner_v4(),
        1,
    );
    wait_for("the new mapping", || {
        (natted.endpoint() != before).then_some(())
    });
    assert!(natted.reaches_a());
    let status = natted.link.b.gateway().status();
    assert_eq!(status.control("handshakes_completed"), 1, "no new keys");
}

// REQ-KEEP-2
#[test]
fn a_keepalive_keeps_the_way_back_open() {
    let mut natted = Natted::plan();
    natted.link.a.plan.peers[0].keepalive = Some("1s");
    natted.link.start();
    pause(MEMORY * 3);
    assert!(natted.reaches_a());
    let status = natted.link.a.gateway().status();
    assert!(status.control("keepalives_sent") > 0, "{status:?}");
    assert_eq!(status.control("handshakes_started"), 1);
}

// REQ-KEEP-2, FIELD-BUG: a peer that went deaf one way
#[test]
fn a_peer_that_forgot_everything_and_cannot_call_is_found() {
    let mut natted = Natted::plan();
    natted.link.a.plan.peers[0].keepalive = Some("1s");
    natted.link.start();
    let before = natted.link.wait_until_established();
    natted.link.b.take_gateway().kill();
    let device = linkveil_netns_tests::plan::device_of("blue");
    wait_for("the end of the device", || {
        (!natted.link.b.blue().has_device(&device)).then_some(())
    });
    natted.link.b.start();
    natted.link.wait_for_epoch_after(&before);
    assert!(natted.reaches_a());
}
