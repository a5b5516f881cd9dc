use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use rhai_dispatcher_core::{
    CancelReason, Cancelled, Clock, Consumer, CrashReport, Health, InstanceInfo, InstanceSpec, Invalid,
    OutcomeError, QueueInfo, Requeued, SubmitError, Submitted, SystemClock, Task, TaskDetails, TaskId,
    Transport, TransportError, WallTime, WorkerId,
};
use rhai_dispatcher_tokio_bridge::TokioBridge;

use crate::args::Args;
use crate::caller::Caller;
use crate::client::{ClientError, Endpoint, Network, Reply};
use crate::config::{Durability, RedisConfig};
use crate::consumer::RedisConsumer;
use crate::crash::crash_point;
use crate::looks::details;
use crate::pumps::Pumps;
use crate::script::Script;
use crate::submits::{Accepted, Submit};
use crate::waits::{Wait, Waits};
use crate::wire;

/// The transport over Redis. Clones are the same handle, with one inbox and one connection for calls.
#[derive(Debug, Clone)]
pub struct RedisTransport {
    shared: Arc<Shared>,
}

/// What a handle and its instances share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: RedisConfig,
    pub(crate) network: Network,
    pub(crate) caller: Arc<Caller>,
    /// Renews leases, on a connection of its own: what is slow for calls is not to cost a lease.
    pub(crate) renewals: Arc<Caller>,
    clock: Arc<dyn Clock>,
    pumps: OnceLock<Pumps>,
    /// Last: what runs there ends with it.
    pub(crate) bridge: TokioBridge,
}

impl RedisTransport {
    /// The numbers of the queue of that worker id, or of all if it is empty, by name.
    async fn read_queues(&self, worker_id: &str) -> Result<Vec<QueueInfo>, TransportError> {
        let replies = loop {
            let mut args = Args::new();
            args.push_copy(worker_id);
            let mut replies = self.shared.script(Script::Queues, args).await?;
            let are_expired_left = replies.remove(0).as_u64() == Some(1);
            if !are_expired_left {
                break replies;
            }
        };
        let info = |values: &[Reply]| {
            Some(QueueInfo {
                worker_id: values[0].as_str()?.parse().ok()?,
                ready: [count(&values[1])?, count(&values[2])?, count(&values[3])?],
                delayed: count(&values[4])?,
                quarantined: count(&values[5])?,
                claimed: count(&values[6])?,
                instances: count(&values[7])?,
                paused: count(&values[8])? > 0,
            })
        };
        let all: Option<Vec<_>> = replies.chunks_exact(9).map(info).collect();
        let mut all = all.ok_or(ClientError::Unexpected("a list of queues"))?;
        all.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        Ok(all)
    }

    /// A handle on the server that `config` names. It connects with the first call.
    ///
    /// # Errors
    /// The first setting that makes no sense, as [`Invalid`].
    pub fn new(config: RedisConfig) -> Result<Self, Invalid> {
        config.check()?;
        let endpoint = Endpoint::parse(&config.url, config.call_timeout)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let network = Network::new(endpoint, matches!(config.durability, Durability::Fsynced { .. }));
        let link = network.link(config.patience());
        let caller = Caller::new(&config, link, Arc::clone(&clock), config.call_timeout);
        let link = network.link(config.renewal_patience());
        let renewals = Caller::new(&config, link, Arc::clone(&clock), config.renewal_timeout());
        let bridge = config.bridge.clone().unwrap_or_default();
        let (caller, renewals) = (Arc::new(caller), Arc::new(renewals));
        let shared = Shared { config, network, caller, renewals, clock, pumps: OnceLock::new(), bridge };
        Ok(Self { shared: Arc::new(shared) })
    }
}

impl Shared {
    /// What runs on the bridge; starts it.
    pub(crate) fn pumps(&self) -> &Pumps {
        self.pumps.get_or_init(|| Pumps::start(&self.bridge, &self.caller, &self.network, &self.config))
    }

    /// Runs a call on the bridge.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, ClientError>> + Send + 'static,
    ) -> Result<T, TransportError> {
        let answer = self.bridge.run(call).await;
        let ended = || ClientError::Lost("the runtime of the transport has ended".into());
        Ok(answer.unwrap_or_else(|_| Err(ended()))?)
    }

    async fn script(&self, script: Script, args: Args) -> Result<Vec<Reply>, TransportError> {
        let caller = Arc::clone(&self.caller);
        let mut replies = self.run(async move { caller.run(script, args).await }).await?;
        replies.remove(0); // the server's time
        Ok(replies)
    }

    /// Encodes a task and hands it in; the answer comes later.
    fn begin(
        &self,
        task: &Task,
    ) -> Result<(TaskId, impl Future<Output = Result<Accepted, ClientError>> + Send + use<>), SubmitError>
    {
        let payload = wire::encode_task(task)?;
        let max = self.config.max_task_bytes;
        if payload.len() > max {
            return Err(SubmitError::Invalid(Invalid::new(
                "task",
                format!("takes {} bytes, more than the {max} of max_task_bytes", payload.len()),
                "send a smaller script or args",
            )));
        }
        let pumps = self.pumps();
        let sent = task.awaited && pumps.inbox.waits.expect(task, self.config.awaited_limit);
        let submit = Submit::new(task, &payload, sent.then_some(&pumps.inbox.id));
        Ok((task.id, pumps.submits.ask(submit)))
    }

    fn accept(
        &self,
        id: TaskId,
        answer: Result<Accepted, ClientError>,
    ) -> Result<Result<Submitted, SubmitError>, ClientError> {
        let waits = &self.pumps().inbox.waits;
        match &answer {
            Ok(Accepted::New(now)) => waits.accepted(id, *now),
            _ => waits.unexpected(id),
        }
        answer?.answer(id)
    }
}

/// A task whose submitter may go away before it knows whether it was accepted. Its outcome is then
/// looked up by whoever asks, since nobody here can tell whether it will be sent.
struct Unanswered<'a> {
    shared: &'a Shared,
    id: TaskId,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.shared.pumps().inbox.waits.unexpected(self.id);
    }
}

#[async_trait]
impl Transport for RedisTransport {
    async fn submit(
        &self,
        tasks: Vec<Arc<Task>>,
    ) -> Result<Vec<Result<Submitted, SubmitError>>, TransportError> {
        let begun: Vec<_> = tasks.iter().map(|task| self.shared.begin(task)).collect();
        let answers = begun.into_iter().map(async |begun| match begun {
            Ok((id, answer)) => {
                let unanswered = Unanswered { shared: &self.shared, id };
                let answer = answer.await;
                std::mem::forget(unanswered);
                self.shared.accept(id, answer)
            }
            Err(refused) => Ok(Err(refused)),
        });
        // All of them, also after one has failed: each has to be accounted for.
        let answers = join_all(answers).await;
        Ok(answers.into_iter().collect::<Result<_, _>>()?)
    }

    async fn attach(&self, spec: InstanceSpec) -> Result<Arc<dyn Consumer>, TransportError> {
        let consumer = RedisConsumer::attach(Arc::clone(&self.shared), self.shared.pumps(), spec).await?;
        Ok(Arc::new(consumer))
    }

    async fn details(&self, ids: &[TaskId]) -> Result<Vec<Option<TaskDetails>>, TransportError> {
        /// As with batches: bounds how long the server is kept from others.
        const AT_ONCE: usize = 128;
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let caller = Arc::clone(&self.shared.caller);
            let ids = ids.to_vec();
            let records = self.shared.run(async move { details(&caller, &ids).await }).await?;
            for record in records {
                all.push(record.map_err(|problem| ClientError::of_server(&problem))?);
            }
        }
        Ok(all)
    }

    fn outcome(&self, id: TaskId) -> BoxFuture<'static, Result<TaskDetails, OutcomeError>> {
        let waits = Arc::clone(&self.shared.pumps().inbox.waits);
        let Wait { receiver, number } = waits.wait(id);
        OutcomeFuture { receiver, id, number, waits, _shared: Arc::clone(&self.shared) }.boxed()
    }

    async fn cancel(&self, ids: &[TaskId], why: CancelReason) -> Result<Vec<Cancelled>, TransportError> {
        /// As with batches.
        const AT_ONCE: usize = 128;
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let mut args = Args::new();
            args.push_static(why.as_str()).push_flag(false);
            for id in ids {
                args.push_display(id);
            }
            crash_point("cancel.before");
            let replies = self.shared.script(Script::Cancel, args).await?;
            crash_point("cancel.after");
            for reply in &replies {
                all.push(match reply.as_str() {
                    Some("r") => Cancelled::Removed,
                    Some("q") => Cancelled::Requested,
                    Some("f") => Cancelled::AlreadyFinished,
                    Some("n") => Cancelled::NotFound,
                    Some(problem) => return Err(ClientError::of_server(problem).into()),
                    None => return Err(ClientError::Unexpected("a cancel").into()),
                });
            }
        }
        Ok(all)
    }

    async fn report_crash(&self, report: &CrashReport) -> Result<Requeued, TransportError> {
        let mut requeued = Requeued::default();
        let mut running = &report.running[..];
        loop {
            let mut args = Args::new();
            args.push_copy(report.worker_id.as_str()).push_display(report.instance);
            for id in running {
                args.push_display(id);
            }
            let replies = self.shared.script(Script::Crash, args).await?;
            let numbers: Option<Vec<_>> = replies.iter().map(count).collect();
            let Some([left, released, blamed]) = numbers.as_deref() else {
                return Err(ClientError::Unexpected("a report of a crash").into());
            };
            requeued.released += released;
            requeued.blamed += blamed;
            if *left == 0 {
                return Ok(requeued);
            }
            // Those were dealt with first.
            running = &[];
        }
    }

    async fn instances(&self, worker_id: Option<&WorkerId>) -> Result<Vec<InstanceInfo>, TransportError> {
        let mut args = Args::new();
        args.push_copy(worker_id.map_or("", WorkerId::as_str));
        let replies = self.shared.script(Script::Instances, args).await?;
        let info = |values: &[Reply]| {
            Some(InstanceInfo {
                worker_id: values[0].as_str()?.parse().ok()?,
                instance: values[1].as_str()?.parse().ok()?,
                alive_until: WallTime::from_millis(values[2].as_u64()?),
                claimed: count(&values[3])?,
            })
        };
        let all: Option<Vec<_>> = replies.chunks_exact(4).map(info).collect();
        Ok(all.ok_or(ClientError::Unexpected("a list of instances"))?)
    }

    async fn queues(&self) -> Result<Vec<QueueInfo>, TransportError> {
        self.read_queues("").await
    }

    async fn queue(&self, worker_id: &WorkerId) -> Result<QueueInfo, TransportError> {
        let queue = self.read_queues(worker_id.as_str()).await?.pop();
        Ok(queue.unwrap_or_else(|| QueueInfo::empty(worker_id.clone())))
    }
    async fn set_paused(&self, worker_id: &WorkerId, paused: bool) -> Result<(), TransportError> {
        let mut args = Args::new();
        args.push_copy(worker_id.as_str()).push_flag(paused);
        self.shared.script(Script::Pause, args).await.map(drop)
    }

    async fn connect(&self) -> Result<(), TransportError> {
        let caller = Arc::clone(&self.shared.caller);
        self.shared.run(async move { caller.connect().await }).await
    }

    fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    fn health(&self) -> Health {
        let caller = &self.shared.caller;
        let mut health = Health::default();
        health.connected = caller.link.is_up();
        health.waiters = self.shared.pumps.get().map_or(0, |pumps| pumps.inbox.waits.count());
        health.reconnects = caller.link.reconnects();
        health.last_error = caller.link.problem().or_else(|| caller.last_error());
        health
    }
}

fn count(reply: &Reply) -> Option<usize> {
    usize::try_from(reply.as_u64()?).ok()
}

/// A wait for an outcome, which ends with it.
struct OutcomeFuture {
    receiver: futures::channel::oneshot::Receiver<Result<TaskDetails, OutcomeError>>,
    id: TaskId,
    /// 0 once there is nothing to end.
    number: u64,
    waits: Arc<Waits>,
    /// Whoever waits keeps the connection.
    _shared: Arc<Shared>,
}

impl Future for OutcomeFuture {
    type Output = Result<TaskDetails, OutcomeError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = std::task::ready!(self.receiver.poll_unpin(cx));
        self.number = 0;
        Poll::Ready(answer.unwrap_or_else(|_| {
            Err(TransportError::from(ClientError::Lost("the transport has ended".into())).into())
        }))
    }
}

impl Drop for OutcomeFuture {
    fn drop(&mut self) {
        if self.number > 0 {
            self.waits.forget(self.id, self.number);
        }
    }
}
