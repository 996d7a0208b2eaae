//! The arguments of `linkveil bench`, and what each command does.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use linkveil_crypto::Suite;
use serde::Serialize;

use crate::crypto;
use crate::lane;
use crate::machine::Machine;
use crate::net::{self, NetError, Peer, UnderlayOffload};
use crate::progress::Progress;
use crate::report::{Page, Section, html, text};
use crate::timing::{Plan, TimingError};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A measurement in memory failed.
    #[error("cannot measure: {0}")]
    Timing(#[from] TimingError),
    /// Tunnels could not be measured.
    #[error("cannot measure: {0}")]
    Net(#[from] NetError),
    /// The page could not be written.
    #[error("cannot write {}: {error}", .path.display())]
    Page {
        /// Where it was to go.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// Standard output could not be written.
    #[error("cannot write the report: {0}")]
    Output(#[from] io::Error),
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// The bare AEADs: seal and open per suite, library and packet size, on one core
    Crypto(MemoryArgs),
    /// The whole packet path between queues in memory: per number of lanes, both directions, hop by hop
    Lane(LaneArgs),
    /// Real tunnels between two network namespaces: linkveil, its peers, unencrypted VXLAN; needs root
    Net(NetArgs),
}

/// `bench net`.
#[derive(Debug, Args)]
pub struct NetArgs {
    /// Tunnels to compare with [default: all of them]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub peers: Vec<Peer>,
    /// Samples of everything that is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
    /// Length of each of the eight loads, in seconds
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// MTU of the underlay
    #[arg(long, value_name = "BYTES", default_value_t = 1_500, value_parser = clap::value_parser!(u32).range(1_400..=65_535))]
    pub mtu: u32,
    /// Let the kernel cut trains before they cross the underlay, as for a network card without offloads
    #[arg(long)]
    pub no_gso: bool,
    /// AEAD of linkveil: aes-256-gcm or chacha20-poly1305
    #[arg(long, default_value_t)]
    pub suite: Suite,
    /// A line for `[node]` in linkveil's configurations, for example lanes=1; may be repeated. linkveil-poll keeps its own
    /// lanes and busy_poll
    #[arg(long, value_name = "KEY=VALUE")]
    pub node: Vec<String>,
    /// Where the report goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl NetArgs {
    fn options(&self) -> net::Options {
        let peers = if self.peers.is_empty() {
            Peer::all_others()
        } else {
            self.peers.clone()
        };
        net::Options {
            peers,
            rounds: self.rounds,
            seconds: self.seconds,
            mtu: self.mtu,
            offload: if self.no_gso {
                UnderlayOffload::Cut
            } else {
                UnderlayOffload::Whole
            },
            suite: self.suite,
            node: self.node.clone(),
        }
    }
}

/// `bench lane`.
#[derive(Debug, Args)]
pub struct LaneArgs {
    /// AEAD of the tunnel: aes-256-gcm or chacha20-poly1305
    #[arg(long, default_value_t)]
    pub suite: Suite,
    /// Lanes that are compared with one [default: the cores that linkveil may run on]
    #[arg(long, value_name = "N", value_parser = lane_count)]
    pub lanes: Option<usize>,
    /// How long, and where to.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// How long a measurement in memory takes, and where its report goes.
#[derive(Debug, Args)]
pub struct MemoryArgs {
    /// Samples of everything that is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub rounds: u32,
    /// Length of one sample
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = sample_length)]
    pub sample: Duration,
    /// Where the report goes.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl MemoryArgs {
    fn plan(&self) -> Plan {
        Plan {
            rounds: self.rounds,
            sample: self.sample,
        }
    }
}

/// Where the report goes.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Print JSON with every sample instead of tables
    #[arg(long)]
    pub json: bool,
    /// Also write one page with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Longest sample: a minute. Packet counts of calibration stay far from their end.
const LONGEST_SAMPLE: Duration = Duration::from_secs(60);

fn lane_count(text: &str) -> Result<usize, String> {
    let count = text
        .parse()
        .ok()
        .filter(|count| (1..=lane::MAX_LANES).contains(count));
    count.ok_or_else(|| format!("expected 1 to {}", lane::MAX_LANES))
}

fn sample_length(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if length.is_zero() || length > LONGEST_SAMPLE {
        return Err("expected more than 0 and at most 1m".to_owned());
    }
    Ok(length)
}

/// Measures, says on `progress` how far it is, and prints the report on `out`.
///
/// # Errors
///
/// What could not be measured or written.
pub fn run(
    command: &BenchCommand,
    progress: &mut Progress<'_>,
    out: &mut impl Write,
) -> Result<(), BenchError> {
    let machine = Machine::here();
    if let Some(warning) = machine.warning() {
        progress.say(format_args!("warning: {warning}"));
    }
    match command {
        BenchCommand::Crypto(args) => {
            let report = crypto::run(args.plan(), progress)?;
            let shown = Shown {
                title: "linkveil bench crypto",
                sections: vec![report.section()],
                data: &report,
            };
            show(machine, shown, &args.output, out)
        }
        BenchCommand::Lane(args) => {
            let report = lane::run(args.memory.plan(), args.suite, args.lanes, progress)?;
            let shown = Shown {
                title: "linkveil bench lane",
                sections: vec![report.section()],
                data: &report,
            };
            show(machine, shown, &args.memory.output, out)
        }
        BenchCommand::Net(args) => {
            let report = net::run(&args.options(), progress)?;
            let shown = Shown {
                title: "linkveil bench net",
                sections: vec![report.section()],
                data: &report,
            };
            show(machine, shown, &args.output, out)
        }
    }
}

/// One report in both of its forms.
struct Shown<'a, T> {
    title: &'a str,
    sections: Vec<Section>,
    data: &'a T,
}

/// The root of the JSON.
#[derive(Serialize)]
struct Root<'a, T> {
    bench: &'a str,
    machine: &'a Machine,
    report: &'a T,
}

fn show<T: Serialize>(
    machine: Machine,
    shown: Shown<'_, T>,
    output: &OutputArgs,
    out: &mut impl Write,
) -> Result<(), BenchError> {
    let page = Page {
        title: shown.title.to_owned(),
        machine,
        sections: shown.sections,
    };
    if let Some(path) = &output.html {
        let path = path.clone();
        fs::write(&path, html::render(&page)).map_err(|error| BenchError::Page { path, error })?;
    }
    if output.json {
        let root = Root {
            bench: shown.title,
            machine: &page.machine,
            report: shown.data,
        };
        serde_json::to_writer_pretty(&mut *out, &root).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", text::render(&page))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_have_a_length_between_nothing_and_a_minute() {
        assert_eq!(sample_length("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(sample_length("1m"), Ok(LONGEST_SAMPLE));
        assert!(sample_length("0s").is_err());
        assert!(sample_length("61s").is_err());
        assert!(sample_length("fast").is_err());
    }
}
