//! Control's table of stations: what the lanes saw, with limits, ageing and the rights of the local side.
//!
//! No I/O and no clock: sightings and moments come in, tables for the lanes' snapshot and a deadline come out. Tables
//! are published in batches, since each costs a copy.
//!
//! | station is   | seen at the same side | at another peer | at the local side | at a side that is full |
//! |--------------|-----------------------|-----------------|-------------------|------------------------|
//! | unknown      |                       | learned         | learned           | refused                |
//! | at a peer    | stays known           | moves           | moves             | refused, stays         |
//! | local        | stays known           | refused, stays  |                   | refused, stays         |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkveil_sa::{Counters, counters};
use linkveil_wire::MacAddr;

use crate::mac_table::{MacOwner, MacTables, VpcMacs};
use crate::sighting::Sighting;
use crate::snapshot::VpcIndex;

/// Stations of one VPC behind one peer, and as many on the local side: a large broadcast domain. A peer that invents
/// addresses fills its own share and no other.
pub const MAX_MACS_PER_OWNER: usize = 4_096;
/// Until a station that says nothing is forgotten: what bridges use (IEEE 802.1Q, table 8-6). Lanes repeat what they
/// see every 30 s only, and the table is swept every 10 s, so it is 270 to 310 s after the last frame.
pub const AGEING: Duration = Duration::from_secs(300);

/// Between two looks for stations to forget.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);
/// Between two publications, for each [`STATIONS_PER_INTERVAL`] stations: some 2 % of control's time in a flood, and
/// less than a station takes to be told.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(10);
const STATIONS_PER_INTERVAL: usize = 8_192;

counters! {
    /// What became of the stations of Ethernet VPCs.
    pub enum MacCounter {
        /// Stations that became known.
        Learned => "macs_learned",
        /// Stations that moved from a peer to another side.
        Moved => "macs_moved",
        /// Stations that were forgotten, because they said nothing.
        Aged => "macs_aged",
        /// Sightings behind a peer of a station of the local side.
        RefusedLocal => "macs_refused_local",
        /// Sightings that would have made a side's share of the table too large.
        RefusedFull => "macs_refused_full",
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct MacLearner {
    vpcs: Box<[Vpc]>,
    /// What the lanes have, or get next.
    tables: MacTables,
    counters: Counters<MacCounter>,
    next_sweep: Instant,
    next_publication: Instant,
}

#[derive(Default, Debug)]
struct Vpc {
    stations: HashMap<MacAddr, Station>,
    counts: HashMap<MacOwner, usize>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
struct Station {
    owner: MacOwner,
    seen: Instant,
}

/// Whether the lanes know what we know.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum State {
    #[default]
    Published,
    Changed,
}

impl MacLearner {
    /// A table that knows nobody, for so many VPCs.
    #[must_use]
    pub fn new(vpcs: usize, now: Instant) -> Self {
        Self {
            vpcs: (0..vpcs).map(|_| Vpc::default()).collect(),
            tables: MacTables::new((0..vpcs).map(|_| Arc::default()).collect()),
            counters: Counters::new(),
            next_sweep: now + SWEEP_INTERVAL,
            next_publication: now,
        }
    }

    /// A lane has seen a station.
    pub fn handle_sighting(&mut self, sighting: Sighting, now: Instant) {
        if let Some(vpc) = self.vpcs.get_mut(sighting.vpc.index())
            && let Some(counter) = vpc.see(sighting, now)
        {
            self.counters.add(counter);
        }
    }

    /// Forgets stations that were not seen for long. Call it at [`Self::poll_timeout`] or when convenient.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + SWEEP_INTERVAL;
        for vpc in &mut self.vpcs {
            self.counters.add_many(MacCounter::Aged, vpc.sweep(now));
        }
    }

    /// New tables for the lanes, if there is something new and the last ones are old enough.
    pub fn poll_tables(&mut self, now: Instant) -> Option<Arc<MacTables>> {
        if now < self.next_publication || !self.is_changed() {
            return None;
        }
        for (index, vpc) in (0..).map(VpcIndex::new).zip(&mut self.vpcs) {
            if vpc.state == State::Changed {
                self.tables.replace(index, vpc.publish());
            }
        }
        self.next_publication = now + self.publish_pause();
        Some(Arc::new(self.tables.clone()))
    }

    /// When [`Self::handle_timeout`] or [`Self::poll_tables`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let publication = self.is_changed().then_some(self.next_publication);
        let sweep = (self.stations() > 0).then_some(self.next_sweep);
        publication.into_iter().chain(sweep).min()
    }

    /// How many stations are known on one side, over all VPCs.
    #[must_use]
    pub fn count(&self, owner: MacOwner) -> usize {
        self.vpcs.iter().map(|vpc| vpc.count(owner)).sum()
    }

    /// How many stations of one VPC are known on one side.
    #[must_use]
    pub fn count_in(&self, vpc: VpcIndex, owner: MacOwner) -> usize {
        self.vpcs.get(vpc.index()).map_or(0, |vpc| vpc.count(owner))
    }

    /// What became of stations so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters<MacCounter> {
        &self.counters
    }

    fn is_changed(&self) -> bool {
        self.vpcs.iter().any(|vpc| vpc.state == State::Changed)
    }

    fn stations(&self) -> usize {
        self.vpcs.iter().map(|vpc| vpc.stations.len()).sum()
    }

    fn publish_pause(&self) -> Duration {
        let shares = 1 + self.stations() / STATIONS_PER_INTERVAL;
        PUBLISH_INTERVAL * u32::try_from(shares).unwrap_or(u32::MAX)
    }
}

impl Vpc {
    /// One row of the module's table; what is to be counted.
    fn see(&mut self, sighting: Sighting, now: Instant) -> Option<MacCounter> {
        let Sighting { mac, owner, .. } = sighting;
        let known = self.stations.get_mut(&mac);
        if let Some(station) = known
            && station.owner == owner
        {
            station.seen = now;
            return None;
        }
        let former = self.stations.get(&mac).map(|station| station.owner);
        if former == Some(MacOwner::Local) {
            return Some(MacCounter::RefusedLocal);
        }
        if self.count(owner) >= MAX_MACS_PER_OWNER {
            return Some(MacCounter::RefusedFull);
        }
        self.stations.insert(mac, Station { owner, seen: now });
        *self.counts.entry(owner).or_default() += 1;
        self.state = State::Changed;
        let Some(former) = former else {
            return Some(MacCounter::Learned);
        };
        self.uncount(former);
        Some(MacCounter::Moved)
    }

    /// Returns how many stations it forgot.
    fn sweep(&mut self, now: Instant) -> usize {
        let is_old = |station: &Station| now.saturating_duration_since(station.seen) >= AGEING;
        let old = self.stations.extract_if(|_, station| is_old(station));
        let old: Vec<MacOwner> = old.map(|(_, station)| station.owner).collect();
        for owner in &old {
            self.uncount(*owner);
            self.state = State::Changed;
        }
        old.len()
    }

    fn publish(&mut self) -> VpcMacs {
        self.state = State::Published;
        let stations = self.stations.iter();
        VpcMacs(
            stations
                .map(|(mac, station)| (*mac, station.owner))
                .collect(),
        )
    }

    fn count(&self, owner: MacOwner) -> usize {
        self.counts.get(&owner).copied().unwrap_or(0)
    }

    fn uncount(&mut self, owner: MacOwner) {
        if let Some(count) = self.counts.get_mut(&owner) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
