use bytes::Bytes;
use tokio::time::Instant;

use crate::client::{ClientError, Linked, Links, ServerReply};
use crate::slot::Slot;

/// Where the commands of one call go, and until when their answers are waited for.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) linked: Linked,
    pub(super) deadline: Instant,
}

impl Target {
    /// The connection to the server of a slot, as soon as there is one.
    pub(super) async fn of(links: &Links, slot: Slot, deadline: Instant) -> Result<Self, ClientError> {
        Ok(Self { linked: links.get(slot, deadline).await?, deadline })
    }

    /// Sends one command.
    pub(super) async fn send(
        &self,
        name: &'static str,
        args: Vec<Bytes>,
    ) -> Result<ServerReply, ClientError> {
        if Instant::now() >= self.deadline {
            return Err(ClientError::Timeout(format!("there was no time left for {name}")));
        }
        self.linked.checked(self.linked.connection.command(name, args, self.deadline).await)
    }
}
