use std::net::{Ipv4Addr, Ipv6Addr};

use linkveil_wire::Vni;
use proptest::prelude::*;

use super::*;
use crate::snapshot::VpcRoutes;

fn table() -> RouteTable {
    let routes = |vni, list: &[(&str, u32)]| VpcRoutes {
        vni: Vni::new(vni).unwrap(),
        routes: list
            .iter()
            .map(|(prefix, peer)| (prefix.parse().unwrap(), PeerId::new(*peer)))
            .collect(),
    };
    RouteTable::new(vec![
        routes(1, &[("10.0.0.0/8", 0), ("10.1.0.0/16", 1), ("fd00::/8", 2)]),
        routes(2, &[("10.0.0.0/9", 3), ("fd01::/16", 4)]),
    ])
}

fn address() -> impl Strategy<Value = IpAddr> {
    let v4 =
        (0_u32..2_048).prop_map(|low| Ipv4Addr::from_bits(0x0a00_0000 + low * 0x0000_4321).into());
    let v6 =
        (0_u128..512).prop_map(|low| Ipv6Addr::from_bits(0xfd << 120 | low << 112 | low).into());
    prop_oneof![v4, v6]
}

proptest! {
    // REQ-ADM-1, REQ-ADM-3, REQ-ADM-4
    #[test]
    fn it_says_what_the_table_says(asked in prop::collection::vec((0_u16..3, address()), 1..400)) {
        let (routes, mut cache) = (table(), RouteCache::new());
        for (vpc, address) in asked {
            let vpc = VpcIndex::new(vpc);
            prop_assert_eq!(cache.lookup(&routes, vpc, address), routes.lookup(vpc, address));
        }
    }
}

#[test]
fn another_snapshot_is_another_memory() {
    let (old, mut cache) = (table(), RouteCache::new());
    let (vpc, address) = (VpcIndex::new(0), "10.1.2.3".parse().unwrap());
    assert_eq!(cache.lookup(&old, vpc, address), Some(PeerId::new(1)));
    let new = RouteTable::new(Vec::<VpcRoutes>::new());
    assert_eq!(cache.lookup(&new, vpc, address), Some(PeerId::new(1)));
    cache.clear();
    assert_eq!(cache.lookup(&new, vpc, address), None);
}

#[test]
fn neighbors_have_places_of_their_own() {
    let places: std::collections::HashSet<_> = (0..64)
        .map(|low| {
            place_of(
                VpcIndex::new(0),
                Ipv4Addr::from_bits(0x0a01_0200 + low).into(),
            )
        })
        .collect();
    assert!(places.len() > PLACES / 2, "{}", places.len());
}
