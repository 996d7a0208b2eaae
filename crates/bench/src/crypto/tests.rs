use super::*;

#[test]
fn trains_are_those_of_the_packet_path() {
    let lengths = |bytes| train(bytes).len();
    assert_eq!(SIZES.map(lengths), [64, 64, 46, 7, 4]);
    assert_eq!(lengths(100_000), 1);
}

#[test]
fn every_combination_has_a_row_and_bars() {
    let plan = Plan {
        rounds: 2,
        sample: Duration::from_micros(50),
    };
    let report = run(plan, &mut Progress::new(&mut Vec::new())).unwrap();
    let backends = if cfg!(feature = "rustcrypto") { 2 } else { 1 };
    assert_eq!(
        report.rows.len(),
        Suite::ALL.len() * backends * 2 * SIZES.len()
    );
    for row in &report.rows {
        assert_eq!(row.nanoseconds_per_packet.samples.len(), 2);
        let speed = row.bytes as f64 / row.nanoseconds_per_packet.median;
        assert!((row.gigabytes_per_second - speed).abs() < 1e-9);
    }
    let section = report.section();
    assert_eq!(section.grids[0].rows.len(), report.rows.len());
    let bars: usize = section.charts.iter().map(|chart| chart.bars.len()).sum();
    assert_eq!(bars, report.rows.len());
}

#[test]
fn opening_notices_what_was_not_sealed() {
    let mut opening = Opening::<AwsLc>::new(Suite::Aes256Gcm, 64);
    assert!(opening.run(1).is_ok());
    opening.sealed[3].0[5] ^= 1;
    assert_eq!(
        opening.run(1),
        Err("a packet that was sealed does not open".to_owned())
    );
}
