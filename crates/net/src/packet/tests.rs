//! Real ports: both ends of a veth pair in a private namespace.

mod control;
mod frames;
mod owner;
mod refused;
mod steering;

use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, SocketType};

use super::*;
use crate::poll::{Interest, Poller, Token};
use crate::testing::{in_private_netns, ip, without_forks};

/// How long a test waits for a frame that must come. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits for one that must not come.
const SILENCE: Duration = Duration::from_millis(50);

const ADDRESSES: [HardwareAddress; 2] = [
    HardwareAddress::new([2, 0, 0, 0, 0, 0xa]),
    HardwareAddress::new([2, 0, 0, 0, 0, 0xb]),
];

/// A cable between the interfaces `lv-a` and `lv-b`, which are up.
fn cable(mtu: usize) {
    let [a, b] = ADDRESSES;
    ip(&format!(
        "link add lv-a mtu {mtu} address {a} type veth peer name lv-b mtu {mtu} address {b}"
    ));
    ip("link set lv-a up");
    ip("link set lv-b up");
}

fn open(name: &str, lanes: usize) -> PacketPort {
    PacketPort::open(name, lanes, Reception::Station).unwrap()
}

/// Both ends of a cable with so many lanes each.
fn ports(mtu: usize, lanes: usize) -> [PacketPort; 2] {
    cable(mtu);
    ["lv-a", "lv-b"].map(|name| open(name, lanes))
}

/// A frame from one end to the other: its last bytes are `number` if it has any behind the EtherType.
fn frame(ethertype: u16, len: usize, number: u16) -> Vec<u8> {
    let [a, b] = ADDRESSES;
    let mut frame = [b.octets(), a.octets()].concat();
    frame.extend(ethertype.to_be_bytes());
    frame.resize(len.max(14), 0);
    let end = frame.len().max(16);
    if len >= 16 {
        frame[end - 2..].copy_from_slice(&number.to_be_bytes());
    }
    frame
}

fn macsec(len: usize, number: u16) -> Vec<u8> {
    frame(ETHERTYPE_MACSEC, len, number)
}

/// A frame of a channel with this port id.
fn of_channel(port_id: u16, number: u16) -> Vec<u8> {
    let mut frame = macsec(60, number);
    frame[14] = 0x20;
    frame[26..28].copy_from_slice(&port_id.to_be_bytes());
    frame
}

fn outbox<'f>(frames: impl IntoIterator<Item = &'f Vec<u8>>) -> PortOutbox {
    let mut outbox = PortOutbox::new(10_000, 32 << 20);
    for frame in frames {
        let mut slot = outbox.reserve(frame.len()).unwrap();
        slot.copy_from_slice(frame);
        slot.commit();
    }
    outbox
}

/// Waits until something can be read.
fn is_readable(port: &impl AsFd, patience: Duration) -> bool {
    let mut poller = Poller::new().unwrap();
    poller.add(port, Token(0), Interest::Readable).unwrap();
    let ready = poller.wait(Some(patience)).unwrap();
    ready.count() > 0
}

/// The next frames, until there are `count`.
fn received(port: &mut LinuxPort, count: usize) -> Vec<Vec<u8>> {
    let (mut frames, mut batch) = (Vec::new(), PortBatch::new(100));
    while frames.len() < count {
        assert!(is_readable(port, PATIENCE), "{} of {count}", frames.len());
        for index in 0..port.recv_batch(&mut batch).unwrap() {
            frames.push(batch.frame_mut(index).unwrap().to_vec());
        }
    }
    frames
}

/// A socket of somebody else on an interface, for one EtherType.
fn stranger(name: &str, ethertype: u16) -> OwnedFd {
    let socket = options::socket(SocketType::RAW).unwrap();
    let index = interface::index_of(name).unwrap().unwrap();
    rustix::net::bind(&socket, &LinkAddress::new(index, ethertype)).unwrap();
    socket
}

fn send(socket: &OwnedFd, frame: &[u8]) {
    let sent = rustix::net::send(socket, frame, SendFlags::empty()).unwrap();
    assert_eq!(sent, frame.len());
}

fn output(program: &str, arguments: &str) -> String {
    let mut command = Command::new(program);
    command.args(arguments.split(' '));
    let output = without_forks(|| command.output()).unwrap();
    assert!(output.status.success(), "{program} {arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
