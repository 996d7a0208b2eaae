//! Inner packets with a name: IPv4 and UDP headers, an id, and filling that follows from the id.

use linkveil_wire::checksum::Checksum;
use std::fmt;
use std::net::Ipv4Addr;

const IP_HEADER_LEN: usize = 20;
const UDP_HEADER_LEN: usize = 8;
const ID_OFFSET: usize = IP_HEADER_LEN + UDP_HEADER_LEN;
/// Any odd number with mixed bits: packets with neighboring ids differ in most of their bytes.
const FILLING_STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// Shortest packet, in bytes: headers and id. Sealed, it is longer than any link control frame, so
/// the link can tell the two by their length.
pub const MIN_PACKET_LEN: usize = 64;

/// Names one inner packet of a world; no two have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PacketId(u64);

impl PacketId {
    /// The packet with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PacketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet {}", self.0)
    }
}

/// The packet with this id; `len` is raised to [`MIN_PACKET_LEN`] if need be.
#[must_use]
pub fn build(id: PacketId, source: Ipv4Addr, destination: Ipv4Addr, len: usize) -> Vec<u8> {
    let len = len.max(MIN_PACKET_LEN);
    let mut packet = vec![0; len];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&length16(len).to_be_bytes());
    packet[8] = 64;
    packet[9] = 17;
    packet[12..16].copy_from_slice(&source.octets());
    packet[16..20].copy_from_slice(&destination.octets());
    packet[20..22].copy_from_slice(&4_000_u16.to_be_bytes());
    packet[22..24].copy_from_slice(&5_000_u16.to_be_bytes());
    packet[24..26].copy_from_slice(&length16(len - IP_HEADER_LEN).to_be_bytes());
    packet[ID_OFFSET..ID_OFFSET + 8].copy_from_slice(&id.get().to_be_bytes());
    let filling = id.get().wrapping_mul(FILLING_STEP).to_be_bytes();
    for word in packet[ID_OFFSET + 8..].chunks_mut(8) {
        word.copy_from_slice(&filling[..word.len()]);
    }
    let checksum = Checksum::new().add_bytes(&packet[..IP_HEADER_LEN]).finish();
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// The id in the place where [`build`] puts it; `None` if the packet is too short. Whether the rest is as it was built, a
/// comparison must say.
#[must_use]
pub fn id_of(packet: &[u8]) -> Option<PacketId> {
    let bytes = packet.get(ID_OFFSET..ID_OFFSET + 8)?;
    Some(PacketId(u64::from_be_bytes(bytes.try_into().ok()?)))
}

fn length16(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
