use tokio::time::Instant;

/// The credit of an instance: how many tasks the server may deliver to it without another claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credit {
    /// How many more tasks may be delivered.
    pub(super) tasks: usize,
    /// When the instance has to claim again.
    pub(super) until: Instant,
    /// Whether something is due then for which the instance wakes by its own timer: a delayed task, or a group of the
    /// quarantine.
    pub(super) is_due_then: bool,
}

impl Credit {
    /// A credit of 0; the server may still count the instance as idle.
    pub(super) const fn spent(until: Instant) -> Self {
        Self { tasks: 0, until, is_due_then: false }
    }

    /// Whether at least half of `wanted` is left, so that waiting is better than a new claim.
    pub(super) fn holds(&self, wanted: usize) -> bool {
        self.tasks.saturating_mul(2) >= wanted && self.until > Instant::now()
    }
}
