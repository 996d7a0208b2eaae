//! The parsers of the packet path.

use criterion::Criterion;
use linkveil_benches::epoch::{sealed, sender};
use linkveil_benches::{criterion, packets};
use linkveil_crypto::Suite;
use linkveil_wire::link::run_key;
use linkveil_wire::{Datagram, GeneveFrame, InnerPacket};
use std::hint::black_box;

/// No parser looks at the payload, so one length serves all.
const LEN: usize = 1420;

fn link(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/link");
    let mut datagram = sealed(&mut sender(Suite::default()), LEN);
    group.bench_function("run_key", |bencher| {
        bencher.iter(|| run_key(black_box(&datagram)).unwrap());
    });
    group.bench_function("Datagram::parse", |bencher| {
        bencher.iter(|| Datagram::parse(black_box(&mut datagram)).unwrap().header());
    });
    group.bench_function("run_key, Datagram::parse", |bencher| {
        bencher.iter(|| {
            let key = run_key(black_box(&datagram)).unwrap();
            (key, Datagram::parse(&mut datagram).unwrap().header())
        });
    });
    group.finish();
}

fn geneve(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/geneve");
    let encapsulation = packets::encapsulation(LEN);
    group.bench_function("emit", |bencher| {
        bencher.iter(|| black_box(&encapsulation).emit());
    });
    let frame = packets::frame(LEN);
    group.bench_function("parse", |bencher| {
        bencher.iter(|| GeneveFrame::parse(black_box(&frame)).unwrap());
    });
    group.finish();
}

fn inner(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/inner");
    let kinds = [
        ("IPv4 TCP", packets::ipv4_tcp(LEN)),
        ("IPv6 UDP", packets::ipv6_udp(LEN)),
        ("IPv6 with extensions", packets::ipv6_with_extensions(LEN)),
    ];
    for (name, packet) in &kinds {
        group.bench_function(format!("parse/{name}"), |bencher| {
            bencher.iter(|| InnerPacket::parse(black_box(packet)).unwrap());
        });
        group.bench_function(format!("parse, transport/{name}"), |bencher| {
            bencher.iter(|| {
                let packet = InnerPacket::parse(black_box(packet)).unwrap();
                packet.transport().unwrap().ports()
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = criterion();
    link(&mut criterion);
    geneve(&mut criterion);
    inner(&mut criterion);
    criterion.final_summary();
}
