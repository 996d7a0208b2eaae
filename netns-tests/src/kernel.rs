//! What the kernel of a namespace counts: datagrams that never reached a gateway, and packets that crossed a device.

use std::fs;

use crate::netns::Namespace;

/// Datagrams that found no room at a socket of this UDP port, all members of a group together.
///
/// # Panics
///
/// If the kernel's table reads otherwise than proc(5) says.
#[must_use]
pub fn socket_drops(namespace: &Namespace, port: u16) -> u64 {
    let suffix = format!(":{port:04X}");
    let tables = ["udp", "udp6"].map(|table| read(namespace, table));
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields[1].ends_with(&suffix))
        .map(|fields| fields.last().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Packets that all interfaces of a namespace lost before a socket was looked for.
///
/// # Panics
///
/// If the kernel's table reads otherwise than proc(5) says.
#[must_use]
pub fn device_drops(namespace: &Namespace) -> u64 {
    let table = read(namespace, "dev");
    let received = table.lines().filter_map(|line| line.split_once(':'));
    received
        .map(|(_, numbers)| numbers.split_whitespace().nth(3).unwrap())
        .map(|dropped| dropped.parse::<u64>().unwrap())
        .sum()
}

/// Packets that crossed a device. A super-packet is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DevicePackets {
    /// Into the namespace.
    pub received: u64,
    /// Out of it.
    pub sent: u64,
}

/// What the device of a namespace has counted.
///
/// # Panics
///
/// If there is no such device, or the kernel's table reads otherwise than proc(5) says.
#[must_use]
pub fn device_packets(namespace: &Namespace, device: &str) -> DevicePackets {
    let table = read(namespace, "dev");
    let mut lines = table.lines().filter_map(|line| line.split_once(':'));
    let (_, numbers) = lines.find(|(name, _)| name.trim() == device).unwrap();
    let numbers: Vec<u64> = numbers
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    DevicePackets {
        received: numbers[1],
        sent: numbers[9],
    }
}

fn read(namespace: &Namespace, table: &str) -> String {
    // The namespace of the thread that reads decides what stands there.
    namespace.run(|| fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap())
}
