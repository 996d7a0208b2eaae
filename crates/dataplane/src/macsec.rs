//! MACsec lanes: from a TAP device to an Ethernet port and back, with a `SecY` of IEEE 802.1AE between them.
//!
//! ```text
//!            control thread                            one lane of N
//!   MacsecCommand --> MacsecPool ==orders==>  +------------------------------+
//!   MacsecEvent   <-- MacsecPool <=answers==  |  egress    TAP -> TxSc -> port |
//!                                             |  ingress   port -> RxSecy -> TAP |
//!                                             +------------------------------+
//! ```
//!
//! A lane owns one queue of the device, one queue of the port, one transmit channel, and the receive channels whose frames
//! the port gives to it: that of port id `p` belongs to lane `(p - 1) mod N`. Static keys and forms without SCI have exactly
//! one lane. Nothing allocates, locks or logs on a frame's way.
//!
//! | module      | content                                                            |
//! |-------------|--------------------------------------------------------------------|
//! | [`egress`]  | the five hops from the device to the port                          |
//! | [`ingress`] | the four hops from the port to the device                          |
//! | [`lane`]    | one lane: its turn, its loop                                       |
//! | [`pool`]    | control's side of a port's lanes                                   |
//! | [`config`]  | what a port is, for its whole life                                 |
//! | [`command`] | what control tells the lanes                                       |
//! | [`event`]   | what the lanes tell control                                        |
//! | [`counters`]| what a lane counts besides its channels                            |
//! | [`report`]  | the lanes' numbers, for `status`                                   |

pub mod command;
pub mod config;
pub mod counters;
pub mod egress;
pub mod event;
pub mod ingress;
pub mod lane;
mod orders;
pub mod pool;
pub mod report;
mod rx_side;
mod state;
#[cfg(test)]
mod testing;
mod tx_side;

pub use command::{InstallRx, InstallTx, MacsecCommand};
pub use config::{MacsecBuildError, MacsecConfig};
pub use counters::{MacsecCounter, MacsecDrop};
pub use event::{InstallRefusal, MacsecEvent};
pub use lane::{MacsecLane, MacsecQueues};
pub use pool::{MacsecPool, build};
pub use report::{
    MacsecReport, RxAssociationReport, RxChannelReport, TxAssociationReport, TxChannelReport,
};
