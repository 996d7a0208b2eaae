//! Whole cores against each other, on a wire that the tests hold in their hands.

mod closing;
mod crossing;
mod epochs;
mod floods;
mod handshake;
mod keepalive;
mod liveness;
mod overlap;
mod paths;
mod policy;
mod ports;
mod refusals;
mod rekeying;
mod timestamps;
