//! Groups on real loopback interfaces.

mod errors;
mod steering;
mod trains;

use std::time::Duration;

use super::*;
use crate::poll::{Interest, Poller, Token};

pub(super) const V4: &str = "127.0.0.1:0";
pub(super) const V6: &str = "[::1]:0";

/// How long a test waits for a datagram that must come. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn group(address: &str, lanes: usize) -> ReuseportGroup {
    ReuseportGroup::bind(address.parse().unwrap(), lanes).unwrap()
}

pub(super) fn sender(address: &str) -> UdpSocket {
    UdpSocket::bind(address).unwrap()
}

/// A datagram and where it arrived: lane number, or the number of lanes for control.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrival {
    pub(super) member: usize,
    pub(super) bytes: Vec<u8>,
    pub(super) tos: u8,
}

/// Receives until `count` datagrams are there, in the order of each socket.
pub(super) fn receive(group: &mut ReuseportGroup, count: usize) -> Vec<Arrival> {
    let mut poller = Poller::new().unwrap();
    for (lane, socket) in group.data.iter().enumerate() {
        poller
            .add(socket, Token(lane as u64), Interest::Readable)
            .unwrap();
    }
    let control = group.data.len();
    poller
        .add(&group.control, Token(control as u64), Interest::Readable)
        .unwrap();
    let mut arrivals = Vec::new();
    let mut batch = UdpBatch::new(8);
    while arrivals.len() < count {
        let ready: Vec<_> = poller.wait(Some(PATIENCE)).unwrap().collect();
        assert!(
            !ready.is_empty(),
            "{} of {count} datagrams arrived",
            arrivals.len()
        );
        for readiness in ready {
            match group
                .data
                .get_mut(usize::try_from(readiness.token.0).unwrap())
            {
                Some(socket) => take_data(socket, readiness.token.0, &mut batch, &mut arrivals),
                None => take_control(&group.control, control, &mut arrivals),
            }
        }
    }
    arrivals
}

fn take_data(socket: &mut LinuxUdp, lane: u64, batch: &mut UdpBatch, arrivals: &mut Vec<Arrival>) {
    for index in 0..socket.recv_batch(batch).unwrap() {
        let (meta, bytes) = batch.buffer_mut(index).unwrap();
        arrivals.extend(meta.segments().map(|range| Arrival {
            member: usize::try_from(lane).unwrap(),
            bytes: bytes[range].to_vec(),
            tos: meta.tos,
        }));
    }
    assert_eq!(batch.truncated(), 0);
}

fn take_control(socket: &UdpSocket, member: usize, arrivals: &mut Vec<Arrival>) {
    let mut buffer = vec![0; 65_536];
    while let Ok((len, _)) = socket.recv_from(&mut buffer) {
        arrivals.push(Arrival {
            member,
            bytes: buffer[..len].to_vec(),
            tos: 0,
        });
    }
}

/// A data datagram of the given length that names its lane and number.
pub(super) fn datagram(lane: u8, number: u16, len: usize) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let mut bytes = vec![high ^ low; len];
    bytes[..4].copy_from_slice(&[4, lane, high, low]);
    bytes
}

pub(super) fn enqueue(queue: &mut GsoQueue, remote: SocketAddr, tos: u8, bytes: &[u8]) {
    let mut slot = queue.reserve(remote, tos, bytes.len()).unwrap();
    slot.copy_from_slice(bytes);
    slot.commit();
}
