//! What a measurement is shown as: tables on a terminal, one HTML page with bars.
//!
//! Every command makes [`Section`]s; what comes after knows nothing of what was measured. The JSON is the commands' own
//! structures, with every sample.

mod chart;
pub mod html;
pub mod text;

use crate::machine::Machine;
use crate::stats::Summary;

/// All that is shown of one run.
#[derive(Clone, Debug)]
pub struct Page {
    /// What was asked for.
    pub title: String,
    /// Where it was measured.
    pub machine: Machine,
    /// What was measured.
    pub sections: Vec<Section>,
}

/// One subject.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What must be known to read the figures.
    pub notes: Vec<String>,
    /// Its tables.
    pub grids: Vec<Grid>,
    /// Its pictures; the text has none.
    pub charts: Vec<Chart>,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Grid {
    /// What stands above it; may be empty.
    pub title: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Each as long as the header.
    pub rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// A table of these columns.
    #[must_use]
    pub fn new(title: &str, header: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        Self {
            title: title.to_owned(),
            header: header.iter().map(|&name| name.to_owned()).collect(),
            rows,
        }
    }
}

/// One place in a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cell {
    /// Words: flush left.
    Text(String),
    /// A figure, as printed: flush right.
    Figure(String),
}

impl Cell {
    /// Words.
    #[must_use]
    pub fn text(words: impl Into<String>) -> Self {
        Self::Text(words.into())
    }

    /// A whole number, in groups of three digits.
    #[must_use]
    pub fn count(number: usize) -> Self {
        Self::Figure(grouped(&number.to_string()))
    }

    /// A number with so many decimals.
    #[must_use]
    pub fn number(number: f64, decimals: usize) -> Self {
        Self::Figure(fixed(number, decimals))
    }

    /// A share as a percentage.
    #[must_use]
    pub fn percent(share: f64) -> Self {
        Self::Figure(format!("{:.0} %", share * 100.0))
    }

    /// Nothing was measured, or nothing can be.
    #[must_use]
    pub fn none() -> Self {
        Self::Figure("-".to_owned())
    }

    /// Median of a summary with so many decimals, or [`Self::none`].
    #[must_use]
    pub fn median(summary: Option<&Summary>, decimals: usize) -> Self {
        summary.map_or_else(Self::none, |summary| Self::number(summary.median, decimals))
    }

    /// What is printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Figure(text) => text,
        }
    }
}

/// Decimals and groups of three.
fn fixed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    match text.split_once('.') {
        Some((whole, rest)) => format!("{}.{rest}", grouped(whole)),
        None => grouped(&text),
    }
}

/// Commas between groups of three digits; a sign stays where it is.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.split_at(digits.len() - digits.trim_start_matches('-').len());
    let mut out = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Which way is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Better {
    /// Speeds.
    Higher,
    /// Times and costs.
    Lower,
}

/// Horizontal bars from zero.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What is compared.
    pub title: String,
    /// Unit of every bar.
    pub unit: &'static str,
    /// Which way is good.
    pub better: Better,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar: its length is the median, its whisker runs from the lowest to the highest sample.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What stands left of it.
    pub label: String,
    /// What it shows.
    pub value: Summary,
    /// Whether it stands out by its colour.
    pub own: bool,
}

#[cfg(test)]
mod tests;
