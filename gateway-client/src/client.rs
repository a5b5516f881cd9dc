use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_core::{
    ActivityCursor, ActivityPage, Cancelled, HandlerStatus, Invalid, TaskDetails, TaskId,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::client_core::ClientCore;
use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::events::Subscription;
use crate::ids::Ids;
use crate::link::AnyLink;
use crate::request::{Batch, BatchAnswers, Call, Play, Submitted};
use crate::rpc::{Entry, Outgoing, RawAnswer, read_result};
use crate::task_events::TaskEvents;

/// A client of a gateway, over a WebSocket (`ws://`, `wss://`) or HTTP (`http://`, `https://`). Clones are the same client.
///
/// Over a WebSocket all calls share one connection, and each is answered when it is ready. The client connects when there is
/// something to send, and again when the connection is lost: subscriptions continue, calls that only read are sent again,
/// and all others that were sent fail with [`ConnectionLost`](ClientError::ConnectionLost), unless the gateway has closed the
/// connection since it was idle or after its last answer: it has begun none of them then, and they are sent again too. Calls
/// that were not sent yet wait for the next connection.
///
/// ```no_run
/// use rhai_dispatcher_gateway_client::{GatewayClientBuilder, Play};
///
/// # async fn run() -> Result<(), rhai_dispatcher_gateway_client::ClientError> {
/// let client = GatewayClientBuilder::new("ws://127.0.0.1:8080").connect().await?;
/// let sum: i64 = client.call("demo.add", &(40, 2)).await?;
/// let text: String = client.play(&Play::new("`the sum is ${args.sum}`").with_args(&[("sum", sum)])?).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
/// A call whose future is dropped is not sent if it was not sent yet. Otherwise its answer is dropped; over a WebSocket its
/// task continues until its timeout, and over HTTP the gateway cancels it.
#[derive(Clone)]
pub struct GatewayClient {
    core: Arc<ClientCore>,
}

/// How much longer than its own timeout a call is waited for.
const GRACE: Duration = Duration::from_secs(5);

impl GatewayClient {
    pub(crate) fn new(address: Address, token: Option<&str>, config: ClientConfig) -> Result<Self, Invalid> {
        let (url, ids) = (address.url.clone(), Arc::<Ids>::default());
        let link = AnyLink::new(address, token, &config, Arc::clone(&ids))?;
        let room = Semaphore::new(config.max_calls);
        Ok(Self { core: Arc::new(ClientCore { link, config, room, ids, url }) })
    }

    /// Calls a method of a worker, or of the gateway itself, and returns its output. `params` are by name (a struct, a map),
    /// by position (a tuple, a list, an array), or none: `&()`.
    ///
    /// A worker has 30 s for it, by default of the gateway; [`call_with`](Self::call_with) can give it another time.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn call<P, R>(&self, method: &str, params: &P) -> Result<R, ClientError>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        self.request(method, params, None, false).await
    }

    /// Calls a method with settings of its own, and returns its output.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn call_with<R: DeserializeOwned>(&self, call: &Call) -> Result<R, ClientError> {
        self.request("call", call, call.timeout(), false).await
    }

    /// Submits a call of a method, and does not wait for it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn call_submit(&self, call: &Call) -> Result<Submitted, ClientError> {
        self.request("call.submit", call, None, false).await
    }

    /// Runs a script, and returns its output.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn play<R: DeserializeOwned>(&self, play: &Play) -> Result<R, ClientError> {
        self.request("play", play, play.timeout(), false).await
    }

    /// Submits a script, and does not wait for it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn play_submit(&self, play: &Play) -> Result<Submitted, ClientError> {
        self.request("play.submit", play, None, false).await
    }

    /// Calls a method without an answer. When it returns, the call was written to the connection; over HTTP the gateway has
    /// taken it. Whether it is carried out is not told: a call beyond a limit of the gateway is dropped there.
    ///
    /// # Errors
    /// If it was not sent, or over HTTP was refused.
    pub async fn notify<P: Serialize + ?Sized>(&self, method: &str, params: &P) -> Result<(), ClientError> {
        let entry = Entry::notification(method, params)?;
        let message = Outgoing::single(&entry, self.core.ids.next(1));
        self.exchange(message, self.deadline(None)).await.map(drop)
    }

    /// Sends a batch, and waits for all its answers. Of a call of a batch the timeout is that of the gateway.
    ///
    /// # Errors
    /// If the batch as a whole has no answer. Errors of its calls are in the answers.
    pub async fn send(&self, batch: Batch) -> Result<BatchAnswers, ClientError> {
        let entries = batch.into_entries();
        if entries.is_empty() {
            return Ok(BatchAnswers::new(Vec::new()));
        }
        let max = self.core.config.max_calls;
        if entries.len() > max {
            let problem = format!("has {} entries, more than {max} (max_calls)", entries.len());
            return Err(Invalid::new("batch", problem, "send several, or raise max_calls").into());
        }
        let message = Outgoing::batch(&entries, self.core.ids.next(entries.len()));
        let has_answer = message.has_answer;
        let answers = self.exchange(message, self.deadline(None)).await?;
        Ok(BatchAnswers::new(if has_answer { answers } else { Vec::new() }))
    }

    /// Reads the record of a task.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn task_status(&self, id: TaskId) -> Result<TaskDetails, ClientError> {
        self.request("task.status", &[id], None, true).await
    }

    /// Waits until a task has ended, and returns its record: also across connections.
    ///
    /// # Errors
    /// [`TimedOut`](ClientError::TimedOut) if it has not ended within `timeout`, which has no effect on the task.
    pub async fn task_wait(&self, id: TaskId, timeout: Duration) -> Result<TaskDetails, ClientError> {
        let seconds = timeout.as_secs_f64();
        self.request("task.wait", &json!({ "task_id": id, "timeout": seconds }), Some(timeout), true).await
    }

    /// Cancels a task, and returns whether it waited, runs, or had ended.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn task_cancel(&self, id: TaskId) -> Result<Cancelled, ClientError> {
        #[derive(Deserialize)]
        struct Answer {
            cancelled: Cancelled,
        }
        // A second cancel changes nothing, so it may be sent again.
        let Answer { cancelled } = self.request("task.cancel", &[id], None, true).await?;
        Ok(cancelled)
    }

    /// Subscribes to the events of a task, up to its end: also across connections. Over a WebSocket only.
    ///
    /// # Errors
    /// [`Invalid`](ClientError::Invalid) over HTTP; otherwise see [`ClientError`].
    pub async fn subscribe(&self, id: TaskId) -> Result<TaskEvents, ClientError> {
        let AnyLink::Socket(socket) = &self.core.link else {
            let problem = "is one for HTTP, over which no events come";
            return Err(Invalid::new("url", problem, "use ws:// or wss://, or task_wait").into());
        };
        let entry = Entry::call("task.subscribe", &[id])?;
        let message = Outgoing::single(&entry, self.core.ids.next(1)).only_reading();
        let subscription = Arc::new(Subscription::new(id, self.core.config.max_queued_events));
        // Dropped with this future, it ends the subscription.
        let events = TaskEvents::new(Arc::clone(&self.core), Arc::clone(&subscription));
        let deadline = self.deadline(None);
        let _room = self.room(1, deadline).await?;
        let answers = socket.exchange(message, Some(subscription), deadline).await?;
        only(answers)??;
        Ok(events)
    }

    /// The handlers of the living workers, with figures.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn handlers(&self) -> Result<Vec<HandlerStatus>, ClientError> {
        self.request("handlers.list", &(), None, true).await
    }

    /// How tasks have ended, the newest first: at most `limit` entries that match `filter`, such as
    /// `status:error worker:billing since:1h`; all if it is empty. `after` is the `next` of the page before.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn activity(
        &self,
        filter: &str,
        limit: usize,
        after: Option<&ActivityCursor>,
    ) -> Result<ActivityPage, ClientError> {
        let params = json!({ "filter": filter, "limit": limit, "after": after });
        self.request("activity.list", &params, None, true).await
    }

    /// Checks that the gateway answers and takes the token.
    pub(crate) async fn check(&self) -> Result<(), ClientError> {
        /// A number that no subscription has.
        const NONE: [u64; 1] = [0];
        match &self.core.link {
            AnyLink::Socket(_) => self.request("task.unsubscribe", &NONE, None, true).await.map(|_: bool| ()),
            AnyLink::Http(_) => self.notify("task.unsubscribe", &NONE).await,
        }
    }

    async fn request<P, R>(
        &self,
        method: &str,
        params: &P,
        timeout: Option<Duration>,
        only_reads: bool,
    ) -> Result<R, ClientError>
    where
        P: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let entry = Entry::call(method, params)?;
        let message = Outgoing::single(&entry, self.core.ids.next(1));
        let message = if only_reads { message.only_reading() } else { message };
        read_result(only(self.exchange(message, self.deadline(timeout)).await?)?)
    }

    async fn exchange(&self, message: Outgoing, deadline: Instant) -> Result<Vec<RawAnswer>, ClientError> {
        let (bytes, max) = (message.text.len(), self.core.config.max_message_bytes);
        if bytes > max {
            let problem = format!("has {bytes} bytes, more than {max} (max_message_bytes)");
            let hint = "send less at once, or raise the limit of the client and that of the gateway";
            return Err(Invalid::new("message", problem, hint).into());
        }
        let _room = self.room(message.ids.end - message.ids.start, deadline).await?;
        self.core.link.exchange(message, deadline).await
    }

    async fn room(&self, calls: u64, deadline: Instant) -> Result<impl Drop + '_, ClientError> {
        // A batch was compared with all the room that there is.
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let late = ClientError::TimedOut { task_id: None, may_have_run: false };
        match timeout_at(deadline, self.core.room.acquire_many(calls)).await {
            Ok(Ok(permit)) => Ok(permit),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(late),
        }
    }

    fn deadline(&self, timeout: Option<Duration>) -> Instant {
        /// Beyond it the clock could overflow.
        const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
        let timeout =
            timeout.map_or(self.core.config.answer_timeout, |timeout| timeout.saturating_add(GRACE));
        Instant::now() + timeout.min(LONGEST)
    }
}

fn only(answers: Vec<RawAnswer>) -> Result<RawAnswer, ClientError> {
    answers.into_iter().next().ok_or_else(|| ClientError::bad_answer("there is none"))
}

impl fmt::Debug for GatewayClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClientCore { url, config, .. } = &*self.core;
        f.debug_struct("GatewayClient").field("url", url).field("config", config).finish_non_exhaustive()
    }
}
