//! What happened in a run, in lines to be read by people. Off by default: a run follows from its seed, so that one that
//! failed is simply made again with its log.

use std::time::Duration;

/// The log of one run.
#[derive(Debug, Default)]
pub struct Log {
    lines: Option<Vec<String>>,
}

impl Log {
    /// A log that is written.
    #[must_use]
    pub const fn on() -> Self {
        Self {
            lines: Some(Vec::new()),
        }
    }

    /// Adds a line; `text` is asked for it only if somebody will read it.
    pub fn note(&mut self, at: Duration, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>11.6} {}", at.as_secs_f64(), text()));
        }
    }

    /// All lines so far.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_only_when_it_is_on() {
        let mut log = Log::default();
        log.note(Duration::ZERO, || unreachable!());
        assert!(log.lines().is_empty());
        let mut log = Log::on();
        log.note(Duration::from_millis(1_500), || "something".into());
        assert_eq!(log.lines(), ["   1.500000 something"]);
    }
}
