//! Joining the packets of a full train into a super-packet, as a lane does before it writes to a device with offloads. Headers
//! only; per train.

use criterion::Throughput;
use linkveil_benches::criterion;
use linkveil_benches::packets::tcp_super_packet;
use linkveil_benches::pieces::{TRAIN_PACKETS, cut};
use linkveil_wire::{InnerPacket, Joined, Merge, MergeKey, NetworkOffset, SuperPacket};
use std::hint::black_box;

/// Length of a full inner packet, in bytes.
const LEN: usize = 1420;

fn join(packets: &[Vec<u8>], headers: &mut [u8]) -> SuperPacket {
    let (first, rest) = packets.split_first().unwrap();
    let mut merge = Merge::begin(MergeKey::of(first, NetworkOffset::IP).unwrap());
    for packet in rest {
        let key = MergeKey::of(packet, NetworkOffset::IP).unwrap();
        assert_eq!(merge.join(first, &key, packet), Joined::Yes);
    }
    merge.finish(headers).unwrap()
}

fn main() {
    let mut criterion = criterion();
    let packets = cut(&tcp_super_packet(LEN), TRAIN_PACKETS);
    let mut group = criterion.benchmark_group("coalesce");
    group.throughput(Throughput::Elements(packets.len() as u64));
    let mut headers = packets.first().unwrap().clone();
    group.bench_function(format!("{} packets of TCP", packets.len()), |bencher| {
        bencher.iter(|| join(black_box(&packets), &mut headers));
    });
    group.bench_function("keys alone", |bencher| {
        bencher.iter(|| {
            for packet in black_box(&packets) {
                let packet = InnerPacket::parse(packet).unwrap();
                black_box(MergeKey::of_packet(&packet, NetworkOffset::IP).unwrap());
            }
        });
    });
    group.finish();
    criterion.final_summary();
}
