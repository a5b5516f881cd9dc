use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::{Claim, InstanceReport, Reported, TransportError};
use crate::{
    CancelReason, EndedRun, Inquiry, InstanceId, Outcome, RunEvent, RunState, Task, TaskError, TaskLog,
    TaskStatus, Tick,
};

/// One instance's side of a transport. It owns the instance's claims, so a claim future that is
/// dropped loses nothing.
///
/// A claim *is* the start of a task: who claims runs what it gets now. So [`claim`](Self::claim)
/// counts a delivery, and what was claimed but not begun is released
/// ([`Finish::Release`]), which undoes the count.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// The instance.
    fn instance(&self) -> InstanceId;

    /// How long the instance is taken to be alive after each renewal of its lease.
    fn lease(&self) -> Duration;

    /// Waits for tasks, and claims up to `max` of them; never none.
    ///
    /// Several calls may wait at once. A call that waits may take tasks without being polled, and holds
    /// them until it is. A claim whose answer was not received, because its future was
    /// dropped, goes to the next call.
    ///
    /// # Behavior
    /// - `claim_takes_in_order_of_submission`: within one priority, also after a delay or a retry.
    /// - `claim_takes_no_more_than_asked`: the rest stays for others.
    /// - `claim_starts_the_task`: its record says `processing`, this instance, and the delivery,
    ///   from 1.
    /// - `claim_waits_for_a_task`: a waiting claim is woken by a submit.
    /// - `claim_serves_its_worker_id_only`: tasks of other worker ids stay where they are.
    /// - `task_is_claimed_once`: of several instances one gets it.
    /// - `dropped_claim_loses_nothing`: a task that a dropped claim would have got goes to another.
    /// - `dropped_wakeup_passes_on`: a wake-up given to a claim that went away passes to the next
    ///   one that waits, also of another instance.
    /// - `every_waiting_instance_is_woken`: as many waiting claims wake as there are tasks for.
    /// - `waiting_claims_share_what_is_ready`: a claim takes at most its share of what is ready, rounded up,
    ///   while others wait too.
    /// - `high_priority_overtakes`: with many low tasks waiting, a new high one is claimed within
    ///   two batches.
    /// - `low_priority_is_not_starved`: under constant high load, one of 16 claims is low.
    /// - `expired_task_is_not_started`: a task whose `expires_in` or `deadline_in` is over is
    ///   cancelled as expired, and its waiters are told, without another call.
    /// - `claimed_task_knows_its_time_left`: its deadline and its latest start are moments of this
    ///   handle's clock, and time that it has waited is gone.
    ///
    /// # Errors
    /// [`Detached`](TransportError::Detached) once the instance has ended. (One that has lost its
    /// lease waits for the next renewal.) [`Unavailable`](TransportError::Unavailable), after which claiming again is safe.
    async fn claim(&self, max: NonZeroUsize) -> Result<Vec<Claimed>, TransportError>;

    /// Writes how claimed tasks ended; one answer for each, in their order. What could not be written
    /// does no harm to its neighbours.
    ///
    /// # Behavior
    /// - `finish_writes_the_outcome`: completed, error and cancelled, each with its log.
    /// - `finish_twice_changes_nothing`: the second is answered with `AlreadyTerminal`.
    /// - `stale_finish_is_fenced`: a finish under an earlier delivery of the task is `Fenced` and changes
    ///   nothing, whatever it would have written.
    /// - `cancelled_outcome_reaches_all_below`: what a task dispatched that ends in a cancel is
    ///   cancelled with it.
    /// - `finish_batch_answers_each`: a fenced one does no harm to its neighbours.
    /// - `retry_waits_for_its_time`: after `RetryIn` the task is pending, with the error, and is
    ///   claimed at that time with the next delivery and attempt.
    /// - `release_counts_no_delivery`: after `Release` the task is pending, ahead of those that
    ///   came later, and its next delivery has the same number.
    /// - `abandoned_task_is_blamed`: after `Abandon` it counts a death, is blamed for it and quarantined.
    /// - `requeued_task_counts_no_death`: after `Requeue` the task is pending, ahead of those that came later, and
    ///   its next delivery has the next number.
    ///
    /// # Errors
    /// For each [`Unavailable`](TransportError::Unavailable) if it is not known whether it was written,
    /// and [`Refused`](TransportError::Refused) or [`Protocol`](TransportError::Protocol) if it was not;
    /// finishing again is safe. [`Detached`](TransportError::Detached), or `Fenced`, once the instance has ended.
    async fn finish(&self, done: &[Completion]) -> Vec<Result<Finished, TransportError>>;

    /// Renews the lease; the answer has the claims that were lost since the last time.
    ///
    /// An instance whose lease runs out is taken for dead, and each task that it ran counts a *death*. Its tasks wait
    /// again at once, like any others. A task with two deaths, or one that was blamed for a death, is *quarantined*:
    /// quarantined tasks of a queue start in groups, one after another: 8 of 1, then of 2, 4, 8 and so on. Each group is
    /// under *observation* for a time, and a death of its instance meanwhile starts over. One instance is *reserved*
    /// for the groups: it claims nothing until it holds nothing, and then group after group and no others. If no
    /// instance can do so within half a lease, any instance may have the group. Blamed is
    /// only a task that its instance ran alone, that a [`CrashReport`](super::CrashReport) names, or that was
    /// [abandoned](Finish::Abandon). A retry begins the counts anew.
    ///
    /// # Behavior
    /// - `renewed_lease_keeps_its_claims`: for as long as it is renewed in time.
    /// - `tasks_of_a_dead_instance_are_redelivered`: once the lease has run out, to an instance
    ///   that looks, with the next delivery.
    /// - `takeover_wakes_a_waiting_claim`: without anything else happening.
    /// - `lost_claims_are_reported`: an instance that renews too late learns which claims it lost.
    /// - `late_renewal_revives_the_instance`: what it had is lost, but it may claim again; after a
    ///   [report](super::Transport::report_crash) of its crash with the second renewal.
    /// - `lost_claim_is_signalled`: an instance whose claim was taken over is told by a signal too.
    /// - `tasks_of_a_dead_instance_run_side_by_side`: they are claimed together and beside others.
    /// - `late_renewal_takes_deaths_back`: an instance that renews after its lease has not died, so those of its
    ///   tasks that have no outcome yet do not count that death. What they count after a report of its crash stays.
    /// - `task_lost_twice_is_quarantined`: it starts by itself, first on an instance that holds nothing.
    /// - `lone_quarantined_task_stays_alone`: an instance that held nothing when it started one gets no other task
    ///   until `observation` is over.
    /// - `quarantine_groups_grow`: after 8 groups of one, each that survives its observation is followed by one of twice
    ///   the size.
    /// - `death_in_observation_starts_over`: the next groups are of one task again.
    /// - `reserved_instance_becomes_free`: an instance that holds others when a group waits claims nothing until it holds
    ///   nothing, and then that group. Another instance continues to claim.
    /// - `blamed_task_waits_behind_others`: behind the quarantined tasks without blame, in no group with them, and for half
    ///   a lease for an instance that holds nothing.
    /// - `task_that_fails_its_observation_waits_behind_others`: if it was a group by itself.
    /// - `silent_observer_delays_no_group`: if an instance that holds quarantined tasks alone neither claims nor renews
    ///   for a tenth of a lease after the observation, the next group, of one task, starts elsewhere.
    /// - `busy_instance_takes_quarantined_tasks`: if no instance that holds nothing takes a group within
    ///   half a lease, any instance may, and continues to claim others.
    /// - `lost_tasks_in_company_are_not_blamed`: however often their instances die.
    /// - `task_that_kills_ends_in_an_error`: a task that was all that its instance ran is blamed for the death; after
    ///   `max_deliveries` such deaths it is an error of kind `crashed`, and its waiters are told.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable).
    async fn renew(&self) -> Result<Vec<Claim>, TransportError>;

    /// Tells the subscribers of a claimed task what its run does: see [`Transport::events`](super::Transport::events).
    /// Never waits and never fails: events that can't be sent, or that are of a claim which this instance does not hold
    /// any more, are dropped. The default drops all.
    fn publish(&self, _claim: &Claim, _event: RunEvent) {}

    /// Logs runs that have ended, in the activity of their worker ids: after the transport has
    /// [written](Finished::Written) their ends, each once. Never waits and never fails. A transport between processes
    /// gathers them for up to 250 ms, and for as long as the store is away; of what waits beyond a bound the oldest go, and
    /// how many is logged. A [`detach`](Self::detach) sends what waits. What a process that dies had gathered is not in the
    /// activity; the records of these tasks have their outcomes. The default drops all.
    ///
    /// # Behavior
    /// - `activity_has_each_end`: each run that is logged has an entry with its outcome or the error of its try, its times
    ///   and its names.
    /// - `activity_is_bounded`: beyond `max_activity` and `max_activity_bytes` the oldest entries go.
    /// - `activity_outlives_its_instance`: a detach sends what waits, and takes nothing back.
    fn record_activity(&self, _runs: Vec<EndedRun>) {}

    /// Answers a question that came by [`signals`](Self::signals): what the run does, or `None` if this instance does not
    /// have it; see [`Transport::inspect`](super::Transport::inspect). Never waits and never fails: an answer that can't be
    /// sent is dropped, and so is one whose caller has gone. The default drops all.
    fn answer(&self, _inquiry: &Inquiry, _state: Option<RunState>) {}

    /// Says what the instance has and what it has counted; see [`InstanceReport`].
    ///
    /// # Behavior
    /// - `report_describes_the_instance`: `instances` lists what it has and what it runs, also after a report without a
    ///   description, and with its lease.
    /// - `report_counts_once`: what a report adds is counted for its worker id, also when it is sent twice, or after a
    ///   later one.
    /// - `figures_outlive_their_instance`: a detach or a death takes nothing back.
    /// - `figures_are_bounded`: beyond `max_figures` methods, calls of new ones are counted together.
    /// - `figures_have_their_last_activity`: the latest end of a run, by the transport's clock.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable) if it is not known whether it was counted; reporting again, with the
    /// same number and the same content, is safe.
    async fn report(&self, report: &InstanceReport) -> Result<Reported, TransportError>;

    /// What others want of the tasks that this instance runs. One stream per instance; it ends
    /// when the instance does.
    fn signals(&self) -> BoxStream<'static, Signal>;

    /// Ends the instance: releases the claims that are not finished, and claims no more.
    ///
    /// # Behavior
    /// - `detach_releases`: its tasks are pending again at once, without a delivery counted.
    /// - `detached_instance_claims_no_more`: a waiting claim ends with `Detached`, and so does any
    ///   later one.
    /// - `signals_end_with_the_instance`: and so do the claims that it could be told of.
    /// - `dropped_consumer_is_detached_by_its_lease`: one that is dropped without a word is dead
    ///   when its lease runs out.
    ///
    /// # Errors
    /// [`Unavailable`](TransportError::Unavailable); its lease will end the instance then.
    async fn detach(&self) -> Result<(), TransportError>;
}

/// A task that was claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The right to finish it.
    pub claim: Claim,
    /// What to run.
    pub task: Arc<Task>,
    /// When it is to be stopped, by the clock of this transport, if it has a deadline.
    pub deadline: Option<Tick>,
    /// From when on it is not started any more, by the same clock: a later retry would expire.
    pub latest_start: Option<Tick>,
    /// How many tries before this one ended in an error.
    pub attempt: u32,
    /// How many instances died while they ran it.
    pub deaths: u32,
    /// The time from its acceptance to this start, by the transport's clock; after a delay or a backoff, from the end of
    /// that. `None` if the transport does not know it.
    pub queue_time: Option<Duration>,
}

impl Claimed {
    /// The first claim of a task that may take any time.
    #[must_use]
    pub const fn first(claim: Claim, task: Arc<Task>) -> Self {
        Self { claim, task, deadline: None, latest_start: None, attempt: 0, deaths: 0, queue_time: None }
    }
}

/// One entry of a [`finish`](Consumer::finish).
#[derive(Debug, Clone)]
pub struct Completion {
    /// The claim that ends.
    pub claim: Claim,
    /// How it ends.
    pub finish: Finish,
    /// What the task printed; kept if this is its outcome.
    pub log: TaskLog,
}

/// How a claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// With the task's outcome.
    Outcome(Outcome),
    /// With an error after which it is tried again, so long after the transport has written it.
    RetryIn(Duration, TaskError),
    /// Not begun, or stopped without an effect: another instance runs it, as if it had not been claimed.
    Release,
    /// Begun, in an unknown state, and not at fault: another start begins it anew.
    Requeue,
    /// Begun, in an unknown state, and at fault: as if it had killed its instance.
    Abandon,
}

impl Finish {
    /// Whether it ends a run with an outcome, or with an error after which the task is tried again: such a run is
    /// [logged](Consumer::record_activity).
    #[must_use]
    pub const fn ends_run(&self) -> bool {
        matches!(self, Self::Outcome(_) | Self::RetryIn(..))
    }
}

/// The answer to a [`Completion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// It is written.
    Written,
    /// The instance has lost the claim; nothing was written.
    Fenced,
    /// The task had this outcome already; nothing was written.
    AlreadyTerminal(TaskStatus),
}

/// What an instance is told, or asked, of a task that it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The claim is to be stopped, for this reason.
    Cancel(Claim, CancelReason),
    /// The claim is lost; whatever it still does is in vain.
    Lost(Claim),
    /// A caller asks what the run of a claim does: [`Consumer::answer`].
    Inspect(Inquiry),
}
