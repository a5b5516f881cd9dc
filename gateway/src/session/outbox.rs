use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::stream::SplitSink;
use futures::{Sink, SinkExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::config::GatewayConfig;
use crate::metrics::count_limit;

/// The messages that wait to be written to one client, bounded by their count and their bytes.
#[derive(Debug)]
pub(super) struct Outbox {
    sender: mpsc::Sender<Queued>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
}

/// A message, with the room that it takes until it is written.
type Queued = (Message, OwnedSemaphorePermit);

/// Writes the messages of an [`Outbox`].
#[derive(Debug)]
pub(super) struct Writer {
    receiver: mpsc::Receiver<Queued>,
    /// How long the client may read nothing.
    timeout: Duration,
}

/// The client has left, or reads nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

impl Outbox {
    pub(super) fn new(config: &GatewayConfig) -> (Self, Writer) {
        let (sender, receiver) = mpsc::channel(config.max_queued_messages);
        let max_bytes = config.max_queued_bytes.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        let outbox = Self { sender, bytes: Arc::new(Semaphore::new(max_bytes)), max_bytes };
        (outbox, Writer { receiver, timeout: config.write_timeout })
    }

    /// Queues a message as soon as there is room.
    pub(super) async fn send(&self, message: Message) -> Result<(), Closed> {
        let bytes = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        // One that is longer than all the room waits until it has the room alone.
        let bytes = u32::try_from(bytes.min(self.max_bytes)).unwrap_or(u32::MAX);
        let queued = async {
            let permit = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.map_err(|_| Closed)?;
            self.sender.send((message, permit)).await.map_err(|_| Closed)
        };
        tokio::select! {
            queued = queued => queued,
            () = self.sender.closed() => Err(Closed),
        }
    }

    /// Queues the end of the connection.
    pub(super) async fn close(&self, code: u16, reason: &'static str) {
        // A client that has left needs no reason.
        let _ = self.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    }

    /// Resolves when nothing is written any more.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl Writer {
    /// Writes until the outbox is gone, the client has left, or it has read nothing for the timeout.
    pub(super) async fn run(mut self, mut sink: SplitSink<WebSocket, Message>) {
        while let Some((message, _permit)) = self.receiver.recv().await {
            // A flush per message would be a system call per message.
            let is_last = self.receiver.is_empty();
            let write = async {
                sink.feed(message).await?;
                if is_last { sink.flush().await } else { Ok(()) }
            };
            match timeout(self.timeout, write).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) => {
                    count_limit("write_timeout");
                    tracing::debug!(timeout = ?self.timeout, "a client reads nothing: its WebSocket is closed");
                    return;
                }
            }
        }
        let _ = timeout(self.timeout, close(&mut sink)).await;
    }
}

async fn close(sink: &mut (impl Sink<Message, Error = axum::Error> + Unpin)) -> Result<(), axum::Error> {
    sink.flush().await?;
    sink.close().await
}
