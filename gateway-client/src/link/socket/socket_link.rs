use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use rhai_dispatcher_core::Invalid;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::dialer::Dialer;
use super::driver::Driver;
use super::failure::Failure;
use super::message::Message;
use super::waiting::{Waiter, Waiting};
use crate::address::Address;
use crate::config::ClientConfig;
use crate::error::ClientError;
use crate::events::Subscription;
use crate::ids::Ids;
use crate::rpc::{Outgoing, RawAnswer};

/// The way to a gateway over one WebSocket at a time, which a task of tokio keeps.
#[derive(Debug)]
pub(crate) struct SocketLink {
    waiting: Arc<Waiting>,
    queue: mpsc::Sender<Arc<Message>>,
    connect_timeout: Duration,
}

impl SocketLink {
    /// # Errors
    /// If the URL or the token can't be used, or outside a runtime of tokio.
    pub(in crate::link) fn new(
        address: Address,
        token: Option<&str>,
        tls: rustls::ClientConfig,
        config: &ClientConfig,
        ids: Arc<Ids>,
    ) -> Result<Self, Invalid> {
        let dialer = Dialer::new(address, token, tls, config)?;
        let runtime = Handle::try_current().map_err(|_| {
            Invalid::new("runtime", "is missing", "build the client within a runtime of tokio")
        })?;
        let waiting = Arc::new(Waiting::default());
        let (sender, queue) = mpsc::channel(config.max_calls);
        let driver = Driver {
            dialer,
            waiting: Arc::clone(&waiting),
            queue,
            ids,
            backoff: Backoff::new(config),
            ping_interval: config.ping_interval,
        };
        runtime.spawn(driver.run());
        Ok(Self { waiting, queue: sender, connect_timeout: config.connect_timeout })
    }

    pub(crate) async fn exchange(
        &self,
        message: Outgoing,
        subscription: Option<Arc<Subscription>>,
        deadline: Instant,
    ) -> Result<Vec<RawAnswer>, ClientError> {
        let message = Arc::new(Message::new(message));
        let (_registered, answers) = self.register(&message, subscription);
        let exchanged = async {
            let gone =
                |_| ClientError::NotConnected { reason: "the runtime of the client has ended".to_owned() };
            self.queue.send(Arc::clone(&message)).await.map_err(gone)?;
            let answers = answers.into_iter().map(|answer| async {
                let gone = |_| ClientError::ConnectionLost { reason: "the client has ended".to_owned() };
                answer.await.map_err(gone).flatten()
            });
            try_join_all(answers).await
        };
        let timer = sleep_until(deadline.min(Instant::now() + self.connect_timeout));
        tokio::pin!(exchanged, timer);
        loop {
            tokio::select! {
                biased;
                exchanged = &mut exchanged => return exchanged,
                () = &mut timer => {
                    let is_late = Instant::now() >= deadline;
                    if message.withdraw() {
                        return Err(self.not_sent());
                    }
                    if is_late {
                        return Err(ClientError::TimedOut { task_id: None, may_have_run: !message.only_reads });
                    }
                    timer.as_mut().reset(deadline);
                }
            }
        }
    }

    /// The reader of a subscription has gone.
    pub(crate) fn leave(&self, subscription: &Subscription) {
        self.waiting.leave(subscription);
    }

    /// The waits for the answers to the calls of a message. They are given up when the first part is dropped.
    fn register(
        &self,
        message: &Arc<Message>,
        subscription: Option<Arc<Subscription>>,
    ) -> (Registered<'_>, Vec<oneshot::Receiver<Result<RawAnswer, ClientError>>>) {
        let answers = message.ids.clone().map(|id| {
            let (to, answer) = oneshot::channel();
            let subscription = subscription.clone();
            self.waiting.add(id, Waiter { message: Arc::clone(message), to: Some(to), subscription });
            answer
        });
        let answers = answers.collect();
        (Registered { waiting: &self.waiting, message: Arc::clone(message) }, answers)
    }

    fn not_sent(&self) -> ClientError {
        let failure = self.waiting.failure().unwrap_or_else(|| {
            Failure::Unreachable("the gateway has not taken it within connect_timeout".to_owned())
        });
        failure.not_sent()
    }
}

/// A message whose answers are waited for.
struct Registered<'a> {
    waiting: &'a Waiting,
    message: Arc<Message>,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.waiting.remove(&self.message);
    }
}
