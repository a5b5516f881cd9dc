//! Faults of `Transport::submit`

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rhai_dispatcher_core::{Priority, SubmitError, Submitted, Task, TaskId, Transport, TransportConfig};

use super::fault::{Fault, SubmitAnswer, faults};

faults! {
    DropsSubmits => submit::accepted_task_is_pending;
    AcceptsTwice => submit::submitting_again_changes_nothing;
    IgnoresRequestIds => submit::request_id_joins_the_first_task;
    JoinsAnything => submit::request_id_conflict_is_refused;
    SharesRequestIds => submit::request_ids_are_per_caller_and_worker;
    IgnoresTheLimit => submit::full_queue_refuses;
    StaysFull => submit::full_queue_takes_again;
    AnswersBackwards => submit::batch_is_answered_in_order;
    IgnoresDelays => submit::delayed_task_waits_for_its_time;
    IgnoresExpiry => claim::expired_task_is_not_started, claim::claimed_task_knows_its_time_left,
        submit::full_queue_ends_what_has_expired, queue::queues_leave_out_the_expired;
    IgnoresPriorities => priority::high_priority_overtakes;
    StarvesLow => priority::low_priority_is_not_starved;
    IgnoresTheChildLimit => submit::children_are_bounded;
    LetsTheCancelledDispatch => submit::child_of_a_cancelled_task_is_refused;
    SparesChildren => cancel::cancel_reaches_all_below, finish::cancelled_outcome_reaches_all_below;
}

/// Submits every task after a change.
async fn changed(to: &dyn Transport, mut tasks: Vec<Arc<Task>>, change: impl Fn(&mut Task)) -> SubmitAnswer {
    tasks.iter_mut().map(Arc::make_mut).for_each(change);
    to.submit(tasks).await
}

/// Answers `Accepted` without queueing the tasks.
#[derive(Debug, Default)]
struct DropsSubmits;

#[async_trait]
impl Fault for DropsSubmits {
    async fn submit(&self, _to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        Ok(tasks.iter().map(|task| Ok(Submitted::Accepted(task.id))).collect())
    }
}

/// Accepts a repeated submit of a task as a new task.
#[derive(Debug, Default)]
struct AcceptsTwice {
    seen: Mutex<Vec<TaskId>>,
}

#[async_trait]
impl Fault for AcceptsTwice {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
        changed(to, tasks, |task| {
            let mut seen = self.seen.lock().expect("no panic");
            if seen.contains(&task.id) {
                task.id = TaskId::new();
            }
            seen.push(task.id);
        })
        .await?;
        Ok(ids.into_iter().map(|id| Ok(Submitted::Accepted(id))).collect())
    }
}

/// Ignores request ids.
#[derive(Debug, Default)]
struct IgnoresRequestIds;

#[async_trait]
impl Fault for IgnoresRequestIds {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        changed(to, tasks, |task| task.request_id = None).await
    }
}

/// Lets a different request join by the same request id.
#[derive(Debug, Default)]
struct JoinsAnything;

#[async_trait]
impl Fault for JoinsAnything {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        let mut answers = to.submit(tasks).await?;
        for answer in &mut answers {
            if let Err(SubmitError::RequestIdConflict(first)) = answer {
                *answer = Ok(Submitted::Joined(*first));
            }
        }
        Ok(answers)
    }
}

/// Treats all callers as one caller.
#[derive(Debug, Default)]
struct SharesRequestIds;

#[async_trait]
impl Fault for SharesRequestIds {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        changed(to, tasks, |task| task.caller_id = "shared".into()).await
    }
}

/// Accepts any number of tasks.
#[derive(Debug, Default)]
struct IgnoresTheLimit;

impl Fault for IgnoresTheLimit {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_queue_limit(usize::MAX)
    }
}

/// Refuses all further tasks after the queue was full once.
#[derive(Debug, Default)]
struct StaysFull {
    full: AtomicBool,
}

#[async_trait]
impl Fault for StaysFull {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        if self.full.load(Ordering::SeqCst) {
            let full = |task: &Arc<Task>| {
                Err(SubmitError::QueueFull { worker_id: task.worker_id.clone(), limit: 0 })
            };
            return Ok(tasks.iter().map(full).collect());
        }
        let answers = to.submit(tasks).await?;
        let full = answers.iter().any(|answer| matches!(answer, Err(SubmitError::QueueFull { .. })));
        self.full.store(full, Ordering::SeqCst);
        Ok(answers)
    }
}

/// Returns the answers in reverse order.
#[derive(Debug, Default)]
struct AnswersBackwards;

#[async_trait]
impl Fault for AnswersBackwards {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        let mut answers = to.submit(tasks).await?;
        answers.reverse();
        Ok(answers)
    }
}

/// Ignores delays, so that every task can start at once.
#[derive(Debug, Default)]
struct IgnoresDelays;

#[async_trait]
impl Fault for IgnoresDelays {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        changed(to, tasks, |task| task.delay = Duration::ZERO).await
    }
}

/// Ignores expiry times and deadlines.
#[derive(Debug, Default)]
struct IgnoresExpiry;

#[async_trait]
impl Fault for IgnoresExpiry {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        changed(to, tasks, |task| (task.expires_in, task.deadline_in) = (None, None)).await
    }
}

/// Ignores priorities.
#[derive(Debug, Default)]
struct IgnoresPriorities;

#[async_trait]
impl Fault for IgnoresPriorities {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        changed(to, tasks, |task| task.priority = Priority::Normal).await
    }
}

/// Never delivers tasks of low priority.
#[derive(Debug, Default)]
struct StarvesLow;

#[async_trait]
impl Fault for StarvesLow {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        /// A hundred years.
        const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
        changed(to, tasks, |task| {
            if task.priority == Priority::Low {
                task.delay = NEVER;
            }
        })
        .await
    }
}

/// Ignores the limit on the children of a task.
#[derive(Debug, Default)]
struct IgnoresTheChildLimit;

impl Fault for IgnoresTheChildLimit {
    fn config(&self, config: TransportConfig) -> TransportConfig {
        config.with_max_children(usize::MAX)
    }
}

/// Accepts tasks that a cancelled task dispatches.
#[derive(Debug, Default)]
struct LetsTheCancelledDispatch;

#[async_trait]
impl Fault for LetsTheCancelledDispatch {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        let answers = to.submit(tasks.clone()).await?;
        if answers.iter().any(|answer| matches!(answer, Err(SubmitError::ParentCancelled(_)))) {
            return changed(to, tasks, |task| task.parent = None).await;
        }
        Ok(answers)
    }
}

/// Forgets the parents of tasks.
#[derive(Debug, Default)]
struct SparesChildren;

#[async_trait]
impl Fault for SparesChildren {
    async fn submit(&self, to: &dyn Transport, tasks: Vec<Arc<Task>>) -> SubmitAnswer {
        changed(to, tasks, |task| task.parent = None).await
    }
}
