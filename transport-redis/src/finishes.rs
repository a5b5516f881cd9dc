use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use rhai_dispatcher_core::{
    Claim, Completion, Finish, Finished, InstanceId, Outcome, TaskError, TaskErrorKind, TaskLog, TaskStatus,
    WorkerId,
};

use crate::args::Args;
use crate::batcher::{Item, Request, ask_in_time, by_script};
use crate::caller::Caller;
use crate::claims::Held;
use crate::client::ClientError;
use crate::crash::crash_point;
use crate::instance::Instance;
use crate::packed::Packed;
use crate::record;
use crate::script::{Script, answer_to};
use crate::wire::{self, Ended};

/// One claim on its way to its end.
#[derive(Debug, Clone)]
pub(crate) struct FinishOne {
    /// Whose claim it is, to be told when it has ended, whoever still waits for the answer.
    owner: Weak<Instance>,
    pub(crate) group: (WorkerId, InstanceId),
    pub(crate) claim: Claim,
    pub(crate) kind: Kind,
    packed: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Outcome,
    Undecodable,
    Retry,
    Release,
    Requeue,
    Abandon,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Outcome => "o",
            Self::Undecodable => "u",
            Self::Retry => "r",
            Self::Release => "b",
            Self::Requeue => "q",
            Self::Abandon => "a",
        }
    }
}

impl Request for FinishOne {
    /// Whose queue, and whose claim.
    type Group = (WorkerId, InstanceId);

    fn group(&self) -> &Self::Group {
        &self.group
    }

    fn bytes(&self) -> usize {
        self.packed.len()
    }
}

impl FinishOne {
    /// The end of a claim; `held` is what is known of it if it is this instance's. An outcome that is too
    /// large becomes an error: the server would not take it, and its task would never end.
    pub(crate) fn new(owner: &Arc<Instance>, done: &Completion, held: Option<&Held>) -> Self {
        let one = Self::as_it_is(owner, done, held);
        if one.packed.len() <= owner.max_outcome {
            return one;
        }
        Self::as_it_is(owner, &without_bulk(done, one.packed.len(), owner.max_outcome), held)
    }

    fn as_it_is(owner: &Arc<Instance>, done: &Completion, held: Option<&Held>) -> Self {
        let max = owner.max_message;
        let (kind, message, backoff) = match &done.finish {
            Finish::Outcome(outcome) => {
                (Kind::Outcome, held.and_then(|held| encode(done, outcome, held, max)), Duration::ZERO)
            }
            Finish::RetryIn(backoff, _) => (Kind::Retry, None, *backoff),
            Finish::Release => (Kind::Release, Some(owner.next_release().into()), Duration::ZERO),
            Finish::Requeue => (Kind::Requeue, None, Duration::ZERO),
            Finish::Abandon => (Kind::Abandon, None, Duration::ZERO),
        };
        let mut packed = begin(done, kind, &message.unwrap_or_default(), backoff);
        match &done.finish {
            Finish::Outcome(outcome) => record::push_outcome(&mut packed, outcome, &done.log),
            Finish::RetryIn(_, error) => record::push_error(&mut packed, error),
            Finish::Release | Finish::Requeue | Finish::Abandon => {}
        }
        Self::of(owner, done, kind, packed)
    }

    /// The end of a task whose payload can't be read.
    pub(crate) fn undecodable(owner: &Arc<Instance>, done: &Completion, problem: &str) -> Self {
        let mut packed = begin(done, Kind::Undecodable, problem.as_bytes(), Duration::ZERO);
        let outcome = Outcome::Error(TaskError::new(TaskErrorKind::Undecodable, problem));
        record::push_outcome(&mut packed, &outcome, &TaskLog::new());
        Self::of(owner, done, Kind::Undecodable, packed)
    }

    fn of(owner: &Arc<Instance>, done: &Completion, kind: Kind, packed: Packed) -> Self {
        Self {
            owner: Arc::downgrade(owner),
            group: (owner.worker_id.clone(), done.claim.instance),
            claim: done.claim,
            kind,
            packed: packed.into_bytes(),
        }
    }
}

/// The same end, with an error in place of what takes `bytes`.
fn without_bulk(done: &Completion, bytes: usize, max: usize) -> Completion {
    let error = TaskError::new(
        TaskErrorKind::Limit,
        format!("what the task ended with takes {bytes} bytes, more than max_outcome_bytes ({max})"),
    );
    let finish = match &done.finish {
        Finish::RetryIn(backoff, _) => Finish::RetryIn(*backoff, error),
        Finish::Outcome(Outcome::Completed(_) | Outcome::Error(_)) => Finish::Outcome(Outcome::Error(error)),
        // Of these only the log is large.
        Finish::Outcome(Outcome::Cancelled(_)) | Finish::Release | Finish::Requeue | Finish::Abandon => {
            done.finish.clone()
        }
    };
    Completion { claim: done.claim, finish, log: TaskLog::new() }
}

/// What a finish says, but for the fields that it writes.
fn begin(done: &Completion, kind: Kind, message: &[u8], backoff: Duration) -> Packed {
    let mut packed = Packed::new();
    packed
        .head(done.claim.task)
        .head_number(done.claim.delivery)
        .head(kind.as_str())
        .head_millis(Some(backoff))
        .push(message);
    packed
}

fn encode(done: &Completion, outcome: &Outcome, held: &Held, max: usize) -> Option<Vec<u8>> {
    if done.log.bytes() > max {
        return None;
    }
    let ended = Ended {
        task: done.claim.task,
        outcome: outcome.clone(),
        log: done.log.clone(),
        instance: done.claim.instance,
        delivery: done.claim.delivery,
        attempt: held.attempt,
        deaths: held.deaths,
        started_at: held.started_at,
    };
    wire::encode_ended(&ended).filter(|bytes| bytes.len() <= max)
}

/// Finishes a batch, the instances beside each other.
pub(crate) async fn finish(caller: Arc<Caller>, batch: Vec<Item<FinishOne, Finished>>) {
    let caller = &*caller;
    let instances = by_script(batch).into_iter().map(async |((worker_id, instance), scripts)| {
        for items in scripts {
            finish_part(caller, &worker_id, instance, items).await;
        }
    });
    join_all(instances).await;
}

async fn finish_part(
    caller: &Caller,
    worker_id: &WorkerId,
    instance: InstanceId,
    items: Vec<Item<FinishOne, Finished>>,
) {
    #[cfg(feature = "fault-finish-order")]
    crate::faults::acknowledge(caller, items.iter().map(|item| &item.request)).await;
    let has = |kind| items.iter().any(|item| item.request.kind == kind);
    let (retries, releases) = (has(Kind::Retry), has(Kind::Release));
    crash_point("finish.before");
    if retries {
        crash_point("retry.before");
    }
    if releases {
        crash_point("release.before");
    }
    let attempt = |requests: Vec<FinishOne>, deadline| async move {
        let mut args = Args::new();
        args.push_copy(worker_id.as_str()).push_display(instance);
        for request in requests {
            args.push(request.packed);
        }
        let reply = caller.run_until(Script::Finish, args, deadline).await?;
        caller.settle_durability(deadline).await?;
        Ok(reply)
    };
    ask_in_time(items, caller.timeout, attempt, |index, item, answer| {
        crash_point("finish.after");
        if retries {
            crash_point("retry.after");
        }
        if releases {
            crash_point("release.after");
        }
        end(item, answer.and_then(|replies| parse(answer_to(index, replies))));
    })
    .await;
}

fn end(item: Item<FinishOne, Finished>, answer: Result<Finished, ClientError>) {
    let owner = item.request.owner.upgrade();
    let came_again = owner.is_some_and(|owner| owner.finished(&item.request.claim, answer.is_ok()));
    // Only what was handed back comes again as the same claim.
    let is_done = came_again && item.request.kind == Kind::Release;
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
