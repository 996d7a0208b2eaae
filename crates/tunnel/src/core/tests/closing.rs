//! Farewells: sent, believed, and not believed.

use linkveil_sa::{LaneEvent, PeerId};
use linkveil_wire::{ControlFrame, Spi};

use crate::counters::ControlCounter;
use crate::event::Event;
use crate::testing::*;

fn established() -> World {
    let mut world = World::pair(|setups| setups[GREAT].knows_endpoints = Endpoints::Unknown);
    world.settle();
    world.assert_agreed();
    world
}

/// The other side says under its current epoch that it no longer receives on an SPI.
fn delete(world: &mut World, node: usize, spi: Spi) {
    let flight = world.nodes[1 - node].seal(Some(ControlFrame::SaDelete(spi)));
    world.deliver(&flight);
}

// REQ-LIVE-10, REQ-CTRL-7
#[test]
fn a_node_that_closes_says_so_and_leaves_nothing_behind() {
    let mut world = established();
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.settle();
    let (current, before) = (world.current(SMALL), world.nodes[SMALL].lanes.deeds.len());
    let spi = world.nodes[SMALL].lanes.spi_of(current);
    world.poke(SMALL, crate::Core::close);
    let lanes = &world.nodes[SMALL].lanes;
    let farewell = Deed::Send(current, ControlFrame::SaDelete(spi));
    assert_eq!(lanes.deeds[before], farewell);
    assert!(lanes.place_of(Deed::RemoveTx(current)) > lanes.place_of(farewell));
    assert_eq!((lanes.receiving(), lanes.sends_under(PEER)), (0, None));
    assert_eq!(world.nodes[SMALL].core.poll_timeout(), None);
    assert_eq!(world.classes(), [Class::SaDelete]);
}

// REQ-LIVE-11
#[test]
fn a_peer_that_left_is_not_sent_to_and_is_called() {
    let mut world = established();
    let left = world.current(GREAT);
    world.poke(SMALL, crate::Core::close);
    world.deliver_first(SMALL, Class::SaDelete);
    assert!(
        world.nodes[GREAT]
            .events
            .contains(&Event::PeerLeft { peer: PEER })
    );
    let retired = Event::EpochRetired {
        peer: PEER,
        epoch: left,
    };
    assert!(world.nodes[GREAT].events.contains(&retired));
    assert_eq!(world.nodes[GREAT].lanes.sends_under(PEER), None);
    assert!(!world.nodes[GREAT].lanes.receives_under(left));
    assert_eq!(world.status(GREAT).epoch, None);
    assert_eq!(world.classes(), [Class::Initiation]);
}

// REQ-LIVE-11: an epoch on its way out goes, the current one stays.
#[test]
fn the_end_of_a_draining_epoch_is_not_a_farewell() {
    let mut world = established();
    let former = world.current(GREAT);
    let spi = world.nodes[SMALL].lanes.spi_of(world.current(SMALL));
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.settle();
    assert!(world.nodes[GREAT].lanes.receives_under(former));
    delete(&mut world, GREAT, spi);
    assert!(!world.nodes[GREAT].lanes.receives_under(former));
    assert!(
        !world.nodes[GREAT]
            .events
            .contains(&Event::PeerLeft { peer: PEER })
    );
    assert_eq!(world.classes(), []);
    world.assert_agreed();
}

// REQ-LIVE-11: nobody's SPI, our own, and another peer's.
#[test]
fn a_farewell_for_a_foreign_spi_changes_nothing() {
    let mut world = World::of(sorted_setups::<3>().into());
    world.advance(secs(30));
    let peers = [0, 1].map(PeerId::new);
    let own = world.nodes[0].lanes.sends_under(peers[0]).unwrap().0;
    let epoch = world.nodes[0]
        .core
        .peer_status(peers[1])
        .unwrap()
        .epoch
        .unwrap()
        .id;
    // The first peer's SPI, as the second one might have guessed it.
    let theirs = world.nodes[1]
        .core
        .peer_status(PeerId::new(0))
        .unwrap()
        .epoch
        .unwrap()
        .id;
    let theirs = world.nodes[1].lanes.spi_of(theirs);
    let ours = world.nodes[0].lanes.spi_of(own);
    let from = path(world.nodes[2].address);
    for spi in [theirs, ours, Spi::new(1).unwrap()] {
        let frame = ControlFrame::SaDelete(spi);
        world.lane_event(
            0,
            LaneEvent::Control {
                peer: peers[1],
                epoch,
                frame,
                path: from,
            },
        );
    }
    assert_eq!(world.count(0, ControlCounter::SaDeleteUnknown), 3);
    for peer in peers {
        assert!(world.nodes[0].lanes.sends_under(peer).is_some());
    }
    assert_eq!(world.classes(), []);
}

// REQ-LIVE-10: also in the middle of a switch no keys stay with the lanes.
#[test]
fn closing_during_a_switch_takes_every_key_away() {
    let mut world = established();
    world.poke(SMALL, |core, now| core.rekey(PEER, now));
    world.deliver_first(SMALL, Class::Initiation);
    world.nodes[SMALL].lanes.acks = Acks::Held;
    world.deliver_first(GREAT, Class::Response);
    let ack = world.nodes[SMALL].lanes.release().unwrap();
    world.lane_event(SMALL, ack);
    world.poke(SMALL, crate::Core::close);
    assert_eq!(world.nodes[SMALL].lanes.sends_under(PEER), None);
    assert_eq!(world.nodes[SMALL].lanes.receiving(), 0);
}

#[test]
fn a_closed_core_answers_nobody() {
    let mut world = established();
    world.poke(SMALL, crate::Core::close);
    // The other one believes the farewell and calls at once.
    world.settle();
    assert_eq!(world.nodes[SMALL].lanes.receiving(), 0);
    assert_eq!(world.nodes[SMALL].core.poll_timeout(), None);
}

#[test]
fn a_closed_core_has_no_timers_whatever_the_lanes_still_tell() {
    let mut world = established();
    world.poke(SMALL, crate::Core::close);
    let (tx_packets, rx_packets) = (1, 0);
    world.lane_event(
        SMALL,
        LaneEvent::Activity {
            peer: PEER,
            tx_packets,
            rx_packets,
        },
    );
    assert_eq!(world.nodes[SMALL].core.poll_timeout(), None);
}
