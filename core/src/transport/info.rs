use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{InstanceId, Json, Priority, TaskId, WallTime, WorkerId};

/// The identity of an instance that attaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSpec {
    /// The queue that it serves.
    pub worker_id: WorkerId,
    /// Its own id.
    pub instance: InstanceId,
}

impl InstanceSpec {
    /// A new instance that serves `worker_id`.
    #[must_use]
    pub fn new(worker_id: WorkerId) -> Self {
        Self { worker_id, instance: InstanceId::new() }
    }
}

/// A living instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InstanceInfo {
    /// Its id.
    pub instance: InstanceId,
    /// The queue that it serves.
    pub worker_id: WorkerId,
    /// When its lease runs out unless it is renewed.
    pub alive_until: WallTime,
    /// How many tasks it has claimed and not finished.
    pub claimed: usize,
    /// When it began; `None` before its first report.
    pub started_at: Option<WallTime>,
    /// What it has, as JSON of an [`InstanceDescription`](crate::InstanceDescription); `None` before its first report.
    pub description: Option<Json>,
    /// How many calls of each method it ran at its last report; methods without one are left out.
    pub in_flight: BTreeMap<Arc<str>, u64>,
}

impl InstanceInfo {
    /// An instance that has claimed nothing and reported nothing.
    #[must_use]
    pub fn new(worker_id: WorkerId, instance: InstanceId, alive_until: WallTime) -> Self {
        let in_flight = BTreeMap::new();
        Self { instance, worker_id, alive_until, claimed: 0, started_at: None, description: None, in_flight }
    }
}

/// A queue, by its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct QueueInfo {
    /// Its name.
    pub worker_id: WorkerId,
    /// Tasks that could be claimed now, by priority, in the order of [`Priority::ALL`].
    pub ready: [usize; Priority::ALL.len()],
    /// When the oldest of these was accepted.
    #[serde(default)]
    pub oldest_ready: Option<WallTime>,
    /// Tasks whose time has not come.
    pub delayed: usize,
    /// Quarantined tasks that wait: they may have killed their instances, and start in small groups.
    pub quarantined: usize,
    /// Tasks that are claimed and not finished.
    pub claimed: usize,
    /// Living instances that serve it.
    pub instances: usize,
    /// Whether its claims are stopped.
    pub paused: bool,
}

impl QueueInfo {
    /// A queue that holds nothing and is not served.
    #[must_use]
    pub fn empty(worker_id: WorkerId) -> Self {
        let ready = [0; Priority::ALL.len()];
        Self {
            worker_id,
            ready,
            oldest_ready: None,
            delayed: 0,
            quarantined: 0,
            claimed: 0,
            instances: 0,
            paused: false,
        }
    }

    /// Tasks that wait, for any reason.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.ready.iter().sum::<usize>() + self.delayed + self.quarantined
    }
}

/// How a transport is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether it can serve calls now.
    pub connected: bool,
    /// Waits for outcomes that are registered through this handle.
    pub waiters: usize,
    /// Times that a connection was lost and made again.
    pub reconnects: u64,
    /// The last thing that went wrong, in words.
    pub last_error: Option<String>,
}

/// A worker process that has died, and the tasks that may have killed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashReport {
    /// The queue that the instance served.
    pub worker_id: WorkerId,
    /// The instance of the process.
    pub instance: InstanceId,
    /// The tasks that were on a processor when the process died: at most one for each lane.
    pub running: Vec<TaskId>,
}

/// What a [`CrashReport`] led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requeued {
    /// Tasks that wait again without a death, or have ended in a cancel that was requested before.
    pub released: usize,
    /// Tasks that were blamed: they are quarantined, or have ended as `crashed`.
    pub blamed: usize,
}
