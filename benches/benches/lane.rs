//! One whole lane in memory, per packet: the pipeline of `linkveil bench lane` under criterion, which keeps a history.

use criterion::{BenchmarkId, Criterion, Throughput};
use linkveil_benches::criterion;
use linkveil_benches::lane::{Pipeline, SIZES, Side};
use linkveil_crypto::Suite;

fn pipeline(criterion: &mut Criterion, side: Side, suite: Suite) {
    let mut group = criterion.benchmark_group(format!("lane/{}/{suite}", side.name()));
    for bytes in SIZES {
        let mut pipeline = Pipeline::new(side, suite, bytes).unwrap();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::from_parameter(bytes), |bencher| {
            bencher.iter_custom(|packets| {
                let done = pipeline.run(packets).unwrap();
                // A lane carries whole batches, so a few more than were asked for.
                done.elapsed.mul_f64(packets as f64 / done.packets as f64)
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = criterion();
    for suite in Suite::ALL {
        for side in Side::ALL {
            pipeline(&mut criterion, side, suite);
        }
    }
    criterion.final_summary();
}
