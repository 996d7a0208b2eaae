//! The bare AEADs: what sealing and opening cost without anything around them.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use linkveil_benches::backend::{AwsLc, Backend, RustCrypto};
use linkveil_benches::{SIZES, TRAIN, criterion};
use linkveil_crypto::{Iv, KeyBytes, Suite};
use std::hint::black_box;

const AAD: [u8; 16] = [0xaa; 16];

fn seal<B: Backend>(criterion: &mut Criterion, suite: Suite) {
    let mut group = criterion.benchmark_group(format!("aead/seal/{suite}/{}", B::NAME));
    let key = B::new(suite, &KeyBytes::new([7; 32]));
    let iv = Iv::new([9; 12]);
    for size in SIZES {
        let mut text = vec![0; size];
        let mut number = 0;
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                number += 1;
                key.seal(iv.nonce(number), black_box(&AAD), black_box(&mut text))
            });
        });
    }
    group.finish();
}

fn open<B: Backend>(criterion: &mut Criterion, suite: Suite) {
    let mut group = criterion.benchmark_group(format!("aead/open/{suite}/{}", B::NAME));
    let key = B::new(suite, &KeyBytes::new([7; 32]));
    let iv = Iv::new([9; 12]);
    for size in SIZES {
        let mut sealed = vec![0; size];
        let tag = key.seal(iv.nonce(1), &AAD, &mut sealed);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_batched_ref(
                || sealed.clone(),
                |text| key.open(iv.nonce(1), black_box(&AAD), text, &tag).unwrap(),
                BatchSize::NumIterations(TRAIN),
            );
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = criterion();
    for suite in Suite::ALL {
        seal::<AwsLc>(&mut criterion, suite);
        seal::<RustCrypto>(&mut criterion, suite);
        open::<AwsLc>(&mut criterion, suite);
        open::<RustCrypto>(&mut criterion, suite);
    }
    criterion.final_summary();
}
