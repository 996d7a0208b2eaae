use super::*;
use proptest::prelude::*;

#[test]
fn the_unix_epoch_is_the_label_of_its_tai_second() {
    // 1970-01-01 00:00:00 UTC was 1970-01-01 00:00:10 TAI.
    let bytes = Timestamp::from_unix(0, 0).to_bytes();
    assert_eq!(bytes, *b"\x40\0\0\0\0\0\0\x0a\0\0\0\0");
}

#[test]
fn a_time_of_our_days_is_written_byte_for_byte() {
    // 1,700,000,000 = 0x6553_f100
    let time = Timestamp::from_unix(1_700_000_000, 123_456_789);
    assert_eq!(hex::encode(time.to_bytes()), "400000006553f10a075bcd15");
    assert_eq!(time.to_string(), "1700000000.123456789");
    assert_eq!(Timestamp::from_unix(1_699_999_999, 1_123_456_789), time);
}

#[test]
fn malformed_times_are_refused() {
    // REQ-HS-9
    let mut bytes = Timestamp::from_unix(1, 999_999_999).to_bytes();
    assert!(Timestamp::from_bytes(bytes).is_some());
    bytes[8..].copy_from_slice(&1_000_000_000_u32.to_be_bytes());
    assert_eq!(Timestamp::from_bytes(bytes), None);
    bytes[8..].copy_from_slice(&[0xff; 4]);
    assert_eq!(Timestamp::from_bytes(bytes), None);
    let mut reserved = [0; 12];
    reserved[0] = 0x80;
    assert_eq!(Timestamp::from_bytes(reserved), None);
    reserved[0] = 0x7f;
    assert!(Timestamp::from_bytes(reserved).is_some());
    assert_eq!(Timestamp::from_bytes([0; 12]), Some(Timestamp::ZERO));
}

#[test]
fn the_successor_is_a_nanosecond_later_carries_and_stops_at_the_end() {
    assert_eq!(
        Timestamp::from_unix(7, 41).successor(),
        Timestamp::from_unix(7, 42)
    );
    assert_eq!(
        Timestamp::from_unix(7, 999_999_999).successor(),
        Timestamp::from_unix(8, 0)
    );
    assert_eq!(Timestamp::MAX.successor(), Timestamp::MAX);
    assert_eq!(Timestamp::from_unix(u64::MAX, 0), Timestamp::MAX);
    assert_eq!(Timestamp::from_unix(u64::MAX, u32::MAX), Timestamp::MAX);
    assert!(Timestamp::from_bytes(Timestamp::MAX.to_bytes()).is_some());
}

#[test]
fn the_last_times_of_the_format_are_reached_one_by_one() {
    let last_second = (1 << 63) - 1 - (1 << 62) - 10;
    assert_eq!(
        Timestamp::from_unix(last_second, 999_999_999),
        Timestamp::MAX
    );
    assert_eq!(
        Timestamp::from_unix(last_second, 999_999_998).successor(),
        Timestamp::MAX
    );
    assert_eq!(
        Timestamp::from_unix(last_second - 1, 999_999_999).successor(),
        Timestamp::from_unix(last_second, 0)
    );
    assert!(Timestamp::from_unix(last_second, 0) < Timestamp::MAX);
    assert_eq!(Timestamp::from_unix(last_second + 1, 0), Timestamp::MAX);
}

#[test]
fn the_time_before_all_times_can_be_shown() {
    assert_eq!(
        Timestamp::ZERO.to_string(),
        "-4611686018427387914.000000000"
    );
    assert_eq!(
        format!("{:?}", Timestamp::ZERO),
        "Timestamp(0x0000000000000000.000000000)"
    );
}

proptest! {
    #[test]
    fn byte_order_is_time_order(a in 0..1_u64 << 40, an in 0..1_000_000_000_u32, b in 0..1_u64 << 40, bn in 0..1_000_000_000_u32) {
        let (x, y) = (Timestamp::from_unix(a, an), Timestamp::from_unix(b, bn));
        prop_assert_eq!(x.cmp(&y), (a, an).cmp(&(b, bn)));
        prop_assert_eq!(x.to_bytes().cmp(&y.to_bytes()), (a, an).cmp(&(b, bn)));
    }

    #[test]
    fn a_successor_is_the_least_later_time(secs in any::<u64>(), nanos in any::<u32>(), other in any::<[u8; 12]>()) {
        // REQ-CLK-1
        let time = Timestamp::from_unix(secs, nanos);
        let next = time.successor();
        prop_assert!(next > time || time == Timestamp::MAX);
        prop_assert_eq!(Timestamp::from_bytes(next.to_bytes()), Some(next));
        if let Some(other) = Timestamp::from_bytes(other) {
            prop_assert!(other <= time || other >= next);
        }
    }
}
