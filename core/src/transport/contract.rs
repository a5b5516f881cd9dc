use std::fmt::{self, Debug};
use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::{
    Consumer, CrashReport, Health, InstanceInfo, InstanceSpec, MethodFigures, OutcomeError, QueueInfo,
    Requeued, SubmitError, TaskCursor, TaskPage, TransportError,
};
use crate::{
    ActivityRange, ActivityWatch, CancelReason, Clock, EventLimits, EventQueue, InspectError, LoggedActivity,
    RunState, Task, TaskDetails, TaskEvents, TaskId, TaskSummary, WorkerId,
};

/// Takes tasks to the instances that run them, and their outcomes to the callers that wait.
///
/// The record of a task is the truth about it. A transport that has accepted a task keeps it until it has its
/// one outcome, whatever client dies in between. What is due (a delay, an expiry, the tasks of a
/// dead instance) is processed by the next call that reads the queue, so nothing depends on a background job.
///
/// The primitives take batches; [`TransportExt`](super::TransportExt) has them one at a time. No
/// method spawns on the caller's runtime or needs one. Each item under `# Behavior` is the name of
/// a case of the conformance suite, which every implementation passes.
#[async_trait]
pub trait Transport: Send + Sync + Debug {
    /// A new id for a task of a worker id. A transport may have some that are cheaper to it; it takes any other too, unless
    /// it says otherwise.
    fn new_task_id(&self, worker_id: &WorkerId) -> TaskId {
        let _ = worker_id;
        TaskId::new()
    }

    /// Accepts tasks; one answer for each, in their order.
    ///
    /// An accepted task reaches an outcome as long as some instance serves its worker id in time.
    /// A batch may be given again after an error: what was accepted already is not accepted twice.
    ///
    /// # Behavior
    /// - `accepted_task_is_pending`: an accepted task can be looked up at once, is `pending`, and
    ///   its record says what was submitted.
    /// - `submitting_again_changes_nothing`: the same task given twice is accepted twice and runs
    ///   once.
    /// - `request_id_joins_the_first_task`: a task under a request id that its caller has used for
    ///   the same worker id, with the same payload, args and limits, is answered with the first one's id.
    /// - `request_id_conflict_is_refused`: another payload, other args or limits under that request id are
    ///   refused with the first one's id.
    /// - `request_ids_are_per_caller_and_worker`: another caller, or another worker id, may use the
    ///   same request id.
    /// - `full_queue_refuses`: when as many tasks wait for a worker id as the limit allows, a
    ///   further one is refused, and leaves no record.
    /// - `full_queue_takes_again`: a claim makes room in a full queue.
    /// - `full_queue_ends_what_has_expired`: so do tasks that have expired in it, served or not.
    /// - `batch_is_answered_in_order`: a refused task does no harm to its neighbours.
    /// - `delayed_task_waits_for_its_time`: a task is not claimed before its delay is over, and is then.
    /// - `delayed_task_wakes_a_waiting_claim`: also when it is added while all claims wait.
    /// - `child_is_listed_in_its_parent`: what a task dispatches is in its record, once.
    /// - `children_are_bounded`: a task that has dispatched as many as it may is refused another.
    /// - `child_of_a_cancelled_task_is_refused`: also while the cancelled one still runs.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable) if it is not known whether the tasks were
    /// accepted; giving them again is safe.
    ///
    /// # Cancellation
    /// Dropping the future leaves open which of the tasks were accepted; each is whole or absent.
    async fn submit(
        &self,
        tasks: Vec<Arc<Task>>,
    ) -> Result<Vec<Result<Submitted, SubmitError>>, TransportError>;

    /// Begins an instance, which holds its claims under one lease from now on.
    ///
    /// # Behavior
    /// - `instances_lists_the_living`: an attached instance is listed with its worker id until it
    ///   detaches or its lease has run out.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn attach(&self, spec: InstanceSpec) -> Result<Arc<dyn Consumer>, TransportError>;

    /// The records of tasks, in the order of `ids`; `None` for one that is not known (any more).
    ///
    /// # Behavior
    /// - `details_answers_in_order`: unknown ids are `None` and do no harm to their neighbours.
    /// - `details_follows_a_task`: the record shows each step of a task: pending, processing with
    ///   instance and delivery, and its outcome with log and times.
    /// - `finished_record_expires`: the record of a finished task is gone after `record_ttl`, and
    ///   its request id is free again.
    /// - `oldest_finished_records_go_first`: beyond `max_finished_records` and `max_finished_bytes` those
    ///   of the tasks that ended first go before their time, with their request ids.
    /// - `unfinished_record_stays`: the record of a task that waits does not expire.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn details(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskDetails>>, TransportError>;

    /// What a list shows of tasks of this transport, in the order of `ids`; `None` for one that is not known (any more).
    /// Nothing that is due is done before.
    ///
    /// # Behavior
    /// - `summaries_are_those_of_the_records`: of tasks that wait, run, are retried and have ended.
    ///
    /// # Errors
    /// As [`details`](Self::details).
    async fn summaries(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskSummary>>, TransportError> {
        let records = self.details(ids).await?;
        Ok(records.iter().map(|record| record.as_ref().map(TaskSummary::from)).collect())
    }

    /// Waits until a task has its outcome. Registered when called, not when first polled;
    /// dropping the future ends the wait and changes nothing for the task.
    ///
    /// # Behavior
    /// - `outcome_after_the_end_is_ready`: the outcome of a task that has ended is there at once.
    /// - `outcome_wakes_its_waiter`: a waiter is woken by the finish.
    /// - `outcome_reaches_every_waiter`: all waiters get it, also through another handle on the
    ///   same store.
    /// - `outcome_of_an_unknown_task_is_not_found`: at once, not after a wait.
    /// - `dropped_wait_leaves_nothing`: `health` stops counting a wait that is dropped, and the task
    ///   continues.
    ///
    /// # Errors
    /// [`NotFound`](OutcomeError::NotFound) for an id without a record;
    /// [`Lost`](OutcomeError::Lost) if the record of an accepted task is gone;
    /// [`Unavailable`](TransportError::Unavailable) if the store could not be asked whether there is such a
    /// task. Once that is known the wait continues while the store is away.
    fn outcome(&self, id: TaskId) -> BoxFuture<'static, Result<Box<TaskDetails>, OutcomeError>>;

    /// Subscribes to one task: its starts, the lines that it prints and logs, its progress, and its end, as
    /// [`TaskEvent`](crate::TaskEvent)s. Registered when called, not when first polled. Any handle may subscribe, at any
    /// time.
    ///
    /// A subscriber never slows the task: events wait in buffers of at most
    /// [`max_events`](super::TransportConfig::max_events) and
    /// [`max_event_bytes`](super::TransportConfig::max_event_bytes), of which the oldest go. Lost lines are counted. Over
    /// a store, a start without other events may be told up to a second late, and events about 50 ms.
    ///
    /// The default tells the end only, with the lines of the outcome's log before it.
    ///
    /// # Behavior
    /// - `events_follow_a_run`: a start, lines and progress reach a waiting subscriber while the task runs, and then
    ///   its end.
    /// - `events_reach_every_subscriber`: also through another handle on the same store.
    /// - `late_subscriber_gets_earlier_events`: of a task that runs, or has ended.
    /// - `outcome_completes_the_lines`: lines of the outcome's log that were not published come before the end, and
    ///   none twice.
    /// - `events_of_the_next_delivery_follow`: after those of the one before, with the next number.
    /// - `events_of_a_lost_claim_are_dropped`: also if they are published later.
    /// - `slow_subscriber_loses_the_oldest_lines`: and gets their count, and the newest lines.
    /// - `latest_progress_outlives_older_lines`: a late subscriber gets it, however many lines have taken the place of those
    ///   beside it; a subscriber that had it gets it once.
    /// - `events_of_an_unknown_task_are_not_found`: the stream has that error and ends.
    ///
    /// # Errors
    /// As an item, after which the stream ends: those of [`outcome`](Self::outcome).
    ///
    /// # Cancellation
    /// See [`TaskEvents`].
    fn events(&self, id: TaskId) -> TaskEvents {
        TaskEvents::new(Arc::new(EventQueue::new(EventLimits { events: 1, bytes: 0 })), self.outcome(id))
    }

    /// Asks the instance that runs a task what the run does. The future has no time limit of its own: an instance that does
    /// not answer, because it has died or is suspended, lets it wait. Dropping it ends the question.
    ///
    /// # Behavior
    /// - `inspect_signals_a_running_task`: its instance gets a signal with the claim, and its answer is what the caller gets,
    ///   also through another handle on the same store.
    /// - `inspect_answers_each_caller`: of several questions, in any order, each gets its own answer.
    /// - `inspect_of_a_changing_task_says_so`: if the instance answers that it does not have the run.
    /// - `inspect_of_a_task_that_does_not_run_has_its_status`: of one that waits or has ended; its instance is not asked.
    /// - `inspect_of_an_unknown_task_is_not_found`: at once.
    ///
    /// # Errors
    /// [`NotFound`](InspectError::NotFound), [`NotRunning`](InspectError::NotRunning),
    /// [`Changing`](InspectError::Changing), and those of [`details`](Self::details).
    fn inspect(&self, id: TaskId) -> BoxFuture<'static, Result<RunState, InspectError>>;

    /// Cancels tasks; one answer for each, in their order.
    ///
    /// # Behavior
    /// - `cancel_removes_a_waiting_task`: a task that waits is `Removed`: it has its outcome, its
    ///   waiters are told, and it is never claimed.
    /// - `cancel_removes_a_delayed_task`: also one whose time has not come.
    /// - `cancel_signals_a_running_task`: for a running one it is `Requested`, and its instance gets
    ///   a signal with the reason.
    /// - `cancel_makes_room`: a removed task no longer counts in its queue.
    /// - `cancel_of_a_finished_task_changes_nothing`: `AlreadyFinished`.
    /// - `cancel_of_an_unknown_task_is_not_found`: `NotFound`.
    /// - `outcome_beats_a_requested_cancel`: if the task completes first, that outcome stands.
    /// - `requested_cancel_outlives_the_instance`: if the instance dies before it has stopped, the
    ///   task is cancelled, not run again.
    /// - `requested_cancel_beats_another_try`: also if it is released, retried or abandoned instead.
    /// - `dropped_cancel_is_carried_out`: a future that is dropped after its first poll cancels the first
    ///   128 tasks all the same.
    /// - `cancel_reaches_all_below`: what the task dispatched is cancelled with it, for the reason
    ///   `Parent`, and what that dispatched; not if it has ended otherwise.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable); cancelling again is safe.
    async fn cancel(&self, ids: &[TaskId], why: CancelReason) -> Result<Vec<Cancelled>, TransportError>;

    /// Ends the instance of a worker process that has died, without waiting for its lease.
    ///
    /// The tasks that the report names were on a processor when the process died: they count a death, are blamed for
    /// it and quarantined. If some of several named tasks were quarantined already, only these. All other tasks of the
    /// instance wait again at once, without a death.
    ///
    /// # Behavior
    /// - `crash_report_releases_the_unnamed`: at once, without a death, ahead of those that came later, with the next
    ///   delivery.
    /// - `crash_report_quarantines_the_named`: with a death.
    /// - `crash_report_blames_the_quarantined`: and nothing else that it names.
    /// - `named_task_ends_in_an_error`: after `max_deliveries` reports it is an error of kind `crashed`.
    /// - `crash_report_ends_the_instance`: it is not listed any more, and what it still finishes is fenced.
    /// - `late_renewal_keeps_the_blame_of_a_report`: the first renewal after a report may have been sent before the
    ///   process died: it learns which claims were lost, and changes nothing. An instance that renews once more lives
    ///   all the same, and may claim again; what its tasks have counted stays.
    /// - `stale_crash_report_changes_nothing`: about an instance that has ended, or whose tasks run elsewhere.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable); reporting again is safe.
    async fn report_crash(&self, report: &CrashReport) -> Result<Requeued, TransportError>;

    /// The living instances, of one worker id or of all.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn instances(&self, worker_id: Option<&WorkerId>) -> Result<Vec<InstanceInfo>, TransportError>;

    /// What the instances of a worker id have counted of its methods, by name, those of past instances included; see
    /// [`Consumer::report`].
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn figures(&self, worker_id: &WorkerId) -> Result<Vec<MethodFigures>, TransportError>;

    /// Reads the log of how tasks of a worker id have ended, newest entry first. It has the runs that instances
    /// [log](Consumer::record_activity), and the ends of tasks without one, which the transport logs itself.
    ///
    /// A log has at most [`max_activity`](super::TransportConfig::max_activity) entries, and is kept for
    /// [`activity_ttl`](super::TransportConfig::activity_ttl) after the last one.
    ///
    /// # Behavior
    /// - `activity_pages_newest_first`: each read continues where the one before ended, without a gap or a repetition, also
    ///   if entries are added meanwhile.
    /// - `activity_has_its_range`: entries that ended before `since`, or at `until` or later, are left out.
    /// - `activity_of_ends_without_a_run`: a task that is cancelled while it waits, or with the one above it, that expires, or
    ///   that ends as `crashed`, has one entry.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn activity(
        &self,
        worker_id: &WorkerId,
        range: ActivityRange,
    ) -> Result<LoggedActivity, TransportError>;

    /// The worker ids that have activity, by name.
    ///
    /// # Behavior
    /// - `worker_ids_with_activity_are_listed`: also those that no instance serves any more.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn active_worker_ids(&self) -> Result<Vec<WorkerId>, TransportError>;

    /// Watches the activity of a worker id: all entries that are logged from now on, in their order, also those of other
    /// handles on the same store. A watcher that is slow loses the oldest, and is told how many.
    ///
    /// # Behavior
    /// - `activity_reaches_a_watcher`: each new entry, once, and none from before.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable). Once it watches, it continues while the store is away.
    async fn watch_activity(&self, worker_id: &WorkerId) -> Result<ActivityWatch, TransportError>;

    /// The queues that hold tasks which have not ended, are served or are paused, by name.
    ///
    /// # Behavior
    /// - `queues_count_their_tasks`: waiting by priority, delayed, claimed, and instances.
    /// - `queues_tell_the_oldest`: when the ready task was accepted that waits longest, whatever its priority.
    /// - `queues_leave_out_the_expired`: a task that has expired does not count as waiting.
    /// - `emptied_queue_is_not_listed`: a queue that no instance serves and whose tasks have all ended. Their request
    ///   ids are known all the same.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn queues(&self) -> Result<Vec<QueueInfo>, TransportError>;

    /// The numbers of one queue; zeros for one that holds nothing and is not served.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn queue(&self, worker_id: &WorkerId) -> Result<QueueInfo, TransportError> {
        let queue = self.queues().await?.into_iter().find(|queue| queue.worker_id == *worker_id);
        Ok(queue.unwrap_or_else(|| QueueInfo::empty(worker_id.clone())))
    }

    /// The ids of tasks of one worker id that have not ended, those of one part of its queue, a page at a time: `from` is
    /// the part, and then the cursor of the page before. A page has at most `limit` ids and
    /// [`TaskPage::MAX_IDS`]. It may have fewer, even none, and a cursor: only a page without one is the last.
    ///
    /// Ready and quarantined tasks are in the order in which they are to start, as far as it is known: by priority, and
    /// then the oldest first. Delayed tasks are in the order in which they are due. Running tasks are in no order.
    ///
    /// # Behavior
    /// - `tasks_lists_what_waits_and_runs`: each task of the worker id that has not ended is in the part where it is, and
    ///   in no other.
    /// - `tasks_are_in_order`: ready ones by priority and submission, delayed ones by when they are due.
    /// - `tasks_are_paged`: the pages together have each task that stays in its part, once, whatever becomes of the
    ///   others meanwhile.
    /// - `tasks_leave_out_the_expired`: a task that has expired is not listed.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable); [`Protocol`](TransportError::Protocol) for a cursor of another
    /// transport.
    async fn tasks(
        &self,
        worker_id: &WorkerId,
        from: &TaskCursor,
        limit: NonZeroUsize,
    ) -> Result<TaskPage, TransportError>;

    /// Stops or resumes the claims from a queue, for all its instances. Tasks that run
    /// continue, and tasks are still accepted.
    ///
    /// # Behavior
    /// - `paused_queue_delivers_nothing`: also to claims that waited already, and to instances that
    ///   attach later.
    /// - `resumed_queue_wakes_its_claims`: the tasks that gathered are claimed at once.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn set_paused(&self, worker_id: &WorkerId, paused: bool) -> Result<(), TransportError>;

    /// Connects, if there is something to connect to. The other methods do so by themselves.
    ///
    /// # Errors
    /// Why it can't.
    async fn connect(&self) -> Result<(), TransportError>;

    /// The clock that this transport's times are of.
    fn clock(&self) -> &Arc<dyn Clock>;

    /// The health of this handle, without a call to the store.
    fn health(&self) -> Health;
}

/// The answer to an accepted task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It waits under its own id.
    Accepted(TaskId),
    /// The same request was made before, and is this task.
    Joined(TaskId),
}

impl Submitted {
    /// The task to wait for.
    #[must_use]
    pub const fn task_id(self) -> TaskId {
        match self {
            Self::Accepted(id) | Self::Joined(id) => id,
        }
    }
}

/// The answer to a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Cancelled {
    /// It waited, and is cancelled.
    Removed,
    /// It runs; its instance is told, and it stops at its next operation or wait.
    Requested,
    /// It had its outcome already, which stands.
    AlreadyFinished,
    /// The task has no record.
    NotFound,
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Removed => "removed",
            Self::Requested => "requested",
            Self::AlreadyFinished => "already finished",
            Self::NotFound => "not found",
        })
    }
}
