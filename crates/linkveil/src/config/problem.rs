//! What is wrong with a configuration: every problem with its place, its value and its cure.

use std::fmt;
use std::path::PathBuf;

/// One wrong line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Number of the line, from 1; `None` when no line of the file is to blame.
    pub line: Option<usize>,
    /// The key with its path, for example `[[peer]] "gw-b" vpc "blue" prefixes[1]`.
    pub key: String,
    /// The value as it is written in the file.
    pub value: Option<String>,
    /// Why it is refused.
    pub what: String,
    /// What to write or to do instead.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        write!(f, ": {}\n  fix: {}", self.what, self.fix)
    }
}

/// All problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    pub(super) fn add(&mut self, problem: Problem) {
        self.found.push(problem);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The problems in the order of the file.
    pub(super) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line.unwrap_or(0));
        self.found
    }
}

/// A configuration that was refused, with all its problems in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// The file as it was named to us.
    pub file: PathBuf,
    /// At least one problem.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            match problem.line {
                Some(line) => writeln!(f, "{}:{line}: {problem}", self.file.display())?,
                None => writeln!(f, "{}: {problem}", self.file.display())?,
            }
        }
        match self.problems.len() {
            1 => write!(f, "1 problem"),
            count => write!(f, "{count} problems"),
        }
    }
}
