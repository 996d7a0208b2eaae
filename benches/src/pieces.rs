//! A super-packet and the packets that it is cut into.

use linkveil_bench::lane::queues::Handed;
use linkveil_net::Offload;
use linkveil_wire::{NetworkOffset, Splitter};

/// Full packets of a path with MTU 1,500 in one train.
pub const TRAIN_PACKETS: usize = 44;

/// What cuts the super-packet.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn splitter(whole: &Handed) -> Splitter {
    let Offload::Segments(cut) = whole.offload else {
        panic!("not a super-packet");
    };
    Splitter::new(&whole.bytes, NetworkOffset::IP, cut.segment_len).expect("a super-packet")
}

/// The first packets that are cut, with partial checksums.
///
/// # Panics
/// When it is no super-packet.
#[must_use]
pub fn cut(whole: &Handed, packets: usize) -> Vec<Vec<u8>> {
    let splitter = splitter(whole);
    let segments = splitter.segments().take(packets);
    let cut = segments.map(|segment| {
        let mut packet = vec![0; splitter.headers_len()];
        let written = splitter.write_headers(segment, &mut packet);
        written.expect("room for the headers");
        packet.extend(&whole.bytes[splitter.payload_of(segment)]);
        packet
    });
    cut.collect()
}
