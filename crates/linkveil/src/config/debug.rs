//! The `[debug]` table: what a gateway does to itself for a test.

use std::time::Duration;

use linkveil_net::ImpairConfig;
use linkveil_net::impair::{Chance, Seed};

use super::DebugImpair;
use super::document::{Entry, Section};
use super::problem::{Problem, Problems};

const DEBUG_KEYS: &[&str] = &["impair"];
const IMPAIR_KEYS: &[&str] = &[
    "seed",
    "loss",
    "duplicate",
    "reorder",
    "corrupt",
    "delay_ms",
    "jitter_ms",
];

/// An initiation is repeated after at most 15 seconds, and then the answer to the former one is of no use. So with longer
/// delays than this, there and back, no handshake would ever end.
const DELAY_MAX_MS: u64 = 7_000;

/// What `[debug.impair]` says. `None` where it is left out, and where it is wrong, which `problems` tells.
pub(super) fn check_impair(
    root: &Section<'_>,
    permission: DebugImpair,
    problems: &mut Problems,
) -> Option<ImpairConfig> {
    let debug = root.get("debug")?.section("[debug]", problems)?;
    debug.allow_only(DEBUG_KEYS, problems);
    let section = debug.get("impair")?.section("[debug.impair]", problems)?;
    section.allow_only(IMPAIR_KEYS, problems);
    if permission == DebugImpair::Refused {
        problems.add(Problem {
            line: Some(section.line()),
            key: section.label().to_owned(),
            value: None,
            what: "a release build does this to itself only if the command line says so, too"
                .to_owned(),
            fix: "remove the table, or add --allow-debug-impair to the command".to_owned(),
        });
    }
    impair(&section, problems)
}

fn impair(section: &Section<'_>, problems: &mut Problems) -> Option<ImpairConfig> {
    let seed = number(section, "seed", u64::MAX, problems);
    let loss = chance(section, "loss", problems);
    let duplicate = chance(section, "duplicate", problems);
    let reorder = chance(section, "reorder", problems);
    let corrupt = chance(section, "corrupt", problems);
    let delay = number(section, "delay_ms", DELAY_MAX_MS, problems);
    let jitter = number(section, "jitter_ms", DELAY_MAX_MS, problems);
    let config = ImpairConfig {
        seed: Seed::new(seed?),
        loss: loss?,
        duplicate: duplicate?,
        reorder: reorder?,
        corrupt: corrupt?,
        delay: Duration::from_millis(delay?),
        jitter: Duration::from_millis(jitter?),
    };
    check_delays(section, &config, problems);
    Some(config)
}

/// What makes sense only with a delay.
fn check_delays(section: &Section<'_>, config: &ImpairConfig, problems: &mut Problems) {
    if config.jitter > config.delay
        && let Some(entry) = section.get("jitter_ms")
    {
        let jitter = config.jitter.as_millis();
        let fix = format!("write less, or a delay_ms of {jitter} or more");
        let what = "more than the delay: nothing arrives before it was sent";
        entry.refuse(what, fix, problems);
    }
    if config.reorder != Chance::NEVER
        && config.delay.is_zero()
        && let Some(entry) = section.get("reorder")
    {
        let what = "without a delay there is nothing to overtake";
        entry.refuse(what, "add a delay, for example delay_ms = 5", problems);
    }
}

/// A percentage such as `"1 %"`; never where it is left out.
fn chance(section: &Section<'_>, key: &str, problems: &mut Problems) -> Option<Chance> {
    let Some(entry) = section.get(key) else {
        return Some(Chance::NEVER);
    };
    let parsed = entry.text("\"1 %\"", problems)?.parse();
    if let Err(error) = &parsed {
        refuse_chance(&entry, error, problems);
    }
    parsed.ok()
}

fn refuse_chance(entry: &Entry<'_>, error: &impl ToString, problems: &mut Problems) {
    let fix = "write a percentage from 0 to 100 with its sign, for example \"0.25 %\"";
    entry.refuse(error.to_string(), fix, problems);
}

/// A whole number from 0 to `most`; 0 where it is left out.
fn number(section: &Section<'_>, key: &str, most: u64, problems: &mut Problems) -> Option<u64> {
    let Some(entry) = section.get(key) else {
        return Some(0);
    };
    let number = entry.integer("5", problems)?;
    let fits = u64::try_from(number).ok().filter(|number| *number <= most);
    if fits.is_none() {
        // TOML has no greater numbers than this.
        let most = most.min(i64::MAX.unsigned_abs());
        let fix = format!("write a number from 0 to {most}");
        entry.refuse("out of range", fix, problems);
    }
    fits
}
