use std::num::NonZeroUsize;
use std::sync::Arc;

use rhai_dispatcher_core::{
    InstanceId, QueuePart, TaskCursor, TaskId, TaskPage, Tick, TransportError, WorkerId,
};

use super::hub::Hub;
use crate::queue::{Instance, Queue, QueueState};
use crate::record::Record;

impl Hub {
    /// Some of the tasks of a part of a queue. A queue that does not exist has none.
    pub(crate) fn task_page(
        &self,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> Result<TaskPage, TransportError> {
        let limit = limit.get().min(TaskPage::MAX_IDS);
        let now = self.config.clock.wall();
        let Some(queue) = self.existing_queue(worker_id) else {
            return Ok(TaskPage { now, ids: Vec::new(), next: None });
        };
        let part = from.part();
        let (ids, next) = if part == QueuePart::Running {
            let place = from.place().map(|text| RunningPlace::parse(text).ok_or_else(|| from.refused()));
            running(&queue, place.transpose()?, limit)
        } else {
            let place = from.place().map_or(Some((0, 0)), parse_waiting_place);
            waiting(&queue.lock(), part, place.ok_or_else(|| from.refused())?, limit, self.tick())
        };
        Ok(TaskPage { now, ids, next: next.map(|place| TaskCursor::after(part, place)) })
    }
}

/// Ids, and the place where the next page begins.
type Found = (Vec<TaskId>, Option<String>);

/// A place among waiting tasks: the number of the priority, the due time, or whether it waits behind others; then the
/// task's number.
type WaitingPlace = (u64, u64);

fn parse_waiting_place(text: &str) -> Option<WaitingPlace> {
    let (first, number) = text.split_once('_')?;
    Some((first.parse().ok()?, number.parse().ok()?))
}

/// Those that wait. The lock is held for as many tasks as a page has, of which some may be left out.
fn waiting(
    state: &QueueState,
    part: QueuePart,
    (first, number): WaitingPlace,
    limit: usize,
    now: Tick,
) -> Found {
    let mut all: Box<dyn Iterator<Item = (u64, &Arc<Record>)>> = match part {
        QueuePart::Delayed => {
            let later = state.later.range((Tick::from_nanos(first), number)..);
            Box::new(later.map(|((due, _), record)| (due.as_nanos(), record)))
        }
        QueuePart::Quarantined => {
            let quarantined = state.quarantine.from(first > 0, number);
            Box::new(quarantined.map(|((is_behind, _), record)| (u64::from(*is_behind), record)))
        }
        _ => {
            let ready = state.ready.from(usize::try_from(first).unwrap_or(usize::MAX), number);
            Box::new(ready.map(|(priority, record)| (priority as u64, record)))
        }
    };
    let is_listed =
        |record: &Record| record.latest_start.is_none_or(|at| now < at) && record.lock().is_pending();
    let page = all.by_ref().take(limit).filter(|(_, record)| is_listed(record));
    let ids = page.map(|(_, record)| record.task.id).collect();
    (ids, all.next().map(|(first, record)| format!("{first}_{}", record.number)))
}

/// A place among running tasks.
struct RunningPlace {
    instance: InstanceId,
    /// The last task of this instance that was listed.
    last: Option<TaskId>,
}

impl RunningPlace {
    fn parse(text: &str) -> Option<Self> {
        let (instance, last) = text.split_once('_')?;
        let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
        Some(Self { instance: instance.parse().ok()?, last })
    }
}

/// Those that run: by instance, and of one by the tasks' ids. The lock of an instance is held while the ids of its tasks
/// are copied.
fn running(queue: &Queue, from: Option<RunningPlace>, limit: usize) -> Found {
    let mut instances: Vec<Arc<Instance>> = queue.lock().instances.values().cloned().collect();
    instances.retain(|instance| from.as_ref().is_none_or(|from| instance.id >= from.instance));
    instances.sort_unstable_by_key(|instance| instance.id);
    let mut ids: Vec<TaskId> = Vec::new();
    for instance in instances {
        if ids.len() >= limit {
            return (ids, Some(format!("{}_", instance.id)));
        }
        let mut claimed: Vec<TaskId> = instance.lock().claims.keys().copied().collect();
        let from = from.as_ref().filter(|from| from.instance == instance.id);
        claimed.retain(|id| from.and_then(|from| from.last).is_none_or(|last| *id > last));
        claimed.sort_unstable();
        let left = limit - ids.len();
        if claimed.len() > left {
            claimed.truncate(left);
            let next = claimed.last().map(|last| format!("{}_{last}", instance.id));
            ids.append(&mut claimed);
            return (ids, next);
        }
        ids.append(&mut claimed);
    }
    (ids, None)
}
