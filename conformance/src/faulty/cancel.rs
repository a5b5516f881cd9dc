//! Faults of `Transport::cancel`

use std::collections::HashSet;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use rhai_dispatcher_core::{
    CancelReason, Cancelled, Completion, Finish, Outcome, Payload, Signal, Task, TaskId, TaskStatus,
    Transport,
};

use super::fault::{CancelAnswer, Fault, FinishAnswer, faults};
use super::peer::Peer;
use crate::waiting::yield_now;

faults! {
    CancelsNothing => cancel::cancel_removes_a_waiting_task, cancel::requested_cancel_outlives_the_instance, cancel::requested_cancel_beats_another_try;
    OverlooksDelayedTasks => cancel::cancel_removes_a_delayed_task;
    SwallowsSignals => cancel::cancel_signals_a_running_task, lease::lost_claim_is_signalled, detach::signals_end_with_the_instance;
    LeavesTombstones => cancel::cancel_makes_room;
    CancelsTheFinished => cancel::cancel_of_a_finished_task_changes_nothing;
    KnowsTheUnknown => cancel::cancel_of_an_unknown_task_is_not_found;
    DropsCancels => cancel::dropped_cancel_is_carried_out;
    PrefersTheCancel => cancel::outcome_beats_a_requested_cancel;
}

/// Returns the right answers, but cancels nothing.
#[derive(Debug, Default)]
struct CancelsNothing;

#[async_trait]
impl Fault for CancelsNothing {
    async fn cancel(&self, on: &dyn Transport, ids: &[TaskId], _why: CancelReason) -> CancelAnswer {
        let records = on.details(ids).await?;
        Ok(records
            .into_iter()
            .map(|record| match record.map(|details| details.status) {
                None => Cancelled::NotFound,
                Some(TaskStatus::Pending) => Cancelled::Removed,
                Some(TaskStatus::Processing) => Cancelled::Requested,
                Some(_) => Cancelled::AlreadyFinished,
            })
            .collect())
    }
}

/// Does not cancel delayed tasks.
#[derive(Debug, Default)]
struct OverlooksDelayedTasks;

#[async_trait]
impl Fault for OverlooksDelayedTasks {
    async fn cancel(&self, on: &dyn Transport, ids: &[TaskId], why: CancelReason) -> CancelAnswer {
        let records = on.details(ids).await?;
        if records.iter().flatten().any(|details| details.run_at.is_some()) {
            return Ok(vec![Cancelled::Removed; ids.len()]);
        }
        on.cancel(ids, why).await
    }
}

/// Sends no signals to the instance.
#[derive(Debug, Default)]
struct SwallowsSignals;

impl Fault for SwallowsSignals {
    fn signals(&self, _peer: &Peer) -> BoxStream<'static, Signal> {
        stream::pending().boxed()
    }
}

/// Counts a removed task in its queue.
#[derive(Debug, Default)]
struct LeavesTombstones;

#[async_trait]
impl Fault for LeavesTombstones {
    async fn cancel(&self, on: &dyn Transport, ids: &[TaskId], why: CancelReason) -> CancelAnswer {
        let answers = on.cancel(ids, why).await?;
        for details in on.details(ids).await?.into_iter().flatten() {
            let tombstone = Task::new(details.worker_id, Payload::script(""), "tombstone");
            on.submit(vec![tombstone.into()]).await?;
        }
        Ok(answers)
    }
}

/// Answers `Removed` for a finished task.
#[derive(Debug, Default)]
struct CancelsTheFinished;

#[async_trait]
impl Fault for CancelsTheFinished {
    async fn cancel(&self, on: &dyn Transport, ids: &[TaskId], why: CancelReason) -> CancelAnswer {
        let answers = on.cancel(ids, why).await?.into_iter();
        Ok(answers
            .map(|answer| if answer == Cancelled::NotFound { answer } else { Cancelled::Removed })
            .collect())
    }
}

/// Answers `AlreadyFinished` for an unknown task.
#[derive(Debug, Default)]
struct KnowsTheUnknown;

#[async_trait]
impl Fault for KnowsTheUnknown {
    async fn cancel(&self, on: &dyn Transport, ids: &[TaskId], why: CancelReason) -> CancelAnswer {
        let mut answers = on.cancel(ids, why).await?;
        for answer in &mut answers {
            if *answer == Cancelled::NotFound {
                *answer = Cancelled::AlreadyFinished;
            }
        }
        Ok(answers)
    }
}

/// Replaces every outcome of a task by `Cancelled` after a cancel was requested.
#[derive(Debug, Default)]
struct PrefersTheCancel {
    requested: Mutex<HashSet<TaskId>>,
}

#[async_trait]
impl Fault for PrefersTheCancel {
    async fn cancel(&self, on: &dyn Transport, ids: &[TaskId], why: CancelReason) -> CancelAnswer {
        self.requested.lock().expect("no panic").extend(ids);
        on.cancel(ids, why).await
    }

    async fn finish(&self, peer: &Peer, done: &[Completion]) -> FinishAnswer {
        let mut done = done.to_vec();
        for completion in &mut done {
            if self.requested.lock().expect("no panic").contains(&completion.claim.task) {
                completion.finish = Finish::Outcome(Outcome::Cancelled(CancelReason::Asked));
            }
        }
        peer.consumer.finish(&done).await
    }
}

/// Looks something up before it cancels, so that a call whose future is dropped does not.
#[derive(Debug, Default)]
struct DropsCancels;

#[async_trait]
impl Fault for DropsCancels {
    async fn cancel(&self, on: &dyn Transport, ids: &[TaskId], why: CancelReason) -> CancelAnswer {
        yield_now().await;
        on.cancel(ids, why).await
    }
}
