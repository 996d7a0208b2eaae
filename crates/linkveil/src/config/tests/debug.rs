//! `[debug.impair]`.

use linkveil_net::ImpairConfig;
use linkveil_net::impair::{Chance, Seed};

use super::*;

const IMPAIR: &str = r#"
[debug.impair]
seed = 7
loss = "5 %"
duplicate = "0.25%"
reorder = "10 %"
corrupt = "100 %"
delay_ms = 5
jitter_ms = 2
"#;

/// `GOOD` with a `[debug.impair]` of these lines.
fn impaired_by(lines: &str) -> String {
    format!("{GOOD}\n[debug.impair]\n{lines}\n")
}

fn impair_refusals(tables: &[&str]) -> String {
    let one = |lines: &&str| format!("# {lines}\n{}\n", refusal(&impaired_by(lines)));
    tables.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_impairment_reaches_the_checked_configuration() {
    let percent = |text: &str| text.parse::<Chance>().unwrap();
    let expected = ImpairConfig {
        seed: Seed::new(7),
        loss: percent("5 %"),
        duplicate: percent("0.25 %"),
        reorder: percent("10 %"),
        corrupt: Chance::ALWAYS,
        delay: Duration::from_millis(5),
        jitter: Duration::from_millis(2),
    };
    assert_eq!(load(&format!("{GOOD}{IMPAIR}")).impair, Some(expected));
}

#[test]
fn what_is_left_out_is_not_impaired() {
    assert_eq!(load(GOOD).impair, None);
    assert_eq!(load(&format!("{GOOD}\n[debug]\n")).impair, None);
    let config = load(&impaired_by(""));
    assert_eq!(config.impair, Some(ImpairConfig::default()));
}

#[test]
fn wrong_impairments_are_refused() {
    insta::assert_snapshot!(impair_refusals(&[
        "loss = 0.05",
        "loss = \"5\"",
        "corrupt = \"many %\"",
        "duplicate = \"0.00001 %\"",
        "reorder = \"101 %\"",
        "reorder = \"10 %\"",
        "delay_ms = -1",
        "delay_ms = 7001",
        "delay_ms = \"5 ms\"",
        "jitter_ms = 1",
        "delay_ms = 2\njitter_ms = 3",
        "seed = -7",
        "los = \"1 %\"",
    ]));
}

#[test]
fn a_debug_table_has_no_other_tables() {
    insta::assert_snapshot!(refusal(&format!("{GOOD}\n[debug.trace]\nlevel = 3\n")));
}

#[test]
fn a_release_build_refuses_to_impair_itself_unless_it_is_asked_to() {
    let folder = Folder::with(&impaired_by("loss = \"5 %\"\njitter_ms = 1"));
    let release = Surroundings {
        debug_impair: DebugImpair::Refused,
        ..FOUR_LANES
    };
    let text = Config::load(&folder.config(), release).unwrap_err();
    let text = text.to_string();
    insta::assert_snapshot!(text.replace(&format!("{}/", folder.0.path().display()), ""));
    let folder = Folder::with(GOOD);
    assert!(Config::load(&folder.config(), release).is_ok());
}

#[test]
fn a_build_with_debug_assertions_may_impair_itself() {
    let expected = if cfg!(debug_assertions) {
        DebugImpair::Allowed
    } else {
        DebugImpair::Refused
    };
    assert_eq!(Surroundings::of_this_process().debug_impair, expected);
}
