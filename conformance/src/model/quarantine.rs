use std::time::Duration;

/// How the quarantined tasks of a queue start: in groups of 1, 2, 4 and so on, one group after another.
#[derive(Debug, Clone)]
pub(super) struct Quarantine {
    /// The size of the next group.
    pub(super) size: usize,
    pub(super) observed: Option<Observation>,
    /// From when on an instance that holds others may start a group of one.
    pub(super) open_at: Duration,
    /// The instance that claims nothing until it is free for a group of one, or `open_at` has come.
    pub(super) reserved: Option<usize>,
}

/// A group that has started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    pub(super) instance: usize,
    pub(super) until: Duration,
    pub(super) size: usize,
    /// Whether it is one task, on an instance that held nothing and gets no other task meanwhile.
    pub(super) is_alone: bool,
}

impl Quarantine {
    pub(super) fn new() -> Self {
        Self { size: 1, observed: None, open_at: Duration::ZERO, reserved: None }
    }

    /// The next group is of one task, for half a lease only on a free instance.
    pub(super) fn start_over(&mut self, now: Duration, lease: Duration) {
        (self.observed, self.size, self.open_at) = (None, 1, now + lease / 2);
    }
}
