//! The `[[peer]]` tables and their `[[peer.vpc]]` tables.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use ipnet::IpNet;
use linkveil_crypto::{Psk, PublicKey};
use linkveil_tunnel::{Keepalive, Roaming};
use linkveil_wire::Vni;

use super::document::{Entry, Section};
use super::problem::Problems;
use super::unique::Unique;
use super::vpc::labeled_by_name;
use super::{NetnsName, Peer, PeerVpc, VpcKind, node, reach, secrets, values, vpc};

const KEYS: &[&str] = &[
    "name",
    "public_key",
    "endpoint",
    "roaming",
    "keepalive",
    "psk_files",
    "vpc",
];
const VPC_KEYS: &[&str] = &["name", "vni", "prefixes"];

/// What the checks of a peer look up elsewhere in the file.
pub(super) struct Context<'c, 'd> {
    pub(super) node: &'c node::Draft,
    pub(super) vpcs: &'c [vpc::Draft<'d>],
    pub(super) folder: &'c Path,
}

/// What is known of a peer so far; `None` where the file is wrong.
pub(super) struct Draft<'d> {
    name: Option<String>,
    public_key: Option<PublicKey>,
    pub(super) endpoint: Option<Option<SocketAddr>>,
    roaming: Option<Roaming>,
    keepalive: Option<Keepalive>,
    psk: Option<Psk>,
    pub(super) vpcs: Vec<VpcDraft<'d>>,
}

impl Draft<'_> {
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    pub(super) fn finish(self) -> Option<Peer> {
        Some(Peer {
            name: self.name?,
            public_key: self.public_key?,
            endpoint: self.endpoint?,
            roaming: self.roaming?,
            keepalive: self.keepalive?,
            psk: self.psk?,
            vpcs: self
                .vpcs
                .into_iter()
                .map(VpcDraft::finish)
                .collect::<Option<_>>()?,
        })
    }
}

/// One `[[peer.vpc]]` table.
pub(super) struct VpcDraft<'d> {
    /// Index into the node's VPCs.
    pub(super) vpc: Option<usize>,
    wire_vni: Option<Vni>,
    /// The good elements of the list.
    pub(super) prefixes: Vec<(Entry<'d>, IpNet)>,
}

impl VpcDraft<'_> {
    fn finish(self) -> Option<PeerVpc> {
        Some(PeerVpc {
            vpc: self.vpc?,
            wire_vni: self.wire_vni?,
            prefixes: self.prefixes.into_iter().map(|(_, net)| net).collect(),
        })
    }
}

/// Values that no two peers of a node may share.
struct Taken {
    names: Unique<String>,
    keys: Unique<PublicKey>,
    endpoints: Unique<SocketAddr>,
    /// One namespace has one route for a prefix.
    routes: HashMap<(Option<NetnsName>, IpNet), (usize, usize)>,
}

pub(super) fn check<'d>(
    root: &Section<'d>,
    context: &Context<'_, 'd>,
    problems: &mut Problems,
) -> Vec<Draft<'d>> {
    let Some(list) = root.get("peer") else {
        return Vec::new();
    };
    let mut taken = Taken {
        names: Unique::new(),
        keys: Unique::new(),
        endpoints: Unique::new(),
        routes: HashMap::new(),
    };
    let sections = list.sections("[[peer]]", problems);
    sections
        .into_iter()
        .map(|section| check_one(section, context, &mut taken, problems))
        .collect()
}

fn check_one<'d>(
    section: Section<'d>,
    context: &Context<'_, 'd>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Draft<'d> {
    let section = labeled_by_name(section, "[[peer]]");
    section.allow_only(KEYS, problems);
    let public_key = public_key(&section, context, taken, problems);
    Draft {
        name: name(&section, public_key, taken, problems),
        public_key,
        endpoint: match section.get("endpoint") {
            Some(entry) => endpoint(&entry, context, taken, problems).map(Some),
            None => Some(None),
        },
        roaming: reach::roaming(&section, problems),
        keepalive: reach::keepalive(&section, problems),
        psk: match section.get("psk_files") {
            Some(entry) => secrets::psk(&entry, context.folder, problems),
            None => Psk::combine(None, None).ok(),
        },
        vpcs: vpcs(&section, context, taken, problems),
    }
}

fn public_key(
    section: &Section<'_>,
    context: &Context<'_, '_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<PublicKey> {
    let Some(entry) = section.get("public_key") else {
        section.missing(
            "public_key",
            "write what `linkveil pubkey` prints on the peer",
            problems,
        );
        return None;
    };
    let key = values::public_key(&entry, problems)?;
    if context
        .node
        .private_key()
        .is_some_and(|own| own.public() == key)
    {
        entry.refuse(
            "this is the node's own key",
            "write the peer's key: `linkveil pubkey < its key file`",
            problems,
        );
    }
    taken.keys.claim(
        key,
        &entry,
        "give each peer its own key: a key is how a peer is known",
        problems,
    );
    Some(key)
}

/// The configured name, or the public key.
fn name(
    section: &Section<'_>,
    public_key: Option<PublicKey>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<String> {
    let Some(entry) = section.get("name") else {
        return public_key.map(|key| key.to_string());
    };
    let name = values::name(&entry, problems)?;
    taken.names.claim(
        name.clone(),
        &entry,
        "give each peer its own name",
        problems,
    );
    Some(name)
}

fn endpoint(
    entry: &Entry<'_>,
    context: &Context<'_, '_>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<SocketAddr> {
    let endpoint = values::endpoint(entry, problems)?;
    taken.endpoints.claim(
        endpoint,
        entry,
        "give each peer its own address and port",
        problems,
    );
    let listen = context.node.listen.as_ref();
    let Some(listen) = listen.filter(|listen| !listen.is_empty()) else {
        return Some(endpoint);
    };
    if listen.contains(&endpoint) {
        entry.refuse(
            "this is the node's own address",
            "write the address that the peer listens on",
            problems,
        );
    } else if !listen.iter().any(|own| own.is_ipv4() == endpoint.is_ipv4()) {
        let (family, example) = match endpoint.ip() {
            IpAddr::V4(_) => ("IPv4", "0.0.0.0:51840"),
            IpAddr::V6(_) => ("IPv6", "[::]:51840"),
        };
        let what = format!("the node listens on no {family} address");
        entry.refuse(
            what,
            format!("add one to [node] listen, for example \"{example}\""),
            problems,
        );
    }
    Some(endpoint)
}

fn vpcs<'d>(
    section: &Section<'d>,
    context: &Context<'_, 'd>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Vec<VpcDraft<'d>> {
    let Some(list) = section.get("vpc") else {
        return Vec::new();
    };
    let kind = format!("{} vpc", section.label());
    let sections = list.sections(&kind, problems);
    let mut here = TakenHere {
        vpcs: Unique::new(),
        wire_vnis: Unique::new(),
    };
    let peer = section.line();
    let mut drafts = Vec::new();
    for section in sections {
        let section = labeled_by_name(section, &kind);
        section.allow_only(VPC_KEYS, problems);
        let vpc = vpc_index(&section, context, &mut here, problems);
        let wire_vni = wire_vni(
            &section,
            vpc.map(|index| &context.vpcs[index]),
            &mut here,
            problems,
        );
        let mut routes = Routes {
            taken,
            vpc,
            own: vpc.map(|index| &context.vpcs[index]),
            peer,
        };
        let prefixes = prefixes(&section, &mut routes, problems);
        drafts.push(VpcDraft {
            vpc,
            wire_vni,
            prefixes,
        });
    }
    drafts
}

/// Values that no two `[[peer.vpc]]` tables of one peer may share.
struct TakenHere {
    vpcs: Unique<usize>,
    wire_vnis: Unique<Vni>,
}

/// The VPC that the table names; a node with a single VPC need not name it.
fn vpc_index(
    section: &Section<'_>,
    context: &Context<'_, '_>,
    here: &mut TakenHere,
    problems: &mut Problems,
) -> Option<usize> {
    let Some(entry) = section.get("name") else {
        if context.vpcs.len() == 1 {
            return Some(0);
        }
        section.missing(
            "name",
            format!("name one of this node's VPCs: {}", known_vpcs(context)),
            problems,
        );
        return None;
    };
    let name = entry.text("\"blue\"", problems)?;
    let index = context
        .vpcs
        .iter()
        .position(|vpc| vpc.name.as_deref() == Some(name));
    match index {
        Some(index) => here.vpcs.claim(
            index,
            &entry,
            "put all prefixes of a VPC into one table",
            problems,
        ),
        None => {
            let fix = format!(
                "add a [[vpc]] table with this name, or name one that exists: {}",
                known_vpcs(context)
            );
            entry.refuse("this node has no such VPC", fix, problems);
        }
    }
    index
}

fn known_vpcs(context: &Context<'_, '_>) -> String {
    let names: Vec<&str> = context
        .vpcs
        .iter()
        .filter_map(|vpc| vpc.name.as_deref())
        .collect();
    if names.is_empty() {
        "none yet".to_owned()
    } else {
        names.join(", ")
    }
}

/// The peer's VNI: its own, or the same as ours.
fn wire_vni(
    section: &Section<'_>,
    own: Option<&vpc::Draft<'_>>,
    here: &mut TakenHere,
    problems: &mut Problems,
) -> Option<Vni> {
    let vni = match section.get("vni") {
        Some(entry) => {
            let vni = values::vni(&entry, problems)?;
            here.wire_vnis.claim(
                vni,
                &entry,
                "write the VNI that the peer gives to this VPC",
                problems,
            );
            return Some(vni);
        }
        None => own?.vni?,
    };
    if let Some(entry) = section.get("name") {
        let fix = "write the peer's own VNI for this VPC: vni = 6001";
        here.wire_vnis.claim(vni, &entry, fix, problems);
    }
    Some(vni)
}

/// Where the prefixes of one `[[peer.vpc]]` table go.
struct Routes<'t, 'c, 'd> {
    taken: &'t mut Taken,
    vpc: Option<usize>,
    own: Option<&'c vpc::Draft<'d>>,
    /// Line of the peer's table: it tells peers apart.
    peer: usize,
}

fn prefixes<'d>(
    section: &Section<'d>,
    routes: &mut Routes<'_, '_, 'd>,
    problems: &mut Problems,
) -> Vec<(Entry<'d>, IpNet)> {
    let Some(list) = section.get("prefixes") else {
        return Vec::new();
    };
    if routes.own.and_then(|own| own.kind) == Some(VpcKind::L2) {
        list.refuse(
            "an Ethernet VPC has no prefixes: it learns which MAC addresses are behind the peer",
            "remove the line, or write kind = \"l3\" in the [[vpc]] table",
            problems,
        );
        return Vec::new();
    }
    let Some(entries) = list.list("[\"10.2.0.0/24\"]", problems) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for entry in entries {
        if let Some(prefix) = values::prefix(&entry, problems) {
            refuse_taken(&entry, prefix, routes, problems);
            refuse_own_address(&entry, prefix, routes, problems);
            found.push((entry, prefix));
        }
    }
    found
}

/// One prefix leads to one peer; a longer one inside it may lead to another.
fn refuse_taken(
    entry: &Entry<'_>,
    prefix: IpNet,
    routes: &mut Routes<'_, '_, '_>,
    problems: &mut Problems,
) {
    let Some((vpc, netns)) = routes.vpc.zip(routes.own.and_then(|own| own.netns.clone())) else {
        return;
    };
    let Some((line, other_vpc)) = routes
        .taken
        .routes
        .insert((netns, prefix), (entry.line(), vpc))
    else {
        return;
    };
    let same_peer = line > routes.peer;
    let fix = if other_vpc != vpc {
        "put the two VPCs in different namespaces: netns = \"...\""
    } else if same_peer {
        "remove one of the two"
    } else {
        "route it to one peer; a longer prefix inside it may go to another"
    };
    entry.refuse(format!("line {line} routes the same prefix"), fix, problems);
}

/// A peer that is given our own address could send in our name.
fn refuse_own_address(
    entry: &Entry<'_>,
    prefix: IpNet,
    routes: &Routes<'_, '_, '_>,
    problems: &mut Problems,
) {
    let own = routes.own.into_iter().flat_map(|vpc| vpc.addresses());
    let covered = own
        .map(|(_, net)| net)
        .find(|net| net.trunc().contains(&prefix) && prefix.contains(&net.addr()));
    if let Some(net) = covered {
        let what = format!("the VPC's own address {} lies in it", net.addr());
        entry.refuse(what, "name only what is behind the peer", problems);
    }
}
