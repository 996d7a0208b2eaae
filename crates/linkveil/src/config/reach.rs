//! How a peer is reached over time: `roaming` and `keepalive` of a `[[peer]]` table.

use std::time::Duration;

use linkveil_tunnel::{Keepalive, Roaming};

use super::document::Section;
use super::problem::Problems;

/// NATs forget UDP mappings after 30 s or more (RFC 4787 REQ-5 asks for two minutes); below a second a keepalive would be
/// traffic.
const KEEPALIVE_MIN: Duration = Duration::from_secs(1);
/// What is rarer keeps no mapping alive.
const KEEPALIVE_MAX: Duration = Duration::from_secs(60 * 60);

/// `"follow"` or `"pin"`; a pinned peer needs an endpoint to be pinned to.
pub(super) fn roaming(section: &Section<'_>, problems: &mut Problems) -> Option<Roaming> {
    let Some(entry) = section.get("roaming") else {
        return Some(Roaming::Follow);
    };
    match entry.text("\"follow\"", problems)? {
        "follow" => Some(Roaming::Follow),
        "pin" if section.get("endpoint").is_some() => Some(Roaming::Pin),
        "pin" => {
            entry.refuse(
                "there is no endpoint to pin the peer to",
                "add endpoint = \"ADDRESS:PORT\", or write roaming = \"follow\"",
                problems,
            );
            None
        }
        _ => {
            entry.refuse(
                "there is no such choice",
                "write roaming = \"follow\" or \"pin\"",
                problems,
            );
            None
        }
    }
}

/// `"off"` or a duration such as `"25s"`, from one second to one hour.
pub(super) fn keepalive(section: &Section<'_>, problems: &mut Problems) -> Option<Keepalive> {
    let Some(entry) = section.get("keepalive") else {
        return Some(Keepalive::Off);
    };
    let text = entry.text("\"25s\"", problems)?;
    if text == "off" {
        return Some(Keepalive::Off);
    }
    let what = match humantime::parse_duration(text) {
        Ok(interval) if (KEEPALIVE_MIN..=KEEPALIVE_MAX).contains(&interval) => {
            return Some(Keepalive::Every(interval));
        }
        Ok(interval) if interval < KEEPALIVE_MIN => "too short",
        Ok(_) => "too long to keep a mapping alive",
        Err(_) => "not a duration",
    };
    let fix = "write \"off\" or a duration from \"1s\" to \"1h\"; \"25s\" suits most NATs";
    entry.refuse(what, fix, problems);
    None
}
