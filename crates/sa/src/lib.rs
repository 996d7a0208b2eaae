//! Security associations: one direction of one epoch, in the hands of one lane.
//!
//! Control (crate `tunnel`) makes a [`TxInstall`] and an [`RxInstall`] from the secret of a
//! finished handshake. Each is taken apart into one value per lane: a [`TxSa`] that seals and takes
//! the packet numbers itself, and an [`RxEpoch`] that opens what the lane's share of the peer's
//! lanes sealed. The lane (crate `dataplane`) owns these alone, so counters and replay windows are
//! plain integers. Both crates meet here and nowhere else.
//!
//! ```text
//!             EpochSecret --split_epoch--> TxKeys             RxKeys
//!                                            |                  |
//!                                        TxInstall          RxInstall        control, by command
//!                                            | into_lanes       | into_lanes
//!                                      TxSa per lane      RxEpoch per lane   a lane's own
//!                                            |                  |
//!                                     key, IV, number     per sender lane:   expanded at first use
//!                                                         key, IV, window
//! ```
//!
//! What the types rule out:
//! - **A nonce used twice.** [`split_epoch`] consumes the secret, `into_lanes` consumes the install,
//!   nothing is `Clone`, and [`TxSa::seal_in_place`] counts the packet numbers itself.
//! - **A replay accepted.** Window check, AEAD and window commit are one function, and no second
//!   window for the same sender lane can be made.
//! - **The wrong direction.** A [`TxSa`] cannot open and an [`RxEpoch`] cannot seal.
//! - **Unauthenticated plaintext.** [`Opened`] is made by a successful open alone.
//!
//! | module      | content                                                          |
//! |-------------|------------------------------------------------------------------|
//! | [`ids`]     | peers, epochs, sockets and paths, as both sides name them        |
//! | [`limits`]  | how much one lane key may do, and why; usage for `status`        |
//! | [`keys`]    | the shared secret of an epoch, split by direction                |
//! | [`tx`]      | sealing                                                          |
//! | [`rx`]      | opening                                                          |
//! | [`medium`]  | the two kinds of link: UDP and MACsec                            |
//! | [`channel`] | the halves of an epoch between MACsec ports                      |
//! | [`command`] | what control tells the lanes                                     |
//! | [`event`]   | what the lanes tell control                                      |
//! | [`counter`] | named counters, as both sides keep them                          |
//! | [`bucket`]  | token buckets, as both sides limit things                        |
//! | [`window`]  | which packet numbers of a key were accepted; MACsec uses it, too |
//! | [`meter`]   | what a key has done, beside its limits; MACsec uses it, too      |
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

pub mod bucket;
pub mod channel;
pub mod command;
pub mod counter;
pub mod event;
pub mod ids;
pub mod keys;
pub mod limits;
pub mod medium;
pub mod meter;
pub mod rx;
#[cfg(test)]
mod testing;
pub mod tx;
pub mod window;

pub use bucket::{Bucket, Budget};
pub use channel::{
    ChannelParts, Channels, RxChannel, RxChannelInstall, TxChannel, TxChannelInstall, channel_of,
};
pub use command::LaneCommand;
pub use counter::{Counter, Counters};
pub use event::{InstallKind, LaneEvent};
pub use ids::{EpochId, Path, PeerId, SocketIndex};
pub use keys::{RxKeys, TxKeys, split_epoch};
pub use limits::{Limits, Pressure, Usage};
pub use medium::{Macsec, Medium, Udp};
pub use meter::{Exhausted, Meter};
pub use rx::{OpenError, Opened, RxEpoch, RxInstall};
pub use tx::{PartialChecksums, SealError, TxInstall, TxSa};
pub use window::{Arrival, Replay, ReplayWindow, WINDOW_PACKETS};
