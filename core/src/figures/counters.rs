use super::Histogram;

/// What is counted of the runs of one method that have ended. A task that is retried, or runs again after the death of
/// its instance, counts for each run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Runs that completed.
    pub completed: u64,
    /// Runs that ended in an error, also in one that is retried.
    pub errors: u64,
    /// Runs that were cancelled, also by their deadline.
    pub cancelled: u64,
    /// The time of all of them together, in microseconds, each from its start on a lane to its end.
    pub micros: u64,
    /// These times.
    pub times: Histogram,
}

impl Counters {
    /// How many runs have ended.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.completed + self.errors + self.cancelled
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.completed += other.completed;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
        self.micros += other.micros;
        self.times.merge(&other.times);
    }
}
