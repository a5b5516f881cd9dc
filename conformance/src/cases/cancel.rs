//! `Transport::cancel`

use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, future};
use rhai_dispatcher_core::{
    CancelReason, Cancelled, Claim, Consumer, Finish, Finished, Signal, SubmitError, Task, TaskId, TaskStatus,
};

use crate::Environment;
use crate::instance::{Instance, completed, error};
use crate::stage::Stage;
use crate::waiting::Waiting;

pub(crate) async fn cancel_removes_a_waiting_task(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    removes(&stage, stage.task()).await;
}

pub(crate) async fn cancel_removes_a_delayed_task(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    removes(&stage, Task { delay: stage.short(), ..stage.task() }).await;
}

async fn removes(stage: &Stage<'_>, task: Task) {
    let consumer = stage.attach().await;
    let delay = task.delay;
    let id = stage.submit(task).await;
    let mut outcome = stage.outcome(id);
    stage.park(&mut outcome).await;
    assert_eq!(stage.cancel(id).await, Cancelled::Removed);

    let details = outcome.await;
    assert_eq!((details.status, details.cancel_reason), (TaskStatus::Cancelled, Some(CancelReason::Asked)));
    assert_eq!(details.delivery, 0);
    assert_eq!(details, stage.details(id).await);

    // This task is due last, so a cancelled task that was still queued would be claimed before it.
    let next = stage.submit(Task { delay, ..stage.task() }).await;
    let claimed = stage.alive(&[], consumer.claim_one()).await;
    assert_eq!(claimed.claim.task, next);
}

pub(crate) async fn cancel_signals_a_running_task(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let mut signals = consumer.signals();
    let id = stage.submit_any().await;
    let neighbour = stage.submit_any().await;
    let claimed = consumer.claim_all(2).await;
    let mut signal = Waiting::new(signals.next());
    stage.park(&mut signal).await;

    let ids = [id];
    let answers = stage.transport.cancel(&ids, CancelReason::Withdrawn).await.expect("a cancel");
    assert_eq!(answers, [Cancelled::Requested]);
    assert_eq!(signal.await, Some(Signal::Cancel(claimed[0].claim, CancelReason::Withdrawn)));
    assert_eq!(stage.details(id).await.status, TaskStatus::Processing, "it runs until it stops");
    assert_eq!(stage.details(neighbour).await.status, TaskStatus::Processing);
}

pub(crate) async fn cancel_makes_room(env: &dyn Environment) {
    let stage = Stage::with(env, |config| config.with_queue_limit(2)).await;
    let waiting = stage.submit_any().await;
    let delayed = stage.submit(Task { delay: Stage::LASTING, ..stage.task() }).await;
    for id in [waiting, delayed] {
        assert!(matches!(stage.ask(stage.task()).await, Err(SubmitError::QueueFull { .. })));
        assert_eq!(stage.cancel(id).await, Cancelled::Removed);
        stage.submit_any().await;
    }
}

pub(crate) async fn cancel_of_a_finished_task_changes_nothing(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let completed = stage.submit_any().await;
    consumer.complete(consumer.claim_one().await.claim).await;
    let cancelled = stage.submit_any().await;
    assert_eq!(stage.cancel(cancelled).await, Cancelled::Removed);

    for id in [completed, cancelled] {
        let before = stage.details(id).await;
        assert_eq!(stage.cancel(id).await, Cancelled::AlreadyFinished);
        assert_eq!(stage.details(id).await, before);
    }
}

pub(crate) async fn cancel_of_an_unknown_task_is_not_found(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let known = stage.submit_any().await;
    let ids = [TaskId::new(), known, TaskId::new()];
    let answers = stage.transport.cancel(&ids, CancelReason::Asked).await.expect("a cancel");
    assert_eq!(answers, [Cancelled::NotFound, Cancelled::Removed, Cancelled::NotFound]);
}

pub(crate) async fn outcome_beats_a_requested_cancel(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let id = stage.submit_any().await;
    let mut outcome = stage.outcome(id);
    stage.park(&mut outcome).await;
    let claim = consumer.claim_one().await.claim;
    assert_eq!(stage.cancel(id).await, Cancelled::Requested);
    consumer.end(claim, completed("42")).await;

    let details = outcome.await;
    assert_eq!((details.status, details.cancel_reason), (TaskStatus::Completed, None));
    assert_eq!(details.output.expect("an output").to_string(), "42");
    assert_eq!(stage.cancel(id).await, Cancelled::AlreadyFinished);
}

pub(crate) async fn requested_cancel_outlives_the_instance(env: &dyn Environment) {
    let stage = Stage::mortal(env).await;
    let doomed = stage.attach().await;
    let id = stage.submit_any().await;
    doomed.claim_one().await;
    assert_eq!(stage.cancel(id).await, Cancelled::Requested);
    let outcome = stage.outcome(id);
    stage.kill(doomed);

    let survivor = stage.attach().await;
    let mut claim = Waiting::new(survivor.claim_one());
    stage.park(&mut claim).await;
    let details = stage.alive(&[&survivor], outcome).await;
    assert_eq!((details.status, details.cancel_reason), (TaskStatus::Cancelled, Some(CancelReason::Asked)));

    let next = stage.submit_any().await;
    assert_eq!(stage.alive(&[&survivor], claim).await.claim.task, next, "it is not run again");
}

pub(crate) async fn requested_cancel_beats_another_try(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let consumer = stage.attach().await;
    let retry = Finish::RetryIn(stage.short(), error());
    for instead in [Finish::Release, retry, Finish::Requeue, Finish::Abandon] {
        let id = stage.submit_any().await;
        let mut outcome = stage.outcome(id);
        stage.park(&mut outcome).await;
        let claim = consumer.claim_one().await.claim;
        assert_eq!(stage.cancel(id).await, Cancelled::Requested);
        assert_eq!(consumer.end(claim, instead).await, Finished::Written);
        let details = outcome.await;
        let ended = (details.status, details.cancel_reason);
        assert_eq!(ended, (TaskStatus::Cancelled, Some(CancelReason::Asked)));
    }
}

pub(crate) async fn dropped_cancel_is_carried_out(env: &dyn Environment) {
    let stage = Stage::new(env).await;
    let (first, second) = (stage.submit_any().await, stage.submit_any().await);
    let mut outcomes = future::join(stage.outcome(first), stage.outcome(second));
    let ids = [first, second];
    let answer = stage.transport.cancel(&ids, CancelReason::Withdrawn).now_or_never();
    if let Some(answer) = answer {
        assert_eq!(answer.expect("a cancel"), [Cancelled::Removed; 2]);
    }
    let (first, second) = stage.alive(&[], &mut outcomes).await;
    for details in [first, second] {
        let ended = (details.status, details.cancel_reason);
        assert_eq!(ended, (TaskStatus::Cancelled, Some(CancelReason::Withdrawn)));
    }
}

pub(crate) async fn cancel_reaches_all_below(env: &dyn Environment) {
    let family = Family::new(env).await;
    assert_eq!(family.stage.cancel(family.parent.task).await, Cancelled::Requested);
    family.expect_cancelled().await;
}

/// A running task with a waiting, a running and an ended child, and a grandchild.
pub(crate) struct Family<'e> {
    pub(crate) stage: Stage<'e>,
    pub(crate) consumer: Arc<dyn Consumer>,
    pub(crate) parent: Claim,
    running: Claim,
    waiting: TaskId,
    ended: TaskId,
    grandchild: TaskId,
    stranger: TaskId,
    signals: BoxStream<'static, Signal>,
}

impl<'e> Family<'e> {
    pub(crate) async fn new(env: &'e dyn Environment) -> Self {
        let stage = Stage::new(env).await;
        let consumer = stage.attach().await;
        let signals = consumer.signals();
        stage.submit_any().await;
        let parent = consumer.claim_one().await.claim;
        let ended = stage.submit(stage.child_of(parent.task)).await;
        consumer.complete(consumer.claim_one().await.claim).await;
        stage.submit(stage.child_of(parent.task)).await;
        let running = consumer.claim_one().await.claim;
        // These are in another queue, because a tree of tasks may span worker ids.
        let elsewhere = |child| stage.again_for("elsewhere", child);
        let waiting = stage.submit(elsewhere(stage.child_of(parent.task))).await;
        let grandchild = stage.submit(elsewhere(stage.child_of(running.task))).await;
        let stranger = stage.submit(elsewhere(stage.task())).await;
        Self { stage, consumer, parent, running, waiting, ended, grandchild, stranger, signals }
    }

    /// Checks that all tasks below the parent are cancelled, and that all others are not.
    pub(crate) async fn expect_cancelled(mut self) {
        for id in [self.waiting, self.grandchild] {
            let details = self.stage.transport.outcome(id).await.expect("an outcome");
            let cancelled = (TaskStatus::Cancelled, Some(CancelReason::Parent));
            assert_eq!((details.status, details.cancel_reason), cancelled);
        }
        let to_running = Signal::Cancel(self.running, CancelReason::Parent);
        while self.signals.next().await.expect("a signal") != to_running {}
        assert_eq!(self.stage.details(self.ended).await.status, TaskStatus::Completed);
        assert_eq!(self.stage.details(self.stranger).await.status, TaskStatus::Pending);
    }
}
