use std::sync::Arc;

use futures::future::join_all;
use rhai_dispatcher_core::{SubmitError, WallTime, WorkerId};

use super::submit_request::{SubmitAnswer, SubmitGroup, SubmitRequest, letter};
use crate::batch::{BatchItem, ask_within_deadlines, by_script};
use crate::client::{ClientError, ServerReply};
use crate::crash_points::crash_point;
use crate::listing::QueueNames;
use crate::script::{Args, Script, ScriptCaller, answer_to};

/// Submits a batch, the queues beside each other.
pub(crate) async fn submit(
    caller: Arc<ScriptCaller>,
    names: Arc<QueueNames>,
    queue_limit: usize,
    batch: Vec<BatchItem<SubmitRequest, SubmitAnswer>>,
) {
    let (caller, names) = (&*caller, &*names);
    let queues = by_script(batch).into_iter().map(async |(group, scripts)| {
        for items in scripts {
            submit_part(caller, names, queue_limit, &group, items).await;
        }
    });
    join_all(queues).await;
}

async fn submit_part(
    caller: &ScriptCaller,
    names: &QueueNames,
    queue_limit: usize,
    group: &SubmitGroup,
    items: Vec<BatchItem<SubmitRequest, SubmitAnswer>>,
) {
    let attempt = |requests: Vec<SubmitRequest>, deadline| async move {
        let mut args = Args::new();
        let one = requests.first().map(|request| request.priority);
        let one = one.filter(|one| requests.iter().all(|request| request.priority == *one));
        args.push_copy(group.worker_id.as_str())
            .push_display(queue_limit)
            .push_flag(group.only_join)
            .push_static(one.map_or("", letter));
        for request in requests {
            args.push(request.packed);
        }
        names.note(&group.worker_id, deadline).await?;
        crash_point("submit.before");
        caller.run_durably(Script::Submit, &group.worker_id, args, deadline).await
    };
    ask_within_deadlines(items, caller.timeout, attempt, |index, item, answer| {
        crash_point("submit.after");
        let accepted = answer.and_then(|replies| {
            let now = WallTime::from_millis(replies.first().and_then(ServerReply::as_u64).unwrap_or(0));
            answer_to(index, replies)
                .and_then(|text| parse(text, now, &group.worker_id, queue_limit))
                .ok_or(ClientError::Unexpected("a submit"))
        });
        item.answer(accepted);
    })
    .await;
}

fn parse(text: &str, now: WallTime, worker_id: &WorkerId, queue_limit: usize) -> Option<SubmitAnswer> {
    let (code, rest) = text.split_at_checked(1)?;
    Some(match code {
        "a" => SubmitAnswer::New(now),
        "x" => SubmitAnswer::Before,
        "j" => SubmitAnswer::Joined(rest.parse().ok()?),
        "c" => SubmitAnswer::Refused(SubmitError::RequestIdConflict(rest.parse().ok()?)),
        "q" => {
            SubmitAnswer::Refused(SubmitError::QueueFull { worker_id: worker_id.clone(), limit: queue_limit })
        }
        "k" => SubmitAnswer::ParentCancelled,
        "n" => SubmitAnswer::JoinsNone,
        "e" => SubmitAnswer::Failed(rest.to_owned()),
        _ => return None,
    })
}
