use linkveil_macsec::{Protection, ReplayProtect, RxPolicy, Validate, WindowSize};
use linkveil_net::memory::HostPacket;
use linkveil_net::{Offloads, PORT_FRAME_LEN};
use linkveil_wire::ControlFrame;
use linkveil_wire::port::{PORT_ETHERTYPE, PORT_GROUP};
use proptest::prelude::*;

use super::*;
use crate::macsec::MacsecCommand;
use crate::macsec::testing::host::{Kind, Wish, understood, wishes};
use crate::macsec::testing::{EPOCH, LEFT, Link, PEER, Setup, frame, moved};

/// Random frames of one run: some seconds without optimization. A longer run raises it.
const RANDOM_FRAMES: u32 = 1_000_000;

fn offloads(offloads: Offloads) -> Setup {
    Setup {
        offloads,
        ..Setup::default()
    }
}

/// What the right host's device gives it of frames and super-frames of the left one.
fn given(setup: &Setup, packets: &[HostPacket]) -> (Vec<HostPacket>, Link) {
    let mut link = Link::new(setup);
    for packet in packets {
        let host = &link.left.hosts[0];
        host.send_with(&packet.bytes, packet.offload).unwrap();
    }
    link.carry();
    let host = &link.right.hosts[0];
    (std::iter::from_fn(|| host.recv_with()).collect(), link)
}

fn plain(bytes: &[u8]) -> HostPacket {
    HostPacket {
        bytes: bytes.to_vec(),
        offload: Offload::None,
    }
}

// REQ-SECLANE-5
#[test]
fn a_super_frame_comes_out_as_it_went_in() {
    for kind in [Wish::TCP.kind, Kind::Udp] {
        for (v6, tags) in [(false, 0), (true, 0), (false, 1), (true, 2)] {
            let wish = Wish {
                v6,
                tags,
                kind,
                ..Wish::TCP
            };
            let handed = wish.handed_over();
            let (given, mut link) = given(
                &offloads(Offloads::TcpAndUdp),
                std::slice::from_ref(&handed),
            );
            assert_eq!(given, [handed]);
            let report = link.right.report();
            assert_eq!(moved(&report.events), [("super_frames_made", 1)]);
        }
    }
}

// REQ-SECLANE-5
#[test]
fn a_device_gets_no_more_than_it_takes() {
    let udp = Wish {
        kind: Kind::Udp,
        ..Wish::TCP
    };
    for setup in [offloads(Offloads::None), offloads(Offloads::Tcp)] {
        let (given, _) = given(&setup, &[udp.handed_over()]);
        assert_eq!(
            given,
            Vec::from_iter(udp.frames().iter().map(|frame| plain(frame)))
        );
    }
}

// REQ-SECLANE-5
#[test]
fn a_frame_with_a_wrong_checksum_goes_alone_and_as_it_is() {
    let wish = Wish {
        payload: 5 * 1_400,
        ..Wish::TCP
    };
    let mut frames = wish.frames();
    frames[2][100] ^= 1;
    let packets: Vec<_> = frames.iter().map(|frame| plain(frame)).collect();
    let (given, mut link) = given(&offloads(Offloads::Tcp), &packets);
    assert_eq!(given.len(), 3);
    assert_eq!(given[1], packets[2]);
    let others = [&given[0], &given[2]].map(|given| understood(given, Offloads::Tcp));
    assert_eq!(others.concat(), [&frames[..2], &frames[3..]].concat());
    assert_eq!(link.right.ended(), [("in_pkts_ok", 5)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    // REQ-SECLANE-5: every header that is written is checked by another hand against the frame behind it.
    #[test]
    fn a_host_understands_of_a_device_what_the_other_host_meant(
        wishes in prop::collection::vec(wishes(), 1..8),
        able in prop::sample::select(vec![Offloads::None, Offloads::Tcp, Offloads::TcpAndUdp]),
        broken in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let mut frames: Vec<_> = wishes.iter().flat_map(Wish::frames).collect();
        for place in broken {
            let place = place.index(frames.len());
            if let Some(last) = frames[place].last_mut() {
                *last ^= 0x55;
            }
        }
        let packets: Vec<_> = frames.iter().map(|frame| plain(frame)).collect();
        let (given, _) = given(&offloads(able), &packets);
        let understood: Vec<_> = given.iter().flat_map(|given| understood(given, able)).collect();
        prop_assert!(understood == frames);
    }
}

/// The left side's frames, secured.
fn secured(link: &mut Link, count: usize) -> Vec<Vec<u8>> {
    for _ in 0..count {
        link.left.hosts[0].send(&frame(100)).unwrap();
    }
    link.sent()
}

/// What the right side counts of these frames.
fn counted(link: &mut Link, frames: &[Vec<u8>]) -> Vec<(&'static str, u64)> {
    for frame in frames {
        link.give(frame);
    }
    link.right.ended()
}

// REQ-SECY-14
#[test]
fn each_fault_on_the_wire_moves_its_own_counter() {
    const TCI_AT: usize = 14;
    const SL_AT: usize = 15;
    const SCI_AT: usize = 20;
    let flip = |at: usize, bits: u8| {
        move |frame: &mut Vec<u8>| {
            frame[at] ^= bits;
        }
    };
    type Fault = Box<dyn Fn(&mut Vec<u8>)>;
    let faults: [(&str, Fault); 14] = [
        ("in_pkts_ok", Box::new(|_| ())),
        ("in_pkts_not_valid", Box::new(flip(0, 1))),
        ("in_pkts_not_valid", Box::new(flip(60, 0x80))),
        (
            "in_pkts_not_valid",
            Box::new(|frame| {
                frame.pop();
            }),
        ),
        ("in_pkts_not_using_sa", Box::new(flip(TCI_AT, 1))),
        ("in_pkts_no_sci", Box::new(flip(SCI_AT + 7, 2))),
        ("in_pkts_no_sci", Box::new(flip(SCI_AT, 2))),
        ("in_pkts_bad_tag", Box::new(flip(SL_AT, 0x80))),
        ("in_pkts_bad_tag", Box::new(flip(TCI_AT, 0x80))),
        ("in_pkts_bad_tag", Box::new(|frame| frame.truncate(40))),
        ("in_pkts_uncontrolled", Box::new(flip(TCI_AT, 0x04))),
        ("in_pkts_no_tag", Box::new(flip(13, 1))),
        ("in_pkts_runt", Box::new(|frame| frame.truncate(13))),
        (
            "in_pkts_overrun",
            Box::new(|frame| frame.resize(PORT_FRAME_LEN + 1, 0)),
        ),
    ];
    for (counter, fault) in faults {
        let mut link = Link::new(&Setup::default());
        let mut frames = secured(&mut link, 1);
        fault(&mut frames[0]);
        assert_eq!(counted(&mut link, &frames), [(counter, 1)]);
        let delivered = link.right.received().len();
        assert_eq!(delivered == 1, counter == "in_pkts_ok", "{counter}");
        assert!(link.right.news().is_empty());
    }
}

// REQ-SECY-15, REQ-SECY-16
#[test]
fn what_comes_twice_or_late_is_delivered_once_or_not_at_all() {
    let mut link = Link::new(&Setup::default());
    let frames = secured(&mut link, 100);
    let [first, others @ ..] = &frames[..] else {
        panic!("frames");
    };
    let twice: Vec<_> = others.iter().chain(others).cloned().collect();
    assert_eq!(
        counted(&mut link, &twice),
        [
            ("in_pkts_late", 35),
            ("in_pkts_duplicate", 64),
            ("in_pkts_ok", 99)
        ]
    );
    assert_eq!(link.right.received().len(), 99);
    let late = counted(&mut link, std::slice::from_ref(first));
    assert!(late.contains(&("in_pkts_late", 36)), "{late:?}");
    assert!(link.right.received().is_empty());
}

/// A xorshift generator (Marsaglia 2003): enough to be unlike any frame on purpose.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

/// Random octets, most of them behind a beginning that looks like one of ours.
fn random_frame(random: &mut Random, model: &[u8]) -> Vec<u8> {
    let len = random.below(120);
    let mut frame: Vec<u8> = (0..len).map(|_| random.next().to_le_bytes()[3]).collect();
    let like = random.below(len.min(model.len()) + 1);
    frame[..like].copy_from_slice(&model[..like]);
    frame
}

// REQ-SECY-14, REQ-SECY-19
#[test]
fn of_random_frames_none_is_delivered_and_each_is_counted_once() {
    let mut link = Link::new(&Setup::default());
    let model = secured(&mut link, 1).remove(0);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for batch in 0..RANDOM_FRAMES / 500 {
        for _ in 0..500 {
            let frame = random_frame(&mut random, &model);
            link.give(&frame);
        }
        link.right.settle();
        assert!(link.right.received().is_empty(), "batch {batch}");
    }
    let ended = link.right.ended();
    let sum: u64 = ended.iter().map(|(_, count)| count).sum();
    assert_eq!(sum, u64::from(RANDOM_FRAMES), "{ended:?}");
    assert!(ended.len() > 5, "{ended:?}");
    assert!(link.right.news().is_empty());
    // And it still works.
    link.give(&model);
    link.right.settle();
    assert_eq!(link.right.received(), [frame(100)]);
}

// REQ-SECLANE-4
#[test]
fn link_control_goes_to_control_and_never_to_the_device() {
    let mut link = Link::new(&Setup::default());
    let frame = ControlFrame::Confirm;
    link.left.order(MacsecCommand::SendControl {
        epoch: EPOCH,
        frame,
    });
    link.carry();
    let told = LaneEvent::Control {
        peer: PEER,
        epoch: EPOCH,
        frame,
        path: LEFT,
    };
    assert_eq!(link.right.news(), [told]);
    assert!(link.right.received().is_empty());
    assert_eq!(link.right.ended(), [("in_pkts_ok", 1)]);
    let (left, right) = (link.left.report(), link.right.report());
    assert_eq!(moved(&left.events), [("control_frames_sent", 1)]);
    assert_eq!(moved(&right.events), [("control_frames_received", 1)]);
}

/// A frame for link control with this body, secured by the left side although its lane would refuse it.
fn secured_control(setup: &Setup, body: &[u8]) -> Vec<u8> {
    let mut plain = [PORT_GROUP.octets(), LEFT.octets()].concat();
    plain.extend(PORT_ETHERTYPE.0.to_be_bytes());
    plain.extend(body);
    let config = setup.config(LEFT);
    let lane = linkveil_wire::LaneCount::new(1).unwrap().lanes().next();
    let mut tx = linkveil_macsec::TxSc::new(config.tx(lane.unwrap()).unwrap()).unwrap();
    let mut keys = setup
        .install_tx(LEFT, EPOCH, linkveil_wire::An::ALL[0])
        .keys;
    tx.install(linkveil_wire::An::ALL[0], keys.remove(0))
        .unwrap();
    assert!(tx.encode_with(linkveil_wire::An::ALL[0]));
    let mut frame = vec![0; plain.len() + tx.overhead()];
    tx.protect_into(&plain, &mut frame).unwrap();
    frame
}

// REQ-SECLANE-4
#[test]
fn link_control_that_is_none_is_counted() {
    let good = ControlFrame::Keepalive.emit();
    for (body, counter) in [
        (&good[..], None),
        (&good[..11], Some("control_malformed")),
        (b"", Some("control_malformed")),
    ] {
        let setup = Setup::default();
        let mut link = Link::new(&setup);
        let frame = secured_control(&setup, body);
        let mut expected = vec![("in_pkts_ok", 1)];
        expected.splice(0..0, counter.map(|counter| (counter, 1)));
        assert_eq!(counted(&mut link, &[frame]), expected);
        assert_eq!(link.right.news().len(), usize::from(counter.is_none()));
        assert!(link.right.received().is_empty());
    }
}

fn check(protection: Protection) -> Setup {
    Setup {
        protection,
        policy: RxPolicy {
            validate: Validate::Check,
            replay_protect: ReplayProtect::On,
            window: WindowSize::new(64).unwrap(),
        },
        ..Setup::default()
    }
}

// REQ-SECLANE-4
#[test]
fn link_control_that_is_not_authentic_goes_nowhere() {
    let setup = check(Protection::Integrity);
    let mut link = Link::new(&setup);
    let mut forged = secured_control(&setup, &ControlFrame::Keepalive.emit());
    *forged.last_mut().unwrap() ^= 1;
    let mut untagged = frame(60);
    untagged[..6].copy_from_slice(&PORT_GROUP.octets());
    untagged[12..14].copy_from_slice(&PORT_ETHERTYPE.0.to_be_bytes());
    assert_eq!(
        counted(&mut link, &[forged, untagged]),
        [
            ("control_unauthentic", 2),
            ("in_pkts_untagged", 1),
            ("in_pkts_invalid", 1)
        ]
    );
    assert!(link.right.news().is_empty());
    assert!(link.right.received().is_empty());
}

// REQ-SECY-20
#[test]
fn where_validation_only_counts_the_rest_is_delivered() {
    let mut link = Link::new(&check(Protection::Integrity));
    let mut frames = secured(&mut link, 2);
    frames[1][50] ^= 1;
    frames.push(frame(60));
    assert_eq!(
        counted(&mut link, &frames),
        [
            ("in_pkts_untagged", 1),
            ("in_pkts_invalid", 1),
            ("in_pkts_ok", 1)
        ]
    );
    let mut changed = frame(100);
    changed[50 - 16] ^= 1;
    assert_eq!(link.right.received(), [frame(100), changed, frame(60)]);
}

#[test]
fn what_is_delivered_without_an_ethernet_header_is_counted() {
    let mut link = Link::new(&check(Protection::Integrity));
    // An unknown channel, one octet of user data.
    let mut short = frame(12);
    short.extend([
        0x88, 0xe5, 0x20, 1, 0, 0, 0, 1, 2, 0xcc, 0, 0, 0, 1, 0, 1, 0xaa,
    ]);
    short.extend([0; 16]);
    assert_eq!(
        counted(&mut link, &[short]),
        [("delivered_runt", 1), ("in_pkts_unknown_sci", 1)]
    );
    assert!(link.right.received().is_empty());
}

#[test]
fn what_the_device_does_not_take_is_counted() {
    let mut link = Link::new(&Setup::default());
    for _ in 0..3 {
        let frames = secured(&mut link, 1_000);
        for frame in frames {
            link.give(&frame);
        }
        link.right.settle();
    }
    assert_eq!(
        link.right.ended(),
        [("tap_dropped", 3_000 - 2_048), ("in_pkts_ok", 3_000)]
    );
    assert_eq!(link.right.received().len(), 2_048);
}
