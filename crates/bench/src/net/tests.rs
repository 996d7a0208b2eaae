use super::*;
use crate::report::Cell;

fn row(tunnel: Peer, tcp: &[f64]) -> TunnelRow {
    let samples = Samples {
        peer: tunnel,
        version: "1".to_owned(),
        mtu: Some(1_424),
        measures: BTreeMap::from([(Measure::TcpOne, tcp.to_vec())]),
        repeated: 2,
        failure: None,
    };
    samples.sum_up()
}

fn report() -> NetReport {
    NetReport {
        rounds: 3,
        seconds: 2,
        underlay_mtu_bytes: 1_500,
        underlay_offload: UnderlayOffload::Cut,
        suite: "aes-256-gcm",
        node: vec!["lanes = 1".to_owned()],
        iperf3: "iperf 3.12".to_owned(),
        tunnels: vec![
            row(Peer::Linkveil, &[8.0, 6.0, 9.0]),
            row(Peer::Boringtun, &[1.0, 2.0, 3.0]),
        ],
        skipped: vec![Skipped {
            tunnel: Peer::Nebula,
            missing: "nebula is not installed".to_owned(),
            remedy: "apt install nebula".to_owned(),
        }],
    }
}

fn figures(report: &NetReport, grid: usize) -> Vec<String> {
    let section = report.section();
    let rows = section.grids[grid].rows.iter();
    rows.map(|row| row[1].as_str().to_owned()).collect()
}

#[test]
fn tables_show_medians_ratios_and_spreads() {
    let report = report();
    assert_eq!(figures(&report, 0), ["8.00", "2.00"]);
    // Of the rounds' ratios 8, 3 and 3, not of the medians 8 and 2.
    assert_eq!(figures(&report, 2), ["3.00"]);
    assert_eq!(figures(&report, 3), ["38 %", "100 %"]);
}

#[test]
fn one_round_has_no_spread() {
    let report = NetReport {
        rounds: 1,
        ..report()
    };
    let titles: Vec<String> = report
        .section()
        .grids
        .into_iter()
        .map(|grid| grid.title)
        .collect();
    assert!(
        !titles.iter().any(|title| title.starts_with("Spread")),
        "{titles:?}"
    );
}

#[test]
fn what_was_not_measured_is_a_dash_and_has_no_bar() {
    let section = report().section();
    assert_eq!(section.grids[1].rows[0][1], Cell::none());
    let bars: Vec<usize> = section
        .charts
        .iter()
        .map(|chart| chart.bars.len())
        .collect();
    assert_eq!(bars.len(), Measure::ALL.len());
    assert_eq!(bars.iter().sum::<usize>(), 2);
}

#[test]
fn what_is_missing_is_named_with_its_remedy() {
    let notes = report().section().notes;
    assert!(
        notes.contains(&"Without nebula: nebula is not installed; apt install nebula.".to_owned()),
        "{notes:?}"
    );
    assert!(notes[1].contains("[node] lanes = 1"));
    assert!(notes[1].contains("--no-gso"));
    assert!(notes.contains(&"boringtun: iperf3 failed and was run again, 2 times.".to_owned()));
}

#[test]
fn a_failing_peer_is_noted_and_linkveil_or_a_signal_ends_all() {
    let refused = || NetError::Refused {
        command: "x".to_owned(),
        output: "no".to_owned(),
    };
    let failing = |peer, error| {
        let mut samples = Samples {
            peer,
            version: String::new(),
            mtu: None,
            measures: BTreeMap::new(),
            repeated: 2,
            failure: None,
        };
        let result = note_failure(&mut samples, error, &mut Progress::new(&mut Vec::new()));
        (result.is_ok(), samples.failure)
    };
    assert_eq!(
        failing(Peer::Nebula, refused()),
        (true, Some("x: no".to_owned()))
    );
    assert_eq!(failing(Peer::Linkveil, refused()), (false, None));
    assert_eq!(failing(Peer::Nebula, NetError::Stopped), (false, None));
}

#[test]
fn measures_have_keys_of_their_own() {
    let keys: std::collections::BTreeSet<_> =
        Measure::ALL.iter().map(|measure| measure.key()).collect();
    assert_eq!(keys.len(), Measure::ALL.len());
}

#[test]
fn another_form_of_linkveil_is_compared_with_all_and_says_what_it_is() {
    let mut report = report();
    let poll = row(Peer::LinkveilPoll, &[4.0, 6.0, 1.0]);
    assert_eq!(poll.node, ["lanes = 1", "busy_poll = \"50us\""]);
    report.tunnels.insert(1, poll);
    // Over linkveil-poll and boringtun, round by round.
    assert_eq!(figures(&report, 2), ["2.00", "3.00"]);
    // Over linkveil and boringtun.
    assert_eq!(figures(&report, 3), ["0.50", "3.00"]);
    let section = report.section();
    assert_eq!(
        section.grids[3].title,
        "linkveil-poll over each: medians of the rounds' ratios"
    );
    let own: Vec<bool> = section.charts[0].bars.iter().map(|bar| bar.own).collect();
    assert_eq!(own, [true, true, false]);
    let said = "linkveil-poll: linkveil with [node] lanes = 1, busy_poll = \"50us\".";
    assert!(
        section.notes.contains(&said.to_owned()),
        "{:?}",
        section.notes
    );
}
