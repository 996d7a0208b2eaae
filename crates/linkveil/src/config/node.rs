//! The `[node]` and `[crypto]` tables.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use linkveil_crypto::{StaticSecret, Suite};
use linkveil_net::Offloads;
use linkveil_noise::PqPolicy;
use linkveil_wire::{LaneCount, MAX_LANES};

use super::document::{Entry, Section};
use super::problem::{Problem, Problems};
use super::{Crypto, Node, Origin, Surroundings, secrets, speed, values};

const NODE_KEYS: &[&str] = &[
    "name",
    "private_key_file",
    "listen",
    "lanes",
    "control_socket",
    "offload",
    "busy_poll",
];
const CRYPTO_KEYS: &[&str] = &["suite", "rekey_after", "post_quantum"];

/// Folder of the control sockets; `status` without an argument looks here.
pub(crate) const RUNTIME_FOLDER: &str = "/run/linkveil";

const DEFAULT_REKEY_AFTER: Duration = Duration::from_secs(2 * 60 * 60);

/// The address of a unix socket holds 108 bytes with its final zero (unix(7)).
const SOCKET_PATH_MAX_BYTES: usize = 107;

/// Each address costs one socket a lane; nobody has asked for more.
pub(crate) const MAX_LISTEN_ADDRESSES: usize = 16;

/// What is known of the node so far; `None` where the file is wrong.
pub(super) struct Draft {
    /// Where the table begins.
    line: usize,
    name: Option<String>,
    private_key: Option<StaticSecret>,
    /// Empty where the file has none.
    pub(super) listen: Option<Vec<SocketAddr>>,
    lanes: Option<LaneCount>,
    pub(super) control_socket: Option<PathBuf>,
    offload: Option<Offloads>,
    busy_poll: Option<Duration>,
}

impl Draft {
    pub(super) fn finish(self) -> Option<Node> {
        Some(Node {
            name: self.name?,
            private_key: self.private_key?,
            listen: self.listen?,
            lanes: self.lanes?,
            control_socket: self.control_socket?,
            offload: self.offload?,
            busy_poll: self.busy_poll?,
        })
    }

    /// Tunnels need an address to be reached at.
    pub(super) fn refuse_missing_listen(&self, problems: &mut Problems) {
        problems.add(Problem {
            line: Some(self.line),
            key: "[node] listen".to_owned(),
            value: None,
            what: "missing".to_owned(),
            fix: "write an address of this host and a port: listen = \"192.0.2.1:51840\""
                .to_owned(),
        });
    }

    pub(super) fn private_key(&self) -> Option<&StaticSecret> {
        self.private_key.as_ref()
    }
}

pub(super) fn check(
    root: &Section<'_>,
    origin: &Origin,
    surroundings: Surroundings,
    problems: &mut Problems,
) -> Draft {
    let section = node_section(root, problems);
    section.allow_only(NODE_KEYS, problems);
    let name = node_name(&section, origin, problems);
    let control_socket = name
        .as_ref()
        .and_then(|name| control_socket(&section, origin, name, problems));
    Draft {
        private_key: required(
            &section,
            "private_key_file",
            "name the file that `linkveil genkey` wrote",
            problems,
        )
        .and_then(|entry| secrets::private_key(&entry, &origin.folder, problems)),
        listen: section
            .get("listen")
            .map_or(Some(Vec::new()), |entry| listen(&entry, problems)),
        line: section.line(),
        lanes: section
            .get("lanes")
            .map_or(Some(surroundings.default_lanes), |entry| {
                lanes(&entry, problems)
            }),
        name,
        control_socket,
        offload: speed::offload(&section, problems),
        busy_poll: speed::busy_poll(&section, problems),
    }
}

/// Only the path of the control socket, for commands that talk to a running gateway.
pub(super) fn control_socket_only(
    root: &Section<'_>,
    origin: &Origin,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let section = node_section(root, problems);
    let name = node_name(&section, origin, problems)?;
    control_socket(&section, origin, &name, problems)
}

fn node_section<'d>(root: &Section<'d>, problems: &mut Problems) -> Section<'d> {
    let section = root
        .get("node")
        .and_then(|entry| entry.section("[node]", problems));
    // An empty table in its place makes the missing keys speak for themselves.
    section.unwrap_or_else(|| root.absent("[node]"))
}

/// The configured name, or the file's name without its ending.
fn node_name(section: &Section<'_>, origin: &Origin, problems: &mut Problems) -> Option<String> {
    match section.get("name") {
        Some(entry) => values::name(&entry, problems),
        None => Some(origin.stem.clone()),
    }
}

fn control_socket(
    section: &Section<'_>,
    origin: &Origin,
    name: &str,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let Some(entry) = section.get("control_socket") else {
        return Some(PathBuf::from(format!("{RUNTIME_FOLDER}/{name}.sock")));
    };
    let text = entry.text("\"/run/linkveil/gw-a.sock\"", problems)?;
    let path = origin.folder.join(text);
    if text.is_empty() || path.file_name().is_none() {
        entry.refuse(
            "not the path of a file",
            "write a path such as \"/run/linkveil/gw-a.sock\"",
            problems,
        );
        return None;
    }
    if path.as_os_str().len() > SOCKET_PATH_MAX_BYTES {
        entry.refuse(
            "the path of a unix socket has at most 107 bytes",
            "choose a shorter path",
            problems,
        );
        return None;
    }
    Some(path)
}

fn listen(entry: &Entry<'_>, problems: &mut Problems) -> Option<Vec<SocketAddr>> {
    let entries = entry.list_or_one("[\"192.0.2.1:51840\"]", problems)?;
    if entries.is_empty() || entries.len() > MAX_LISTEN_ADDRESSES {
        entry.refuse(
            "one to sixteen addresses are needed",
            "write listen = \"192.0.2.1:51840\"",
            problems,
        );
        return None;
    }
    let mut addresses = Vec::new();
    let mut complete = true;
    for entry in entries {
        match values::listen_address(&entry, problems) {
            Some(address) if addresses.contains(&address) => {
                entry.refuse(
                    "the same address stands here twice",
                    "remove one of the two",
                    problems,
                );
            }
            Some(address) => addresses.push(address),
            None => complete = false,
        }
    }
    complete.then_some(addresses)
}

fn lanes(entry: &Entry<'_>, problems: &mut Problems) -> Option<LaneCount> {
    let number = entry.integer("2", problems)?;
    let lanes = u8::try_from(number).ok().and_then(LaneCount::new);
    if lanes.is_none() {
        entry.refuse(
            "a node has 1 to 64 lanes",
            format!("write a number from 1 to {MAX_LANES}"),
            problems,
        );
    }
    lanes
}

pub(super) fn check_crypto(root: &Section<'_>, problems: &mut Problems) -> Option<Crypto> {
    let section = match root.get("crypto") {
        Some(entry) => entry.section("[crypto]", problems)?,
        None => root.absent("[crypto]"),
    };
    section.allow_only(CRYPTO_KEYS, problems);
    let suite = section
        .get("suite")
        .map_or(Some(Suite::Aes256Gcm), |entry| suite(&entry, problems));
    let rekey_after = section
        .get("rekey_after")
        .map_or(Some(DEFAULT_REKEY_AFTER), |entry| {
            values::rekey_after(&entry, problems)
        });
    let post_quantum = section
        .get("post_quantum")
        .map_or(Some(PqPolicy::Required), |entry| {
            post_quantum(&entry, problems)
        });
    Some(Crypto {
        suite: suite?,
        rekey_after: rekey_after?,
        post_quantum: post_quantum?,
    })
}

fn suite(entry: &Entry<'_>, problems: &mut Problems) -> Option<Suite> {
    let text = entry.text("\"aes-256-gcm\"", problems)?;
    let suite = text.parse::<Suite>().ok();
    if suite.is_none() {
        entry.refuse(
            "there is no such suite",
            "write \"aes-256-gcm\" or \"chacha20-poly1305\"",
            problems,
        );
    }
    suite
}

fn post_quantum(entry: &Entry<'_>, problems: &mut Problems) -> Option<PqPolicy> {
    match entry.text("\"required\"", problems)? {
        "required" => Some(PqPolicy::Required),
        "preferred" => Some(PqPolicy::Preferred),
        "off" => Some(PqPolicy::Off),
        _ => {
            entry.refuse(
                "there is no such policy",
                "write \"required\", \"preferred\" or \"off\"",
                problems,
            );
            None
        }
    }
}

fn required<'d>(
    section: &Section<'d>,
    key: &str,
    fix: &str,
    problems: &mut Problems,
) -> Option<Entry<'d>> {
    let entry = section.get(key);
    if entry.is_none() {
        section.missing(key, fix, problems);
    }
    entry
}
