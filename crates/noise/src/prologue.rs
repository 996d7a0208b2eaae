//! What binds a handshake to this protocol, its version and its mode, before the first byte is exchanged.

use linkveil_wire::MacAddr;
use linkveil_wire::port::PORT_ETHERTYPE;

const VPC: &[u8] = b"linkveil1 vpc";
const MACSEC: &[u8] = b"linkveil1 macsec";

/// The prologue of a handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Prologue {
    /// Over UDP.
    Vpc,
    /// On an Ethernet port: label, `EtherType`, and the initiator's address, which the responder takes from the frame
    /// that brings message 1.
    Port { initiator: MacAddr },
}

impl Prologue {
    pub(crate) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Vpc => VPC.to_vec(),
            Self::Port { initiator } => {
                let ether_type = PORT_ETHERTYPE.0.to_be_bytes();
                [MACSEC, &ether_type, &initiator.octets()].concat()
            }
        }
    }
}
