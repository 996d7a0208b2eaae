//! What passes an interface, by AF_PACKET.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pnet::datalink::{self, Channel, Config, DataLinkReceiver};

use crate::inject::Wire;
use crate::netns::Namespace;

/// Longer than any frame, also one that receive offload has merged.
const BUFFER: usize = 1 << 17;

/// A capture that runs until [`Capture::finish`].
#[derive(Debug)]
pub struct Capture {
    stop: Arc<AtomicBool>,
    reader: JoinHandle<Vec<Vec<u8>>>,
}

impl Capture {
    /// Starts to capture both directions of `device`.
    ///
    /// # Panics
    ///
    /// If there is no such device, or without the right to open it.
    #[must_use]
    pub fn start(namespace: &Namespace, device: &str) -> Self {
        let receiver = namespace.run(|| open(device));
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        Self {
            stop,
            reader: thread::spawn(move || read(receiver, &stopping)),
        }
    }

    /// Stops and returns the frames.
    ///
    /// # Panics
    ///
    /// If the reader did.
    #[must_use]
    pub fn finish(self) -> Vec<Vec<u8>> {
        self.stop.store(true, Ordering::Relaxed);
        self.reader.join().unwrap()
    }
}

fn open(device: &str) -> Box<dyn DataLinkReceiver> {
    let interfaces = datalink::interfaces();
    let interface = interfaces.iter().find(|found| found.name == device);
    let config = Config {
        read_buffer_size: BUFFER,
        read_timeout: Some(Duration::from_millis(50)),
        ..Config::default()
    };
    match datalink::channel(interface.unwrap(), config) {
        Ok(Channel::Ethernet(_, receiver)) => receiver,
        Ok(_) => panic!("{device}: not the channel that was asked for"),
        Err(error) => panic!("{device}: {error}"),
    }
}

fn read(mut receiver: Box<dyn DataLinkReceiver>, stop: &AtomicBool) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    // An error is a read that timed out.
    while !stop.load(Ordering::Relaxed) {
        if let Ok(frame) = receiver.next() {
            frames.push(frame.to_vec());
        }
    }
    frames
}

/// The UDP datagrams among the frames.
#[must_use]
pub fn datagrams(frames: &[Vec<u8>]) -> Vec<Wire> {
    frames.iter().filter_map(|frame| datagram(frame)).collect()
}

fn datagram(frame: &[u8]) -> Option<Wire> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let (source, destination): (IpAddr, IpAddr) = match packet.net? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
            )
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
            )
        }
        NetSlice::Arp(_) => return None,
    };
    let Some(TransportSlice::Udp(udp)) = packet.transport else {
        return None;
    };
    Some(Wire {
        from: SocketAddr::new(source, udp.source_port()),
        to: SocketAddr::new(destination, udp.destination_port()),
        payload: udp.payload().to_vec(),
    })
}

/// How many frames contain `pattern`.
#[must_use]
pub fn frames_with(frames: &[Vec<u8>], pattern: &[u8]) -> usize {
    let holds = |frame: &&Vec<u8>| frame.windows(pattern.len()).any(|window| window == pattern);
    frames.iter().filter(holds).count()
}
