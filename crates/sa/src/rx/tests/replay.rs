//! The replay window tried at its edges, twice: bare, and through [`RxEpoch::open_in_place`] with datagrams that were
//! really sealed under the numbers in question. The idea of the cases and sweeps is that of WireGuard's replay selftest.

use super::*;
use crate::window::{Replay, ReplayWindow};
use linkveil_crypto::{Iv, SealKey};
use linkveil_wire::{DataHeader, PacketNumber};

const W: u64 = WINDOW_PACKETS;
/// Numbers that one turn of the ring of words holds: one word more than the window.
const RING: u64 = W + 64;

/// What may be said of a packet number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Accepted,
    Duplicate,
    TooOld,
}

use Verdict::{Accepted, Duplicate, TooOld};

/// Something that judges packet numbers and remembers those that it accepted.
trait Judge {
    fn judge(&mut self, number: u64) -> Verdict;
}

impl Judge for ReplayWindow {
    fn judge(&mut self, number: u64) -> Verdict {
        let number = PacketNumber::new(number);
        match self.check(number) {
            Ok(()) => {
                self.commit(number);
                Accepted
            }
            Err(Replay::Duplicate) => Duplicate,
            Err(Replay::TooOld) => TooOld,
        }
    }
}

/// An epoch, and the sender's lane key without the count that a `TxSa` keeps.
struct Epoch {
    rx: RxEpoch,
    key: SealKey,
    iv: Iv,
}

impl Epoch {
    fn new() -> Self {
        let limits = Limits {
            packets: u64::MAX,
            bytes: u64::MAX,
            failed_opens: 1,
        };
        let setup = Setup::new(Suite::Aes256Gcm).limits(limits);
        let (_, rx) = setup.build_one();
        let (keys, _) = setup.split(Direction::InitiatorToResponder);
        let keys = keys.0.lane_keys(lane(0));
        Self {
            rx,
            key: SealKey::new(Suite::Aes256Gcm, &keys.key),
            iv: keys.iv,
        }
    }
}

impl Judge for Epoch {
    /// Number 0 does not pass the parser, so it never gets as far as the window.
    fn judge(&mut self, number: u64) -> Verdict {
        let header = DataHeader {
            lane: lane(0),
            spi: self.rx.spi(),
            packet_number: PacketNumber::new(number),
        };
        let mut packet = [header.emit().as_slice(), &[0x11; 24]].concat();
        let (aad, sealed) = packet.split_at_mut(16);
        let tag = self
            .key
            .seal_in_place(self.iv.nonce(number), aad, &mut sealed[..8]);
        sealed[8..].copy_from_slice(tag.as_bytes());
        let Ok(datagram) = Datagram::parse(&mut packet) else {
            assert_eq!(number, 0, "a number that the parser refuses");
            return TooOld;
        };
        match self.rx.open_in_place(datagram) {
            Ok(mut opened) => {
                assert_eq!(opened.plaintext(), [0x11; 8]);
                Accepted
            }
            Err(OpenError::Duplicate) => Duplicate,
            Err(OpenError::TooOld) => TooOld,
            // Among them Exhausted: one failed open uses this epoch up, so a refused number must not count as one.
            Err(other) => panic!("{number}: {other}"),
        }
    }
}

/// The rule in the simplest words: a set of all that was accepted.
#[derive(Default)]
struct Oracle {
    accepted: HashSet<u64>,
    highest: u64,
}

impl Judge for Oracle {
    fn judge(&mut self, number: u64) -> Verdict {
        if number == 0 || self.highest.saturating_sub(number) >= W {
            TooOld
        } else if self.accepted.insert(number) {
            self.highest = self.highest.max(number);
            Accepted
        } else {
            Duplicate
        }
    }
}

/// A fresh judge of each kind.
fn levels() -> [(&'static str, Box<dyn Judge>); 2] {
    [
        ("window", Box::new(ReplayWindow::new())),
        ("epoch", Box::new(Epoch::new())),
    ]
}

/// One after the other on one window.
const CASES: [(&str, u64, Verdict); 38] = [
    ("zero before anything", 0, TooOld),
    ("the first number", 1, Accepted),
    ("the first number again", 1, Duplicate),
    ("a gap of seven", 9, Accepted),
    ("back into the gap", 8, Accepted),
    ("further back into the gap", 7, Accepted),
    ("the same place in the gap", 7, Duplicate),
    (
        "ahead until the first number is the last inside",
        W,
        Accepted,
    ),
    ("the first number, still inside", 1, Duplicate),
    ("one behind the highest", W - 1, Accepted),
    ("one behind the highest again", W - 1, Duplicate),
    ("two behind the highest", W - 2, Accepted),
    ("the oldest that was never seen", 2, Accepted),
    ("the oldest, seen by now", 2, Duplicate),
    ("sixteen further", W + 16, Accepted),
    ("the highest again", W + 16, Duplicate),
    ("unseen, and fallen out", 3, TooOld),
    ("seen, and fallen out: nobody knows any more", 2, TooOld),
    ("one behind the edge", 16, TooOld),
    ("on the edge", 17, Accepted),
    ("on the edge again", 17, Duplicate),
    ("one inside the edge", 18, Accepted),
    ("zero later", 0, TooOld),
    ("a jump over several windows", 4 * W, Accepted),
    ("the new edge", 3 * W + 1, Accepted),
    ("behind the new edge", 3 * W, TooOld),
    ("the new edge again", 3 * W + 1, Duplicate),
    ("the highest of before the jump", W + 16, TooOld),
    ("the next in order", 4 * W + 1, Accepted),
    ("the target of the jump again", 4 * W, Duplicate),
    (
        "the same bit one turn of the ring later",
        4 * W + 1 + RING,
        Accepted,
    ),
    (
        "its neighbor, whose bit was set a turn ago",
        4 * W + RING,
        Accepted,
    ),
    ("beyond 32 bits", 1 << 32, Accepted),
    (
        "a number seen before, but for its upper half",
        (1 << 32) + 4 * W + 1,
        Accepted,
    ),
    ("the last number of all", u64::MAX, Accepted),
    ("the last number again", u64::MAX, Duplicate),
    (
        "the edge under the last number",
        u64::MAX - (W - 1),
        Accepted,
    ),
    ("after the last number nothing begins anew", 1, TooOld),
];

// REQ-REPLAY-1, REQ-REPLAY-2, REQ-REPLAY-3, REQ-HDR-8
// FIELD-BUG: counter as 32-bit usize
#[test]
fn named_cases_in_a_row() {
    for (level, mut judge) in levels() {
        for (name, number, expected) in CASES {
            assert_eq!(judge.judge(number), expected, "{level}: {name}: {number}");
        }
    }
}

/// A row of numbers on a fresh window, and how many of them are accepted, duplicates and too old.
type Sweep = (&'static str, Vec<u64>, [usize; 3]);

#[expect(
    clippy::cast_possible_truncation,
    reason = "the widths of a window fit any usize"
)]
fn sweeps() -> Vec<Sweep> {
    let w = W as usize;
    let twice = |row: Vec<u64>| row.repeat(2);
    let odd_first = (1..=2 * W).step_by(2).chain((2..=2 * W).step_by(2));
    let in_words = (1..=2 * RING / 64).flat_map(|word| [64 * word + 63, 64 * word, 64 * word - 1]);
    let leaps = (1..=600).map(|step| step * (W / 2 + 1));
    vec![
        ("forward, twice", twice((1..=W).collect()), [w, w, 0]),
        (
            "forward over two windows, twice",
            twice((1..=2 * W).collect()),
            [2 * w, w, w],
        ),
        ("backward, twice", twice((1..=W).rev().collect()), [w, w, 0]),
        (
            "backward over the edge",
            (0..=W + 1).rev().collect(),
            [w, 0, 2],
        ),
        (
            "backward, then one ahead and all again",
            (1..=W).rev().chain([W + 1]).chain(1..=W).collect(),
            [w + 1, w - 1, 1],
        ),
        (
            "every second, then the gaps",
            odd_first.collect(),
            [w + w / 2 + 1, 0, w / 2 - 1],
        ),
        (
            "first the end, then forward",
            std::iter::once(3 * W).chain(2 * W..=3 * W).collect(),
            [w, 1, 1],
        ),
        // Each word is entered by its last bit; 64 * word - 1 is the last bit of the one before, seen but for the first.
        (
            "around the borders of words",
            in_words.collect(),
            [
                2 * (2 * RING as usize / 64) + 1,
                2 * RING as usize / 64 - 1,
                0,
            ],
        ),
        (
            "in leaps of half a window, twice",
            twice(leaps.collect()),
            [600, 2, 598],
        ),
        (
            "down from the last number",
            (u64::MAX - W - 9..=u64::MAX).rev().collect(),
            [w, 0, 10],
        ),
    ]
}

// REQ-REPLAY-1, REQ-REPLAY-2, REQ-REPLAY-3
#[test]
fn sweeps_agree_with_a_set_of_all_that_was_accepted() {
    for (name, numbers, expected) in sweeps() {
        for (level, mut judge) in levels() {
            let mut oracle = Oracle::default();
            let mut counts = [0; 3];
            for &number in &numbers {
                let verdict = judge.judge(number);
                assert_eq!(verdict, oracle.judge(number), "{level}: {name}: {number}");
                counts[verdict as usize] += 1;
            }
            assert_eq!(counts, expected, "{level}: {name}");
        }
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
struct Walk(u64);

impl Walk {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Mostly a little ahead or behind; now and then to an edge, far ahead, or anywhere.
    fn next_number(&mut self, highest: u64) -> u64 {
        let (kind, value) = (self.draw() % 64, self.draw());
        match kind {
            0..24 => highest.saturating_add(value % 4),
            24..40 => highest.saturating_sub(value % 300),
            40..48 => highest.saturating_sub(value % (W + 100)),
            48..54 => highest.saturating_sub(W - 70 + value % 140),
            54..58 => highest.saturating_add(value % 300),
            58..60 => highest.saturating_add(RING - 70 + value % 140),
            60 => highest.saturating_add(value % (4 * RING)),
            61 => value % 100,
            62 => highest.saturating_sub(value >> 40),
            _ => highest ^ (1 << (value % 14)),
        }
    }
}

// REQ-REPLAY-1, REQ-REPLAY-2, REQ-REPLAY-3
#[test]
fn a_random_walk_of_100_000_steps_agrees_with_the_set() {
    for start in [1, u64::from(u32::MAX) - 50_000, u64::MAX - 300_000_000] {
        let (mut walk, mut oracle) = (Walk(start), Oracle::default());
        let mut judges = levels();
        let mut counts = [0_usize; 3];
        let mut number = start;
        for step in 0..100_000 {
            let expected = oracle.judge(number);
            counts[expected as usize] += 1;
            for (level, judge) in &mut judges {
                assert_eq!(
                    judge.judge(number),
                    expected,
                    "{level}: step {step}: {number}"
                );
            }
            number = walk.next_number(oracle.highest);
        }
        assert!(counts.iter().all(|count| *count > 5_000), "{counts:?}");
    }
}
