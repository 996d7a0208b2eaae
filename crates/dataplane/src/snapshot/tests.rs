//! The tables against a plain scan.

use proptest::prelude::*;

use super::*;
use crate::testing::{PEER, address, snapshot};

fn longest<'a>(routes: &'a [(IpNet, PeerId)], address: &IpAddr) -> Option<&'a (IpNet, PeerId)> {
    let fitting = routes.iter().filter(|(prefix, _)| prefix.contains(address));
    // Of equal prefixes the later one counts, which is what max_by_key returns.
    fitting.max_by_key(|(prefix, _)| prefix.prefix_len())
}

fn prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<[u8; 2]>(), 0u8..=32).prop_map(|([a, b], len)| {
        IpNet::V4(
            Ipv4Net::new([10, a & 3, b & 3, 0].into(), len)
                .unwrap()
                .trunc(),
        )
    });
    let v6 = (any::<[u8; 2]>(), 0u8..=128).prop_map(|([a, b], len)| {
        let segments = [0xfd00, u16::from(a & 3), u16::from(b & 3), 0, 0, 0, 0, 0];
        IpNet::V6(Ipv6Net::new(segments.into(), len).unwrap().trunc())
    });
    prop_oneof![v4, v6]
}

proptest! {
    // REQ-ADM-1, REQ-ADM-3
    // FIELD-BUG: source check wrong for nested prefixes
    #[test]
    fn lookup_is_the_longest_match(
        prefixes in prop::collection::vec(prefix(), 0..40),
        probes in prop::collection::vec(prefix(), 1..40),
    ) {
        let routes: Vec<_> = prefixes.into_iter().zip((0..).map(PeerId::new)).collect();
        let vni = Vni::new(1).unwrap();
        let table = RouteTable::new(vec![VpcRoutes { vni, routes: routes.clone() }]);
        for address in probes.iter().map(IpNet::addr) {
            let expected = longest(&routes, &address).map(|(_, peer)| *peer);
            prop_assert_eq!(table.lookup(VpcIndex::new(0), address), expected);
        }
        prop_assert_eq!(table.lookup(VpcIndex::new(1), probes[0].addr()), None);
    }
}

#[test]
fn a_peer_is_found_by_the_address_of_its_endpoint() {
    let known = snapshot(Some(address(2)), "10.2.0.0/24", 1_424);
    assert_eq!(known.peer_at(address(2)), Some(PEER));
    assert_eq!(known.peer_at(address(3)), None);
    assert_eq!(
        snapshot(None, "10.2.0.0/24", 1_424).peer_at(address(2)),
        None
    );
}
