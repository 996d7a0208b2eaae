//! What the kernel of a namespace counts: datagrams that never reached a gateway.

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

fn read(namespace: &Namespace, table: &str) -> String {
    // The namespace of the thread that reads decides what stands there.
    namespace.run(|| fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap())
}
