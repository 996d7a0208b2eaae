//! Cutting a super-packet of TCP, 64 KiB, into packets that fill the inner MTU: the headers alone, without the payload that
//! stays where it is. Per packet that is cut.

use criterion::Throughput;
use linkveil_benches::criterion;
use linkveil_benches::packets::tcp_super_packet;
use linkveil_benches::pieces::splitter;
use std::hint::black_box;

/// Length of a full inner packet, in bytes.
const LEN: usize = 1420;

fn main() {
    let mut criterion = criterion();
    let whole = tcp_super_packet(LEN);
    let mut group = criterion.benchmark_group("split");
    group.bench_function("look at a super-packet of TCP", |bencher| {
        bencher.iter(|| splitter(black_box(&whole)));
    });
    let splitter = splitter(&whole);
    let mut headers = vec![0; splitter.headers_len()];
    group.throughput(Throughput::Elements(splitter.count() as u64));
    group.bench_function(
        format!("headers of {} packets", splitter.count()),
        |bencher| {
            bencher.iter(|| {
                for segment in splitter.segments() {
                    splitter
                        .write_headers(segment, black_box(&mut headers))
                        .unwrap();
                }
            });
        },
    );
    group.finish();
    criterion.final_summary();
}
