//! What a finished handshake yields.

use linkveil_crypto::{
    Direction, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, SharedSecret, Suite,
};
use linkveil_wire::{
    HandshakeFlags, InitiationPayload, InnerMtu, LaneCount, PortOffer, ResponsePayload, Spi,
};

/// Which side of the handshake this node was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Sent the first message.
    Initiator,
    /// Sent the second message.
    Responder,
}

impl Role {
    /// The direction of what this side seals.
    #[must_use]
    pub const fn sends(self) -> Direction {
        match self {
            Self::Initiator => Direction::InitiatorToResponder,
            Self::Responder => Direction::ResponderToInitiator,
        }
    }

    /// The direction of what this side opens.
    #[must_use]
    pub const fn receives(self) -> Direction {
        self.sends().reverse()
    }
}

/// What the other side announced in its payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Remote {
    /// The SPI on which it receives.
    pub spi: Spi,
    /// The lanes that it sends from.
    pub lanes: LaneCount,
    /// The largest inner packet that it takes.
    pub mtu: InnerMtu,
    /// What it can do.
    pub flags: HandshakeFlags,
    /// What it says of its MACsec port; there exactly if the handshake was one between ports.
    pub port: Option<PortOffer>,
}

impl From<&InitiationPayload> for Remote {
    fn from(payload: &InitiationPayload) -> Self {
        Self {
            spi: payload.spi,
            lanes: payload.lanes,
            mtu: payload.mtu,
            flags: payload.flags,
            port: None,
        }
    }
}

impl From<&ResponsePayload> for Remote {
    fn from(payload: &ResponsePayload) -> Self {
        Self {
            spi: payload.spi,
            lanes: payload.lanes,
            mtu: payload.mtu,
            flags: payload.flags,
            port: None,
        }
    }
}

impl Remote {
    /// The same with what it says of its port.
    pub(crate) const fn on_port(self, port: Option<PortOffer>) -> Self {
        Self { port, ..self }
    }
}

/// A finished handshake: the secret that both sides share now, and what the other side said.
#[derive(Debug)]
pub struct Established {
    /// Where all lane keys come from.
    pub secret: EpochSecret,
    /// Which side this node is.
    pub role: Role,
    /// Whether ML-KEM took part.
    pub post_quantum: PostQuantum,
    /// The AEAD of the lanes.
    pub suite: Suite,
    /// The other side.
    pub remote: Remote,
}

/// What Noise yields at the end: the transcript's hash and the two keys of `Split()`.
pub(crate) struct NoiseOutput {
    pub(crate) hash: HandshakeHash,
    pub(crate) k1: KeyBytes,
    pub(crate) k2: KeyBytes,
}

impl NoiseOutput {
    /// The end of the key schedule, common to both roles.
    pub(crate) fn establish(
        &self,
        kem: Option<&SharedSecret>,
        role: Role,
        suite: Suite,
        remote: Remote,
    ) -> Established {
        Established {
            secret: EpochSecret::derive(&self.hash, &self.k1, &self.k2, kem),
            role,
            post_quantum: match kem {
                Some(_) => PostQuantum::Hybrid,
                None => PostQuantum::Classical,
            },
            suite,
            remote,
        }
    }
}
