use super::{ActivityEntry, ActivityPosition, Moment};
use crate::WallTime;

/// Which part of a log is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityRange {
    /// Entries that ended before it are left out.
    pub since: Option<Moment>,
    /// Entries that ended then or later are left out.
    pub until: Option<Moment>,
    /// Only entries before it.
    pub before: Option<ActivityPosition>,
    /// How many entries are read at most; 1 or more.
    pub limit: usize,
}

impl ActivityRange {
    /// The newest entries of a log, at most `limit`.
    #[must_use]
    pub const fn latest(limit: usize) -> Self {
        Self { since: None, until: None, before: None, limit }
    }

    /// The same range, from [`since`](Self::since) on.
    #[must_use]
    pub const fn with_since(mut self, since: Option<Moment>) -> Self {
        self.since = since;
        self
    }

    /// The same range, up to [`until`](Self::until).
    #[must_use]
    pub const fn with_until(mut self, until: Option<Moment>) -> Self {
        self.until = until;
        self
    }

    /// The same range, [`before`](Self::before) a position.
    #[must_use]
    pub const fn with_before(mut self, before: Option<ActivityPosition>) -> Self {
        self.before = before;
        self
    }
}

/// A part of a log, newest entry first.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LoggedActivity {
    /// The transport's time when it was read.
    pub now: WallTime,
    /// The entries. Those that were logged together, or at nearly the same time, may be out of the order of their ends.
    pub entries: Vec<(ActivityPosition, ActivityEntry)>,
    /// From where a next read continues, [`before`](ActivityRange::before) it. `None` if the log has no more in that
    /// range.
    pub next: Option<ActivityPosition>,
}

impl LoggedActivity {
    /// These entries.
    #[must_use]
    pub const fn new(
        now: WallTime,
        entries: Vec<(ActivityPosition, ActivityEntry)>,
        next: Option<ActivityPosition>,
    ) -> Self {
        Self { now, entries, next }
    }
}
