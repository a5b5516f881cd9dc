use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::SinkExt;
use futures::stream::SplitSink;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::config::GatewayConfig;

/// The messages that wait to be written to one client, bounded by their count and their bytes.
#[derive(Debug)]
pub(super) struct Outbox {
    sender: mpsc::Sender<Queued>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
    ping_written: Arc<Notify>,
}

/// A message, with the room that it takes until it is written.
type Queued = (Message, OwnedSemaphorePermit);

/// Writes the messages of an [`Outbox`].
#[derive(Debug)]
pub(super) struct Writer {
    receiver: mpsc::Receiver<Queued>,
    ping_written: Arc<Notify>,
}

/// The client has left, or reads nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

impl Outbox {
    pub(super) fn new(config: &GatewayConfig) -> (Self, Writer) {
        let (sender, receiver) = mpsc::channel(config.max_queued_messages);
        let max_bytes = config.max_queued_bytes.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        let (bytes, ping_written) = (Arc::new(Semaphore::new(max_bytes)), Arc::<Notify>::default());
        let writer = Writer { receiver, ping_written: Arc::clone(&ping_written) };
        (Self { sender, bytes, max_bytes, ping_written }, writer)
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

    /// Resolves when a ping has been written.
    pub(super) async fn ping_written(&self) {
        self.ping_written.notified().await;
    }

    /// Queues the end of the connection.
    pub(super) async fn close(&self, code: u16, reason: &'static str) {
        // A client that has left needs no reason.
        let _ = self.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    }
}

impl Writer {
    /// Writes until the outbox is gone, and closes the WebSocket then, or until the client has left or reads nothing.
    pub(super) async fn run(mut self, mut sink: SplitSink<WebSocket, Message>) {
        while let Some((message, _permit)) = self.receiver.recv().await {
            // A flush per message would be a system call per message.
            let is_ping = matches!(message, Message::Ping(_));
            let is_last = is_ping || self.receiver.is_empty();
            let mut written = sink.feed(message).await;
            if is_last && written.is_ok() {
                written = sink.flush().await;
            }
            if written.is_err() {
                return;
            }
            if is_ping {
                self.ping_written.notify_one();
            }
        }
        if sink.flush().await.is_ok() {
            // A client that has left is told in vain.
            let _ = sink.close().await;
        }
    }
}
