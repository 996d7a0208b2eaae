//! A host's kernel, written down once more: what it hands to a device with offloads, what it would send without them, and
//! what it understands of what a device gives it. (RFC 9293, RFC 768, RFC 3168, RFC 8200, virtio 1.2 section 5.1.6.)

use std::num::NonZeroU16;

use linkveil_net::memory::HostPacket;
use linkveil_net::{ChecksumPlace, Offload, Offloads, SegmentProtocol, Segmentation};
use proptest::prelude::*;

use super::{LEFT, RIGHT};

/// What is inside an IP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Tcp { flags: u8, sequence: u32 },
    Udp,
}

/// What a host wants to send.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) v6: bool,
    /// VLAN tags, at most 2.
    pub(crate) tags: usize,
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) id: u16,
    pub(crate) payload: usize,
    /// Payload of each frame, if there are to be several.
    pub(crate) segment: u16,
}

impl Wish {
    pub(crate) const TCP: Self = Self {
        v6: false,
        tags: 0,
        kind: Kind::Tcp {
            flags: 0x10,
            sequence: 0xffff_f000,
        },
        port: 4_000,
        id: 65_534,
        payload: 20_000,
        segment: 1_400,
    };

    fn ethernet(&self) -> Vec<u8> {
        let tags: [&[u8]; 3] = [&[], &[0x81, 0, 0x20, 7], &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 7]];
        let ip: [u8; 2] = if self.v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
        let addresses = [RIGHT.octets(), LEFT.octets()].concat();
        [&addresses, tags[self.tags], &ip].concat()
    }

    /// Where IP and the transport begin, and the place of the checksum from there.
    pub(crate) fn places(&self) -> (usize, usize, usize) {
        let network = 14 + 4 * self.tags;
        let transport = network + if self.v6 { 40 } else { 20 };
        let checksum = if self.kind == Kind::Udp { 6 } else { 16 };
        (network, transport, checksum)
    }

    fn headers_len(&self) -> usize {
        self.places().1 + if self.kind == Kind::Udp { 8 } else { 20 }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let byte = |n| u8::try_from(n % 251).unwrap();
        (0..self.payload).map(byte).collect()
    }

    /// Addresses and protocol of the pseudo-header, and the length of the transport's part.
    fn pseudo(&self, len: u32) -> Vec<u8> {
        let protocol = if self.kind == Kind::Udp { 17 } else { 6 };
        [
            &self.addresses(),
            &len.to_be_bytes()[..],
            &[0, 0, 0, protocol],
        ]
        .concat()
    }

    fn addresses(&self) -> Vec<u8> {
        if self.v6 {
            [[0xfd; 16], [0xfe; 16]].concat()
        } else {
            vec![10, 1, 0, 1, 10, 2, 0, 2]
        }
    }

    /// One frame with this payload, and nothing in its checksum.
    fn frame(&self, kind: Kind, id: u16, payload: &[u8]) -> Vec<u8> {
        let transport = transport(self.port, kind, payload.len());
        let len = u16::try_from(transport.len() + payload.len()).unwrap();
        let mut ip = if self.v6 {
            vec![0x60, 1, 2, 3, 0, 0, transport_number(kind), 64]
        } else {
            vec![0x45, 0, 0, 0, 0, 0, 0, 0, 63, transport_number(kind), 0, 0]
        };
        ip.extend(self.addresses());
        if self.v6 {
            ip[4..6].copy_from_slice(&len.to_be_bytes());
        } else {
            ip[2..4].copy_from_slice(&(len + 20).to_be_bytes());
            ip[4..6].copy_from_slice(&id.to_be_bytes());
            let sum = !sum(&[&ip]);
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        [&self.ethernet(), &ip, &transport, payload].concat()
    }

    fn put_checksum(&self, frame: &mut [u8], sum: u16) {
        let (_, transport, offset) = self.places();
        let place = transport + offset;
        frame[place..place + 2].copy_from_slice(&sum.to_be_bytes());
    }

    /// Writes the sum of the pseudo-header.
    fn make_partial(&self, frame: &mut [u8]) {
        let len = u32::try_from(frame.len() - self.places().1).unwrap();
        self.put_checksum(frame, sum(&[&self.pseudo(len)]));
    }

    /// Writes the checksum that covers everything.
    fn complete(&self, frame: &mut [u8]) {
        self.put_checksum(frame, 0);
        let covered = &frame[self.places().1..];
        let pseudo = self.pseudo(u32::try_from(covered.len()).unwrap());
        let sum = match !sum(&[&pseudo, covered]) {
            0 => 0xffff,
            sum => sum,
        };
        self.put_checksum(frame, sum);
    }

    /// The frames that a host sends whose device does nothing of itself.
    pub(crate) fn frames(&self) -> Vec<Vec<u8>> {
        self.cut(self.kind, self.id, &self.bytes(), self.segment)
    }

    fn cut(&self, kind: Kind, id: u16, payload: &[u8], segment: u16) -> Vec<Vec<u8>> {
        let count = payload.len().div_ceil(segment.into()).max(1);
        let pieces = (0..count).map(|number| {
            let offset = number * usize::from(segment);
            let end = payload.len().min(offset + usize::from(segment));
            let id = id.wrapping_add(u16::try_from(number).unwrap());
            let kind = kind.of_piece(offset, count - 1 - number);
            let mut frame = self.frame(kind, id, &payload[offset..end]);
            self.complete(&mut frame);
            frame
        });
        pieces.collect()
    }

    fn checksum(&self) -> ChecksumPlace {
        let (_, start, offset) = self.places();
        ChecksumPlace {
            start: u16::try_from(start).unwrap(),
            offset: u16::try_from(offset).unwrap(),
        }
    }

    /// What a host hands to a device that does everything of itself.
    pub(crate) fn handed_over(&self) -> HostPacket {
        let mut bytes = self.frame(self.kind, self.id, &self.bytes());
        self.make_partial(&mut bytes);
        let checksum = self.checksum();
        let offload = if self.payload <= self.segment.into() {
            Offload::Checksum(checksum)
        } else {
            Offload::Segments(Segmentation {
                protocol: match (self.kind, self.v6) {
                    (Kind::Udp, _) => SegmentProtocol::Udp,
                    (Kind::Tcp { .. }, false) => SegmentProtocol::TcpV4,
                    (Kind::Tcp { .. }, true) => SegmentProtocol::TcpV6,
                },
                headers_len: u16::try_from(self.headers_len()).unwrap(),
                segment_len: NonZeroU16::new(self.segment).unwrap(),
                checksum,
            })
        };
        HostPacket { bytes, offload }
    }
}

const fn transport_number(kind: Kind) -> u8 {
    match kind {
        Kind::Tcp { .. } => 6,
        Kind::Udp => 17,
    }
}

fn transport(port: u16, kind: Kind, payload: usize) -> Vec<u8> {
    let mut header = [port.to_be_bytes(), [0, 80]].concat();
    match kind {
        Kind::Tcp { flags, sequence } => {
            header.extend(sequence.to_be_bytes());
            header.extend([0, 0, 0, 9, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        }
        Kind::Udp => {
            let len = u16::try_from(8 + payload).unwrap();
            header.extend([len.to_be_bytes(), [0, 0]].concat());
        }
    }
    header
}

impl Kind {
    /// Of the piece that begins there and is followed by so many: CWR on the first only, PSH and FIN on the last.
    fn of_piece(self, offset: usize, behind: usize) -> Self {
        let Self::Tcp { flags, sequence } = self else {
            return self;
        };
        let not_first = if offset > 0 { 0x80 } else { 0 };
        let not_last = if behind > 0 { 0x09 } else { 0 };
        Self::Tcp {
            flags: flags & !(not_first | not_last),
            sequence: sequence.wrapping_add(u32::try_from(offset).unwrap()),
        }
    }
}

/// The folded sum of all 16-bit words (RFC 1071), each part padded by itself.
fn sum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)))
        .sum();
    let once = (sum >> 16) + (sum & 0xffff);
    u16::try_from((once >> 16) + (once & 0xffff)).unwrap()
}

/// The frames that a kernel makes of what a device gives it: cut where it is told to, checksums completed where it is told
/// to. Everything that it is told is checked against the frame itself.
pub(crate) fn understood(given: &HostPacket, offloads: Offloads) -> Vec<Vec<u8>> {
    assert_eq!(Offload::parse(&given.offload.emit()), Ok(given.offload));
    assert!(given.offload.needs() <= offloads, "{:?}", given.offload);
    let place = match given.offload {
        Offload::None => return vec![given.bytes.clone()],
        Offload::Checksum(place) => place,
        Offload::Segments(cut) => cut.checksum,
    };
    let wish = read(&given.bytes);
    assert_eq!(place, wish.checksum(), "where the checksum lies");
    let mut partial = given.bytes.clone();
    wish.make_partial(&mut partial);
    assert_eq!(partial, given.bytes, "the sum of the pseudo-header");
    let payload = &given.bytes[wish.headers_len()..];
    let Offload::Segments(told) = given.offload else {
        wish.complete(&mut partial);
        return vec![partial];
    };
    assert_eq!(usize::from(told.headers_len), wish.headers_len());
    assert!(payload.len() > usize::from(told.segment_len.get()));
    let protocol = match (wish.kind, wish.v6) {
        (Kind::Udp, _) => SegmentProtocol::Udp,
        (Kind::Tcp { .. }, false) => SegmentProtocol::TcpV4,
        (Kind::Tcp { .. }, true) => SegmentProtocol::TcpV6,
    };
    assert_eq!(told.protocol, protocol);
    let whole = wish.frame(wish.kind, wish.id, payload);
    assert_eq!(whole.len(), given.bytes.len());
    let headers = ..wish.headers_len();
    let mut told_headers = given.bytes[headers].to_vec();
    wish.put_checksum(&mut told_headers, 0);
    assert_eq!(told_headers, whole[headers], "lengths and header checksum");
    wish.cut(wish.kind, wish.id, payload, told.segment_len.get())
}

/// What a frame of ours says of itself.
fn read(frame: &[u8]) -> Wish {
    let tags = match (&frame[12..14], &frame[16..18]) {
        ([0x88, 0xa8], _) => 2,
        ([0x81, 0], _) => 1,
        _ => 0,
    };
    let network = 14 + 4 * tags;
    let v6 = frame[network] >> 4 == 6;
    let (protocol, transport) = if v6 {
        (frame[network + 6], network + 40)
    } else {
        (frame[network + 9], network + 20)
    };
    let word = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let kind = match protocol {
        6 => Kind::Tcp {
            flags: frame[transport + 13],
            sequence: u32::from(word(transport + 4)) << 16 | u32::from(word(transport + 6)),
        },
        17 => Kind::Udp,
        other => panic!("protocol {other} with an offload"),
    };
    Wish {
        v6,
        tags,
        kind,
        port: word(transport),
        id: if v6 { 0 } else { word(network + 4) },
        payload: 0,
        segment: 1,
    }
}

/// Any wish whose super-frame is at most 60,000 octets.
pub(crate) fn wishes() -> impl Strategy<Value = Wish> {
    let kind = prop_oneof![
        Just(Kind::Udp),
        (any::<u8>(), any::<u32>()).prop_map(|(flags, sequence)| Kind::Tcp {
            // SYN and RST have no super-frames.
            flags: flags & !0x06 | 0x10,
            sequence
        }),
        any::<u32>().prop_map(|sequence| Kind::Tcp {
            flags: 0x10,
            sequence
        }),
    ];
    let shape = (
        1_usize..60_000,
        300_u16..1_380,
        4_000_u16..4_003,
        any::<u16>(),
    );
    (any::<bool>(), 0_usize..3, kind, shape).prop_map(
        |(v6, tags, kind, (payload, segment, port, id))| Wish {
            v6,
            tags,
            kind,
            port,
            id,
            payload,
            segment,
        },
    )
}
