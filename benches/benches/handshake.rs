//! The handshake, side by side and message by message, with and without ML-KEM-768.

use criterion::{BatchSize, Criterion};
use linkveil_benches::criterion;
use linkveil_benches::handshake::Nodes;
use linkveil_crypto::Suite;
use linkveil_noise::PqPolicy;
use std::hint::black_box;

fn handshake(criterion: &mut Criterion, name: &str, policy: PqPolicy) {
    let nodes = Nodes::new(Suite::default(), policy);
    let mut group = criterion.benchmark_group(format!("handshake/{name}"));
    group.bench_function("initiator/create_initiation", |bencher| {
        bencher.iter(|| nodes.initiate());
    });
    let (initiation, _) = nodes.initiate();
    group.bench_function("responder/consume_initiation, create_response", |bencher| {
        bencher.iter(|| nodes.respond(black_box(&initiation)));
    });
    group.bench_function("initiator/consume_response", |bencher| {
        bencher.iter_batched(
            || {
                let (initiation, attempt) = nodes.initiate();
                (attempt, nodes.respond(&initiation).0)
            },
            |(attempt, response)| nodes.finish(attempt, black_box(&response)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// What a flood of messages from strangers costs each.
fn flood(criterion: &mut Criterion) {
    let nodes = Nodes::new(Suite::default(), PqPolicy::Required);
    let forged = nodes.forged_initiation();
    criterion.bench_function("handshake/responder/refuse mac1", |bencher| {
        bencher.iter(|| assert!(!nodes.passes_mac1(black_box(&forged))));
    });
}

fn main() {
    let mut criterion = criterion();
    handshake(&mut criterion, "hybrid", PqPolicy::Required);
    handshake(&mut criterion, "classical", PqPolicy::Off);
    flood(&mut criterion);
    criterion.final_summary();
}
