//! Plaintexts that a peer with valid keys should not seal, each with the counter that it must move.

use etherparse::{PacketBuilder, TcpOptionElement};
use linkveil_wire::{ChecksumState, Encapsulation, InnerProtocol, Vni};

/// Stands in every inner packet that must not arrive.
pub const EVIL: &[u8; 16] = b"must not arrive!";
/// Stands in every inner packet that may arrive.
pub const GOOD: &[u8; 16] = b"this may arrive.";

/// One kind of datagram.
#[derive(Clone, Debug)]
pub struct Crime {
    /// What it is, for the one who reads a failure.
    pub what: &'static str,
    /// The drop counter that counts it.
    pub counter: &'static str,
    /// What is sealed.
    pub plaintext: Vec<u8>,
}

/// Who commits the crimes, and against whom.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The number by which the rogue may reach a VPC.
    pub vni: u32,
    /// An address that is the rogue's own there.
    pub own: [u8; 4],
    /// A tenant's address behind the gateway.
    pub victim: [u8; 4],
}

const ETHERNET: u16 = 0x6558;
/// A critical option that nobody knows, of one word.
const UNKNOWN_CRITICAL: [u8; 8] = [0xff, 0x01, 0x80, 1, 0, 0, 0, 0];
/// An option that may be skipped.
const SKIPPED: [u8; 4] = [0xff, 0x02, 0x01, 0];

impl Scene {
    /// A UDP packet from any source to the victim.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn udp(&self, source: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ipv4(source, self.victim, 64).udp(4000, 9);
        let mut packet = Vec::new();
        builder.write(&mut packet, payload).unwrap();
        packet
    }

    fn evil(&self) -> Vec<u8> {
        self.udp(self.own, EVIL)
    }

    fn header(&self, inner_len: usize) -> Encapsulation {
        Encapsulation {
            vni: Vni::new(self.vni).unwrap(),
            protocol: InnerProtocol::Ipv4,
            checksum: ChecksumState::Complete,
            inner_len: inner_len.try_into().unwrap(),
        }
    }

    /// A flawless frame around any inner packet.
    ///
    /// # Panics
    ///
    /// If the packet is longer than 65,535 bytes.
    #[must_use]
    pub fn frame(&self, inner: &[u8]) -> Vec<u8> {
        [&self.header(inner.len()).emit(), inner].concat()
    }

    /// A frame that is wrong in what `change` does to its bytes: 0 to 7 Geneve, 8 to 15 the option, 16 and on the packet.
    fn changed(&self, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut frame = self.frame(&self.evil());
        change(&mut frame);
        frame
    }

    fn partial(&self, inner: &[u8]) -> Vec<u8> {
        let mut header = self.header(inner.len());
        header.checksum = ChecksumState::Partial;
        [&header.emit(), inner].concat()
    }

    /// Geneve with these options in front of an evil packet.
    fn with_options(&self, flags: u8, options: &[u8]) -> Vec<u8> {
        let words = u8::try_from(options.len() / 4).unwrap();
        let mut frame = self.changed(|frame| {
            frame.splice(8..16, options.iter().copied());
        });
        (frame[0], frame[1]) = (words, flags);
        frame
    }

    /// VNIs that the rogue may not use; `foreign` are numbers of other peers, of the gateway and of other VPCs.
    #[must_use]
    pub fn wrong_vnis(&self, foreign: &[u32]) -> Vec<Crime> {
        let frame = |vni: &u32| {
            let scene = Self { vni: *vni, ..*self };
            crime("a foreign VNI", "unknown_vni", scene.frame(&self.evil()))
        };
        foreign.iter().map(frame).collect()
    }

    /// Inner sources that are not the rogue's.
    #[must_use]
    pub fn spoofed_sources(&self, sources: &[[u8; 4]]) -> Vec<Crime> {
        let frame = |source: &[u8; 4]| {
            let frame = self.frame(&self.udp(*source, EVIL));
            crime("a foreign source", "wrong_source", frame)
        };
        sources.iter().map(frame).collect()
    }

    /// The partial-checksum flag on what has no checksum to complete, or lies about where it is.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn partial_checksums(&self) -> Vec<Crime> {
        let udp = |change: fn(&mut Vec<u8>)| {
            let mut packet = self.evil();
            change(&mut packet);
            packet
        };
        let mut icmp = Vec::new();
        let builder = PacketBuilder::ipv4(self.own, self.victim, 64).icmpv4_echo_request(1, 1);
        builder.write(&mut icmp, EVIL).unwrap();
        let tcp = |offset: u8| {
            let builder = PacketBuilder::ipv4(self.own, self.victim, 64).tcp(4000, 9, 1, 1);
            let builder = builder.options(&[TcpOptionElement::Noop]).unwrap();
            let mut packet = Vec::new();
            builder.write(&mut packet, EVIL).unwrap();
            packet[20 + 12] = offset << 4;
            packet
        };
        let packets = [
            ("partial: ICMP", icmp),
            ("partial: first fragment", udp(|packet| packet[6] = 0x20)),
            ("partial: later fragment", udp(|packet| packet[7] = 2)),
            ("partial: last fragment", udp(|packet| packet[6] = 0x01)),
            ("partial: UDP length short", udp(|packet| packet[25] -= 1)),
            ("partial: UDP length long", udp(|packet| packet[24] = 0xff)),
            (
                "partial: UDP length 0",
                udp(|packet| packet[24..26].fill(0)),
            ),
            ("partial: protocol 253", udp(|packet| packet[9] = 253)),
            ("partial: TCP header short", tcp(1)),
            ("partial: TCP header long", tcp(15)),
        ];
        let frame = |(what, packet): (&'static str, Vec<u8>)| {
            crime(what, "invalid_partial_checksum", self.partial(&packet))
        };
        packets.into_iter().map(frame).collect()
    }

    /// Huge, overlapping and contradictory Geneve options.
    #[must_use]
    pub fn options(&self) -> Vec<Crime> {
        let own = self.header(36).emit()[8..].to_vec();
        let two = [own.as_slice(), &own].concat();
        let long = [&own[..3], &[2], &own[4..], &[0; 4]].concat();
        let empty = [&own[..3], &[0]].concat();
        // One option claims the bytes of the next, and more than there are.
        let overlapping = [&[0xff, 0x02, 0x01, 0x1f], own.as_slice()].concat();
        let unknown = [own.as_slice(), &UNKNOWN_CRITICAL].concat();
        let reserved = [&own[..3], &[0x21], &own[4..]].concat();
        let flagged = [&own[..4], &[0x82], &own[5..]].concat();
        let critical = [
            ("own option twice", MALFORMED, two.as_slice()),
            ("own option long", MALFORMED, &long),
            ("own option empty", MALFORMED, &empty),
            ("overlap", OVERRUN, &overlapping),
            ("unknown critical option", CRITICAL, &unknown),
            ("C without cause", CONTRADICTION, &SKIPPED),
            ("option reserved bit", RESERVED, &reserved),
            ("option flag", RESERVED, &flagged),
        ];
        let critical = critical
            .map(|(what, counter, options)| crime(what, counter, self.with_options(0x40, options)));
        let left_out = crime("C left out", CONTRADICTION, self.with_options(0, &own));
        critical.into_iter().chain([left_out]).collect()
    }

    /// Malformed Geneve headers, and inner protocols that are another one.
    #[must_use]
    pub fn geneve_headers(&self) -> Vec<Crime> {
        let byte = |what, counter, place: usize, value: u8| {
            crime(what, counter, self.changed(|frame| frame[place] = value))
        };
        let protocol = |what, counter, number: u16| {
            let change = |frame: &mut Vec<u8>| frame[2..4].copy_from_slice(&number.to_be_bytes());
            crime(what, counter, self.changed(change))
        };
        vec![
            byte("63 words of options", OVERRUN, 0, 63),
            byte("half an option", OVERRUN, 0, 3),
            byte("version 1", "geneve_unknown_version", 0, 0x42),
            byte("a flag", RESERVED, 1, 0x41),
            byte("the last byte", RESERVED, 7, 1),
            protocol("protocol type", "geneve_unknown_protocol", 0x88b5),
            protocol("IPv4 as IPv6", "protocol_mismatch", 0x86dd),
            protocol("Ethernet", "wrong_vpc_kind", ETHERNET),
        ]
    }

    /// Lengths that lie.
    #[must_use]
    pub fn lies(&self) -> Vec<Crime> {
        let byte = |what, counter, place: usize, value: u8| {
            crime(what, counter, self.changed(|frame| frame[place] = value))
        };
        let inner_len = |what, counter, len: u16| {
            let change = |frame: &mut Vec<u8>| frame[14..16].copy_from_slice(&len.to_be_bytes());
            crime(what, counter, self.changed(change))
        };
        // 44 bytes: 20 of IP, 8 of UDP, 16 of text.
        vec![
            byte("IP length long", LENGTH, 19, 45),
            byte("IP length short", LENGTH, 19, 43),
            byte("IP version 6", LENGTH, 16, 0x65),
            byte("IP version 5", "rx_unknown_ip_version", 16, 0x55),
            byte("IP header short", HEADER, 16, 0x44),
            byte("IP header long", HEADER, 16, 0x4f),
            inner_len("inner length short", LENGTH, 43),
            inner_len("inner length 19", "rx_too_short", 19),
            inner_len("inner length 0", "rx_too_short", 0),
            inner_len("inner length long", "geneve_inner_length", 45),
            inner_len("inner length 65,535", "geneve_inner_length", u16::MAX),
        ]
    }
}

const MALFORMED: &str = "geneve_malformed_option";
const OVERRUN: &str = "geneve_options_overrun";
const CRITICAL: &str = "geneve_unknown_critical_option";
const CONTRADICTION: &str = "geneve_critical_bit";
const RESERVED: &str = "geneve_reserved_bits";
const LENGTH: &str = "rx_ip_total_length";
const HEADER: &str = "rx_ip_header_length";

/// The Geneve header of a control frame.
const CONTROL: [u8; 8] = [0, 0x80, 0, 0, 0, 0, 0, 0];
/// What stands where a field is expected.
const FILLING: [u8; 16] = [0x5a; 16];
/// Each kind that has fields, and one byte less than they take.
const TOO_SHORT: [(u8, usize); 7] = [(3, 7), (4, 7), (5, 15), (6, 15), (7, 9), (8, 9), (9, 3)];

/// Control frames that are none.
#[must_use]
pub fn control_frames() -> Vec<Crime> {
    let body = |what, counter, body: &[u8]| crime(what, counter, [&CONTROL, body].concat());
    let kind = |kind: u8, fields: &[u8]| [&[kind, 0, 0, 0], fields].concat();
    let unknown = (11..=255).step_by(7).chain([0]).map(|number| {
        body(
            "control: kind",
            "control_unknown_kind",
            &kind(number, &FILLING),
        )
    });
    let short = TOO_SHORT.map(|(number, len)| {
        body(
            "control: short",
            "control_too_short",
            &kind(number, &FILLING[..len]),
        )
    });
    let reserved = [1, 2, 3].map(|place| {
        let mut confirm = kind(1, &[]);
        confirm[place] = 1;
        body("control: reserved", "control_reserved_bits", &confirm)
    });
    let header = [(0, 2), (1, 0xc0), (2, 8), (6, 1)].map(|(place, value)| {
        let mut header = CONTROL;
        header[place] = value;
        let frame = [header.as_slice(), &kind(1, &[])].concat();
        crime("control: header", "control_malformed_header", frame)
    });
    let none = body("control: no kind", "control_too_short", &[]);
    let zero = body("control: SPI 0", "control_zero_spi", &kind(9, &[0; 4]));
    let fixed = short.into_iter().chain(reserved).chain(header);
    unknown.chain(fixed).chain([none, zero]).collect()
}

fn crime(what: &'static str, counter: &'static str, plaintext: Vec<u8>) -> Crime {
    Crime {
        what,
        counter,
        plaintext,
    }
}

/// A frame that a receiver must take though it looks odd: the most option bytes that can be, all to be skipped.
#[must_use]
pub fn huge_options(frame: &[u8]) -> Vec<u8> {
    let (header, rest) = frame.split_at(8);
    let (own, inner) = rest.split_at(8);
    let skipped = SKIPPED.repeat(61);
    let mut frame = [header, own, &skipped, inner].concat();
    frame[0] = 63;
    frame
}
