//! The replay window by arrival order. It cannot be reached but through an open, so the first three
//! contain one of the shortest AEAD openings; the last two are refused before any.

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup};
use linkveil_benches::epoch::{NumberedSender, receiver};
use linkveil_benches::{TRAIN, criterion};
use linkveil_crypto::Suite;
use linkveil_sa::{OpenError, RxEpoch};
use linkveil_wire::{Datagram, PacketNumber};
use std::hint::black_box;

const SUITE: Suite = Suite::Aes256Gcm;
/// The shortest plaintext that there is, so that the window weighs most.
const LEN: usize = 8;
/// Far wider than any window.
const BEYOND_WINDOW: u64 = 1 << 20;

fn open(rx: &mut RxEpoch, datagram: &mut [u8]) -> Result<(), OpenError> {
    let datagram = Datagram::parse(black_box(datagram)).unwrap();
    rx.open_in_place(datagram).map(|_| ())
}

/// Opens datagrams whose numbers come from `number`, each new.
fn accepted(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    number: impl Fn(u64) -> PacketNumber,
) {
    let (sender, mut rx) = (NumberedSender::new(SUITE), receiver(SUITE));
    let mut count = 0;
    group.bench_function(name, |bencher| {
        bencher.iter_batched_ref(
            || {
                count += 1;
                sender.seal(number(count), LEN)
            },
            |datagram| open(&mut rx, datagram).unwrap(),
            BatchSize::NumIterations(TRAIN),
        );
    });
}

/// Opens the datagram `first`, then tries the datagram `again` for ever.
fn refused(group: &mut BenchmarkGroup<'_, WallTime>, error: OpenError, first: u64, again: u64) {
    let (sender, mut rx) = (NumberedSender::new(SUITE), receiver(SUITE));
    open(&mut rx, &mut sender.seal(PacketNumber::new(first), LEN)).unwrap();
    let mut datagram = sender.seal(PacketNumber::new(again), LEN);
    group.bench_function(format!("refused/{error:?}"), |bencher| {
        bencher.iter(|| assert_eq!(open(&mut rx, &mut datagram), Err(error)));
    });
}

fn main() {
    let mut criterion = criterion();
    let mut group = criterion.benchmark_group("replay");
    accepted(&mut group, "in order", PacketNumber::new);
    accepted(&mut group, "pairs swapped", |count| {
        // 2, 1, 4, 3 and so on.
        PacketNumber::new(((count - 1) ^ 1) + 1)
    });
    accepted(&mut group, "each clears the window", |count| {
        PacketNumber::new(count * BEYOND_WINDOW)
    });
    refused(&mut group, OpenError::Duplicate, 1, 1);
    refused(&mut group, OpenError::TooOld, BEYOND_WINDOW, 1);
    group.finish();
    criterion.final_summary();
}
