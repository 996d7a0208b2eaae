//! Tests that the machine does not allow.

use std::env;
use std::fs::File;
use std::io::Write;

/// Names the file to which [`skipped`] adds a line for each such test. `scripts/test` counts them.
pub const SKIPPED_FILE: &str = "LINKVEIL_SKIPPED";

/// Says that this test (its name is that of the thread) does not run here, and why. The caller returns, which its runner
/// takes for success; who counts reads the file.
///
/// # Panics
///
/// If the file that the environment names cannot be written.
pub fn skipped(reason: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {reason}\n", thread.name().unwrap_or("a test"));
    eprint!("skipped: {line}");
    if let Some(path) = env::var_os(SKIPPED_FILE) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}
