//! A probability, exact and validated.

use std::fmt;
use std::str::FromStr;

/// One, in parts per million.
const ONE: u32 = 1_000_000;

/// Decimals of a percentage in which one part per million is the last.
const DECIMALS: usize = 4;

/// A probability in parts per million, 0 to 1,000,000.
///
/// As text it is a percentage with at most four decimals and its sign, as `tc` takes it: `1 %`, `0.25%`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Chance(u32);

/// Why a text is no [`Chance`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChanceError {
    /// The `%` is missing.
    #[error("the percent sign is missing")]
    NoSign,
    /// Not digits, a point, and digits.
    #[error("not a percentage")]
    NotANumber,
    /// More than four decimals.
    #[error("finer than 0.0001 %")]
    TooFine,
    /// More than 100 %.
    #[error("more than 100 %")]
    TooMuch,
}

impl Chance {
    /// It never happens.
    pub const NEVER: Self = Self(0);
    /// It happens every time.
    pub const ALWAYS: Self = Self(ONE);

    /// So many times in a million; `None` beyond that.
    #[must_use]
    pub const fn parts_per_million(parts: u32) -> Option<Self> {
        if parts <= ONE {
            Some(Self(parts))
        } else {
            None
        }
    }

    /// Parts per million.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether it happens, by 64 uniform bits.
    pub(super) fn decide(self, random: u64) -> bool {
        super::dice::below(random, u64::from(ONE)) < u64::from(self.0)
    }
}

impl FromStr for Chance {
    type Err = ChanceError;

    fn from_str(text: &str) -> Result<Self, ChanceError> {
        let number = text.trim().strip_suffix('%').ok_or(ChanceError::NoSign)?;
        let number = number.trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) {
            return Err(ChanceError::NotANumber);
        }
        if decimals.len() > DECIMALS {
            return Err(ChanceError::TooFine);
        }
        // Without a point it is a whole number of parts per million: 1.5 % is 1,5000 of them.
        let parts = format!("{whole}{decimals:0<DECIMALS$}");
        let parts = parts.parse().map_err(|_| ChanceError::TooMuch)?;
        Self::parts_per_million(parts).ok_or(ChanceError::TooMuch)
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / (ONE / 100), self.0 % (ONE / 100));
        if rest == 0 {
            return write!(f, "{whole} %");
        }
        let decimals = format!("{rest:0DECIMALS$}");
        write!(f, "{whole}.{} %", decimals.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_exactly() {
        for (text, parts) in [
            ("0%", 0),
            ("0.0001 %", 1),
            ("0.25%", 2_500),
            ("1 %", 10_000),
            ("1.5 %", 15_000),
            (" 07.0500 % ", 70_500),
            ("99.9999%", 999_999),
            ("100 %", 1_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Chance(parts)), "{text}");
        }
    }

    #[test]
    fn what_is_no_percentage_is_refused_with_its_reason() {
        for (text, error) in [
            ("", ChanceError::NoSign),
            ("0.01", ChanceError::NoSign),
            ("%", ChanceError::NotANumber),
            ("-1 %", ChanceError::NotANumber),
            ("+1 %", ChanceError::NotANumber),
            (".5 %", ChanceError::NotANumber),
            ("5. %", ChanceError::NotANumber),
            ("1e1 %", ChanceError::NotANumber),
            ("1 % %", ChanceError::NotANumber),
            ("0.00001 %", ChanceError::TooFine),
            ("100.0001 %", ChanceError::TooMuch),
            ("99999999999999999999 %", ChanceError::TooMuch),
        ] {
            assert_eq!(text.parse::<Chance>(), Err(error), "{text}");
        }
        assert_eq!(Chance::parts_per_million(1_000_001), None);
    }

    #[test]
    fn the_text_reads_back_as_the_same_chance() {
        for parts in [0, 1, 10, 999, 2_500, 10_000, 123_456, 999_999, 1_000_000] {
            let chance = Chance(parts);
            assert_eq!(chance.to_string().parse(), Ok(chance), "{chance}");
        }
        assert_eq!(Chance(2_500).to_string(), "0.25 %");
        assert_eq!(Chance::ALWAYS.to_string(), "100 %");
    }

    #[test]
    fn the_ends_of_the_scale_are_certain() {
        for random in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(!Chance::NEVER.decide(random));
            assert!(Chance::ALWAYS.decide(random));
        }
    }
}
