use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::oneshot;
use futures::future::join_all;
use futures::stream::{self, BoxStream, StreamExt};
use rhai_dispatcher_core::{
    Claim, Claimed, Completion, Consumer, EndedRun, Finish, Finished, Inquiry, InstanceId, InstanceReport,
    InstanceSpec, Reported, RunEvent, RunState, Signal, TransportError,
};
use tokio::time::Instant;

use crate::activity::{ActivityOutbox, ActivitySender};
use crate::background_tasks::BackgroundTasks;
use crate::claim::ClaimLoop;
use crate::client::Links;
use crate::deliver::ClaimReceiver;
use crate::events::{EventOutbox, publish};
use crate::finish::Finisher;
use crate::handle::Handle;
use crate::inspect::answer;
use crate::instance::{ClaimCall, LocalInstance, detach, renew};
use crate::report::report as send_report;
use crate::script::Script;
use crate::wait::Listener;

/// One instance's side of the transport.
#[derive(Debug)]
pub(crate) struct RedisConsumer {
    handle: Arc<Handle>,
    instance: Arc<LocalInstance>,
    finisher: Arc<Finisher>,
    events: Arc<EventOutbox>,
    activity: Arc<ActivityOutbox>,
    activity_sender: Arc<ActivitySender>,
}

impl RedisConsumer {
    pub(crate) async fn attach(
        handle: Arc<Handle>,
        background: &BackgroundTasks,
        spec: InstanceSpec,
    ) -> Result<Self, TransportError> {
        let caller = Arc::clone(&handle.caller);
        let inbox = Arc::clone(&background.inbox);
        let finisher = Arc::clone(&background.finisher);
        let links = Links::new(&handle.servers, handle.config.patience());
        let instance = LocalInstance::new(
            spec.instance,
            spec.worker_id,
            caller,
            Arc::clone(&inbox.waits),
            &handle.config,
        );
        let instance = Arc::new(instance);
        let listener: Weak<dyn Listener> = Arc::downgrade(&(Arc::clone(&instance) as Arc<dyn Listener>));
        inbox.listen(instance.id, listener);
        let attaching = Arc::clone(&instance);
        let inbox_id = inbox.id.clone();
        let (renewals, names) = (Arc::clone(&handle.renewals), Arc::clone(&handle.queue_names));
        handle
            .run(async move {
                let mut args = attaching.args();
                args.push(inbox_id).push_flag(true).push_static("0");
                let deadline = Instant::now() + attaching.caller.timeout;
                names.note(&attaching.worker_id, deadline).await?;
                let sent = Instant::now();
                renewals.run_until(Script::Renew, &attaching.worker_id, args, deadline).await?;
                attaching.note_renewal(sent);
                // Not on the connection of the renewals, which it could delay.
                let caller = Arc::clone(&attaching.caller);
                tokio::spawn(async move { caller.delete_unused_libraries().await });
                Ok(())
            })
            .await?;
        let receiver = ClaimReceiver::new(Arc::clone(&instance), Arc::clone(&finisher));
        handle.bridge.spawn(ClaimLoop::new(receiver, links).run());
        let events = Arc::new(EventOutbox::new(handle.config.transport.event_limits()));
        let (log, ttl) = (Arc::clone(handle.servers.log()), handle.config.events_ttl);
        let (caller, worker_id) = (Arc::clone(&handle.caller), instance.worker_id.clone());
        handle.bridge.spawn(publish(Arc::clone(&events), caller, worker_id, log, ttl));
        let activity = Arc::<ActivityOutbox>::default();
        let (log, max_activity) = (Arc::clone(handle.servers.log()), handle.config.transport.max_activity);
        let sender = ActivitySender::new(Arc::clone(&instance), Arc::clone(&activity), max_activity, log);
        let activity_sender = Arc::new(sender);
        handle.bridge.spawn(Arc::clone(&activity_sender).run());
        Ok(Self { handle, instance, finisher, events, activity, activity_sender })
    }
}

#[async_trait]
impl Consumer for RedisConsumer {
    fn instance(&self) -> InstanceId {
        self.instance.id
    }

    fn lease(&self) -> Duration {
        self.handle.config.transport.lease
    }

    async fn claim(&self, max: NonZeroUsize) -> Result<Vec<Claimed>, TransportError> {
        let (answer, receiver) = oneshot::channel();
        {
            let mut claims = self.instance.lock();
            if claims.detached {
                return Err(TransportError::Detached);
            }
            claims.waiting.push_back(ClaimCall { max, answer });
        }
        self.instance.changed.notify_one();
        let mut call = Call { receiver, instance: &self.instance, answered: false };
        let answer = (&mut call.receiver).await;
        call.answered = true;
        answer.unwrap_or(Err(TransportError::Detached))
    }

    async fn finish(&self, done: &[Completion]) -> Vec<Result<Finished, TransportError>> {
        if self.instance.lock().ended {
            return done.iter().map(|_| Err(TransportError::Detached)).collect();
        }
        for done in done {
            self.events.end(&done.claim, matches!(done.finish, Finish::Outcome(_)));
        }
        let asked: Vec<_> = done.iter().map(|done| self.finisher.finish(&self.instance, done)).collect();
        let answers = match <[_; 1]>::try_from(asked) {
            Ok([one]) => vec![one.await],
            Err(asked) => join_all(asked).await,
        };
        answers.into_iter().map(|answer| answer.map_err(TransportError::from)).collect()
    }

    async fn renew(&self) -> Result<Vec<Claim>, TransportError> {
        if self.instance.lock().detached {
            return Err(TransportError::Detached);
        }
        let instance = Arc::clone(&self.instance);
        let inbox = self.handle.background().inbox.id.clone();
        let renewals = Arc::clone(&self.handle.renewals);
        let names = Arc::clone(&self.handle.queue_names);
        let lost = self.handle.run(async move { renew(&instance, &renewals, &names, inbox).await }).await?;
        lost.iter().for_each(|claim| self.events.forget(claim));
        Ok(lost)
    }

    fn publish(&self, claim: &Claim, event: RunEvent) {
        self.events.push(claim, event);
    }

    fn record_activity(&self, mut runs: Vec<EndedRun>) {
        if self.handle.config.transport.max_activity > 0 {
            self.instance.correct(&mut runs);
            self.activity.push(runs);
        }
    }

    fn answer(&self, inquiry: &Inquiry, state: Option<RunState>) {
        self.handle.bridge.spawn(answer(Arc::clone(&self.handle.caller), *inquiry, state));
    }

    async fn report(&self, report: &InstanceReport) -> Result<Reported, TransportError> {
        let (instance, handle) = (Arc::clone(&self.instance), Arc::clone(&self.handle));
        let report = report.clone();
        self.handle.run(async move { send_report(&instance, &handle.config, &report).await }).await
    }

    fn signals(&self) -> BoxStream<'static, Signal> {
        let instance = Arc::clone(&self.instance);
        stream::poll_fn(move |cx| instance.lock().signals.poll_next(cx.waker())).boxed()
    }

    async fn detach(&self) -> Result<(), TransportError> {
        if std::mem::replace(&mut self.instance.lock().detached, true) {
            return Ok(());
        }
        let instance = Arc::clone(&self.instance);
        let sender = Arc::clone(&self.activity_sender);
        self.handle
            .run(async move {
                // What is not taken now is lost; the records have it.
                let _ = sender.send_all().await;
                // Without these locks a claim under way would get tasks after the others were released, and a renewal
                // would begin a new lease.
                let turns = (instance.claiming.lock().await, instance.renewing.lock().await);
                let result = detach(&instance).await;
                drop(turns);
                instance.end();
                result
            })
            .await
    }
}

impl Drop for RedisConsumer {
    /// Ends the instance in this process. Its lease ends it for the others.
    fn drop(&mut self) {
        self.instance.end();
        self.events.close();
        self.activity.close();
    }
}

/// A claim call that waits. Tasks that were sent to it and not received go back to the instance.
struct Call<'a> {
    receiver: oneshot::Receiver<Result<Vec<Claimed>, TransportError>>,
    instance: &'a LocalInstance,
    answered: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        self.receiver.close();
        if let Ok(Some(Ok(claimed))) = self.receiver.try_recv() {
            self.instance.lock().returned.extend(claimed);
        }
        // Also if no task is to be returned: this may have been the last call that waited.
        self.instance.changed.notify_one();
    }
}
