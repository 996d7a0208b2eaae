//! Worlds of several gateways under a virtual clock, joined by a link that loses, repeats, delays
//! and reorders datagrams. For tests only.
//!
//! The gateways are real: the control core of `linkveil-tunnel`, lanes and pool of
//! `linkveil-dataplane`, the in-memory queues of `linkveil-net`. Simulated are time, randomness and
//! the underlay. A run follows from its seed alone, so a failure can be repeated.
//!
//! | module      | what it is                                                     |
//! |-------------|----------------------------------------------------------------|
//! | [`random`]  | seeds and the source of all randomness                         |
//! | [`clock`]   | virtual time, and wall clocks that are off                     |
//! | [`packet`]  | inner packets with ids                                         |
//! | [`link`]    | the weather on the underlay, and scripted exceptions           |
//! | [`gateway`] | one gateway between in-memory queues                         |
//! | [`world`]   | gateways, link, time and checker together                      |
//! | [`checker`] | what must never happen, and how far each packet came           |
#![forbid(unsafe_code)]

pub mod checker;
pub mod clock;
pub mod gateway;
pub mod link;
pub mod packet;
pub mod random;
pub mod world;
