//! What a gateway does to be fast: `offload` and `busy_poll` of `[node]`.

use std::time::Duration;

use linkveil_net::Offloads;

use super::document::Section;
use super::problem::Problems;

/// Longer waits cost a core and win nothing: a round trip inside a data center takes some tens of microseconds.
const BUSY_POLL_MAX: Duration = Duration::from_millis(10);

/// `"auto"`: whatever the kernel can do; `"off"`: packets cross devices whole and complete.
pub(super) fn offload(section: &Section<'_>, problems: &mut Problems) -> Option<Offloads> {
    let Some(entry) = section.get("offload") else {
        return Some(Offloads::TcpAndUdp);
    };
    match entry.text("\"auto\"", problems)? {
        "auto" => Some(Offloads::TcpAndUdp),
        "off" => Some(Offloads::None),
        _ => {
            let fix = "write offload = \"auto\" or \"off\"";
            entry.refuse("there is no such choice", fix, problems);
            None
        }
    }
}

/// `"off"` or a duration such as `"50us"`, up to ten milliseconds; zero is off.
pub(super) fn busy_poll(section: &Section<'_>, problems: &mut Problems) -> Option<Duration> {
    let Some(entry) = section.get("busy_poll") else {
        return Some(Duration::ZERO);
    };
    let text = entry.text("\"50us\"", problems)?;
    if text == "off" {
        return Some(Duration::ZERO);
    }
    let what = match humantime::parse_duration(text) {
        Ok(duration) if duration <= BUSY_POLL_MAX => return Some(duration),
        Ok(_) => "too long: the lanes would never sleep",
        Err(_) => "not a duration",
    };
    let fix = "write \"off\" or a duration up to \"10ms\", for example \"50us\"";
    entry.refuse(what, fix, problems);
    None
}
