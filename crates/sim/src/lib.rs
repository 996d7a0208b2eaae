//! Worlds of several gateways under a virtual clock, joined by a link that loses, repeats, delays
//! and reorders datagrams. For tests only.
//!
//! The gateways are real: the control core of `linkveil-tunnel`, lanes and pool of
//! `linkveil-dataplane`, the in-memory queues of `linkveil-net`. Simulated are time, randomness and
//! the underlay. A run follows from its seed alone, so a failure can be repeated.
//!
//! | module          | what it is                                                     |
//! |-----------------|----------------------------------------------------------------|
//! | [`random`]      | seeds and the source of all randomness                         |
//! | [`clock`]       | virtual time, and wall clocks that are off                     |
//! | [`packet`]      | inner packets with ids                                         |
//! | [`link`]        | the weather on the underlay, blackouts, scripted exceptions    |
//! | [`kem`]         | a KEM that costs nothing                                       |
//! | [`gateway`]     | one gateway between in-memory queues                           |
//! | [`world`]       | gateways, link, time and model together                        |
//! | [`checker`]     | the reference model: what must never happen, and what must     |
//! | [`disturbance`] | what can befall a world                                        |
//! | [`run`]         | one seeded run: disturbances, and health after each of them    |
//! | [`fault`]       | gateways that are broken on purpose                            |
//! | [`log`]         | what happened, in lines                                        |
//! | [`port`]        | worlds of two MACsec ports                                     |
#![forbid(unsafe_code)]

pub mod checker;
pub mod clock;
pub mod disturbance;
pub mod fault;
pub mod gateway;
pub mod kem;
pub mod link;
pub mod log;
pub mod packet;
pub mod port;
pub mod random;
pub mod run;
pub mod world;
