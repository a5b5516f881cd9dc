use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::oneshot;
use futures::future::join_all;
use futures::stream::{self, BoxStream, StreamExt};
use rhai_dispatcher_core::{
    Claim, Claimed, Completion, Consumer, Finished, InstanceId, InstanceSpec, Signal, TransportError,
};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::claim_loop::ClaimLoop;
use crate::claims::ClaimCall;
use crate::client::{ClientError, Reply};
use crate::crash::crash_point;
use crate::inbox::Listener;
use crate::instance::Instance;
use crate::pumps::Pumps;
use crate::script::Script;
use crate::transport::Shared;

/// One instance's side of the transport.
#[derive(Debug)]
pub(crate) struct RedisConsumer {
    shared: Arc<Shared>,
    instance: Arc<Instance>,
}

impl RedisConsumer {
    pub(crate) async fn attach(
        shared: Arc<Shared>,
        pumps: &Pumps,
        spec: InstanceSpec,
    ) -> Result<Self, TransportError> {
        let caller = Arc::clone(&shared.caller);
        let inbox = Arc::clone(&pumps.inbox);
        let finishes = Arc::clone(&pumps.finishes);
        let link = shared.network.link(shared.config.patience());
        let instance = Instance::new(
            spec.instance,
            spec.worker_id,
            caller,
            Arc::clone(&inbox.waits),
            finishes,
            &shared.config,
        );
        let instance = Arc::new(instance);
        let listener: Weak<dyn Listener> = Arc::downgrade(&(Arc::clone(&instance) as Arc<dyn Listener>));
        inbox.listen(instance.id, listener);
        let attaching = Arc::clone(&instance);
        let inbox_id = inbox.id.clone();
        let renewals = Arc::clone(&shared.renewals);
        shared
            .run(async move {
                let mut args = attaching.args();
                args.push(inbox_id).push_flag(true).push_static("0");
                let deadline = Instant::now() + attaching.caller.timeout;
                let sent = Instant::now();
                renewals.run_until(Script::Renew, args, deadline).await?;
                attaching.note_renewal(sent);
                // Not with the renewals, which it could delay.
                let caller = Arc::clone(&attaching.caller);
                tokio::spawn(async move { caller.delete_unused_libraries().await });
                Ok(())
            })
            .await?;
        shared.bridge.spawn(ClaimLoop::new(Arc::clone(&instance), link).run());
        Ok(Self { shared, instance })
    }
}

#[async_trait]
impl Consumer for RedisConsumer {
    fn instance(&self) -> InstanceId {
        self.instance.id
    }

    fn lease(&self) -> Duration {
        self.shared.config.transport.lease
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
        let asked: Vec<_> = done.iter().map(|done| self.instance.finish(done)).collect();
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
        let inbox = self.shared.pumps().inbox.id.clone();
        let renewals = Arc::clone(&self.shared.renewals);
        self.shared.run(async move { renew(&instance, &renewals, inbox).await }).await
    }

    fn signals(&self) -> BoxStream<'static, Signal> {
        let instance = Arc::clone(&self.instance);
        stream::poll_fn(move |cx| instance.lock().next_signal(cx.waker())).boxed()
    }

    async fn detach(&self) -> Result<(), TransportError> {
        if std::mem::replace(&mut self.instance.lock().detached, true) {
            return Ok(());
        }
        let instance = Arc::clone(&self.instance);
        self.shared
            .run(async move {
                // A claim under way would get tasks after the rest was handed back, and a renewal begin anew.
                let turns = (instance.turn.lock().await, instance.renewing.lock().await);
                let result = detach(&instance).await;
                drop(turns);
                let mut claims = instance.lock();
                let held = !claims.is_free();
                claims.clear();
                claims.detach();
                drop(claims);
                if held {
                    instance.waits.holds(false);
                }
                instance.changed.notify_one();
                result
            })
            .await
    }
}

impl Drop for RedisConsumer {
    /// Ends it here. Its lease ends it for the others.
    fn drop(&mut self) {
        let mut claims = self.instance.lock();
        let held = !claims.is_free();
        claims.clear();
        claims.detach();
        drop(claims);
        if held {
            self.instance.waits.holds(false);
        }
        self.instance.changed.notify_one();
    }
}

/// Renews a lease: until the tasks of one that was lost are taken, and their deaths are taken back.
async fn renew(
    instance: &Instance,
    renewals: &Caller,
    inbox: bytes::Bytes,
) -> Result<Vec<Claim>, ClientError> {
    let _turn = instance.renewing.lock().await;
    while renew_once(instance, renewals, inbox.clone()).await? {}
    let lost = std::mem::take(&mut instance.lock().lost);
    instance.changed.notify_one();
    Ok(lost)
}

/// Whether it has to renew again, since one script does a bounded part of what is to be done.
async fn renew_once(
    instance: &Instance,
    renewals: &Caller,
    inbox: bytes::Bytes,
) -> Result<bool, ClientError> {
    let (cancels_from, held) = {
        let claims = instance.lock();
        (claims.cancels_from, claims.held_now())
    };
    let mut args = instance.args();
    args.push(inbox).push_flag(false).push_display(cancels_from);
    let sent = Instant::now();
    let replies = renewals.run(Script::Renew, args).await?;
    // 0: kept; 1: lost, and begun again; 2: lost, and its tasks are just being taken; 3: lost by a report, and begun
    // again by the next renewal, until which it claims nothing.
    let state = replies.get(1).and_then(Reply::as_u64).ok_or(ClientError::Unexpected("a renewal"))?;
    if state > 0 {
        tracing::warn!(
            "instance {} of {} has lost its lease and its claims",
            instance.id,
            instance.worker_id
        );
        // What it was given meanwhile may be of the new lease; if it is not, its end is fenced.
        instance.lose(&held);
    }
    instance.lock().cancels_from = replies.get(3).and_then(Reply::as_u64).unwrap_or(0);
    let mut cancels = replies.iter().skip(4);
    while let (Some(task), Some(delivery), Some(reason)) = (cancels.next(), cancels.next(), cancels.next()) {
        if let (Some(Ok(task)), Some(delivery), Some(Ok(reason))) =
            (task.as_str().map(str::parse), delivery.as_u32(), reason.as_str().map(str::parse))
        {
            let claim = Claim { task, instance: instance.id, delivery };
            instance.lock().signal(Signal::Cancel(claim, reason));
        }
    }
    match state {
        0 | 1 => instance.note_renewal(sent),
        3 => instance.lock().expired = true,
        _ => {}
    }
    Ok(replies.get(2).and_then(Reply::as_u64) == Some(1))
}

async fn detach(instance: &Instance) -> Result<(), ClientError> {
    loop {
        let replies = instance.caller.run(Script::Detach, instance.args()).await?;
        crash_point("detach.after");
        if replies.get(1).and_then(Reply::as_u64) != Some(1) {
            return Ok(());
        }
    }
}

/// A claim call that waits. What it got and nobody received goes back.
struct Call<'a> {
    receiver: oneshot::Receiver<Result<Vec<Claimed>, TransportError>>,
    instance: &'a Instance,
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
        // Also if there is nothing to return: nobody may be waiting any more.
        self.instance.changed.notify_one();
    }
}
