//! One whole lane in memory, per packet: the pipeline of `linkveil bench lane` under criterion, which keeps a history.

use criterion::{BenchmarkId, Criterion, Throughput};
use linkveil_benches::criterion;
use linkveil_benches::lane::{LOADS, Pipeline, Side};
use linkveil_crypto::Suite;

fn pipeline(criterion: &mut Criterion, side: Side, suite: Suite) {
    let mut group = criterion.benchmark_group(format!("lane/{}/{suite}", side.name()));
    for load in LOADS {
        let mut pipeline = Pipeline::new(side, suite, load).unwrap();
        group.throughput(Throughput::Bytes(load.bytes as u64));
        let id = BenchmarkId::new(load.devices.name(), load.bytes);
        group.bench_function(id, |bencher| {
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
