//! One bucket for each source that has shown a cookie; IPv6 sources by /64, which one host can fill with addresses.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use crate::limits::{INITIATION_BUDGET_SOURCE, SOURCES};
use linkveil_noise::CookieSource;
use linkveil_sa::bucket::{Bucket, Refused};
use linkveil_wire::MacAddr;

/// Whom a bucket belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Source {
    V4(u32),
    /// The upper 64 bits.
    V6(u64),
    /// A MAC address.
    Station(MacAddr),
}

impl From<CookieSource> for Source {
    fn from(source: CookieSource) -> Self {
        match source {
            CookieSource::Udp(address) => address.ip().into(),
            CookieSource::Station(station) => Self::Station(station),
        }
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                let bits = [a, b, c, d].into_iter();
                Self::V6(bits.fold(0, |bits, segment| bits << 16 | u64::from(segment)))
            }
        }
    }
}

/// The buckets of at most [`SOURCES`] sources.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    buckets: HashMap<Source, Bucket>,
    /// For all that found no place.
    overflow: Bucket,
    /// When the table was last swept.
    swept: Option<Instant>,
}

impl Sources {
    /// Takes a token of this source.
    pub(crate) fn take(&mut self, source: CookieSource, now: Instant) -> Result<(), Refused> {
        let source = Source::from(source);
        if self.buckets.len() >= SOURCES && !self.buckets.contains_key(&source) {
            self.sweep(now);
        }
        let bucket = if self.buckets.len() < SOURCES || self.buckets.contains_key(&source) {
            self.buckets.entry(source).or_default()
        } else {
            &mut self.overflow
        };
        bucket.take(INITIATION_BUDGET_SOURCE, now)
    }

    /// Forgets full buckets: a new one is as good. At most once for every token that comes back, since before that
    /// nothing can have become full.
    fn sweep(&mut self, now: Instant) {
        let again = INITIATION_BUDGET_SOURCE.every;
        let due = self
            .swept
            .is_none_or(|swept| now.saturating_duration_since(swept) >= again);
        if due {
            self.swept = Some(now);
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
        }
    }
}

#[cfg(test)]
mod tests;
