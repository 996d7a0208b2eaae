//! Whole cores against each other, on a wire that the tests hold in their hands.

mod closing;
mod crossing;
mod epochs;
mod handshake;
mod liveness;
mod policy;
mod refusals;
mod rekeying;
mod timestamps;
