//! What an engine did, under the names that `status` shows.

/// Datagrams by what was done to them. A datagram may stand in several of the last four.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ImpairCounts {
    /// Lost as configured.
    pub lost: u64,
    /// Dropped because too much was held back already: a limit of the tool, not of the network that it plays.
    pub overflow: u64,
    /// Second copies.
    pub duplicated: u64,
    /// Overtook the others.
    pub reordered: u64,
    /// Held back, however short.
    pub delayed: u64,
    /// With a flipped bit.
    pub corrupted: u64,
}

impl ImpairCounts {
    /// What never arrived: each lost copy moved exactly one of these.
    #[must_use]
    pub const fn dropped(self) -> [(&'static str, u64); 2] {
        [
            ("impair_lost", self.lost),
            ("impair_overflow", self.overflow),
        ]
    }

    /// What arrived otherwise than it was sent.
    #[must_use]
    pub const fn altered(self) -> [(&'static str, u64); 4] {
        [
            ("impair_duplicated", self.duplicated),
            ("impair_reordered", self.reordered),
            ("impair_delayed", self.delayed),
            ("impair_corrupted", self.corrupted),
        ]
    }

    /// Adds what another engine did.
    pub const fn merge(&mut self, other: Self) {
        self.lost += other.lost;
        self.overflow += other.overflow;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.delayed += other.delayed;
        self.corrupted += other.corrupted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // REQ-CNT-1
    #[test]
    fn every_count_has_a_name_of_its_own_and_a_sum() {
        let one = ImpairCounts {
            lost: 1,
            overflow: 2,
            duplicated: 3,
            reordered: 4,
            delayed: 5,
            corrupted: 6,
        };
        let mut sum = one;
        sum.merge(one);
        let named: Vec<_> = sum.dropped().into_iter().chain(sum.altered()).collect();
        let expected = [
            ("impair_lost", 2),
            ("impair_overflow", 4),
            ("impair_duplicated", 6),
            ("impair_reordered", 8),
            ("impair_delayed", 10),
            ("impair_corrupted", 12),
        ];
        assert_eq!(named, expected);
    }
}
