//! The `[[vpc]]` tables.

use ipnet::IpNet;
use linkveil_wire::Vni;

use super::document::{Entry, Section};
use super::problem::Problems;
use super::unique::Unique;
use super::{DeviceName, NetnsName, Vpc, VpcKind, VpcMtu, values};

const KEYS: &[&str] = &["name", "vni", "device", "netns", "kind", "addresses", "mtu"];

/// The lane finds a VPC by a 16-bit index; a thousand devices are more than Linux likes to have.
const MAX_VPCS: usize = 1024;

/// What is known of a VPC so far; `None` where the file is wrong.
pub(super) struct Draft<'d> {
    pub(super) name: Option<String>,
    pub(super) vni: Option<Vni>,
    device: Option<DeviceName>,
    pub(super) netns: Option<Option<NetnsName>>,
    pub(super) kind: Option<VpcKind>,
    /// `None` if the list itself is wrong; its good elements otherwise.
    pub(super) addresses: Option<Vec<(Entry<'d>, IpNet)>>,
    mtu: Option<VpcMtu>,
}

impl Draft<'_> {
    pub(super) fn finish(self) -> Option<Vpc> {
        Some(Vpc {
            name: self.name?,
            vni: self.vni?,
            device: self.device?,
            netns: self.netns?,
            kind: self.kind?,
            addresses: self.addresses?.into_iter().map(|(_, net)| net).collect(),
            mtu: self.mtu?,
        })
    }

    pub(super) fn has_device(&self, netns: Option<&NetnsName>, device: &DeviceName) -> bool {
        let same_netns = self.netns.as_ref().is_some_and(|own| own.as_ref() == netns);
        same_netns && self.device.as_ref() == Some(device)
    }

    /// The addresses that were readable.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &(Entry<'_>, IpNet)> {
        self.addresses.iter().flatten()
    }
}

/// Values that no two VPCs of a node may share.
struct Taken {
    names: Unique<String>,
    vnis: Unique<Vni>,
    devices: Unique<(Option<NetnsName>, DeviceName)>,
    addresses: Unique<(Option<NetnsName>, std::net::IpAddr)>,
}

pub(super) fn check<'d>(root: &Section<'d>, problems: &mut Problems) -> Vec<Draft<'d>> {
    let Some(list) = root.get("vpc") else {
        return Vec::new();
    };
    let sections = list.sections("[[vpc]]", problems);
    if sections.len() > MAX_VPCS {
        list.refuse(
            "a node has at most 1024 VPCs",
            "move some to another gateway",
            problems,
        );
    }
    let mut taken = Taken {
        names: Unique::new(),
        vnis: Unique::new(),
        devices: Unique::new(),
        addresses: Unique::new(),
    };
    sections
        .into_iter()
        .map(|section| check_one(section, &mut taken, problems))
        .collect()
}

fn check_one<'d>(section: Section<'d>, taken: &mut Taken, problems: &mut Problems) -> Draft<'d> {
    let section = labeled_by_name(section, "[[vpc]]");
    section.allow_only(KEYS, problems);
    let netns = match section.get("netns") {
        Some(entry) => values::netns(&entry, problems).map(Some),
        None => Some(None),
    };
    Draft {
        name: name(&section, taken, problems),
        vni: vni(&section, taken, problems),
        device: device(&section, netns.as_ref(), taken, problems),
        addresses: addresses(&section, netns.as_ref(), taken, problems),
        netns,
        kind: section
            .get("kind")
            .map_or(Some(VpcKind::L3), |entry| kind(&entry, problems)),
        mtu: section
            .get("mtu")
            .map_or(Some(VpcMtu::Auto), |entry| values::mtu(&entry, problems)),
    }
}

/// `[[vpc]] "blue"` instead of `[[vpc]] #1`, if the table has a name.
pub(super) fn labeled_by_name<'d>(section: Section<'d>, kind: &str) -> Section<'d> {
    match section.get("name").and_then(|entry| entry.as_text()) {
        Some(name) => section.labeled(format!("{kind} {name:?}")),
        None => section,
    }
}

fn name(section: &Section<'_>, taken: &mut Taken, problems: &mut Problems) -> Option<String> {
    let Some(entry) = section.get("name") else {
        section.missing("name", "give the VPC a name: name = \"blue\"", problems);
        return None;
    };
    let name = values::name(&entry, problems)?;
    taken
        .names
        .claim(name.clone(), &entry, "give each VPC its own name", problems);
    Some(name)
}

fn vni(section: &Section<'_>, taken: &mut Taken, problems: &mut Problems) -> Option<Vni> {
    let Some(entry) = section.get("vni") else {
        section.missing(
            "vni",
            "give the VPC a number from 1 to 16777215: vni = 5001",
            problems,
        );
        return None;
    };
    let vni = values::vni(&entry, problems)?;
    taken
        .vnis
        .claim(vni, &entry, "give each VPC its own VNI", problems);
    Some(vni)
}

fn device(
    section: &Section<'_>,
    netns: Option<&Option<NetnsName>>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<DeviceName> {
    let Some(entry) = section.get("device") else {
        section.missing(
            "device",
            "name the device to make: device = \"lv-blue\"",
            problems,
        );
        return None;
    };
    let device = values::device(&entry, problems)?;
    if let Some(netns) = netns {
        let key = (netns.clone(), device.clone());
        taken.devices.claim(
            key,
            &entry,
            "give each device of a namespace its own name",
            problems,
        );
    }
    Some(device)
}

fn addresses<'d>(
    section: &Section<'d>,
    netns: Option<&Option<NetnsName>>,
    taken: &mut Taken,
    problems: &mut Problems,
) -> Option<Vec<(Entry<'d>, IpNet)>> {
    let Some(list) = section.get("addresses") else {
        return Some(Vec::new());
    };
    let entries = list.list("[\"10.1.0.1/24\"]", problems)?;
    let mut found = Vec::new();
    for entry in entries {
        let Some(net) = values::inner_address(&entry, problems) else {
            continue;
        };
        if let Some(netns) = netns {
            let key = (netns.clone(), net.addr());
            let fix = "remove one, or put the two VPCs in different namespaces";
            taken.addresses.claim(key, &entry, fix, problems);
        }
        found.push((entry, net));
    }
    Some(found)
}

fn kind(entry: &Entry<'_>, problems: &mut Problems) -> Option<VpcKind> {
    match entry.text("\"l3\"", problems)? {
        "l3" => Some(VpcKind::L3),
        "l2" => Some(VpcKind::L2),
        _ => {
            let fix = "write \"l3\" for IP packets over a TUN device, or \"l2\" for Ethernet frames over a TAP device";
            entry.refuse("there is no such kind", fix, problems);
            None
        }
    }
}
