//! The configuration: a TOML file in, checked values out, or every problem with its line.
//!
//! Nothing of the file reaches the rest of the program unchecked: [`Config`] can only be made by
//! [`Config::load`], and each of its fields is of a type that holds valid values only. The names of
//! the keys are fixed and described in `docs/configuration.md`.

mod debug;
mod document;
mod loops;
mod macsec;
mod node;
mod peer;
mod problem;
mod reach;
mod secrets;
mod speed;
mod unique;
mod values;
mod vpc;

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use linkveil_crypto::{Psk, PublicKey, StaticSecret, Suite};
use linkveil_net::ImpairConfig;
use linkveil_net::Offloads;
use linkveil_noise::PqPolicy;
use linkveil_tunnel::{Keepalive, Roaming};
use linkveil_wire::{LaneCount, MAX_LANES, Vni};

use document::{Section, Source};
pub(crate) use macsec::MAX_PORTS as MAX_MACSEC_PORTS;
pub use macsec::{
    KeyTerms, Listening, MacsecKeys, MacsecPort, NoiseKeys, PnReuse, RxKey, StaticKey, StaticKeys,
    TxKey,
};
pub(crate) use node::{MAX_LISTEN_ADDRESSES, RUNTIME_FOLDER};
use problem::Problems;
pub use problem::{ConfigError, Problem};
pub(crate) use values::DEVICE_MTU_MIN;

/// The tables that a file may have.
const TABLES: &[&str] = &["node", "crypto", "vpc", "peer", "macsec", "debug"];

/// A configuration without a fault in it.
#[derive(Debug)]
pub struct Config {
    /// This gateway.
    pub node: Node,
    /// How its links are keyed.
    pub crypto: Crypto,
    /// The VPCs that it connects, each with a device of its own.
    pub vpcs: Vec<Vpc>,
    /// The gateways that it talks to.
    pub peers: Vec<Peer>,
    /// The Ethernet ports that it protects.
    pub macsec: Vec<MacsecPort>,
    /// The `[debug.impair]` table: what is done on purpose to what arrives from the underlay.
    pub impair: Option<ImpairConfig>,
}

/// The `[node]` table.
pub struct Node {
    /// Name for people, and the default name of the control socket.
    pub name: String,
    /// The key that peers know this node by.
    pub private_key: StaticSecret,
    /// UDP addresses, all different; none only where there are nothing but MACsec ports.
    pub listen: Vec<SocketAddr>,
    /// Threads that carry packets.
    pub lanes: LaneCount,
    /// Where `status` and `rekey` reach this gateway.
    pub control_socket: PathBuf,
    /// What devices are asked to do of themselves.
    pub offload: Offloads,
    /// How long an idle lane looks for work before it sleeps.
    pub busy_poll: Duration,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.name)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// The `[crypto]` table.
#[derive(Debug, Clone, Copy)]
pub struct Crypto {
    /// The AEAD, equal on both sides.
    pub suite: Suite,
    /// Age at which an epoch is replaced: one minute to one day.
    pub rekey_after: Duration,
    /// Whether the ML-KEM half of a handshake is needed.
    pub post_quantum: PqPolicy,
}

/// A `[[vpc]]` table.
#[derive(Debug, Clone)]
pub struct Vpc {
    /// Name, unique on this node.
    pub name: String,
    /// Network identifier that this node writes into packets, unique on this node.
    pub vni: Vni,
    /// Name of the TUN or TAP device.
    pub device: DeviceName,
    /// Where the device lives; `None`: where linkveil runs.
    pub netns: Option<NetnsName>,
    /// What it carries.
    pub kind: VpcKind,
    /// Addresses of this gateway inside the VPC.
    pub addresses: Vec<IpNet>,
    /// Size of the largest inner packet.
    pub mtu: VpcMtu,
}

/// What a VPC carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VpcKind {
    /// IP packets over a TUN device, forwarded by prefix.
    L3,
    /// Ethernet frames over a TAP device, forwarded by MAC address.
    L2,
}

/// Name of a network device: 1 to 15 bytes that Linux accepts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceName(String);

impl DeviceName {
    fn new(checked: &str) -> Self {
        Self(checked.to_owned())
    }

    /// The name as Linux knows it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A network namespace: a name under `/run/netns`, or an absolute path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NetnsName(String);

impl NetnsName {
    fn new(checked: &str) -> Self {
        Self(checked.to_owned())
    }

    /// The name or path as configured.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file that stands for the namespace.
    pub fn path(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.0)
    }
}

impl fmt::Display for NetnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the MTU of a VPC's device is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VpcMtu {
    /// From the path to the peers, at start.
    Auto,
    /// Fixed, in bytes.
    Bytes(u16),
}

/// A `[[peer]]` table.
pub struct Peer {
    /// Name for people, unique; the public key where none is given.
    pub name: String,
    /// The key that the peer proves to hold.
    pub public_key: PublicKey,
    /// Where the peer listens; `None`: it must speak first.
    pub endpoint: Option<SocketAddr>,
    /// Whether the endpoint follows the peer.
    pub roaming: Roaming,
    /// Whether something is sent when nothing else is.
    pub keepalive: Keepalive,
    /// The pre-shared key, all zeros where no part is given.
    pub psk: Psk,
    /// The VPCs that are reached through this peer.
    pub vpcs: Vec<PeerVpc>,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("name", &self.name)
            .field("vpcs", &self.vpcs)
            .finish_non_exhaustive()
    }
}

/// A `[[peer.vpc]]` table.
#[derive(Debug, Clone)]
pub struct PeerVpc {
    /// Which of this node's VPCs, as an index into [`Config::vpcs`].
    pub vpc: usize,
    /// Network identifier that the peer writes into packets of this VPC.
    pub wire_vni: Vni,
    /// Routed to this peer, and the only sources admitted from it. Empty for an Ethernet VPC.
    pub prefixes: Vec<IpNet>,
}

/// What the checks need to know about the machine.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// Lanes to use when the file does not say: one for each core that we may run on.
    pub default_lanes: LaneCount,
    /// Whether a gateway may impair itself.
    pub debug_impair: DebugImpair,
}

/// Whether `[debug.impair]` may stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugImpair {
    /// In a debug build, and wherever somebody has asked for it.
    Allowed,
    /// In a release build: nobody should lose packets because of a line that a test left behind.
    Refused,
}

impl DebugImpair {
    /// What this build says if nobody asks.
    pub const OF_THIS_BUILD: Self = if cfg!(debug_assertions) {
        Self::Allowed
    } else {
        Self::Refused
    };
}

impl Surroundings {
    /// Asks this machine.
    pub fn of_this_process() -> Self {
        let cores = linkveil_net::affinity::allowed_cores().map_or(1, |cores| cores.len());
        let lanes = u8::try_from(cores).unwrap_or(MAX_LANES).min(MAX_LANES);
        Self {
            default_lanes: LaneCount::new(lanes).unwrap_or(LaneCount::ONE),
            debug_impair: DebugImpair::OF_THIS_BUILD,
        }
    }
}

impl Config {
    /// Reads and checks a file; key files are read too.
    ///
    /// # Errors
    ///
    /// Every problem of the file at once.
    pub fn load(file: &Path, surroundings: Surroundings) -> Result<Self, ConfigError> {
        let refused = |problems| ConfigError {
            file: file.to_owned(),
            problems,
        };
        let text = fs::read_to_string(file).map_err(|error| refused(vec![unreadable(&error)]))?;
        let origin = Origin::of(file);
        let mut problems = Problems::default();
        match check(&text, &origin, surroundings, &mut problems) {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(refused(problems.into_sorted())),
        }
    }

    /// Finds where the gateway of this file listens for `status` and `rekey`, without the key files.
    ///
    /// # Errors
    ///
    /// The problems that keep the path from being known.
    pub fn control_socket_of(file: &Path) -> Result<PathBuf, ConfigError> {
        let refused = |problems| ConfigError {
            file: file.to_owned(),
            problems,
        };
        let text = fs::read_to_string(file).map_err(|error| refused(vec![unreadable(&error)]))?;
        let origin = Origin::of(file);
        let mut problems = Problems::default();
        let source = Source::new(&text);
        let table = source.parse(&mut problems);
        let root = table.as_ref().map(|table| Section::root(source, table));
        let path = root.and_then(|root| node::control_socket_only(&root, &origin, &mut problems));
        path.ok_or_else(|| refused(problems.into_sorted()))
    }
}

/// Where the file stands: relative paths start there, and its name is the default node name.
struct Origin {
    folder: PathBuf,
    stem: String,
    exposure: Exposure,
}

/// Whether the file may hold keys itself.
#[derive(Clone, Copy)]
enum Exposure {
    /// Only its owner reads it.
    OwnerOnly,
    /// Others may, by this mode.
    Others(u32),
}

impl Exposure {
    /// A file that cannot be looked at has been refused already.
    fn of(file: &Path) -> Self {
        let mode = fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode() & 0o7777);
        match mode & secrets::OTHERS_MASK {
            0 => Self::OwnerOnly,
            _ => Self::Others(mode),
        }
    }
}

impl Origin {
    fn of(file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let plain = |c: char| if values::is_name_character(c) { c } else { '-' };
        Self {
            folder,
            stem: stem.chars().map(plain).collect(),
            exposure: Exposure::of(file),
        }
    }
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem {
        line: None,
        key: "the file".to_owned(),
        value: None,
        what: format!("cannot be read: {error}"),
        fix: "name a file that you may read, for example /etc/linkveil/gw-a.toml".to_owned(),
    }
}

/// Checks each table on its own, then what concerns several of them.
fn check(
    text: &str,
    origin: &Origin,
    surroundings: Surroundings,
    problems: &mut Problems,
) -> Option<Config> {
    let source = Source::new(text);
    let table = source.parse(problems)?;
    let root = Section::root(source, &table);
    root.allow_only(TABLES, problems);
    let node = node::check(&root, origin, surroundings, problems);
    let crypto = node::check_crypto(&root, problems);
    let vpcs = vpc::check(&root, problems);
    let peers = peer::check(
        &root,
        &peer::Context {
            node: &node,
            vpcs: &vpcs,
            folder: &origin.folder,
        },
        problems,
    );
    loops::check(&vpcs, &peers, problems);
    let ports = macsec_ports(
        &root,
        (&node, crypto.as_ref()),
        (&vpcs, &peers),
        origin,
        problems,
    );
    let impair = debug::check_impair(&root, surroundings.debug_impair, problems);
    Some(Config {
        node: node.finish()?,
        crypto: crypto?,
        vpcs: vpcs
            .into_iter()
            .map(vpc::Draft::finish)
            .collect::<Option<_>>()?,
        peers: peers
            .into_iter()
            .map(peer::Draft::finish)
            .collect::<Option<_>>()?,
        macsec: ports
            .into_iter()
            .map(macsec::Draft::finish)
            .collect::<Option<_>>()?,
        impair,
    })
}

/// The `[[macsec]]` tables, and whether the node can do without an address.
fn macsec_ports<'d>(
    root: &Section<'d>,
    (node, crypto): (&node::Draft, Option<&Crypto>),
    (vpcs, peers): (&[vpc::Draft<'d>], &[peer::Draft<'d>]),
    origin: &Origin,
    problems: &mut Problems,
) -> Vec<macsec::Draft> {
    let keys = macsec::KeyContext {
        folder: &origin.folder,
        exposure: origin.exposure,
        control_socket: node.control_socket.as_deref(),
        own_key: node.private_key().map(StaticSecret::public),
        rekey_after: crypto.map(|crypto| crypto.rekey_after),
    };
    let context = macsec::Context { vpcs, peers, keys };
    let ports = macsec::check(root, &context, problems);
    macsec::refuse_missing_listen(root, node, &ports, problems);
    ports
}

#[cfg(test)]
pub(crate) mod tests;
