//! The picture of the crate's page as a value: what a test may change before anything starts.

use std::env;
use std::fmt::{self, Write};
use std::net::SocketAddr;

use linkveil_crypto::{PublicKey, Suite};

/// The family of addresses on the underlay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Underlay {
    /// 192.0.2.0/24, 76 bytes of overhead.
    V4,
    /// 2001:db8::/64, 96 bytes of overhead.
    V6,
}

/// `[crypto] post_quantum`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PostQuantum {
    /// `"required"`
    Required,
    /// `"preferred"`
    Preferred,
    /// `"off"`
    Off,
}

impl fmt::Display for PostQuantum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "required",
            Self::Preferred => "preferred",
            Self::Off => "off",
        })
    }
}

/// One gateway's configuration, without what only the running test knows (key file, control socket, namespaces).
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// `[node] name`
    pub name: String,
    /// `[node] listen`
    pub listen: SocketAddr,
    /// `[node] lanes`
    pub lanes: u8,
    /// `[node] offload`, if it is not to be left out
    pub offload: Option<&'static str>,
    /// `[node] busy_poll`, if it is not to be left out
    pub busy_poll: Option<&'static str>,
    /// `[crypto] suite`
    pub suite: Suite,
    /// `[crypto] post_quantum`
    pub post_quantum: PostQuantum,
    /// `[[vpc]]`
    pub vpcs: Vec<VpcPlan>,
    /// `[[peer]]`
    pub peers: Vec<PeerPlan>,
    /// `[debug.impair]`, as its lines stand in the file; nothing without any
    pub impair: Option<String>,
}

/// One `[[vpc]]`.
#[derive(Clone, Debug)]
pub struct VpcPlan {
    /// `name`
    pub name: String,
    /// `vni`
    pub vni: u32,
    /// `kind`
    pub kind: VpcKind,
    /// `addresses`
    pub addresses: Vec<String>,
    /// `mtu`; `None` leaves it to the gateway
    pub mtu: Option<u16>,
}

/// `[[vpc]] kind`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VpcKind {
    /// `"l3"`, the default
    L3,
    /// `"l2"`
    L2,
}

/// One `[[peer]]`.
#[derive(Clone, Debug)]
pub struct PeerPlan {
    /// `name`
    pub name: String,
    /// `public_key`
    pub public_key: PublicKey,
    /// `endpoint`
    pub endpoint: Option<SocketAddr>,
    /// `roaming`, if it is not to be left out
    pub roaming: Option<&'static str>,
    /// `keepalive`, if it is not to be left out
    pub keepalive: Option<&'static str>,
    /// `psk_files`, relative to the configuration
    pub psk_files: Vec<String>,
    /// `[[peer.vpc]]`
    pub vpcs: Vec<PeerVpcPlan>,
}

/// One `[[peer.vpc]]`.
#[derive(Clone, Debug)]
pub struct PeerVpcPlan {
    /// `name`
    pub name: String,
    /// `vni`: the peer's number
    pub vni: u32,
    /// `prefixes`
    pub prefixes: Vec<String>,
}

/// `[node] offload` of all gateways whose test does not set it; `scripts/test` runs the tests with `off`, too.
const OFFLOAD_VARIABLE: &str = "LINKVEIL_TEST_OFFLOAD";

/// What every plan begins with as `[node] offload`.
///
/// # Panics
///
/// If `LINKVEIL_TEST_OFFLOAD` is set to what is neither `auto` nor `off`.
#[must_use]
pub fn default_offload() -> Option<&'static str> {
    let value = env::var(OFFLOAD_VARIABLE).ok();
    value.map(|value| offload_of(&value))
}

fn offload_of(value: &str) -> &'static str {
    let known = ["auto", "off"].into_iter().find(|known| *known == value);
    known.unwrap_or_else(|| panic!("{OFFLOAD_VARIABLE}={value:?} is neither auto nor off"))
}

/// Device of a VPC in the tenant's namespace.
#[must_use]
pub fn device_of(vpc: &str) -> String {
    format!("lv-{vpc}")
}

impl NodePlan {
    /// The configuration as a file. `netns_of` maps a VPC's name to its namespace.
    ///
    /// # Panics
    ///
    /// Never: writing to a string cannot fail.
    #[must_use]
    pub fn to_toml(&self, control_socket: &str, netns_of: impl Fn(&str) -> String) -> String {
        let mut out = String::new();
        self.write(&mut out, control_socket, netns_of).unwrap();
        out
    }

    fn write(
        &self,
        out: &mut String,
        control_socket: &str,
        netns_of: impl Fn(&str) -> String,
    ) -> fmt::Result {
        writeln!(out, "[node]\nname = {:?}", self.name)?;
        writeln!(out, "private_key_file = \"node.key\"")?;
        writeln!(out, "listen = \"{}\"\nlanes = {}", self.listen, self.lanes)?;
        for (key, value) in [("offload", self.offload), ("busy_poll", self.busy_poll)] {
            if let Some(value) = value {
                writeln!(out, "{key} = {value:?}")?;
            }
        }
        writeln!(out, "control_socket = {control_socket:?}\n")?;
        writeln!(out, "[crypto]\nsuite = \"{}\"", self.suite)?;
        writeln!(out, "post_quantum = \"{}\"", self.post_quantum)?;
        for vpc in &self.vpcs {
            writeln!(out, "\n[[vpc]]\nname = {:?}\nvni = {}", vpc.name, vpc.vni)?;
            writeln!(out, "device = {:?}", device_of(&vpc.name))?;
            writeln!(out, "netns = {:?}", netns_of(&vpc.name))?;
            writeln!(out, "addresses = {:?}", vpc.addresses)?;
            if vpc.kind == VpcKind::L2 {
                writeln!(out, "kind = \"l2\"")?;
            }
            if let Some(bytes) = vpc.mtu {
                writeln!(out, "mtu = {bytes}")?;
            }
        }
        self.peers.iter().try_for_each(|peer| peer.write(out))?;
        match &self.impair {
            Some(lines) => writeln!(out, "\n[debug.impair]\n{lines}"),
            None => Ok(()),
        }
    }
}

impl PeerPlan {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "\n[[peer]]\nname = {:?}", self.name)?;
        writeln!(out, "public_key = \"{}\"", self.public_key)?;
        if let Some(endpoint) = self.endpoint {
            writeln!(out, "endpoint = \"{endpoint}\"")?;
        }
        if let Some(roaming) = self.roaming {
            writeln!(out, "roaming = {roaming:?}")?;
        }
        if let Some(keepalive) = self.keepalive {
            writeln!(out, "keepalive = {keepalive:?}")?;
        }
        writeln!(out, "psk_files = {:?}", self.psk_files)?;
        for vpc in &self.vpcs {
            writeln!(
                out,
                "[[peer.vpc]]\nname = {:?}\nvni = {}",
                vpc.name, vpc.vni
            )?;
            // An Ethernet VPC must not have the key.
            if !vpc.prefixes.is_empty() {
                writeln!(out, "prefixes = {:?}", vpc.prefixes)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_for_all_is_passed_on_as_it_stands_in_configurations() {
        assert_eq!(["auto", "off"].map(offload_of), ["auto", "off"]);
    }

    #[test]
    #[should_panic(expected = "is neither auto nor off")]
    fn a_misspelt_setting_for_all_does_not_test_the_same_twice() {
        offload_of("of");
    }

    #[test]
    fn a_plan_is_written_with_the_names_of_the_configuration() {
        let plan = NodePlan {
            name: "gw-a".into(),
            listen: "192.0.2.1:51840".parse().unwrap(),
            lanes: 2,
            offload: Some("off"),
            busy_poll: Some("50us"),
            suite: Suite::Aes256Gcm,
            post_quantum: PostQuantum::Required,
            vpcs: vec![VpcPlan {
                name: "blue".into(),
                vni: 5001,
                kind: VpcKind::L3,
                addresses: vec!["10.1.0.1/24".into()],
                mtu: None,
            }],
            peers: vec![PeerPlan {
                name: "gw-b".into(),
                public_key: PublicKey::new([0; 32]),
                endpoint: Some("192.0.2.2:51840".parse().unwrap()),
                roaming: Some("pin"),
                keepalive: Some("25s"),
                psk_files: vec![],
                vpcs: vec![PeerVpcPlan {
                    name: "blue".into(),
                    vni: 6001,
                    prefixes: vec!["10.2.0.0/24".into()],
                }],
            }],
            impair: Some("loss = \"5 %\"".into()),
        };
        let expected = r#"[node]
name = "gw-a"
private_key_file = "node.key"
listen = "192.0.2.1:51840"
lanes = 2
offload = "off"
busy_poll = "50us"
control_socket = "/tmp/x/control.sock"

[crypto]
suite = "aes-256-gcm"
post_quantum = "required"

[[vpc]]
name = "blue"
vni = 5001
device = "lv-blue"
netns = "tenant-blue"
addresses = ["10.1.0.1/24"]

[[peer]]
name = "gw-b"
public_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
endpoint = "192.0.2.2:51840"
roaming = "pin"
keepalive = "25s"
psk_files = []
[[peer.vpc]]
name = "blue"
vni = 6001
prefixes = ["10.2.0.0/24"]

[debug.impair]
loss = "5 %"
"#;
        let toml = plan.to_toml("/tmp/x/control.sock", |vpc| format!("tenant-{vpc}"));
        assert_eq!(toml, expected);
    }
}
