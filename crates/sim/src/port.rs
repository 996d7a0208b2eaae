//! Worlds of two MACsec ports on a bad link: handshakes in frames, associations that rotate, data that must get through.
//!
//! The control cores, the keys' derivation and the `SecY`s are the real ones; the lanes around them are as plain as they
//! can be, and carry out their orders late and each in its own time.
//!
//! | module      | what it is                                                              |
//! |-------------|-------------------------------------------------------------------------|
//! | [`lane`]    | one lane: a transmit channel, a receiver, and orders that it works off   |
//! | [`station`] | one node: core and lanes                                                |
//! | [`model`]   | what must never happen                                                  |
//! | [`world`]   | both stations, the link, and time                                       |
//! | [`run`]     | one seeded run                                                          |

pub mod lane;
pub mod model;
pub mod run;
pub mod station;
pub mod world;
