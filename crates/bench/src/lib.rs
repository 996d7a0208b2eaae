//! What encryption costs on this machine: the measurements behind `linkveil bench`.
//!
//! ```text
//!  bench crypto ---> crypto ----+                              +--> text      table on stdout
//!  bench lane -----> lane ------+--> timing ---> report::Page -+--> html      one page, SVG bars
//!  bench net ------> net -------+    (stats)                   +--> JSON      every sample
//! ```
//!
//! A crate of its own, below the binary and above the lanes: it measures what every user of those crates could measure,
//! knows neither configuration nor control, and shares its scenarios with the criterion benchmarks in `benches/`.
//!
//! | module      | content                                                                          |
//! |-------------|----------------------------------------------------------------------------------|
//! | [`cli`]     | the arguments, and what each command does                                        |
//! | [`stats`]   | medians, spreads, quantiles                                                      |
//! | [`timing`]  | calibrated loops in interleaved rounds, on one or several cores                  |
//! | [`backend`] | the AEAD of each library behind one face                                         |
//! | [`packets`] | inner packets of the kinds that tenants send                                     |
//! | [`crypto`]  | `bench crypto`: the bare AEADs                                                   |
//! | [`lane`]    | `bench lane`: the packet path between queues in memory                           |
//! | [`net`]     | `bench net`: real tunnels between network namespaces                             |
//! | [`machine`] | where all this was measured                                                      |
//! | [`report`]  | tables, the HTML page                                                            |
#![forbid(unsafe_code)]

pub mod backend;
pub mod cli;
pub mod crypto;
pub mod lane;
pub mod machine;
pub mod net;
pub mod packets;
pub mod progress;
pub mod report;
pub mod stats;
pub mod timing;

pub use cli::{BenchCommand, BenchError, run};
