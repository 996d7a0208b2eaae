use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits {
    packets: 160,
    bytes: 16_000,
    failed_opens: 32,
};

/// Counts datagrams with `len` bytes of plaintext until the meter refuses; returns how many.
fn fill(meter: &mut Meter, len: usize) -> u64 {
    let mut count = 0;
    while meter.check(len).is_ok() {
        count += 1;
        assert_eq!(meter.count(len), count);
    }
    count
}

#[test]
fn the_packet_limit_is_reached_and_not_passed() {
    let mut meter = Meter::new(LIMITS);
    assert_eq!(fill(&mut meter, 0), 160);
    assert_eq!(meter.packets(), 160);
    assert_eq!(meter.check(0), Err(Exhausted));
}

// REQ-LIM-10
#[test]
fn the_byte_limit_counts_the_header_and_whole_blocks() {
    let mut meter = Meter::new(LIMITS);
    // 16 of header and 17 of plaintext are 48 in blocks; 333 of them are 15,984.
    assert_eq!(fill(&mut meter, 17), 160, "the packet limit comes first");
    let mut meter = Meter::new(Limits {
        packets: u64::MAX,
        ..LIMITS
    });
    assert_eq!(fill(&mut meter, 17), 333);
    assert_eq!(meter.bytes(), 15_984);
    assert_eq!(meter.check(0), Ok(()), "one block is left");
    meter.count(0);
    assert_eq!(meter.bytes(), 16_000);
    assert_eq!(meter.check(0), Err(Exhausted));
}

#[test]
fn failed_opens_exhaust_a_key_on_their_own() {
    let mut meter = Meter::new(LIMITS);
    for _ in 0..32 {
        assert_eq!(meter.check(64), Ok(()));
        meter.count_failed_open(64);
    }
    assert_eq!(meter.check(64), Err(Exhausted));
    assert_eq!(meter.packets(), 0);
}

#[test]
fn pressure_comes_at_seven_eighths_and_fifteen_sixteenths_once_each() {
    let mut meter = Meter::new(LIMITS);
    let mut reports = Vec::new();
    for packets in 1..=160 {
        meter.count(0);
        while let Some(pressure) = meter.take_pressure() {
            reports.push((packets, pressure));
        }
    }
    assert_eq!(reports, [(140, Pressure::Soft), (150, Pressure::Late)]);
}

#[test]
fn both_levels_reached_at_once_come_one_after_the_other() {
    let mut meter = Meter::new(LIMITS);
    for _ in 0..32 {
        meter.count_failed_open(0);
    }
    assert_eq!(meter.take_pressure(), Some(Pressure::Soft));
    assert_eq!(meter.take_pressure(), Some(Pressure::Late));
    assert_eq!(meter.take_pressure(), None);
}

#[test]
fn bytes_alone_raise_pressure() {
    let mut meter = Meter::new(LIMITS);
    meter.count(14_000 - 32);
    assert_eq!(meter.take_pressure(), None);
    meter.count(0);
    assert_eq!(meter.take_pressure(), Some(Pressure::Soft));
}

#[test]
fn an_unused_key_has_no_share_and_no_advantage() {
    let meter = Meter::new(LIMITS);
    assert_eq!(meter.usage(Suite::Aes256Gcm), Usage::NONE);
    assert_eq!(meter.usage(Suite::ChaCha20Poly1305), Usage::NONE);
}

#[test]
fn the_share_is_that_of_the_nearest_limit() {
    let mut meter = Meter::new(LIMITS);
    meter.count(4_000 - 16);
    assert_eq!(meter.usage(Suite::Aes256Gcm).share, 0.25, "bytes");
    for _ in 0..16 {
        meter.count_failed_open(0);
    }
    assert_eq!(meter.usage(Suite::Aes256Gcm).share, 0.5, "failed opens");
    for _ in 0..119 {
        meter.count(0);
    }
    assert_eq!(meter.usage(Suite::Aes256Gcm).share, 0.75, "packets");
}

/// The bounds once more, straight from the draft's formulas.
fn log2_bound(suite: Suite, q: f64, v: f64, l: f64, b: f64) -> f64 {
    match suite {
        Suite::Aes256Gcm => ((q + v) * l * (b + 97.0) / 2_f64.powi(127)).log2(),
        Suite::ChaCha20Poly1305 => (v * (l + 1.0) / 2_f64.powi(103)).log2(),
    }
}

// REQ-LIM-8
#[test]
fn the_advantage_is_that_of_the_bound() {
    let mut meter = Meter::new(Limits::production(Suite::Aes256Gcm));
    for _ in 0..1_000 {
        meter.count(1_440);
    }
    meter.count_failed_open(160);
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let reached = meter.usage(suite).log2_advantage.unwrap();
        let expected = log2_bound(suite, 1_000.0, 1.0, 91.0, 91_000.0);
        assert!(
            (reached - expected).abs() < 1e-9,
            "{reached} for {expected}"
        );
    }
}

// REQ-LIM-8
#[test]
fn a_used_up_key_stays_below_the_target_in_the_worst_mix() {
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let limits = Limits::production(suite);
        let meter = Meter {
            limits,
            packets: limits.packets,
            blocks: limits.bytes / BLOCK_LEN,
            longest_blocks: (65_507 - 16) / 16,
            failed_opens: limits.failed_opens,
            reported: None,
        };
        let usage = meter.usage(suite);
        assert_eq!(usage.share, 1.0);
        assert!(usage.log2_advantage.unwrap() < -48.0);
    }
}

proptest! {
    #[test]
    fn no_counter_ever_passes_its_limit(
        packets in 0..50_u64,
        bytes in 0..5_000_u64,
        failed_opens in 0..10_u64,
        datagrams in prop::collection::vec((0..300_usize, prop::bool::weighted(0.1)), 0..200),
    ) {
        let limits = Limits { packets, bytes, failed_opens };
        let mut meter = Meter::new(limits);
        for (len, forged) in datagrams {
            if meter.check(len).is_err() {
                continue;
            }
            if forged {
                meter.count_failed_open(len);
            } else {
                meter.count(len);
            }
        }
        let usage = meter.usage(Suite::Aes256Gcm);
        prop_assert!(usage.packets <= packets);
        prop_assert!(usage.bytes <= bytes);
        prop_assert!(usage.failed_opens <= failed_opens);
    }
}
