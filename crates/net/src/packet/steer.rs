//! Which lane a received MACsec frame belongs to, once as a program for the kernel and once in Rust.
//!
//! The port id of the channel that a SecTAG names explicitly (IEEE 802.1AE-2018 9.9) is the sender's lane + 1. So port id
//! p goes to lane (p - 1) mod N of N, and a frame that names no channel to lane 0.

use super::options::instruction;

/// The bit of the TCI that says that there is an SCI (IEEE 802.1AE-2018 9.5).
const TCI_SC: u8 = 0x20;

/// Where the SecTAG begins in a frame: behind its addresses and EtherType.
const TAG_START: usize = 14;

/// Where the SCI's port id is, from the TCI on: behind TCI, SL, packet number and MAC address.
const PORT_ID_START: usize = 12;

/// The lane of `frame` among `lanes`.
pub(crate) fn lane_of(frame: &[u8], lanes: usize) -> usize {
    let lane = || {
        let tag = frame.get(TAG_START..)?;
        tag.first().filter(|tci| **tci & TCI_SC != 0)?;
        let port_id = u16::from_be_bytes(*tag.get(PORT_ID_START..)?.first_chunk()?);
        (usize::from(port_id) + lanes - 1).checked_rem(lanes)
    };
    lane().unwrap_or(0)
}

/// The same for the kernel: at offset 0 it sees what follows the EtherType. A load beyond the end of a short frame ends
/// the program with 0.
pub(super) fn program(lanes: u32) -> [libc::sock_filter; 7] {
    let start = u32::try_from(PORT_ID_START).unwrap_or_default();
    [
        instruction(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0),
        libc::sock_filter {
            jf: 4,
            ..instruction(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, TCI_SC.into())
        },
        instruction(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, start),
        instruction(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_K, lanes - 1),
        instruction(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, lanes),
        instruction(libc::BPF_RET | libc::BPF_A, 0),
        instruction(libc::BPF_RET | libc::BPF_K, 0),
    ]
}

#[cfg(test)]
mod tests;
