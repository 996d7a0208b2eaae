//! Tests that the machine does not allow.

use std::env;
use std::fs::File;
use std::io::Write;
use std::panic::Location;
use std::thread;

/// Names the file to which [`skipped`] adds a line for each such test. `scripts/test` counts them.
pub const SKIPPED_FILE: &str = "LINKVEIL_SKIPPED";

/// Says that this test does not run here, and why. The caller returns, which its runner
/// takes for success; who counts reads the file.
///
/// # Panics
///
/// If the file that the environment names cannot be written.
#[track_caller]
pub fn skipped(reason: &str) {
    let place = Location::caller().to_string();
    let thread = thread::current();
    // A harness that runs one test at a time may do so in its main thread.
    let name = thread.name().filter(|name| *name != "main");
    let line = format!("{}: {reason}\n", name.unwrap_or(&place));
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
