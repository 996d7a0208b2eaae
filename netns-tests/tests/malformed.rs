//! Garbage from the underlay: every datagram is in one counter, and nothing else changes.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use linkveil_netns_tests::capture::{Capture, datagrams};
use linkveil_netns_tests::dice::Dice;
use linkveil_netns_tests::forge::{garbage_initiation, garbage_response, initiation_of_a_stranger};
use linkveil_netns_tests::kernel::{device_drops, socket_drops};
use linkveil_netns_tests::link::{Link, PORT, Side, Site, UNDERLAY_DEVICE};
use linkveil_netns_tests::outsider::{Outsider, TrainSocket};
use linkveil_netns_tests::plan::Underlay;
use linkveil_netns_tests::status::Status;
use linkveil_netns_tests::timing::{Pace, pause, wait_for};
use linkveil_netns_tests::traffic::FlowPlan;
use linkveil_wire::link::{DataHeader, MIN_DATAGRAM_LEN};
use linkveil_wire::{Lane, PacketNumber, Spi};

const DATAGRAMS: u64 = 100_000;
/// The SPI in use is looked up anew at the start of each part, since keys change meanwhile.
const PARTS: u64 = 10;
/// Seven datagrams a millisecond: faster than that says nothing more, and the receive buffers hold it.
const PER_STEP: usize = 7;
const STEP: Duration = Duration::from_millis(1);
/// The longest payload of UDP over IPv4.
const LONGEST: usize = 65_507;
/// Nobody can send a longer handshake message on purpose.
const HANDSHAKE_ROOM: usize = 1_500;

/// Somebody with a socket, a bag of recorded messages and no keys.
struct Vandal {
    dice: Dice,
    single: UdpSocket,
    trains: TrainSocket,
    gateway: SocketAddr,
    key: linkveil_crypto::PublicKey,
    /// True messages to the gateway.
    recorded: Vec<Vec<u8>>,
    /// A flawless message of nobody's, made once, since it costs as much to make as to read.
    stranger: Vec<u8>,
    spi: Spi,
}

impl Vandal {
    fn new(link: &Link, outsider: &Outsider, recorded: Vec<Vec<u8>>) -> Self {
        let key = link.a.secret.public();
        let mut dice = Dice::new(0xbad);
        Self {
            stranger: initiation_of_a_stranger(&key, &mut dice),
            dice,
            single: outsider.socket(Underlay::V4),
            trains: outsider.trains(Underlay::V4),
            gateway: link.a.plan.listen,
            key,
            recorded,
            spi: spi_of(&link.a),
        }
    }

    /// One datagram, of one of the kinds that a stranger can make.
    fn datagram(&mut self) -> Vec<u8> {
        match self.dice.below(100) {
            0..20 => self.random(LONGEST + 1),
            20..40 => self.random(2 * MIN_DATAGRAM_LEN),
            40..60 => self.typed(),
            60..70 => self.truncated(),
            70..80 => self.extended(),
            80..86 => self.damaged(),
            86..87 => self.right_mac1(),
            87..94 => self.malformed_header(),
            _ => self.forged_data(),
        }
    }

    fn random(&mut self, end: usize) -> Vec<u8> {
        let len = self.dice.below(end);
        self.dice.bytes(len)
    }

    /// A byte that is a type, and garbage.
    fn typed(&mut self) -> Vec<u8> {
        let mut datagram = self.random(HANDSHAKE_ROOM);
        datagram.insert(0, *self.dice.pick(&[1, 2, 3, 4]));
        datagram
    }

    fn recorded(&mut self) -> Vec<u8> {
        self.dice.pick(&self.recorded).clone()
    }

    fn truncated(&mut self) -> Vec<u8> {
        let mut message = self.recorded();
        message.truncate(self.dice.below(message.len()));
        message
    }

    fn extended(&mut self) -> Vec<u8> {
        let mut message = self.recorded();
        let more = 1 + self.dice.below(HANDSHAKE_ROOM);
        message.extend(self.dice.bytes(more));
        message
    }

    /// One flipped bit anywhere behind the type.
    fn damaged(&mut self) -> Vec<u8> {
        let mut message = self.recorded();
        let place = 1 + self.dice.below(message.len() - 1);
        message[place] ^= 1 << self.dice.below(8);
        message
    }

    /// What only one who knows the public key can send; each costs the gateway a Diffie-Hellman.
    fn right_mac1(&mut self) -> Vec<u8> {
        match self.dice.below(4) {
            0 => garbage_response(&self.key, &mut self.dice),
            1 => self.stranger.clone(),
            2 => self.recorded(),
            _ => garbage_initiation(&self.key, &mut self.dice),
        }
    }

    fn header(&mut self, spi: Spi) -> Vec<u8> {
        let header = DataHeader {
            lane: Lane::new(*self.dice.pick(&[0, 1])).unwrap(),
            spi,
            packet_number: PacketNumber::new(self.dice.number().max(1)),
        };
        header.emit().to_vec()
    }

    /// A data datagram in whose clear header one thing is wrong.
    fn malformed_header(&mut self) -> Vec<u8> {
        let mut datagram = self.header(self.spi);
        let mut len = MIN_DATAGRAM_LEN + self.dice.below(1400);
        match self.dice.below(6) {
            0 => datagram[1] = 64 + self.dice.byte() % 192,
            1 => datagram[2 + self.dice.below(2)] = 1 + self.dice.byte() % 255,
            2 => datagram[4..8].fill(0),
            3 => datagram[8..16].fill(0),
            4 => datagram[4 + self.dice.below(4)] ^= 1 + self.dice.byte() % 255,
            _ => len = 16 + self.dice.below(MIN_DATAGRAM_LEN - 16),
        }
        datagram.extend(self.dice.bytes(len - 16));
        datagram
    }

    /// A data datagram under keys that are in use, with a wrong tag; a few under lanes that are not.
    fn forged_data(&mut self) -> Vec<u8> {
        let mut datagram = self.header(self.spi);
        if self.dice.below(8) == 0 {
            datagram[1] = 2 + self.dice.byte() % 62;
        }
        let len = MIN_DATAGRAM_LEN - 16 + self.dice.below(1400);
        datagram.extend(self.dice.bytes(len));
        datagram
    }

    /// A train: datagrams of one length and any kind, and a shorter one behind them or, as the next train follows at
    /// once, between them.
    fn train(&mut self) -> Vec<Vec<u8>> {
        let len = 1 + self.dice.below(2 * MIN_DATAGRAM_LEN);
        let count = 1 + self.dice.below(20);
        let mut train: Vec<_> = (0..count).map(|_| self.datagram_of(len)).collect();
        train.push(self.datagram_of(1 + len / 2));
        train
    }

    fn datagram_of(&mut self, len: usize) -> Vec<u8> {
        let mut datagram = self.datagram();
        let missing = len.saturating_sub(datagram.len());
        datagram.extend(self.dice.bytes(missing));
        datagram.truncate(len);
        datagram
    }

    /// Sends about as many datagrams, a seventh of them in trains; returns how many.
    fn rage(&mut self, datagrams: u64) -> u64 {
        let (mut pace, mut sent) = (Pace::every(STEP), 0);
        while sent < datagrams {
            let mut step = 0;
            while step < PER_STEP {
                if self.dice.below(50) == 0 {
                    let trains = [self.train(), self.train()].concat();
                    self.trains.send(self.gateway, &trains);
                    step += trains.len();
                } else {
                    let datagram = self.datagram();
                    let taken = self.single.send_to(&datagram, self.gateway);
                    assert_eq!(taken.unwrap(), datagram.len());
                    step += 1;
                }
            }
            sent += step as u64;
            for _ in 0..step.div_ceil(PER_STEP) {
                pace.keep();
            }
        }
        sent
    }
}

/// All messages to `to` of the recorded frames that are no data.
fn handshake_messages(frames: &[Vec<u8>], to: SocketAddr) -> Vec<Vec<u8>> {
    let messages = datagrams(frames).into_iter().filter(|wire| wire.to == to);
    let messages = messages.map(|wire| wire.payload);
    messages.filter(|payload| payload[0] != 4).collect()
}

/// The SPI under which `site` receives data now.
fn spi_of(site: &Site) -> Spi {
    let capture = Capture::start(&site.host, UNDERLAY_DEVICE);
    pause(Duration::from_millis(100));
    let frames = capture.finish();
    let mut data = datagrams(&frames)
        .into_iter()
        .filter(|wire| wire.to == site.plan.listen && wire.payload[0] == 4);
    let newest = data.next_back().unwrap().payload;
    Spi::new(u32::from_be_bytes(newest[4..8].try_into().unwrap())).unwrap()
}

/// How many datagrams a gateway has refused. An unknown SPI is counted where it was dropped; what control makes of it is
/// counted besides.
fn refused(status: &Status) -> u64 {
    let of_messages = |name: &str| {
        ["message_", "handshake_", "payload_", "cookie_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            && name != "handshake_retries"
    };
    let control = status.control.iter().filter(|(name, _)| of_messages(name));
    let counts = status.drops.values().chain(control.map(|(_, count)| count));
    counts.sum()
}

/// The status once nothing more is refused.
fn settled(site: &Site) -> Status {
    let mut last = None;
    wait_for("the end of the refusals", || {
        pause(Duration::from_millis(200));
        let status = site.gateway().status();
        let count = Some(refused(&status));
        (std::mem::replace(&mut last, count) == count).then_some(status)
    })
}

fn flow(link: &Link, side: Side) -> FlowPlan<'_> {
    let (from, to) = match side {
        Side::A => (&link.a, &link.b),
        Side::B => (&link.b, &link.a),
    };
    FlowPlan {
        from: from.blue(),
        source: side.inner_v4(),
        to: to.blue(),
        destination: SocketAddr::new(side.other().inner_v4(), 7000),
        payload_bytes: 300,
        interval: Duration::from_millis(2),
        tag: 0x601d,
    }
}

// REQ-CNT-1, REQ-CNT-2, REQ-HDR-1, REQ-HDR-2, REQ-HDR-3, REQ-HDR-4, REQ-HDR-5, REQ-HDR-6, REQ-HDR-7, REQ-HDR-8, REQ-HDR-11
#[test]
fn a_hundred_thousand_malformed_datagrams_are_all_counted_and_hurt_nobody() {
    let mut link = Link::plan(Underlay::V4);
    let recording = Capture::start(&link.a.host, UNDERLAY_DEVICE);
    link.start();
    link.b.gateway().rekey();
    pause(Duration::from_millis(300));
    let recorded = handshake_messages(&recording.finish(), link.a.plan.listen);
    assert!(recorded.len() >= 2, "{}", recorded.len());

    let outsider = Outsider::attach(&link.a);
    let flows = [Side::A, Side::B].map(|side| flow(&link, side).start());
    let mut vandal = Vandal::new(&link, &outsider, recorded);
    let before = refused(&link.a.gateway().status());
    let mut sent = 0;
    for _ in 0..PARTS {
        vandal.spi = spi_of(&link.a);
        sent += vandal.rage(DATAGRAMS / PARTS);
    }
    let lost = socket_drops(&link.a.host, PORT) + device_drops(&link.a.host);
    let status = settled(&link.a);
    for flow in flows {
        flow.finish().assert_complete();
    }
    let counted = refused(&status) - before;
    eprintln!(
        "{}",
        link.a.host.run(
            || std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap()
                + &std::fs::read_to_string("/proc/thread-self/net/netstat").unwrap()
                + &std::fs::read_to_string("/proc/thread-self/net/udp").unwrap()
        )
    );
    assert_eq!(
        counted + lost,
        sent,
        "{counted} counted, {lost} lost by the kernel: {status:?}"
    );
    assert!(lost < sent / 100, "the kernel lost {lost} of {sent}");
    assert_every_kind_was_met(&status);
    link.b.gateway().status().assert_drops(&[]);
}

/// The garbage was of every kind that the text of this test promises.
fn assert_every_kind_was_met(status: &Status) {
    let drops = [
        "too_short",
        "unknown_type",
        "not_data",
        "lane_out_of_range",
        "reserved_bits",
        "zero_spi",
        "zero_packet_number",
        "unknown_spi",
        "lane_not_announced",
        "unauthentic",
    ];
    for name in drops {
        assert!(status.drops[name] > 0, "{name}");
    }
    let control = [
        "message_unknown_type",
        "message_wrong_length",
        "message_reserved_bits",
        "handshake_wrong_mac1",
        "handshake_wrong_receiver",
        "handshake_unauthentic",
        "handshake_unknown_peer",
        "handshake_stale",
    ];
    for name in control {
        assert!(status.control(name) > 0, "{name}");
    }
}
