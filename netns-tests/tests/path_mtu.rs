//! Inner packets that are larger than a path carries: what the routes keep back, what the gateway answers, and what TCP
//! makes of it.
//!
//! Where a path is to be narrower than side A planned, only the end of the cable at side B takes less: B says so in the
//! handshake, and A's device and routes are made already.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::Output;
use std::time::Duration;

use etherparse::{SlicedPacket, TcpOptionElement, TransportSlice};
use linkveil_net::clock;
use linkveil_netns_tests::capture::Capture;
use linkveil_netns_tests::gateway::{Gateway, binary};
use linkveil_netns_tests::keys;
use linkveil_netns_tests::link::{Link, Side, UNDERLAY_DEVICE};
use linkveil_netns_tests::netns::{Namespace, connect};
use linkveil_netns_tests::plan::{PeerPlan, PeerVpcPlan, Underlay, device_of};
use linkveil_netns_tests::timing::{pause, wait_for};
use linkveil_netns_tests::traffic::{ping, ping_of_size, tcp_copy};
use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};

/// What 1,500 bytes of underlay carry inside over IPv4, and what 1,400 do.
const WIDE: u16 = 1_424;
const NARROW: u16 = 1_324;

/// A link whose side A plans with [`WIDE`] and learns [`NARROW`] from B; IPv4 and IPv6 inside.
fn narrower_than_planned() -> Link {
    let mut link = Link::plan(Underlay::V4);
    link.add_inner_v6();
    link.a.plan.lanes = 1;
    link.b
        .host
        .ip(&format!("link set {UNDERLAY_DEVICE} mtu 1400"));
    link.start();
    let status = link.a.gateway().status();
    assert_eq!(status.peer("gw-b").inner_mtu_bytes, NARROW);
    let vpc = &status.vpcs[0];
    assert_eq!((vpc.mtu_bytes, vpc.route_mtu_bytes), (WIDE, None));
    link
}

/// One ping of [`WIDE`] bytes that must not be fragmented: what it prints.
fn big_ping(from: &Namespace, to: IpAddr) -> String {
    let payload = WIDE - if to.is_ipv4() { 28 } else { 48 };
    let output = from.output("ping", &format!("-n -c 1 -W 5 -M do -s {payload} {to}"));
    assert!(!output.status.success(), "a packet that is too big arrived");
    text(&output)
}

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

// REQ-MTU-1, REQ-MTU-2, REQ-ADM-6
#[test]
fn the_sender_of_a_packet_that_is_too_big_is_told_what_fits() {
    let link = narrower_than_planned();
    let (a, b) = (link.a.blue(), link.b.blue());
    let v4 = big_ping(a, Side::B.inner_v4());
    assert!(
        v4.contains("From 10.2.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1324)"),
        "{v4}"
    );
    let v6 = big_ping(a, Side::B.inner_v6());
    assert!(
        v6.contains("From fd02::1 icmp_seq=1 Packet too big: mtu=1324"),
        "{v6}"
    );
    // The kernel believed it.
    for to in [Side::B.inner_v4(), Side::B.inner_v6()] {
        assert!(ping_of_size(a, to, NARROW));
        let again = big_ping(a, to);
        assert!(
            again.contains("message too long, mtu: 1324")
                || again.contains("message too long, mtu=1324"),
            "{again}"
        );
    }
    assert!(ping_of_size(b, Side::A.inner_v4(), NARROW));
    let status = link.a.gateway().status();
    assert_eq!(status.lane_event("icmp_too_big_sent"), 2);
    assert_eq!(status.lane_event("icmp_too_big_limited"), 0);
    assert_eq!(status.lane_event("icmp_too_big_unsent"), 0);
    // The tenants' kernels report IPv6 multicast groups (RFC 3810), which no prefix covers.
    status
        .without_drop("no_route")
        .assert_drops(&[("too_big", 2)]);
}

// REQ-MTU-1
#[test]
fn a_sender_without_dont_fragment_is_told_and_its_kernel_fragments_from_then_on() {
    let link = narrower_than_planned();
    let (a, to) = (link.a.blue(), Side::B.inner_v4());
    let payload = WIDE - 28;
    let arguments = format!("-n -c 3 -i 0.2 -W 2 -M dont -s {payload} {to}");
    let printed = text(&a.output("ping", &arguments));
    assert!(
        printed.contains("(mtu = 1324)") && printed.contains(" 2 received"),
        "{printed}"
    );
    let status = link.a.gateway().status();
    assert_eq!(status.lane_event("icmp_too_big_sent"), 1);
    status
        .without_drop("no_route")
        .assert_drops(&[("too_big", 1)]);
}

// REQ-MTU-2
#[test]
fn a_host_behind_the_tenant_is_told_through_a_strict_reverse_path_filter() {
    let link = narrower_than_planned();
    let router = link.a.blue();
    let host = Namespace::new("lan-a");
    connect(router, &host, "lan0");
    for setting in ["ip_forward", "conf/all/rp_filter"] {
        let file = format!("/proc/sys/net/ipv4/{setting}");
        router.run(|| fs::write(file, "1")).unwrap();
    }
    router.ip("link set lan0 up");
    router.ip("route add 10.1.0.77/32 dev lan0");
    host.ip("address add 10.1.0.77/24 dev lan0");
    host.ip("link set lan0 up");
    host.ip("route add default via 10.1.0.1");
    ping(&host, Side::B.inner_v4());
    let told = big_ping(&host, Side::B.inner_v4());
    assert!(
        told.contains("From 10.2.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1324)"),
        "{told}"
    );
    assert!(ping_of_size(&host, Side::B.inner_v4(), NARROW));
}

/// The segment sizes that SYNs announce, in the order of the frames.
fn announced(frames: &[Vec<u8>]) -> Vec<(IpAddr, u16)> {
    frames
        .iter()
        .filter_map(|frame| announcement(frame))
        .collect()
}

/// Who announces which segment size in this packet, if it is a SYN.
fn announcement(packet: &[u8]) -> Option<(IpAddr, u16)> {
    let sliced = SlicedPacket::from_ip(packet).ok()?;
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else {
        return None;
    };
    let source: IpAddr = match packet[0] >> 4 {
        4 => <[u8; 4]>::try_from(&packet[12..16]).unwrap().into(),
        _ => <[u8; 16]>::try_from(&packet[8..24]).unwrap().into(),
    };
    tcp.options_iterator().find_map(|option| match option {
        Ok(TcpOptionElement::MaximumSegmentSize(size)) if tcp.syn() => Some((source, size)),
        _ => None,
    })
}

// REQ-MTU-6
#[test]
fn syns_announce_what_fits_and_tcp_never_meets_the_limit() {
    let link = narrower_than_planned();
    let (a, b) = (link.a.blue(), link.b.blue());
    let inside = [a, b].map(|tenant| Capture::start(tenant, &device_of("blue")));
    tcp_copy(a, b, Side::B.inner_v4(), 500_000);
    tcp_copy(b, a, Side::A.inner_v4(), 500_000);
    tcp_copy(a, b, Side::B.inner_v6(), 500_000);
    tcp_copy(b, a, Side::A.inner_v6(), 500_000);
    // B's own device is narrow; what A's announces is lowered on its way.
    let [at_a, at_b] = inside.map(|capture| announced(&capture.finish()));
    for (of_a, headers) in [(Side::A.inner_v4(), 40), (Side::A.inner_v6(), 60)] {
        let by_a = |seen: &[(IpAddr, u16)]| -> Vec<u16> {
            let by_a = seen.iter().filter(|(source, _)| *source == of_a);
            by_a.map(|(_, size)| *size).collect()
        };
        assert_eq!(by_a(&at_a), [WIDE - headers; 2]);
        assert_eq!(by_a(&at_b), [NARROW - headers; 2]);
    }
    let status = link.a.gateway().status();
    assert_eq!(status.lane_event("tcp_mss_lowered"), 4);
    assert_eq!(status.lane_event("icmp_too_big_sent"), 0);
    for site in [&link.a, &link.b] {
        let status = site.gateway().status();
        status.without_drop("no_route").assert_drops(&[]);
    }
}

/// A second peer of side A, not there, whose path is narrower than that to B and known to be.
fn add_narrow_peer(link: &mut Link) {
    let endpoint = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 9), 51_840));
    link.a.host.ip(&format!(
        "route add 192.0.2.9/32 dev {UNDERLAY_DEVICE} mtu 1400"
    ));
    link.a.plan.peers.push(PeerPlan {
        name: "gw-c".into(),
        public_key: keys::nobody(),
        endpoint: Some(endpoint),
        roaming: None,
        keepalive: None,
        psk_files: vec![],
        vpcs: vec![PeerVpcPlan {
            name: "blue".into(),
            vni: 7_001,
            prefixes: vec!["10.3.0.0/24".into()],
        }],
    });
}

#[test]
fn each_peers_routes_have_the_mtu_of_its_path() {
    let mut link = Link::plan(Underlay::V4);
    add_narrow_peer(&mut link);
    link.start();
    let status = link.a.gateway().status();
    assert_eq!(status.peer("gw-b").inner_mtu_bytes, WIDE);
    assert_eq!(status.peer("gw-c").inner_mtu_bytes, NARROW);
    let vpc = &status.vpcs[0];
    assert_eq!((vpc.mtu_bytes, vpc.route_mtu_bytes), (WIDE, Some(NARROW)));
    let tenant = link.a.blue();
    let route = |prefix: &str| text(&tenant.output("ip", &format!("route show {prefix}")));
    let (to_b, to_c) = (route("10.2.0.0/24"), route("10.3.0.0/24"));
    assert!(
        to_b.contains("dev lv-blue") && !to_b.contains("mtu"),
        "{to_b}"
    );
    assert!(to_c.contains("mtu 1324"), "{to_c}");
    // The wide path is not held back by the narrow one, and the narrow one is kept by the kernel alone.
    assert!(ping_of_size(tenant, Side::B.inner_v4(), WIDE));
    let refused = big_ping(tenant, "10.3.0.7".parse().unwrap());
    assert!(refused.contains("message too long"), "{refused}");
    link.a.gateway().status().assert_drops(&[]);
}

/// Sends datagrams of [`WIDE`] bytes with "don't fragment", whatever the kernel has learned about the path.
fn flood(from: &Namespace, source: IpAddr, destination: IpAddr, count: usize) {
    let socket = from.run(|| UdpSocket::bind((source, 0))).unwrap();
    set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::PROBE).unwrap();
    let payload = vec![0; usize::from(WIDE) - 28];
    for number in 0..count {
        let sent = socket.send_to(&payload, (destination, 9)).unwrap();
        assert_eq!(sent, payload.len());
        // The device holds 500 packets.
        if number % 50 == 49 {
            pause(Duration::from_millis(1));
        }
    }
}

// REQ-MTU-5, REQ-CNT-1
#[test]
fn a_flood_of_big_packets_gets_few_answers_and_all_is_counted() {
    let link = narrower_than_planned();
    let start = clock::now();
    flood(link.a.blue(), Side::A.inner_v4(), Side::B.inner_v4(), 1_000);
    wait_for("all drops", || {
        let drops = link.a.gateway().status().drops;
        (drops["too_big"] >= 1_000).then_some(())
    });
    let elapsed = clock::now().saturating_duration_since(start);
    let status = link.a.gateway().status();
    let count = |what: &str| status.lane_event(&format!("icmp_too_big_{what}"));
    // The burst, and one for every 10 ms.
    let most = 64 + u64::try_from(elapsed.as_millis()).unwrap() / 10 + 1;
    assert!(
        (64..=most).contains(&count("sent")),
        "{} of {most}",
        count("sent")
    );
    assert_eq!(count("sent") + count("limited"), 1_000);
    assert_eq!(count("unsent"), 0);
    let dropped = status.without_drop("no_route");
    dropped.assert_drops(&[("too_big", 1_000)]);
}

// REQ-MTU-4
#[test]
fn a_path_that_is_too_narrow_for_ipv6_is_refused_with_its_numbers() {
    for (underlay, bytes) in [(Underlay::V4, 1_356), (Underlay::V6, 1_376)] {
        let mut link = Link::plan(underlay);
        link.add_inner_v6();
        link.set_underlay_mtu(bytes - 1);
        let refused = text(&run_up(&link));
        for part in [
            "\"blue\"",
            "\"gw-b\"",
            "IPv6 needs 1280",
            &format!("path's MTU to {bytes}"),
        ] {
            assert!(refused.contains(part), "{part} in {refused}");
        }
        link.set_underlay_mtu(bytes);
        link.start();
        assert!(ping_of_size(link.a.blue(), Side::B.inner_v6(), 1280));
    }
}

/// `linkveil up` on side A, which is expected to end by itself.
fn run_up(link: &Link) -> Output {
    let folder = link.a.folder();
    keys::write_secret(&folder.join("node.key"), &link.a.secret);
    let socket = Gateway::control_socket_in(folder);
    let config = folder.join("narrow.toml");
    let netns_of = |vpc: &str| link.a.tenants[vpc].name().to_owned();
    let toml = link.a.plan.to_toml(&socket.to_string_lossy(), netns_of);
    fs::write(&config, toml).unwrap();
    let arguments = format!("up {}", config.display());
    let output = link.a.host.output(&binary().to_string_lossy(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    output
}
