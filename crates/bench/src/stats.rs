//! Medians, spreads, quantiles.

use serde::Serialize;

/// What the rounds of one measurement came to. Never empty, never NaN.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summary {
    /// The middle sample; of an even number of samples the mean of the two in the middle.
    pub median: f64,
    /// The lowest sample.
    pub lowest: f64,
    /// The highest sample.
    pub highest: f64,
    /// All samples in the order in which they were taken.
    pub samples: Vec<f64>,
}

impl Summary {
    /// Sums up; `None` without samples, or if one of them is not a finite number.
    #[must_use]
    pub fn of(samples: Vec<f64>) -> Option<Self> {
        if !samples.iter().all(|sample| sample.is_finite()) {
            return None;
        }
        let sorted = sorted(&samples);
        let (lowest, highest) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let above = *sorted.get(half)?;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(*sorted.get(half - 1)?, above)
        } else {
            above
        };
        Some(Self {
            median,
            lowest,
            highest,
            samples,
        })
    }

    /// Each sample through `change`; `None` if a result is no finite number.
    #[must_use]
    pub fn map(&self, change: impl Fn(f64) -> f64) -> Option<Self> {
        Self::of(self.samples.iter().copied().map(change).collect())
    }

    /// From the lowest to the highest sample, as a share of the median; 0 if the median is 0.
    #[must_use]
    pub fn spread(&self) -> f64 {
        if self.median == 0.0 {
            0.0
        } else {
            (self.highest - self.lowest) / self.median
        }
    }
}

/// A share of all samples, from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantile(f64);

impl Quantile {
    /// Half of the samples are at most this.
    pub const MEDIAN: Self = Self(0.5);
    /// All but one in a hundred are at most this.
    pub const P99: Self = Self(0.99);

    /// The smallest of the samples that at least this share of them does not exceed (nearest rank); `None` without
    /// samples.
    #[must_use]
    pub fn of(self, samples: &[f64]) -> Option<f64> {
        let sorted = sorted(samples);
        let reached = |rank: &usize| *rank as f64 >= self.0 * sorted.len() as f64;
        let rank = (1..=sorted.len()).find(reached)?;
        sorted.get(rank - 1).copied()
    }
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests;
