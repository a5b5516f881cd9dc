use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::{Clock, Tick, lock};

/// Whether a worker serves, for a health check on any thread. Clones are of the same worker, which is the one that got it
/// by [`Worker::with_health`](super::Worker::with_health).
#[derive(Debug, Clone, Default)]
pub struct WorkerHealth {
    state: Arc<Mutex<State>>,
}

/// How a worker is doing. `Display` says it in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// It has not attached to its transport yet.
    Starting,
    /// It serves, and has renewed its lease in time.
    Serving,
    /// It finishes the tasks that it has, and begins no others.
    Draining,
    /// Its lease is over: other workers run its tasks. It serves again with the next renewal.
    LeaseOver {
        /// How long ago the last renewal began that the transport took.
        since: Duration,
    },
    /// It has ended.
    Ended,
}

#[derive(Default)]
enum State {
    #[default]
    Starting,
    Serving(Lease),
    Ended,
}

struct Lease {
    clock: Arc<dyn Clock>,
    lease: Duration,
    /// When the last renewal began that the transport took.
    renewed_at: Tick,
    is_draining: bool,
}

impl WorkerHealth {
    /// How the worker is doing now.
    #[must_use]
    pub fn state(&self) -> WorkerState {
        match &*lock(&self.state) {
            State::Starting => WorkerState::Starting,
            State::Ended => WorkerState::Ended,
            State::Serving(lease) => lease.state(),
        }
    }

    /// The worker has attached.
    pub(super) fn begin(&self, clock: Arc<dyn Clock>, lease: Duration) {
        let renewed_at = clock.now();
        *lock(&self.state) = State::Serving(Lease { clock, lease, renewed_at, is_draining: false });
    }

    /// A renewal that began at `at` has succeeded.
    pub(super) fn renewed(&self, at: Tick) {
        if let State::Serving(lease) = &mut *lock(&self.state) {
            lease.renewed_at = at;
        }
    }

    pub(super) fn drain(&self) {
        if let State::Serving(lease) = &mut *lock(&self.state) {
            lease.is_draining = true;
        }
    }

    pub(super) fn end(&self) {
        *lock(&self.state) = State::Ended;
    }
}

impl Lease {
    fn state(&self) -> WorkerState {
        let since = self.clock.now() - self.renewed_at;
        if since > self.lease {
            WorkerState::LeaseOver { since }
        } else if self.is_draining {
            WorkerState::Draining
        } else {
            WorkerState::Serving
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "Starting",
            Self::Serving(_) => "Serving",
            Self::Ended => "Ended",
        })
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("the worker has not attached yet"),
            Self::Serving => f.write_str("the worker serves"),
            Self::Draining => f.write_str("the worker drains and begins no tasks"),
            Self::LeaseOver { since } => {
                let seconds = since.as_secs_f64();
                write!(f, "the worker renewed its lease {seconds:.1} s ago, and the lease is over")
            }
            Self::Ended => f.write_str("the worker has ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    #[test]
    fn health_follows_the_lease_and_the_drain() {
        let (clock, health) = (ManualClock::new(), WorkerHealth::default());
        let lease = Duration::from_secs(3);
        assert_eq!(health.state(), WorkerState::Starting);
        health.begin(Arc::new(clock.clone()), lease);
        clock.advance(lease);
        assert_eq!(health.state(), WorkerState::Serving);
        clock.advance(Duration::from_millis(1));
        assert_eq!(health.state(), WorkerState::LeaseOver { since: Duration::from_millis(3_001) });
        health.drain();
        health.renewed(clock.now());
        assert_eq!(health.state(), WorkerState::Draining);
        health.end();
        health.renewed(clock.now());
        assert_eq!(health.state(), WorkerState::Ended);
    }
}
