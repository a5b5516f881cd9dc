use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::{InstanceId, TaskId, WorkerId};

/// Where a worker's lanes note which task each of them polls.
///
/// What runs on a processor is what can block a lane or kill the process. By default the notes are on the heap, for
/// the worker's monitor. Memory that outlives the process tells its parent, or the next start, which tasks to
/// name in a [`CrashReport`](crate::CrashReport).
pub trait RunningTasks: Send + Sync + Debug {
    /// Notes the instance that the slots are of. Called once it has attached, before its first claim.
    fn attached(&self, worker_id: &WorkerId, instance: InstanceId);

    /// Notes that the instance has detached: its process may end now.
    fn detached(&self);

    /// The slots; at least as many as the worker has lanes.
    fn slots(&self) -> &[LaneSlot];
}

/// The task that one lane polls.
///
/// A slot fills a cache line of its own, so that lanes do not slow each other down. The two halves of an id are
/// stored one after the other: a crash between them leaves an id that no task of the instance has, which a crash
/// report may name without harm.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct LaneSlot {
    high: AtomicU64,
    low: AtomicU64,
}

impl LaneSlot {
    /// Notes the task that is about to be polled.
    pub fn set(&self, task: TaskId) {
        let (high, low) = task.as_uuid().as_u64_pair();
        self.high.store(high, Ordering::Relaxed);
        self.low.store(low, Ordering::Relaxed);
    }

    /// Notes that the lane polls no task.
    pub fn clear(&self) {
        self.high.store(0, Ordering::Relaxed);
        self.low.store(0, Ordering::Relaxed);
    }

    /// The task that was noted last, unless it was cleared.
    #[must_use]
    pub fn get(&self) -> Option<TaskId> {
        Self::task_of(self.high.load(Ordering::Relaxed), self.low.load(Ordering::Relaxed))
    }

    /// The task that the two words of a slot name; none if both are zero.
    #[must_use]
    pub fn task_of(high: u64, low: u64) -> Option<TaskId> {
        ((high, low) != (0, 0)).then(|| TaskId::from_uuid(Uuid::from_u64_pair(high, low)))
    }
}

/// Slots in the memory of the process.
#[derive(Debug)]
pub(super) struct HeapSlots(Box<[LaneSlot]>);

impl HeapSlots {
    pub(super) fn new(lanes: usize) -> Self {
        Self((0..lanes).map(|_| LaneSlot::default()).collect())
    }
}

impl RunningTasks for HeapSlots {
    fn attached(&self, _: &WorkerId, _: InstanceId) {}

    fn detached(&self) {}

    fn slots(&self) -> &[LaneSlot] {
        &self.0
    }
}

/// One lane's slot.
#[derive(Debug, Clone)]
pub(super) struct SlotOfLane {
    tasks: Arc<dyn RunningTasks>,
    lane: usize,
}

impl SlotOfLane {
    /// The slot of the lane of that index, which is below the number of slots.
    pub(super) fn new(tasks: Arc<dyn RunningTasks>, lane: usize) -> Self {
        Self { tasks, lane }
    }

    pub(super) fn get(&self) -> &LaneSlot {
        &self.tasks.slots()[self.lane]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_names_the_task_that_was_noted_last() {
        let slot = LaneSlot::default();
        assert_eq!(slot.get(), None);
        for task in [TaskId::new(), TaskId::new()] {
            slot.set(task);
            assert_eq!(slot.get(), Some(task));
        }
        slot.clear();
        assert_eq!(slot.get(), None);
    }

    #[test]
    fn slots_share_no_cache_line() {
        assert_eq!((size_of::<LaneSlot>(), align_of::<LaneSlot>()), (64, 64));
    }
}
