//! SPIs never collide, and tombstones are bounded.

use super::*;

/// Plays back numbers, the last one for ever.
struct Script(Vec<u32>);

impl Random for Script {
    fn fill(&mut self, out: &mut [u8]) {
        let number = if self.0.len() > 1 {
            self.0.remove(0)
        } else {
            self.0[0]
        };
        out.copy_from_slice(&number.to_be_bytes());
    }
}

const PEER: PeerId = PeerId::new(3);

// REQ-HDR-7, REQ-HDR-10
#[test]
fn zero_taken_and_buried_numbers_are_not_given_out() {
    let mut table = SpiTable::default();
    let first = table.allocate(PEER, &mut Script(vec![0, 7])).unwrap();
    assert_eq!(first.get(), 7);
    let second = table.allocate(PEER, &mut Script(vec![7, 0, 8])).unwrap();
    assert_eq!(second.get(), 8);
    table.bury(first);
    let third = table.allocate(PEER, &mut Script(vec![7, 9])).unwrap();
    assert_eq!(third.get(), 9);
    table.free(second);
    let fourth = table.allocate(PEER, &mut Script(vec![8])).unwrap();
    assert_eq!(fourth.get(), 8);
    assert_eq!(table.peer_of(fourth), Some(PEER));
    assert_eq!(table.peer_of(first), None);
    assert!(table.is_tombstone(first) && !table.is_tombstone(second));
}

#[test]
fn a_random_source_that_repeats_itself_gives_none() {
    let mut table = SpiTable::default();
    table.allocate(PEER, &mut Script(vec![7])).unwrap();
    assert_eq!(table.allocate(PEER, &mut Script(vec![7])), None);
}

#[test]
fn the_oldest_tombstone_gives_way() {
    let mut table = SpiTable::default();
    let last = u32::try_from(TOMBSTONES).unwrap() + 1;
    for number in 1..=last {
        table.bury(Spi::new(number).unwrap());
    }
    assert!(!table.is_tombstone(Spi::new(1).unwrap()));
    assert!(table.is_tombstone(Spi::new(2).unwrap()));
    assert!(table.is_tombstone(Spi::new(last).unwrap()));
}

// REQ-HDR-10
// FIELD-BUG: session ids that give away the number of peers
#[test]
fn an_spi_is_all_of_what_was_drawn_however_many_peers_there_are() {
    for count in [0, 1, 1_000] {
        let mut table = SpiTable::default();
        for number in 1..=count {
            let peer = PeerId::new(number);
            table.allocate(peer, &mut Script(vec![number])).unwrap();
        }
        for drawn in [0xdead_beef, 0x8000_0000, u32::MAX] {
            let peer = PeerId::new(count);
            let spi = table.allocate(peer, &mut Script(vec![drawn])).unwrap();
            assert_eq!(spi.get(), drawn, "beside {count} others");
        }
    }
}
