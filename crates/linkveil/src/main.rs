//! `linkveil`: see [`linkveil::cli`] for its commands.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use linkveil::app;
use linkveil::cli::Cli;

fn main() -> ExitCode {
    match app::run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("linkveil: {error}\n"),
            );
            ExitCode::from(error.exit_code())
        }
    }
}
