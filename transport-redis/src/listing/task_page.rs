use std::num::NonZeroUsize;

use rhai_dispatcher_core::{TaskCursor, TaskPage, TransportError, WallTime, WorkerId};

use crate::client::{ClientError, ServerReply};
use crate::handle::Handle;
use crate::script::{Args, Script};

/// Reads some of the ids of a part of a queue. What is not the id of a task there is left out: another client has written
/// it.
pub(crate) async fn read_task_page(
    handle: &Handle,
    worker_id: &WorkerId,
    from: &TaskCursor,
    limit: NonZeroUsize,
) -> Result<TaskPage, TransportError> {
    let place = from.place().unwrap_or_default();
    if from.place().is_some_and(|place| !is_place(place)) {
        return Err(from.refused());
    }
    let mut args = Args::new();
    args.push_copy(worker_id.as_str())
        .push_static(from.part().as_str())
        .push_display(limit.get().min(TaskPage::MAX_IDS))
        .push_copy(place);
    let (caller, worker_id) = (std::sync::Arc::clone(&handle.caller), worker_id.clone());
    let replies = handle.run(async move { caller.run(Script::Tasks, worker_id, args).await }).await?;
    let unexpected = || ClientError::Unexpected("a list of tasks");
    let [now, next, ids @ ..] = &replies[..] else { return Err(unexpected().into()) };
    let now = now.as_u64().map(WallTime::from_millis).ok_or_else(unexpected)?;
    let next = next.as_str().ok_or_else(unexpected)?;
    let ids = ids.iter().filter_map(|id: &ServerReply| id.as_str()?.parse().ok()).collect();
    let next = (!next.is_empty()).then(|| TaskCursor::after(from.part(), next));
    Ok(TaskPage { now, ids, next })
}

/// Whether the script can have written it: three fields.
fn is_place(text: &str) -> bool {
    let fields: Vec<_> = text.split('_').collect();
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite);
    matches!(*fields, [first, second, _] if !first.is_empty() && is_number(second))
}
