//! A small world for this crate's tests: cores, lanes that only note what they are told, and a wire without delay that
//! the test looks into, cuts and shuffles. Time is virtual and all randomness comes from seeds.
//!
//! Node [`SMALL`] has the smaller public key, node [`GREAT`] the greater one (REQ-CROSS).

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkveil_crypto::{DeterministicMlKem768, Fingerprint, Kem, Random, StaticSecret};
use linkveil_noise::PqPolicy;
use linkveil_sa::{Path, PeerId, SocketIndex};
use linkveil_wire::link::{MessageType, message_type};
use linkveil_wire::{ControlFrame, HandshakeFlags, InnerMtu, Spi};

use crate::config::{Keepalive, Roaming};

mod choices;
mod lanes;
mod node;
pub(crate) mod ports;
mod world;

pub(crate) use choices::Choices;
pub(crate) use lanes::{Acks, Deed, FakeLanes};
pub(crate) use node::Node;
pub(crate) use world::World;

/// The node with the smaller public key.
pub(crate) const SMALL: usize = 0;
/// The node with the greater one.
pub(crate) const GREAT: usize = 1;
/// A node of a pair has one peer.
pub(crate) const PEER: PeerId = PeerId::new(0);

pub(crate) const REKEY_AFTER: Duration = Duration::from_secs(3_600);
/// Wall clock at the start, in Unix seconds.
const WALL: u64 = 1_800_000_000;

/// A moment to count from; the tests never compare it with the real time.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other constructor"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub(crate) fn address(number: u8) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, number), 4789).into()
}

pub(crate) fn path(remote: SocketAddr) -> Path {
    let socket = SocketIndex::FIRST;
    Path { socket, remote }
}

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next().to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// What tests vary about a node.
pub(crate) struct Setup {
    pub(crate) secret: StaticSecret,
    pub(crate) policy: PqPolicy,
    pub(crate) rekey_after: Duration,
    /// Whether it knows where its peers are.
    pub(crate) knows_endpoints: Endpoints,
    pub(crate) roaming: Roaming,
    pub(crate) keepalive: Keepalive,
    pub(crate) wall: u64,
    pub(crate) mtu: InnerMtu,
    pub(crate) flags: HandshakeFlags,
    pub(crate) kem: Arc<dyn Kem>,
    pub(crate) seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Endpoints {
    Configured,
    Unknown,
}

impl Setup {
    pub(crate) fn new(secret: StaticSecret, seed: u64) -> Self {
        Self {
            secret,
            policy: PqPolicy::Required,
            rekey_after: REKEY_AFTER,
            knows_endpoints: Endpoints::Configured,
            roaming: Roaming::Follow,
            keepalive: Keepalive::Off,
            wall: WALL,
            mtu: InnerMtu::new(1_424).unwrap(),
            flags: HandshakeFlags::NONE,
            kem: Arc::new(DeterministicMlKem768),
            seed,
        }
    }
}

/// What a datagram is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Initiation,
    Response,
    Data,
    Confirm,
    ConfirmAck,
    Probe,
    ProbeAck,
    SaDelete,
    Challenge,
    PathResponse,
    Keepalive,
    CookieReply,
    OtherFrame,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Body {
    Handshake(Vec<u8>),
    Sealed {
        spi: Spi,
        fingerprint: Fingerprint,
        frame: Option<ControlFrame>,
    },
}

/// A datagram under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Flight {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) body: Body,
}

impl Flight {
    pub(crate) fn class(&self) -> Class {
        match &self.body {
            Body::Handshake(bytes) => match message_type(bytes).unwrap() {
                MessageType::Initiation => Class::Initiation,
                MessageType::Response => Class::Response,
                MessageType::CookieReply => Class::CookieReply,
                other => panic!("a core sent {other:?}"),
            },
            Body::Sealed { frame, .. } => match frame {
                None => Class::Data,
                Some(ControlFrame::Confirm) => Class::Confirm,
                Some(ControlFrame::ConfirmAck) => Class::ConfirmAck,
                Some(ControlFrame::Probe(_)) => Class::Probe,
                Some(ControlFrame::ProbeAck(_)) => Class::ProbeAck,
                Some(ControlFrame::SaDelete(_)) => Class::SaDelete,
                Some(ControlFrame::PathChallenge(_)) => Class::Challenge,
                Some(ControlFrame::PathResponse(_)) => Class::PathResponse,
                Some(ControlFrame::Keepalive) => Class::Keepalive,
                Some(_) => Class::OtherFrame,
            },
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.body {
            Body::Handshake(bytes) => bytes,
            Body::Sealed { .. } => panic!("not a handshake message"),
        }
    }
}

fn node_address(number: usize) -> SocketAddr {
    address(u8::try_from(number + 1).unwrap())
}

/// Setups with different keys, in the order of their public keys.
pub(crate) fn sorted_setups<const N: usize>() -> [Setup; N] {
    let mut random = Seeded(0x1111);
    let mut secrets: Vec<_> = (0..N)
        .map(|_| StaticSecret::generate(&mut random))
        .collect();
    secrets.sort_by_key(|secret| *secret.public().as_bytes());
    let setups = (1..)
        .zip(secrets)
        .map(|(seed, secret)| Setup::new(secret, seed));
    let setups: Vec<_> = setups.collect();
    setups.try_into().ok().unwrap()
}
