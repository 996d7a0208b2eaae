//! A protected port as others see it: what `status` shows and what the log says.

use std::time::Instant;

use linkveil_crypto::PostQuantum;
use linkveil_dataplane::macsec::{MacsecReport, RxChannelReport, TxChannelReport};
use linkveil_macsec::TxForm;
use linkveil_sa::{LaneEvent, Macsec};
use linkveil_tunnel::{Core, Event, PORT_PEER};

use crate::config::{MacsecKeys, MacsecPort};
use crate::gateway::report::{counters, epoch_status, role_name, seconds_between, state_name};
use crate::setup::macsec::PortFoundation;
use crate::status::{MacsecChannelStatus, MacsecPeerStatus, MacsecSaStatus, MacsecStatus};

/// What does not change while the port is in use.
#[derive(Debug)]
pub(super) struct Portrait {
    status: MacsecStatus,
}

impl Portrait {
    pub(super) fn new(port: &MacsecPort, foundation: &PortFoundation) -> Self {
        let peer = match &port.keys {
            MacsecKeys::Static(_) => None,
            MacsecKeys::Noise(keys) => Some(MacsecPeerStatus {
                public_key: keys.peer_public_key.to_string(),
                address: None,
                state: "idle".to_owned(),
                epoch: None,
                last_handshake_age_seconds: None,
            }),
        };
        let sci = match port.form {
            TxForm::Explicit => "explicit",
            TxForm::EndStation | TxForm::PointToPoint => "implied",
        };
        Self {
            status: MacsecStatus {
                name: port.name.clone(),
                port: port.port.to_string(),
                device: port.device.to_string(),
                netns: port.netns.as_ref().map(ToString::to_string),
                mtu_bytes: foundation.device_mtu_bytes,
                suite: port.suite.to_string(),
                protect: port.protection.name().to_owned(),
                sci: sci.to_owned(),
                validate: port.policy.validate.to_string(),
                replay_window_packets: port.policy.window.get(),
                lanes: foundation.lanes.get(),
                peer,
                tx: Vec::new(),
                rx: Vec::new(),
                secy: counters(std::iter::empty()),
                drops: counters(std::iter::empty()),
                lane_events: counters(std::iter::empty()),
                control: counters(std::iter::empty()),
            },
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.status.name
    }

    /// The interface that is protected.
    pub(super) fn port(&self) -> &str {
        &self.status.port
    }

    /// The status at this moment.
    pub(super) fn paint(
        &self,
        report: &MacsecReport,
        core: Option<&Core<Macsec>>,
        now: Instant,
    ) -> MacsecStatus {
        let known = self.status.peer.as_ref();
        let peer = known.map(
            |known| match core.and_then(|core| core.peer_status(PORT_PEER)) {
                None => known.clone(),
                Some(status) => MacsecPeerStatus {
                    public_key: known.public_key.clone(),
                    // Until it was heard, it is called at the group address.
                    address: status
                        .endpoint
                        .filter(|address| address.is_station())
                        .map(|address| address.to_string()),
                    state: state_name(status.state).to_owned(),
                    last_handshake_age_seconds: status
                        .last_handshake
                        .map(|moment| seconds_between(moment, now)),
                    epoch: status.epoch.as_ref().map(|epoch| epoch_status(epoch, now)),
                },
            },
        );
        let control = core.map(|core| counters(core.counters().named()));
        MacsecStatus {
            peer,
            tx: report.tx.iter().map(tx_channel).collect(),
            rx: report.rx.iter().map(rx_channel).collect(),
            secy: counters(report.secy.named()),
            drops: counters(report.drops.named().chain(report.impaired.dropped())),
            lane_events: counters(report.events.named().chain(report.impaired.altered())),
            control: control.unwrap_or_default(),
            ..self.status.clone()
        }
    }

    /// One line for what people should know of.
    pub(super) fn log(&self, event: &Event<Macsec>) {
        let macsec = self.name();
        match event {
            Event::HandshakeCompleted {
                epoch,
                role,
                post_quantum,
                ..
            } => tracing::info!(
                macsec,
                %epoch,
                role = role_name(*role),
                post_quantum = *post_quantum == PostQuantum::Hybrid,
                "new keys in use"
            ),
            Event::EndpointChanged { path, .. } => {
                tracing::debug!(macsec, address = %path, "the peer's station");
            }
            Event::RemoteMtu { mtu, .. } => {
                tracing::debug!(macsec, %mtu, "the peer's device has an MTU of");
            }
            Event::HandshakeRefused { reason, .. } => tracing::warn!(macsec, %reason, "no keys"),
            Event::EpochRetired { epoch, .. } => tracing::debug!(macsec, %epoch, "old keys wiped"),
            Event::PeerSilent { .. } => {
                tracing::info!(macsec, "the peer does not answer; calling it");
            }
            Event::PeerLeft { .. } => tracing::info!(macsec, "the peer said farewell"),
        }
    }

    /// What lanes tell where keys are written down.
    pub(super) fn log_fixed(&self, event: &LaneEvent<Macsec>) {
        if let LaneEvent::Pressure { pressure, .. } = event {
            tracing::warn!(
                macsec = self.name(),
                ?pressure,
                "a written-down key is nearly used up: write new ones and restart both ends"
            );
        }
    }
}

fn tx_channel(channel: &TxChannelReport) -> MacsecChannelStatus {
    let associations = channel.associations.iter().zip(0..);
    let associations = associations.filter_map(|(association, an)| {
        let association = association.as_ref()?;
        Some(MacsecSaStatus {
            an,
            next_pn: association.next_pn.map(|pn| pn.get()),
            lowest_pn: None,
            limit_share: association.usage.share,
        })
    });
    MacsecChannelStatus {
        sci: channel.sci.to_string(),
        encoding_an: channel.encoding.map(|an| an.get()),
        associations: associations.collect(),
        counters: counters(channel.counters.named()),
    }
}

fn rx_channel(channel: &RxChannelReport) -> MacsecChannelStatus {
    let associations = channel.associations.iter().zip(0..);
    let associations = associations.filter_map(|(association, an)| {
        let association = association.as_ref()?;
        Some(MacsecSaStatus {
            an,
            next_pn: Some(association.next_pn.get()),
            lowest_pn: Some(association.lowest_pn.get()),
            limit_share: association.usage.share,
        })
    });
    MacsecChannelStatus {
        sci: channel.sci.to_string(),
        encoding_an: None,
        associations: associations.collect(),
        counters: counters(channel.counters.named()),
    }
}
