//! Every order in which things can happen, one after the other.

/// Walks through every sequence of choices below `depth`; `choose` of the last run tells how many there were.
pub(crate) struct Choices {
    pub(crate) taken: Vec<(usize, usize)>,
    next: usize,
    depth: usize,
}

impl Choices {
    pub(crate) const fn new(depth: usize) -> Self {
        Self {
            taken: Vec::new(),
            next: 0,
            depth,
        }
    }

    pub(crate) fn choose(&mut self, count: usize) -> usize {
        if self.next >= self.depth {
            return 0;
        }
        if self.next == self.taken.len() {
            self.taken.push((0, count));
        }
        let (choice, of) = self.taken[self.next];
        assert_eq!(of, count, "a run follows from its choices");
        self.next += 1;
        choice
    }

    /// Moves on to the next sequence; false after the last.
    pub(crate) fn advance(&mut self) -> bool {
        self.next = 0;
        while let Some((choice, count)) = self.taken.pop() {
            if choice + 1 < count {
                self.taken.push((choice + 1, count));
                return true;
            }
        }
        false
    }
}
