//! The `linkveil` binary's own modules, as a library so that tests reach them.
//!
//! ```text
//! cli ------> keytool                                genkey, pubkey, genpsk
//!   +-------> config                                 check: the file, or every problem in it
//!   +-------> ipc::client --- control socket -----+  status, rekey
//!   +-------> linkveil_bench                         bench: crate bench measures, this one only passes on
//!   +-------> up ---> setup: mtu, netlink, net    |
//!              +----> gateway: tunnel + dataplane + ipc::server
//! ```

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod config;
pub mod gateway;
pub mod ipc;
pub mod keytool;
pub mod log;
pub mod mtu;
pub mod netlink;
pub mod plan;
pub mod pn_file;
pub mod privileges;
pub mod setup;
pub mod status;
