//! Finds values that may occur only once, and remembers where the first one stands.

use std::collections::HashMap;
use std::hash::Hash;

use super::document::Entry;
use super::problem::Problems;

/// Values seen so far, each with the line of its first use.
#[derive(Debug)]
pub(super) struct Unique<K> {
    seen: HashMap<K, usize>,
}

impl<K: Eq + Hash> Unique<K> {
    pub(super) fn new() -> Self {
        Self {
            seen: HashMap::new(),
        }
    }

    /// Takes `key` for `entry`, or reports that an earlier line has it.
    pub(super) fn claim(&mut self, key: K, entry: &Entry<'_>, fix: &str, problems: &mut Problems) {
        match self.seen.get(&key) {
            Some(line) => entry.refuse(format!("line {line} has the same value"), fix, problems),
            None => {
                self.seen.insert(key, entry.line());
            }
        }
    }
}
