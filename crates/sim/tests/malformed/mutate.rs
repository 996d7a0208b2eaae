//! How bytes are spoiled.

use linkveil_crypto::Random;
use linkveil_sim::random::SimRandom;

/// Values at which a length, a count or a flag is likely to be misread.
const EDGES: [u8; 12] = [
    0x00, 0x01, 0x02, 0x0f, 0x3f, 0x40, 0x41, 0x45, 0x60, 0x7f, 0x80, 0xff,
];
/// Where headers are, and so most of what a parser looks at.
const HEADERS: u64 = 64;

/// A place within so many items; 0 if there are none.
pub(crate) fn place(random: &mut SimRandom, count: usize) -> usize {
    let count = u64::try_from(count).unwrap();
    usize::try_from(random.below(count.max(1))).unwrap()
}

pub(crate) fn noise(random: &mut SimRandom, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    bytes
}

/// Spoils bytes in one to three ways.
pub(crate) fn mutate(random: &mut SimRandom, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        mutate_once(random, bytes);
    }
}

fn mutate_once(random: &mut SimRandom, bytes: &mut Vec<u8>) {
    match random.below(16) {
        0..4 => {
            let at = place(random, bytes.len() * 8);
            if let Some(byte) = bytes.get_mut(at / 8) {
                *byte ^= 1 << (at % 8);
            }
        }
        4..8 => {
            let at = usize::try_from(random.below(HEADERS)).unwrap();
            let edge = random.pick(&EDGES);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = edge;
            }
        }
        8 | 9 => bytes.truncate(place(random, bytes.len() + 1)),
        // Near the ends of headers.
        10 => bytes.truncate(usize::try_from(random.below(HEADERS)).unwrap()),
        11 => {
            let len = usize::try_from(random.below(40)).unwrap();
            bytes.extend(noise(random, len));
        }
        12 => {
            let at = place(random, bytes.len());
            let len = usize::try_from(random.below(24)).unwrap();
            let noise = noise(random, len);
            for (byte, noise) in bytes.iter_mut().skip(at).zip(noise) {
                *byte = noise;
            }
        }
        13 => {
            // A part twice: options, headers, messages in a row.
            let (from, to) = (place(random, bytes.len()), place(random, bytes.len()));
            let part = bytes.get(from..to).unwrap_or_default().to_vec();
            bytes.splice(from..from, part);
        }
        14 => {
            // A part gone from the middle.
            let (from, to) = (place(random, bytes.len()), place(random, bytes.len()));
            if from < to {
                bytes.drain(from..to);
            }
        }
        _ => {
            let len = usize::try_from(random.below(1_500)).unwrap();
            *bytes = noise(random, len);
        }
    }
    // Parts that are doubled again and again stay within what a datagram can be.
    bytes.truncate(65_535);
}
