use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use rhai_dispatcher_core::{Priority, SubmitError, Submitted, Task, TaskId, WallTime, WorkerId};

use crate::args::Args;
use crate::batcher::Item;
use crate::caller::Caller;
use crate::client::{ClientError, Reply};
use crate::crash::crash_point;
use crate::record;
use crate::script::Script;

/// One task on its way to its queue.
#[derive(Debug)]
pub(crate) struct Submit {
    worker_id: WorkerId,
    priority: Priority,
    parent: Option<TaskId>,
    args: Args,
}

/// What a submit is refused beyond.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Tasks that wait in one queue.
    pub(crate) queue: usize,
    /// Tasks that one dispatches.
    pub(crate) children: usize,
}

/// The server's answer to one task.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// At that time.
    New(WallTime),
    /// It had been accepted before.
    Before,
    Joined(TaskId),
    Refused(SubmitError),
    /// Something else stands where its record should be.
    Failed(String),
}

impl Submit {
    pub(crate) fn new(task: &Task, payload: Vec<u8>, reply_to: Option<&Bytes>) -> Self {
        let fields = record::submitted(task, reply_to);
        let mut args = Args::new();
        args.push_display(task.id).push(payload).push_static(letter(task.priority));
        match task.run_at {
            Some(run_at) => args.push_display(run_at.as_millis()),
            None => args.push(Bytes::new()),
        };
        match task.latest_start() {
            Some(latest) => args.push_display(latest.as_millis()),
            None => args.push(Bytes::new()),
        };
        args.push(record::request_key(task));
        match task.parent {
            Some(parent) => args.push_display(parent),
            None => args.push(Bytes::new()),
        };
        args.push_display(fields.len());
        args.extend(fields);
        Self { worker_id: task.worker_id.clone(), priority: task.priority, parent: task.parent, args }
    }
}

/// Submits a batch: one script for each worker id.
pub(crate) async fn submit(caller: Arc<Caller>, limits: Limits, batch: Vec<Item<Submit, Accepted>>) {
    let mut queues: HashMap<WorkerId, Vec<Item<Submit, Accepted>>> = HashMap::new();
    for item in batch {
        queues.entry(item.request.worker_id.clone()).or_default().push(item);
    }
    join_all(queues.into_iter().map(|(worker_id, items)| submit_to(&caller, limits, worker_id, items))).await;
}

async fn submit_to(caller: &Caller, limits: Limits, worker_id: WorkerId, items: Vec<Item<Submit, Accepted>>) {
    /// A script's arguments are held in memory at both ends, and block the server while they are
    /// read.
    const LARGEST_BYTES: usize = 1024 * 1024;
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let mut bytes = 0;
        let mut part = Vec::new();
        while let Some(item) =
            items.next_if(|item| part.is_empty() || bytes + item.request.args.bytes() <= LARGEST_BYTES)
        {
            bytes += item.request.args.bytes();
            part.push(item);
        }
        submit_part(caller, limits, &worker_id, part).await;
    }
}

async fn submit_part(
    caller: &Caller,
    limits: Limits,
    worker_id: &WorkerId,
    mut items: Vec<Item<Submit, Accepted>>,
) {
    let Some(deadline) = items.iter().map(|item| item.since + caller.timeout).min() else { return };
    let mut args = Args::new();
    let priority = items[0].request.priority;
    let is_one = items.iter().all(|item| item.request.priority == priority);
    args.push_copy(worker_id.as_str())
        .push_display(limits.queue)
        .push_display(limits.children)
        .push_static(if is_one { letter(priority) } else { "" })
        .push_display(items.len());
    for item in &mut items {
        args.extend(std::mem::take(&mut item.request.args));
    }
    crash_point("submit.before");
    let answer = async {
        let reply = caller.run_until(Script::Submit, args, deadline).await?;
        caller.settle_durability(deadline).await?;
        Ok::<_, ClientError>(reply)
    };
    let answer = answer.await;
    crash_point("submit.after");
    match answer {
        Ok(replies) => {
            let now = WallTime::from_millis(replies.first().and_then(Reply::as_u64).unwrap_or(0));
            let mut replies = replies.into_iter().skip(1);
            for item in items {
                let accepted = replies
                    .next()
                    .as_ref()
                    .and_then(Reply::as_str)
                    .and_then(|text| parse(text, now, worker_id, item.request.parent, limits));
                item.answer(accepted.ok_or(ClientError::Unexpected("a submit")));
            }
        }
        Err(error) => items.into_iter().for_each(|item| item.answer(Err(error.clone()))),
    }
}

fn parse(
    text: &str,
    now: WallTime,
    worker_id: &WorkerId,
    parent: Option<TaskId>,
    limits: Limits,
) -> Option<Accepted> {
    let (code, rest) = text.split_at_checked(1)?;
    Some(match code {
        "a" => Accepted::New(now),
        "x" => Accepted::Before,
        "j" => Accepted::Joined(rest.parse().ok()?),
        "c" => Accepted::Refused(SubmitError::RequestIdConflict(rest.parse().ok()?)),
        "q" => {
            Accepted::Refused(SubmitError::QueueFull { worker_id: worker_id.clone(), limit: limits.queue })
        }
        "m" => Accepted::Refused(SubmitError::TooManyChildren { parent: parent?, limit: limits.children }),
        "k" => Accepted::Refused(SubmitError::ParentCancelled(parent?)),
        "e" => Accepted::Failed(rest.to_owned()),
        _ => return None,
    })
}

impl Accepted {
    /// The answer to whoever submitted the task `id`.
    pub(crate) fn answer(self, id: TaskId) -> Result<Result<Submitted, SubmitError>, ClientError> {
        Ok(match self {
            Self::New(_) | Self::Before => Ok(Submitted::Accepted(id)),
            Self::Joined(first) => Ok(Submitted::Joined(first)),
            Self::Refused(error) => Err(error),
            Self::Failed(problem) => return Err(ClientError::of_server(&problem)),
        })
    }
}

/// How a priority's stream is called in scripts.
pub(crate) const fn letter(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "h",
        Priority::Normal => "n",
        Priority::Low => "l",
    }
}
