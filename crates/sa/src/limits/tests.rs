use super::*;

const SUITES: [Suite; 2] = Suite::ALL;

#[cfg(debug_assertions)]
#[test]
fn debug_builds_rekey_in_every_test_run() {
    for suite in SUITES {
        assert_eq!(Limits::for_suite(suite), Limits::TINY);
    }
}

#[cfg(not(debug_assertions))]
#[test]
fn release_builds_use_the_derived_limits() {
    for suite in SUITES {
        assert_eq!(Limits::for_suite(suite), Limits::production(suite));
    }
}

// REQ-LIM-8
#[test]
fn production_allows_a_tebibyte_under_one_aes_lane_key() {
    let limits = Limits::production(Suite::Aes256Gcm);
    assert_eq!(limits.bytes, 1_u64 << 40);
    assert!(
        limits.bytes / 1_420 < limits.packets,
        "full packets never meet the packet limit"
    );
}

// REQ-LIM-9
#[test]
fn production_allows_two_to_the_36_forgeries_under_chacha() {
    let limits = Limits::production(Suite::ChaCha20Poly1305);
    assert_eq!(limits.failed_opens, 68_719_476_736);
}

#[test]
fn merged_usage_sums_the_work_and_keeps_the_worst_key() {
    let a = Usage {
        packets: 3,
        bytes: 300,
        failed_opens: 1,
        share: 0.5,
        log2_advantage: Some(-90.0),
    };
    let b = Usage {
        packets: 4,
        bytes: 100,
        failed_opens: 0,
        share: 0.25,
        log2_advantage: Some(-70.0),
    };
    let merged = Usage {
        packets: 7,
        bytes: 400,
        failed_opens: 1,
        share: 0.5,
        log2_advantage: Some(-70.0),
    };
    assert_eq!(a.merge(b), merged);
    assert_eq!(b.merge(a), merged);
    assert_eq!(a.merge(Usage::NONE), a);
    assert_eq!(Usage::NONE.merge(a), a);
}
