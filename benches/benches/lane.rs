//! One whole lane in memory, per packet: the pipeline of `linkveil bench lane` under criterion, which keeps a history.

use criterion::{BenchmarkId, Criterion, Throughput};
use linkveil_benches::criterion;
use linkveil_benches::lane::{LOADS, Load, MACSEC_LOADS, Pipeline, Side};
use linkveil_crypto::Suite;

fn pipeline(
    criterion: &mut Criterion,
    name: &str,
    loads: [Load; 3],
    build: impl Fn(Load) -> Pipeline,
) {
    let mut group = criterion.benchmark_group(name);
    for load in loads {
        let mut pipeline = build(load);
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
            let name = format!("lane/{}/{suite}", side.name());
            let build = |load| Pipeline::new(side, suite, load).unwrap();
            pipeline(&mut criterion, &name, LOADS, build);
        }
    }
    for side in Side::ALL {
        let name = format!("lane/{}/macsec", side.name());
        let build = |load| Pipeline::macsec(side, load).unwrap();
        pipeline(&mut criterion, &name, MACSEC_LOADS, build);
    }
    criterion.final_summary();
}
