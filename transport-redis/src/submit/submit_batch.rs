use std::sync::Arc;

use futures::future::join_all;
use rhai_dispatcher_core::{SubmitError, TaskId, WallTime, WorkerId};

use super::submit_request::{SubmitAnswer, SubmitLimits, SubmitRequest, letter};
use crate::batch::{BatchItem, ask_within_deadlines, by_script};
use crate::client::{ClientError, ServerReply};
use crate::crash_points::crash_point;
use crate::listing::QueueNames;
use crate::script::{Args, Script, ScriptCaller, answer_to};

/// Submits a batch, the queues beside each other.
pub(crate) async fn submit(
    caller: Arc<ScriptCaller>,
    names: Arc<QueueNames>,
    limits: SubmitLimits,
    batch: Vec<BatchItem<SubmitRequest, SubmitAnswer>>,
) {
    let (caller, names) = (&*caller, &*names);
    let queues = by_script(batch).into_iter().map(async |(worker_id, scripts)| {
        for items in scripts {
            submit_part(caller, names, limits, &worker_id, items).await;
        }
    });
    join_all(queues).await;
}

async fn submit_part(
    caller: &ScriptCaller,
    names: &QueueNames,
    limits: SubmitLimits,
    worker_id: &WorkerId,
    items: Vec<BatchItem<SubmitRequest, SubmitAnswer>>,
) {
    let attempt = |requests: Vec<SubmitRequest>, deadline| async move {
        let mut args = Args::new();
        let one = requests.first().map(|request| request.priority);
        let one = one.filter(|one| requests.iter().all(|request| request.priority == *one));
        args.push_copy(worker_id.as_str())
            .push_display(limits.queue)
            .push_display(limits.children)
            .push_static(one.map_or("", letter));
        for request in requests {
            args.push(request.packed);
        }
        names.note(worker_id, deadline).await?;
        crash_point("submit.before");
        caller.run_durably(Script::Submit, args, deadline).await
    };
    ask_within_deadlines(items, caller.timeout, attempt, |index, item, answer| {
        crash_point("submit.after");
        let accepted = answer.and_then(|replies| {
            let now = WallTime::from_millis(replies.first().and_then(ServerReply::as_u64).unwrap_or(0));
            answer_to(index, replies)
                .and_then(|text| parse(text, now, worker_id, item.request.parent, limits))
                .ok_or(ClientError::Unexpected("a submit"))
        });
        item.answer(accepted);
    })
    .await;
}

fn parse(
    text: &str,
    now: WallTime,
    worker_id: &WorkerId,
    parent: Option<TaskId>,
    limits: SubmitLimits,
) -> Option<SubmitAnswer> {
    let (code, rest) = text.split_at_checked(1)?;
    Some(match code {
        "a" => SubmitAnswer::New(now),
        "x" => SubmitAnswer::Before,
        "j" => SubmitAnswer::Joined(rest.parse().ok()?),
        "c" => SubmitAnswer::Refused(SubmitError::RequestIdConflict(rest.parse().ok()?)),
        "q" => SubmitAnswer::Refused(SubmitError::QueueFull {
            worker_id: worker_id.clone(),
            limit: limits.queue,
        }),
        "m" => {
            SubmitAnswer::Refused(SubmitError::TooManyChildren { parent: parent?, limit: limits.children })
        }
        "k" => SubmitAnswer::Refused(SubmitError::ParentCancelled(parent?)),
        "e" => SubmitAnswer::Failed(rest.to_owned()),
        _ => return None,
    })
}
