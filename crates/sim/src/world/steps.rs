//! How time passes: what is next, who gets something, who works.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::host::{Fired, Host};
use super::outside::{Flight, Inner};
use super::{HEARTBEAT, SIDES, World};
use crate::checker::Arrival;
use crate::fault::Fault;
use crate::gateway::Observer;
use crate::link::{Class, GatewayId};
use crate::random::Chance;

/// How often two datagrams of one length that arrive together are merged into a train, as by receive offload.
const MERGING: Chance = Chance::per_mille(300);

/// Steps without any time passing between them; beyond, a timer is due again and again.
const MOST_STEPS_AT_ONCE: u32 = 1_000;

impl World {
    /// Does what happens next. `false`: time no longer passes, which the model is told.
    pub(super) fn step_to(&mut self, next: Duration) -> bool {
        self.steps_at_once = if next > self.elapsed() {
            0
        } else {
            self.steps_at_once + 1
        };
        if self.steps_at_once > MOST_STEPS_AT_ONCE {
            self.outside.checker.time_stands_still();
            return false;
        }
        self.outside.clock.advance_to(next);
        let mut awake = self.deliver_due();
        for side in SIDES {
            let now = self.now_of(side);
            if self.hosts[side.0].fire_timers(now) == Fired::Yes {
                awake.insert(side);
            }
        }
        if self.elapsed() >= self.next_heartbeat {
            self.next_heartbeat += HEARTBEAT;
            self.beat();
            awake.extend(SIDES);
        }
        for side in awake {
            self.work(side, Inner(None));
        }
        true
    }

    fn beat(&mut self) {
        for side in SIDES {
            if self.hosts[side.0].tamper.is(Fault::TalksWithoutEnd) {
                self.rekey(side);
            }
        }
    }

    pub(super) fn next_moment(&self) -> Option<Duration> {
        let flight = self.outside.flights.peek();
        let arrival = flight.map(|Reverse(flight)| flight.arrival);
        let deadlines = self.hosts.iter().filter_map(Host::deadline);
        let timer = deadlines.map(|at| self.outside.clock.elapsed_at(at)).min();
        let sleepless = |host: &Host| host.tamper.is(Fault::NeverSleeps);
        let broken = self.hosts.iter().any(sleepless).then(|| self.elapsed());
        let candidates = [arrival, timer, broken, Some(self.next_heartbeat)];
        candidates.into_iter().flatten().min()
    }

    /// Everything that arrives now; sometimes neighbors of one length as a train. Says who got something.
    fn deliver_due(&mut self) -> BTreeSet<GatewayId> {
        let due: Vec<_> = std::iter::from_fn(|| self.outside.pop_arrived()).collect();
        let mut due = due.into_iter().peekable();
        let mut awake = BTreeSet::new();
        while let Some(flight) = due.next() {
            let owner = self.outside.owner(flight.target);
            let Some(to) = owner.filter(|to| self.gateway(*to).is_some()) else {
                continue;
            };
            if self.is_deaf_to(to, &flight) {
                continue;
            }
            let mut bytes = flight.datagram.to_vec();
            self.arrive(to, &flight.datagram, flight.packet.as_deref());
            while let Some(next) =
                due.next_if(|next| merges(&flight, next) && self.random.happens(MERGING))
            {
                self.arrive(to, &next.datagram, next.packet.as_deref());
                bytes.extend(&*next.datagram);
            }
            if let Some(gateway) = &mut self.hosts[to.0].gateway {
                gateway.receive(flight.source, flight.datagram.len(), &bytes);
            }
            awake.insert(to);
        }
        awake
    }

    fn is_deaf_to(&self, to: GatewayId, flight: &Flight) -> bool {
        let host = &self.hosts[to.0];
        let handshake = matches!(
            Class::of(&flight.datagram),
            Class::Initiation | Class::Response
        );
        host.tamper.is(Fault::DeafAfterRestart) && host.lives > 1 && handshake
    }

    /// Tells the model. A gateway that is broken so opens what it should have forgotten how to.
    pub(super) fn arrive(&mut self, to: GatewayId, datagram: &[u8], packet: Option<&[u8]>) {
        if self.gateway(to).is_none() {
            return;
        }
        let arrival = self.outside.checker.arrived(to, datagram);
        let keeps = self.hosts[to.0].tamper.is(Fault::KeepsKeysOverRestart);
        if let Some(packet) = packet.filter(|_| keeps && arrival == Arrival::Late) {
            self.watch(to, Inner(None)).delivered(packet.to_vec());
        }
    }
}

fn merges(first: &Flight, next: &Flight) -> bool {
    first.source == next.source
        && first.target == next.target
        && first.datagram.len() == next.datagram.len()
        && Class::of(&first.datagram) == Class::of(&next.datagram)
}
