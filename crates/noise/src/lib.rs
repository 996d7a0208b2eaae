//! The handshake: Noise IKpsk2 with an ML-KEM-768 hybrid in its payloads, and the anti-flood MACs.
//!
//! One message each way makes an epoch. States are consumed by success only: a response that fails
//! hands the state back, and the true response still completes the handshake.
//!
//! ```text
//! initiator                                             responder
//! create_initiation -> AwaitingResponse
//!        | ------------- initiation ----------------------> |
//!        |                              verify_mac1, consume_initiation -> ReceivedInitiation
//!        |                                                  | (look up the peer and its PSK,
//!        |                                                  |  judge timestamp and policy)
//!        |                    ReceivedInitiation::create_response -> Established
//!        | <------------- response ------------------------ |   or ::create_refusal
//! AwaitingResponse::consume_response -> Established
//! ```
//!
//! | module        | what it holds                                                        |
//! |---------------|----------------------------------------------------------------------|
//! | [`identity`]  | what all handshakes of a node share                                   |
//! | [`initiator`] | first message out, second message in                                 |
//! | [`responder`] | first message in, second message out                                 |
//! | [`epoch`]     | what a finished handshake yields                                      |
//! | [`cookie`]    | cookie replies, for a responder under load                            |
//!
//! Neither the clock nor a random source is read here: both come in as arguments. Snow, the Noise
//! library underneath, leaves chaining keys and pre-shared keys in freed memory; the ciphers, hashes
//! and keys that it uses are ours and wipe themselves.
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

pub mod cookie;
pub mod epoch;
pub mod error;
pub mod identity;
pub mod initiator;
mod pattern;
pub mod policy;
mod prologue;
mod resolver;
pub mod responder;

pub use cookie::{CookieJar, CookieSource};
pub use epoch::{Established, Remote, Role};
pub use error::NoiseError;
pub use identity::{Identity, RemotePeer};
pub use initiator::{AwaitingResponse, Offer, ResponseOutcome, create_initiation};
pub use policy::{KemOffer, PqPolicy, Refusal};
pub use responder::{
    Answer, ReceivedInitiation, consume_initiation, consume_initiation_on_port, verify_mac1,
};

#[cfg(test)]
mod fixture;
