//! What `linkveil status` shows: the shape of its JSON, with the unit in the name of every number.
//!
//! The meaning of each field and counter stands in `docs/operations.md`.

mod human;
mod macsec;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use macsec::{MacsecChannelStatus, MacsecPeerStatus, MacsecSaStatus, MacsecStatus};

/// Counters by name.
pub type Counters = BTreeMap<String, u64>;

/// A gateway as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// `[node] name`.
    pub node: String,
    /// Version of linkveil.
    pub version: String,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// This node's public key in base64.
    pub public_key: String,
    /// UDP addresses.
    pub listen: Vec<String>,
    /// Name of the suite.
    pub suite: String,
    /// Threads that carry packets.
    pub lanes: u8,
    /// In the order of the configuration.
    pub vpcs: Vec<VpcStatus>,
    /// In the order of the configuration.
    pub peers: Vec<PeerStatus>,
    /// Protected Ethernet ports, in the order of the configuration.
    pub macsec: Vec<MacsecStatus>,
    /// Datagrams and packets that were dropped, by reason; all reasons, also at zero.
    pub drops: Counters,
    /// What lanes did besides carrying packets.
    pub lane_events: Counters,
    /// Handshakes by outcome, and every refusal by reason; all of them, also at zero.
    pub control: Counters,
    /// What became of the stations of Ethernet VPCs.
    pub stations: Counters,
}

/// A VPC and its device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcStatus {
    /// `[[vpc]] name`.
    pub name: String,
    /// The VNI that this node sends.
    pub vni: u32,
    /// `l3`: IP packets over a TUN device; `l2`: Ethernet frames over a TAP device.
    pub kind: String,
    /// Name of the device.
    pub device: String,
    /// Namespace of the device; `null`: where linkveil runs.
    pub netns: Option<String>,
    /// MTU of the device.
    pub mtu_bytes: u16,
    /// MTU of the narrowest route, where one is below the device's.
    pub route_mtu_bytes: Option<u16>,
    /// MAC addresses that are known on this side; `null` where none are learned.
    pub local_macs: Option<usize>,
}

/// A peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// `[[peer]] name`.
    pub name: String,
    /// The peer's public key in base64.
    pub public_key: String,
    /// Where datagrams go now.
    pub endpoint: Option<String>,
    /// State of the link, for example `established`.
    pub state: String,
    /// The epoch in use, if there is one.
    pub epoch: Option<EpochStatus>,
    /// Seconds since the last completed handshake.
    pub last_handshake_age_seconds: Option<u64>,
    /// Packets and bytes sent to the peer.
    pub tx: Traffic,
    /// Packets and bytes received from the peer and admitted.
    pub rx: Traffic,
    /// MTU of the path between the gateways.
    pub path_mtu_bytes: u16,
    /// Largest inner packet that the path carries.
    pub inner_mtu_bytes: u16,
    /// MAC addresses that are known behind the peer, over all VPCs.
    pub macs: usize,
    /// How far the lane keys are worn.
    pub key_usage: KeyUsage,
}

/// The epoch in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochStatus {
    /// Public and equal on both sides.
    pub fingerprint: String,
    /// Seconds since it was agreed on.
    pub age_seconds: u64,
    /// Seconds until a timer of this node replaces it; 0 when it is due.
    pub next_rekey_seconds: Option<u64>,
    /// `initiator` or `responder`.
    pub role: String,
    /// Whether ML-KEM took part.
    pub post_quantum: bool,
}

/// One direction of a peer's traffic; bytes are those of inner packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Inner packets.
    pub packets: u64,
    /// Bytes of inner packets.
    pub bytes: u64,
}

/// Wear of the lane key that is used most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KeyUsage {
    /// Share of the hard limit, from 0 to 1.
    pub limit_share: f64,
    /// Upper bound of an attacker's advantage, as a power of two; `null` before the first packet.
    pub advantage_log2: Option<f64>,
}

#[cfg(test)]
pub(crate) mod tests;
