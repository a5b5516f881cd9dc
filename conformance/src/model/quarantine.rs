use std::time::Duration;

/// How the quarantined tasks of a queue start: in groups, one group after another. The first 8 are of one task, the next
/// of 2, 4 and so on.
#[derive(Debug, Clone)]
pub(super) struct Quarantine {
    /// The size of the next group.
    pub(super) size: usize,
    /// How many groups of one come after that before they grow.
    pub(super) singles: usize,
    pub(super) observed: Option<Observation>,
    /// From when on an instance that holds others may start a group.
    pub(super) open_at: Duration,
    pub(super) reserved: Option<Reservation>,
    /// The last group whose instance was silent after the observation.
    pub(super) silent: Option<Observation>,
}

/// A group that has started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    pub(super) instance: usize,
    pub(super) until: Duration,
    pub(super) size: usize,
    /// Whether its instance holds quarantined tasks alone, and gets no others meanwhile.
    pub(super) is_alone: bool,
    pub(super) first: usize,
}

/// The instance that claims nothing until it holds nothing, and then group after group, or until `open_at` has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reservation {
    pub(super) instance: usize,
    /// Whether it has started a group.
    pub(super) has_started: bool,
}

impl Quarantine {
    const SINGLES: usize = 8;

    pub(super) fn new() -> Self {
        Self { size: 1, singles: 0, observed: None, open_at: Duration::ZERO, reserved: None, silent: None }
    }

    /// The next groups are of one task, for half a lease only on an instance that holds no others.
    pub(super) fn start_over(&mut self, now: Duration, lease: Duration) {
        (self.observed, self.size, self.singles) = (None, 1, Self::SINGLES - 1);
        self.open_at = now + lease / 2;
    }

    /// Ends what concerns `instance`: the group that it has under observation, if it has one.
    pub(super) fn leave(&mut self, instance: usize) -> Option<Observation> {
        self.reserved.take_if(|reserved| reserved.instance == instance);
        self.observed.take_if(|group| group.instance == instance)
    }
}
