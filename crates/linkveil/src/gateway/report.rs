//! The gateway as others see it: what `status` shows and what the log says.

use std::time::Instant;

use linkveil_crypto::{PostQuantum, Suite};
use linkveil_dataplane::{MacLearner, MacOwner, PeerReport, Report, VpcIndex, report};
use linkveil_noise::Role;
use linkveil_sa::PeerId;
use linkveil_tunnel::{Core, EpochStatus as CoreEpoch, Event, PeerState};

use super::forwarding::Forwarding;
use crate::config::{Config, Vpc, VpcKind};
use crate::ipc::{Refusal, RefusalCode};
use crate::netlink::DevicePlan;
use crate::status::{Counters, EpochStatus, KeyUsage, PeerStatus, Status, Traffic, VpcStatus};

/// What does not change while the gateway runs.
#[derive(Debug)]
pub(super) struct Portrait {
    node: String,
    public_key: String,
    listen: Vec<String>,
    suite: Suite,
    lanes: u8,
    vpcs: Vec<VpcStatus>,
    peers: Vec<PeerNames>,
    started: Instant,
}

#[derive(Debug)]
struct PeerNames {
    name: String,
    public_key: String,
}

impl Portrait {
    pub(super) fn new(config: &Config, devices: &[DevicePlan], now: Instant) -> Self {
        let names = config.peers.iter().map(|peer| PeerNames {
            name: peer.name.clone(),
            public_key: peer.public_key.to_string(),
        });
        let vpcs = config.vpcs.iter().zip(devices);
        Self {
            node: config.node.name.clone(),
            public_key: config.node.private_key.public().to_string(),
            listen: config.node.listen.iter().map(ToString::to_string).collect(),
            suite: config.crypto.suite,
            lanes: config.node.lanes.get(),
            vpcs: vpcs.map(|(vpc, device)| vpc_status(vpc, device)).collect(),
            peers: names.collect(),
            started: now,
        }
    }

    /// The peer of this name or public key, or all of them.
    ///
    /// # Errors
    ///
    /// There is none of that name.
    pub(super) fn find(&self, wanted: Option<&str>) -> Result<Vec<(PeerId, String)>, Refusal> {
        let fits = |peer: &PeerNames| {
            wanted.is_none_or(|wanted| peer.name == wanted || peer.public_key == wanted)
        };
        let found: Vec<(PeerId, String)> = (0..)
            .map(PeerId::new)
            .zip(&self.peers)
            .filter(|(_, peer)| fits(peer))
            .map(|(id, peer)| (id, peer.name.clone()))
            .collect();
        match wanted {
            Some(wanted) if found.is_empty() => {
                let message = format!(
                    "no peer has the name or public key {wanted:?}; `linkveil status` lists them"
                );
                Err(Refusal::new(RefusalCode::UnknownPeer, message))
            }
            _ => Ok(found),
        }
    }

    /// Whether there is nobody to have a handshake with over UDP.
    pub(super) const fn has_no_peers(&self) -> bool {
        self.peers.is_empty()
    }

    /// The status at this moment.
    pub(super) fn paint(&self, moment: &Moment<'_>) -> Status {
        let (report, now) = (moment.report, moment.now);
        let vpcs = (0..).map(VpcIndex::new).zip(&self.vpcs);
        let peers = (0..).map(PeerId::new).zip(&self.peers);
        Status {
            node: self.node.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: seconds_between(self.started, now),
            public_key: self.public_key.clone(),
            listen: self.listen.clone(),
            suite: self.suite.to_string(),
            lanes: self.lanes,
            vpcs: vpcs
                .map(|(index, vpc)| moment.vpc_status(index, vpc))
                .collect(),
            peers: peers
                .map(|(id, names)| moment.peer_status(id, names))
                .collect(),
            macsec: Vec::new(),
            drops: counters(report.drops.named().chain(report.impaired.dropped())),
            lane_events: counters(report.events.named().chain(report.impaired.altered())),
            control: counters(moment.core.counters().named()),
            stations: counters(moment.stations.counters().named()),
        }
    }

    /// One line for what people should know of; no addresses above DEBUG.
    pub(super) fn log(&self, event: &Event) {
        let name = |peer: PeerId| {
            let peer = self.peers.get(peer.index());
            peer.map_or("?", |peer| peer.name.as_str())
        };
        match *event {
            Event::HandshakeCompleted {
                peer,
                epoch,
                role,
                post_quantum,
            } => tracing::info!(
                peer = name(peer),
                %epoch,
                role = role_name(role),
                post_quantum = post_quantum == PostQuantum::Hybrid,
                "new keys in use"
            ),
            Event::EndpointChanged { peer, path } => {
                tracing::debug!(peer = name(peer), %path, "endpoint");
            }
            Event::RemoteMtu { peer, mtu } => {
                tracing::debug!(peer = name(peer), %mtu, "the peer takes inner packets up to");
            }
            Event::HandshakeRefused { peer, reason } => {
                tracing::warn!(peer = name(peer), %reason, "no keys");
            }
            Event::EpochRetired { peer, epoch } => {
                tracing::debug!(peer = name(peer), %epoch, "old keys wiped");
            }
            Event::PeerSilent { peer } => {
                tracing::info!(peer = name(peer), "the peer does not answer; calling it");
            }
            Event::PeerLeft { peer } => tracing::info!(peer = name(peer), "the peer said farewell"),
        }
    }
}

/// What all peers' states are read from.
pub(super) struct Moment<'m> {
    pub(super) core: &'m Core,
    pub(super) forwarding: &'m Forwarding,
    pub(super) stations: &'m MacLearner,
    pub(super) report: &'m Report,
    pub(super) now: Instant,
}

impl Moment<'_> {
    fn vpc_status(&self, index: VpcIndex, vpc: &VpcStatus) -> VpcStatus {
        let local = self.stations.count_in(index, MacOwner::Local);
        VpcStatus {
            local_macs: vpc.local_macs.map(|_| local),
            ..vpc.clone()
        }
    }

    fn peer_status(&self, id: PeerId, names: &PeerNames) -> PeerStatus {
        let core = self.core.peer_status(id);
        let traffic = self.report.peers.get(id.index()).copied();
        let PeerReport { tx, rx, usage } = traffic.unwrap_or_default();
        let (path_mtu_bytes, inner_mtu_bytes) = self.forwarding.sizes(id).unwrap_or_default();
        let endpoint = core.as_ref().and_then(|status| status.endpoint);
        let last_handshake = core.as_ref().and_then(|status| status.last_handshake);
        PeerStatus {
            name: names.name.clone(),
            public_key: names.public_key.clone(),
            endpoint: endpoint.map(|path| path.remote.to_string()),
            state: core
                .as_ref()
                .map_or("idle", |status| state_name(status.state))
                .to_owned(),
            epoch: core
                .as_ref()
                .and_then(|status| status.epoch.as_ref())
                .map(|epoch| epoch_status(epoch, self.now)),
            last_handshake_age_seconds: last_handshake
                .map(|moment| seconds_between(moment, self.now)),
            tx: traffic_of(tx),
            rx: traffic_of(rx),
            path_mtu_bytes,
            inner_mtu_bytes,
            macs: self.stations.count(MacOwner::Peer(id)),
            key_usage: KeyUsage {
                limit_share: usage.share,
                advantage_log2: usage.log2_advantage,
            },
        }
    }
}

pub(super) fn epoch_status(epoch: &CoreEpoch, now: Instant) -> EpochStatus {
    EpochStatus {
        fingerprint: epoch.fingerprint.to_string(),
        age_seconds: seconds_between(epoch.established, now),
        next_rekey_seconds: epoch.next_rekey.map(|due| seconds_between(now, due)),
        role: role_name(epoch.role).to_owned(),
        post_quantum: epoch.post_quantum == PostQuantum::Hybrid,
    }
}

fn vpc_status(vpc: &Vpc, device: &DevicePlan) -> VpcStatus {
    VpcStatus {
        name: vpc.name.clone(),
        vni: vpc.vni.get(),
        device: vpc.device.to_string(),
        netns: vpc.netns.as_ref().map(ToString::to_string),
        kind: kind_name(vpc.kind).to_owned(),
        local_macs: (vpc.kind == VpcKind::L2).then_some(0),
        mtu_bytes: device.mtu_bytes,
        route_mtu_bytes: device.least_route_mtu_bytes(),
    }
}

const fn kind_name(kind: VpcKind) -> &'static str {
    match kind {
        VpcKind::L3 => "l3",
        VpcKind::L2 => "l2",
    }
}

pub(super) fn state_name(state: PeerState) -> &'static str {
    match state {
        PeerState::Idle => "idle",
        PeerState::Handshaking => "handshaking",
        PeerState::Established => "established",
    }
}

pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Initiator => "initiator",
        Role::Responder => "responder",
    }
}

const fn traffic_of(traffic: report::Traffic) -> Traffic {
    Traffic {
        packets: traffic.packets,
        bytes: traffic.bytes,
    }
}

pub(super) fn counters(named: impl Iterator<Item = (&'static str, u64)>) -> Counters {
    named
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

pub(super) fn seconds_between(earlier: Instant, later: Instant) -> u64 {
    later.saturating_duration_since(earlier).as_secs()
}
