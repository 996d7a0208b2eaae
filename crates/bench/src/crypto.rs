//! `bench crypto`: what the bare AEADs cost, one core, nothing around them.
//!
//! Packets are sealed and opened in place in trains of 64 KiB, as the packet path does, so that what is measured finds
//! its input in the cache. Associated data are 16 bytes, the length of a link header.

use std::time::Duration;

use linkveil_crypto::{Iv, KeyBytes, Suite, Tag};
use linkveil_net::clock;
use serde::Serialize;

#[cfg(feature = "rustcrypto")]
use crate::backend::RustCrypto;
use crate::backend::{AwsLc, Backend};
use crate::progress::Progress;
use crate::report::{Bar, Better, Cell, Chart, Grid, Section};
use crate::stats::Summary;
use crate::timing::{Done, Plan, Subject, TimingError, Worker, measure};

/// Lengths in bytes: a small packet, a short one, a full one at MTU 1,500, a jumbo frame, the longest TLS record.
pub const SIZES: [usize; 5] = [64, 256, 1_420, 9_000, 16_384];

/// Bytes of the packets that are handled at once: about what one train of datagrams carries.
const TRAIN_BYTES: usize = 65_536;
/// The longest train has this many packets.
const TRAIN_PACKETS: usize = 64;

const AAD: [u8; 16] = [0xaa; 16];

/// What is done to a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Encrypt and authenticate.
    Seal,
    /// Check and decrypt.
    Open,
}

impl Operation {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Open => "open",
        }
    }
}

/// One figure of `bench crypto`.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Name of the suite, as in configurations.
    pub suite: &'static str,
    /// The library.
    pub backend: &'static str,
    /// What was done.
    pub operation: Operation,
    /// Length of the packets in bytes.
    pub bytes: usize,
    /// Time of one packet.
    pub nanoseconds_per_packet: Summary,
    /// From the median, in units of 10^9 bytes.
    pub gigabytes_per_second: f64,
}

/// The outcome of `bench crypto`.
#[derive(Clone, Debug, Serialize)]
pub struct CryptoReport {
    /// Samples of every row.
    pub rounds: u32,
    /// Length of one sample.
    pub sample_milliseconds: f64,
    /// Every combination.
    pub rows: Vec<Row>,
}

/// Measures all suites, the backends that were compiled in, and all [`SIZES`].
///
/// # Errors
///
/// A packet that does not open, or a machine without a thread to spare.
pub fn run(plan: Plan, progress: &mut Progress<'_>) -> Result<CryptoReport, TimingError> {
    let mut subjects = Vec::new();
    let mut labels = Vec::new();
    for suite in Suite::ALL {
        add::<AwsLc>(suite, &mut subjects, &mut labels);
        #[cfg(feature = "rustcrypto")]
        add::<RustCrypto>(suite, &mut subjects, &mut labels);
    }
    let times = measure(plan, &mut subjects, progress)?;
    let rows = labels.into_iter().zip(times).map(|(label, time)| Row {
        suite: label.suite.name(),
        backend: label.backend,
        operation: label.operation,
        bytes: label.bytes,
        gigabytes_per_second: label.bytes as f64 / time.whole.median,
        nanoseconds_per_packet: time.whole,
    });
    Ok(CryptoReport {
        rounds: plan.rounds,
        sample_milliseconds: plan.sample.as_secs_f64() * 1e3,
        rows: rows.collect(),
    })
}

struct Label {
    suite: Suite,
    backend: &'static str,
    operation: Operation,
    bytes: usize,
}

fn add<B: Backend + 'static>(suite: Suite, subjects: &mut Vec<Subject>, labels: &mut Vec<Label>) {
    for operation in [Operation::Seal, Operation::Open] {
        for bytes in SIZES {
            let name = format!("{suite}, {}, {}, {bytes} B", B::NAME, operation.name());
            subjects.push(Subject::new(name, vec![bare::<B>(suite, operation, bytes)]));
            labels.push(Label {
                suite,
                backend: B::NAME,
                operation,
                bytes,
            });
        }
    }
}

/// A worker that does nothing but seal or open packets of so many bytes.
#[must_use]
pub fn bare<B: Backend + 'static>(
    suite: Suite,
    operation: Operation,
    bytes: usize,
) -> Box<dyn Worker> {
    match operation {
        Operation::Seal => Box::new(Sealing::<B>::new(suite, bytes)),
        Operation::Open => Box::new(Opening::<B>::new(suite, bytes)),
    }
}

fn train(bytes: usize) -> Vec<Vec<u8>> {
    let packets = (TRAIN_BYTES / bytes.max(1)).clamp(1, TRAIN_PACKETS);
    vec![vec![0; bytes]; packets]
}

fn key<B: Backend>(suite: Suite) -> B {
    B::new(suite, &KeyBytes::new([7; 32]))
}

struct Sealing<B> {
    key: B,
    iv: Iv,
    number: u64,
    train: Vec<Vec<u8>>,
}

impl<B: Backend> Sealing<B> {
    fn new(suite: Suite, bytes: usize) -> Self {
        Self {
            key: key(suite),
            iv: Iv::new([9; 12]),
            number: 0,
            train: train(bytes),
        }
    }
}

impl<B: Backend> Worker for Sealing<B> {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        let mut done = 0;
        let begin = clock::now();
        while done < packets {
            for text in &mut self.train {
                self.number += 1;
                std::hint::black_box(self.key.seal(self.iv.nonce(self.number), &AAD, text));
            }
            done += self.train.len() as u64;
        }
        Ok(Done::new(done, clock::now() - begin))
    }
}

struct Opening<B> {
    key: B,
    iv: Iv,
    sealed: Vec<(Vec<u8>, Tag)>,
    train: Vec<Vec<u8>>,
}

impl<B: Backend> Opening<B> {
    fn new(suite: Suite, bytes: usize) -> Self {
        let (key, iv): (B, _) = (key(suite), Iv::new([9; 12]));
        let sealed = (0..).zip(train(bytes)).map(|(number, mut text)| {
            let tag = key.seal(iv.nonce(number), &AAD, &mut text);
            (text, tag)
        });
        Self {
            sealed: sealed.collect(),
            train: train(bytes),
            key,
            iv,
        }
    }

    /// Opens the whole train; how long that took. Copying the ciphertexts into place is not in it.
    fn open_train(&mut self) -> Result<Duration, String> {
        for (text, (sealed, _)) in self.train.iter_mut().zip(&self.sealed) {
            text.copy_from_slice(sealed);
        }
        let begin = clock::now();
        for ((number, text), (_, tag)) in (0..).zip(&mut self.train).zip(&self.sealed) {
            let opened = self.key.open(self.iv.nonce(number), &AAD, text, tag);
            opened.map_err(|_| "a packet that was sealed does not open".to_owned())?;
        }
        Ok(clock::now() - begin)
    }
}

impl<B: Backend> Worker for Opening<B> {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        let mut done = Done::NOTHING;
        while done.packets < packets {
            let elapsed = self.open_train()?;
            done.add(Done::new(self.train.len() as u64, elapsed));
        }
        Ok(done)
    }
}

impl CryptoReport {
    /// The report as it is shown.
    #[must_use]
    pub fn section(&self) -> Section {
        let rows = self.rows.iter().map(|row| {
            vec![
                Cell::text(row.suite),
                Cell::text(row.backend),
                Cell::text(row.operation.name()),
                Cell::count(row.bytes),
                Cell::number(row.nanoseconds_per_packet.median, 1),
                Cell::percent(row.nanoseconds_per_packet.spread()),
                Cell::number(row.gigabytes_per_second, 2),
            ]
        });
        let header = [
            "suite",
            "library",
            "operation",
            "bytes",
            "ns/packet",
            "spread",
            "GB/s",
        ];
        Section {
            title: "AEAD, one core".to_owned(),
            notes: vec![format!(
                "Medians of {} interleaved rounds of {} ms. Spread: lowest to highest, as a share of the median. \
                 1 GB is 10^9 bytes.",
                self.rounds, self.sample_milliseconds
            )],
            grids: vec![Grid::new("", &header, rows.collect())],
            charts: Suite::ALL
                .iter()
                .map(|suite| self.chart(suite.name()))
                .collect(),
        }
    }

    fn chart(&self, suite: &str) -> Chart {
        let bars = self
            .rows
            .iter()
            .filter(|row| row.suite == suite)
            .filter_map(|row| {
                let (bytes, backend, operation) = (row.bytes, row.backend, row.operation.name());
                let speed = row.nanoseconds_per_packet.map(|time| bytes as f64 / time)?;
                Some(Bar {
                    label: format!("{operation} {bytes} B, {backend}"),
                    value: speed,
                    own: row.operation == Operation::Seal,
                })
            });
        Chart {
            title: suite.to_owned(),
            unit: "GB/s",
            better: Better::Higher,
            bars: bars.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
