use std::sync::Arc;

use futures::future::join_all;
use rhai_dispatcher_core::{Finished, InstanceId, TaskStatus, WorkerId};

use super::finish_request::{FinishKind, FinishRequest};
use crate::batch::{BatchItem, ask_within_deadlines, by_script};
use crate::client::ClientError;
use crate::crash_points::crash_point;
use crate::script::{Args, Script, ScriptCaller, answer_to};

/// Finishes a batch, the instances beside each other.
pub(crate) async fn finish(caller: Arc<ScriptCaller>, batch: Vec<BatchItem<FinishRequest, Finished>>) {
    let caller = &*caller;
    let instances = by_script(batch).into_iter().map(async |((worker_id, instance), scripts)| {
        for items in scripts {
            finish_part(caller, &worker_id, instance, items).await;
        }
    });
    join_all(instances).await;
}

async fn finish_part(
    caller: &ScriptCaller,
    worker_id: &WorkerId,
    instance: InstanceId,
    items: Vec<BatchItem<FinishRequest, Finished>>,
) {
    #[cfg(feature = "fault-finish-order")]
    super::fault::acknowledge(caller, items.iter().map(|item| &item.request)).await;
    let has = |kind| items.iter().any(|item| item.request.kind == kind);
    let (retries, releases) = (has(FinishKind::Retry), has(FinishKind::Release));
    crash_point("finish.before");
    if retries {
        crash_point("retry.before");
    }
    if releases {
        crash_point("release.before");
    }
    let attempt = |requests: Vec<FinishRequest>, deadline| async move {
        let mut args = Args::new();
        args.push_copy(worker_id.as_str()).push_display(instance);
        for request in requests {
            args.push(request.packed);
        }
        caller.run_durably(Script::Finish, worker_id, args, deadline).await
    };
    ask_within_deadlines(items, caller.timeout, attempt, |index, item, answer| {
        crash_point("finish.after");
        if retries {
            crash_point("retry.after");
        }
        if releases {
            crash_point("release.after");
        }
        end_finish(item, answer.and_then(|replies| parse(answer_to(index, replies))));
    })
    .await;
}

/// Ends a finish with its answer, of which the owner of the claim is told too.
pub(crate) fn end_finish(item: BatchItem<FinishRequest, Finished>, answer: Result<Finished, ClientError>) {
    let owner = item.request.owner.upgrade();
    let came_again = owner.is_some_and(|owner| owner.finished(&item.request.claim, answer.is_ok()));
    // Only a released task comes again as the same claim.
    let is_done = came_again && item.request.kind == FinishKind::Release;
    item.answer(if is_done { Ok(Finished::Written) } else { answer });
}

fn parse(text: Option<&str>) -> Result<Finished, ClientError> {
    match text {
        Some("w") => Ok(Finished::Written),
        Some("f") => Ok(Finished::Fenced),
        Some(text) => match text.strip_prefix('e').filter(|_| text != TaskStatus::Error.as_str()) {
            Some(problem) => Err(ClientError::of_server(problem)),
            None => {
                let status = text.parse().map_err(|_| ClientError::Unexpected("a finish"))?;
                Ok(Finished::AlreadyTerminal(status))
            }
        },
        None => Err(ClientError::Unexpected("a finish")),
    }
}
