//! Strays: datagrams that the kernel delivered to another lane than the one that may open them.
//!
//! Receive offload merges datagrams of several lanes into one train before the steering program sees them (and a spoofer
//! can provoke it), so lane steering is a help and no promise. A lane never derives a key for a lane that it does not
//! own; it copies the run into a ring of bytes that leads to the owner (REQ-LANE-5). There is one ring for each ordered
//! pair of lanes, so each has one writer and one reader. A record is
//!
//! ```text
//! | bytes 4 | stride 4 | address 16 | scope 4 | port 2 | socket 1 | tos 1 | family 1 | datagrams ... |
//! ```

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use linkveil_net::batch::{RecvMeta, UdpBatch};
use linkveil_net::poll::Waker;
use linkveil_sa::SocketIndex;
use linkveil_wire::Lane;
use rtrb::{Consumer, Producer, RingBuffer};

/// Bytes of one ring: four trains of the greatest size. Memory that is never touched costs nothing.
pub(crate) const RING_BYTES: usize = 4 * (65_536 + HEADER_LEN);
const HEADER_LEN: usize = 33;

/// The ways out of and into one lane. The own lane's place in `out` is empty.
#[derive(Debug)]
pub(crate) struct StrayPorts {
    out: Vec<Option<Outlet>>,
    inlets: Vec<Consumer<u8>>,
    /// The inlet that is read first; it goes round.
    first: usize,
}

#[derive(Debug)]
struct Outlet {
    ring: Producer<u8>,
    owner: Waker,
    fresh: Fresh,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fresh {
    Nothing,
    Something,
}

/// A run of datagrams on its way to its owner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) socket: SocketIndex,
    pub(crate) remote: SocketAddr,
    pub(crate) tos: u8,
    pub(crate) stride: usize,
    pub(crate) bytes: &'a [u8],
}

/// Whether a run found room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Forwarded {
    Yes,
    No,
}

/// Joins all lanes with each other; `wakers` has one waker for each lane.
pub(crate) fn join(wakers: &[Waker]) -> Vec<StrayPorts> {
    let count = wakers.len();
    let mut ports: Vec<StrayPorts> = (0..count)
        .map(|_| StrayPorts {
            out: Vec::with_capacity(count),
            inlets: Vec::with_capacity(count),
            first: 0,
        })
        .collect();
    for from in 0..count {
        for (to, owner) in wakers.iter().enumerate() {
            let outlet = (from != to).then(|| {
                let (ring, inlet) = RingBuffer::new(RING_BYTES);
                if let Some(port) = ports.get_mut(to) {
                    port.inlets.push(inlet);
                }
                Outlet {
                    ring,
                    owner: owner.clone(),
                    fresh: Fresh::Nothing,
                }
            });
            if let Some(port) = ports.get_mut(from) {
                port.out.push(outlet);
            }
        }
    }
    ports
}

impl StrayPorts {
    /// Copies a run to its owner: all of it or nothing.
    pub(crate) fn forward(&mut self, owner: Lane, run: &Run<'_>) -> Forwarded {
        let outlet = self.out.get_mut(owner.index()).and_then(Option::as_mut);
        let Some(outlet) = outlet else {
            return Forwarded::No;
        };
        let Ok(mut chunk) = outlet.ring.write_chunk(HEADER_LEN + run.bytes.len()) else {
            return Forwarded::No;
        };
        scatter(chunk.as_mut_slices(), [&emit(run), run.bytes]);
        chunk.commit_all();
        outlet.fresh = Fresh::Something;
        Forwarded::Yes
    }

    /// At the end of a batch: wakes every owner that something was forwarded to.
    pub(crate) fn wake_owners(&mut self) {
        for outlet in self.out.iter_mut().flatten() {
            if std::mem::replace(&mut outlet.fresh, Fresh::Nothing) == Fresh::Something {
                outlet.owner.wake();
            }
        }
    }

    /// Replaces the content of `batch` by runs that wait here, up to its capacity, with the socket of each in `sockets`.
    pub(crate) fn receive(&mut self, batch: &mut UdpBatch, sockets: &mut Vec<SocketIndex>) {
        batch.clear();
        sockets.clear();
        self.first = (self.first + 1) % self.inlets.len().max(1);
        let (before, from) = self.inlets.split_at_mut(self.first);
        for inlet in from.iter_mut().chain(before) {
            while batch.len() < batch.capacity() {
                let Some(socket) = take(inlet, batch) else {
                    break;
                };
                sockets.push(socket);
            }
        }
    }

    /// Whether nothing waits here.
    pub(crate) fn is_idle(&self) -> bool {
        self.inlets.iter().all(Consumer::is_empty)
    }
}

/// Moves one record into the batch. Records are published whole, so a header never stands without its datagrams.
fn take(inlet: &mut Consumer<u8>, batch: &mut UdpBatch) -> Option<SocketIndex> {
    let chunk = inlet.read_chunk(HEADER_LEN).ok()?;
    let (first, second) = chunk.as_slices();
    let mut header = [0; HEADER_LEN];
    let bytes = first.iter().chain(second);
    header
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    chunk.commit_all();
    let (meta, socket) = parse(&header);
    let chunk = inlet.read_chunk(meta.len).ok()?;
    let (first, second) = chunk.as_slices();
    let pushed = batch.push_parts(meta, [first, second]);
    chunk.commit_all();
    pushed.map(|()| socket)
}

/// Copies the parts one behind the other into two pieces of memory that together are as long.
fn scatter(room: (&mut [u8], &mut [u8]), parts: [&[u8]; 2]) {
    let (mut here, mut later) = room;
    for mut part in parts {
        while !part.is_empty() {
            if here.is_empty() {
                here = std::mem::take(&mut later);
            }
            let len = part.len().min(here.len());
            let (to, room) = here.split_at_mut(len);
            let (from, rest) = part.split_at(len);
            if len == 0 {
                return;
            }
            to.copy_from_slice(from);
            (here, part) = (room, rest);
        }
    }
}

fn emit(run: &Run<'_>) -> [u8; HEADER_LEN] {
    let (address, scope, family) = match run.remote {
        SocketAddr::V4(remote) => (remote.ip().to_ipv6_mapped(), 0, 4),
        SocketAddr::V6(remote) => (*remote.ip(), remote.scope_id(), 6),
    };
    let mut header = [0; HEADER_LEN];
    let fields: [&[u8]; 8] = [
        &length(run.bytes.len()),
        &length(run.stride),
        &address.octets(),
        &u32::to_be_bytes(scope),
        &run.remote.port().to_be_bytes(),
        &[run.socket.get()],
        &[run.tos],
        &[family],
    ];
    let bytes = fields.into_iter().flatten();
    header
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    header
}

/// No train is longer than 64 KiB.
fn length(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

fn parse(header: &[u8; HEADER_LEN]) -> (RecvMeta, SocketIndex) {
    let [l0, l1, l2, l3, s0, s1, s2, s3, rest @ ..] = *header;
    let [address @ .., c0, c1, c2, c3, p0, p1, socket, tos, family] = rest;
    let (address, port) = (Ipv6Addr::from(address), u16::from_be_bytes([p0, p1]));
    let remote = if family == 4 {
        let address = address.to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED);
        SocketAddr::V4(SocketAddrV4::new(address, port))
    } else {
        let scope = u32::from_be_bytes([c0, c1, c2, c3]);
        SocketAddr::V6(SocketAddrV6::new(address, port, 0, scope))
    };
    let meta = RecvMeta {
        remote,
        len: u32::from_be_bytes([l0, l1, l2, l3]) as usize,
        stride: u32::from_be_bytes([s0, s1, s2, s3]) as usize,
        tos,
    };
    (meta, SocketIndex::new(socket))
}

#[cfg(test)]
mod tests;
