use super::*;
use proptest::prelude::*;

#[test]
fn the_median_of_samples_made_by_hand() {
    let odd = Summary::of(vec![3.0, 1.0, 2.0]).unwrap();
    assert_eq!((odd.lowest, odd.median, odd.highest), (1.0, 2.0, 3.0));
    assert_eq!(odd.samples, [3.0, 1.0, 2.0], "in the order of measurement");
    let even = Summary::of(vec![10.0, 4.0, 1.0, 2.0]).unwrap();
    assert_eq!((even.lowest, even.median, even.highest), (1.0, 3.0, 10.0));
    let one = Summary::of(vec![7.5]).unwrap();
    assert_eq!((one.lowest, one.median, one.highest), (7.5, 7.5, 7.5));
}

#[test]
fn nothing_and_what_is_no_number_have_no_summary() {
    assert_eq!(Summary::of(vec![]), None);
    assert_eq!(Summary::of(vec![1.0, f64::NAN]), None);
    assert_eq!(Summary::of(vec![1.0, f64::INFINITY]), None);
    assert_eq!(Summary::of(vec![0.0]).unwrap().map(|zero| 1.0 / zero), None);
}

#[test]
fn the_spread_is_a_share_of_the_median() {
    let summary = Summary::of(vec![90.0, 100.0, 140.0]).unwrap();
    assert!((summary.spread() - 0.5).abs() < 1e-12);
    assert_eq!(Summary::of(vec![0.0, 0.0]).unwrap().spread(), 0.0);
}

#[test]
fn quantiles_are_nearest_ranks() {
    let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
    assert_eq!(Quantile::MEDIAN.of(&hundred), Some(50.0));
    assert_eq!(Quantile::P99.of(&hundred), Some(99.0));
    assert_eq!(Quantile::P99.of(&[5.0, 1.0]), Some(5.0));
    assert_eq!(Quantile::MEDIAN.of(&[5.0, 1.0, 3.0]), Some(3.0));
    assert_eq!(Quantile::MEDIAN.of(&[]), None);
}

proptest! {
    #[test]
    fn at_least_half_of_the_samples_are_on_each_side(samples in prop::collection::vec(-1e6_f64..1e6, 1..40)) {
        let summary = Summary::of(samples.clone()).unwrap();
        let below = samples.iter().filter(|sample| **sample <= summary.median).count();
        let above = samples.iter().filter(|sample| **sample >= summary.median).count();
        prop_assert!(2 * below >= samples.len() && 2 * above >= samples.len());
        prop_assert!(summary.lowest <= summary.median && summary.median <= summary.highest);
    }
}
