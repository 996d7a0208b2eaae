//! A protected port in `status`. Counters have the names of IEEE 802.1AE in `snake_case` (`docs/macsec.md`, section 7).

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::human::{Seconds, write_named};
use super::{Counters, EpochStatus};

/// A `[[macsec]]` port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MacsecStatus {
    /// `[[macsec]] name`.
    pub name: String,
    /// The Ethernet device that is protected.
    pub port: String,
    /// Name of the TAP device.
    pub device: String,
    /// Namespace of the TAP device; `null`: where linkveil runs.
    pub netns: Option<String>,
    /// MTU of the TAP device.
    pub mtu_bytes: u16,
    /// Name of the cipher suite.
    pub suite: String,
    /// `confidentiality` or `integrity`.
    pub protect: String,
    /// `explicit` or `implied`.
    pub sci: String,
    /// `strict`, `check` or `disabled`.
    pub validate: String,
    /// How many packet numbers below the highest one are accepted.
    pub replay_window_packets: u64,
    /// Threads that carry frames.
    pub lanes: u8,
    /// The other end, where keys come from a handshake with it; `null` with static keys.
    pub peer: Option<MacsecPeerStatus>,
    /// Channels that this node sends on, one for each lane.
    pub tx: Vec<MacsecChannelStatus>,
    /// Channels that it receives on.
    pub rx: Vec<MacsecChannelStatus>,
    /// Received frames that belong to no channel; all counters, also at zero.
    pub secy: Counters,
    /// Frames that were dropped outside of the `SecY`, by reason; all of them, also at zero.
    pub drops: Counters,
    /// What the lanes did besides carrying frames.
    pub lane_events: Counters,
    /// Handshakes by outcome, and every refusal by reason; empty with static keys.
    pub control: Counters,
}

/// Who is at the other end of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacsecPeerStatus {
    /// Its public key in base64.
    pub public_key: String,
    /// Its MAC address, once it was heard.
    pub address: Option<String>,
    /// State of the link, for example `established`.
    pub state: String,
    /// The epoch in use, if there is one.
    pub epoch: Option<EpochStatus>,
    /// Seconds since the last completed handshake.
    pub last_handshake_age_seconds: Option<u64>,
}

/// A secure channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MacsecChannelStatus {
    /// Its name: MAC address and port id in hex.
    pub sci: String,
    /// The association under which frames go out; `null` on a channel that is received on.
    pub encoding_an: Option<u8>,
    /// Its associations.
    pub associations: Vec<MacsecSaStatus>,
    /// Its counters; all of them, also at zero.
    pub counters: Counters,
}

/// A secure association.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MacsecSaStatus {
    /// Its number.
    pub an: u8,
    /// Packet number of the next frame out, or one above the highest one in; `null`: none is left.
    pub next_pn: Option<u64>,
    /// The lowest packet number that is accepted; `null` on a channel that is sent on.
    pub lowest_pn: Option<u64>,
    /// Share of the key's limit that is used up, from 0 to 1.
    pub limit_share: f64,
}

impl Display for MacsecStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "macsec: {}", self.name)?;
        match &self.netns {
            Some(netns) => writeln!(
                f,
                "  port: {}, device: {} in {netns}",
                self.port, self.device
            )?,
            None => writeln!(f, "  port: {}, device: {}", self.port, self.device)?,
        }
        writeln!(f, "  mtu: {}", self.mtu_bytes)?;
        writeln!(
            f,
            "  suite: {}, {}, SCI {}",
            self.suite, self.protect, self.sci
        )?;
        writeln!(
            f,
            "  validate: {}, replay window {}",
            self.validate, self.replay_window_packets
        )?;
        writeln!(f, "  lanes: {}", self.lanes)?;
        match &self.peer {
            Some(peer) => write!(f, "{peer}")?,
            None => writeln!(f, "  keys: static")?,
        }
        for (direction, channels) in [("sends", &self.tx), ("receives", &self.rx)] {
            for channel in channels {
                writeln!(f, "  {direction} on {channel}")?;
            }
        }
        write_named(f, &self.secy)?;
        write_named(f, &self.drops)?;
        write_named(f, &self.lane_events)?;
        write_named(f, &self.control)
    }
}

impl Display for MacsecPeerStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "  peer: {}", self.public_key)?;
        writeln!(
            f,
            "  address: {}",
            self.address.as_deref().unwrap_or("(none)")
        )?;
        writeln!(f, "  state: {}", self.state)?;
        if let Some(epoch) = &self.epoch {
            write!(f, "{epoch}")?;
        }
        match self.last_handshake_age_seconds {
            Some(age) => writeln!(f, "  latest handshake: {} ago", Seconds(age)),
            None => writeln!(f, "  latest handshake: never"),
        }
    }
}

/// `0200000000010001: AN 0 next 12 (in use); out_pkts_encrypted 11`.
impl Display for MacsecChannelStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.sci)?;
        if self.associations.is_empty() {
            write!(f, " no keys")?;
        }
        for (place, association) in self.associations.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma} AN {}", association.an)?;
            match association.next_pn {
                Some(pn) => write!(f, " next {pn}")?,
                None => write!(f, " used up")?,
            }
            if self.encoding_an == Some(association.an) {
                write!(f, " (in use)")?;
            }
        }
        let counted = self.counters.iter().filter(|(_, count)| **count > 0);
        for (place, (name, count)) in counted.enumerate() {
            let mark = if place == 0 { ";" } else { "," };
            write!(f, "{mark} {name} {count}")?;
        }
        Ok(())
    }
}
