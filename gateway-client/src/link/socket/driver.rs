use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error as WsError, Message as Frame};

use super::backoff::Backoff;
use super::dialer::{Dialer, Socket};
use super::failure::{Ending, Failure};
use super::message::Message;
use super::waiting::{Waiter, Waiting};
use crate::events::Subscription;
use crate::ids::Ids;
use crate::rpc::{Entry, Outgoing};

/// Connects while there is something to send or to be told, and serves the connection. It ends with its client.
pub(super) struct Driver {
    pub(super) dialer: Dialer,
    pub(super) waiting: Arc<Waiting>,
    pub(super) queue: mpsc::Receiver<Arc<Message>>,
    pub(super) ids: Arc<Ids>,
    pub(super) backoff: Backoff,
    pub(super) ping_interval: Duration,
}

/// How long a connection is read to which nothing can be written any more.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Driver {
    pub(super) async fn run(mut self) {
        while self.is_wanted().await {
            let failure = match self.dialer.dial().await {
                Ok(socket) => match self.serve(socket).await {
                    Some(failure) => failure,
                    None => return,
                },
                Err(failure) => failure,
            };
            tracing::debug!(?failure, "without a connection to the gateway");
            self.waiting.fail(&failure);
            match failure {
                Failure::Ended { how: Ending::Idle, .. } => {}
                Failure::Refused(_) => self.pause(true).await,
                _ => self.pause(false).await,
            }
        }
    }

    /// Resolves when a connection is needed; false if the client has gone.
    async fn is_wanted(&mut self) -> bool {
        if self.waiting.has_work() {
            return true;
        }
        while let Some(message) = self.queue.recv().await {
            // Its caller may have given up.
            if message.is_queued() {
                self.waiting.put_first(message);
                return true;
            }
        }
        false
    }

    /// Waits before the next attempt. If the client was refused, its calls are refused meanwhile.
    async fn pause(&mut self, is_refused: bool) {
        let end = Instant::now() + self.backoff.pause();
        loop {
            tokio::select! {
                () = sleep_until(end) => return,
                message = self.queue.recv(), if is_refused => {
                    if message.is_none() {
                        return;
                    }
                    if let Some(failure) = self.waiting.failure() {
                        self.waiting.fail(&failure);
                    }
                }
            }
        }
    }

    /// Serves a connection until it ends; none if the client has gone.
    async fn serve(&mut self, socket: Socket) -> Option<Failure> {
        let (sink, stream) = socket.split();
        let (heard, ping) = (AtomicBool::new(false), Notify::new());
        let waiting = Arc::clone(&self.waiting);
        let reading = read(stream, &waiting, &heard);
        tokio::pin!(reading);
        let ended = tokio::select! {
            failure = &mut reading => Some(failure),
            failure = watch(self.ping_interval, &heard, &ping) => Some(failure),
            failure = write(sink, &waiting, &mut self.queue, &self.ids, &ping) => match failure {
                // What the gateway has said last tells more than that nothing can be written any more.
                Some(failure) => Some(timeout(LAST_WORDS, reading).await.unwrap_or(failure)),
                None => None,
            },
        };
        if heard.load(Ordering::Relaxed) {
            self.backoff.reset();
        }
        ended
    }
}

/// Takes what the gateway sends.
async fn read(mut stream: SplitStream<Socket>, waiting: &Waiting, heard: &AtomicBool) -> Failure {
    while let Some(frame) = stream.next().await {
        heard.store(true, Ordering::Relaxed);
        let taken = match &frame {
            Ok(Frame::Text(text)) => waiting.take(text.as_bytes()),
            Ok(Frame::Binary(bytes)) => waiting.take(bytes),
            Ok(Frame::Close(Some(close))) => {
                let how = Ending::of(close.code, &close.reason);
                let reason = format!("the gateway has closed it ({}: {})", close.code, close.reason);
                return Failure::Ended { reason, how };
            }
            Ok(Frame::Close(None)) => return Failure::ended("the gateway has closed it"),
            // The library answers pings.
            Ok(_) => Ok(()),
            Err(WsError::Capacity(error)) => return Failure::ended(format!("{error} (max_answer_bytes)")),
            Err(error) => return Failure::ended(error.to_string()),
        };
        if let Err(error) = taken {
            return Failure::ended(error.to_string());
        }
    }
    Failure::ended("it ended without a word")
}

/// Asks for a ping when the gateway is silent, and gives the connection up when it stays silent.
async fn watch(every: Duration, heard: &AtomicBool, ping: &Notify) -> Failure {
    let mut ticks = interval_at(Instant::now() + every, every);
    let mut is_pinged = false;
    loop {
        ticks.tick().await;
        if heard.swap(false, Ordering::Relaxed) {
            is_pinged = false;
        } else if is_pinged {
            return Failure::ended("the gateway does not answer a ping (ping_interval)");
        } else {
            is_pinged = true;
            ping.notify_one();
        }
    }
}

/// Sends what there is to send. None if the client has gone.
async fn write(
    mut sink: SplitSink<Socket, Frame>,
    waiting: &Waiting,
    queue: &mut mpsc::Receiver<Arc<Message>>,
    ids: &Ids,
    ping: &Notify,
) -> Option<Failure> {
    let sent = async {
        for subscription in waiting.connected() {
            subscribe(&mut sink, waiting, ids, subscription).await?;
        }
        loop {
            while let Some(message) = waiting.pop_first() {
                feed(&mut sink, waiting, &message).await?;
            }
            sink.flush().await?;
            tokio::select! {
                message = queue.recv() => {
                    let Some(message) = message else { return sink.close().await };
                    feed(&mut sink, waiting, &message).await?;
                    // A flush per message would be a system call per message.
                    while let Ok(message) = queue.try_recv() {
                        feed(&mut sink, waiting, &message).await?;
                    }
                }
                () = waiting.changed.notified() => {
                    for number in waiting.take_unsubscribe() {
                        let request =
                            json!({ "jsonrpc": "2.0", "method": "task.unsubscribe", "params": [number] });
                        sink.feed(Frame::text(request.to_string())).await?;
                    }
                }
                () = ping.notified() => sink.feed(Frame::Ping(Default::default())).await?,
            }
        }
    };
    match sent.await {
        Ok(()) => None,
        Err(error) => Some(Failure::ended(error.to_string())),
    }
}

async fn feed(
    sink: &mut SplitSink<Socket, Frame>,
    waiting: &Waiting,
    message: &Message,
) -> Result<(), WsError> {
    if !message.begin() {
        return Ok(());
    }
    sink.feed(Frame::Text(message.text.clone())).await?;
    if !message.has_answer {
        waiting.written(message);
    }
    Ok(())
}

/// Begins a subscription again that had a connection before.
async fn subscribe(
    sink: &mut SplitSink<Socket, Frame>,
    waiting: &Waiting,
    ids: &Ids,
    subscription: Arc<Subscription>,
) -> Result<(), WsError> {
    let id = ids.next(1);
    let Ok(entry) = Entry::call("task.subscribe", &[subscription.task_id]) else { return Ok(()) };
    let message = Arc::new(Message::new(Outgoing::single(&entry, id).only_reading()));
    let waiter = Waiter { message: Arc::clone(&message), to: None, subscription: Some(subscription) };
    waiting.add(id, waiter);
    feed(sink, waiting, &message).await
}
