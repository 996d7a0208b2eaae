//! Device offloads: super-packets and partial checksums between a tenant's kernel and its gateway, with and without, and
//! one kind of gateway against the other.

use std::fs;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use linkveil_netns_tests::capture::Capture;
use linkveil_netns_tests::kernel::{DevicePackets, device_packets};
use linkveil_netns_tests::link::{Link, Side, Site, UNDERLAY_DEVICE};
use linkveil_netns_tests::netns::{Namespace, connect};
use linkveil_netns_tests::plan::{Underlay, device_of};
use linkveil_netns_tests::streams::{Way, tcp_stream_until};
use linkveil_netns_tests::timing::wait_for;
use linkveil_netns_tests::traffic::{ping, ping_of_size, tcp_copy};

/// Bytes of one copy. A lane key of a debug build is used up after 4,096 packets, so there are new keys between copies.
const COPY: usize = 2_000_000;
const REKEYS: u32 = 8;
/// An Ethernet frame with what the underlay carries.
const LONGEST_FRAME: usize = 14 + 1_500;
/// The inner MTU on such an underlay over IPv4.
const INNER_MTU: u16 = 1_424;

/// Both gateways as given, IPv4 inside; not started.
fn plan(a: &'static str, b: &'static str) -> Link {
    let mut link = Link::plan(Underlay::V4);
    link.a.plan.offload = Some(a);
    link.b.plan.offload = Some(b);
    link
}

fn up(a: &'static str, b: &'static str) -> Link {
    let mut link = plan(a, b);
    link.start();
    link
}

fn new_keys(link: &Link) {
    let before = link.wait_until_established();
    link.a.gateway().rekey();
    link.wait_for_epoch_after(&before);
}

/// From side A to side B.
fn way(link: &Link, inner: fn(Side) -> IpAddr) -> Way<'_> {
    Way {
        from: link.a.blue(),
        source: inner(Side::A),
        to: link.b.blue(),
        destination: inner(Side::B),
    }
}

const fn back(way: Way<'_>) -> Way<'_> {
    Way {
        from: way.to,
        source: way.destination,
        to: way.from,
        destination: way.source,
    }
}

fn everything_crosses(way: Way<'_>) {
    let headers = if way.destination.is_ipv4() { 28 } else { 48 };
    let full = usize::from(INNER_MTU) - headers;
    ping(way.from, way.destination);
    assert!(ping_of_size(way.from, way.destination, INNER_MTU));
    // The last one in fragments, whose checksum only the end can complete.
    way.datagrams(&[0, 1, 15, 16, 17, 511, 1_200, full - 1, full, 4_000]);
    way.train(30, 1_200);
    way.train(5, full);
    tcp_copy(way.from, way.to, way.destination, COPY);
}

/// All kinds of traffic, both ways, in both families.
fn everything_crosses_between(a: &'static str, b: &'static str) {
    let mut link = plan(a, b);
    link.add_inner_v6();
    link.start();
    for inner in [Side::inner_v4, Side::inner_v6] {
        let there = way(&link, inner);
        for way in [there, back(there)] {
            everything_crosses(way);
            new_keys(&link);
        }
    }
    for site in [&link.a, &link.b] {
        // The tenants' kernels report IPv6 multicast groups (RFC 3810), which no prefix covers.
        let status = site.gateway().status().without_drop("no_route");
        status.assert_drops(&[]);
    }
}

// REQ-OFFLOAD-1, REQ-OFFLOAD-2, REQ-OFFLOAD-4, REQ-OFFLOAD-6
#[test]
fn everything_crosses_with_offloads_on_both_sides() {
    everything_crosses_between("auto", "auto");
}

// REQ-OFFLOAD-1, REQ-OFFLOAD-2
#[test]
fn everything_crosses_from_offloads_to_none() {
    everything_crosses_between("auto", "off");
}

// REQ-OFFLOAD-4, REQ-OFFLOAD-5
#[test]
fn everything_crosses_from_none_to_offloads() {
    everything_crosses_between("off", "auto");
}

#[test]
fn everything_crosses_without_offloads() {
    everything_crosses_between("off", "off");
}

/// Inner packets that the gateway counted, both ways, as its device should count them without offloads.
fn inner_packets(site: &Site) -> DevicePackets {
    let peer = &site.gateway().status().peers[0];
    DevicePackets {
        received: peer.rx.packets,
        sent: peer.tx.packets,
    }
}

fn of_device(site: &Site) -> DevicePackets {
    device_packets(site.blue(), &device_of("blue"))
}

// REQ-OFFLOAD-1, REQ-OFFLOAD-4
#[test]
fn super_packets_cross_the_devices_that_have_offloads() {
    let link = up("auto", "auto");
    tcp_copy(link.a.blue(), link.b.blue(), Side::B.inner_v4(), COPY);
    let (inner, device) = (inner_packets(&link.a), of_device(&link.a));
    assert!(inner.sent > 4 * device.sent, "{inner:?} in {device:?}");
    let (inner, device) = (inner_packets(&link.b), of_device(&link.b));
    assert!(
        inner.received > 2 * device.received,
        "{inner:?} in {device:?}"
    );
}

#[test]
fn every_packet_crosses_a_device_without_offloads_alone() {
    let link = up("auto", "off");
    tcp_copy(link.a.blue(), link.b.blue(), Side::B.inner_v4(), COPY);
    assert!(inner_packets(&link.a).sent > 4 * of_device(&link.a).sent);
    wait_for("the last packet to be counted", || {
        (inner_packets(&link.b) == of_device(&link.b)).then_some(())
    });
}

// REQ-OFFLOAD-1, REQ-OFFLOAD-3
#[test]
fn on_the_underlay_no_datagram_is_longer_than_the_path_carries() {
    let link = up("auto", "auto");
    for site in [&link.a, &link.b] {
        // The kernel cuts the gateway's trains before they enter the cable, as for a card without offloads.
        let host = &site.host;
        host.ip(&format!("link set {UNDERLAY_DEVICE} gso_max_segs 1"));
    }
    let capture = Capture::start(&link.a.host, UNDERLAY_DEVICE);
    tcp_copy(link.a.blue(), link.b.blue(), Side::B.inner_v4(), COPY);
    let lengths: Vec<usize> = capture.finish().iter().map(Vec::len).collect();
    assert_eq!(lengths.iter().max(), Some(&LONGEST_FRAME));
    let full = lengths.iter().filter(|len| **len == LONGEST_FRAME).count();
    // A capture may miss some.
    let needed = COPY / usize::from(INNER_MTU);
    assert!(full > needed / 2, "{full} of {needed}");
    assert!(inner_packets(&link.a).sent > 4 * of_device(&link.a).sent);
    link.a.gateway().status().assert_drops(&[]);
}

/// A host behind the tenant of side A, on a cable that computes no checksums and cuts nothing.
fn host_behind(router: &Namespace) -> (Namespace, IpAddr) {
    let host = Namespace::new("lan-a");
    connect(router, &host, "lan0");
    let forward = || fs::write("/proc/sys/net/ipv4/ip_forward", "1");
    router.run(forward).unwrap();
    for end in [router, &host] {
        let done = end.output("ethtool", "-K lan0 tx off tso off gso off");
        assert!(done.status.success(), "ethtool: {done:?}");
    }
    router.ip("link set lan0 up");
    router.ip("route add 10.1.0.77/32 dev lan0");
    host.ip("address add 10.1.0.77/24 dev lan0");
    host.ip("link set lan0 up");
    host.ip("route add default via 10.1.0.1");
    (host, IpAddr::from([10, 1, 0, 77]))
}

/// Whether a TCP packet over IPv4 has the right checksum; nothing for other frames.
fn is_right(frame: &[u8]) -> Option<bool> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (packet.net, packet.transport)
    else {
        return None;
    };
    let ip = ip.header();
    let right = tcp.calc_checksum_ipv4(ip.source(), ip.destination());
    Some(right.unwrap() == tcp.checksum())
}

// REQ-OFFLOAD-6
#[test]
fn a_tenant_that_forwards_completes_what_its_gateway_left_partial() {
    let link = up("auto", "auto");
    let (host, address) = host_behind(link.a.blue());
    let capture = Capture::start(&host, "lan0");
    ping(&host, Side::B.inner_v4());
    tcp_copy(&host, link.b.blue(), Side::B.inner_v4(), COPY);
    new_keys(&link);
    tcp_copy(link.b.blue(), &host, address, COPY);
    let checked: Vec<bool> = capture
        .finish()
        .iter()
        .filter_map(|frame| is_right(frame))
        .collect();
    assert!(
        checked.len() > COPY / usize::from(INNER_MTU),
        "{}",
        checked.len()
    );
    let wrong = checked.iter().filter(|right| !**right).count();
    assert_eq!(wrong, 0, "wrong checksums of {}", checked.len());
    for site in [&link.a, &link.b] {
        site.gateway().status().assert_drops(&[]);
    }
}

// REQ-OFFLOAD-1, REQ-OFFLOAD-4, REQ-REPLAY-1
#[test]
fn tcp_crosses_a_foul_link_whole_with_offloads() {
    let mut link = plan("auto", "auto");
    for (site, seed) in [(&mut link.a, 5), (&mut link.b, 6)] {
        site.plan.impair = Some(format!(
            "seed = {seed}\nloss = \"1 %\"\nduplicate = \"2 %\"\nreorder = \"2 %\"\ncorrupt = \"1 %\"\n\
             delay_ms = 1"
        ));
    }
    link.start();
    tcp_copy(link.a.blue(), link.b.blue(), Side::B.inner_v4(), COPY);
    new_keys(&link);
    tcp_copy(link.b.blue(), link.a.blue(), Side::A.inner_v4(), COPY);
    for site in [&link.a, &link.b] {
        let status = site.gateway().status();
        for name in ["impair_lost", "unauthentic", "duplicate"] {
            assert!(status.drops[name] > 0, "{name}: {:?}", status.drops);
        }
        assert!(status.lane_event("impair_reordered") > 0);
    }
    let (inner, device) = (inner_packets(&link.a), of_device(&link.a));
    assert!(inner.sent > device.sent, "{inner:?} in {device:?}");
}

// REQ-EPOCH-1, REQ-OFFLOAD-1
#[test]
fn rekeys_under_a_tcp_stream_of_super_packets_drop_nothing() {
    let link = up("auto", "auto");
    let stop = AtomicBool::new(false);
    let bytes = thread::scope(|scope| {
        let (a, b) = (link.a.blue(), link.b.blue());
        let stream = scope.spawn(|| tcp_stream_until(a, b, Side::B.inner_v4(), &stop));
        let mut epoch = link.wait_until_established();
        for number in 0..REKEYS {
            let site = if number % 2 == 0 { &link.a } else { &link.b };
            site.gateway().rekey();
            epoch = link.wait_for_epoch_after(&epoch);
        }
        stop.store(true, Ordering::Relaxed);
        stream.join().unwrap()
    });
    assert!(bytes > 500_000, "too slow to prove anything: {bytes}");
    assert!(inner_packets(&link.a).sent > 4 * of_device(&link.a).sent);
    for site in [&link.a, &link.b] {
        site.gateway().status().assert_drops(&[]);
    }
}

#[test]
fn lanes_that_poll_before_they_sleep_lose_nothing() {
    let mut link = plan("auto", "auto");
    link.a.plan.busy_poll = Some("50us");
    link.b.plan.busy_poll = Some("50us");
    link.start();
    everything_crosses(way(&link, Side::inner_v4));
    new_keys(&link);
    everything_crosses(back(way(&link, Side::inner_v4)));
    for site in [&link.a, &link.b] {
        site.gateway().status().assert_drops(&[]);
    }
}
