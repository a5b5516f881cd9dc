use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{
    Claim, Completion, Finish, InstanceId, Outcome, TaskError, TaskErrorKind, TaskLog, WorkerId,
};

use crate::batch::BatchRequest;
use crate::instance::{HeldClaim, LocalInstance};
use crate::script::Packed;
use crate::wire::{self, TaskEnd, record};

/// One claim on its way to its end.
#[derive(Debug, Clone)]
pub(crate) struct FinishRequest {
    /// The owner of the claim. It is told of the end even if its call no longer waits for the answer.
    pub(super) owner: Weak<LocalInstance>,
    pub(crate) group: (WorkerId, InstanceId),
    pub(crate) claim: Claim,
    pub(crate) kind: FinishKind,
    pub(super) packed: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FinishKind {
    Outcome,
    Undecodable,
    Retry,
    Release,
    Requeue,
    Abandon,
}

impl FinishKind {
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

impl BatchRequest for FinishRequest {
    /// Whose queue, and whose claim.
    type Group = (WorkerId, InstanceId);

    fn group(&self) -> &Self::Group {
        &self.group
    }

    fn bytes(&self) -> usize {
        self.packed.len()
    }
}

impl FinishRequest {
    /// The end of a claim; `held` is what is known of it if it is this instance's. An outcome that is too
    /// large becomes an error: the server would not take it, and its task would never end. An error loses its value first.
    pub(crate) fn new(owner: &Arc<LocalInstance>, done: &Completion, held: Option<&HeldClaim>) -> Self {
        let one = Self::as_it_is(owner, done, held);
        if one.packed.len() <= owner.max_outcome {
            return one;
        }
        if let Some(rest) = without_value(done) {
            return Self::new(owner, &rest, held);
        }
        let rest = without_bulk(done, one.packed.len(), owner.max_outcome);
        if let Finish::Outcome(Outcome::Error(error)) | Finish::RetryIn(_, error) = &rest.finish {
            owner.note_oversized(rest.claim, error.clone().into());
        }
        Self::as_it_is(owner, &rest, held)
    }

    fn as_it_is(owner: &Arc<LocalInstance>, done: &Completion, held: Option<&HeldClaim>) -> Self {
        let max = owner.max_message;
        let (kind, message, backoff) = match &done.finish {
            Finish::Outcome(outcome) => {
                (FinishKind::Outcome, held.and_then(|held| encode(done, outcome, held, max)), Duration::ZERO)
            }
            Finish::RetryIn(backoff, _) => (FinishKind::Retry, None, *backoff),
            Finish::Release => (FinishKind::Release, Some(owner.next_release().into()), Duration::ZERO),
            Finish::Requeue => (FinishKind::Requeue, None, Duration::ZERO),
            Finish::Abandon => (FinishKind::Abandon, None, Duration::ZERO),
        };
        let mut packed = begin(done, kind, held, &message.unwrap_or_default(), backoff);
        match &done.finish {
            Finish::Outcome(outcome) => record::push_outcome(&mut packed, outcome, &done.log),
            Finish::RetryIn(_, error) => record::push_error(&mut packed, error),
            Finish::Release | Finish::Requeue | Finish::Abandon => {}
        }
        Self::of(owner, done, kind, packed)
    }

    /// The end of a task whose payload can't be read.
    pub(crate) fn undecodable(owner: &Arc<LocalInstance>, done: &Completion, problem: &str) -> Self {
        let mut packed = begin(done, FinishKind::Undecodable, None, problem.as_bytes(), Duration::ZERO);
        let outcome = Outcome::Error(TaskError::new(TaskErrorKind::Undecodable, problem));
        record::push_outcome(&mut packed, &outcome, &TaskLog::new());
        Self::of(owner, done, FinishKind::Undecodable, packed)
    }

    fn of(owner: &Arc<LocalInstance>, done: &Completion, kind: FinishKind, packed: Packed) -> Self {
        Self {
            owner: Arc::downgrade(owner),
            group: (owner.worker_id.clone(), done.claim.instance),
            claim: done.claim,
            kind,
            packed: packed.into_bytes(),
        }
    }
}

/// The same end, without what was thrown; `None` if it has no such value.
fn without_value(done: &Completion) -> Option<Completion> {
    let mut done = done.clone();
    let (Finish::Outcome(Outcome::Error(error)) | Finish::RetryIn(_, error)) = &mut done.finish else {
        return None;
    };
    error.value.take()?;
    Some(done)
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

/// Has the script measure the record.
const UNKNOWN_BYTES: u32 = u32::MAX;

/// What a finish says, but for the fields that it writes.
fn begin(
    done: &Completion,
    kind: FinishKind,
    held: Option<&HeldClaim>,
    message: &[u8],
    backoff: Duration,
) -> Packed {
    let mut packed = Packed::new();
    packed
        .head(done.claim.task)
        .head_number(done.claim.delivery)
        .head(kind.as_str())
        .head_millis(Some(backoff))
        .head_number(held.map_or(UNKNOWN_BYTES, |held| held.bytes))
        .push(message);
    packed
}

fn encode(done: &Completion, outcome: &Outcome, held: &HeldClaim, max: usize) -> Option<Vec<u8>> {
    if done.log.bytes() > max {
        return None;
    }
    let ended = TaskEnd {
        task: done.claim.task,
        outcome: outcome.clone(),
        log: done.log.clone(),
        instance: done.claim.instance,
        delivery: done.claim.delivery,
        attempt: held.attempt,
        deaths: held.deaths,
        started_at: held.started_at,
    };
    wire::encode_end(&ended).filter(|bytes| bytes.len() <= max)
}
