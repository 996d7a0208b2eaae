//! The command line: what `linkveil` can be asked to do.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Encrypted links between VPCs.
#[derive(Debug, Parser)]
#[command(name = "linkveil", version, about, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done; `up`: stopped by a signal, everything cleaned up
  1  the system refused something: a device, a socket, a file, a permission
  2  the command line is wrong
  3  the configuration is refused; every wrong line is listed
  4  no gateway answers at the control socket
  5  the gateway refused the request";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a new private key
    Genkey,
    /// Read a private key from stdin and print its public key
    Pubkey,
    /// Print a new pre-shared key (or one part of two)
    Genpsk,
    /// Check a configuration and its key files
    Check {
        /// The configuration (TOML)
        config: PathBuf,
        /// What may be done to a gateway for a test.
        #[command(flatten)]
        debug: DebugArgs,
    },
    /// Run the gateway in the foreground until SIGTERM or SIGINT
    Up {
        /// The configuration (TOML)
        config: PathBuf,
        /// What may be done to a gateway for a test.
        #[command(flatten)]
        debug: DebugArgs,
    },
    /// Show a running gateway: peers, traffic, keys, counters
    Status {
        /// Print JSON instead of text
        #[arg(long)]
        json: bool,
        /// The gateway's configuration [default: the only gateway in /run/linkveil]
        #[arg(conflicts_with = "socket")]
        config: Option<PathBuf>,
        /// The gateway's control socket
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
    },
    /// Replace the keys now
    Rekey {
        /// Name or public key of one peer [default: all peers]
        peer: Option<String>,
        /// Which gateway.
        #[command(flatten)]
        gateway: GatewayArgs,
    },
    /// Measure what encryption costs on this machine
    Bench {
        /// What to measure.
        #[command(subcommand)]
        what: linkveil_bench::BenchCommand,
    },
}

/// What `check` and `up` accept besides, for tests.
#[derive(Debug, Clone, Copy, Args)]
pub struct DebugArgs {
    /// Accept [debug.impair] in a release build: lose, delay and break what arrives
    #[arg(long)]
    pub allow_debug_impair: bool,
}

/// How `rekey` finds the gateway; its positional argument is the peer.
#[derive(Debug, Args)]
pub struct GatewayArgs {
    /// The gateway's configuration [default: the only gateway in /run/linkveil]
    #[arg(long, value_name = "CONFIG", conflicts_with = "socket")]
    pub config: Option<PathBuf>,
    /// The gateway's control socket
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
