//! The SecY of IEEE 802.1AE-2018 (MACsec): takes frames of the controlled port, makes frames of the
//! common port, and back. No I/O, no clock, no key agreement.
//!
//! ```text
//!   controlled port                                                      common port
//!   plain frame    --> TxSc::protect    : SA, number, SecTAG, AEAD  -->  secured frame
//!   plain frame    <-- RxSecy::validate : tag, channel, SA, replay, <--  secured frame
//!                                         AEAD, replay, verdict
//! ```
//!
//! A lane owns one [`TxSc`] and one [`RxSecy`] with the channels that arrive at it, so packet
//! numbers, windows and counters are plain integers. Keys come as a [`Sak`], which is consumed by a
//! [`TxSak`] or an [`RxSak`]; both go to the lane by value and come back to be wiped.
//!
//! What the types rule out:
//! - **A nonce used twice.** [`TxSc::protect`] takes the packet number from its [`TxSak`], which is
//!   not `Clone`, ends with its number space, and stops at what [`TxSak::reserve_through`] allows.
//! - **A replay accepted.** Floor, bitmap, AEAD and both updates are one function.
//! - **The wrong direction.** A [`TxSak`] cannot open, an [`RxSak`] cannot seal.
//! - **A forgery with effect.** A frame that is not authentic moves a counter and the count of
//!   failed opens, and nothing else.
//!
//! The normative text is `docs/macsec.md`; requirement ids in the tests point into it. Numbers like
//! 10.6.5 are sections of IEEE Std 802.1AE-2018.
//!
//! | module      | content                                                            |
//! |-------------|--------------------------------------------------------------------|
//! | [`suite`]   | the four cipher suites, and how much a key of each may do          |
//! | [`sak`]     | a key with what makes a channel's nonces                           |
//! | [`keys`]    | from a channel of a handshake's epoch to its association           |
//! | [`sa`]      | terms and use of an association                                    |
//! | [`tx_sak`]  | an association that seals                                          |
//! | [`tx_sc`]   | the transmit channel                                               |
//! | [`policy`]  | the management controls of reception                               |
//! | [`rx_sak`]  | an association that opens                                          |
//! | [`rx_sc`]   | a receive channel                                                  |
//! | [`rx_secy`] | reception: from a frame of the common port to its verdict          |
//! | [`counter`] | all counters                                                       |
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

pub mod counter;
mod frame;
pub mod keys;
mod numbers;
pub mod policy;
pub mod rx_sak;
pub mod rx_sc;
pub mod rx_secy;
pub mod sa;
pub mod sak;
pub mod suite;
#[cfg(test)]
mod testing;
pub mod tx_sak;
pub mod tx_sc;

pub use counter::{RxScCounter, SecyCounter, TxCounter};
pub use keys::ChannelKeyError;
pub use policy::{ReplayProtect, RxPolicy, Validate, WindowSize};
pub use rx_sak::RxSak;
pub use rx_sc::{Judged, RxSc, RxScError, Verdict};
pub use rx_secy::{ChannelError, Delivered, MAX_CHANNELS, Provenance, RxError, RxSecy};
pub use sa::{InstallError, SaTerms, SaUsage};
pub use sak::{NonceSpace, Sak, SakError, Salt};
pub use suite::{CipherSuite, UnknownCipherSuite};
pub use tx_sak::{TermsError, TxSak};
pub use tx_sc::{PortMtu, ProtectError, Protection, TxConfig, TxConfigError, TxForm, TxSc};
