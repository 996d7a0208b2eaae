//! The client's side: `linkveil status` and `linkveil rekey`.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Request, Response, decode_response, encode_request};

/// A gateway answers within milliseconds; one that takes this long is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer that we are ready to read: about 100,000 peers.
const RESPONSE_MAX_BYTES: u64 = 128 * 1024 * 1024;

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket is not there, or nobody listens on it.
    #[error("no gateway answers at {path}: {source}; is `linkveil up` running?")]
    Unreachable {
        /// The control socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder holds no socket.
    #[error(
        "no gateway runs here: there is no control socket in {0}; name a configuration or use --socket"
    )]
    NoSocket(PathBuf),
    /// The folder holds several.
    #[error("several gateways run here; name the configuration of one, or use --socket with one of: {}", list(.0))]
    SeveralSockets(Vec<PathBuf>),
    /// The connection broke, or the answer is not one.
    #[error("the gateway's answer cannot be read: {0}")]
    BadAnswer(String),
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(", ")
}

/// Sends one request to the gateway behind `path` and waits for its response.
///
/// # Errors
///
/// Nobody answers, or the answer is not a response.
pub fn call(path: &Path, request: &Request) -> Result<Response, ClientError> {
    let unreachable = |source| ClientError::Unreachable {
        path: path.to_owned(),
        source,
    };
    let stream = UnixStream::connect(path).map_err(unreachable)?;
    exchange(stream, request).map_err(|error| ClientError::BadAnswer(error.to_string()))
}

fn exchange(mut stream: UnixStream, request: &Request) -> io::Result<Response> {
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(encode_request(request).as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(RESPONSE_MAX_BYTES)).read_line(&mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(decode_response(&line)?)
}

/// The only control socket in `folder`.
///
/// # Errors
///
/// There is none, or more than one.
pub fn only_socket_in(folder: &Path) -> Result<PathBuf, ClientError> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut sockets: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "sock"))
        .collect();
    sockets.sort();
    match sockets.len() {
        0 => Err(ClientError::NoSocket(folder.to_owned())),
        1 => Ok(sockets.remove(0)),
        _ => Err(ClientError::SeveralSockets(sockets)),
    }
}
