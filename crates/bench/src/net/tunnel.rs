//! The tunnels that are compared: how each is set up between the two hosts, and what it needs for that.

mod kernel;
mod linkveil;
mod macsec;
mod nebula;
mod openvpn;
mod wireguard;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::error::NetError;
use super::hosts::{Hosts, Run, Side};
use super::process::Process;
use super::stop::Stop;
use super::{Options, Skipped, tools};

/// Until the first ping comes back through a new tunnel.
const COMES_UP_WITHIN: Duration = Duration::from_secs(20);

/// A tunnel to compare with; linkveil as it comes is always one. In the order of the report, unless the user asked for
/// another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// This binary, as it comes.
    #[value(skip)]
    Linkveil,
    /// The same with one lane that goes on looking for work before it sleeps: for the least delay.
    LinkveilPoll,
    /// linkveil on a protected Ethernet port: MACsec, with keys by handshake.
    LinkveilMacsec,
    /// WireGuard in Go, in user space.
    WireguardGo,
    /// WireGuard in Rust, by Cloudflare.
    Boringtun,
    /// WireGuard in Rust, by Mullvad.
    Gotatun,
    /// Nebula, with AES.
    Nebula,
    /// OpenVPN in user space (without its kernel module), with AES-256-GCM.
    Openvpn,
    /// WireGuard in the kernel.
    Wireguard,
    /// VXLAN in the kernel: encapsulation without encryption.
    Vxlan,
    /// The cable itself.
    Veth,
}

/// What all tunnels are set up with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) hosts: &'a Hosts,
    pub(super) stop: &'a Stop,
    options: &'a Options,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        hosts: &'a Hosts,
        stop: &'a Stop,
        options: &'a Options,
    ) -> Result<Self, NetError> {
        Ok(Self {
            hosts,
            stop,
            options,
        })
    }

    /// MTU of a tunnel that adds so many bytes to a packet.
    fn mtu_after(&self, overhead: u32) -> u32 {
        self.options.mtu.saturating_sub(overhead)
    }

    /// A file among the others, readable by us alone: some are keys.
    fn write(&self, name: &str, content: &str) -> Result<PathBuf, NetError> {
        let path = self.hosts.folder().join(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path);
        let written = file.and_then(|mut file| file.write_all(content.as_bytes()));
        written
            .map_err(|error| NetError::system(format!("cannot write {}", path.display()), error))?;
        Ok(path)
    }

    /// The path of a file among the others, as text for command lines.
    fn path(&self, name: &str) -> String {
        self.hosts.folder().join(name).display().to_string()
    }
}

/// A tunnel that runs. Dropped, its daemons are ended and its devices deleted.
#[derive(Debug)]
pub(super) struct Tunnel<'a> {
    hosts: &'a Hosts,
    target: String,
    /// On host a.
    device: String,
    daemons: Vec<Process>,
    /// Devices that no daemon takes away with itself.
    devices: Vec<String>,
}

impl<'a> Tunnel<'a> {
    /// One whose device disappears with its daemons.
    fn of_daemons(context: &Context<'a>, device: &str, daemons: Vec<Process>) -> Self {
        Self {
            hosts: context.hosts,
            target: Side::B.inner().to_string(),
            device: device.to_owned(),
            daemons,
            devices: Vec::new(),
        }
    }

    /// One that the kernel carries by itself, over a device that has to be deleted.
    fn of_kernel(context: &Context<'a>, device: &str) -> Self {
        let mut tunnel = Self::of_daemons(context, device, Vec::new());
        tunnel.devices.push(device.to_owned());
        tunnel
    }

    /// The same with another address of host b.
    fn to(mut self, target: &impl ToString) -> Self {
        self.target = target.to_string();
        self
    }

    /// The address of host b through the tunnel.
    pub(super) fn target(&self) -> &str {
        &self.target
    }

    /// Of its device.
    pub(super) fn mtu(&self, context: &Context<'_>) -> Option<u32> {
        let shown = context
            .hosts
            .ip(Side::A, &format!("link show dev {}", self.device))
            .ok()?;
        mtu_of(&shown)
    }

    /// Processor time of all daemons; `None`: there are none, or one died.
    pub(super) fn cpu_seconds(&self) -> Option<f64> {
        let times = self.daemons.iter().map(Process::cpu_seconds);
        let times: Vec<f64> = times.collect::<Option<_>>()?;
        (!times.is_empty()).then(|| times.iter().sum())
    }

    /// Whether all daemons still run; if not, what the dead one said.
    fn check_daemons(&mut self, peer: Peer) -> Result<(), NetError> {
        for daemon in &mut self.daemons {
            if let Ok(Some(status)) = daemon.child().try_wait() {
                return Err(NetError::Refused {
                    command: format!("{} ended ({status})", peer.name()),
                    output: daemon.tail(),
                });
            }
        }
        Ok(())
    }

    /// Memory of the larger daemon.
    pub(super) fn resident_mebibytes(&self) -> Option<f64> {
        let sizes = self.daemons.iter().filter_map(Process::resident_mebibytes);
        sizes.reduce(f64::max)
    }
}

impl Drop for Tunnel<'_> {
    fn drop(&mut self) {
        self.daemons.clear();
        Side::ALL.into_iter().for_each(wireguard::remove_socket);
        for device in &self.devices {
            for side in Side::ALL {
                let _gone_already = self.hosts.ip(side, &format!("link delete {device}"));
            }
        }
    }
}

/// From `ip link show`.
fn mtu_of(shown: &str) -> Option<u32> {
    let mut words = shown.split_whitespace().skip_while(|word| *word != "mtu");
    words.nth(1)?.parse().ok()
}

/// A program that a tunnel needs, and where to get it.
struct Needed {
    program: &'static str,
    remedy: &'static str,
}

const WG: Needed = Needed {
    program: "wg",
    remedy: "apt install wireguard-tools",
};

impl Peer {
    /// All but linkveil as it comes.
    #[must_use]
    pub fn all_others() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// Its name, as in `--peers`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linkveil => "linkveil",
            Self::LinkveilPoll => "linkveil-poll",
            Self::LinkveilMacsec => "linkveil-macsec",
            Self::WireguardGo => "wireguard-go",
            Self::Boringtun => "boringtun",
            Self::Gotatun => "gotatun",
            Self::Nebula => "nebula",
            Self::Openvpn => "openvpn",
            Self::Wireguard => "wireguard",
            Self::Vxlan => "vxlan",
            Self::Veth => "veth",
        }
    }

    /// Whether it is linkveil, in one form or another.
    #[must_use]
    pub const fn is_own(self) -> bool {
        matches!(
            self,
            Self::Linkveil | Self::LinkveilPoll | Self::LinkveilMacsec
        )
    }

    /// What a form of linkveil sets in `[node]`: key and value, as in the file.
    #[must_use]
    pub const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::LinkveilPoll => &[("lanes", "1"), ("busy_poll", "\"50us\"")],
            _ => &[],
        }
    }

    fn needs(self) -> Vec<Needed> {
        let needed = |program, remedy| Needed { program, remedy };
        match self {
            Self::Linkveil
            | Self::LinkveilPoll
            | Self::LinkveilMacsec
            | Self::Vxlan
            | Self::Veth => vec![],
            Self::WireguardGo => vec![needed("wireguard-go", "apt install wireguard-go"), WG],
            Self::Boringtun => vec![needed("boringtun-cli", "cargo install boringtun-cli"), WG],
            Self::Gotatun => vec![needed("gotatun", "cargo install gotatun-cli"), WG],
            Self::Nebula => vec![
                needed("nebula", "apt install nebula"),
                needed("nebula-cert", "apt install nebula"),
            ],
            Self::Openvpn => vec![
                needed("openvpn", "apt install openvpn"),
                needed("openssl", "apt install openssl"),
            ],
            Self::Wireguard => vec![WG],
        }
    }

    /// Its version, if everything that it needs is there.
    pub(super) fn version(self, context: &Context<'_>) -> Result<String, Skipped> {
        let skipped = |missing: String, remedy: &str| Skipped {
            tunnel: self,
            missing,
            remedy: remedy.to_owned(),
        };
        if let Some(needed) = self
            .needs()
            .into_iter()
            .find(|needed| tools::find(needed.program).is_none())
        {
            return Err(skipped(
                format!("{} is not installed", needed.program),
                needed.remedy,
            ));
        }
        match self {
            Self::Linkveil | Self::LinkveilPoll | Self::LinkveilMacsec => {
                Ok(env!("CARGO_PKG_VERSION").to_owned())
            }
            Self::WireguardGo => Ok(tools::version("wireguard-go", &["--version"])),
            Self::Boringtun => Ok(tools::version("boringtun-cli", &["--version"])),
            Self::Gotatun => Ok(tools::version("gotatun", &["--version"])),
            Self::Nebula => Ok(tools::version("nebula", &["-version"])),
            Self::Openvpn => {
                openvpn::version().map_err(|old| skipped(old, "2.6 or later is needed"))
            }
            Self::Wireguard | Self::Vxlan => kernel::probe(context, self.name())
                .map(|()| "the kernel's".to_owned())
                .map_err(|said| skipped(said, kernel::remedy(self))),
            Self::Veth => Ok("the kernel's".to_owned()),
        }
    }

    /// Sets it up, and waits until a ping comes through.
    pub(super) fn start<'a>(self, context: &Context<'a>) -> Result<Tunnel<'a>, NetError> {
        let mut tunnel = match self {
            Self::Linkveil | Self::LinkveilPoll => linkveil::start(context, self)?,
            Self::LinkveilMacsec => macsec::start(context)?,
            Self::WireguardGo => wireguard::start(context, wireguard::GO)?,
            Self::Boringtun => wireguard::start(context, wireguard::BORINGTUN)?,
            Self::Gotatun => wireguard::start(context, wireguard::GOTATUN)?,
            Self::Wireguard => wireguard::start_kernel(context)?,
            Self::Nebula => nebula::start(context)?,
            Self::Openvpn => openvpn::start(context)?,
            Self::Vxlan => kernel::vxlan(context)?,
            Self::Veth => kernel::veth(context),
        };
        let target = tunnel.target.clone();
        let comes_through = || {
            tunnel.check_daemons(self)?;
            let run = Run {
                side: Side::A,
                program: "ping",
                arguments: &format!("-n -q -c 1 -W 1 {target}"),
                limit: COMES_UP_WITHIN,
            };
            match context.hosts.run(&run, context.stop) {
                Ok(_) => Ok(true),
                Err(NetError::Refused { .. }) => Ok(false),
                Err(error) => Err(error),
            }
        };
        context
            .hosts
            .await_that(self.name(), COMES_UP_WITHIN, context.stop, comes_through)?;
        Ok(tunnel)
    }
}

/// Gives a host's end of a tunnel its address, its MTU, and the way to the other side.
fn address(context: &Context<'_>, side: Side, device: &str, mtu: u32) -> Result<(), NetError> {
    let (hosts, own) = (context.hosts, side.inner());
    hosts.ip(side, &format!("address add {own}/32 dev {device}"))?;
    hosts.ip(side, &format!("link set {device} mtu {mtu} up"))?;
    let there = side.other().inner_prefix();
    hosts.ip(side, &format!("route add {there} dev {device} src {own}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mtu_is_read_from_ips_output() {
        let shown =
            "7: lv0: <POINTOPOINT,UP> mtu 1424 qdisc mq state UNKNOWN mode DEFAULT\n    link/none";
        assert_eq!(mtu_of(shown), Some(1_424));
        assert_eq!(mtu_of("Device \"lv0\" does not exist."), None);
    }

    #[test]
    fn peers_are_named_as_on_the_command_line() {
        for peer in Peer::all_others() {
            assert_eq!(Peer::from_str(peer.name(), false), Ok(peer));
        }
        assert!(Peer::from_str("linkveil", false).is_err());
        assert_eq!(Peer::all_others().len(), 10);
    }

    #[test]
    fn every_remedy_is_a_command() {
        for peer in Peer::all_others() {
            for needed in peer.needs() {
                let words: Vec<&str> = needed.remedy.split(' ').collect();
                assert!(
                    matches!(words.as_slice(), ["apt" | "cargo", "install", _]),
                    "{words:?}"
                );
            }
        }
    }
}
