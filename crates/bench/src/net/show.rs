//! `bench net` as tables and bars.

use super::measure::Measure;
use super::{NetReport, TunnelRow, UnderlayOffload};
use crate::report::{Bar, Cell, Chart, Grid, Section};
use crate::stats::Summary;

impl NetReport {
    /// The report as it is shown.
    #[must_use]
    pub fn section(&self) -> Section {
        let (speeds, costs) = Measure::ALL.split_at(6);
        let mut grids = vec![
            self.medians("Received", speeds),
            self.medians("Delay and cost", costs),
        ];
        let own = self.tunnels.iter().filter(|row| row.tunnel.is_own());
        grids.extend(own.map(|row| self.ratios(row)));
        if self.rounds > 1 {
            grids.push(self.spreads());
        }
        grids.push(self.versions());
        Section {
            title: format!("Tunnels on one cable of MTU {}", self.underlay_mtu_bytes),
            notes: self.notes(),
            grids,
            charts: Measure::ALL
                .into_iter()
                .map(|measure| self.chart(measure))
                .collect(),
        }
    }

    fn notes(&self) -> Vec<String> {
        let cut = match self.underlay_offload {
            UnderlayOffload::Whole => "Trains cross the cable whole.",
            UnderlayOffload::Cut => "The kernel cuts trains before the cable (--no-gso).",
        };
        let rounds = match self.rounds {
            1 => "One round".to_owned(),
            rounds => format!("Medians of {rounds} rounds"),
        };
        let node = if self.node.is_empty() {
            String::new()
        } else {
            format!(", [node] {}", self.node.join(", "))
        };
        let mut notes = vec![
            format!(
                "{rounds}, {} s for each load, interleaved over the tunnels; both ends and the load share \
                 this machine. Compare the figures of one run with each other, and with nothing else.",
                self.seconds
            ),
            format!(
                "linkveil: {}{node}. {cut} Loads: {} and ping.",
                self.suite, self.iperf3
            ),
        ];
        let forms = self.tunnels.iter().filter(|row| !row.node.is_empty());
        notes.extend(forms.map(|row| {
            let (name, node) = (row.tunnel.name(), row.node.join(", "));
            format!("{name}: linkveil with [node] {node}.")
        }));
        let skipped = self.skipped.iter();
        notes.extend(skipped.map(|row| {
            format!(
                "Without {}: {}; {}.",
                row.tunnel.name(),
                row.missing,
                row.remedy
            )
        }));
        let repeated = self.tunnels.iter().filter(|row| row.repeated > 0);
        notes.extend(repeated.map(|row| {
            let (name, times) = (row.tunnel.name(), row.repeated);
            format!("{name}: iperf3 failed and was run again, {times} times.")
        }));
        let failed = self
            .tunnels
            .iter()
            .filter_map(|row| Some((row.tunnel.name(), row.failure.as_ref()?)));
        notes.extend(failed.map(|(name, failure)| format!("{name} failed: {failure}")));
        notes
    }

    fn medians(&self, title: &str, measures: &[Measure]) -> Grid {
        let cell =
            |row: &TunnelRow, measure: Measure| Cell::median(row.of(measure), measure.decimals());
        self.grid(title, measures, cell)
    }

    fn spreads(&self) -> Grid {
        let cell = |row: &TunnelRow, measure: Measure| {
            row.of(measure)
                .map_or_else(Cell::none, |summary| Cell::percent(summary.spread()))
        };
        self.grid(
            "Spread: lowest to highest, as a share of the median",
            &Measure::ALL,
            cell,
        )
    }

    /// The figures of one form of linkveil over those of the others, round by round.
    fn ratios(&self, own: &TunnelRow) -> Grid {
        let cell = |row: &TunnelRow, measure: Measure| {
            let both = own.of(measure).zip(row.of(measure));
            let ratio = both.and_then(|(own, other)| ratio(own, other));
            Cell::median(ratio.as_ref(), 2)
        };
        let name = own.tunnel.name();
        let title = format!("{name} over each: medians of the rounds' ratios");
        let mut grid = self.grid(&title, &Measure::ALL, cell);
        // Itself is 1.
        grid.rows
            .retain(|row| row.first() != Some(&Cell::text(name)));
        grid
    }

    fn grid(
        &self,
        title: &str,
        measures: &[Measure],
        cell: impl Fn(&TunnelRow, Measure) -> Cell,
    ) -> Grid {
        let names = measures
            .iter()
            .map(|measure| format!("{}, {}", measure.title(), measure.unit()));
        let rows = self.tunnels.iter().map(|row| {
            let figures = measures.iter().map(|measure| cell(row, *measure));
            std::iter::once(Cell::text(row.tunnel.name()))
                .chain(figures)
                .collect()
        });
        Grid {
            title: title.to_owned(),
            header: std::iter::once("tunnel".to_owned()).chain(names).collect(),
            rows: rows.collect(),
        }
    }

    fn versions(&self) -> Grid {
        let rows = self.tunnels.iter().map(|row| {
            let mtu = row.mtu.and_then(|mtu| usize::try_from(mtu).ok());
            let mtu = mtu.map_or_else(Cell::none, Cell::count);
            vec![
                Cell::text(row.tunnel.name()),
                Cell::text(row.version.as_str()),
                mtu,
            ]
        });
        Grid::new("Versions", &["tunnel", "version", "MTU"], rows.collect())
    }

    fn chart(&self, measure: Measure) -> Chart {
        let bars = self.tunnels.iter().filter_map(|row| {
            Some(Bar {
                label: row.tunnel.name().to_owned(),
                value: row.of(measure)?.clone(),
                own: row.tunnel.is_own(),
            })
        });
        Chart {
            title: measure.title().to_owned(),
            unit: measure.unit(),
            better: measure.better(),
            bars: bars.collect(),
        }
    }
}

impl TunnelRow {
    pub(super) fn of(&self, measure: Measure) -> Option<&Summary> {
        self.measures.get(measure.key())
    }
}

/// Round by round, as far as both have samples.
fn ratio(own: &Summary, other: &Summary) -> Option<Summary> {
    let pairs = own.samples.iter().zip(&other.samples);
    Summary::of(pairs.map(|(own, other)| own / other).collect())
}
