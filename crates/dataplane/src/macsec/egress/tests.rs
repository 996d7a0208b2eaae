use linkveil_macsec::{CipherSuite, Protection, TxForm};
use linkveil_net::memory::HostPacket;
use linkveil_net::{ChecksumPlace, Offload, SegmentProtocol, Segmentation};
use proptest::prelude::*;

use super::*;
use crate::macsec::testing::host::{Kind, Wish, wishes};
use crate::macsec::testing::{EPOCH, LEFT, Link, RIGHT, Setup, frame, moved};

const FORMS: [TxForm; 3] = [TxForm::Explicit, TxForm::EndStation, TxForm::PointToPoint];
const PROTECTIONS: [Protection; 2] = [Protection::Confidentiality, Protection::Integrity];

/// Each suite, form and protection.
fn setups() -> impl Iterator<Item = Setup> {
    let forms = CipherSuite::ALL
        .into_iter()
        .flat_map(|suite| FORMS.map(|form| (suite, form)));
    let all = forms.flat_map(|pair| PROTECTIONS.map(|protection| (pair, protection)));
    all.map(|((suite, form), protection)| Setup {
        suite,
        form,
        protection,
        ..Setup::default()
    })
}

/// Sends what a host hands over; what the other host gets of it, whose device does nothing of itself.
fn carried(setup: &Setup, packets: &[HostPacket]) -> (Vec<Vec<u8>>, Link) {
    let mut link = Link::new(setup);
    for packet in packets {
        let host = &link.left.hosts[0];
        host.send_with(&packet.bytes, packet.offload).unwrap();
    }
    link.carry();
    (link.right.received(), link)
}

fn plain(bytes: Vec<u8>) -> HostPacket {
    let offload = Offload::None;
    HostPacket { bytes, offload }
}

/// Every size on every link of this suite.
fn assert_every_size_crosses(suite: CipherSuite) {
    let longest = frame(9_000);
    for setup in setups().filter(|setup| setup.suite == suite) {
        let setup = Setup {
            mtu: 9_216,
            ..setup
        };
        let mut link = Link::new(&setup);
        let mut next = 14;
        while next <= longest.len() {
            let sizes = next..(next + 500).min(longest.len() + 1);
            next = sizes.end;
            for len in sizes.clone() {
                link.left.hosts[0].send(&longest[..len]).unwrap();
            }
            link.carry();
            for len in sizes {
                let got = link.right.hosts[0].recv();
                let right = got.is_some_and(|got| got == longest[..len]);
                assert!(right, "{setup:?}, {len} octets");
            }
        }
        assert_eq!(link.right.ended(), [("in_pkts_ok", 8_987)]);
    }
}

// REQ-SECY-1, REQ-SECY-6: one test for each suite, which run beside each other.
#[test]
fn every_size_crosses_with_aes_128() {
    assert_every_size_crosses(CipherSuite::GcmAes128);
}

// REQ-SECY-1, REQ-SECY-6
#[test]
fn every_size_crosses_with_aes_256() {
    assert_every_size_crosses(CipherSuite::GcmAes256);
}

// REQ-SECY-1, REQ-SECY-6
#[test]
fn every_size_crosses_with_aes_xpn_128() {
    assert_every_size_crosses(CipherSuite::GcmAesXpn128);
}

// REQ-SECY-1, REQ-SECY-6
#[test]
fn every_size_crosses_with_aes_xpn_256() {
    assert_every_size_crosses(CipherSuite::GcmAesXpn256);
}

// REQ-SECLANE-1
#[test]
fn a_super_frame_leaves_as_the_frames_that_a_plain_kernel_sends() {
    let udp = Wish {
        kind: Kind::Udp,
        ..Wish::TCP
    };
    let ending = Wish {
        kind: Kind::Tcp {
            flags: 0x99,
            sequence: 7,
        },
        ..Wish::TCP
    };
    for wish in [Wish::TCP, udp, ending] {
        for (v6, tags) in [(false, 0), (true, 0), (false, 1), (true, 1), (true, 2)] {
            let wish = Wish { v6, tags, ..wish };
            let (frames, mut link) = carried(&Setup::default(), &[wish.handed_over()]);
            assert_eq!(frames, wish.frames(), "{wish:?}");
            let count = wish.frames().len() as u64;
            assert_eq!(link.left.ended(), [("out_pkts_encrypted", count)]);
            let report = link.left.report();
            assert_eq!(moved(&report.events), [("super_frames_cut", 1)]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    // REQ-SECLANE-1
    #[test]
    fn whatever_a_host_hands_over_arrives_as_a_plain_kernel_sends_it(wishes in prop::collection::vec(wishes(), 1..8)) {
        let handed: Vec<_> = wishes.iter().map(Wish::handed_over).collect();
        let (frames, mut link) = carried(&Setup::default(), &handed);
        let expected: Vec<_> = wishes.iter().flat_map(Wish::frames).collect();
        prop_assert!(frames == expected);
        prop_assert_eq!(link.left.ended(), [("out_pkts_encrypted", expected.len() as u64)]);
    }
}

// REQ-SECLANE-1: any protocol's, where the kernel says; here ICMPv6's.
#[test]
fn a_checksum_is_completed_where_the_host_says() {
    let mut echo = frame(14 + 40 + 16);
    echo[12..14].copy_from_slice(&[0x86, 0xdd]);
    echo[56..58].fill(0);
    let place = ChecksumPlace {
        start: 54,
        offset: 2,
    };
    let offload = Offload::Checksum(place);
    let bytes = echo.clone();
    let (frames, _) = carried(&Setup::default(), &[HostPacket { bytes, offload }]);
    let mut expected = echo;
    complete_at(&mut expected, 54, 2);
    assert_eq!(frames, [expected.clone()]);
    let sum = linkveil_wire::Checksum::new().add_bytes(&expected[54..]);
    assert_eq!(sum.finish(), 0);
}

#[test]
fn a_checksum_that_does_not_lie_in_the_frame_is_counted() {
    let packet = |start, offset| HostPacket {
        bytes: frame(60),
        offload: Offload::Checksum(ChecksumPlace { start, offset }),
    };
    let outside = [packet(13, 2), packet(61, 0), packet(60, 0), packet(40, 19)];
    let (frames, mut link) = carried(&Setup::default(), &outside);
    assert!(frames.is_empty());
    assert_eq!(link.left.ended(), [("tap_partial_checksum", 4)]);
    let (frames, _) = carried(&Setup::default(), &[packet(40, 18)]);
    assert_eq!(frames.len(), 1);
}

#[test]
fn a_super_frame_that_is_none_is_counted() {
    let good = Wish::TCP.handed_over();
    let Offload::Segments(cut) = good.offload else {
        panic!("a super-frame");
    };
    let with = |bytes: &[u8], cut| HostPacket {
        bytes: bytes.to_vec(),
        offload: Offload::Segments(cut),
    };
    let elsewhere = Segmentation {
        checksum: ChecksumPlace {
            start: cut.checksum.start + 2,
            ..cut.checksum
        },
        ..cut
    };
    let as_udp = Segmentation {
        protocol: SegmentProtocol::Udp,
        ..cut
    };
    let mut padded = good.bytes.clone();
    padded.push(0);
    let none = [
        with(&good.bytes, elsewhere),
        with(&good.bytes, as_udp),
        with(&good.bytes[..40], cut),
        with(&good.bytes[..13], cut),
        with(&padded, cut),
    ];
    let (frames, mut link) = carried(&Setup::default(), &none);
    assert!(frames.is_empty());
    assert_eq!(link.left.ended(), [("tap_not_splittable", 5)]);
}

// REQ-SECY-12
#[test]
fn frames_that_the_port_does_not_carry_are_counted_each() {
    let setup = Setup::default();
    let longest = 1_514 - 16 - 16;
    let wish = Wish {
        segment: 1_440,
        payload: 10_000,
        ..Wish::TCP
    };
    let packets = [
        plain(frame(longest)),
        plain(frame(longest + 1)),
        plain(frame(9_000)),
        plain(frame(60_000)),
        wish.handed_over(),
    ];
    let (frames, mut link) = carried(&setup, &packets);
    assert_eq!(frames, [frame(longest)]);
    let count = 3 + wish.frames().len() as u64;
    assert_eq!(
        link.left.ended(),
        [("out_pkts_encrypted", 1), ("out_pkts_too_long", count)]
    );
}

#[test]
fn what_is_no_frame_is_counted() {
    let (_, mut link) = carried(&Setup::default(), &[plain(vec![0; 13]), plain(vec![])]);
    assert_eq!(link.left.ended(), [("out_pkts_runt", 2)]);
}

// REQ-SECY-13
#[test]
fn without_keys_nothing_leaves() {
    let mut link = Link::bare(&Setup::default());
    link.left.hosts[0].send(&frame(100)).unwrap();
    let handed = Wish::TCP.handed_over();
    let host = &link.left.hosts[0];
    host.send_with(&handed.bytes, handed.offload).unwrap();
    assert!(link.sent().is_empty());
    let count = 1 + Wish::TCP.frames().len() as u64;
    assert_eq!(link.left.ended(), [("out_pkts_no_sa", count)]);
}

// REQ-MSEC-26, REQ-SECLANE-3
#[test]
fn link_control_from_the_host_is_refused() {
    let mut forged = frame(60);
    forged[..6].copy_from_slice(&PORT_GROUP.octets());
    let eapol = forged.clone();
    forged[12..14].copy_from_slice(&PORT_ETHERTYPE.0.to_be_bytes());
    let mut elsewhere = forged.clone();
    elsewhere[..6].copy_from_slice(&RIGHT.octets());
    let packets = [forged, eapol.clone(), elsewhere.clone()].map(plain);
    let (frames, mut link) = carried(&Setup::default(), &packets);
    assert_eq!(frames, [eapol, elsewhere]);
    assert_eq!(
        link.left.ended(),
        [("control_refused", 1), ("out_pkts_encrypted", 2)]
    );
}

// REQ-SECLANE-2
#[test]
fn while_the_port_is_blocked_the_device_is_not_read_and_nothing_is_lost() {
    let setup = Setup {
        capacity: 8,
        ..Setup::default()
    };
    let mut link = Link::new(&setup);
    let wish = Wish {
        payload: 60_000,
        segment: 100,
        ..Wish::TCP
    };
    let handed = wish.handed_over();
    let mut expected = Vec::new();
    for len in 100..1_000 {
        link.left.hosts[0].send(&frame(len)).unwrap();
        expected.push(frame(len));
    }
    let host = &link.left.hosts[0];
    host.send_with(&handed.bytes, handed.offload).unwrap();
    expected.extend(wish.frames());
    link.left.settle();
    let blocked = link.left.report();
    let secured = blocked.tx[0].counters.clone();
    assert!(blocked.events.get(MacsecCounter::PortBlocked) > 0);
    for _ in 0..10 {
        link.left.settle();
    }
    assert_eq!(link.left.report().tx[0].counters, secured, "not read");
    let sum: u64 = moved(&secured).iter().map(|(_, count)| count).sum();
    assert!(sum > 0 && moved(&secured)[0].1 <= 64);

    let mut received = Vec::new();
    while received.len() < expected.len() {
        let frames = link.sent();
        assert!(!frames.is_empty());
        for frame in frames {
            link.give(&frame);
            link.right.settle();
            received.extend(link.right.received());
        }
    }
    assert!(received == expected);
    let count = expected.len() as u64;
    assert_eq!(link.left.ended(), [("out_pkts_encrypted", count)]);
    assert_eq!(link.right.ended(), [("in_pkts_ok", count)]);
}

#[test]
fn a_port_that_refuses_frames_is_no_reason_to_stop() {
    let mut link = Link::new(&Setup::default());
    let (_other, cable) = {
        let [mut ports, mut cable] = linkveil_net::memory::port_wire(
            [1, 1],
            linkveil_net::memory::PortWireOptions::default(),
        );
        (ports.remove(0), cable.remove(0))
    };
    drop(std::mem::replace(&mut link.left_cable, cable));
    link.left.hosts[0].send(&frame(100)).unwrap();
    link.left.settle();
    let ended = link.left.ended();
    assert_eq!(ended, [("port_dropped", 1), ("out_pkts_encrypted", 1)]);
}

// REQ-SECLANE-4
#[test]
fn a_control_frame_is_secured_like_any_other() {
    let mut link = Link::new(&Setup::default());
    let frame = ControlFrame::Confirm;
    link.left.order(crate::macsec::MacsecCommand::SendControl {
        epoch: EPOCH,
        frame,
    });
    let frames = link.sent();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0][..6], PORT_GROUP.octets());
    assert_eq!(frames[0][6..12], LEFT.octets());
    assert_eq!(frames[0][12..14], [0x88, 0xe5]);
    // Addresses, SecTAG, type and body, ICV.
    assert_eq!(frames[0].len(), 12 + 16 + 2 + 16 + 16);
}
