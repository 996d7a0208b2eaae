//! What the longest-prefix tables said of the addresses that a lane met last. A walk through a trie takes as long as
//! sealing a small packet, and most packets go where the one before went.

use std::net::IpAddr;

use linkveil_sa::PeerId;

use crate::snapshot::{RouteTable, VpcIndex};

/// Addresses that are remembered: those of the flows that are busy at the same time on one lane. 2 KiB.
const PLACES: usize = 64;

const _: () = assert!(PLACES.is_power_of_two());

/// A lane's memory of its snapshot's routes. To be forgotten with the snapshot.
#[derive(Debug)]
pub(crate) struct RouteCache {
    places: Box<[Option<Found>; PLACES]>,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    vpc: VpcIndex,
    address: IpAddr,
    peer: Option<PeerId>,
}

impl RouteCache {
    pub(crate) fn new() -> Self {
        Self {
            places: Box::new([None; PLACES]),
        }
    }

    /// Forgets everything: there is another snapshot.
    pub(crate) fn clear(&mut self) {
        self.places.fill(None);
    }

    /// What [`RouteTable::lookup`] says.
    #[inline]
    pub(crate) fn lookup(
        &mut self,
        routes: &RouteTable,
        vpc: VpcIndex,
        address: IpAddr,
    ) -> Option<PeerId> {
        let Some(place) = self.places.get_mut(place_of(vpc, address)) else {
            return routes.lookup(vpc, address);
        };
        match place {
            Some(found) if found.vpc == vpc && found.address == address => found.peer,
            _ => {
                let peer = routes.lookup(vpc, address);
                *place = Some(Found { vpc, address, peer });
                peer
            }
        }
    }
}

/// The multiplication spreads neighboring addresses (2^64 divided by the golden ratio; Knuth, The Art of Computer
/// Programming 3, 6.4). One who picks addresses that share a place makes lookups as slow as they are without this.
#[inline]
fn place_of(vpc: VpcIndex, address: IpAddr) -> usize {
    let bits = match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.segments().map(u64::from);
            (a << 48 | b << 32 | c << 16 | d) ^ (e << 48 | f << 32 | g << 16 | h)
        }
    };
    let mixed = (bits ^ (vpc.index() as u64) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let [.., high, low] = (mixed >> 32).to_be_bytes();
    usize::from(u16::from_be_bytes([high, low])) % PLACES
}

#[cfg(test)]
mod tests;
