//! Makes a protected port: from its configuration to lanes that are ready to run.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::Arc;

use linkveil_crypto::{AwsLcMlKem768, Suite, SystemRandom};
use linkveil_dataplane::macsec::{
    self, InstallRx, InstallTx, MacsecBuildError, MacsecCommand, MacsecConfig, MacsecPool,
    MacsecQueues,
};
use linkveil_macsec::{NonceSpace, PortMtu, RxSak};
use linkveil_net::LinuxTun;
use linkveil_net::traits::PortQueue;
use linkveil_sa::{EpochId, Limits};
use linkveil_tunnel::{Core, CoreConfig, PORT_PEER, PortConfig, PortPeer};
use linkveil_wire::{An, HandshakeFlags, InnerMtu, PortId, PortTerms};
use mio::unix::SourceFd;
use mio::{Interest, Token};

use super::control::Control;
use super::link::{KeySource, Link, LinkError, Threads};
use super::{Portrait, Shared, fixed};
use crate::config::{MacsecKeys, MacsecPort, NoiseKeys};
use crate::gateway::lanes::LaneMain;
use crate::gateway::{impaired, now};
use crate::netlink::port::ProtectedLink;
use crate::setup::macsec::PortFoundation;

impl Link {
    /// A port, and its interface, which is to be kept when all ports are there.
    pub(super) fn build(
        port: MacsecPort,
        shared: Shared<'_>,
        (number, state_folder): (usize, &Path),
        taken: &mut Vec<NonceSpace>,
    ) -> Result<(Self, ProtectedLink), LinkError> {
        let token = shared.token(number);
        let foundation = crate::setup::macsec::build(&port, shared.node)?;
        let portrait = Portrait::new(&port, &foundation);
        let mut config = MacsecConfig {
            peer: PORT_PEER,
            suite: port.suite,
            address: foundation.address,
            first_port: PortId::new(1),
            form: port.form,
            protection: port.protection,
            mtu: PortMtu::new(foundation.port_mtu_bytes),
            policy: port.policy,
        };
        if let MacsecKeys::Static(keys) = &port.keys {
            config.first_port = keys.tx.port_id;
        }
        let (keys, commands) = match port.keys {
            MacsecKeys::Noise(keys) => {
                by_handshake(keys, (port.name, &config), &foundation, shared)?
            }
            MacsecKeys::Static(keys) => {
                let channel = (port.suite, foundation.address);
                let fixed = fixed::prepare(keys, channel, state_folder, taken)?;
                let installs = installs(fixed.tx, fixed.rx);
                (KeySource::Fixed(fixed.numbers), installs)
            }
        };
        let PortFoundation {
            ports,
            taps,
            control,
            link,
            ..
        } = foundation;
        let impairment = shared
            .impair
            .map(|impair| impaired::port_control(impair, number));
        watch(shared, Token(token.0 + 1), &control)?;
        let (mut pool, lanes) = match shared.impair {
            None => lanes(&config, taps, ports)?,
            Some(impair) => lanes(&config, taps, impaired::ports(ports, impair, number))?,
        };
        commands
            .into_iter()
            .for_each(|command| pool.command(command));
        // Before the lanes run, so that written-down keys are there before the first frame.
        let backlog = pool.flush();
        watch(shared, token, pool.waker())?;
        let port = Self {
            portrait,
            pool,
            threads: Threads::Waiting(lanes),
            keys,
            control: Control::new(control, impairment),
            report: None,
            backlog,
            fault: None,
        };
        Ok((port, link))
    }
}

/// The orders that install written-down keys. Each association number gets an epoch of its own.
fn installs((an, key): (An, linkveil_macsec::TxSak), rx: Vec<(An, RxSak)>) -> Vec<MacsecCommand> {
    let epoch = |an: An| EpochId::new(u64::from(an.get()) + 1);
    let mut by_an: [Vec<RxSak>; An::COUNT] = Default::default();
    for (an, key) in rx {
        by_an[an.index()].push(key);
    }
    let rx = An::ALL
        .into_iter()
        .zip(by_an)
        .filter(|(_, keys)| !keys.is_empty());
    let rx = rx.map(|(an, keys)| {
        let epoch = epoch(an);
        MacsecCommand::InstallRx(InstallRx { epoch, an, keys })
    });
    let tx = MacsecCommand::InstallTx(InstallTx {
        epoch: epoch(an),
        an,
        keys: vec![key],
    });
    rx.chain([tx]).collect()
}

/// The lanes of a port, whatever their sockets are: the type ends here.
fn lanes<P: PortQueue + AsFd + Send + 'static>(
    config: &MacsecConfig,
    taps: Vec<LinuxTun>,
    ports: Vec<P>,
) -> Result<(MacsecPool, Vec<LaneMain>), MacsecBuildError> {
    let queues = taps.into_iter().zip(ports);
    let queues = queues.map(|(tap, port)| MacsecQueues { tap, port });
    let (pool, lanes) = macsec::build(config, queues.collect())?;
    let mains = lanes
        .into_iter()
        .map(|lane| -> LaneMain { Box::new(move |thread| lane.run(thread)) });
    Ok((pool, mains.collect()))
}

fn watch(shared: Shared<'_>, token: Token, what: &impl AsRawFd) -> io::Result<()> {
    let fd = what.as_raw_fd();
    let mut source = SourceFd(&fd);
    shared
        .registry
        .register(&mut source, token, Interest::READABLE)
}

/// Keys that a core of the port's own makes.
fn by_handshake(
    keys: NoiseKeys,
    (name, port): (String, &MacsecConfig),
    foundation: &PortFoundation,
    shared: Shared<'_>,
) -> Result<(KeySource, Vec<MacsecCommand>), LinkError> {
    let mtu = InnerMtu::new(foundation.device_mtu_bytes).unwrap_or(InnerMtu::MIN);
    let config = CoreConfig {
        secret: shared.node.private_key.share(),
        // That of handshake messages; what protects frames is among the port's terms.
        suite: Suite::Aes256Gcm,
        kem: Arc::new(AwsLcMlKem768),
        lanes: foundation.lanes,
        flags: HandshakeFlags::NONE,
        rekey_after: keys.rekey_after,
        post_quantum: shared.crypto.post_quantum,
        limits: Limits::for_channels(),
    };
    let port = PortConfig {
        station: port.address,
        terms: PortTerms {
            suite: port.suite,
            protection: port.protection,
        },
        mtu: port.mtu,
    };
    let peer = PortPeer {
        name,
        public_key: keys.peer_public_key,
        psk: keys.psk,
        mtu,
    };
    let random = Box::new(SystemRandom);
    let core = Core::for_port(config, port, peer, random, now())?;
    Ok((KeySource::Handshake(Box::new(core)), Vec::new()))
}
