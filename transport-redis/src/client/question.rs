use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use fred::types::{ClusterHash, CustomCommand, Value};
use tokio::time::{Instant, timeout_at};

use super::dial::{Closed, FEW_MESSAGES, address_of, command_error, dial};
use super::{ClientError, ServerReply};

/// A short connection on which a Sentinel, or a server of a cluster, is asked where the servers are.
pub(super) struct Questions {
    client: Client,
    address: String,
    _closed: Closed,
}

impl Questions {
    /// It has to be called, and stays, on tokio.
    pub(super) async fn open(config: &Config, deadline: Instant) -> Result<Self, ClientError> {
        let (client, closed) = dial(config.clone(), FEW_MESSAGES, deadline).await?;
        Ok(Self { client, address: address_of(config), _closed: closed })
    }

    /// Where that is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Asks one question.
    pub(super) async fn ask(
        &self,
        name: &'static str,
        args: &[&str],
        deadline: Instant,
    ) -> Result<ServerReply, ClientError> {
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let args = args.iter().map(|text| Value::Bytes(Bytes::copy_from_slice(text.as_bytes())));
        match timeout_at(deadline, self.client.custom_raw(command, args.collect::<Vec<_>>())).await {
            Ok(frame) => ServerReply::new(frame.map_err(|error| command_error(&error))?),
            Err(_) => Err(ClientError::Lost("it does not answer".into())),
        }
    }
}

/// The error of all that were asked: one that does not pass only if that is so of each, since the others may be back soon.
pub(super) fn together(problems: &[ClientError]) -> ClientError {
    let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let text = text.join("; ");
    match problems.iter().all(|problem| matches!(problem, ClientError::Refused(_))) {
        true => ClientError::Refused(text),
        false => ClientError::Lost(text),
    }
}
