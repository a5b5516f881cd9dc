use std::error::Error as StdError;
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{self, BoxFuture, Either};

use super::PlayRequestBuilder;
use super::into_task::Prepared;
use crate::dispatcher::{Dispatcher, Progress, TimedOut};
use crate::{CancelReason, Cancelled, Error, TaskDetails, TaskId, Tick, TransportExt, WorkerId};

/// How much later than its caller's timeout a task ends by itself. A caller that lives withdraws the task before
/// that.
const WITHDRAWAL_SLACK: Duration = Duration::from_millis(250);

/// How long the withdrawal, and the reason of a timeout, may delay its report.
const WITHDRAWAL_WAIT: Duration = Duration::from_millis(10);

impl PlayRequestBuilder {
    /// Queues the task and waits for its outcome. A task that ends in an error, or is cancelled, is an outcome too.
    /// When the timeout is over the task is withdrawn, unless [`keep_on_timeout`](Self::keep_on_timeout) is set.
    /// `request.await` is the same.
    ///
    /// # Errors
    /// Those of [`submit`](Self::submit); [`Error::Timeout`], which says what the task was waiting for;
    /// [`Error::Lost`].
    ///
    /// # Cancellation
    /// Dropping the future ends the wait and withdraws nothing; the task ends by itself soon after the timeout.
    pub async fn await_response(self) -> Result<TaskDetails, Error> {
        let dispatcher = self.dispatcher.clone();
        let (metrics, clock) = (dispatcher.metrics(), dispatcher.clock());
        let began = clock.now();
        let _in_flight = metrics.begin();
        let answer = self.request(&dispatcher, began).await;
        metrics.end(&answer, clock.now() - began);
        answer
    }

    async fn request(mut self, dispatcher: &Dispatcher, began: Tick) -> Result<TaskDetails, Error> {
        let keep = self.fields.keep_on_timeout;
        let default = dispatcher.config().default_timeout;
        let timeout =
            if self.fields.no_timeout { None } else { Some(self.fields.timeout.unwrap_or(default)) };
        let clock = dispatcher.clock();
        let end = timeout.map(|timeout| began + timeout);
        let mut timed_out = end.map_or_else(|| future::pending().boxed(), |end| clock.sleep_until(end));
        let given_id = self.fields.task_id;
        self.fields.awaited = true;
        self.fields.withdrawn_by = end.filter(|_| !keep).map(|end| end + WITHDRAWAL_SLACK);

        let task = match self.prepare()? {
            Prepared::Ready(task) => task,
            Prepared::Waits(prepared) => within(prepared, &mut timed_out)
                .await
                .ok_or_else(|| not_accepted(given_id.unwrap_or_else(TaskId::new)))??,
        };
        let (own_id, worker_id) = (task.id, task.worker_id.clone());
        let submitted = within(dispatcher.submit_task(task), &mut timed_out).await;
        let Some(submitted) = submitted else { return Err(unanswered_submit(dispatcher, own_id)) };
        let id = submitted?.task_id();
        match dispatcher.outcome_until(id, timed_out).await? {
            // The caller's thread was busy at the end of the timeout, until the task had ended by its deadline.
            Some(details)
                if details.cancel_reason == Some(CancelReason::Expired)
                    && !keep
                    && end.is_some_and(|end| clock.now() >= end) => {}
            Some(details) => return Ok(*details),
            // A task of an earlier request is not this caller's to withdraw.
            None if !keep && id == own_id => return Box::pin(withdraw(dispatcher, id, worker_id)).await,
            None => {}
        }
        let latest = clock.sleep_until(clock.now() + WITHDRAWAL_WAIT);
        Err(Box::pin(dispatcher.timed_out(id, Some(worker_id), latest)).await)
    }
}

impl IntoFuture for PlayRequestBuilder {
    type Output = Result<TaskDetails, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    /// The same as [`await_response`](PlayRequestBuilder::await_response): `request.await?`.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.await_response())
    }
}

/// The result of `work` if it is ready before `end`.
async fn within<T>(work: impl Future<Output = T>, end: impl Future<Output = ()> + Unpin) -> Option<T> {
    match future::select(pin!(work), end).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

fn not_accepted(id: TaskId) -> Error {
    Error::Timeout(TimedOut::new(id, Progress::NotAccepted))
}

/// The error of a request whose timeout was over before the transport accepted its task.
fn unanswered_submit(dispatcher: &Dispatcher, id: TaskId) -> Error {
    let health = dispatcher.transport().health();
    match health.last_error {
        Some(why) if !health.connected => {
            Error::Unavailable(Arc::from(Box::<dyn StdError + Send + Sync>::from(why)))
        }
        _ => not_accepted(id),
    }
}

/// Cancels a task whose caller has stopped waiting, and says what the task was waiting for. If the task ended at that
/// moment, its outcome is the answer after all.
async fn withdraw(dispatcher: &Dispatcher, id: TaskId, worker_id: WorkerId) -> Result<TaskDetails, Error> {
    let clock = dispatcher.clock();
    let latest = clock.now() + WITHDRAWAL_WAIT;
    // Asked for first: the cancel changes what it says.
    let timed_out = dispatcher.timed_out(id, Some(worker_id), clock.sleep_until(latest));
    let cancel = dispatcher.transport().cancel_one(id, CancelReason::Withdrawn);
    let (timed_out, cancelled) = future::join(timed_out, within(cancel, clock.sleep_until(latest))).await;
    if let Some(Ok(Cancelled::AlreadyFinished)) = cancelled
        && let Some(details) = dispatcher.outcome_until(id, clock.sleep_until(latest)).await?
    {
        return Ok(*details);
    }
    // A cancel that failed, or takes longer, needs no repetition: the task's deadline ends it.
    Err(timed_out)
}
