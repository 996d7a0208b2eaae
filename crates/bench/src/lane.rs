//! `bench lane`: the whole packet path between queues in memory, next to the bare AEAD in the same run.
//!
//! ```text
//!   egress     device (copies of one packet) --> lane --> socket (counts)
//!   ingress    tape (sealed outside of the time) --> lane --> device (counts)
//! ```
//!
//! Lanes of protected ports (MACsec) are measured in the same way, one of each half.
//!
//! A device with offloads hands over super-packets of TCP and takes them, as a kernel's does; a plain one, packet by packet.
//!
//! One thread per lane, each pinned to a core. Nothing of the kernel is in these figures but reading the clock and the
//! lane's waker once a turn; they are what remains when devices and sockets cost a copy.

mod hops;
mod macsec;
pub mod node;
pub mod queues;
mod show;
mod workers;

use linkveil_crypto::Suite;
use linkveil_dataplane::macsec::MacsecPool;
use linkveil_net::affinity::allowed_cores;
use serde::Serialize;

use crate::backend::AwsLc;
use crate::crypto::{Operation, bare};
use crate::progress::Progress;
use crate::stats::Summary;
use crate::timing::{Done, Plan, Subject, Times, TimingError, Worker, measure};
use node::Node;
use workers::Team;

/// What is carried: small packets, and full ones at MTU 1,500 from and to both kinds of device.
pub const LOADS: [Load; 3] = [
    Load {
        bytes: 64,
        devices: Devices::Plain,
    },
    Load {
        bytes: 1_420,
        devices: Devices::Plain,
    },
    Load {
        bytes: 1_420,
        devices: Devices::Offloads,
    },
];
/// What protected ports carry, in octets of plain frames.
pub const MACSEC_LOADS: [Load; 3] = macsec::LOADS;
/// A node has at most this many lanes.
pub const MAX_LANES: usize = 64;

/// What the tenants' devices do of themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Devices {
    /// Nothing: packets cross them one by one, with complete checksums.
    Plain,
    /// They segment TCP and UDP: a lane reads super-packets, and may write such.
    Offloads,
}

impl Devices {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Offloads => "offloads",
        }
    }
}

/// What a lane carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// Length of the inner packets in bytes, one datagram each.
    pub bytes: usize,
    /// What they come from, or go to.
    pub devices: Devices,
}

impl Load {
    fn name(self) -> String {
        format!("{} B, {}", self.bytes, self.devices.name())
    }
}

/// Which half of a lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// From device to socket: seals.
    Egress,
    /// From socket to device: opens.
    Ingress,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Egress, Self::Ingress];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::Ingress => "ingress",
        }
    }

    const fn operation(self) -> Operation {
        match self {
            Self::Egress => Operation::Seal,
            Self::Ingress => Operation::Open,
        }
    }
}

/// The whole pipeline of so many lanes.
#[derive(Clone, Debug, Serialize)]
pub struct LaneRow {
    /// Which half.
    pub side: Side,
    /// Length of the inner packets in bytes.
    pub bytes: usize,
    /// What they come from, or go to.
    pub devices: Devices,
    /// Lanes, each on a thread of its own.
    pub lanes: usize,
    /// Time that a packet takes one lane.
    pub nanoseconds_per_packet: Summary,
    /// Time that the bare AEAD takes for as many bytes, on as many threads.
    pub bare_nanoseconds_per_packet: Summary,
    /// Speed against the bare AEAD, round by round: 1 would be a pipeline that costs nothing.
    pub share_of_bare: Summary,
    /// Part of the time that device or socket took for its copy of the packet, which stands for the kernel's.
    pub copy_nanoseconds_per_packet: Summary,
    /// The same share of the time without that copy, round by round.
    pub share_of_bare_without_copy: Summary,
    /// All lanes together, from the median.
    pub packets_per_second: f64,
    /// Inner bits of all lanes together, in units of 10^9.
    pub gigabits_per_second: f64,
}

/// One lane up to and with a hop.
#[derive(Clone, Debug, Serialize)]
pub struct HopRow {
    /// Which half.
    pub side: Side,
    /// Length of the inner packets in bytes.
    pub bytes: usize,
    /// The hops that this row adds to the one before.
    pub hops: &'static str,
    /// Time from the first hop to the last of these.
    pub nanoseconds_until: Summary,
    /// What this row adds: the difference of the medians.
    pub nanoseconds_added: f64,
}

/// How several lanes scale, against how the bare AEAD scales on the same cores.
#[derive(Clone, Debug, Serialize)]
pub struct ScalingRow {
    /// Which half.
    pub side: Side,
    /// Length of the inner packets in bytes.
    pub bytes: usize,
    /// What they come from, or go to.
    pub devices: Devices,
    /// Lanes that are compared with one.
    pub lanes: usize,
    /// Packets per second of all lanes over those of one, round by round.
    pub lane_speedup: Summary,
    /// The same of the bare AEAD.
    pub bare_speedup: Summary,
    /// The first over the second, round by round. 1: the lanes scale as the cores do.
    pub share: Summary,
}

/// The outcome of `bench lane`.
#[derive(Clone, Debug, Serialize)]
pub struct LaneReport {
    /// Samples of every row.
    pub rounds: u32,
    /// Length of one sample.
    pub sample_milliseconds: f64,
    /// Name of the suite.
    pub suite: &'static str,
    /// Whole pipelines.
    pub rows: Vec<LaneRow>,
    /// Name of the suite of protected ports.
    pub macsec_suite: &'static str,
    /// One lane of a protected port; bytes are those of plain frames.
    pub macsec: Vec<LaneRow>,
    /// One lane against several.
    pub scaling: Vec<ScalingRow>,
    /// One lane hop by hop.
    pub hops: Vec<HopRow>,
}

/// Which pipeline.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Label {
    side: Side,
    load: Load,
    lanes: usize,
}

impl Label {
    fn name(self) -> String {
        format!(
            "{}, {}, lanes: {}",
            self.side.name(),
            self.load.name(),
            self.lanes
        )
    }
}

/// One lane, to be measured by other means than [`run`].
pub struct Pipeline {
    workers: Vec<Box<dyn Worker>>,
    _nodes: Vec<Node>,
    _pools: Vec<MacsecPool>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pipeline(..)")
    }
}

impl Pipeline {
    /// One lane that carries this.
    ///
    /// # Errors
    ///
    /// No descriptors left.
    pub fn new(side: Side, suite: Suite, load: Load) -> Result<Self, String> {
        let Team { workers, nodes } = team(side, suite, load, 1)?;
        Ok(Self {
            workers,
            _nodes: nodes,
            _pools: Vec::new(),
        })
    }

    /// One lane of a protected port that carries this, by AES-256 with extended packet numbers; bytes are those of plain
    /// frames.
    ///
    /// # Errors
    ///
    /// No descriptors left.
    pub fn macsec(side: Side, load: Load) -> Result<Self, String> {
        let (worker, pools) = macsec::subject(side, load)?;
        Ok(Self {
            workers: vec![worker],
            _nodes: Vec::new(),
            _pools: pools,
        })
    }

    /// Carries at least so many packets.
    ///
    /// # Errors
    ///
    /// A packet that did not come out.
    pub fn run(&mut self, packets: u64) -> Result<Done, String> {
        self.workers.first_mut().ok_or("no lane")?.run(packets)
    }
}

fn team(side: Side, suite: Suite, load: Load, lanes: usize) -> Result<Team, String> {
    match side {
        Side::Egress => workers::egress(suite, load, lanes),
        Side::Ingress => workers::ingress(suite, load, lanes),
    }
}

/// Everything that is measured, and what must live as long.
#[derive(Default)]
struct Bed {
    subjects: Vec<Subject>,
    pipelines: Vec<Label>,
    macsec: Vec<Label>,
    hops: Vec<(Side, usize, &'static str)>,
    _nodes: Vec<Node>,
    _pools: Vec<MacsecPool>,
}

/// Measures one lane and `lanes` lanes (by default as many as there are cores).
///
/// # Errors
///
/// A packet that got lost, a hop that did not refuse what it should, or a machine without a thread to spare.
pub fn run(
    plan: Plan,
    suite: Suite,
    lanes: Option<usize>,
    progress: &mut Progress<'_>,
) -> Result<LaneReport, TimingError> {
    let most = match lanes {
        Some(lanes) => lanes,
        None => allowed_cores()?.len().clamp(1, MAX_LANES),
    };
    let mut bed = Bed::default();
    let built = bed
        .add_pipelines(suite, most)
        .and_then(|()| bed.add_macsec())
        .and_then(|()| bed.add_hops(suite));
    built.map_err(|fault| TimingError::Fault {
        subject: "lanes in memory".to_owned(),
        fault,
    })?;
    let times = measure(plan, &mut bed.subjects, progress)?;
    let (pipelines, rest) = times.split_at(2 * bed.pipelines.len());
    let (macsec, hops) = rest.split_at(2 * bed.macsec.len());
    let rows = pipeline_rows(&bed.pipelines, pipelines)?;
    Ok(LaneReport {
        rounds: plan.rounds,
        sample_milliseconds: plan.sample.as_secs_f64() * 1e3,
        suite: suite.name(),
        macsec_suite: macsec::SUITE.name(),
        macsec: pipeline_rows(&bed.macsec, macsec)?,
        scaling: scaling_rows(&rows, most),
        hops: hops::rows(&bed.hops, hops, &rows),
        rows,
    })
}

impl Bed {
    /// Pipeline and bare AEAD, one after the other, for each half, size and number of lanes.
    fn add_pipelines(&mut self, suite: Suite, most: usize) -> Result<(), String> {
        let counts = if most > 1 { vec![1, most] } else { vec![1] };
        for lanes in counts {
            for (side, load) in sides_and_loads() {
                let label = Label { side, load, lanes };
                let Team { workers, nodes } = team(side, suite, load, lanes)?;
                let bare = (0..lanes).map(|_| bare::<AwsLc>(suite, side.operation(), load.bytes));
                self.subjects.push(Subject::new(label.name(), workers));
                self.subjects.push(Subject::new(
                    format!("bare {}", label.name()),
                    bare.collect(),
                ));
                self.pipelines.push(label);
                self._nodes.extend(nodes);
            }
        }
        Ok(())
    }

    /// The same for one lane of a protected port.
    fn add_macsec(&mut self) -> Result<(), String> {
        for side in Side::ALL {
            for load in macsec::LOADS {
                let label = Label {
                    side,
                    load,
                    lanes: 1,
                };
                let (worker, pools) = macsec::subject(side, load)?;
                let bare = bare::<AwsLc>(macsec::BARE, side.operation(), load.bytes);
                let name = format!("MACsec {}", label.name());
                self.subjects.push(Subject::new(name.clone(), vec![worker]));
                self.subjects
                    .push(Subject::new(format!("bare {name}"), vec![bare]));
                self.macsec.push(label);
                self._pools.extend(pools);
            }
        }
        Ok(())
    }

    fn add_hops(&mut self, suite: Suite) -> Result<(), String> {
        for (side, bytes) in sides_and_sizes() {
            let hops = match side {
                Side::Egress => hops::egress(suite, bytes)?,
                Side::Ingress => hops::ingress(suite, bytes)?,
            };
            for (name, worker) in hops {
                let subject = format!("{}, {bytes} B, until {name}", side.name());
                self.subjects.push(Subject::new(subject, vec![worker]));
                self.hops.push((side, bytes, name));
            }
        }
        Ok(())
    }
}

fn sides_and_loads() -> impl Iterator<Item = (Side, Load)> {
    Side::ALL
        .into_iter()
        .flat_map(|side| LOADS.into_iter().map(move |load| (side, load)))
}

/// What is taken apart hop by hop: single packets. A super-packet is refused as a whole, so its pieces never come as far as
/// they would have to.
fn sides_and_sizes() -> impl Iterator<Item = (Side, usize)> {
    let plain = sides_and_loads().filter(|(_, load)| load.devices == Devices::Plain);
    plain.map(|(side, load)| (side, load.bytes))
}

/// `times` holds pipeline and bare AEAD by turns.
fn pipeline_rows(labels: &[Label], times: &[Times]) -> Result<Vec<LaneRow>, TimingError> {
    let rows = labels
        .iter()
        .zip(times.chunks_exact(2))
        .map(|(label, pair)| {
            let none = || TimingError::NoTime(label.name());
            let [
                Times {
                    whole: lane,
                    copying,
                },
                Times { whole: bare, .. },
            ] = pair
            else {
                return Err(none());
            };
            let rest = round_by_round(lane, copying, |lane, copying| lane - copying);
            let rest = rest.ok_or_else(none)?;
            let share_of_rest = round_by_round(&rest, bare, |rest, bare| bare / rest);
            let share = round_by_round(lane, bare, |lane, bare| bare / lane);
            let rate = label.lanes as f64 * 1e9 / lane.median;
            Ok(LaneRow {
                side: label.side,
                bytes: label.load.bytes,
                devices: label.load.devices,
                lanes: label.lanes,
                nanoseconds_per_packet: lane.clone(),
                bare_nanoseconds_per_packet: bare.clone(),
                share_of_bare: share.ok_or_else(none)?,
                copy_nanoseconds_per_packet: copying.clone(),
                share_of_bare_without_copy: share_of_rest.ok_or_else(none)?,
                packets_per_second: rate,
                gigabits_per_second: rate * label.load.bytes as f64 * 8.0 / 1e9,
            })
        });
    rows.collect()
}

fn scaling_rows(rows: &[LaneRow], most: usize) -> Vec<ScalingRow> {
    let several = rows.iter().filter(|row| row.lanes == most && most > 1);
    let found = several.filter_map(|many| {
        let key = |row: &LaneRow| (row.side, row.bytes, row.devices);
        let same = |row: &&LaneRow| row.lanes == 1 && key(row) == key(many);
        let one = rows.iter().find(same)?;
        let speedup = |one: &Summary, many: &Summary| {
            round_by_round(one, many, |one, many| most as f64 * one / many)
        };
        let lane = speedup(&one.nanoseconds_per_packet, &many.nanoseconds_per_packet)?;
        let (one, many_bare) = (
            &one.bare_nanoseconds_per_packet,
            &many.bare_nanoseconds_per_packet,
        );
        let bare = speedup(one, many_bare)?;
        Some(ScalingRow {
            side: many.side,
            bytes: many.bytes,
            devices: many.devices,
            lanes: most,
            share: round_by_round(&lane, &bare, |lane, bare| lane / bare)?,
            lane_speedup: lane,
            bare_speedup: bare,
        })
    });
    found.collect()
}

/// What two subjects of the same rounds make together.
fn round_by_round(a: &Summary, b: &Summary, together: impl Fn(f64, f64) -> f64) -> Option<Summary> {
    let pairs = a.samples.iter().zip(&b.samples);
    Summary::of(pairs.map(|(a, b)| together(*a, *b)).collect())
}

#[cfg(test)]
mod tests;
