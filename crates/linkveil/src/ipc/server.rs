//! The gateway's side of the control socket, for the control thread's event loop.
//!
//! Nothing here blocks: a slow client waits in its own buffers and is cut off after a while.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::fs::Mode;
use rustix::process::umask;

use super::{
    REQUEST_MAX_BYTES, Refusal, RefusalCode, Request, Response, decode_request, encode_response,
};

/// Clients served at once; more wait in the listen queue.
const MAX_CLIENTS: usize = 16;

/// A client that has not been served in this time is cut off.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// The listening control socket. Its file goes away with it.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    clients: BTreeMap<Token, Client>,
    first_token: Token,
}

/// Why the control socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another gateway owns it.
    #[error(
        "{0} answers already: another gateway with this control_socket runs; stop it or choose another path"
    )]
    InUse(PathBuf),
    /// The file system refused.
    #[error("cannot open the control socket {path}: {source}")]
    Io {
        /// The socket's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Server {
    /// Opens the socket for its owner only. The folder is made if it is missing; a file left behind by a
    /// gateway that died is replaced.
    ///
    /// `first_token` and the tokens above it belong to the server from now on.
    ///
    /// # Errors
    ///
    /// A living gateway has the socket, or the file system refuses.
    pub fn bind(path: &Path, first_token: Token) -> Result<Self, BindError> {
        if BlockingStream::connect(path).is_ok() {
            return Err(BindError::InUse(path.to_owned()));
        }
        let listener = Self::listen(path).map_err(|source| BindError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            clients: BTreeMap::new(),
            first_token,
        })
    }

    fn listen(path: &Path) -> io::Result<UnixListener> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(folder)?;
        }
        remove_socket(path)?;
        // The mask closes the moment between making the file and setting its mode.
        let mask = umask(Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(path);
        umask(mask);
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        listener
    }

    /// Registers the listener under `first_token`.
    ///
    /// # Errors
    ///
    /// As epoll.
    pub fn register(&mut self, registry: &Registry) -> io::Result<()> {
        registry.register(&mut self.listener, self.first_token, Interest::READABLE)
    }

    /// Serves an event of the loop: accepts, reads, writes. Requests that became complete are added to
    /// `requests`, each with the token to answer to.
    pub fn handle_event(
        &mut self,
        token: Token,
        registry: &Registry,
        now: Instant,
        requests: &mut Vec<(Token, Request)>,
    ) {
        if token == self.first_token {
            self.accept_all(registry, now);
            return;
        }
        let Some(client) = self.clients.get_mut(&token) else {
            return;
        };
        match client.progress() {
            Progress::Request(line) => match decode_request(&line) {
                Ok(request) => requests.push((token, request)),
                Err(refusal) => self.respond(token, &Response::Error(refusal), registry),
            },
            Progress::TooLong => {
                let refusal = Refusal::new(RefusalCode::BadRequest, "the request is too long");
                self.respond(token, &Response::Error(refusal), registry);
            }
            Progress::Waiting => {}
            Progress::Closed => self.close(token, registry),
        }
    }

    /// Sends the response to the client behind `token`; one that has gone is ignored.
    pub fn respond(&mut self, token: Token, response: &Response, registry: &Registry) {
        let Some(client) = self.clients.get_mut(&token) else {
            return;
        };
        client.outbox = encode_response(response).into_bytes();
        if matches!(client.progress(), Progress::Closed) {
            self.close(token, registry);
        }
    }

    /// Cuts off clients whose time is over.
    pub fn handle_timeout(&mut self, now: Instant, registry: &Registry) {
        let late: Vec<Token> = self
            .clients
            .iter()
            .filter(|(_, client)| client.deadline <= now)
            .map(|(token, _)| *token)
            .collect();
        for token in late {
            self.close(token, registry);
        }
        self.accept_all(registry, now);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.clients.values().map(|client| client.deadline).min()
    }

    fn accept_all(&mut self, registry: &Registry, now: Instant) {
        while self.clients.len() < MAX_CLIENTS {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            };
            let token = self.free_token();
            let both = Interest::READABLE | Interest::WRITABLE;
            if registry.register(&mut stream, token, both).is_ok() {
                self.clients
                    .insert(token, Client::new(stream, now + CLIENT_TIMEOUT));
            }
        }
    }

    fn free_token(&self) -> Token {
        let mut free = self.first_token.0 + 1;
        while self.clients.contains_key(&Token(free)) {
            free += 1;
        }
        Token(free)
    }

    fn close(&mut self, token: Token, registry: &Registry) {
        if let Some(mut client) = self.clients.remove(&token) {
            // The descriptor is closed next: a failure here leaves nothing behind.
            let _ = registry.deregister(&mut client.stream);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = remove_socket(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "the control socket's file stays behind");
        }
    }
}

fn remove_socket(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// One connection: first a request comes in, then a response goes out.
#[derive(Debug)]
struct Client {
    stream: UnixStream,
    inbox: Vec<u8>,
    /// The request was handed out; what follows it is ignored.
    asked: bool,
    outbox: Vec<u8>,
    written: usize,
    deadline: Instant,
}

enum Progress {
    Waiting,
    Request(String),
    TooLong,
    Closed,
}

impl Client {
    fn new(stream: UnixStream, deadline: Instant) -> Self {
        Self {
            stream,
            inbox: Vec::new(),
            asked: false,
            outbox: Vec::new(),
            written: 0,
            deadline,
        }
    }

    /// Reads and writes as far as the socket allows.
    fn progress(&mut self) -> Progress {
        if !self.outbox.is_empty() {
            return self.flush();
        }
        if self.asked {
            return Progress::Waiting;
        }
        match self.fill() {
            Ok(open) => self.take_request(open),
            Err(_) => Progress::Closed,
        }
    }

    fn flush(&mut self) -> Progress {
        while let Some(rest) = self
            .outbox
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match self.stream.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Progress::Waiting;
                }
                Err(_) => return Progress::Closed,
            }
        }
        Progress::Closed
    }

    /// Reads what is there, up to one byte more than a request may have.
    fn fill(&mut self) -> io::Result<Connection> {
        let mut piece = [0; 512];
        while self.inbox.len() <= REQUEST_MAX_BYTES {
            match self.stream.read(&mut piece) {
                Ok(0) => return Ok(Connection::Ended),
                Ok(count) => self.inbox.extend(piece.iter().take(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Connection::Open)
    }

    fn take_request(&mut self, connection: Connection) -> Progress {
        let line_end = self
            .inbox
            .iter()
            .take(REQUEST_MAX_BYTES)
            .position(|byte| *byte == b'\n');
        if let Some(end) = line_end {
            self.asked = true;
            let line = self.inbox.get(..end).unwrap_or_default();
            return Progress::Request(String::from_utf8_lossy(line).into_owned());
        }
        if self.inbox.len() >= REQUEST_MAX_BYTES {
            self.asked = true;
            return Progress::TooLong;
        }
        match connection {
            Connection::Open => Progress::Waiting,
            Connection::Ended => Progress::Closed,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    Open,
    Ended,
}
