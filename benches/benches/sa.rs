//! Security associations: sealing with header, packet number and limits; opening with parsing,
//! limits and replay window. What this costs beyond `aead` is the price of the association.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use linkveil_benches::epoch::{buffer, receiver, sealed, sender};
use linkveil_benches::{SIZES, TRAIN, criterion};
use linkveil_crypto::Suite;
use linkveil_wire::Datagram;
use std::hint::black_box;

fn seal(criterion: &mut Criterion, suite: Suite) {
    let mut group = criterion.benchmark_group(format!("sa/seal/{suite}"));
    for size in SIZES {
        let mut tx = sender(suite);
        let mut datagram = buffer(size);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| tx.seal_in_place(black_box(&mut datagram)).unwrap());
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion, suite: Suite) {
    let mut group = criterion.benchmark_group(format!("sa/open/{suite}"));
    for size in SIZES {
        let (mut tx, mut rx) = (sender(suite), receiver(suite));
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched_ref(
                || sealed(&mut tx, size),
                |datagram| {
                    let datagram = Datagram::parse(black_box(datagram)).unwrap();
                    let opened = rx.open_in_place(datagram).unwrap();
                    black_box(opened.first_open());
                },
                BatchSize::NumIterations(TRAIN),
            );
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = criterion();
    for suite in Suite::ALL {
        seal(&mut criterion, suite);
        open(&mut criterion, suite);
    }
    criterion.final_summary();
}
