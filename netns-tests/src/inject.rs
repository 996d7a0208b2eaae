//! Frames with forged addresses, straight onto a cable, by AF_PACKET.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use etherparse::PacketBuilder;
use linkveil_net::clock;
use pnet::datalink::{self, Channel, Config, DataLinkSender, NetworkInterface};

use crate::netns::Namespace;
use crate::timing::Pace;

/// One end of a cable.
pub struct Injector {
    sender: Box<dyn DataLinkSender>,
    /// Link addresses of this end and of the other.
    ends: [[u8; 6]; 2],
}

impl std::fmt::Debug for Injector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Injector").finish_non_exhaustive()
    }
}

/// A datagram as it stands on the underlay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wire {
    /// Whom it claims to be from.
    pub from: SocketAddr,
    /// Where it goes.
    pub to: SocketAddr,
    /// Its UDP payload.
    pub payload: Vec<u8>,
}

/// Frames are sent in steps of this length: less than a socket's buffer holds of any rate that is used here.
const STEP: Duration = Duration::from_millis(1);

impl Injector {
    /// Opens the end of the cable `device` in `from`; `to` has its other end under the same name.
    ///
    /// # Panics
    ///
    /// If there is no such device, or without the right to open it.
    #[must_use]
    pub fn open(from: &Namespace, to: &Namespace, device: &str) -> Self {
        let here = from.run(|| interface(device));
        let there = to.run(|| interface(device));
        let channel = from.run(|| datalink::channel(&here, Config::default()));
        let Ok(Channel::Ethernet(sender, _)) = channel else {
            panic!("{device}: no channel of frames");
        };
        Self {
            sender,
            ends: [here, there].map(|end| end.mac.unwrap().octets()),
        }
    }

    /// The frame of a UDP datagram with right checksums.
    ///
    /// # Panics
    ///
    /// If the addresses are of two families.
    #[must_use]
    pub fn frame(&self, datagram: &Wire) -> Vec<u8> {
        let link = PacketBuilder::ethernet2(self.ends[0], self.ends[1]);
        let network = match (datagram.from.ip(), datagram.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => link.ipv4(from.octets(), to.octets(), 64),
            (IpAddr::V6(from), IpAddr::V6(to)) => link.ipv6(from.octets(), to.octets(), 64),
            _ => panic!("two families: {} and {}", datagram.from, datagram.to),
        };
        let builder = network.udp(datagram.from.port(), datagram.to.port());
        let mut frame = Vec::with_capacity(builder.size(datagram.payload.len()));
        builder.write(&mut frame, &datagram.payload).unwrap();
        frame
    }

    /// Sends one frame.
    ///
    /// # Panics
    ///
    /// If the kernel refuses it.
    pub fn send(&mut self, frame: &[u8]) {
        self.sender.send_to(frame, None).unwrap().unwrap();
    }

    /// Sends the frames round and round, `per_step` every millisecond, for that long; returns how many.
    ///
    /// # Panics
    ///
    /// If the kernel refuses one.
    pub fn flood(&mut self, frames: &[Vec<u8>], per_step: usize, duration: Duration) -> u64 {
        let (end, mut pace, mut sent) = (clock::now() + duration, Pace::every(STEP), 0);
        let mut frames = frames.iter().cycle();
        while clock::now() < end {
            for frame in frames.by_ref().take(per_step) {
                self.send(frame);
                sent += 1;
            }
            pace.keep();
        }
        sent
    }
}

fn interface(device: &str) -> NetworkInterface {
    let mut interfaces = datalink::interfaces().into_iter();
    match interfaces.find(|found| found.name == device) {
        Some(found) => found,
        None => panic!("no interface {device}"),
    }
}
