//! What `ping` tells (iputils).

use super::error::NetError;

/// Round-trip times in microseconds, one for each reply, from lines that end in `time=0.123 ms`.
pub(super) fn round_trips(output: &str) -> Result<Vec<f64>, NetError> {
    let times = output.lines().filter_map(|line| {
        let (_, time) = line.split_once(" time=")?;
        let milliseconds: f64 = time.strip_suffix(" ms")?.trim().parse().ok()?;
        Some(milliseconds * 1e3)
    });
    let times: Vec<f64> = times.collect();
    if times.is_empty() {
        return Err(unreadable("no reply"));
    }
    Ok(times)
}

/// Microseconds between a reply and the next, from the summary of `ping -A`: each request waits for the reply before.
pub(super) fn exchange(output: &str) -> Result<f64, NetError> {
    // 72909 packets transmitted, 72909 received, 0% packet loss, time 999ms
    let line = output
        .lines()
        .find(|line| line.contains(" packets transmitted, "));
    let parse = |line: &str| -> Option<(f64, f64)> {
        let received = line
            .split(", ")
            .find_map(|part| part.strip_suffix(" received"))?;
        let time = line
            .split(", ")
            .find_map(|part| part.strip_prefix("time ")?.strip_suffix("ms"))?;
        Some((received.parse().ok()?, time.parse().ok()?))
    };
    let (received, milliseconds) = line
        .and_then(parse)
        .ok_or_else(|| unreadable("no summary"))?;
    if received < 1.0 || milliseconds <= 0.0 {
        return Err(unreadable("no reply"));
    }
    Ok(milliseconds * 1e3 / received)
}

fn unreadable(reason: &str) -> NetError {
    NetError::Unreadable {
        program: "ping",
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests;
