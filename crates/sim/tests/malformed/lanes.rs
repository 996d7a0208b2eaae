//! Lanes that get garbage from outside, and from a peer that holds the right keys.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use linkveil_crypto::{Direction, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_dataplane::{
    Lane, LaneQueues, MacLearner, MacOwner, PeerForwarding, Pool, PoolEvent, Report, RouteTable,
    Sighting, Snapshot, Turn, VpcBridge, VpcForwarding, VpcIndex, VpcRoutes,
};
use linkveil_net::gso::Train;
use linkveil_net::memory::{MemoryTun, MemoryUdp, NetworkOptions, TunHost, network, tun};
use linkveil_sa::{
    EpochId, LaneCommand, Limits, Path, PeerId, RxInstall, TxInstall, TxSa, split_epoch,
};
use linkveil_sim::clock::VirtualClock;
use linkveil_sim::random::SimRandom;
use linkveil_wire::{EthernetFrame, InnerMtu, InnerPacket, LaneCount, MacAddr, Spi, Vni};

use crate::mutate::{mutate, noise, place};
use crate::samples::{ETHERNET_VNI, LOCAL_STATION, SOCKET, VNI, frame};
use crate::{random, share};

const LANES: u8 = 2;
const SENDER_LANES: u8 = 4;
const PEER: PeerId = PeerId::new(0);
const EPOCH: EpochId = EpochId::new(1);
/// Between two looks at the counters.
const CHUNK: u64 = 64;
/// Fates that nothing here comes to, by the beginnings of their names: those of the way out; those of rings, windows, keys
/// and devices that have had enough; and what the least length of a datagram rules out. All others must have been met.
const ELSEWHERE: [&str; 13] = [
    "tx_",
    "local_destination",
    "no_",
    "too_big",
    "send_queue_full",
    "underlay_",
    "stray_dropped",
    "not_owner",
    "rx_key_",
    "too_old",
    "device_refused",
    "trains_truncated",
    "geneve_too_short",
];
/// No key of this test wears out.
const ENDLESS: Limits = Limits {
    packets: u64::MAX,
    bytes: u64::MAX,
    failed_opens: u64::MAX,
};

fn address(host: u8) -> SocketAddr {
    ([192, 0, 2, host], 51_840).into()
}

fn split(direction: Direction) -> (linkveil_sa::TxKeys, linkveil_sa::RxKeys) {
    let secret = EpochSecret::derive(
        &HandshakeHash::new([3; 32]),
        &KeyBytes::new([1; 32]),
        &KeyBytes::new([2; 32]),
        None,
    );
    split_epoch(secret, Suite::Aes256Gcm, PostQuantum::Classical, direction)
}

/// The VPC of IP packets and the one of Ethernet frames, by their places.
const ROUTED: VpcIndex = VpcIndex::new(0);
const BRIDGED: VpcIndex = VpcIndex::new(1);

fn vni(number: u32) -> Vni {
    Vni::new(number).unwrap()
}

fn route_table() -> RouteTable {
    let prefixes = ["10.1.0.0/24", "fd01::/64"];
    let routes = prefixes
        .iter()
        .map(|prefix| (prefix.parse().unwrap(), PEER));
    let routed = VpcRoutes {
        vni: vni(VNI),
        routes: routes.collect(),
    };
    let bridged = VpcBridge {
        vni: vni(ETHERNET_VNI),
        peers: vec![PEER],
    };
    RouteTable::new(vec![
        VpcForwarding::Routed(routed),
        VpcForwarding::Bridged(bridged),
    ])
}

fn snapshot(clock: &VirtualClock) -> Snapshot {
    let peer = PeerForwarding {
        path: Some(Path {
            socket: SOCKET,
            remote: address(1),
        }),
        inner_mtu: InnerMtu::new(1_424).unwrap(),
        vpcs: vec![(vni(VNI), ROUTED), (vni(ETHERNET_VNI), BRIDGED)],
    };
    let mut learner = MacLearner::new(2, clock.instant());
    let local = Sighting {
        vpc: BRIDGED,
        mac: MacAddr::new(LOCAL_STATION),
        owner: MacOwner::Local,
    };
    learner.handle_sighting(local, clock.instant());
    let macs = learner
        .poll_tables(clock.instant() + Duration::from_secs(1))
        .expect("a station was learned");
    Snapshot::new(Arc::new(route_table()), vec![peer]).with_macs(macs)
}

/// A node with keys, and a peer's bare sending half.
struct Scene {
    clock: VirtualClock,
    pool: Pool,
    lanes: Vec<Lane<MemoryTun, MemoryUdp>>,
    /// For each VPC, by its place, the hosts behind its device: one for each lane.
    hosts: [Vec<TunHost>; 2],
    control: MemoryUdp,
    outside: MemoryUdp,
    sealers: Vec<TxSa>,
    report: Option<Report>,
    delivered: u64,
    to_control: u64,
}

impl Scene {
    fn new() -> Self {
        let groups = [(address(1), 1), (address(2), LANES.into())];
        let mut groups = network(&groups, NetworkOptions::default()).into_iter();
        let (outside, own) = (groups.next().unwrap().control, groups.next().unwrap());
        let mut hosts = [Vec::new(), Vec::new()];
        let queues = own.data.into_iter().map(|udp| LaneQueues {
            tuns: hosts.iter_mut().map(queue).collect(),
            udps: vec![udp],
        });
        let queues = queues.collect();
        let clock = VirtualClock::new();
        let (pool, lanes) = linkveil_dataplane::build(queues, &Arc::new(snapshot(&clock))).unwrap();
        let hard_deadline = clock.instant() + Duration::from_secs(1_000_000);
        let (spi, sender_lanes) = (Spi::new(2).unwrap(), LaneCount::new(SENDER_LANES).unwrap());
        let sealers = TxInstall {
            peer: PEER,
            epoch: EPOCH,
            spi,
            lanes: sender_lanes,
            keys: split(Direction::InitiatorToResponder).0,
            limits: ENDLESS,
            hard_deadline,
            partial_checksums: linkveil_sa::PartialChecksums::Accepted,
        };
        let mut scene = Self {
            clock,
            pool,
            lanes,
            hosts,
            control: own.control,
            outside,
            sealers: sealers.into_lanes().collect(),
            report: None,
            delivered: 0,
            to_control: 0,
        };
        scene.pool.command(LaneCommand::InstallRx(RxInstall {
            peer: PEER,
            epoch: EPOCH,
            spi,
            peer_lanes: sender_lanes,
            keys: split(Direction::ResponderToInitiator).1,
            limits: ENDLESS,
            hard_deadline,
        }));
        scene.settle();
        scene
    }

    /// Lanes work until nothing is left to do, then everything that came out is looked at.
    fn settle(&mut self) {
        loop {
            self.pool.flush();
            let now = self.clock.instant();
            let turns = self.lanes.iter_mut().map(|lane| lane.turn(now).unwrap());
            let worked = turns.filter(|turn| *turn == Turn::Worked).count();
            let mut told = 0;
            while let Some(event) = self.pool.poll_event() {
                told += 1;
                if let PoolEvent::Report(report) = event {
                    self.report = Some(*report);
                }
            }
            if worked + told == 0 {
                break;
            }
        }
        while let Some((_, meta)) = self.control.recv_from() {
            self.to_control += u64::try_from(meta.segments().count()).unwrap();
        }
        let [routed, bridged] = &self.hosts;
        for packet in routed.iter().flat_map(received) {
            check_packet(&packet);
            self.delivered += 1;
        }
        for frame in bridged.iter().flat_map(received) {
            check_frame(&frame);
            self.delivered += 1;
        }
    }

    /// What became of all datagrams so far, by name.
    fn fates(&mut self) -> BTreeMap<&'static str, u64> {
        self.settle();
        self.pool.request_report();
        self.settle();
        let report = self.report.take().expect("the lanes answer");
        let events = report.events.named();
        let others = ["control_frames_received", "trains_truncated"];
        let events = events.filter(|(name, _)| others.contains(name));
        let mut fates: BTreeMap<_, _> = report.drops.named().chain(events).collect();
        fates.insert("delivered", self.delivered);
        fates.insert("to the control socket", self.to_control);
        fates
    }

    fn seal(&mut self, random: &mut SimRandom, plaintext: &[u8]) -> Vec<u8> {
        let mut datagram = [&[0; 16], plaintext, &[0; 16]].concat();
        let lane = place(random, self.sealers.len());
        self.sealers[lane].seal_in_place(&mut datagram).unwrap();
        datagram
    }

    fn send(&mut self, random: &mut SimRandom, bytes: &[u8], segment_len: usize) {
        let train = Train {
            remote: address(2),
            tos: random.pick(&[0, 0, 1, 2, 3]),
            segment_len,
            bytes,
        };
        self.outside.send_train(train).expect("its queue has room");
    }
}

/// A lane's queue of a device; its host joins the others.
fn queue(hosts: &mut Vec<TunHost>) -> MemoryTun {
    let (tun, host) = tun(4_096);
    hosts.push(host);
    tun
}

fn received(host: &TunHost) -> impl Iterator<Item = Vec<u8>> {
    std::iter::from_fn(|| host.recv())
}

/// Nothing comes out of the bridged device but frames from stations that are not on this side.
fn check_frame(bytes: &[u8]) {
    let frame = EthernetFrame::parse(bytes).expect("a frame");
    let source = frame.source();
    assert!(source.is_station() && source != MacAddr::new(LOCAL_STATION));
}

/// Nothing comes out of the routed device but whole packets from the peer's own networks.
fn check_packet(packet: &[u8]) {
    let inner = InnerPacket::parse(packet).expect("a whole IP packet");
    let own = match inner.source() {
        std::net::IpAddr::V4(source) => source.octets().starts_with(&[10, 1, 0]),
        std::net::IpAddr::V6(source) => source.octets().starts_with(&[0xfd, 1, 0, 0, 0, 0, 0, 0]),
    };
    assert!(own, "from {}", inner.source());
}

/// A clear header that nobody sends: another type, lane, SPI or number, or reserved bits.
fn spoil_header(random: &mut SimRandom, datagram: &mut [u8]) {
    let (at, len, value) = random.pick(&[
        (0, 1, 1),
        (0, 1, 9),
        (1, 1, 3),
        (1, 1, 5),
        (1, 1, 64),
        (3, 1, 1),
        (4, 4, 0),
        (7, 1, 99),
        (8, 8, 0),
        (8, 1, 0xff),
    ]);
    datagram[at..at + len].fill(value);
}

/// A plaintext with lies in it, or without.
fn plaintext(random: &mut SimRandom) -> Vec<u8> {
    let mut plaintext = frame(random);
    match random.below(20) {
        0 => {
            let len = place(random, 1_500);
            plaintext = noise(random, len);
        }
        1..16 => mutate(random, &mut plaintext),
        _ => {}
    }
    if random.below(1_000) == 0 {
        plaintext.resize(50_000 + place(random, 15_400), 0);
    }
    plaintext
}

/// One datagram: sealed by the right peer, and then sometimes spoiled, sent twice, or put in place by noise.
fn send_one(scene: &mut Scene, random: &mut SimRandom) -> u64 {
    let plaintext = plaintext(random);
    let mut datagram = scene.seal(random, &plaintext);
    let mut count = 1;
    match random.below(20) {
        0 | 1 => mutate(random, &mut datagram),
        2 => {
            let len = place(random, 200);
            datagram = noise(random, len);
        }
        3 => spoil_header(random, &mut datagram),
        4 => {
            scene.send(random, &datagram.clone(), datagram.len());
            count = 2;
        }
        _ => {}
    }
    let len = datagram.len();
    scene.send(random, &datagram, len);
    count
}

/// A train of datagrams of one length, but for the last, from any lanes, sound or not.
fn send_train(scene: &mut Scene, random: &mut SimRandom) -> u64 {
    let (len, count) = (place(random, 700), 1 + random.below(30));
    let mut train = Vec::new();
    for _ in 0..count {
        let mut plaintext = plaintext(random);
        plaintext.resize(len, 0);
        let mut datagram = scene.seal(random, &plaintext);
        match random.below(16) {
            0 => spoil_header(random, &mut datagram),
            1 => {
                let at = place(random, datagram.len());
                datagram[at] ^= 0x40;
            }
            _ => {}
        }
        train.extend(datagram);
    }
    train.truncate(train.len() - place(random, len + 31));
    // The first one says where the kernel steers all of it.
    train[0] = 4;
    scene.send(random, &train, len + 32);
    count
}

// REQ-CNT-1, REQ-CNT-2, REQ-HDR-11, REQ-ADM-2, REQ-ADM-3, REQ-ADM-5
// FIELD-BUG: an oversized or GRO datagram that panics the receive task
// FIELD-BUG: MTU extremes that panic
#[test]
fn each_datagram_is_delivered_or_told_to_control_or_counted_once() {
    let mut random = random(3);
    let mut scene = Scene::new();
    let (mut sent, messages, mut looked) = (0, share(30), 0);
    while sent < messages {
        sent += if random.below(8) == 0 {
            send_train(&mut scene, &mut random)
        } else {
            send_one(&mut scene, &mut random)
        };
        scene.settle();
        if sent > looked + CHUNK {
            looked = sent;
            let fates = scene.fates();
            assert_eq!(fates.values().sum::<u64>(), sent, "{fates:?}");
        }
    }
    let fates = scene.fates();
    assert_eq!(fates.values().sum::<u64>(), sent, "{fates:?}");
    for (name, count) in &fates {
        let elsewhere = ELSEWHERE.iter().any(|start| name.starts_with(start));
        assert!(elsewhere || *count > 0, "never: {name}: {fates:?}");
    }
}
