//! What `linkveil status --json` says, and assertions over all counters.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Counters by name.
pub type Counters = BTreeMap<String, u64>;

/// The parts of a status that tests look at. Written anew, not taken from the binary, so that a renamed field fails.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// In the order of the configuration.
    pub vpcs: Vec<VpcStatus>,
    /// In the order of the configuration.
    pub peers: Vec<PeerStatus>,
    /// In the order of the configuration.
    pub macsec: Vec<MacsecStatus>,
    /// Dropped packets and datagrams by reason.
    pub drops: Counters,
    /// What lanes did besides.
    pub lane_events: Counters,
    /// Handshakes and their refusals.
    pub control: Counters,
    /// What became of stations.
    pub stations: Counters,
}

/// A VPC.
#[derive(Debug, Clone, Deserialize)]
pub struct VpcStatus {
    /// Its name.
    pub name: String,
    /// MTU of its device.
    pub mtu_bytes: u16,
    /// MTU of its routes, where that is smaller.
    pub route_mtu_bytes: Option<u16>,
    /// `l2` or `l3`.
    pub kind: String,
    /// Known on this side, in an Ethernet VPC.
    pub local_macs: Option<u64>,
}

/// A peer.
#[derive(Debug, Clone, Deserialize)]
pub struct PeerStatus {
    /// Its name.
    pub name: String,
    /// Where datagrams go.
    pub endpoint: Option<String>,
    /// `established` when there are keys.
    pub state: String,
    /// The keys.
    pub epoch: Option<EpochStatus>,
    /// Sent.
    pub tx: Traffic,
    /// Received and admitted.
    pub rx: Traffic,
    /// Largest inner packet.
    pub inner_mtu_bytes: u16,
    /// MAC addresses known behind it.
    pub macs: u64,
}

/// A protected port.
#[derive(Debug, Clone, Deserialize)]
pub struct MacsecStatus {
    /// MTU of its TAP device.
    pub mtu_bytes: u16,
    /// The other end, where keys come from a handshake.
    pub peer: Option<MacsecPeerStatus>,
    /// Channels that it sends on.
    pub tx: Vec<MacsecChannelStatus>,
    /// Channels that it receives on.
    pub rx: Vec<MacsecChannelStatus>,
    /// Received frames that belong to no channel.
    pub secy: Counters,
    /// Dropped frames by reason.
    pub drops: Counters,
    /// What lanes did besides.
    pub lane_events: Counters,
    /// Handshakes and their refusals.
    pub control: Counters,
}

/// The other end of a port.
#[derive(Debug, Clone, Deserialize)]
pub struct MacsecPeerStatus {
    /// Its MAC address.
    pub address: Option<String>,
    /// `established` when there are keys.
    pub state: String,
    /// The keys.
    pub epoch: Option<EpochStatus>,
}

/// A channel.
#[derive(Debug, Clone, Deserialize)]
pub struct MacsecChannelStatus {
    /// Its name in hex.
    pub sci: String,
    /// The association in use.
    pub encoding_an: Option<u8>,
    /// Its associations.
    pub associations: Vec<MacsecSaStatus>,
    /// Its counters.
    pub counters: Counters,
}

/// An association.
#[derive(Debug, Clone, Deserialize)]
pub struct MacsecSaStatus {
    /// Its number.
    pub an: u8,
    /// The next packet number.
    pub next_pn: Option<u64>,
    /// The lowest acceptable one.
    pub lowest_pn: Option<u64>,
}

impl MacsecStatus {
    /// Sum of a counter over the channels that it receives on.
    ///
    /// # Panics
    ///
    /// If a channel has none of that name.
    #[must_use]
    pub fn received(&self, name: &str) -> u64 {
        let channels = self.rx.iter();
        channels.map(|channel| value(&channel.counters, name)).sum()
    }

    /// Sum of a counter over the channels that it sends on.
    ///
    /// # Panics
    ///
    /// If a channel has none of that name.
    #[must_use]
    pub fn sent(&self, name: &str) -> u64 {
        let channels = self.tx.iter();
        channels.map(|channel| value(&channel.counters, name)).sum()
    }

    /// Asserts that of all counters for received frames that were refused, wherever they are, those in `expected` have
    /// exactly the given values and all others are zero.
    ///
    /// # Panics
    ///
    /// If a counter differs, or a name does not exist.
    #[track_caller]
    pub fn assert_refused(&self, expected: &[(&str, u64)]) {
        let mut all = self.secy.clone();
        all.extend(self.drops.clone());
        for channel in &self.rx {
            for (name, count) in &channel.counters {
                *all.entry(name.clone()).or_default() += count;
            }
        }
        for delivered in ["in_pkts_ok", "in_octets_validated", "in_octets_decrypted"] {
            all.remove(delivered);
        }
        assert_eq!(non_zero(&all), as_expected(&all, expected));
    }
}

/// An epoch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EpochStatus {
    /// Equal on both sides.
    pub fingerprint: String,
    /// `initiator` or `responder`.
    pub role: String,
    /// Whether ML-KEM took part.
    pub post_quantum: bool,
}

/// Inner packets and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Traffic {
    /// Inner packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Status {
    /// The peer of that name.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn peer(&self, name: &str) -> &PeerStatus {
        match self.peers.iter().find(|peer| peer.name == name) {
            Some(peer) => peer,
            None => panic!("no peer {name} in {:?}", self.peers),
        }
    }

    /// A counter of the control core.
    ///
    /// # Panics
    ///
    /// If there is none of that name.
    #[must_use]
    pub fn control(&self, name: &str) -> u64 {
        value(&self.control, name)
    }

    /// A counter of what lanes did.
    ///
    /// # Panics
    ///
    /// If there is none of that name.
    #[must_use]
    pub fn lane_event(&self, name: &str) -> u64 {
        value(&self.lane_events, name)
    }

    /// A counter of what became of stations.
    ///
    /// # Panics
    ///
    /// If there is none of that name.
    #[must_use]
    pub fn station(&self, name: &str) -> u64 {
        value(&self.stations, name)
    }

    /// The same status without one drop counter, for tests in which somebody else moves that one. Every use says who.
    ///
    /// # Panics
    ///
    /// If there is no counter of that name.
    #[must_use]
    pub fn without_drop(mut self, name: &str) -> Self {
        value(&self.drops, name);
        self.drops.remove(name);
        self
    }

    /// Asserts the whole set of drop counters: those in `expected` have exactly the given values, all others are zero.
    ///
    /// # Panics
    ///
    /// If a counter differs, or a name does not exist.
    #[track_caller]
    pub fn assert_drops(&self, expected: &[(&str, u64)]) {
        assert_eq!(non_zero(&self.drops), as_expected(&self.drops, expected));
    }

    /// Asserts the whole set of control counters in the same way.
    ///
    /// # Panics
    ///
    /// If a counter differs, or a name does not exist.
    #[track_caller]
    pub fn assert_control(&self, expected: &[(&str, u64)]) {
        let wanted = as_expected(&self.control, expected);
        assert_eq!(non_zero(&self.control), wanted);
    }
}

fn value(counters: &Counters, name: &str) -> u64 {
    match counters.get(name) {
        Some(value) => *value,
        None => panic!("no counter {name} in {counters:?}"),
    }
}

fn non_zero(counters: &Counters) -> Counters {
    let moved = counters.iter().filter(|(_, value)| **value != 0);
    moved.map(|(name, value)| (name.clone(), *value)).collect()
}

fn as_expected(counters: &Counters, expected: &[(&str, u64)]) -> Counters {
    for (name, _) in expected {
        value(counters, name);
    }
    let moved = expected.iter().filter(|(_, value)| *value != 0);
    moved
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(drops: &[(&str, u64)]) -> Status {
        Status {
            vpcs: vec![],
            peers: vec![],
            macsec: vec![],
            drops: drops
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            lane_events: Counters::new(),
            control: Counters::new(),
            stations: Counters::new(),
        }
    }

    #[test]
    fn the_expected_set_passes() {
        status(&[("no_route", 3), ("too_old", 0)]).assert_drops(&[("no_route", 3)]);
    }

    #[test]
    #[should_panic(expected = "too_old")]
    fn a_counter_that_nobody_expects_fails() {
        status(&[("no_route", 3), ("too_old", 1)]).assert_drops(&[("no_route", 3)]);
    }

    #[test]
    #[should_panic(expected = "no counter no_root")]
    fn a_misspelt_name_fails_even_when_zero_is_expected() {
        status(&[("no_route", 0)]).assert_drops(&[("no_root", 0)]);
    }
}
