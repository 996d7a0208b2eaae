use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::*;
use crate::testing::{millis, start};

const BURST: u32 = INITIATION_BUDGET_SOURCE.burst;

fn v4(number: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(0x0a00_0000 + number), 4_000).into()
}

fn v6(upper: u64, lower: u64) -> SocketAddr {
    let bits = u128::from(upper) << 64 | u128::from(lower);
    (Ipv6Addr::from_bits(bits), 4_000).into()
}

fn drain(sources: &mut Sources, source: SocketAddr, now: Instant) -> u32 {
    let source = source.into();
    let mut taken = 0;
    while sources.take(source, now).is_ok() {
        taken += 1;
    }
    taken
}

// REQ-FLOOD-3
#[test]
fn each_source_has_its_own_share() {
    let (mut sources, now) = (Sources::default(), start());
    assert_eq!(drain(&mut sources, v4(1), now), BURST);
    assert_eq!(drain(&mut sources, v4(2), now), BURST);
    assert_eq!(drain(&mut sources, v4(1), now), 0);
}

// REQ-FLOOD-3: the ports of one address are one source, and so are the addresses of a /64.
#[test]
fn one_host_is_one_source() {
    let (mut sources, now) = (Sources::default(), start());
    drain(&mut sources, v4(1), now);
    let other_port = (v4(1).ip(), 5_000).into();
    assert_eq!(drain(&mut sources, other_port, now), 0);
    let mapped = v6(0, 0xffff_0a00_0001);
    assert_eq!(drain(&mut sources, mapped, now), 0, "IPv4 in IPv6 clothes");
    drain(&mut sources, v6(0x2001_0db8_0000_0001, 1), now);
    assert_eq!(drain(&mut sources, v6(0x2001_0db8_0000_0001, 2), now), 0);
    assert_eq!(
        drain(&mut sources, v6(0x2001_0db8_0000_0002, 1), now),
        BURST
    );
}

// REQ-FLOOD-4
#[test]
fn the_table_is_bounded_and_those_without_a_place_share_one() {
    let (mut sources, now) = (Sources::default(), start());
    let places = u32::try_from(SOURCES).unwrap();
    for number in 0..places {
        assert_eq!(sources.take(v4(number).into(), now), Ok(()));
    }
    assert_eq!(drain(&mut sources, v4(places), now), BURST);
    assert_eq!(drain(&mut sources, v4(places + 1), now), 0);
    assert_eq!(sources.buckets.len(), SOURCES);
    // Those who have a place keep it.
    assert_eq!(drain(&mut sources, v4(7), now), BURST - 1);
}

// REQ-FLOOD-4
#[test]
fn sources_that_were_quiet_give_their_place_up() {
    let (mut sources, now) = (Sources::default(), start());
    let places = u32::try_from(SOURCES).unwrap();
    for number in 0..places {
        assert_eq!(sources.take(v4(number).into(), now), Ok(()));
    }
    assert_eq!(drain(&mut sources, v4(3), now), BURST - 1);
    let later = now + millis(100);
    assert_eq!(drain(&mut sources, v4(places), later), BURST);
    assert_eq!(sources.buckets.len(), 2, "the drained one and the new one");
    // The drained one has its tokens of a tenth of a second, not a new bucket.
    assert_eq!(drain(&mut sources, v4(3), later), 2);
}

// REQ-MSEC-11: on a port each station has a share of its own.
#[test]
fn each_station_has_its_own_share() {
    let (mut sources, now) = (Sources::default(), start());
    let station = |last| CookieSource::Station(MacAddr::new([2, 0, 0, 0, 0, last]));
    for last in [1, 2] {
        for _ in 0..BURST {
            assert_eq!(sources.take(station(last), now), Ok(()));
        }
        assert_eq!(sources.take(station(last), now), Err(Refused));
    }
}
