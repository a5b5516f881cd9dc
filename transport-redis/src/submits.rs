use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
use rhai_dispatcher_core::{Priority, SubmitError, Submitted, Task, TaskId, WallTime, WorkerId};

use crate::args::Args;
use crate::batcher::{Item, Request, ask_in_time, by_script};
use crate::caller::Caller;
use crate::client::{ClientError, Reply};
use crate::crash::crash_point;
use crate::packed::Packed;
use crate::record;
use crate::script::{Script, answer_to};

/// One task on its way to its queue.
#[derive(Debug, Clone)]
pub(crate) struct Submit {
    worker_id: WorkerId,
    priority: Priority,
    parent: Option<TaskId>,
    packed: Bytes,
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

impl Request for Submit {
    type Group = WorkerId;

    fn group(&self) -> &WorkerId {
        &self.worker_id
    }

    fn bytes(&self) -> usize {
        self.packed.len()
    }

    /// Whoever submitted it has been told, or has gone, and does not expect it to run any more.
    fn ends_with_caller(&self) -> bool {
        true
    }
}

impl Submit {
    pub(crate) fn new(task: &Task, payload: &[u8], reply_to: Option<&Bytes>) -> Self {
        let mut packed = Packed::new();
        packed
            .head(task.id)
            .head(letter(task.priority))
            .head_millis(Some(task.delay))
            .head_millis(task.starts_within())
            .head_millis(task.deadline_in)
            .push(payload);
        record::push_submitted(&mut packed, task, reply_to);
        Self {
            worker_id: task.worker_id.clone(),
            priority: task.priority,
            parent: task.parent,
            packed: packed.into_bytes(),
        }
    }
}

/// Submits a batch, the queues beside each other.
pub(crate) async fn submit(caller: Arc<Caller>, limits: Limits, batch: Vec<Item<Submit, Accepted>>) {
    let caller = &*caller;
    let queues = by_script(batch).into_iter().map(async |(worker_id, scripts)| {
        for items in scripts {
            submit_part(caller, limits, &worker_id, items).await;
        }
    });
    join_all(queues).await;
}

async fn submit_part(
    caller: &Caller,
    limits: Limits,
    worker_id: &WorkerId,
    items: Vec<Item<Submit, Accepted>>,
) {
    let attempt = |requests: Vec<Submit>, deadline| async move {
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
        crash_point("submit.before");
        let reply = caller.run_until(Script::Submit, args, deadline).await?;
        caller.settle_durability(deadline).await?;
        Ok(reply)
    };
    ask_in_time(items, caller.timeout, attempt, |index, item, answer| {
        crash_point("submit.after");
        let accepted = answer.and_then(|replies| {
            let now = WallTime::from_millis(replies.first().and_then(Reply::as_u64).unwrap_or(0));
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
