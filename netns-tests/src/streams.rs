//! Traffic that meets device offloads: datagrams compared one by one, trains by UDP segmentation offload, and a TCP stream
//! that goes on as long as a test wants.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use linkveil_net::{GsoQueue, ReuseportGroup, UdpQueue};

use crate::netns::Namespace;
use crate::timing::{PATIENCE, Pace, wait_for};

/// One write of [`tcp_stream_until`], and the time to the next: 6.5 MB/s leave a debug build room for new keys.
const CHUNK_BYTES: usize = 65_536;
const CHUNK_INTERVAL: Duration = Duration::from_millis(10);

/// Who sends datagrams to whom.
#[derive(Clone, Copy, Debug)]
pub struct Way<'n> {
    /// Where the sender is.
    pub from: &'n Namespace,
    /// Its address.
    pub source: IpAddr,
    /// Where the receiver is.
    pub to: &'n Namespace,
    /// Its address.
    pub destination: IpAddr,
}

impl Way<'_> {
    fn receiver(&self) -> UdpSocket {
        let there = self.to.run(|| UdpSocket::bind((self.destination, 0)));
        let there = there.unwrap();
        there.set_read_timeout(Some(PATIENCE)).unwrap();
        there
    }

    /// Sends a datagram of each size, in bytes of UDP payload, and demands that it arrives as it was.
    ///
    /// # Panics
    ///
    /// If not.
    pub fn datagrams(&self, sizes: &[usize]) {
        let there = self.receiver();
        let here = self.from.run(|| UdpSocket::bind((self.source, 0))).unwrap();
        here.connect(there.local_addr().unwrap()).unwrap();
        for size in sizes {
            let datagram = bytes_of(*size, *size);
            assert_eq!(here.send(&datagram).unwrap(), *size);
            assert!(receive(&there) == datagram, "a datagram of {size} bytes");
        }
    }

    /// Sends `count` datagrams of `size` bytes and a shorter one with a single system call (UDP_SEGMENT), and demands that
    /// they arrive one by one, as they were and in order.
    ///
    /// # Panics
    ///
    /// If not.
    pub fn train(&self, count: usize, size: usize) {
        let there = self.receiver();
        let remote = there.local_addr().unwrap();
        let source = SocketAddr::new(self.source, 0);
        let mut group = self.from.run(|| ReuseportGroup::bind(source, 1)).unwrap();
        let mut queue = GsoQueue::new(1);
        let datagrams: Vec<Vec<u8>> = (0..=count)
            .map(|number| bytes_of(number, if number == count { size / 2 } else { size }))
            .collect();
        for datagram in &datagrams {
            let mut slot = queue.reserve(remote, 0, datagram.len()).unwrap();
            slot.copy_from_slice(datagram);
            slot.commit();
        }
        wait_for("a train that is sent", || {
            let _report = group.data[0].send_batch(&mut queue).unwrap();
            queue.is_empty().then_some(())
        });
        for (number, datagram) in datagrams.iter().enumerate() {
            assert!(receive(&there) == *datagram, "datagram {number} of a train");
        }
    }
}

/// The next datagram, or the failure of the test.
fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = [0; 65_536];
    let length = socket.recv(&mut buffer).expect("a datagram in time");
    buffer[..length].to_vec()
}

/// Bytes that differ from seed to seed.
fn bytes_of(seed: usize, length: usize) -> Vec<u8> {
    let mixed = (0..length).map(|index| (seed * 131 + index * 31 + index / 256) % 251);
    mixed.map(|byte| u8::try_from(byte).unwrap()).collect()
}

/// Sends a TCP stream at a steady pace until `stop`, and demands that it arrives as it was. Returns its bytes.
///
/// # Panics
///
/// If not, or if nothing comes for too long.
pub fn tcp_stream_until(
    from: &Namespace,
    to: &Namespace,
    destination: IpAddr,
    stop: &AtomicBool,
) -> usize {
    let listener = to.run(|| TcpListener::bind((destination, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut received = Vec::new();
            stream.read_to_end(&mut received).unwrap();
            received
        });
        let connect = || TcpStream::connect_timeout(&address, PATIENCE);
        let mut stream = from.run(connect).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut pace = Pace::every(CHUNK_INTERVAL);
        let mut sent = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let chunk = bytes_of(sent.len() / CHUNK_BYTES, CHUNK_BYTES);
            stream.write_all(&chunk).unwrap();
            sent.extend(chunk);
            pace.keep();
        }
        drop(stream);
        let received = receiver.join().unwrap();
        assert!(received == sent, "TCP delivered other bytes");
        sent.len()
    })
}
