//! Log lines to stderr: no keys at any level, no addresses above DEBUG.

use std::env;

use tracing_subscriber::EnvFilter;

/// Environment variables that set the level, the first one that is set wins; for example `debug`, or
/// `info,linkveil_tunnel=trace`.
const FILTER_VARIABLES: [&str; 2] = ["LINKVEIL_LOG", "RUST_LOG"];

const DEFAULT_FILTER: &str = "info";

/// Starts logging for this process; a second call changes nothing.
pub fn start() {
    let wanted = FILTER_VARIABLES.iter().find_map(|name| env::var(name).ok());
    let filter = wanted.as_deref().unwrap_or(DEFAULT_FILTER);
    let parsed = EnvFilter::try_new(filter);
    let wrong = parsed.as_ref().err().map(ToString::to_string);
    // The service manager stamps lines itself; colors belong to terminals.
    let installed = tracing_subscriber::fmt()
        .with_env_filter(parsed.unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER)))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .try_init();
    if let (Ok(()), Some(error)) = (installed, wrong) {
        tracing::warn!(
            filter,
            error,
            "the log filter is not understood; using the default"
        );
    }
}
