//! The SPIs that this node has given out: random, unique, and remembered for a while after their end.

use std::collections::{HashMap, HashSet, VecDeque};

use linkveil_crypto::Random;
use linkveil_sa::PeerId;
use linkveil_wire::Spi;

use crate::limits::TOMBSTONES;

/// Draws until an SPI is free. With a million SPIs in use one draw fails once in four thousand, so that this many
/// failures in a row mean a broken random source.
const DRAWS: usize = 32;

/// Every SPI that an answer or a datagram may name.
#[derive(Debug, Default)]
pub(crate) struct SpiTable {
    in_use: HashMap<Spi, PeerId>,
    tombstones: HashSet<Spi>,
    /// In the order of their burial.
    graveyard: VecDeque<Spi>,
}

impl SpiTable {
    /// Gives out an SPI that is neither in use nor a tombstone (REQ-HDR-10). `None`: the random source repeats itself.
    pub(crate) fn allocate(&mut self, peer: PeerId, random: &mut dyn Random) -> Option<Spi> {
        for _ in 0..DRAWS {
            let mut bytes = [0; 4];
            random.fill(&mut bytes);
            let Some(spi) = Spi::new(u32::from_be_bytes(bytes)) else {
                continue;
            };
            if !self.in_use.contains_key(&spi) && !self.tombstones.contains(&spi) {
                self.in_use.insert(spi, peer);
                return Some(spi);
            }
        }
        None
    }

    /// For whom the SPI is in use.
    pub(crate) fn peer_of(&self, spi: Spi) -> Option<PeerId> {
        self.in_use.get(&spi).copied()
    }

    /// Gives an SPI back under which nobody ever received.
    pub(crate) fn free(&mut self, spi: Spi) {
        self.in_use.remove(&spi);
    }

    /// The end of an SPI under which datagrams may still come. The oldest tombstone gives way when there are too many.
    pub(crate) fn bury(&mut self, spi: Spi) {
        self.in_use.remove(&spi);
        if self.tombstones.insert(spi) {
            self.graveyard.push_back(spi);
        }
        if self.graveyard.len() > TOMBSTONES
            && let Some(oldest) = self.graveyard.pop_front()
        {
            self.tombstones.remove(&oldest);
        }
    }

    /// Whether the SPI was in use lately.
    pub(crate) fn is_tombstone(&self, spi: Spi) -> bool {
        self.tombstones.contains(&spi)
    }
}

#[cfg(test)]
mod tests;
