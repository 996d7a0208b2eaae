//! Ping, paced UDP flows, TCP copies.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use linkveil_net::clock;
use rustix::net::sockopt;

use crate::netns::Namespace;
use crate::timing::{PATIENCE, pause};

/// After the last datagram, how long a receiver waits for ones that are missing.
const QUIET: Duration = Duration::from_secs(2);
/// Datagrams that a sender makes up for at once when others had its core. All of them would not fit the queue of a TUN
/// device, which takes 500 packets while the gateway waits for the same core.
const CATCH_UP: u32 = 50;
/// What a receiver's socket holds while others have its core: a second of the fastest flow, at a kilobyte of the kernel's
/// for a datagram. The usual 208 KiB are full after a tenth of that.
const RECEIVE_BUFFER: usize = 2 << 20;

/// Pings five times and demands five answers.
///
/// # Panics
///
/// If an answer is missing.
#[track_caller]
pub fn ping(from: &Namespace, to: IpAddr) {
    let output = from.output("ping", &format!("-n -q -c 5 -i 0.05 -W 5 {to}"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(" 5 received"), "ping {to}:\n{text}");
}

/// Pings with inner packets of exactly `packet_bytes`, not to be fragmented, and says whether all were answered.
#[must_use]
pub fn ping_of_size(from: &Namespace, to: IpAddr, packet_bytes: u16) -> bool {
    // IP and ICMP headers.
    let headers = if to.is_ipv4() { 28 } else { 48 };
    let payload = packet_bytes - headers;
    let arguments = format!("-n -q -c 3 -i 0.05 -W 2 -M do -s {payload} {to}");
    from.output("ping", &arguments).status.success()
}

/// Sends `count` UDP datagrams, a millisecond apart, from `source` to the discard port of `destination`.
///
/// # Panics
///
/// If the namespace has no such address.
pub fn send_datagrams(from: &Namespace, source: IpAddr, destination: IpAddr, count: u64) {
    let socket = bound(from, source);
    for number in 0..count {
        let sent = socket.send_to(&number.to_be_bytes(), (destination, 9));
        assert_eq!(sent.unwrap(), 8);
        pause(Duration::from_millis(1));
    }
}

fn bound(namespace: &Namespace, address: IpAddr) -> UdpSocket {
    match namespace.run(|| UdpSocket::bind((address, 0))) {
        Ok(socket) => socket,
        Err(error) => panic!("{} in {}: {error}", address, namespace.name()),
    }
}

/// A UDP flow at a steady pace, numbered so that the receiver can tell what is missing.
#[derive(Clone, Copy, Debug)]
pub struct FlowPlan<'n> {
    /// Where it starts.
    pub from: &'n Namespace,
    /// Its source address.
    pub source: IpAddr,
    /// Where it ends.
    pub to: &'n Namespace,
    /// Its destination.
    pub destination: SocketAddr,
    /// Bytes of UDP payload, 16 or more.
    pub payload_bytes: usize,
    /// Time from one datagram to the next.
    pub interval: Duration,
    /// Stands in every datagram. A receiver counts those with another one.
    pub tag: u64,
}

/// What became of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct FlowReport {
    /// Datagrams sent.
    pub sent: u64,
    /// Different datagrams received.
    pub received: u64,
    /// Datagrams received once more.
    pub duplicates: u64,
    /// Datagrams received after one with a greater number.
    pub reordered: u64,
    /// Datagrams with the tag of another flow.
    pub foreign: u64,
}

impl FlowReport {
    /// Datagrams that never came.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.sent - self.received
    }

    /// Asserts that every datagram arrived once, and no other.
    ///
    /// # Panics
    ///
    /// If not.
    #[track_caller]
    pub fn assert_complete(&self) {
        assert!(self.sent > 0, "nothing was sent");
        let trouble = (self.lost(), self.duplicates, self.foreign);
        assert_eq!(trouble, (0, 0, 0), "lost, duplicate, foreign: {self:?}");
    }
}

/// A flow that runs until [`Flow::finish`].
#[derive(Debug)]
pub struct Flow {
    stop: Arc<AtomicBool>,
    sender: JoinHandle<u64>,
    sent: Arc<AtomicU64>,
    receiver: JoinHandle<FlowReport>,
}

/// The number of sent datagrams, as long as it is not known.
const STILL_SENDING: u64 = u64::MAX;

impl FlowPlan<'_> {
    /// Starts receiver and sender.
    ///
    /// # Panics
    ///
    /// If an address cannot be bound.
    #[must_use]
    pub fn start(self) -> Flow {
        let there = self.to.run(|| UdpSocket::bind(self.destination)).unwrap();
        if sockopt::set_socket_recv_buffer_size_force(&there, RECEIVE_BUFFER).is_err() {
            // Root of a user namespace alone gets as much as everybody.
            sockopt::set_socket_recv_buffer_size(&there, RECEIVE_BUFFER).unwrap();
        }
        there
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let here = bound(self.from, self.source);
        here.connect(self.destination).unwrap();
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(STILL_SENDING)),
        );
        let (tag, bytes, interval) = (self.tag, self.payload_bytes, self.interval);
        let (stopping, total) = (Arc::clone(&stop), Arc::clone(&sent));
        Flow {
            stop,
            sender: thread::spawn(move || send(&here, &vec_of(tag, bytes), interval, &stopping)),
            sent,
            receiver: thread::spawn(move || receive(&there, tag, &total)),
        }
    }
}

impl Flow {
    /// Stops the sender, waits for what is under way and reports.
    ///
    /// # Panics
    ///
    /// If sender or receiver did.
    #[must_use]
    pub fn finish(self) -> FlowReport {
        self.stop.store(true, Ordering::Relaxed);
        let sent = self.sender.join().unwrap();
        self.sent.store(sent, Ordering::Relaxed);
        let mut report = self.receiver.join().unwrap();
        report.sent = sent;
        report
    }
}

fn vec_of(tag: u64, bytes: usize) -> Vec<u8> {
    let mut payload = vec![0xa5; bytes.max(16)];
    payload[8..16].copy_from_slice(&tag.to_be_bytes());
    payload
}

fn send(socket: &UdpSocket, payload: &[u8], interval: Duration, stop: &AtomicBool) -> u64 {
    let mut payload = payload.to_vec();
    let mut next = clock::now();
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        payload[..8].copy_from_slice(&number.to_be_bytes());
        socket.send(&payload).unwrap();
        number += 1;
        let now = clock::now();
        next = (next + interval).max(now - interval * CATCH_UP);
        pause(next.saturating_duration_since(now));
    }
    number
}

fn receive(socket: &UdpSocket, tag: u64, sent: &AtomicU64) -> FlowReport {
    let mut report = FlowReport::default();
    let mut seen: Vec<bool> = Vec::new();
    let mut last = clock::now();
    loop {
        let total = sent.load(Ordering::Relaxed);
        let quiet = clock::now().saturating_duration_since(last);
        if total != STILL_SENDING && (report.received >= total || quiet > QUIET) {
            return report;
        }
        let mut buffer = [0; 65_536];
        let Ok(length) = socket.recv(&mut buffer) else {
            continue;
        };
        last = clock::now();
        match numbers(&buffer[..length]) {
            Some((number, theirs)) if theirs == tag => note(&mut report, &mut seen, number),
            _ => report.foreign += 1,
        }
    }
}

fn numbers(payload: &[u8]) -> Option<(u64, u64)> {
    let (number, rest) = payload.split_first_chunk()?;
    let tag = rest.first_chunk()?;
    Some((u64::from_be_bytes(*number), u64::from_be_bytes(*tag)))
}

fn note(report: &mut FlowReport, seen: &mut Vec<bool>, number: u64) {
    let index = usize::try_from(number).unwrap();
    if index < seen.len() {
        report.reordered += 1;
    } else {
        seen.resize(index + 1, false);
    }
    if seen[index] {
        report.duplicates += 1;
        report.reordered -= 1;
    } else {
        seen[index] = true;
        report.received += 1;
    }
}

/// Copies `bytes` bytes of a pattern over TCP and demands that they arrive as they were.
///
/// # Panics
///
/// If not, or if it takes too long.
pub fn tcp_copy(from: &Namespace, to: &Namespace, destination: IpAddr, bytes: usize) {
    let listener = to.run(|| TcpListener::bind((destination, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        received
    });
    let data = pattern(bytes);
    let mut stream = from
        .run(|| TcpStream::connect_timeout(&address, PATIENCE))
        .unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&data).unwrap();
    drop(stream);
    let received = receiver.join().unwrap();
    assert!(
        received == data,
        "TCP delivered other bytes than it was given"
    );
}

/// Bytes that do not repeat at any packet's length.
fn pattern(bytes: usize) -> Vec<u8> {
    let words = (0_u32..).flat_map(|word| word.wrapping_mul(0x9e37_79b1).to_be_bytes());
    words.take(bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_judged_by_number() {
        let (mut report, mut seen) = (FlowReport::default(), Vec::new());
        for number in [0, 2, 1, 2, 5] {
            note(&mut report, &mut seen, number);
        }
        report.sent = 6;
        let expected = FlowReport {
            sent: 6,
            received: 4,
            duplicates: 1,
            reordered: 1,
            foreign: 0,
        };
        assert_eq!(report, expected);
        assert_eq!(report.lost(), 2);
    }

    #[test]
    #[should_panic(expected = "lost, duplicate, foreign")]
    fn a_lost_datagram_is_not_complete() {
        let report = FlowReport {
            sent: 2,
            received: 1,
            ..FlowReport::default()
        };
        report.assert_complete();
    }
}
