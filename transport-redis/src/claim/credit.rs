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

    /// Whether at least three quarters of `wanted` are left, so that waiting is better than a new claim. With less, the
    /// credit is spent before the claim is carried out, behind the scripts of a busy server, and tasks queue meanwhile.
    pub(super) fn holds(&self, wanted: usize) -> bool {
        self.tasks.saturating_mul(4) >= wanted.saturating_mul(3) && self.until > Instant::now()
    }
}
