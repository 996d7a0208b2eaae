//! The longest-prefix lookup, by the size of a VPC's table. Addresses come in no order.

use criterion::{BenchmarkId, Criterion};
use linkveil_benches::criterion;
use linkveil_benches::routes::Routes;
use std::hint::black_box;

/// Prefixes in one VPC: a link between two sites, a company, and far beyond.
const PREFIXES: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

fn lookup(criterion: &mut Criterion, family: &str, make: impl Fn(usize) -> Routes) {
    let mut group = criterion.benchmark_group(format!("classify/lookup/{family}"));
    for prefixes in PREFIXES {
        let routes = make(prefixes);
        let mut addresses = routes.addresses().iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(prefixes), |bencher| {
            bencher.iter(|| {
                let (address, _) = addresses.next().unwrap();
                routes.lookup(black_box(*address)).unwrap()
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = criterion();
    lookup(&mut criterion, "IPv4", Routes::ipv4);
    lookup(&mut criterion, "IPv6", Routes::ipv6);
    criterion.final_summary();
}
