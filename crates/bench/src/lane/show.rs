//! `bench lane` as tables and bars.

use super::{LaneReport, LaneRow, Side};
use crate::report::{Bar, Better, Cell, Chart, Grid, Section};
use crate::stats::Summary;

impl LaneReport {
    /// The report as it is shown.
    #[must_use]
    pub fn section(&self) -> Section {
        Section {
            title: format!("Lanes in memory, {}", self.suite),
            notes: vec![
                format!(
                    "Medians of {} interleaved rounds of {} ms. Bytes and bits are those of inner packets; ns/packet is \
                     the time of one lane. Bare: the AEAD alone on as many bytes and threads, in the same round. Spread: \
                     lowest to highest, as a share of the median. Devices with offloads hand over and take super-packets of \
                     TCP, of 64 KiB on the way out; packets are what leaves as one datagram each.",
                    self.rounds, self.sample_milliseconds
                ),
                "Of bare: bare ns over ns/packet, of the whole time as measured; 1 would be a packet path that costs nothing. Copy \
                 ns: the part of ns/packet that the device on the way out, the socket on the way in, takes to copy the packet \
                 into the lane's batch, by two readings of the clock for each batch. It stands for what the kernel does inside of \
                 a system call; a few ns of it, the batch's list, a lane with real queues pays itself. Without copy: bare ns over \
                 the rest, the lane's own work. The bare AEAD copies nothing, and is measured the same in both."
                    .to_owned(),
                "Hops are cumulative: a lane is given packets that the next hop refuses. A row adds what it takes more \
                 than the row before."
                    .to_owned(),
            ],
            grids: vec![
                self.pipelines(),
                self.macsec(),
                self.scaling(),
                self.hops(),
            ],
            charts: self.charts(),
        }
    }

    fn pipelines(&self) -> Grid {
        pipelines("The whole pipeline", &self.rows)
    }

    fn macsec(&self) -> Grid {
        let title = format!("MACsec, {}; bytes of plain frames", self.macsec_suite);
        pipelines(&title, &self.macsec)
    }

    fn scaling(&self) -> Grid {
        let rows = self.scaling.iter().map(|row| {
            vec![
                Cell::text(row.side.name()),
                Cell::count(row.bytes),
                Cell::text(row.devices.name()),
                Cell::count(row.lanes),
                Cell::number(row.lane_speedup.median, 2),
                Cell::number(row.bare_speedup.median, 2),
                Cell::number(row.share.median, 2),
                Cell::percent(row.share.spread()),
            ]
        });
        let header = [
            "side",
            "bytes",
            "devices",
            "lanes",
            "speed-up",
            "bare AEAD's",
            "share",
            "spread",
        ];
        Grid::new("Several lanes against one", &header, rows.collect())
    }

    fn hops(&self) -> Grid {
        let rows = self.hops.iter().map(|row| {
            vec![
                Cell::text(row.side.name()),
                Cell::count(row.bytes),
                Cell::text(row.hops),
                Cell::number(row.nanoseconds_added, 1),
                Cell::number(row.nanoseconds_until.median, 1),
                Cell::percent(row.nanoseconds_until.spread()),
            ]
        });
        let header = ["side", "bytes", "hop", "ns", "ns until here", "spread"];
        Grid::new("One lane hop by hop", &header, rows.collect())
    }

    fn charts(&self) -> Vec<Chart> {
        let sides = Side::ALL.into_iter().map(|side| {
            let rows = self.rows.iter().filter(|row| row.side == side);
            Chart {
                title: format!("{}, all lanes together", side.name()),
                unit: "million packets/s",
                better: Better::Higher,
                bars: rows.flat_map(bars).collect(),
            }
        });
        sides.collect()
    }
}

/// Whole pipelines beside the bare AEAD.
fn pipelines(title: &str, rows: &[LaneRow]) -> Grid {
    let rows = rows.iter().map(|row| {
        vec![
            Cell::text(row.side.name()),
            Cell::count(row.bytes),
            Cell::text(row.devices.name()),
            Cell::count(row.lanes),
            Cell::number(row.packets_per_second / 1e6, 2),
            Cell::number(row.gigabits_per_second, 2),
            Cell::number(row.nanoseconds_per_packet.median, 1),
            Cell::percent(row.nanoseconds_per_packet.spread()),
            Cell::number(row.bare_nanoseconds_per_packet.median, 1),
            Cell::number(row.share_of_bare.median, 2),
            Cell::number(row.copy_nanoseconds_per_packet.median, 1),
            Cell::number(row.share_of_bare_without_copy.median, 2),
        ]
    });
    let header = [
        "side",
        "bytes",
        "devices",
        "lanes",
        "M packets/s",
        "Gb/s",
        "ns/packet",
        "spread",
        "bare ns",
        "of bare",
        "copy ns",
        "without copy",
    ];
    Grid::new(title, &header, rows.collect())
}

/// The pipeline, and below it the bare AEAD.
fn bars(row: &LaneRow) -> impl Iterator<Item = Bar> {
    let rate = |time: &Summary| time.map(|time| row.lanes as f64 * 1e3 / time);
    let what = format!(
        "{} B, {}, {}",
        row.bytes,
        row.devices.name(),
        threads(row.lanes)
    );
    let lane = rate(&row.nanoseconds_per_packet).map(|value| Bar {
        label: what.clone(),
        value,
        own: true,
    });
    let bare = rate(&row.bare_nanoseconds_per_packet).map(|value| Bar {
        label: format!("{what}, bare"),
        value,
        own: false,
    });
    lane.into_iter().chain(bare)
}

fn threads(lanes: usize) -> String {
    if lanes == 1 {
        "1 lane".to_owned()
    } else {
        format!("{lanes} lanes")
    }
}
