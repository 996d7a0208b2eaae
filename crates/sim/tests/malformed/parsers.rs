//! Every parser of `linkveil-wire` reads every input, whatever it was meant to be.

use linkveil_sim::random::SimRandom;
use linkveil_wire::inner::set_ecn;
use linkveil_wire::link::{HEADER_LEN, MessageType, message_type, run_key};
use linkveil_wire::transport::{ChecksumVerdict, complete_checksum, verify_checksum};
use linkveil_wire::{
    CookieReply, Datagram, Ecn, GeneveFrame, Initiation, InitiationPayload, InnerPacket, Response,
    ResponsePayload,
};

use crate::mutate::{mutate, noise, place};
use crate::{random, samples, share};

/// What came of the inputs, by parser.
#[derive(Default, Debug)]
struct Accepted {
    datagrams: u64,
    handshakes: u64,
    payloads: u64,
    frames: u64,
    packets: u64,
    checksums: u64,
}

/// Messages and payloads that are sound but for their cryptography.
fn sound(random: &mut SimRandom) -> Vec<u8> {
    let message = |random: &mut SimRandom, kind: u8, lengths: &[usize]| {
        let len = random.pick(lengths);
        let mut bytes = noise(random, len);
        bytes[..4].copy_from_slice(&[kind, 0, 0, 0]);
        bytes
    };
    match random.below(9) {
        0 => message(random, 1, &[158, 1_342]),
        1 => message(random, 2, &[116, 1_204]),
        2 => message(random, 3, &[64]),
        3 => message(random, 4, &[40, 41, 100, 1_400]),
        4 => payload_1(random),
        5 => payload_2(random),
        6 => samples::packet(random).1,
        _ => samples::frame(random),
    }
}

fn payload_1(random: &mut SimRandom) -> Vec<u8> {
    let kem = random.below(2) == 1;
    let mut bytes = vec![0x40, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9, 0, 0, 0, 5, 4, 1];
    bytes.extend([u8::from(kem), 0, 0x05, 0x90]);
    bytes.extend(noise(random, if kem { 1_184 } else { 0 }));
    bytes
}

fn payload_2(random: &mut SimRandom) -> Vec<u8> {
    let kem = random.below(2) == 1;
    let mut bytes = vec![0, u8::from(kem), 4, 1, 0, 0, 0, 5, 0x05, 0x90, 0, 0];
    bytes.extend([0; 12]);
    bytes.extend(noise(random, if kem { 1_088 } else { 0 }));
    bytes
}

fn read_datagram(bytes: &[u8]) -> bool {
    let mut copy = bytes.to_vec();
    let Ok(datagram) = Datagram::parse(&mut copy) else {
        return false;
    };
    let header = datagram.header();
    assert_eq!(header.emit(), bytes[..HEADER_LEN]);
    let key = run_key(bytes).expect("what parses has a run key");
    assert_eq!((key.lane, key.spi), (header.lane, header.spi));
    let (_, aad, sealed) = datagram.into_parts();
    assert_eq!(aad.len() + sealed.len(), bytes.len());
    true
}

fn read_handshake(bytes: &[u8]) -> bool {
    let first = Initiation::parse(bytes);
    let second = Response::parse(bytes);
    let cookie = CookieReply::parse(bytes);
    let kinds = [first.is_ok(), second.is_ok(), cookie.is_ok()];
    let accepted = kinds.iter().filter(|ok| **ok).count();
    assert!(accepted <= 1, "one message is two: {bytes:02x?}");
    if let Ok(message) = first {
        assert_eq!(message_type(bytes), Ok(MessageType::Initiation));
        let parts = 8 + message.noise().len() + 16 + 16;
        assert_eq!(parts, bytes.len());
        assert_eq!(message.bytes_before_mac2().len() + 16, bytes.len());
    }
    if let Ok(message) = second {
        let parts = 12 + message.noise().len() + 16 + 16;
        assert_eq!(parts, bytes.len());
    }
    if let Ok(reply) = cookie {
        assert_eq!(reply.emit(), bytes);
    }
    accepted == 1
}

fn read_payloads(bytes: &[u8]) -> bool {
    let first = InitiationPayload::parse(bytes);
    let second = ResponsePayload::parse(bytes);
    if let Ok(payload) = &first {
        assert_eq!(payload.emit(), bytes);
    }
    if let Ok(payload) = &second {
        assert_eq!(payload.emit(), bytes);
    }
    first.is_ok() || second.is_ok()
}

fn read_frame(bytes: &[u8]) -> bool {
    match GeneveFrame::parse(bytes) {
        Ok(GeneveFrame::Control(frame)) => {
            let again = GeneveFrame::parse(&frame.emit());
            assert!(matches!(again, Ok(GeneveFrame::Control(same)) if same == frame));
            true
        }
        Ok(GeneveFrame::Data {
            encapsulation,
            inner,
        }) => {
            let inner = bytes.get(inner).expect("the inner packet lies within");
            assert_eq!(inner.len(), usize::from(encapsulation.inner_len));
            true
        }
        Err(_) => false,
    }
}

fn read_packet(bytes: &[u8]) -> bool {
    let Ok(packet) = InnerPacket::parse(bytes) else {
        assert!(complete_checksum(&mut bytes.to_vec()).is_err());
        assert!(verify_checksum(bytes).is_err());
        return false;
    };
    assert_eq!(packet.source().is_ipv4(), packet.destination().is_ipv4());
    if let Some(transport) = packet.transport() {
        let end = packet.transport_offset() + transport.header_len();
        assert!(end + transport.payload().len() <= bytes.len());
    }
    for mark in [Ecn::NotEct, Ecn::Ect0, Ecn::Ce] {
        let mut marked = bytes.to_vec();
        set_ecn(&mut marked, mark).expect("a packet has a mark");
        assert_eq!(
            InnerPacket::parse(&marked).map(|packet| packet.ecn()),
            Ok(mark)
        );
    }
    true
}

/// Completes a checksum, which must then be right and must have changed two bytes at most.
fn read_checksum(bytes: &[u8]) -> bool {
    let mut completed = bytes.to_vec();
    if complete_checksum(&mut completed).is_err() {
        assert_eq!(completed, bytes, "an error changes nothing");
        return false;
    }
    assert_eq!(verify_checksum(&completed), Ok(ChecksumVerdict::Right));
    let changed = completed.iter().zip(bytes).filter(|(a, b)| a != b).count();
    assert!(changed <= 2 && completed.len() == bytes.len());
    true
}

// REQ-CNT-2
// FIELD-BUG: an oversized or GRO datagram that panics the receive task
#[test]
fn no_parser_panics_and_what_is_accepted_is_what_it_says() {
    let mut random = random(1);
    let mut accepted = Accepted::default();
    let messages = share(60);
    for _ in 0..messages {
        let mut bytes = sound(&mut random);
        if random.below(12) > 0 {
            mutate(&mut random, &mut bytes);
        }
        if random.below(2_000) == 0 {
            let len = 60_000 + place(&mut random, 10_000);
            bytes.resize(len, 0x45);
        }
        accepted.datagrams += u64::from(read_datagram(&bytes));
        accepted.handshakes += u64::from(read_handshake(&bytes));
        accepted.payloads += u64::from(read_payloads(&bytes));
        accepted.frames += u64::from(read_frame(&bytes));
        accepted.packets += u64::from(read_packet(&bytes));
        accepted.checksums += u64::from(read_checksum(&bytes));
    }
    // Input that nobody accepts would prove little.
    let Accepted {
        datagrams,
        handshakes,
        payloads,
        frames,
        packets,
        checksums,
    } = accepted;
    for count in [datagrams, handshakes, payloads, frames, packets, checksums] {
        assert!(count > messages / 200, "{accepted:?} of {messages}");
    }
}
