use std::any::Any;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::figures::CallMark;
use super::task_span::TaskSpan;
use super::{Handler, Ran, Run, Stop, StopToken};
use crate::panic_text::panic_text;
use crate::{
    Claim, Clock, Completion, EndedRun, Finish, Outcome, Task, TaskError, TaskErrorKind, TaskLog, TaskStatus,
    Tick,
};

/// One task on its lane.
pub(super) struct Job {
    pub(super) claim: Claim,
    pub(super) stop: StopToken,
    pub(super) deadline: Option<Tick>,
    /// If it is counted.
    pub(super) mark: Option<CallMark>,
    /// When it was begun.
    started_at: Tick,
    queue_time: Option<Duration>,
    task: Arc<Task>,
    attempt: u32,
    latest_start: Option<Tick>,
    /// The handler's future; gone if the handler panicked when it was asked for one.
    future: Option<LocalBoxFuture<'static, Ran>>,
    panicked: Option<TaskError>,
    pub(super) span: TaskSpan,
}

impl Job {
    /// Asks the handler to run a task, in its span. Nothing of it runs before the job is polled.
    pub(super) fn new<H: Handler>(handler: &H, run: Run, started_at: Tick, mut span: TaskSpan) -> Self {
        let (claim, queue_time) = (run.claimed.claim, run.claimed.queue_time);
        let (stop, deadline) = (run.stop.clone(), run.deadline);
        let (task, attempt) = (Arc::clone(&run.claimed.task), run.claimed.attempt);
        let latest_start = run.claimed.latest_start;
        let handled = span.in_scope(|| panic::catch_unwind(AssertUnwindSafe(|| handler.handle(run))));
        let (future, panicked) = match handled {
            Ok(future) => (Some(future), None),
            Err(panic) => (None, Some(panic_error(panic))),
        };
        Self {
            claim,
            stop,
            deadline,
            mark: None,
            started_at,
            queue_time,
            task,
            attempt,
            latest_start,
            future,
            panicked,
            span,
        }
    }

    /// What is to be written of a run that ended; nothing if the claim is lost.
    pub(super) fn completion(&self, ran: Ran, clock: &dyn Clock) -> Option<Completion> {
        let (finish, log) = match ran {
            Ran::Finished(Outcome::Error(error), log) => (self.after_error(error, clock), log),
            Ran::Finished(outcome, log) => (Finish::Outcome(outcome), log),
            Ran::Stopped(log) => match self.stop.get() {
                Some(Stop::Cancelled(reason)) => (Finish::Outcome(Outcome::Cancelled(reason)), log),
                Some(Stop::Lost) => return None,
                Some(Stop::Drained) => (Finish::Release, log),
                // The handler gave up without having been told to.
                None => (Finish::Abandon, log),
            },
        };
        Some(Completion { claim: self.claim, finish, log })
    }

    /// What is told of the run if the transport writes this end of it. Without the error, which the completion has until
    /// then.
    pub(super) fn ended_run(&self, finish: &Finish, ended_at: Tick) -> Option<EndedRun> {
        let (status, cancel_reason) = match finish {
            Finish::Outcome(Outcome::Cancelled(reason)) => (TaskStatus::Cancelled, Some(*reason)),
            Finish::Outcome(outcome) => (outcome.status(), None),
            Finish::RetryIn(..) => (TaskStatus::Pending, None),
            Finish::Release | Finish::Requeue | Finish::Abandon => return None,
        };
        Some(EndedRun {
            task: Arc::clone(&self.task),
            claim: self.claim,
            attempt: self.attempt,
            status,
            queue_time: self.queue_time,
            run_time: ended_at - self.started_at,
            ended_at,
            cancel_reason,
            error: None,
        })
    }

    /// Drops what is left of the run, in its span: a suspended script unwinds its stack.
    fn drop_future(&mut self) {
        if let Some(future) = self.future.take() {
            let dropped = self.span.in_scope(|| panic::catch_unwind(AssertUnwindSafe(|| drop(future))));
            if let Err(panic) = dropped {
                panic::resume_unwind(panic);
            }
        }
    }

    fn after_error(&self, error: TaskError, clock: &dyn Clock) -> Finish {
        let (seed, _) = self.task.id.as_uuid().as_u64_pair();
        let backoff =
            error.kind.is_retryable().then(|| self.task.retry.backoff(self.attempt + 1, seed)).flatten();
        match backoff {
            // A retry that could not start any more would hide the error behind an expiry.
            Some(backoff) if self.latest_start.is_none_or(|latest| clock.now() + backoff < latest) => {
                Finish::RetryIn(backoff, error)
            }
            _ => Finish::Outcome(Outcome::Error(error)),
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.drop_future();
    }
}

impl Future for Job {
    type Output = Ran;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ran> {
        if let Some(error) = self.panicked.take() {
            return Poll::Ready(Ran::Finished(Outcome::Error(error), TaskLog::new()));
        }
        let Self { future: Some(future), span, .. } = &mut *self else { return Poll::Pending };
        let polled = span.in_scope(|| panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))));
        match polled {
            Ok(poll) => poll,
            Err(panic) => {
                self.drop_future();
                Poll::Ready(Ran::Finished(Outcome::Error(panic_error(panic)), TaskLog::new()))
            }
        }
    }
}

fn panic_error(panic: Box<dyn Any + Send>) -> TaskError {
    TaskError::new(TaskErrorKind::Panic, format!("the handler panicked: {}", panic_text(panic)))
}
