//! What is looked at before a datagram is authentic, and what is trusted in it afterwards.

use linkveil_sa::Usage;
use linkveil_wire::transport::{ChecksumVerdict, verify_checksum};

use super::*;

/// A plaintext with a lie in it, and the name under which it is refused once it is authentic.
fn lies(bench: &mut Bench) -> Vec<(Vec<u8>, &'static str)> {
    let header = Encapsulation {
        vni: Vni::new(VNI).unwrap(),
        protocol: InnerProtocol::Ipv4,
        checksum: ChecksumState::Complete,
        inner_len: u16::MAX,
    };
    let too_long = [header.emit().as_slice(), &good()].concat();
    let mut options = too_long.clone();
    options[0] = 0x3f;
    let mut total_length = good();
    total_length[2] = 0xff;
    let total_length = bench.data(0, &total_length, |_| {});
    let mut probe = ControlFrame::Probe(Token([7; 8])).emit().to_vec();
    probe.truncate(12);
    vec![
        (bench.seal(0, &too_long), "geneve_inner_length"),
        (bench.seal(0, &options), "geneve_options_overrun"),
        (total_length, "rx_ip_total_length"),
        (bench.seal(0, &probe), "control_too_short"),
    ]
}

// REQ-DATA-6
#[test]
fn a_length_inside_is_not_looked_at_before_the_datagram_is_authentic() {
    let mut bench = Bench::new(1, 1);
    let lies = lies(&mut bench);
    for (datagram, _) in &lies {
        let mut forged = datagram.clone();
        *forged.last_mut().unwrap() ^= 1;
        bench.send(&forged);
    }
    bench.node.assert_drops(&[("unauthentic", 4)]);
    for (datagram, _) in &lies {
        bench.send(datagram);
    }
    let mut expected: Vec<_> = lies.iter().map(|(_, name)| (*name, 1)).collect();
    expected.push(("unauthentic", 4));
    bench.node.assert_drops(&expected);
}

/// Every call of the AEAD is metered, whether it opens or fails, since it counts against the key's limits. So the meters
/// tell how many calls there were.
// REQ-HDR-9
#[test]
fn what_the_clear_header_rules_out_costs_no_aead_operation() {
    let mut bench = Bench::new(1, 2);
    let sound = bench.data(0, &good(), |_| {});
    let fields: [(usize, usize, u8); 9] = [
        (0, 1, 0),
        (0, 1, 1),
        (0, 1, 5),
        (1, 1, 64),
        (1, 1, 255),
        (2, 1, 1),
        (3, 1, 0x80),
        (4, 4, 0),
        (8, 8, 0),
    ];
    // In one train, behind a datagram of another peer's SPI, so that none is steered elsewhere.
    let mut train = sound.clone();
    train[7] = 99;
    for (at, len, value) in fields {
        let mut datagram = sound.clone();
        datagram[at..at + len].fill(value);
        train.extend(datagram);
    }
    train.extend(&sound[..39]);
    bench.train(&train, sound.len(), 0);
    bench.node.assert_drops(&[
        ("lane_out_of_range", 2),
        ("not_data", 1),
        ("reserved_bits", 2),
        ("too_short", 1),
        ("unknown_spi", 1),
        ("unknown_type", 2),
        ("zero_packet_number", 1),
        ("zero_spi", 1),
    ]);
    assert_eq!(bench.node.report().peers[0].usage, Usage::NONE);

    // The same meters do move, by one each, for what the header does not rule out.
    let mut forged = sound.clone();
    forged[20] ^= 1;
    bench.send(&forged);
    bench.send(&sound);
    let usage = bench.node.report().peers[0].usage;
    assert_eq!((usage.packets, usage.failed_opens), (1, 1));
}

// REQ-DATA-4
// FIELD-BUG: events counted before authentication
#[test]
fn nothing_is_told_or_counted_for_a_peer_before_its_datagram_is_authentic() {
    let mut bench = Bench::new(1, 1);
    let sound = bench.data(0, &good(), |_| {});
    bench.node.events.clear();
    for bit in 128..sound.len() * 8 {
        let mut forged = sound.clone();
        forged[bit / 8] ^= 1 << (bit % 8);
        bench.send(&forged);
    }
    bench.node.now += std::time::Duration::from_secs(2);
    let peer = bench.node.report().peers[0];
    assert_eq!((peer.rx.packets, peer.usage.packets), (0, 0));
    assert_eq!(
        bench.node.events,
        [],
        "no activity, no first open, no frame"
    );
    bench.send(&sound);
    let told = &bench.node.events;
    assert!(matches!(told[0], LaneEvent::FirstOpen { .. }), "{told:?}");
}

/// A TCP or UDP packet whose checksum field holds anything.
fn partial(prefix: &[u8], protocol: u8, data_offset: u8) -> Vec<u8> {
    let mut segment = vec![0x5a; 60];
    match protocol {
        6 => segment[12] = data_offset << 4,
        _ => segment[4..6].copy_from_slice(&60_u16.to_be_bytes()),
    }
    [prefix, &segment].concat()
}

/// IPv4 headers without and with options.
fn ipv4_header(protocol: u8, options: usize) -> Vec<u8> {
    let len = u16::try_from(20 + options + 60).unwrap().to_be_bytes();
    let words = u8::try_from(5 + options / 4).unwrap();
    let mut header = vec![
        0x40 | words,
        0,
        len[0],
        len[1],
        0,
        0,
        0,
        0,
        64,
        protocol,
        0,
        0,
    ];
    header.extend(LEFT.octets());
    header.extend(RIGHT.octets());
    header.resize(20 + options, 1);
    header
}

/// The datagram says that the checksum is partial, and nothing about where it lies: two packets that differ in nothing but
/// the field come out the same, with the right sum where the inner headers have it.
// REQ-CSUM-3, REQ-CSUM-4
#[test]
fn a_partial_checksum_is_completed_where_the_inner_headers_have_it() {
    for (protocol, options, field) in [(6, 0, 36), (6, 8, 44), (17, 0, 26), (17, 40, 66)] {
        let mut bench = Bench::new(1, 1);
        let sent = partial(&ipv4_header(protocol, options), protocol, 5);
        let mut other = sent.clone();
        other[field..field + 2].copy_from_slice(&[0x12, 0x34]);
        for packet in [&sent, &other] {
            let datagram = bench.data(0, packet, |header| header.checksum = ChecksumState::Partial);
            bench.send(&datagram);
        }
        let received = bench.node.received();
        assert_eq!(received[0], received[1], "{protocol} {options}");
        assert_eq!(verify_checksum(&received[0]), Ok(ChecksumVerdict::Right));
        let mut expected = sent.clone();
        expected[field..field + 2].copy_from_slice(&received[0][field..field + 2]);
        assert_eq!(received[0], expected, "nothing but the field has changed");
        bench.node.assert_drops(&[]);
    }
}
