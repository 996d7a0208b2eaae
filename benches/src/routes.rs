//! A VPC's table with many prefixes, nested as real ones are, and addresses inside of it.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use linkveil_dataplane::{RouteTable, VpcIndex, VpcRoutes};
use linkveil_sa::PeerId;
use linkveil_wire::Vni;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const VPC: VpcIndex = VpcIndex::new(0);
/// Addresses that are looked up by turns: enough that a large table does not stay in the first cache.
const ADDRESSES: usize = 1_024;
/// Multiplier and increment of a linear congruential generator (Knuth, The Art of Computer Programming 2, 3.3.4).
const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;

/// The table, and addresses with the peer that each is behind.
#[derive(Debug)]
pub struct Routes {
    table: RouteTable,
    addresses: Vec<(IpAddr, PeerId)>,
    prefixes: usize,
}

impl Routes {
    /// So many prefixes of IPv4: every eighth is a /20, the ones behind it are /24 inside of it.
    ///
    /// # Panics
    /// With 2^20 prefixes or more, which are no longer in 10.0.0.0 to 42.255.255.255.
    #[must_use]
    pub fn ipv4(prefixes: usize) -> Self {
        let prefix = |number: u32| {
            let (block, place) = (number / 8, number % 8);
            let base = (10 << 24) + (block << 12);
            let (address, len) = if place == 0 {
                (base, 20)
            } else {
                (base + (place << 8), 24)
            };
            IpNet::V4(Ipv4Net::new(Ipv4Addr::from_bits(address), len).expect("a length"))
        };
        let inside = |prefix: IpNet, host: u64| match prefix.network() {
            IpAddr::V4(network) => IpAddr::V4(Ipv4Addr::from_bits(
                network.to_bits() + (host & 0xff) as u32,
            )),
            other @ IpAddr::V6(_) => other,
        };
        Self::new(prefixes, prefix, inside)
    }

    /// So many prefixes of IPv6: every eighth is a /48, the ones behind it are /64 inside of it.
    #[must_use]
    pub fn ipv6(prefixes: usize) -> Self {
        let prefix = |number: u32| {
            let (block, place) = (u128::from(number / 8), u128::from(number % 8));
            let base = (0xfd00_u128 << 112) + (block << 80);
            let (address, len) = if place == 0 {
                (base, 48)
            } else {
                (base + (place << 64), 64)
            };
            IpNet::V6(Ipv6Net::new(Ipv6Addr::from_bits(address), len).expect("a length"))
        };
        let inside = |prefix: IpNet, host: u64| match prefix.network() {
            IpAddr::V6(network) => {
                IpAddr::V6(Ipv6Addr::from_bits(network.to_bits() + u128::from(host)))
            }
            other @ IpAddr::V4(_) => other,
        };
        Self::new(prefixes, prefix, inside)
    }

    fn new(
        prefixes: usize,
        prefix: impl Fn(u32) -> IpNet,
        inside: impl Fn(IpNet, u64) -> IpAddr,
    ) -> Self {
        let count = u32::try_from(prefixes).expect("fewer than 2^32 prefixes");
        let routes = (0..count).map(|number| (prefix(number), PeerId::new(number)));
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
            state >> 32
        };
        let addresses = (0..ADDRESSES).map(|_| {
            let number = u32::try_from(random() % u64::from(count)).expect("below the count");
            (inside(prefix(number), random()), PeerId::new(number))
        });
        Self {
            addresses: addresses.collect(),
            table: RouteTable::new(vec![VpcRoutes {
                vni: Vni::new(5_001).expect("24 bits"),
                routes: routes.collect(),
            }]),
            prefixes,
        }
    }

    /// How many prefixes there are.
    #[must_use]
    pub fn prefixes(&self) -> usize {
        self.prefixes
    }

    /// Addresses in no order, each with its peer.
    #[must_use]
    pub fn addresses(&self) -> &[(IpAddr, PeerId)] {
        &self.addresses
    }

    /// As hop 2 out and hop 5 in do.
    #[must_use]
    #[inline]
    pub fn lookup(&self, address: IpAddr) -> Option<PeerId> {
        self.table.lookup(VPC, address)
    }
}
