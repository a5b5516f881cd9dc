use bytes::Bytes;
use fred::types::{Message, Value};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::ClientError;
use super::dial::lost;

/// What is published on a channel, received over one connection.
#[derive(Debug)]
pub(crate) struct Messages {
    receiver: broadcast::Receiver<Message>,
    /// Why the connection is gone.
    gone: watch::Receiver<Option<String>>,
}

/// What came next.
#[derive(Debug)]
pub(crate) enum Received {
    Message {
        channel: Bytes,
        value: Bytes,
    },
    /// Messages came faster than they were taken, and the oldest are lost.
    Lagged,
}

impl Messages {
    pub(super) fn new(receiver: broadcast::Receiver<Message>, gone: watch::Receiver<Option<String>>) -> Self {
        Self { receiver, gone }
    }

    /// The next message. Dropping the future loses none.
    pub(crate) async fn next(&mut self) -> Result<Received, ClientError> {
        loop {
            let received = tokio::select! {
                biased;
                received = self.receiver.recv() => received,
                error = lost(&mut self.gone) => return Err(error),
            };
            match received {
                Ok(Message { channel, value, .. }) => {
                    let value = match value {
                        Value::Bytes(bytes) => bytes,
                        Value::String(text) => text.into_inner(),
                        _ => continue, // nothing else is published
                    };
                    return Ok(Received::Message { channel: channel.into_inner(), value });
                }
                Err(RecvError::Lagged(_)) => return Ok(Received::Lagged),
                Err(RecvError::Closed) => return Err(ClientError::Lost("the connection was closed".into())),
            }
        }
    }
}
