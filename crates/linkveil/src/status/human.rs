//! The status as text for people, in the manner of `wg show`.

use std::fmt::{self, Display, Formatter};

use super::{Counters, EpochStatus, KeyUsage, PeerStatus, Status, Traffic, VpcStatus};

impl Display for Status {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "node: {}", self.node)?;
        writeln!(f, "  public key: {}", self.public_key)?;
        if !self.listen.is_empty() {
            writeln!(f, "  listening: {}", self.listen.join(", "))?;
        }
        writeln!(f, "  suite: {}", self.suite)?;
        writeln!(f, "  lanes: {}", self.lanes)?;
        writeln!(f, "  uptime: {}", Seconds(self.uptime_seconds))?;
        writeln!(f, "  version: {}", self.version)?;
        for vpc in &self.vpcs {
            write!(f, "\n{vpc}")?;
        }
        for peer in &self.peers {
            write!(f, "\n{peer}")?;
        }
        for port in &self.macsec {
            write!(f, "\n{port}")?;
        }
        write_counters(f, "drops", &self.drops)?;
        write_counters(f, "lane events", &self.lane_events)?;
        write_counters(f, "control", &self.control)?;
        write_counters(f, "stations", &self.stations)
    }
}

impl Display for VpcStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "vpc: {}", self.name)?;
        writeln!(f, "  kind: {}", self.kind)?;
        writeln!(f, "  vni: {}", self.vni)?;
        match &self.netns {
            Some(netns) => writeln!(f, "  device: {} in {netns}", self.device)?,
            None => writeln!(f, "  device: {}", self.device)?,
        }
        match self.route_mtu_bytes {
            Some(route) => writeln!(
                f,
                "  mtu: {}, {route} on the narrowest route",
                self.mtu_bytes
            )?,
            None => writeln!(f, "  mtu: {}", self.mtu_bytes)?,
        }
        match self.local_macs {
            Some(count) => writeln!(f, "  mac addresses: {count} on this side"),
            None => Ok(()),
        }
    }
}

impl Display for PeerStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "peer: {}", self.name)?;
        writeln!(f, "  public key: {}", self.public_key)?;
        writeln!(
            f,
            "  endpoint: {}",
            self.endpoint.as_deref().unwrap_or("(none)")
        )?;
        writeln!(f, "  state: {}", self.state)?;
        if let Some(epoch) = &self.epoch {
            write!(f, "{epoch}")?;
        }
        match self.last_handshake_age_seconds {
            Some(age) => writeln!(f, "  latest handshake: {} ago", Seconds(age))?,
            None => writeln!(f, "  latest handshake: never")?,
        }
        writeln!(
            f,
            "  transfer: {} received, {} sent",
            Amount(self.rx),
            Amount(self.tx)
        )?;
        writeln!(
            f,
            "  mtu: {} on the path, {} inside",
            self.path_mtu_bytes, self.inner_mtu_bytes
        )?;
        if self.macs > 0 {
            writeln!(f, "  mac addresses: {} behind it", self.macs)?;
        }
        writeln!(f, "  key usage: {}", self.key_usage)
    }
}

impl Display for EpochStatus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = if self.post_quantum {
            "post-quantum"
        } else {
            "classical"
        };
        let age = Seconds(self.age_seconds);
        writeln!(
            f,
            "  epoch: {} ({}, {kind}), {age} old",
            self.fingerprint, self.role
        )?;
        match self.next_rekey_seconds {
            Some(0) => writeln!(f, "  next rekey: now"),
            Some(seconds) => writeln!(f, "  next rekey: in {}", Seconds(seconds)),
            None => writeln!(f, "  next rekey: by the peer"),
        }
    }
}

impl Display for KeyUsage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} % of the limit", self.limit_share * 100.0)?;
        match self.advantage_log2 {
            Some(power) => write!(f, ", advantage at most 2^{power:.1}"),
            None => Ok(()),
        }
    }
}

/// Names and non-zero values in two columns.
fn write_counters(f: &mut Formatter<'_>, title: &str, counters: &Counters) -> fmt::Result {
    if counters.values().all(|count| *count == 0) {
        return Ok(());
    }
    writeln!(f, "\n{title}:")?;
    write_named(f, counters)
}

/// The lines of [`write_counters`] without their title.
pub(super) fn write_named(f: &mut Formatter<'_>, counters: &Counters) -> fmt::Result {
    let counted = || counters.iter().filter(|(_, count)| **count > 0);
    let width = counted().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, count) in counted() {
        writeln!(f, "  {name:width$}  {count}")?;
    }
    Ok(())
}

/// `1.21 MiB in 1830 packets`.
struct Amount(Traffic);

impl Display for Amount {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} packets", Bytes(self.0.bytes), self.0.packets)
    }
}

/// Bytes in the unit that leaves at most four digits in front of the point.
struct Bytes(u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let power = (self.0.ilog2() / 10) as usize;
        let unit = UNITS.get(power - 1).unwrap_or(&"EiB");
        // Two decimals need no more than the 53 bits of an f64.
        write!(
            f,
            "{:.2} {unit}",
            self.0 as f64 / 1024_f64.powi(i32::try_from(power).unwrap_or(0))
        )
    }
}

/// Seconds in the two largest units that they fill.
pub(super) struct Seconds(pub(super) u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
        let mut rest = self.0;
        let mut shown = Vec::new();
        for (size, unit) in units {
            if rest >= size {
                shown.push(format!("{} {unit}", rest / size));
                rest %= size;
            }
        }
        shown.truncate(2);
        f.write_str(
            if shown.is_empty() {
                "0 s".to_owned()
            } else {
                shown.join(" ")
            }
            .as_str(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_the_largest_unit_that_they_fill() {
        let shown = [
            0,
            1023,
            1024,
            1536,
            1 << 20,
            (1 << 40) + (1 << 39),
            u64::MAX,
        ]
        .map(|n| Bytes(n).to_string());
        assert_eq!(
            shown,
            [
                "0 B",
                "1023 B",
                "1.00 KiB",
                "1.50 KiB",
                "1.00 MiB",
                "1.50 TiB",
                "16.00 EiB"
            ]
        );
    }

    #[test]
    fn seconds_are_shown_in_the_two_largest_units() {
        let shown = [0, 59, 60, 3_599, 3_600, 90_061, 86_401].map(|n| Seconds(n).to_string());
        assert_eq!(
            shown,
            [
                "0 s",
                "59 s",
                "1 min",
                "59 min 59 s",
                "1 h",
                "1 d 1 h",
                "1 d 1 s"
            ]
        );
    }
}
