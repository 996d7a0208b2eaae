//! What `iperf3 --json` tells.

use serde::Deserialize;

use super::error::NetError;

/// TCP as it arrived.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Stream {
    pub(super) bits_per_second: f64,
    pub(super) bytes: f64,
}

/// UDP as it arrived.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Datagrams {
    pub(super) received_per_second: f64,
}

#[derive(Deserialize)]
struct Report {
    end: End,
    error: Option<String>,
}

#[derive(Deserialize)]
struct End {
    sum: Option<Sum>,
    sum_received: Option<Sum>,
}

#[derive(Deserialize)]
struct Sum {
    seconds: f64,
    bytes: f64,
    bits_per_second: f64,
    packets: Option<f64>,
    lost_packets: Option<f64>,
}

fn unreadable(reason: impl Into<String>) -> NetError {
    NetError::Unreadable {
        program: "iperf3",
        reason: reason.into(),
    }
}

fn end(json: &str) -> Result<End, NetError> {
    let report: Report =
        serde_json::from_str(json).map_err(|error| unreadable(error.to_string()))?;
    match report.error {
        Some(error) => Err(unreadable(error)),
        None => Ok(report.end),
    }
}

/// All flows together, as the receiver saw them.
pub(super) fn tcp(json: &str) -> Result<Stream, NetError> {
    let sum = end(json)?
        .sum_received
        .ok_or_else(|| unreadable("there is no end.sum_received"))?;
    Ok(Stream {
        bits_per_second: sum.bits_per_second,
        bytes: sum.bytes,
    })
}

/// The receiver reports how many of the numbers it saw pass are missing.
pub(super) fn udp(json: &str) -> Result<Datagrams, NetError> {
    let sum = end(json)?
        .sum
        .ok_or_else(|| unreadable("there is no end.sum"))?;
    let (Some(packets), Some(lost)) = (sum.packets, sum.lost_packets) else {
        return Err(unreadable("end.sum counts no packets"));
    };
    if sum.seconds <= 0.0 {
        return Err(unreadable("end.sum took no time"));
    }
    Ok(Datagrams {
        received_per_second: (packets - lost).max(0.0) / sum.seconds,
    })
}

#[cfg(test)]
mod tests;
