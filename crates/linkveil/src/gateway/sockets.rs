//! The control sockets: one for each listen address, for everything that is not data.

use std::io;
use std::time::Instant;

use linkveil_net::impair::Arrival;
use linkveil_net::{Impairment, clock};
use linkveil_sa::{Path, SocketIndex};
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

use super::impaired;

/// Longer than every handshake message (1,342 bytes), so that one that is too long is seen to be.
const BUFFER_BYTES: usize = 2048;

/// The sockets, registered as tokens `first`, `first + 1` and so on.
#[derive(Debug)]
pub(super) struct ControlSockets {
    sockets: Vec<UdpSocket>,
    first: Token,
    buffer: Box<[u8; BUFFER_BYTES]>,
    /// What is done on purpose to what arrives.
    impairment: Option<Impairment<Path>>,
}

/// What a look at a socket came to.
#[derive(Debug)]
pub(super) enum Received<'b> {
    /// A datagram, and where it came from.
    Datagram(Path, &'b [u8]),
    /// A datagram that was impaired: [`ControlSockets::poll_held`] brings what is left of it.
    HeldBack,
    /// There is none for now.
    Nothing,
}

impl ControlSockets {
    pub(super) fn new(
        sockets: Vec<std::net::UdpSocket>,
        first: Token,
        registry: &Registry,
    ) -> io::Result<Self> {
        let mut sockets: Vec<UdpSocket> = sockets.into_iter().map(UdpSocket::from_std).collect();
        for (index, socket) in sockets.iter_mut().enumerate() {
            registry.register(socket, Token(first.0 + index), Interest::READABLE)?;
        }
        Ok(Self {
            sockets,
            first,
            buffer: Box::new([0; BUFFER_BYTES]),
            impairment: None,
        })
    }

    /// From now on, what arrives goes through this engine, if there is one.
    pub(super) fn impair(&mut self, engine: Option<Impairment<Path>>) {
        self.impairment = engine;
    }

    /// The socket that `token` stands for.
    pub(super) fn index_of(&self, token: Token) -> Option<SocketIndex> {
        let index = token
            .0
            .checked_sub(self.first.0)
            .filter(|index| *index < self.sockets.len())?;
        u8::try_from(index).ok().map(SocketIndex::new)
    }

    /// The next datagram.
    pub(super) fn recv(&mut self, socket: SocketIndex) -> Received<'_> {
        let Some((path, length)) = self.read(socket) else {
            return Received::Nothing;
        };
        let bytes = self.buffer.get(..length).unwrap_or_default();
        match &mut self.impairment {
            None => Received::Datagram(path, bytes),
            Some(engine) => {
                engine.admit(clock::now(), path, bytes);
                Received::HeldBack
            }
        }
    }

    /// The next datagram that was held back and is due.
    pub(super) fn poll_held(&mut self, now: Instant) -> Option<Arrival<Path>> {
        self.impairment.as_mut()?.poll(now)
    }

    /// When [`Self::poll_held`] has something.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.impairment.as_ref()?.next_due()
    }

    /// What was impaired, by name; nothing and all the names without an impairment.
    pub(super) fn impair_counters(&self) -> impl Iterator<Item = (String, u64)> + use<> {
        impaired::counters(self.impairment.as_ref())
    }

    fn read(&mut self, socket: SocketIndex) -> Option<(Path, usize)> {
        let from = self.sockets.get(socket.index())?;
        loop {
            match from.recv_from(&mut self.buffer[..]) {
                Ok((length, remote)) => return Some((Path { socket, remote }, length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // An ICMP message about an earlier datagram, or a signal: the next one may be fine.
                Err(error) => tracing::debug!(%error, "control socket"),
            }
        }
    }

    /// Sends one handshake message. What the kernel does not take is lost like any datagram: a timer repeats it.
    pub(super) fn send(&self, path: Path, bytes: &[u8]) {
        let Some(socket) = self.sockets.get(path.socket.index()) else {
            return;
        };
        if let Err(error) = socket.send_to(bytes, path.remote) {
            tracing::debug!(remote = %path.remote, %error, "a handshake message was not sent");
        }
    }
}
