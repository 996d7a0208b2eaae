//! What a node and its peers are configured with, already checked.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use linkveil_crypto::{Kem, Psk, PublicKey, StaticSecret, Suite};
use linkveil_noise::PqPolicy;
use linkveil_sa::{Limits, Macsec, Medium, PeerId, Udp};
use linkveil_wire::handshake::{INITIATION_LEN, INITIATION_LEN_HYBRID};
use linkveil_wire::port::{PORT_GROUP, PORT_HEADER_LEN, PORT_OFFER_LEN, PortMtu};
use linkveil_wire::{HandshakeFlags, InnerMtu, LaneCount, MacAddr, PortTerms};

/// What all handshakes of a node have in common.
pub struct CoreConfig {
    /// The node's static key.
    pub secret: StaticSecret,
    /// The AEAD, and with it the name of the Noise protocol. Both ends must have the same.
    pub suite: Suite,
    /// The lanes that this node sends from.
    pub lanes: LaneCount,
    /// The KEM of the hybrid.
    pub kem: Arc<dyn Kem>,
    /// What this node can do.
    pub flags: HandshakeFlags,
    /// The age at which an epoch is replaced; 1 min to 24 h by configuration.
    pub rekey_after: Duration,
    /// The stand on ML-KEM.
    pub post_quantum: PqPolicy,
    /// Hard limits of each lane key.
    pub limits: Limits,
}

/// One peer.
#[derive(Debug)]
pub struct PeerConfig<M: Medium = Udp> {
    /// Its name in logs and status.
    pub name: String,
    /// Its static key.
    pub public_key: PublicKey,
    /// The pre-shared key with it; [`Psk::none`] without one.
    pub psk: Psk,
    /// Where to call it. Without one it must call first.
    pub endpoint: Option<M::Path>,
    /// Whether its endpoint changes with it.
    pub roaming: Roaming,
    /// Whether something is sent when nothing else is.
    pub keepalive: Keepalive,
    /// The largest inner packet that this node takes from it.
    pub mtu: InnerMtu,
}

/// Where a peer may be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Roaming {
    /// Wherever it proves to be.
    #[default]
    Follow,
    /// At its configured endpoint, and nowhere else: nothing that arrives changes where data and handshakes go.
    Pin,
}

/// Whether a NAT on the way is kept from forgetting us.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Keepalive {
    /// Idle peers stay silent.
    #[default]
    Off,
    /// Something is sent whenever nothing was for so long.
    Every(Duration),
}

/// The peer at the other end of a port's link: it is the only one.
pub const PORT_PEER: PeerId = PeerId::new(0);

/// A MACsec port of this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortConfig {
    /// Its MAC address: that of its channels, and the source of its frames.
    pub station: MacAddr,
    /// How it protects frames. Both ends must have the same.
    pub terms: PortTerms,
    /// What the port carries behind an Ethernet header.
    pub mtu: PortMtu,
}

/// Why a port has no control core.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PortError {
    /// The address is a group's, or zero.
    #[error("the port has no station's MAC address")]
    NotAStation,
    /// The longest handshake message does not fit a frame: on a port there are no fragments.
    #[error("the port's MTU of {has} is less than the {needs} that a handshake needs")]
    MtuTooSmall {
        /// The port's, in octets.
        has: u16,
        /// The least, in octets.
        needs: usize,
    },
}

impl PortConfig {
    /// The MTU that the longest handshake message needs, in octets.
    #[must_use]
    pub const fn least_mtu(policy: PqPolicy) -> usize {
        let message = match policy {
            // A peer with another policy than ours sends a key, too; ours must reach it, its must reach us.
            PqPolicy::Required | PqPolicy::Preferred => INITIATION_LEN_HYBRID,
            PqPolicy::Off => INITIATION_LEN,
        };
        PORT_HEADER_LEN + PORT_OFFER_LEN + message
    }

    pub(crate) fn check(&self, policy: PqPolicy) -> Result<(), PortError> {
        let (has, needs) = (self.mtu.get(), Self::least_mtu(policy));
        if !self.station.is_station() {
            return Err(PortError::NotAStation);
        }
        if usize::from(has) < needs {
            return Err(PortError::MtuTooSmall { has, needs });
        }
        Ok(())
    }
}

/// The node at the other end of a port's link.
#[derive(Debug)]
pub struct PortPeer {
    /// Its name in logs and status.
    pub name: String,
    /// Its static key.
    pub public_key: PublicKey,
    /// The pre-shared key with it; [`Psk::none`] without one.
    pub psk: Psk,
    /// The MTU of this node's controlled port, for the peer to know.
    pub mtu: InnerMtu,
}

impl From<PortPeer> for PeerConfig<Macsec> {
    /// It is called at the group address, wherever it was heard last, and idle links stay silent: no NAT is on the way.
    fn from(peer: PortPeer) -> Self {
        Self {
            name: peer.name,
            public_key: peer.public_key,
            psk: peer.psk,
            endpoint: Some(PORT_GROUP),
            roaming: Roaming::Follow,
            keepalive: Keepalive::Off,
            mtu: peer.mtu,
        }
    }
}

impl fmt::Debug for CoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoreConfig")
            .field("suite", &self.suite)
            .field("lanes", &self.lanes)
            .field("rekey_after", &self.rekey_after)
            .field("post_quantum", &self.post_quantum)
            .finish_non_exhaustive()
    }
}
