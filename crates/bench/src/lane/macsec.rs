//! Lanes of protected ports, one of each half, in memory.

use std::io;

use linkveil_crypto::{AesKey, Suite};
use linkveil_dataplane::Turn;
use linkveil_dataplane::macsec::{
    InstallRx, InstallTx, MacsecCommand, MacsecConfig, MacsecLane, MacsecPool, MacsecQueues, build,
};
use linkveil_macsec::{
    CipherSuite, PortMtu, Protection, ReplayProtect, RxPolicy, RxSak, SaTerms, Sak, Salt, TxForm,
    TxSak, Validate, WindowSize,
};
use linkveil_net::clock;
use linkveil_sa::{EpochId, PeerId};
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;
use linkveil_wire::{An, MacAddr, PortId, Sci, Ssci};

use super::queues::{Cable, Device, Tally, Tape};
use super::workers::{self, Egress, Ingress, Turning};
use super::{Devices, Load, Side};
use crate::packets;
use crate::timing::Worker;

/// What is carried, in octets of plain frames: small ones and full ones.
pub(super) const LOADS: [Load; 3] = [
    Load {
        bytes: 64,
        devices: Devices::Plain,
    },
    Load {
        bytes: 1_500,
        devices: Devices::Plain,
    },
    Load {
        bytes: 1_500,
        devices: Devices::Offloads,
    },
];
/// The suite of ports, and of the bare AEAD beside them.
pub(super) const SUITE: CipherSuite = CipherSuite::GcmAesXpn256;
pub(super) const BARE: Suite = Suite::Aes256Gcm;

const ADDRESS: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
const SCI: Sci = Sci::new(ADDRESS, PortId::END_STATION);
const EPOCH: EpochId = EpochId::new(1);
const AN: An = An::ALL[0];
/// As much as the longest frames need.
const MTU: PortMtu = PortMtu::new(1_600);

type PortLane = MacsecLane<Device, Cable>;

impl Turning for PortLane {
    fn turn_once(&mut self) -> io::Result<Turn> {
        self.turn(clock::now())
    }
}

/// One lane, and control's end of it, which must live as long.
pub(super) struct PortNode {
    pool: MacsecPool,
    lane: PortLane,
}

/// A worker, and what must live as long.
pub(super) type Subject = (Box<dyn Worker>, Vec<MacsecPool>);

fn config() -> MacsecConfig {
    MacsecConfig {
        peer: PeerId::new(0),
        suite: SUITE,
        address: ADDRESS,
        first_port: PortId::END_STATION,
        form: TxForm::Explicit,
        protection: Protection::Confidentiality,
        mtu: MTU,
        policy: RxPolicy {
            validate: Validate::Strict,
            replay_protect: ReplayProtect::On,
            window: WindowSize::MAX,
        },
    }
}

/// The key of a benchmark protects nothing.
fn sak() -> Result<Sak, String> {
    let key = AesKey::copy_from(&[7; 32]).ok_or("impossible key")?;
    let salt = Salt::new([5; Salt::LEN]);
    let sak = Sak::extended(SUITE, (SCI, Ssci::new(1)), key, &salt);
    sak.map_err(|error| error.to_string())
}

fn install(side: Side) -> Result<MacsecCommand, String> {
    let (epoch, an, terms) = (EPOCH, AN, SaTerms::of(SUITE));
    let wrong = |error: linkveil_macsec::TermsError| error.to_string();
    Ok(match side {
        Side::Egress => MacsecCommand::InstallTx(InstallTx {
            epoch,
            an,
            keys: vec![TxSak::new(sak()?, terms).map_err(wrong)?],
        }),
        Side::Ingress => MacsecCommand::InstallRx(InstallRx {
            epoch,
            an,
            keys: vec![RxSak::new(sak()?, terms).map_err(wrong)?],
        }),
    })
}

impl PortNode {
    fn new(side: Side, tap: Device, port: Cable) -> Result<Self, String> {
        let built = build(&config(), vec![MacsecQueues { tap, port }]);
        let (mut pool, mut lanes) = built.map_err(|error| error.to_string())?;
        let mut lane = lanes.pop().ok_or("no lane")?;
        pool.command(install(side)?);
        pool.flush();
        lane.turn_once().map_err(|error| error.to_string())?;
        while pool.poll_event().is_some() {}
        Ok(Self { pool, lane })
    }
}

fn sending(load: Load) -> Device {
    let packet = Load {
        bytes: load.bytes - ETHERNET_HEADER_LEN,
        ..load
    };
    Device::sending(packets::in_ethernet(&workers::handed(packet)))
}

/// One lane that carries this.
pub(super) fn subject(side: Side, load: Load) -> Result<Subject, String> {
    match side {
        Side::Egress => egress(load),
        Side::Ingress => ingress(load),
    }
}

fn egress(load: Load) -> Result<Subject, String> {
    let (device, sent) = (sending(load), Tally::default());
    let (given, copying) = (device.given(), device.copying());
    let node = PortNode::new(Side::Egress, device, Cable::Sink(sent.clone()))?;
    let lane = node.lane;
    let worker = Egress {
        lane,
        given,
        copying,
        sent,
    };
    Ok((Box::new(worker), vec![node.pool]))
}

fn ingress(load: Load) -> Result<Subject, String> {
    let tape = Tape::default();
    let recorder = Cable::Recorder(tape.clone());
    let sealing = PortNode::new(Side::Egress, sending(load), recorder)?;
    let device = workers::taking(load);
    let taken = device.taken();
    let opening = PortNode::new(Side::Ingress, device, Cable::Player(tape.clone()))?;
    let worker = Ingress {
        sealer: sealing.lane,
        opener: opening.lane,
        tape,
        taken,
    };
    Ok((Box::new(worker), vec![sealing.pool, opening.pool]))
}
