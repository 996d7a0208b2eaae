//! Lanes: one thread per core that takes packets from TUN to UDP and back, to completion.
//!
//! ```text
//!            control thread                        one lane of N
//!   Snapshot, LaneCommand --> Pool ==orders==> +--------------------------+
//!   LaneEvent, Report     <-- Pool <=answers== |  egress    TUN -> UDP    |
//!                                              |  ingress   UDP -> TUN    |
//!                        other lanes ==strays=>|  strays    rings -> TUN  |
//!                                              +--------------------------+
//! ```
//!
//! A lane owns one queue of each device, one socket of each listen address, and its security associations. It shares
//! nothing that is written on a packet's way: orders, answers and strays travel by value over bounded
//! single-producer rings, and counters are plain integers that are copied when control asks.
//!
//! | module       | content                                                                   |
//! |--------------|---------------------------------------------------------------------------|
//! | [`egress`]   | the six hops from TUN to UDP, in the packet's order                       |
//! | [`ingress`]  | the six hops from UDP to TUN, in the packet's order                       |
//! | [`segments`] | hops 3 to 5 for a super-packet: cut, each piece sealed                    |
//! | [`coalesce`] | before hop 6: neighbors of a flow become a super-packet                   |
//! | `inward`     | what a lane tells a tenant: that a packet was too big                     |
//! | [`stray`]    | rings for datagrams that arrived at another lane than their owner's       |
//! | [`lane`]     | one lane: its turn, its loop                                              |
//! | [`pool`]     | control's side of all lanes                                               |
//! | [`macsec`]   | MACsec lanes, between a TAP device and an Ethernet port                   |
//! | [`bridge`]   | hops 2 and 5 of Ethernet VPCs                                             |
//! | [`snapshot`] | what lanes know about VPCs and peers                                      |
//! | [`mac_table`]| where the stations of Ethernet VPCs are                                   |
//! | [`sighting`] | what lanes tell about stations                                            |
//! | [`learner`]  | control's table of stations                                               |
//! | [`counters`] | everything that is dropped, by name; what lanes do besides                |
//! | [`report`]   | a lane's numbers, for `status`                                            |
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

#[cfg(test)]
mod bell;
pub mod bridge;
pub mod coalesce;
pub mod counters;
pub mod egress;
mod ends;
pub mod ingress;
mod inward;
pub mod lane;
pub mod learner;
pub mod mac_table;
pub mod macsec;
mod orders;
mod outbox;
pub mod pool;
pub mod report;
mod route_cache;
pub mod segments;
pub mod sighting;
pub mod snapshot;
mod state;
pub mod stray;
#[cfg(test)]
mod testing;
mod thread;

pub use counters::{DropReason, LaneCounter};
pub use lane::{Lane, LaneQueues, LaneThread, Turn};
pub use learner::{MacCounter, MacLearner};
pub use mac_table::{MacOwner, MacTables};
pub use pool::{Pool, PoolEvent, build};
pub use report::{PeerReport, Report, Traffic};
pub use sighting::Sighting;
pub use snapshot::{
    PeerForwarding, RouteTable, Snapshot, VpcBridge, VpcForwarding, VpcIndex, VpcRoutes,
};
