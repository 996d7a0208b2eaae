//! A million malformed, cut, stretched and random messages through everything that reads bytes from outside.
//!
//! | file      | what is fed                                     | what must hold                                            |
//! |-----------|-------------------------------------------------|-----------------------------------------------------------|
//! | `parsers` | every parser of `linkveil-wire`                 | nothing panics; what is accepted is what it says          |
//! | `core`    | `Core::handle_datagram`, also under a good mac1 | one counter moves, or one epoch begins                    |
//! | `lanes`   | lanes, also what is *authentic* garbage         | each datagram is delivered, told to control or counted    |
//!
//! A run follows from its seed. `LINKVEIL_MALFORMED=10000000 cargo test -p linkveil-sim --test malformed` feeds that many
//! in place of a million, and `LINKVEIL_MALFORMED_SEED` takes another seed than 1. Far fewer may not come to every counter
//! that the tests want to see moved.

mod core;
mod lanes;
mod mutate;
mod parsers;
mod samples;

use linkveil_sim::random::{Seed, SimRandom};

/// Messages of the three tests together, unless the environment says otherwise.
const MESSAGES: u64 = 1_000_000;

/// A number from the environment.
fn variable(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else {
        return default;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{name} is no number: {text}"))
}

/// The share of one test, in percent of all messages.
fn share(percent: u64) -> u64 {
    variable("LINKVEIL_MALFORMED", MESSAGES).div_ceil(100) * percent
}

/// The source of one test.
fn random(stream: u64) -> SimRandom {
    Seed::new(variable("LINKVEIL_MALFORMED_SEED", 1)).stream(stream)
}
