use std::future::Future;

use futures::channel::oneshot;
use futures::stream::{FuturesUnordered, StreamExt};
use rhai_dispatcher_tokio_bridge::TokioBridge;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::client::ClientError;

/// Gathers what is asked at about the same time into batches.
///
/// While batches are under way, what comes gathers; when nothing is, a single request goes at once.
/// So batches form under load, and cost nothing without.
#[derive(Debug)]
pub(crate) struct Batcher<T, R> {
    sender: mpsc::UnboundedSender<Item<T, R>>,
}

/// One request of a batch.
#[derive(Debug)]
pub(crate) struct Item<T, R> {
    pub(crate) request: T,
    pub(crate) since: Instant,
    answer: oneshot::Sender<Result<R, ClientError>>,
}

impl<T, R> Item<T, R> {
    /// Answers it; nobody may be waiting any more.
    pub(crate) fn answer(self, answer: Result<R, ClientError>) {
        let _ = self.answer.send(answer);
    }
}

/// Two batches at a time: one that the server works on, and one on its way. More would only make
/// them smaller.
const UNDER_WAY: usize = 2;

/// What one batch may hold. Bounds how long one script keeps the server from others (about a
/// millisecond), and what Lua has to unpack.
const LARGEST: usize = 128;

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// `run` answers all items of a batch.
    pub(crate) fn spawn<F, Fut>(bridge: &TokioBridge, run: F) -> Self
    where
        F: Fn(Vec<Item<T, R>>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        bridge.spawn(async move {
            let mut under_way = FuturesUnordered::new();
            loop {
                let mut batch = Vec::new();
                tokio::select! {
                    biased;
                    Some(()) = under_way.next() => {}
                    count = receiver.recv_many(&mut batch, LARGEST), if under_way.len() < UNDER_WAY => {
                        if count == 0 {
                            break;
                        }
                        under_way.push(run(batch));
                    }
                }
            }
            // Whoever asked last still gets an answer.
            while under_way.next().await.is_some() {}
        });
        Self { sender }
    }

    /// Asks; the answer is [`ClientError::Lost`] if the runtime has ended.
    pub(crate) fn ask(&self, request: T) -> impl Future<Output = Result<R, ClientError>> + Send + use<T, R> {
        let (answer, receiver) = oneshot::channel();
        let _ = self.sender.send(Item { request, since: Instant::now(), answer });
        async {
            receiver
                .await
                .unwrap_or_else(|oneshot::Canceled| Err(ClientError::Lost("the transport has ended".into())))
        }
    }
}
