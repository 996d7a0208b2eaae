//! The control core of a node: peers, handshakes, epochs and their timers, without I/O.
//!
//! [`Core`] is a state machine in the `handle_*`/`poll_*` style. What happens outside comes in through
//! [`Core::handle_datagram`], [`Core::handle_lane_event`] and [`Core::handle_timeout`]; what is to be done comes out of
//! [`Core::poll_transmit`], [`Core::poll_command`] and [`Core::poll_event`]. Time is an argument ([`Now`]) and
//! randomness a source given at the start, so that equal inputs give equal outputs.
//!
//! There are two kinds of link. A gateway has one [`Core`] for all its peers, over UDP ([`Core::new`],
//! [`Core::handle_datagram`]). A MACsec port has one of its own, with one peer, over Ethernet frames ([`Core::for_port`],
//! [`Core::handle_frame`]). What differs between them is in [`transport`].
//!
//! The life of an epoch is one table, in [`machine`]. docs/protocol.md sections 7, 9, 10 and
//! 18 are its specification.
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

pub mod config;
pub mod core;
pub mod counters;
mod epoch;
pub mod event;
mod flood;
pub mod limits;
pub mod machine;
mod peer;
mod spi;
pub mod status;
#[cfg(test)]
mod testing;
mod timers;
pub mod transport;

pub use config::{
    CoreConfig, Keepalive, PORT_PEER, PeerConfig, PortConfig, PortError, PortPeer, Roaming,
};
pub use core::{Core, Rekey};
pub use counters::ControlCounter;
pub use event::{Event, Now, RefusedReason, TermsDiffer, TimerKind, Transmit};
pub use linkveil_noise::PqPolicy;
pub use status::{EpochStatus, PeerState, PeerStatus};
pub use transport::Transport;
