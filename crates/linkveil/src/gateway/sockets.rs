//! The control sockets: one for each listen address, for everything that is not data.

use std::io;

use linkveil_sa::{Path, SocketIndex};
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};

/// Longer than every handshake message (1,342 bytes), so that one that is too long is seen to be.
const BUFFER_BYTES: usize = 2048;

/// The sockets, registered as tokens `first`, `first + 1` and so on.
#[derive(Debug)]
pub(super) struct ControlSockets {
    sockets: Vec<UdpSocket>,
    first: Token,
    buffer: Box<[u8; BUFFER_BYTES]>,
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
        })
    }

    /// The socket that `token` stands for.
    pub(super) fn index_of(&self, token: Token) -> Option<SocketIndex> {
        let index = token
            .0
            .checked_sub(self.first.0)
            .filter(|index| *index < self.sockets.len())?;
        u8::try_from(index).ok().map(SocketIndex::new)
    }

    /// The next datagram and where it came from; `None` when there is none for now.
    pub(super) fn recv(&mut self, socket: SocketIndex) -> Option<(Path, &mut [u8])> {
        let from = self.sockets.get(socket.index())?;
        loop {
            match from.recv_from(&mut self.buffer[..]) {
                Ok((length, remote)) => {
                    let bytes = self.buffer.get_mut(..length)?;
                    return Some((Path { socket, remote }, bytes));
                }
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
