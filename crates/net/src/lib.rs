//! Devices, sockets, namespaces and clocks: the only crate with unsafe code.
//!
//! The two traits [`TunQueue`] and [`UdpQueue`] are all that a lane knows of the outside. Three families implement
//! them: the Linux ones ([`LinuxTun`], [`LinuxUdp`]), the in-memory ones ([`memory`]), and wrappers around any other
//! ([`impair`], [`pcap`]). The batch types ([`TunBatch`], [`UdpBatch`], [`GsoQueue`]) own all packet memory, are
//! allocated once per lane, and are reused for ever.
#![deny(unsafe_op_in_unsafe_fn)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod batch;
pub mod gso;
pub mod memory;
pub mod traits;

pub use batch::{InnerSlice, RecvMeta, TunBatch, TunPacket, UdpBatch};
pub use gso::{GsoQueue, Slot, Train};
pub use traits::{GsoNotice, Offload, TunQueue, TunSendReport, UdpQueue, UdpSendReport};
