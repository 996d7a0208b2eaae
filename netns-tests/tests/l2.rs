//! An Ethernet VPC between three gateways.

use std::net::SocketAddr;
use std::time::Duration;

use etherparse::PacketBuilder;
use linkveil_netns_tests::link::{PORT, Site};
use linkveil_netns_tests::mesh::{DEVICE, GATEWAYS, Mesh, inner_v4, inner_v6, vni};
use linkveil_netns_tests::peer::{Call, HandMadePeer};
use linkveil_netns_tests::station::Station;
use linkveil_netns_tests::timing::{pause, wait_for};
use linkveil_netns_tests::traffic::{ping, ping_of_size, tcp_copy};
use linkveil_wire::{ChecksumState, Encapsulation, InnerProtocol, LaneCount, Vni};

const BROADCAST: [u8; 6] = [0xff; 6];
/// The stations of the three sites, and one that nobody has.
const MAC: [[u8; 6]; 3] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 3]];
const NOBODY: [u8; 6] = [2, 0, 0, 0, 0, 9];
/// An EtherType that no kernel answers (IEEE 802, local experiments).
const EXPERIMENT: [u8; 2] = [0x88, 0xb5];

fn frame(to: [u8; 6], from: [u8; 6], payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &EXPERIMENT, payload].concat()
}

/// The mesh, running, with a station at each site.
fn mesh_with_stations() -> (Mesh, [Station; 3]) {
    let mut mesh = Mesh::plan();
    mesh.start();
    let stations = [0, 1, 2].map(|site| Station::plug_in(mesh.tenant(site), DEVICE));
    (mesh, stations)
}

/// Datagrams that a site has sealed with tenants' frames in them, for each of its peers.
fn sent(site: &Site) -> Vec<u64> {
    let status = site.gateway().status();
    status.peers.iter().map(|peer| peer.tx.packets).collect()
}

/// What control has learned reaches the lanes some milliseconds later.
const PUBLISHED: Duration = Duration::from_millis(100);

/// Until the gateway knows so many stations behind a peer.
fn wait_for_macs(site: &Site, peer: &str, count: u64) {
    wait_for("stations behind the peer", || {
        (site.gateway().status().peer(peer).macs == count).then_some(())
    });
    pause(PUBLISHED);
}

/// Until the gateway knows one station on its own side.
fn wait_for_local_mac(site: &Site) {
    wait_for("the station on this side", || {
        let status = site.gateway().status();
        (status.vpcs[0].local_macs == Some(1)).then_some(())
    });
    pause(PUBLISHED);
}

// REQ-L2-1, REQ-L2-6, REQ-L2-8
#[test]
fn kernels_find_each_other_by_arp_and_neighbor_discovery() {
    let mut mesh = Mesh::plan();
    mesh.add_addresses();
    mesh.start();
    for site in 0..3 {
        wait_for("the end of duplicate address detection", || {
            let tenant = mesh.tenant(site);
            let tentative = tenant.output("ip", &format!("-6 address show dev {DEVICE} tentative"));
            tentative.stdout.is_empty().then_some(())
        });
    }
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        ping(mesh.tenant(from), inner_v4(to));
        ping(mesh.tenant(from), inner_v6(to));
    }
    tcp_copy(mesh.tenant(0), mesh.tenant(2), inner_v4(2), 300_000);
    tcp_copy(mesh.tenant(1), mesh.tenant(0), inner_v6(0), 300_000);
    for (number, site) in mesh.sites.iter().enumerate() {
        let status = site.gateway().status();
        // 76 bytes around the frame, and 14 of its header.
        assert_eq!(status.vpcs[0].mtu_bytes, 1500 - 76 - 14);
        assert_eq!(status.vpcs[0].kind, "l2");
        assert_eq!(status.vpcs[0].local_macs, Some(1));
        let other = inner_v4((number + 1) % 3);
        assert!(ping_of_size(mesh.tenant(number), other, 1410));
        let macs = status.peers.iter().map(|peer| peer.macs);
        assert_eq!(macs.collect::<Vec<_>>(), [1, 1]);
        // The kernels ask for their own addresses before there are keys.
        status.without_drop("no_epoch").assert_drops(&[]);
    }
}

// REQ-L2-8, REQ-L2-9, REQ-L2-11
#[test]
fn what_is_for_everybody_reaches_both_peers_unchanged_and_is_not_passed_on() {
    let (mesh, mut stations) = mesh_with_stations();
    let tags = [0x88, 0xa8, 0, 9, 0x81, 0, 0x20, 7];
    for sent in [
        frame(BROADCAST, MAC[0], b"for all, padded with nothing"),
        frame([0x33, 0x33, 0, 0, 0, 7], MAC[0], b"for a group"),
        frame(NOBODY, MAC[0], b"for somebody, somewhere"),
        [&BROADCAST[..], &MAC[0], &tags, &EXPERIMENT, b"in two VLANs"].concat(),
    ] {
        stations[0].send(&sent);
        stations[1].expect(&sent);
        stations[2].expect(&sent);
    }
    for station in &mut stations {
        station.expect_silence();
    }
    let counts: Vec<_> = mesh.sites.iter().map(sent).collect();
    assert_eq!(counts, [[4, 4], [0, 0], [0, 0]]);
    for site in &mesh.sites {
        site.gateway().status().assert_drops(&[]);
    }
}

/// An echo request or reply in VLAN 7, from the station of one site to that of another.
fn tagged_echo(from: usize, to: usize, reply: Option<u16>) -> Vec<u8> {
    let vlan = etherparse::VlanId::try_new(7).unwrap();
    let builder = PacketBuilder::ethernet2(MAC[from], MAC[to])
        .single_vlan(vlan)
        .ipv4([10, 7, 0, 1], [10, 7, 0, 2], 64);
    let builder = match reply {
        None => builder.icmpv4_echo_request(1, 1),
        Some(sequence) => builder.icmpv4_echo_reply(1, sequence),
    };
    let mut frame = Vec::new();
    builder.write(&mut frame, b"ping").unwrap();
    frame
}

// REQ-L2-6, REQ-L2-7, REQ-L2-11
#[test]
fn a_ping_in_a_vlan_is_answered_and_the_answer_goes_to_the_one_that_asked() {
    let (mesh, mut stations) = mesh_with_stations();
    let (request, reply) = (tagged_echo(0, 1, None), tagged_echo(1, 0, Some(1)));
    assert_eq!(request[12..16], [0x81, 0, 0, 7]);
    stations[0].send(&request);
    stations[1].expect(&request);
    // Nobody knew where the second station is; where the first one is, all have learned.
    stations[2].expect(&request);
    wait_for_macs(&mesh.sites[1], GATEWAYS[0], 1);
    stations[1].send(&reply);
    stations[0].expect(&reply);
    wait_for_macs(&mesh.sites[0], GATEWAYS[1], 1);
    stations[0].send(&request);
    stations[1].expect(&request);
    stations[2].expect_silence();
    let counts: Vec<_> = mesh.sites.iter().map(sent).collect();
    assert_eq!(counts, [[2, 1], [1, 0], [0, 0]]);
    for site in &mesh.sites {
        site.gateway().status().assert_drops(&[]);
    }
}

// REQ-L2-6
#[test]
fn a_station_that_moves_to_another_site_is_followed() {
    let (mesh, mut stations) = mesh_with_stations();
    let (there, moved) = (
        frame(BROADCAST, NOBODY, b"I am at the second site"),
        frame(BROADCAST, NOBODY, b"I am at the third site"),
    );
    let to_it = frame(NOBODY, MAC[0], b"where are you?");
    stations[1].send(&there);
    stations[0].expect(&there);
    stations[2].expect(&there);
    wait_for_macs(&mesh.sites[0], GATEWAYS[1], 1);
    stations[0].send(&to_it);
    stations[1].expect(&to_it);
    stations[2].expect_silence();

    stations[2].send(&moved);
    stations[0].expect(&moved);
    wait_for_macs(&mesh.sites[0], GATEWAYS[2], 1);
    stations[0].send(&to_it);
    stations[2].expect(&to_it);
    stations[1].expect_silence();
    let status = mesh.sites[0].gateway().status();
    assert_eq!(status.peer(GATEWAYS[1]).macs, 0);
    assert_eq!(status.station("macs_moved"), 1);
    status.assert_drops(&[]);
    // Where it came from it is a station of the local side until it is forgotten.
    let left = mesh.sites[1].gateway().status();
    left.assert_drops(&[("local_mac_from_peer", 1)]);
}

// REQ-L2-13
#[test]
fn a_frame_that_is_too_large_for_a_peer_is_dropped_and_counted_for_each() {
    let mut mesh = Mesh::plan();
    mesh.sites[0].plan.vpcs[0].mtu = Some(1500);
    mesh.start();
    let mut stations = [0, 1, 2].map(|site| Station::plug_in(mesh.tenant(site), DEVICE));
    stations[0].send(&frame(BROADCAST, MAC[0], &[0; 1_411]));
    wait_for("the drops", || {
        let drops = mesh.sites[0].gateway().status().drops;
        (drops["too_big"] == 2).then_some(())
    });
    let largest = frame(BROADCAST, MAC[0], &[0; 1_410]);
    stations[0].send(&largest);
    stations[1].expect(&largest);
    stations[2].expect(&largest);
    let status = mesh.sites[0].gateway().status();
    status.assert_drops(&[("too_big", 2)]);
    assert_eq!(status.vpcs[0].mtu_bytes, 1500);
}

/// A gateway on the first site with a station, and in place of the second one a peer made by hand. The third is away.
fn station_and_hand_made_peer() -> (Mesh, Station, HandMadePeer) {
    let mut mesh = Mesh::plan();
    // The gateway waits until it is called.
    for peer in &mut mesh.sites[0].plan.peers {
        peer.endpoint = None;
    }
    mesh.sites[0].start();
    let station = Station::plug_in(mesh.tenant(0), DEVICE);
    let (own, there) = (&mesh.sites[0], &mesh.sites[1]);
    let call = Call {
        secret: linkveil_crypto::StaticSecret::from_bytes(there.secret.expose()),
        local: SocketAddr::new(there.plan.listen.ip(), PORT),
        remote: own.plan.listen,
        public_key: own.secret.public(),
        lanes: LaneCount::new(PEER_LANES).unwrap(),
    };
    let peer = HandMadePeer::call(&there.host, &call);
    (mesh, station, peer)
}

/// Lanes of the hand-made peer. Debug builds give a lane key 4,096 datagrams, and one test sends more.
const PEER_LANES: u8 = 2;

fn ethernet(inner: &[u8]) -> Encapsulation {
    Encapsulation {
        vni: Vni::new(vni(1)).unwrap(),
        protocol: InnerProtocol::Ethernet,
        checksum: ChecksumState::Complete,
        inner_len: inner.len().try_into().unwrap(),
    }
}

fn send_frame(peer: &mut HandMadePeer, frame: &[u8]) {
    let datagram = peer.seal(0, &ethernet(frame), frame);
    peer.send(&[datagram]);
}

// REQ-L2-2 to REQ-L2-5
#[test]
fn a_hostile_peer_cannot_take_a_local_station_nor_pass_what_is_no_frame() {
    let (mesh, mut station, mut peer) = station_and_hand_made_peer();
    station.send(&frame(BROADCAST, MAC[0], b"mine"));
    wait_for_local_mac(&mesh.sites[0]);
    let whole = frame(BROADCAST, MAC[1], b"from the peer");
    for refused in [
        &frame(BROADCAST, MAC[0], b"mine, too"),
        &frame(MAC[0], BROADCAST, b"from everybody"),
        &frame(MAC[0], [0; 6], b"from nobody"),
        &whole[..13],
    ] {
        send_frame(&mut peer, refused);
    }
    let as_packet = Encapsulation {
        protocol: InnerProtocol::Ipv4,
        ..ethernet(&[0; 20])
    };
    let packet = [&[0x45, 0, 0, 20][..], &[0; 16]].concat();
    let datagram = peer.seal(0, &as_packet, &packet);
    peer.send(&[datagram]);
    send_frame(&mut peer, &whole);
    station.expect(&whole);
    station.expect_silence();
    wait_for_macs(&mesh.sites[0], GATEWAYS[1], 1);
    let status = mesh.sites[0].gateway().status();
    assert_eq!(status.vpcs[0].local_macs, Some(1), "not lost to the peer");
    // The third gateway's copy of the broadcast.
    status.without_drop("no_epoch").assert_drops(&[
        ("local_mac_from_peer", 1),
        ("rx_source_mac", 2),
        ("rx_too_short", 1),
        ("wrong_vpc_kind", 1),
    ]);
}

// REQ-L2-14
#[test]
fn a_peer_that_invents_stations_fills_its_own_share_and_no_other() {
    let (mesh, mut station, mut peer) = station_and_hand_made_peer();
    for number in 0_u16..5_000 {
        let [a, b] = number.to_be_bytes();
        let invented = frame(MAC[0], [6, 6, 6, 6, a, b], b"");
        let datagram = peer.seal(usize::from(b % PEER_LANES), &ethernet(&invented), &invented);
        peer.send(&[datagram]);
        if number % 100 == 0 {
            // The rate at which a lane tells control what it sees is bounded.
            pause(Duration::from_millis(15));
        }
    }
    wait_for_macs(&mesh.sites[0], GATEWAYS[1], 4_096);
    station.send(&frame(BROADCAST, MAC[0], b"still here"));
    wait_for_local_mac(&mesh.sites[0]);
    let status = mesh.sites[0].gateway().status();
    assert_eq!(status.peer(GATEWAYS[1]).macs, 4_096);
    assert!(status.station("macs_refused_full") > 0);
}
