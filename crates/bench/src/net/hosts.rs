//! Two hosts on one cable, each a network namespace.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use linkveil_net::{Netns, clock};

use super::UnderlayOffload;
use super::error::NetError;
use super::process::{Process, Start};
use super::stop::Stop;
use super::{tail, tools};

/// The underlay's device in both hosts.
pub(super) const CABLE: &str = "under0";
/// Between two looks at something that takes a moment.
const TICK: Duration = Duration::from_millis(20);

/// One of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    A,
    B,
}

impl Side {
    pub(super) const ALL: [Self; 2] = [Self::A, Self::B];

    pub(super) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    pub(super) const fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::A => 1,
            Self::B => 2,
        }
    }

    /// On the cable (TEST-NET-1, RFC 5737).
    pub(super) const fn underlay(self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, self.number())
    }

    /// Inside a tunnel; each side is a /24 of its own.
    pub(super) const fn inner(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 99, self.number(), 1)
    }

    /// The /24 around [`Self::inner`].
    pub(super) fn inner_prefix(self) -> String {
        format!("10.99.{}.0/24", self.number())
    }
}

/// Both hosts and a folder for files. Dropped, the namespaces are deleted, and with them every device in them.
#[derive(Debug)]
pub(super) struct Hosts {
    folder: PathBuf,
    a: Host,
    b: Host,
}

/// One host.
#[derive(Debug)]
struct Host {
    name: String,
    netns: Netns,
}

/// Deletes the namespace of a host.
impl Drop for Host {
    fn drop(&mut self) {
        let _gone_already = tools::output("ip", &["netns", "delete", &self.name]);
    }
}

impl Host {
    /// The number of this process makes the name unique.
    fn new(side: Side) -> Result<Self, NetError> {
        let name = format!("lvbench-{}-{}", process::id(), side.letter());
        tools::output("ip", &["netns", "add", &name])?;
        match Netns::open(&name) {
            Ok(netns) => Ok(Self { name, netns }),
            Err(error) => {
                let _gone_already = tools::output("ip", &["netns", "delete", &name]);
                Err(error.into())
            }
        }
    }
}

impl Hosts {
    /// Makes the hosts and the cable.
    pub(super) fn new(folder: &Path, mtu: u32, offload: UnderlayOffload) -> Result<Self, NetError> {
        let hosts = Self {
            folder: folder.to_owned(),
            a: Host::new(Side::A)?,
            b: Host::new(Side::B)?,
        };
        let (a, b) = (hosts.a.name.as_str(), hosts.b.name.as_str());
        tools::output(
            "ip",
            &[
                "link", "add", CABLE, "netns", a, "type", "veth", "peer", "name", CABLE, "netns", b,
            ],
        )?;
        for side in Side::ALL {
            hosts.ip(side, "link set lo up")?;
            hosts.ip(side, &format!("link set {CABLE} mtu {mtu}"))?;
            if offload == UnderlayOffload::Cut {
                hosts.ip(side, &format!("link set {CABLE} gso_max_segs 1"))?;
            }
            hosts.ip(
                side,
                &format!("address add {}/24 dev {CABLE}", side.underlay()),
            )?;
            hosts.ip(side, &format!("link set {CABLE} up"))?;
        }
        Ok(hosts)
    }

    fn host(&self, side: Side) -> &Host {
        match side {
            Side::A => &self.a,
            Side::B => &self.b,
        }
    }

    /// Name of a host's namespace.
    pub(super) fn name(&self, side: Side) -> &str {
        &self.host(side).name
    }

    /// Where files go.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// `ip` on a host; `command` is split at its spaces.
    pub(super) fn ip(&self, side: Side, command: &str) -> Result<String, NetError> {
        let mut arguments = vec!["-n", self.host(side).name.as_str()];
        arguments.extend(command.split(' '));
        tools::output("ip", &arguments)
    }

    /// Starts a program on a host. `name` is that of its log.
    pub(super) fn start(
        &self,
        side: Side,
        name: &str,
        program: &str,
        arguments: &[&str],
    ) -> Result<Process, NetError> {
        let file = if program.contains('/') {
            Some(PathBuf::from(program))
        } else {
            tools::find(program)
        };
        let start = Start {
            program: file.ok_or_else(|| NetError::Refused {
                command: program.to_owned(),
                output: "no such program".to_owned(),
            })?,
            arguments: arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect(),
            folder: &self.folder,
            name: format!("{name}-{}", side.letter()),
        };
        Process::start(&self.host(side).netns, &start)
    }

    /// Runs a program on a host to its end; its standard output.
    pub(super) fn run(&self, run: &Run<'_>, stop: &Stop) -> Result<String, NetError> {
        let arguments: Vec<&str> = run.arguments.split(' ').collect();
        let mut process = self.start(run.side, run.program, run.program, &arguments)?;
        let status = stop.wait(process.child(), run.limit)?;
        match status {
            Some(status) if status.success() => Ok(process.output()),
            Some(_) => Err(NetError::Refused {
                command: format!("{} {}", run.program, run.arguments),
                output: process.tail(),
            }),
            None => Err(NetError::Late {
                what: format!("the end of {} {}", run.program, run.arguments),
                seconds: run.limit.as_secs(),
                log: process.tail(),
            }),
        }
    }

    /// Tries until it is true. `what` is the name under which it was started: its log tells why not.
    pub(super) fn await_that(
        &self,
        what: &str,
        limit: Duration,
        stop: &Stop,
        mut is_true: impl FnMut() -> Result<bool, NetError>,
    ) -> Result<(), NetError> {
        let deadline = clock::now() + limit;
        while !is_true()? {
            if clock::now() > deadline {
                let files = Side::ALL
                    .iter()
                    .flat_map(|side| ["err", "out"].map(|ending| (side.letter(), ending)));
                let logs = files.map(|(side, ending)| {
                    tail(&self.folder.join(format!("{what}-{side}.{ending}")))
                });
                let logs: Vec<String> = logs.filter(|log| !log.is_empty()).collect();
                return Err(NetError::Late {
                    what: what.to_owned(),
                    seconds: limit.as_secs(),
                    log: logs.join("\n"),
                });
            }
            stop.pause(TICK)?;
        }
        Ok(())
    }

    /// Whether somebody on the host listens on the TCP port.
    pub(super) fn listens(&self, side: Side, port: u16) -> Result<bool, NetError> {
        let tables = self.host(side).netns.run(|| {
            let read = |table| {
                std::fs::read_to_string(format!("/proc/thread-self/net/{table}"))
                    .unwrap_or_default()
            };
            read("tcp") + &read("tcp6")
        })?;
        Ok(tables.lines().any(|line| is_listening(line, port)))
    }
}

/// A program that ends by itself.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) side: Side,
    pub(super) program: &'static str,
    /// Split at its spaces.
    pub(super) arguments: &'a str,
    pub(super) limit: Duration,
}

/// A line of `/proc/net/tcp`: local address, remote address and state 0A (proc_pid_net(5)).
fn is_listening(line: &str, port: u16) -> bool {
    let mut fields = line.split_whitespace().skip(1);
    let local = fields.next().and_then(|local| local.rsplit(':').next());
    let state = fields.nth(1);
    state == Some("0A") && local.and_then(|port| u16::from_str_radix(port, 16).ok()) == Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listening_socket_of_the_port_counts() {
        let listening = "   0: 00000000000000000000000000000000:1451 00000000000000000000000000000000:0000 0A 0";
        assert!(is_listening(listening, 5_201));
        assert!(!is_listening(listening, 5_202));
        assert!(!is_listening(
            "   1: 0100007F:1451 0100007F:9C40 01 0",
            5_201
        ));
        assert!(!is_listening(
            "  sl  local_address rem_address   st tx_queue",
            5_201
        ));
    }

    #[test]
    fn sides_have_addresses_of_their_own() {
        assert_eq!(Side::A.other().other(), Side::A);
        assert_ne!(Side::A.underlay(), Side::B.underlay());
        assert_ne!(Side::A.inner_prefix(), Side::B.inner_prefix());
    }
}
