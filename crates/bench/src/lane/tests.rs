use std::time::Duration;

use super::node::{Keys, Tenants};
use super::queues::{Device, Handed, Tally, Wire};
use super::*;
use linkveil_net::virtio::Offload;

#[test]
fn every_packet_comes_out_of_every_lane() {
    for suite in Suite::ALL {
        for (load, lanes) in LOADS.into_iter().zip([1, 3, 2]) {
            let mut egress = workers::egress(suite, load, lanes).unwrap();
            let mut ingress = workers::ingress(suite, load, lanes).unwrap();
            for team in [&mut egress, &mut ingress] {
                assert_eq!(team.workers.len(), lanes);
                for worker in &mut team.workers {
                    let done = worker.run(1_000).unwrap();
                    assert!(
                        done.packets >= 1_000 && done.packets < 1_000 + 600,
                        "{done:?}"
                    );
                    assert!(!done.copying.is_zero() && done.copying < done.elapsed);
                }
            }
        }
    }
}

#[test]
fn every_frame_comes_out_of_a_protected_port() {
    for (side, load) in Side::ALL
        .into_iter()
        .flat_map(|side| macsec::LOADS.map(|load| (side, load)))
    {
        let (mut worker, _pools) = macsec::subject(side, load).unwrap();
        let done = worker.run(1_000).unwrap();
        assert!(!done.copying.is_zero() && done.copying < done.elapsed);
        assert!(
            done.packets >= 1_000 && done.packets < 1_000 + 600,
            "{done:?}"
        );
    }
}

#[test]
fn every_hop_refuses_for_the_reason_that_its_row_stands_for() {
    for bytes in [64, 1_420] {
        let out = hops::egress(Suite::Aes256Gcm, bytes).unwrap();
        let inward = hops::ingress(Suite::Aes256Gcm, bytes).unwrap();
        for (name, mut worker) in out.into_iter().chain(inward) {
            let done = worker
                .run(500)
                .unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert!(done.packets >= 500);
        }
    }
}

#[test]
fn a_refusal_for_another_reason_is_a_fault() {
    let mut worker = workers::egress_until(Keys::None, 64, "tx_key_exhausted").unwrap();
    let fault = worker.run(1).unwrap_err();
    assert!(
        fault.contains("expected drops as tx_key_exhausted alone"),
        "{fault}"
    );
    assert!(fault.contains("no_epoch"), "{fault}");
    // Keys that seal: nothing is dropped at all.
    let mut worker = workers::egress_until(Keys::Seal(Suite::Aes256Gcm), 64, "no_epoch").unwrap();
    assert!(worker.run(1).unwrap_err().ends_with("not []"));
}

#[test]
fn packets_that_do_not_come_out_are_a_fault() {
    // A route that leads nowhere.
    let device = Device::sending(Handed {
        bytes: crate::packets::ipv4_tcp(64),
        offload: Offload::None,
        packets: 1,
    });
    let (given, sent) = (device.given(), Tally::default());
    let queues = vec![(device, Wire::Sink(sent.clone()))];
    let mut node = Node::new(queues, Tenants::Elsewhere, Keys::Seal(Suite::Aes256Gcm)).unwrap();
    for lane in &mut node.lanes {
        lane.turn(linkveil_net::clock::now()).unwrap();
    }
    assert!(given.get() > 0);
    assert_eq!(sent.get(), 0);
    node.expect_drops("no_route").unwrap();
}

fn report(lanes: usize) -> LaneReport {
    let plan = Plan {
        rounds: 2,
        sample: Duration::from_micros(200),
    };
    let out = &mut Vec::new();
    run(plan, Suite::default(), Some(lanes), &mut Progress::new(out)).unwrap()
}

#[test]
fn the_report_has_pipelines_scaling_and_hops_that_add_up() {
    let report = report(2);
    assert_eq!(report.rows.len(), 2 * 3 * 2);
    assert_eq!(report.scaling.len(), 2 * 3);
    assert_eq!(report.hops.len(), 2 * (4 + 4));
    for (side, bytes) in sides_and_sizes() {
        let hops = report
            .hops
            .iter()
            .filter(|row| (row.side, row.bytes) == (side, bytes));
        let sum: f64 = hops.map(|row| row.nanoseconds_added).sum();
        let same = |row: &&LaneRow| {
            (row.side, row.bytes, row.devices, row.lanes) == (side, bytes, Devices::Plain, 1)
        };
        let whole = report.rows.iter().find(same).unwrap();
        assert!((sum - whole.nanoseconds_per_packet.median).abs() < 1e-6);
    }
    let section = report.section();
    assert_eq!(report.macsec.len(), 2 * 3);
    assert_eq!(section.grids.len(), 4);
    assert_eq!(
        section
            .charts
            .iter()
            .map(|chart| chart.bars.len())
            .sum::<usize>(),
        24
    );
}

#[test]
fn one_lane_alone_has_nothing_to_scale() {
    let report = report(1);
    assert_eq!((report.rows.len(), report.scaling.len()), (6, 0));
}

#[test]
fn speed_ups_are_ratios_of_rates() {
    let summary = |time: f64| Summary::of(vec![time]).unwrap();
    let row = |lanes, lane, bare| {
        let labels = [Label {
            side: Side::Egress,
            load: LOADS[0],
            lanes,
        }];
        let times = |whole, copying| Times {
            whole: summary(whole),
            copying: summary(copying),
        };
        pipeline_rows(&labels, &[times(lane, 20.0), times(bare, 0.0)])
            .unwrap()
            .remove(0)
    };
    let rows = [row(1, 100.0, 50.0), row(2, 125.0, 50.0)];
    assert!((rows[1].packets_per_second - 16e6).abs() < 1.0);
    assert!((rows[1].gigabits_per_second - 8.192).abs() < 1e-9);
    assert!((rows[1].share_of_bare.median - 0.4).abs() < 1e-12);
    assert!((rows[1].copy_nanoseconds_per_packet.median - 20.0).abs() < 1e-12);
    assert!((rows[1].share_of_bare_without_copy.median - 50.0 / 105.0).abs() < 1e-12);
    let scaling = scaling_rows(&rows, 2).remove(0);
    assert!((scaling.lane_speedup.median - 1.6).abs() < 1e-12);
    assert!((scaling.bare_speedup.median - 2.0).abs() < 1e-12);
    assert!((scaling.share.median - 0.8).abs() < 1e-12);
}
