use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use rhai_dispatcher_core::{
    ActivityEntry, ActivityFilter, ActivityRequest, ActivityWatch, Caller, Cancelled, Dispatcher,
    DispatcherConfig, ErrorGroups, HandlerStatus, ListedTask, MethodName, PlayRequestBuilder, Progress,
    RunState, TaskDetails, TaskEvent, TaskId, TaskListRequest, Transport, WireSignature, WorkerId,
};

use crate::RhaiDispatcherError;

/// Submits tasks, waits for their outcomes and reads their records. Clones are the same dispatcher.
///
/// ```
/// use rhai_dispatcher::RhaiDispatcher;
///
/// # futures::executor::block_on(async {
/// let client = RhaiDispatcher::connect("memory:").await?;
/// let request = client.new_play_request().worker_id("worker-1").script("40 + 2");
/// let answer: i64 = request.await?.into_result()?;
/// assert_eq!(answer, 42);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct RhaiDispatcher(Dispatcher);

impl RhaiDispatcher {
    /// Begins a request to run a script.
    pub fn new_play_request(&self) -> PlayRequestBuilder {
        self.0.new_play_request()
    }

    /// Begins a request to call a method, such as `billing.charge`, of a worker. Parameters are set by name with `arg`, or
    /// all at once with `params`. Without a `worker_id` it goes to the worker id whose living workers have the method.
    pub fn call(&self, method: impl Into<Arc<str>>) -> PlayRequestBuilder {
        self.0.call(method)
    }

    /// A dispatcher whose requests have another caller, with the transport, the settings and the threads of this one. A
    /// program that submits for others, such as a gateway, has one for each of them.
    ///
    /// # Errors
    /// See [`Dispatcher::for_caller`].
    pub fn for_caller(&self, caller_id: impl Into<Arc<str>>) -> Result<Self, RhaiDispatcherError> {
        Ok(Self(self.0.for_caller(caller_id)?))
    }

    /// The worker id that a call of `method` without a worker id goes to; `None` if no living instance has the method.
    ///
    /// # Errors
    /// See [`Dispatcher::find_worker`].
    pub async fn find_worker(&self, method: &MethodName) -> Result<Option<WorkerId>, RhaiDispatcherError> {
        self.0.find_worker(method).await
    }

    /// The same, of the worker ids that `among` holds for.
    ///
    /// # Errors
    /// See [`Dispatcher::find_worker_among`].
    pub async fn find_worker_among(
        &self,
        method: &MethodName,
        among: impl Fn(&WorkerId) -> bool,
    ) -> Result<Option<WorkerId>, RhaiDispatcherError> {
        self.0.find_worker_among(method, among).await
    }

    /// A method of a living worker whose name is near to an unknown one, of those that `among` holds for.
    ///
    /// # Errors
    /// See [`Dispatcher::nearest_method`].
    pub async fn nearest_method(
        &self,
        unknown: &MethodName,
        among: impl Fn(&MethodName, &WorkerId) -> bool,
    ) -> Result<Option<String>, RhaiDispatcherError> {
        self.0.nearest_method(unknown, among).await
    }

    /// Submits many requests at once; one answer for each, in their order. If one is invalid by itself, none is queued.
    ///
    /// # Errors
    /// See [`Dispatcher::submit_many`].
    pub async fn submit_many(
        &self,
        requests: Vec<PlayRequestBuilder>,
    ) -> Result<Vec<Result<TaskId, RhaiDispatcherError>>, RhaiDispatcherError> {
        self.0.submit_many(requests).await
    }

    /// Reads the record of a task.
    ///
    /// # Errors
    /// See [`Dispatcher::status`].
    pub async fn status(&self, id: TaskId) -> Result<TaskDetails, RhaiDispatcherError> {
        self.0.status(id).await
    }

    /// Reads why a task has no outcome yet: what it waits for, or since when it runs.
    ///
    /// # Errors
    /// See [`Dispatcher::progress`].
    pub async fn progress(&self, id: TaskId) -> Result<Progress, RhaiDispatcherError> {
        self.0.progress(id).await
    }

    /// Reads the handlers of the living workers, by worker id and name, with the figures of their methods. Two worker ids
    /// with a handler of one name have an entry each.
    ///
    /// # Errors
    /// See [`Dispatcher::get_handlers`].
    pub async fn get_handlers(&self) -> Result<Vec<HandlerStatus>, RhaiDispatcherError> {
        self.0.get_handlers().await
    }

    /// Reads the handler of that name.
    ///
    /// # Errors
    /// See [`Dispatcher::get_handler`]: also if several worker ids have one.
    pub async fn get_handler(&self, name: &str) -> Result<HandlerStatus, RhaiDispatcherError> {
        self.0.get_handler(name).await
    }

    /// Reads the handler of that name of one worker id.
    ///
    /// # Errors
    /// See [`Dispatcher::get_handler_of`].
    pub async fn get_handler_of(
        &self,
        worker_id: &WorkerId,
        name: &str,
    ) -> Result<HandlerStatus, RhaiDispatcherError> {
        self.0.get_handler_of(worker_id, name).await
    }

    /// Reads the stored request and response of a call; the same as [`status`](Self::status).
    ///
    /// # Errors
    /// See [`Dispatcher::get_rpc`].
    pub async fn get_rpc(&self, id: TaskId) -> Result<TaskDetails, RhaiDispatcherError> {
        self.0.get_rpc(id).await
    }

    /// Reads how tasks have ended that match a filter, over all worker ids or those of the filter, newest first: a page of
    /// 100 entries, or as many as [`limit`](ActivityRequest::limit) says. Await the request;
    /// [`activity`](crate::activity) has an example.
    ///
    /// # Errors
    /// See [`Dispatcher::activity`].
    pub fn activity(&self, filter: ActivityFilter) -> ActivityRequest {
        self.0.activity(filter)
    }

    /// Reads the last 100 entries of the activity, over all worker ids, newest first.
    ///
    /// # Errors
    /// See [`Dispatcher::get_latest_activity`].
    pub async fn get_latest_activity(&self) -> Result<Vec<ActivityEntry>, RhaiDispatcherError> {
        self.0.get_latest_activity().await
    }

    /// Reads the errors of the activity that match a filter, those together whose texts differ only in numbers, ids and
    /// quoted parts.
    ///
    /// # Errors
    /// See [`Dispatcher::errors`].
    pub async fn errors(&self, filter: ActivityFilter) -> Result<ErrorGroups, RhaiDispatcherError> {
        self.0.errors(filter).await
    }

    /// Watches how tasks of a worker id end, from now on, until the stream is dropped.
    ///
    /// # Errors
    /// See [`Dispatcher::watch_activity`].
    pub async fn watch_activity(&self, worker_id: &WorkerId) -> Result<ActivityWatch, RhaiDispatcherError> {
        self.0.watch_activity(worker_id).await
    }

    /// Waits for the outcome of a task of any dispatcher, before or after its end. A timeout does not stop the task.
    ///
    /// # Errors
    /// See [`Dispatcher::wait`].
    pub async fn wait(&self, id: TaskId, timeout: Duration) -> Result<TaskDetails, RhaiDispatcherError> {
        self.0.wait(id, timeout).await
    }

    /// Follows a task of any dispatcher, before its start, while it runs, or after its end: its starts, the lines that it
    /// prints and logs, its progress, and its end, which is the last item. Lines that were printed before come first.
    ///
    /// A slow reader does not slow the task: it loses the oldest lines, and is told how many.
    /// [`task`](crate::task) has an example.
    ///
    /// # Errors
    /// As the last item; see [`Dispatcher::events`].
    ///
    /// # Cancellation
    /// No event is lost between two polls, so a dropped future of the next item loses nothing. Dropping the stream ends the
    /// subscription and changes nothing for the task.
    pub fn events(
        &self,
        id: TaskId,
    ) -> impl Stream<Item = Result<TaskEvent, RhaiDispatcherError>> + Send + Unpin + use<> {
        self.0.events(id)
    }

    /// Asks where a running task of any dispatcher is: what it does and since when, the place in its script, its operations
    /// and memory. The process that runs it answers, also while it computes without end.
    ///
    /// # Errors
    /// See [`Dispatcher::inspect`]: the status of a task that does not run, and an error after `inspect_timeout` (1 s).
    pub async fn inspect(&self, id: TaskId) -> Result<RunState, RhaiDispatcherError> {
        self.0.inspect(id).await
    }

    /// Lists the tasks of all dispatchers that match a filter: those that run, those that wait, and then those that have
    /// ended. The stream reads as it is polled, so its reader decides how many are read.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures::{StreamExt, TryStreamExt};
    /// use rhai_dispatcher::RhaiDispatcher;
    ///
    /// # futures::executor::block_on(async {
    /// let client = RhaiDispatcher::connect("memory:").await?;
    /// let request = client.new_play_request().worker_id("worker-1").script("1");
    /// let id = request.delay(Duration::from_secs(60)).submit().await?;
    /// let filter = "status:pending status:processing worker:worker-1".parse()?;
    /// let listed: Vec<_> = client.tasks(filter).take(50).try_collect().await?;
    /// assert_eq!(listed[0].task_id(), id);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As the last item; see [`Dispatcher::tasks`].
    pub fn tasks(
        &self,
        filter: ActivityFilter,
    ) -> impl Stream<Item = Result<ListedTask, RhaiDispatcherError>> + Send + Unpin + use<> {
        self.0.tasks(filter)
    }

    /// Reads a page of that list, which looks at a bounded number of tasks: await the request.
    ///
    /// # Errors
    /// See [`Dispatcher::task_list`].
    pub fn task_list(&self, filter: ActivityFilter) -> TaskListRequest {
        self.0.task_list(filter)
    }

    /// Cancels a task of any dispatcher.
    ///
    /// # Errors
    /// See [`Dispatcher::cancel`].
    pub async fn cancel(&self, id: TaskId) -> Result<Cancelled, RhaiDispatcherError> {
        self.0.cancel(id).await
    }

    /// Submits again the script of a finished task of any dispatcher.
    ///
    /// # Errors
    /// See [`Dispatcher::resubmit`].
    pub async fn resubmit(&self, id: TaskId) -> Result<TaskId, RhaiDispatcherError> {
        self.0.resubmit(id).await
    }

    /// A caller of the typed service that serves `worker_id`; see [`Caller::remote`] for how its calls differ from those
    /// within a process.
    ///
    /// ```
    /// # use rhai_dispatcher::service::{NoError, Requests, Service};
    /// # struct Doubler;
    /// # impl Service for Doubler {
    /// #     type Request = i64;
    /// #     type Response = i64;
    /// #     type Error = NoError;
    /// #     type Config = ();
    /// #     type Output = ();
    /// #     async fn run(self, (): (), requests: Requests<Self>) {
    /// #         requests.answer_each((), async |(), number| Ok(number * 2)).await;
    /// #     }
    /// # }
    /// use rhai_dispatcher::{RhaiDispatcher, WorkerId};
    ///
    /// # futures::executor::block_on(async {
    /// let client = RhaiDispatcher::connect("memory:doublers").await?; // or redis://…
    ///
    /// // In the process of the service:
    /// let (worker, caller) = Doubler.start(32, ());
    /// std::thread::spawn(|| futures::executor::block_on(worker));
    /// let serving = caller.serve(client.transport().clone(), WorkerId::try_from("doubler")?).await?;
    ///
    /// // In any process:
    /// let caller = client.service_caller::<Doubler>("doubler")?;
    /// assert_eq!(caller.send_request(21).await, Ok(42));
    ///
    /// serving.drain().await?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Invalid`](RhaiDispatcherError::Invalid) if `worker_id` is not one.
    pub fn service_caller<S: WireSignature>(
        &self,
        worker_id: impl Into<Arc<str>>,
    ) -> Result<Caller<S>, RhaiDispatcherError> {
        Ok(Caller::remote(&self.0, WorkerId::try_from(worker_id.into())?))
    }

    /// The transport: its queues, its instances and its health.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn Transport> {
        self.0.transport()
    }

    /// The settings of this dispatcher.
    #[must_use]
    pub fn config(&self) -> &DispatcherConfig {
        self.0.config()
    }
}

impl From<Dispatcher> for RhaiDispatcher {
    fn from(dispatcher: Dispatcher) -> Self {
        Self(dispatcher)
    }
}
