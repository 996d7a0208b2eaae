use super::*;

#[test]
fn an_spi_is_any_number_but_zero() {
    // REQ-HDR-7
    assert_eq!(Spi::new(0), None);
    assert_eq!(Spi::new(1).map(Spi::get), Some(1));
    assert_eq!(Spi::new(u32::MAX).map(Spi::get), Some(u32::MAX));
    assert_eq!(Spi::new(0xbeef).unwrap().to_string(), "0000beef");
}

#[test]
fn packet_numbers_start_at_one_and_end_without_wrapping() {
    assert_eq!(PacketNumber::FIRST.get(), 1);
    assert_eq!(PacketNumber::new(0).successor(), Some(PacketNumber::FIRST));
    assert_eq!(PacketNumber::new(u64::MAX).successor(), None);
    assert!(PacketNumber::new(u64::from(u32::MAX)) < PacketNumber::new(1 << 32));
}

#[test]
fn lanes_and_lane_counts_have_their_exact_ranges() {
    let lanes: Vec<_> = (0..=u8::MAX).filter_map(Lane::new).map(Lane::get).collect();
    assert_eq!(lanes, (0..64).collect::<Vec<_>>());
    let counts: Vec<_> = (0..=u8::MAX)
        .filter_map(LaneCount::new)
        .map(LaneCount::get)
        .collect();
    assert_eq!(counts, (1..=64).collect::<Vec<_>>());
    assert_eq!(LaneCount::ONE.get(), 1);
    assert_eq!(Lane::ZERO.index(), 0);
}

#[test]
fn every_sender_lane_has_one_owner_among_the_lanes_of_the_receiver() {
    // REQ-LANE-3
    for count in (1..=64).filter_map(LaneCount::new) {
        for sender in (0..64).filter_map(Lane::new) {
            let owner = count.owner_of(sender);
            assert!(count.contains(owner));
            assert_eq!(owner.get(), sender.get() % count.get());
        }
    }
}

#[test]
fn a_lane_count_contains_exactly_the_lanes_it_iterates() {
    for count in (1..=64).filter_map(LaneCount::new) {
        let listed: Vec<_> = count.lanes().collect();
        let contained: Vec<_> = (0..64)
            .filter_map(Lane::new)
            .filter(|lane| count.contains(*lane))
            .collect();
        assert_eq!(listed, contained);
        assert_eq!(listed.len(), usize::from(count.get()));
    }
}

#[test]
fn a_vni_has_24_bits_and_keeps_them_on_the_wire() {
    assert_eq!(Vni::new(0x0100_0000), None);
    assert_eq!(Vni::new(0x00ff_ffff), Some(Vni::MAX));
    let vni = Vni::new(0x0001_1389).unwrap();
    assert_eq!(vni.to_be_bytes(), [0x01, 0x13, 0x89]);
    assert_eq!(Vni::from_be_bytes([0x01, 0x13, 0x89]), vni);
    assert_eq!(vni.to_string(), "70537");
}

#[test]
fn an_inner_mtu_has_its_exact_range() {
    assert_eq!(InnerMtu::new(575), None);
    assert_eq!(InnerMtu::new(576), Some(InnerMtu::MIN));
    assert_eq!(InnerMtu::new(1424).map(InnerMtu::get), Some(1424));
    assert_eq!(InnerMtu::new(65_459), Some(InnerMtu::MAX));
    assert_eq!(InnerMtu::new(65_460), None);
}

#[test]
fn a_count_of_source_ports_is_never_zero() {
    assert_eq!(SourcePorts::new(0), None);
    assert_eq!(SourcePorts::new(1), Some(SourcePorts::ONE));
    assert_eq!(SourcePorts::new(255).map(SourcePorts::get), Some(255));
}
