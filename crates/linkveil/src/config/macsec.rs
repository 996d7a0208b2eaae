//! The `[[macsec]]` tables: ports that are protected by IEEE 802.1AE.

mod keys;

use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use linkveil_crypto::{AesKey, Psk, PublicKey};
use linkveil_macsec::{CipherSuite, Protection, ReplayProtect, RxPolicy, Salt, TxForm, WindowSize};
use linkveil_wire::sectag::PnWidth;
use linkveil_wire::{An, PacketNumber, PortId, Sci, Ssci};

use super::document::{Entry, Section};
use super::problem::Problems;
use super::unique::Unique;
use super::vpc::labeled_by_name;
use super::{DeviceName, NetnsName, node, peer, values, vpc};
pub(super) use keys::Context as KeyContext;
pub use keys::{KeyTerms, MacsecKeys, NoiseKeys, PnReuse, RxKey, StaticKey, StaticKeys, TxKey};

const KEYS: &[&str] = &[
    "name",
    "port",
    "device",
    "netns",
    "suite",
    "protect",
    "sci",
    "replay_window",
    "validate",
    "promiscuous",
    "addresses",
    "keys",
];

/// Each has lanes of its own; a machine with more ports than this has more than one gateway.
pub(crate) const MAX_PORTS: usize = 16;

const DEFAULT_WINDOW: i64 = 1024;

/// A `[[macsec]]` table: a port and the device through which its protected traffic goes.
#[derive(Debug)]
pub struct MacsecPort {
    /// Name, unique on this node among ports and peers.
    pub name: String,
    /// The Ethernet device that is protected, in the namespace where linkveil runs.
    pub port: DeviceName,
    /// Name of the TAP device.
    pub device: DeviceName,
    /// Where the TAP device lives; `None`: where linkveil runs.
    pub netns: Option<NetnsName>,
    /// The suite of all keys.
    pub suite: CipherSuite,
    /// What is done with user data.
    pub protection: Protection,
    /// How frames name their channel.
    pub form: TxForm,
    /// How received frames are judged.
    pub policy: RxPolicy,
    /// Which frames the port takes.
    pub listening: Listening,
    /// Addresses of this node on the TAP device.
    pub addresses: Vec<IpNet>,
    /// Where its keys come from.
    pub keys: MacsecKeys,
}

/// Which frames a port takes from the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listening {
    /// Those to its own address and to groups.
    Own,
    /// All: the TAP device is in a bridge, with stations behind it.
    Promiscuous,
}

/// What is known of a port so far; `None` where the file is wrong.
pub(super) struct Draft {
    name: Option<String>,
    port: Option<DeviceName>,
    device: Option<DeviceName>,
    netns: Option<Option<NetnsName>>,
    suite: Option<CipherSuite>,
    protection: Option<Protection>,
    form: Option<TxForm>,
    policy: Option<RxPolicy>,
    listening: Option<Listening>,
    addresses: Option<Vec<IpNet>>,
    keys: Option<MacsecKeys>,
}

impl Draft {
    pub(super) fn finish(self) -> Option<MacsecPort> {
        Some(MacsecPort {
            name: self.name?,
            port: self.port?,
            device: self.device?,
            netns: self.netns?,
            suite: self.suite?,
            protection: self.protection?,
            form: self.form?,
            policy: self.policy?,
            listening: self.listening?,
            addresses: self.addresses?,
            keys: self.keys?,
        })
    }
}

/// What the checks of a port look up elsewhere.
pub(super) struct Context<'c, 'd> {
    pub(super) vpcs: &'c [vpc::Draft<'d>],
    pub(super) peers: &'c [peer::Draft<'d>],
    pub(super) keys: KeyContext<'c>,
}

/// Values that no two ports of a node may share.
struct Taken {
    names: Unique<String>,
    ports: Unique<DeviceName>,
    devices: Unique<(Option<NetnsName>, DeviceName)>,
}

pub(super) fn check<'d>(
    root: &Section<'d>,
    context: &Context<'_, 'd>,
    problems: &mut Problems,
) -> Vec<Draft> {
    let Some(list) = root.get("macsec") else {
        return Vec::new();
    };
    let sections = list.sections("[[macsec]]", problems);
    if sections.len() > MAX_PORTS {
        let fix = "move some to another gateway";
        list.refuse("a node has at most 16 MACsec ports", fix, problems);
    }
    let mut taken = Taken {
        names: Unique::new(),
        ports: Unique::new(),
        devices: Unique::new(),
    };
    sections
        .into_iter()
        .map(|section| check_one(section, context, &mut taken, problems))
        .collect()
}

fn check_one(
    section: Section<'_>,
    context: &Context<'_, '_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Draft {
    let section = labeled_by_name(section, "[[macsec]]");
    section.allow_only(KEYS, problems);
    let netns = match section.get("netns") {
        Some(entry) => values::netns(&entry, problems).map(Some),
        None => Some(None),
    };
    let name = name(&section, context, taken, problems);
    let suite = suite(&section, problems);
    let port = keys::Port {
        name: name.as_deref(),
        suite,
    };
    Draft {
        keys: keys::check(&section, &port, &context.keys, problems),
        name,
        port: self::port(&section, taken, problems),
        device: device(&section, netns.as_ref(), (context, taken), problems),
        netns,
        suite,
        protection: protection(&section, problems),
        form: form(&section, problems),
        policy: policy(&section, problems),
        listening: listening(&section, problems),
        addresses: addresses(&section, problems),
    }
}

fn name(
    section: &Section<'_>,
    context: &Context<'_, '_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<String> {
    let Some(entry) = section.get("name") else {
        section.missing("name", "give the port a name: name = \"trunk\"", problems);
        return None;
    };
    let name = values::name(&entry, problems)?;
    let fix = "give each port its own name: `linkveil rekey` finds ports and peers by it";
    if context.peers.iter().any(|peer| peer.is_named(&name)) {
        entry.refuse("a [[peer]] has the same name", fix, problems);
    }
    taken.names.claim(name.clone(), &entry, fix, problems);
    Some(name)
}

fn port(section: &Section<'_>, taken: &mut Taken, problems: &mut Problems) -> Option<DeviceName> {
    let Some(entry) = section.get("port") else {
        let fix = "name the Ethernet device to protect: port = \"eth1\"";
        section.missing("port", fix, problems);
        return None;
    };
    let port = values::device(&entry, problems)?;
    let fix = "protect a device once";
    taken.ports.claim(port.clone(), &entry, fix, problems);
    Some(port)
}

fn device(
    section: &Section<'_>,
    netns: Option<&Option<NetnsName>>,
    (context, taken): (&Context<'_, '_>, &mut Taken),
    problems: &mut Problems,
) -> Option<DeviceName> {
    let Some(entry) = section.get("device") else {
        let fix = "name the device to make: device = \"lv-trunk\"";
        section.missing("device", fix, problems);
        return None;
    };
    let device = values::device(&entry, problems)?;
    if let Some(netns) = netns {
        let fix = "give each device of a namespace its own name";
        let vpc = |vpc: &vpc::Draft<'_>| vpc.has_device(netns.as_ref(), &device);
        if context.vpcs.iter().any(vpc) {
            entry.refuse("a [[vpc]] has the same device", fix, problems);
        }
        let key = (netns.clone(), device.clone());
        taken.devices.claim(key, &entry, fix, problems);
    }
    Some(device)
}

fn suite(section: &Section<'_>, problems: &mut Problems) -> Option<CipherSuite> {
    let Some(entry) = section.get("suite") else {
        return Some(CipherSuite::GcmAesXpn256);
    };
    let suite = entry.text("\"gcm-aes-xpn-256\"", problems)?.parse();
    if suite.is_err() {
        let names = CipherSuite::ALL.map(|suite| format!("{:?}", suite.name()));
        let fix = format!("write one of {}", names.join(", "));
        entry.refuse("there is no such suite", fix, problems);
    }
    suite.ok()
}

/// The meaning of one of a few words.
fn choice<T: Copy>(
    section: &Section<'_>,
    key: &str,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let (first, default) = words.first()?;
    let Some(entry) = section.get(key) else {
        return Some(*default);
    };
    let text = entry.text(&format!("\"{first}\""), problems)?;
    let found = words.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let fix = format!("write {}", known.join(" or "));
        entry.refuse("there is no such choice", fix, problems);
    }
    found.map(|(_, meaning)| *meaning)
}

fn protection(section: &Section<'_>, problems: &mut Problems) -> Option<Protection> {
    let words = [
        ("confidentiality", Protection::Confidentiality),
        ("integrity", Protection::Integrity),
    ];
    choice(section, "protect", &words, problems)
}

fn form(section: &Section<'_>, problems: &mut Problems) -> Option<TxForm> {
    let words = [
        ("explicit", TxForm::Explicit),
        ("implied", TxForm::PointToPoint),
    ];
    choice(section, "sci", &words, problems)
}

fn policy(section: &Section<'_>, problems: &mut Problems) -> Option<RxPolicy> {
    use linkveil_macsec::Validate::{Check, Disabled, Strict};
    let words = [Strict, Check, Disabled].map(|validate| (validate.name(), validate));
    let validate = choice(section, "validate", &words, problems);
    Some(RxPolicy {
        window: window(section, problems)?,
        validate: validate?,
        replay_protect: ReplayProtect::On,
    })
}

fn window(section: &Section<'_>, problems: &mut Problems) -> Option<WindowSize> {
    let entry = section.get("replay_window");
    let number = entry.as_ref().map_or(Some(DEFAULT_WINDOW), |entry| {
        entry.integer(&DEFAULT_WINDOW.to_string(), problems)
    })?;
    let window = u32::try_from(number).ok().and_then(WindowSize::new);
    if let (None, Some(entry)) = (window, entry) {
        let fix = format!(
            "write a number from 0, which asks for strict order, to {}",
            WindowSize::MAX.get()
        );
        entry.refuse("the window has no such size", fix, problems);
    }
    window
}

fn listening(section: &Section<'_>, problems: &mut Problems) -> Option<Listening> {
    let Some(entry) = section.get("promiscuous") else {
        return Some(Listening::Own);
    };
    Some(match entry.boolean("true", problems)? {
        true => Listening::Promiscuous,
        false => Listening::Own,
    })
}

fn addresses(section: &Section<'_>, problems: &mut Problems) -> Option<Vec<IpNet>> {
    let Some(list) = section.get("addresses") else {
        return Some(Vec::new());
    };
    let entries = list.list("[\"10.3.0.1/24\"]", problems)?;
    let address = |entry: &Entry<'_>| values::inner_address(entry, problems);
    Some(entries.iter().filter_map(address).collect())
}

/// Without a UDP address there can be nothing but MACsec ports.
pub(super) fn refuse_missing_listen(
    root: &Section<'_>,
    node: &node::Draft,
    ports: &[Draft],
    problems: &mut Problems,
) {
    let tunnels = root.get("vpc").or_else(|| root.get("peer"));
    let silent = node.listen.as_ref().is_some_and(Vec::is_empty);
    if silent && (tunnels.is_some() || ports.is_empty()) {
        node.refuse_missing_listen(problems);
    }
}
