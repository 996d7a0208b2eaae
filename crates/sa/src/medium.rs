//! The two kinds of link, as types: what control and lanes say to each other differs between them, and
//! nobody can hand one kind's order to the other kind's lanes.

use crate::channel::{RxChannelInstall, TxChannelInstall};
use crate::ids::Path;
use crate::rx::RxInstall;
use crate::tx::TxInstall;
use linkveil_wire::MacAddr;
use std::fmt::{Debug, Display};
use std::hash::Hash;

/// A kind of link.
pub trait Medium: Copy + Eq + Hash + Debug + Send + 'static {
    /// Where the peer is, or where something came from.
    type Path: Copy + Eq + Hash + Debug + Display + Send;
    /// Control's order to receive under a new epoch.
    type RxInstall: Debug + Send;
    /// Control's order to send under a new epoch.
    type TxInstall: Debug + Send;
}

/// Sealed datagrams over UDP.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Udp {}

impl Medium for Udp {
    type Path = Path;
    type RxInstall = RxInstall;
    type TxInstall = TxInstall;
}

/// MACsec frames on an Ethernet port. A peer is where its station is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Macsec {}

impl Medium for Macsec {
    type Path = MacAddr;
    type RxInstall = RxChannelInstall;
    type TxInstall = TxChannelInstall;
}
