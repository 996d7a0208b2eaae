//! `bench net`: real tunnels between two network namespaces, linkveil among them in more than one form.
//!
//! ```text
//!   host a                               host b
//!   iperf3 -c, ping ---> [tunnel] <----> [tunnel] ---> iperf3 -s
//!                        under0 ===veth=== under0
//! ```
//!
//! Rounds are interleaved over the tunnels. In each round a tunnel is set up, measured and taken down, and has the
//! machine to itself meanwhile. Everything is removed at the end, however it comes about: namespaces, devices, programs
//! and files each belong to a value that removes them when it goes.

mod error;
mod hosts;
mod iperf;
mod load;
mod measure;
mod ping;
mod process;
mod show;
mod stop;
mod tools;
mod tunnel;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

use linkveil_crypto::Suite;
use serde::Serialize;

use crate::progress::Progress;
use crate::stats::Summary;
use hosts::Hosts;
use load::Load;
use stop::Stop;
use tunnel::Context;

pub use error::NetError;
pub use measure::Measure;
pub use tunnel::Peer;

/// What is compared, and how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// Besides linkveil.
    pub peers: Vec<Peer>,
    /// Samples of every measure.
    pub rounds: u32,
    /// Length of each load in seconds; there are eight of them.
    pub seconds: u32,
    /// MTU of the underlay in bytes.
    pub mtu: u32,
    /// Whether the underlay takes whole trains.
    pub offload: UnderlayOffload,
    /// linkveil's suite.
    pub suite: Suite,
    /// Lines for the table `[node]` of linkveil's configurations, `key = value`.
    pub node: Vec<String>,
}

/// What the underlay's devices take at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnderlayOffload {
    /// Trains cross the cable whole, as between virtual machines and on good cards.
    Whole,
    /// The kernel cuts every train before the cable (`gso_max_segs 1`), as for a card without offloads.
    Cut,
}

/// One tunnel's figures.
#[derive(Clone, Debug, Serialize)]
pub struct TunnelRow {
    /// Which one.
    pub tunnel: Peer,
    /// What it says its version is.
    pub version: String,
    /// MTU of its device in bytes.
    pub mtu: Option<u32>,
    /// Lines of `[node]` that make this form of linkveil.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node: Vec<String>,
    /// By [`Measure::key`]. What a tunnel has not (a daemon's memory, say) is not in it.
    pub measures: BTreeMap<&'static str, Summary>,
    /// Loads that were put on twice, because iperf3 failed the first time.
    pub repeated: u32,
    /// Why it has fewer samples than there were rounds.
    pub failure: Option<String>,
}

/// A tunnel that was asked for and is not there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Skipped {
    /// Which one.
    pub tunnel: Peer,
    /// What is missing.
    pub missing: String,
    /// What to do about it.
    pub remedy: String,
}

/// The outcome of `bench net`.
#[derive(Clone, Debug, Serialize)]
pub struct NetReport {
    /// Samples of every measure.
    pub rounds: u32,
    /// Length of each load.
    pub seconds: u32,
    /// MTU of the underlay.
    pub underlay_mtu_bytes: u32,
    /// Whether trains crossed it whole.
    pub underlay_offload: UnderlayOffload,
    /// linkveil's suite.
    pub suite: &'static str,
    /// Lines that were added to linkveil's `[node]`.
    pub node: Vec<String>,
    /// Version of the load's program.
    pub iperf3: String,
    /// In the order in which they were asked for; linkveil as it comes is first.
    pub tunnels: Vec<TunnelRow>,
    /// What is not in it, and why.
    pub skipped: Vec<Skipped>,
}

/// Samples of one tunnel until they are summed up.
struct Samples {
    peer: Peer,
    version: String,
    mtu: Option<u32>,
    measures: BTreeMap<Measure, Vec<f64>>,
    repeated: u32,
    failure: Option<String>,
}

/// Measures linkveil and its peers.
///
/// # Errors
///
/// This is not root, a tool is missing, linkveil itself failed, or somebody pressed Ctrl-C. A *peer* that fails is only
/// noted.
pub fn run(options: &Options, progress: &mut Progress<'_>) -> Result<NetReport, NetError> {
    let stop = Stop::on_signals()?;
    let iperf3 = tools::require_common()?;
    let folder = tempfile::Builder::new().prefix("linkveil-bench.").tempdir();
    let folder = folder
        .map_err(|error| NetError::system("cannot make a folder for temporary files", error))?;
    let hosts = Hosts::new(folder.path(), options.mtu, options.offload)?;
    let context = Context::new(&hosts, &stop, options)?;
    let (mut tunnels, skipped) = choose(&context, options, progress);
    announce(options, tunnels.len(), progress);
    for round in 1..=options.rounds {
        for tunnel in tunnels.iter_mut().filter(|tunnel| tunnel.failure.is_none()) {
            let name = tunnel.peer.name();
            progress.say(format_args!("round {round} of {}: {name}", options.rounds));
            let measured = one_round(&context, tunnel, options.seconds, progress);
            if let Err(error) = measured {
                note_failure(tunnel, error, progress)?;
            }
        }
    }
    Ok(NetReport {
        rounds: options.rounds,
        seconds: options.seconds,
        underlay_mtu_bytes: options.mtu,
        underlay_offload: options.offload,
        suite: options.suite.name(),
        node: options.node.clone(),
        iperf3,
        tunnels: tunnels.into_iter().map(Samples::sum_up).collect(),
        skipped,
    })
}

/// Those that are installed, and those that are not.
fn choose(
    context: &Context<'_>,
    options: &Options,
    progress: &mut Progress<'_>,
) -> (Vec<Samples>, Vec<Skipped>) {
    let (mut there, mut skipped) = (Vec::new(), Vec::new());
    let mut asked = vec![Peer::Linkveil];
    for peer in &options.peers {
        if !asked.contains(peer) {
            asked.push(*peer);
        }
    }
    for peer in asked {
        match peer.version(context) {
            Ok(version) => there.push(Samples {
                peer,
                version,
                mtu: None,
                measures: BTreeMap::new(),
                repeated: 0,
                failure: None,
            }),
            Err(missing) => {
                progress.say(format_args!(
                    "without {}: {}; {}",
                    peer.name(),
                    missing.missing,
                    missing.remedy
                ));
                skipped.push(missing);
            }
        }
    }
    (there, skipped)
}

/// Seconds that a tunnel takes in a round besides its loads: to come up, to go down, and for the loads to begin.
const SETUP_SECONDS: u32 = 5;

fn announce(options: &Options, tunnels: usize, progress: &mut Progress<'_>) {
    let tunnels = u32::try_from(tunnels).unwrap_or(u32::MAX);
    let round = load::LOADS * options.seconds + SETUP_SECONDS;
    let minutes = f64::from(options.rounds) * f64::from(tunnels) * f64::from(round) / 60.0;
    progress.say(format_args!(
        "tunnels: {tunnels}, rounds: {}, about {minutes:.0} min",
        options.rounds
    ));
}

fn one_round(
    context: &Context<'_>,
    samples: &mut Samples,
    seconds: u32,
    progress: &mut Progress<'_>,
) -> Result<(), NetError> {
    let tunnel = samples.peer.start(context)?;
    samples.mtu = tunnel.mtu(context);
    let load = Load {
        hosts: context.hosts,
        stop: context.stop,
        seconds,
        repeated: Cell::new(0),
    };
    let measured = load.measure(&tunnel)?;
    samples.repeated += load.repeated.get();
    for (measure, value) in measured {
        progress.say(format_args!(
            "  {}: {value:.2} {}",
            measure.title(),
            measure.unit()
        ));
        samples.measures.entry(measure).or_default().push(value);
    }
    Ok(())
}

/// Passes on what ends everything.
fn note_failure(
    samples: &mut Samples,
    error: NetError,
    progress: &mut Progress<'_>,
) -> Result<(), NetError> {
    if samples.peer == Peer::Linkveil || matches!(error, NetError::Stopped) {
        return Err(error);
    }
    progress.say(format_args!(
        "  {} failed and is left out from here on: {error}",
        samples.peer.name()
    ));
    samples.failure = Some(error.to_string());
    Ok(())
}

impl Samples {
    fn sum_up(self) -> TunnelRow {
        let settings = self.peer.settings().iter();
        let summed = self.measures.into_iter();
        let summed =
            summed.filter_map(|(measure, samples)| Some((measure.key(), Summary::of(samples)?)));
        TunnelRow {
            tunnel: self.peer,
            version: self.version,
            mtu: self.mtu,
            node: settings
                .map(|(key, value)| format!("{key} = {value}"))
                .collect(),
            measures: summed.collect(),
            repeated: self.repeated,
            failure: self.failure,
        }
    }
}

/// The end of a log, for errors.
fn tail(path: &Path) -> String {
    const LINES: usize = 10;
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(LINES)..)
        .unwrap_or_default()
        .join("\n")
}

#[cfg(test)]
mod tests;
