//! Carries out one command and says how it ended.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use linkveil_bench::progress::Progress;

use crate::cli::{Command, DebugArgs};
use crate::config::{Config, ConfigError, DebugImpair, RUNTIME_FOLDER, Surroundings};
use crate::gateway::{self, GatewayError};
use crate::ipc::client::{self, ClientError};
use crate::ipc::{Refusal, Request, Response};
use crate::keytool::{self, KeyToolError};
use crate::{log, privileges};

/// How a command failed. The exit codes are part of the interface (`docs/operations.md`).
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A key command failed.
    #[error(transparent)]
    KeyTool(#[from] KeyToolError),
    /// Output could not be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// The configuration is refused.
    #[error("the configuration is refused\n{0}")]
    Config(#[from] ConfigError),
    /// The gateway did not start or did not go on.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// No gateway answers.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The gateway refused the request.
    #[error("the gateway refuses: {0}")]
    Refused(#[from] Refusal),
    /// Nothing was measured.
    #[error(transparent)]
    Bench(#[from] linkveil_bench::BenchError),
    /// The answer belongs to another question.
    #[error("the gateway answered something else")]
    WrongAnswer,
}

impl AppError {
    /// The process's exit code; 0 is success and 2 is clap's, for a wrong command line.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::KeyTool(_)
            | Self::Output(_)
            | Self::Gateway(_)
            | Self::Bench(_)
            | Self::WrongAnswer => 1,
            Self::Config(_) => 3,
            Self::Client(_) => 4,
            Self::Refused(_) => 5,
        }
    }
}

/// Carries out `command` on stdin and stdout.
///
/// # Errors
///
/// What `main` prints before it exits with [`AppError::exit_code`].
pub fn run(command: Command) -> Result<(), AppError> {
    let out = &mut io::stdout().lock();
    match command {
        Command::Genkey => Ok(keytool::genkey(out)?),
        Command::Pubkey => Ok(keytool::pubkey(&mut io::stdin().lock(), out)?),
        Command::Genpsk => Ok(keytool::genpsk(out)?),
        Command::Check { config, debug } => check(&config, debug, out),
        Command::Up { config, debug } => up(&config, debug),
        Command::Status {
            json,
            config,
            socket,
        } => {
            let format = if json {
                StatusFormat::Json
            } else {
                StatusFormat::Text
            };
            status(&control_socket(config, socket)?, format, out)
        }
        Command::Rekey { peer, gateway } => {
            rekey(&control_socket(gateway.config, gateway.socket)?, peer, out)
        }
        Command::Bench { what } => {
            let progress = &mut io::stderr();
            Ok(linkveil_bench::run(
                &what,
                &mut Progress::new(progress),
                out,
            )?)
        }
    }
}

fn check(file: &Path, debug: DebugArgs, out: &mut impl Write) -> Result<(), AppError> {
    let config = Config::load(file, surroundings(debug))?;
    let (vpcs, peers, ports) = (config.vpcs.len(), config.peers.len(), config.macsec.len());
    let node = config.node.name;
    write!(
        out,
        "{}: no problem: node {node}, {vpcs} VPC, {peers} peer",
        file.display()
    )?;
    if ports > 0 {
        write!(out, ", {ports} MACsec port")?;
    }
    Ok(writeln!(out)?)
}

fn up(file: &Path, debug: DebugArgs) -> Result<(), AppError> {
    log::start();
    privileges::forbid_core_dumps();
    let config = Config::load(file, surroundings(debug))?;
    Ok(gateway::run(config)?)
}

/// This machine, and what the command line allows besides.
fn surroundings(debug: DebugArgs) -> Surroundings {
    let here = Surroundings::of_this_process();
    let debug_impair = if debug.allow_debug_impair {
        DebugImpair::Allowed
    } else {
        here.debug_impair
    };
    Surroundings {
        debug_impair,
        ..here
    }
}

#[derive(Clone, Copy)]
enum StatusFormat {
    Text,
    Json,
}

fn status(socket: &Path, format: StatusFormat, out: &mut impl Write) -> Result<(), AppError> {
    let status = match client::call(socket, &Request::Status)? {
        Response::Status(status) => status,
        Response::Error(refusal) => return Err(refusal.into()),
        Response::Rekey(_) => return Err(AppError::WrongAnswer),
    };
    match format {
        StatusFormat::Text => write!(out, "{status}")?,
        StatusFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &status).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

fn rekey(socket: &Path, peer: Option<String>, out: &mut impl Write) -> Result<(), AppError> {
    match client::call(socket, &Request::Rekey { peer })? {
        Response::Rekey(rekeyed) => Ok(writeln!(
            out,
            "handshake started: {}",
            rekeyed.peers.join(", ")
        )?),
        Response::Error(refusal) => Err(refusal.into()),
        Response::Status(_) => Err(AppError::WrongAnswer),
    }
}

/// The socket that was named, that of the named configuration, or the only one that there is.
fn control_socket(config: Option<PathBuf>, socket: Option<PathBuf>) -> Result<PathBuf, AppError> {
    match (socket, config) {
        (Some(socket), _) => Ok(socket),
        (None, Some(config)) => Ok(Config::control_socket_of(&config)?),
        (None, None) => Ok(client::only_socket_in(Path::new(RUNTIME_FOLDER))?),
    }
}
