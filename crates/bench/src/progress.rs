//! What a measurement says while it runs.

use std::fmt;
use std::io::Write;

/// Lines on standard error, or wherever the caller wants them. That nobody reads them is no reason to stop.
pub struct Progress<'a> {
    out: &'a mut dyn Write,
}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress(..)")
    }
}

impl<'a> Progress<'a> {
    /// Writes to `out`.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self { out }
    }

    /// One line.
    pub fn say(&mut self, line: impl fmt::Display) {
        let _nobody_reads = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}
