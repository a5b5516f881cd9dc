use std::time::Duration;

/// How long a take-over may last, with a reserve. The next fault comes after that.
pub(super) const RECOVERY: Duration = Duration::from_secs(4);

/// How long the processes get to recover after a fault that ended no process.
pub(super) const SETTLE: Duration = Duration::from_millis(1_500);

/// How long a process gets to reach its crash point.
pub(super) const POINT_PATIENCE: Duration = Duration::from_secs(8);
