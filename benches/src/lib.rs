//! What the micro-benchmarks of the packet path measure: links, packets and handshakes, set up
//! outside the measured time.
//!
//! | module        | scenario                                                   | benchmarks     |
//! |---------------|------------------------------------------------------------|----------------|
//! | [`epoch`]     | both ends of one epoch, from fixed secrets                 | `sa`, `replay` |
//! | [`routes`]    | a VPC's table with many prefixes, and addresses in it      | `classify`     |
//! | [`handshake`] | two nodes that know each other                             | `handshake`    |
//! | [`pieces`]    | a super-packet and what it is cut into                     | `split`, `coalesce` |
//!
//! The AEADs behind one face, inner packets and lanes in memory are those of `linkveil bench` (crate
//! `linkveil-bench`, re-exported here).
//!
//! `cargo bench -p linkveil-benches` measures all of them, `cargo bench -p linkveil-benches --bench
//! sa` one file, and `-- --test` behind either runs each benchmark once, as a test. The times are
//! per datagram, packet or message.
#![forbid(unsafe_code)]

pub mod epoch;
pub mod handshake;
pub mod pieces;
pub mod routes;

pub use linkveil_bench::{backend, lane, packets};

use criterion::Criterion;
use std::time::Duration;

/// Plaintext lengths in bytes: a small packet, a full one on a path of MTU 1,500, a jumbo frame.
pub const SIZES: [usize; 3] = [64, 1420, 9000];

/// Datagrams that are prepared at once and then measured one after the other: a train, so that
/// what is measured finds its input in the cache as the packet path does.
pub const TRAIN: u64 = 64;

/// Criterion with times that suit a look in passing; its command line options override them.
#[must_use]
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

#[cfg(test)]
mod tests;
