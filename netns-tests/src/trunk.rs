//! Two hosts with one Ethernet cable between them that is protected by MACsec.
//!
//! ```text
//!   inside-a               host-a                       host-b               inside-b
//!  +-----------+      +---------------+           +---------------+      +-----------+
//!  | 10.3.0.1 lv-trunk == linkveil  port0 ------- port0  linkveil == lv-trunk 10.3.0.2 |
//!  +-----------+      +---------------+   veth    +---------------+      +-----------+
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use linkveil_crypto::StaticSecret;
use tempfile::TempDir;

use crate::gateway::Gateway;
use crate::keys;
use crate::link::Side;
use crate::netns::{Namespace, connect};
use crate::plan::default_offload;
use crate::status::{EpochStatus, MacsecStatus, Status};
use crate::timing::wait_for;
use crate::traffic::FlowPlan;

/// The protected device, on both hosts.
pub const PORT_DEVICE: &str = "port0";
/// The TAP device in both namespaces inside.
pub const TAP_DEVICE: &str = "lv-trunk";
/// EtherType of protected frames.
pub const MACSEC: u16 = 0x88e5;
/// EtherType of handshake frames.
pub const HANDSHAKE: u16 = 0x88b5;

/// One end of the cable.
#[derive(Debug)]
pub struct End {
    // First, so that it ends before its files and namespaces go.
    gateway: Option<Gateway>,
    /// Which one.
    pub side: Side,
    /// `[node] lanes`.
    pub lanes: u8,
    /// Further lines of the `[[macsec]]` table.
    pub options: String,
    /// Lines of the `[macsec.keys]` table.
    pub keys: String,
    /// The `[debug.impair]` table, if any.
    pub impair: Option<String>,
    /// The node's private key.
    pub secret: StaticSecret,
    /// Where the gateway and its port are.
    pub host: Namespace,
    /// Where the TAP device is.
    pub inside: Namespace,
    folder: TempDir,
}

impl End {
    fn new(side: Side) -> Self {
        let role = |part: &str| side.gateway().replace("gw", part);
        Self {
            gateway: None,
            side,
            lanes: 2,
            options: String::new(),
            keys: String::new(),
            impair: None,
            secret: keys::generate(),
            host: Namespace::new(&role("host")),
            inside: Namespace::new(&role("inside")),
            folder: TempDir::new().unwrap(),
        }
    }

    /// Address on the TAP device.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        address(self.side)
    }

    /// The folder with the gateway's files; packet number files are there, too.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> String {
        let offload = default_offload();
        let offload = offload.map_or_else(String::new, |value| format!("offload = {value:?}\n"));
        let impair = self.impair.as_ref();
        let impair = impair.map_or_else(String::new, |lines| format!("\n[debug.impair]\n{lines}"));
        format!(
            "[node]\nname = {name:?}\nprivate_key_file = \"node.key\"\nlanes = {lanes}\n\
             {offload}control_socket = {socket:?}\n\n\
             [[macsec]]\nname = \"trunk\"\nport = \"{PORT_DEVICE}\"\ndevice = \"{TAP_DEVICE}\"\n\
             netns = {netns:?}\naddresses = [\"{address}/24\"]\n{options}\n\n\
             [macsec.keys]\n{keys}\n{impair}\n",
            name = self.side.gateway(),
            lanes = self.lanes,
            socket = Gateway::control_socket_in(self.folder()).to_string_lossy(),
            netns = self.inside.name(),
            address = self.address(),
            options = self.options,
            keys = self.keys,
        )
    }

    /// Starts the gateway and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If it does not start; its log is printed.
    pub fn start(&mut self) {
        keys::write_secret(&self.folder().join("node.key"), &self.secret);
        let (name, config) = (self.side.gateway(), self.config());
        self.gateway = Some(Gateway::start(name, &self.host, self.folder(), &config));
    }

    /// The running gateway.
    ///
    /// # Panics
    ///
    /// If it was not started.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// The running gateway, to be ended.
    ///
    /// # Panics
    ///
    /// If it was not started.
    #[must_use]
    pub fn take_gateway(&mut self) -> Gateway {
        self.gateway.take().unwrap()
    }

    /// The port's part of the status.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn port(&self) -> MacsecStatus {
        let Status { macsec, .. } = self.gateway().status();
        macsec.into_iter().next().unwrap()
    }
}

/// Address on the TAP device of a side.
#[must_use]
pub const fn address(side: Side) -> IpAddr {
    let last = match side {
        Side::A => 1,
        Side::B => 2,
    };
    IpAddr::V4(Ipv4Addr::new(10, 3, 0, last))
}

/// MAC address of a side's port, in the order of the wire.
#[must_use]
pub const fn mac(side: Side) -> [u8; 6] {
    match side {
        Side::A => [2, 0, 0, 0, 1, 0x0a],
        Side::B => [2, 0, 0, 0, 1, 0x0b],
    }
}

/// The same with colons.
#[must_use]
pub fn mac_text(side: Side) -> String {
    mac(side).map(|octet| format!("{octet:02x}")).join(":")
}

/// Name of a side's channel in hex.
#[must_use]
pub fn sci(side: Side, port_id: u16) -> String {
    format!("{}{port_id:04x}", hex::encode(mac(side)))
}

/// Both ends.
#[derive(Debug)]
pub struct Trunk {
    /// The left one.
    pub a: End,
    /// The right one.
    pub b: End,
}

impl Trunk {
    /// Two gateways that know each other's keys, with nothing started.
    ///
    /// # Panics
    ///
    /// Without the rights to make namespaces.
    #[must_use]
    pub fn noise() -> Self {
        let mut trunk = Self::plan();
        trunk.a.keys = noise_keys(&trunk.b);
        trunk.b.keys = noise_keys(&trunk.a);
        trunk
    }

    /// Two gateways with keys that are written down, with nothing started.
    ///
    /// # Panics
    ///
    /// Without the rights to make namespaces.
    #[must_use]
    pub fn fixed(suite: &str) -> Self {
        let mut trunk = Self::plan();
        for end in [&mut trunk.a, &mut trunk.b] {
            end.options = format!("suite = {suite:?}");
            end.keys = static_keys(suite, end.side, 0);
        }
        trunk
    }

    fn plan() -> Self {
        let (a, b) = (End::new(Side::A), End::new(Side::B));
        connect(&a.host, &b.host, PORT_DEVICE);
        for end in [&a, &b] {
            let mac = mac_text(end.side);
            end.host
                .ip(&format!("link set {PORT_DEVICE} address {mac}"));
        }
        Self { a, b }
    }

    /// Both ends.
    pub fn ends(&self) -> [&End; 2] {
        [&self.a, &self.b]
    }

    /// Both ends, to be changed.
    pub fn ends_mut(&mut self) -> [&mut End; 2] {
        [&mut self.a, &mut self.b]
    }

    /// Starts both and waits for keys.
    ///
    /// # Panics
    ///
    /// If one does not start, or they do not agree in time.
    pub fn start(&mut self) {
        self.a.start();
        self.b.start();
        if self.a.port().peer.is_some() {
            self.wait_for_epoch(|_| true);
        }
    }

    /// Waits until both sides have the same keys, and others than those of `before`.
    ///
    /// # Panics
    ///
    /// If that does not come in time.
    pub fn wait_for_epoch_after(&self, before: &EpochStatus) -> EpochStatus {
        self.wait_for_epoch(|epoch| epoch.fingerprint != before.fingerprint)
    }

    /// Waits until both sides have the same keys, and these are acceptable.
    ///
    /// # Panics
    ///
    /// If that does not come in time.
    pub fn wait_for_epoch(&self, accept: impl Fn(&EpochStatus) -> bool) -> EpochStatus {
        wait_for("the same epoch at both ends", || {
            let [a, b] = self.ends().map(|end| {
                let peer = end.port().peer?;
                (peer.state == "established").then_some(peer.epoch)?
            });
            let (a, b) = (a?, b?);
            (a.fingerprint == b.fingerprint && accept(&a)).then_some(a)
        })
    }

    /// One datagram a millisecond from `side`.
    #[must_use]
    pub fn flow(&self, side: Side) -> FlowPlan<'_> {
        let (from, to) = match side {
            Side::A => (&self.a, &self.b),
            Side::B => (&self.b, &self.a),
        };
        FlowPlan {
            from: &from.inside,
            source: from.address(),
            to: &to.inside,
            destination: SocketAddr::new(to.address(), 7000),
            payload_bytes: 500,
            interval: Duration::from_millis(1),
            tag: 0x5345_4359,
        }
    }

    /// Changes the MTU of both ports.
    pub fn set_mtu(&self, bytes: u16) {
        for end in self.ends() {
            end.host.ip(&format!("link set {PORT_DEVICE} mtu {bytes}"));
        }
    }
}

/// How a configuration names the other end.
fn noise_keys(peer: &End) -> String {
    let key = peer.secret.public();
    format!("mode = \"noise\"\npeer_public_key = \"{key}\"")
}

/// Written-down keys of one side, under association `an`.
#[must_use]
pub fn static_keys(suite: &str, side: Side, an: u8) -> String {
    let tx = terms(suite, side, an);
    let rx = terms(suite, side.other(), an);
    let sci = sci(side.other(), 1);
    format!(
        "mode = \"static\"\ntx = {{ port_id = 1, an = {an}, {tx} }}\n\
         rx = [{{ sci = \"{sci}\", an = {an}, {rx} }}]"
    )
}

/// The key with which a side seals under an association.
fn terms(suite: &str, side: Side, an: u8) -> String {
    let (bytes, number) = (if suite.ends_with("256") { 32 } else { 16 }, side as u8 + 1);
    let key = hex::encode(vec![16 * number + an; bytes]);
    if suite.contains("xpn") {
        let salt = hex::encode([0xa0 + number; 12]);
        format!("key = \"{key}\", ssci = \"{number:08x}\", salt = \"{salt}\"")
    } else {
        format!("key = \"{key}\"")
    }
}

/// The EtherType of a frame; 0 for what is none.
#[must_use]
pub fn ethertype(frame: &[u8]) -> u16 {
    frame
        .get(12..14)
        .map_or(0, |octets| u16::from_be_bytes([octets[0], octets[1]]))
}
