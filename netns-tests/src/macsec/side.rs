//! Who plays our side: what a test asks of it.

use std::collections::BTreeMap;

use crate::netns::Namespace;

/// Counters by the standard's names in `snake_case`, those of all channels of a direction added up. A name that is
/// missing stands for 0.
pub type Counts = BTreeMap<String, u64>;

/// Our end of a link that runs.
pub trait Side {
    /// Where its device for plain frames is, with [`crate::macsec::plan::End::Ours`]'s address.
    fn site(&self) -> &Namespace;

    /// That device.
    fn device(&self) -> &str;

    /// What it has counted.
    fn counts(&self) -> Counts;
}

/// One counter.
#[must_use]
pub fn count(counts: &Counts, name: &str) -> u64 {
    counts.get(name).copied().unwrap_or(0)
}

/// What moved between two looks.
#[must_use]
pub fn moved(before: &Counts, after: &Counts) -> Counts {
    let differences = after
        .iter()
        .map(|(name, now)| (name.clone(), now - count(before, name)));
    differences.filter(|(_, moved)| *moved > 0).collect()
}
