use bytes::Bytes;
use tokio::time::Instant;

use crate::client::{ClientError, Connection, Link, ServerReply};

/// Where the commands of one call go, and until when their answers are waited for.
#[derive(Debug)]
pub(super) struct Target<'a> {
    link: &'a Link,
    pub(super) connection: Connection,
    /// The number of the connection.
    pub(super) number: u64,
    pub(super) deadline: Instant,
}

impl<'a> Target<'a> {
    /// The connection of `link`, as soon as there is one.
    pub(super) async fn of(link: &'a Link, deadline: Instant) -> Result<Self, ClientError> {
        let (connection, number) = link.get(deadline).await?;
        Ok(Self { link, connection, number, deadline })
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
        let answer = self.connection.command(name, args, self.deadline).await;
        self.discard_if_demoted(answer)
    }

    /// A server that can't serve any more may keep its connections, so they are left.
    pub(super) fn discard_if_demoted<T>(&self, answer: Result<T, ClientError>) -> Result<T, ClientError> {
        if let Err(ClientError::Demoted(_)) = answer {
            self.link.discard_generation(self.number);
        }
        answer
    }
}
