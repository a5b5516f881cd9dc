use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::{self, BoxFuture, Either};
use futures::{Stream, TryStreamExt};

use super::directory_reads::{DirectoryRead, DirectoryReads};
use super::queue_reads::QueueReads;
use super::{DispatcherConfig, Progress, TimedOut};
use crate::metrics::DispatcherMetrics;
use crate::{
    BlockingError, BlockingPool, CancelReason, Cancelled, Clock, Error, Invalid, Payload, Priority,
    SubmitOneError, Submitted, Task, TaskDetails, TaskError, TaskErrorKind, TaskEvent, TaskId, TaskSummary,
    TraceContext, Transport, TransportExt, WorkerId,
};

/// Submits tasks, waits for them, and reads their records. Clones are the same dispatcher.
///
/// ```no_run
/// # async fn example(dispatcher: rhai_dispatcher_core::Dispatcher) -> Result<(), rhai_dispatcher_core::Error> {
/// let details = dispatcher.new_play_request().worker_id("worker-1").script("40 + 2").await_response().await?;
/// println!("{:?}", details.output);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Dispatcher {
    shared: Arc<DispatcherCore>,
}

#[derive(Debug)]
struct DispatcherCore {
    transport: Arc<dyn Transport>,
    config: DispatcherConfig,
    common: Arc<Common>,
}

/// What dispatchers that differ in their caller only have in common.
#[derive(Debug, Default)]
struct Common {
    /// For what would block the callers, once there was any of it.
    pool: OnceLock<BlockingPool>,
    queue_reads: QueueReads,
    directory_reads: DirectoryReads,
    metrics: DispatcherMetrics,
}

/// How long the reason of a timeout may delay its report.
const REASON_WAIT: Duration = Duration::from_millis(10);

impl Dispatcher {
    /// A dispatcher over `transport`.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, config: DispatcherConfig) -> Self {
        Self { shared: Arc::new(DispatcherCore { transport, config, common: Arc::default() }) }
    }

    /// A dispatcher whose requests have another caller. It has the transport, the settings and the threads of this one, so a
    /// program that submits for others, such as a gateway, can have one for each of them.
    ///
    /// # Errors
    /// [`Invalid`] if `caller_id` is empty, longer than 256 bytes, or has control characters.
    pub fn for_caller(&self, caller_id: impl Into<Arc<str>>) -> Result<Self, Invalid> {
        let config = self.config().clone().with_caller_id(caller_id)?;
        let (transport, common) = (Arc::clone(self.transport()), Arc::clone(&self.shared.common));
        Ok(Self { shared: Arc::new(DispatcherCore { transport, config, common }) })
    }

    /// The record of a task as it is now.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn status(&self, id: TaskId) -> Result<TaskDetails, Error> {
        Ok(self.transport().details_of(id).await?)
    }

    /// Waits for the outcome of a task of any dispatcher, before or after its end. A timeout does not stop the task.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::NotFound`], [`Error::Lost`], [`Error::Unavailable`].
    ///
    /// # Cancellation
    /// Dropping the future ends the wait and nothing else.
    pub async fn wait(&self, id: TaskId, timeout: Duration) -> Result<TaskDetails, Error> {
        let clock = self.clock();
        if let Some(details) = self.outcome_until(id, clock.sleep_until(clock.now() + timeout)).await? {
            return Ok(*details);
        }
        Err(self.timed_out(id, None, clock.sleep_until(clock.now() + REASON_WAIT)).await)
    }

    /// Follows a task of any dispatcher: its starts, the lines that it prints and logs, its progress, and its end, which is
    /// the last item. It may be called before the start, while the task runs, and after its end; lines that were printed
    /// before come first.
    ///
    /// A slow reader does not slow the task: it loses the oldest lines, and is told how many
    /// ([`TaskEvent::Lost`](crate::TaskEvent::Lost)).
    ///
    /// # Errors
    /// As the last item: [`Error::NotFound`], [`Error::Lost`], [`Error::Unavailable`].
    ///
    /// # Cancellation
    /// No event is lost between two polls, so a dropped future of the next item loses nothing. Dropping the stream ends the
    /// subscription and changes nothing for the task.
    pub fn events(&self, id: TaskId) -> impl Stream<Item = Result<TaskEvent, Error>> + Send + Unpin + use<> {
        self.transport().events(id).map_err(Error::from)
    }

    /// Reads why a task has no outcome yet: what it waits for, or since when it runs.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn progress(&self, id: TaskId) -> Result<Progress, Error> {
        let details = self.status(id).await?;
        if details.status.is_terminal() {
            return Ok(Progress::Ended(details.status));
        }
        let queue = self.transport().queue(&details.worker_id).await?;
        Ok(Progress::of(&TaskSummary::from(&details), Some(&queue), self.clock().wall()))
    }

    /// Cancels a task of any dispatcher.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn cancel(&self, id: TaskId) -> Result<Cancelled, Error> {
        Ok(self.transport().cancel_one(id, CancelReason::Asked).await?)
    }

    /// Submits again the script or call of a finished task of any dispatcher, however it ended. The new task
    /// has the same worker id, script or method, args, limits, context and priority; its caller is this dispatcher's,
    /// and it has no request id, delay, expiry or retries, and the trace of this call and not that of the first one.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a task that has not ended; [`Error::NotFound`]; those of
    /// [`submit`](crate::PlayRequestBuilder::submit).
    pub async fn resubmit(&self, id: TaskId) -> Result<TaskId, Error> {
        let first = self.status(id).await?;
        if !first.status.is_terminal() {
            let problem = format!("{id} has not ended, it is {}", first.status);
            return Err(Invalid::new("task_id", problem, "wait for its end, or cancel it first").into());
        }
        let payload = first.payload();
        // The rules may have changed since.
        self.check([&payload]).await?;
        let id = self.transport().new_task_id(&first.worker_id);
        let mut task = Task::new(first.worker_id, payload, Arc::clone(&self.config().caller_id));
        task.id = id;
        task.args = first.args;
        task.limits = first.limits;
        task.context_id = first.context_id;
        task.priority = first.priority;
        task.trace = self.active_trace();
        Ok(self.submit_task(task).await?.task_id())
    }

    /// Connects now, so that what is wrong with the URL or the server shows here and not with the
    /// first request.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Refused`].
    pub async fn connect(&self) -> Result<(), Error> {
        Ok(self.transport().connect().await?)
    }

    /// The transport below: its queues, instances and health.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.shared.transport
    }

    /// The settings of this dispatcher.
    #[must_use]
    pub fn config(&self) -> &DispatcherConfig {
        &self.shared.config
    }

    /// Checks payloads before they are queued, those first that come first. What may take long is done on another
    /// thread.
    pub(super) async fn check(&self, payloads: impl IntoIterator<Item = &Payload>) -> Result<(), Error> {
        let unchecked = self.check_inline(payloads)?;
        match unchecked.is_empty() {
            true => Ok(()),
            false => Box::pin(self.check_elsewhere(unchecked)).await,
        }
    }

    /// Checks those payloads that are checked at once, and returns the others.
    pub(super) fn check_inline<'a>(
        &self,
        payloads: impl IntoIterator<Item = &'a Payload>,
    ) -> Result<Vec<Payload>, Error> {
        let mut others: Vec<Payload> = Vec::new();
        let Some(preflight) = &self.config().preflight else { return Ok(others) };
        let mut inline = preflight.inline_bytes();
        for payload in payloads.into_iter().filter(|payload| !preflight.known(payload)) {
            let bytes = payload.source().map_or(0, |source| source.len());
            if others.is_empty() && bytes <= inline {
                inline -= bytes;
                preflight.check(payload).map_err(Error::Script)?;
            } else {
                others.push(payload.clone());
            }
        }
        Ok(others)
    }

    /// Checks payloads on another thread.
    pub(super) async fn check_elsewhere(&self, payloads: Vec<Payload>) -> Result<(), Error> {
        let Some(preflight) = self.config().preflight.clone().filter(|_| !payloads.is_empty()) else {
            return Ok(());
        };
        let check = move || payloads.iter().try_for_each(|payload| preflight.check(payload));
        match self.blocking(check).await {
            Ok(checked) => checked.map_err(Error::Script),
            Err(BlockingError::Panicked(panic)) => {
                let message = format!("the check of the script panicked: {panic}");
                Err(Error::Script(TaskError::new(TaskErrorKind::Panic, message)))
            }
            Err(error) => {
                tracing::warn!(%error, "scripts are queued unchecked, and their workers check them");
                Ok(())
            }
        }
    }

    /// Runs `job` on a thread of this dispatcher's pool.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BlockingError> {
        let max = self.config().max_blocking_threads;
        let pool = self.shared.common.pool.get_or_init(|| BlockingPool::new("rhai-check", max));
        pool.run(Priority::Normal, job).await
    }

    /// Submits one task.
    pub(super) async fn submit_task(&self, task: impl Into<Arc<Task>>) -> Result<Submitted, SubmitOneError> {
        let answer = self.transport().submit_one(task).await;
        self.metrics().answered_one(&answer);
        answer
    }

    pub(super) fn metrics(&self) -> &DispatcherMetrics {
        &self.shared.common.metrics
    }

    /// The trace that the caller takes part in, as far as the trace source knows it.
    pub(super) fn active_trace(&self) -> Option<Arc<TraceContext>> {
        self.config().trace_source.as_ref()?.current().map(Arc::new)
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        self.transport().clock()
    }

    /// What the living instances have announced, as a read says that began less than `within` ago.
    pub(super) fn directory_read(&self, within: Duration) -> DirectoryRead {
        self.shared.common.directory_reads.read(self.transport(), within)
    }

    pub(super) async fn outcome_until(
        &self,
        id: TaskId,
        timed_out: BoxFuture<'static, ()>,
    ) -> Result<Option<Box<TaskDetails>>, Error> {
        match future::select(self.transport().outcome(id), timed_out).await {
            Either::Left((outcome, _)) => Ok(Some(outcome?)),
            Either::Right(((), _)) => Ok(None),
        }
    }

    /// The error of a timeout, with the reason if the transport gives it before `latest`. If the worker id is known,
    /// the record and the queue are read at the same time.
    pub(super) async fn timed_out(
        &self,
        id: TaskId,
        worker_id: Option<WorkerId>,
        latest: BoxFuture<'static, ()>,
    ) -> Error {
        let queue_of =
            |worker_id: &WorkerId| self.shared.common.queue_reads.read(self.transport(), worker_id);
        let read = async {
            match worker_id {
                Some(worker_id) => {
                    let (details, queue) = future::join(self.status(id), queue_of(&worker_id)).await;
                    Some((details.ok()?, queue))
                }
                None => {
                    let details = self.status(id).await.ok()?;
                    let queue = queue_of(&details.worker_id).await;
                    Some((details, queue))
                }
            }
        };
        let progress = match future::select(pin!(read), latest).await {
            Either::Left((Some((details, queue)), _)) => {
                Progress::of(&TaskSummary::from(&details), queue.as_ref(), self.clock().wall())
            }
            _ => Progress::Unknown,
        };
        Error::Timeout(TimedOut::new(id, progress))
    }
}
