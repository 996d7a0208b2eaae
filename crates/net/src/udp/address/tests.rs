//! The layouts against the C structures, and against themselves.

use proptest::prelude::*;

use super::*;

#[test]
fn the_layouts_are_those_of_the_c_structures() {
    assert_eq!(V4_LEN as usize, size_of::<libc::sockaddr_in>());
    assert_eq!(V6_LEN as usize, size_of::<libc::sockaddr_in6>());
    let mut raw = RawAddress::default();
    raw.encode("1.2.3.4:258".parse().unwrap());
    assert_eq!(raw.bytes[2..8], [1, 2, 1, 2, 3, 4]);
    raw.encode("[::5]:258".parse().unwrap());
    assert_eq!(raw.bytes[2..4], [1, 2]);
    assert_eq!(
        raw.bytes[8..24],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]
    );
}

#[test]
fn an_address_cut_short_or_of_another_family_is_nothing() {
    let mut raw = RawAddress::default();
    let len = raw.encode("[2001:db8::1]:9".parse().unwrap());
    for short in 0..len {
        assert_eq!(raw.decode(short), None);
    }
    assert_eq!(raw.decode(len + 1), None);
    assert_eq!(raw.decode(u32::MAX), None);
    raw.bytes[..2].copy_from_slice(&1u16.to_ne_bytes());
    assert_eq!(raw.decode(len), None);
}

proptest! {
    #[test]
    fn every_ipv4_address_survives(ip: u32, port: u16) {
        let address = SocketAddrV4::new(ip.into(), port).into();
        let mut raw = RawAddress::default();
        let len = raw.encode(address);
        prop_assert_eq!(raw.decode(len), Some(address));
    }

    #[test]
    fn every_ipv6_address_survives(ip: u128, port: u16, flow in 0u32..1 << 20, scope: u32) {
        let address = SocketAddrV6::new(ip.into(), port, flow, scope).into();
        let mut raw = RawAddress::default();
        let len = raw.encode(address);
        prop_assert_eq!(raw.decode(len), Some(address));
    }
}
