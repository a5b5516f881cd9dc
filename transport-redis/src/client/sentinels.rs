use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::ClientLike;
use fred::types::config::{Config, ServerConfig};
use fred::types::{ClusterHash, CustomCommand, Value};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, timeout_at};

use super::dial::{Closed, FEW_MESSAGES, address_of, at, command_error, dial};
use super::mismatch::explained;
use super::{ClientError, ServerReply};

/// Sentinels, and the master that they are asked for.
#[derive(Clone)]
pub(super) struct Sentinels {
    /// The name by which they know it.
    name: String,
    sentinels: Vec<Config>,
    /// The master, but for its address.
    server: Config,
    /// The name that its certificate has to be for, if that is not its host.
    tls_server_name: Option<String>,
}

/// The time between two questions whether the master is another: in it, a master that the Sentinels have replaced, and
/// that does not know yet, takes writes that will be lost.
const INTERVAL: Duration = Duration::from_secs(1);

impl Sentinels {
    pub(super) fn new(
        name: String,
        sentinels: Vec<Config>,
        server: Config,
        tls_server_name: Option<String>,
    ) -> Self {
        Self { name, sentinels, server, tls_server_name }
    }

    /// The master, of the Sentinel that answers first: one may be dead, and it does not show.
    pub(super) async fn locate(&self, is_first: bool, deadline: Instant) -> Result<Config, ClientError> {
        let ask = |sentinel| self.ask_one(sentinel, is_first, deadline);
        let mut answers: FuturesUnordered<_> = self.sentinels.iter().map(ask).collect();
        let mut problems = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok((host, port)) => return Ok(self.server_at(host, port)),
                Err(problem) => problems.push(problem),
            }
        }
        Err(together(&problems))
    }

    async fn ask_one(
        &self,
        sentinel: &Config,
        is_first: bool,
        deadline: Instant,
    ) -> Result<(String, u16), ClientError> {
        let attempt = async { Sentinel::open(sentinel, deadline).await?.ask(&self.name, deadline).await };
        if is_first { explained(sentinel, attempt).await } else { attempt.await }
    }

    /// Waits until a Sentinel names another master than `server`.
    pub(super) async fn wait_for_switch(&self, server: &ServerConfig, timeout: Duration) {
        for sentinel in self.sentinels.iter().cycle() {
            let opened = Sentinel::open(sentinel, Instant::now() + timeout).await;
            while let Ok(sentinel) = &opened {
                sleep(INTERVAL).await;
                // If it does not answer, the next one is asked.
                let Ok((host, port)) = sentinel.ask(&self.name, Instant::now() + timeout).await else {
                    break;
                };
                if self.server_at(host, port).server != *server {
                    return;
                }
            }
            sleep(INTERVAL).await;
        }
    }

    fn server_at(&self, host: String, port: u16) -> Config {
        at(self.server.clone(), host, port, self.tls_server_name.clone())
    }
}

/// A connection to one of them.
struct Sentinel<'a> {
    config: &'a Config,
    client: Client,
    _closed: Closed,
}

impl<'a> Sentinel<'a> {
    async fn open(config: &'a Config, deadline: Instant) -> Result<Self, ClientError> {
        match dial(config.clone(), FEW_MESSAGES, deadline).await {
            Ok((client, closed)) => Ok(Self { config, client, _closed: closed }),
            Err(ClientError::Refused(why)) => {
                let address = address_of(config);
                let why = why.strip_prefix(&format!("{address}: ")).unwrap_or(&why);
                let hint = match why.starts_with("NOAUTH") || why.starts_with("WRONGPASS") {
                    true => "; set sentinel_password, and sentinel_user if it has users",
                    false => "",
                };
                Err(ClientError::Refused(format!("the Sentinel {address}: {why}{hint}")))
            }
            Err(error) => Err(error),
        }
    }

    /// The host and port of a master.
    async fn ask(&self, name: &str, deadline: Instant) -> Result<(String, u16), ClientError> {
        let address = address_of(self.config);
        let command = CustomCommand::new_static("SENTINEL", ClusterHash::FirstKey, false);
        let args = [Bytes::from_static(b"GET-MASTER-ADDR-BY-NAME"), Bytes::copy_from_slice(name.as_bytes())];
        let args = args.into_iter().map(Value::Bytes).collect::<Vec<_>>();
        let answer = match timeout_at(deadline, self.client.custom_raw(command, args)).await {
            Ok(frame) => ServerReply::new(frame.map_err(|error| command_error(&error))?),
            Err(_) => return Err(ClientError::Lost(format!("the Sentinel {address} does not answer"))),
        };
        let answer = answer.map_err(|error| match error {
            ClientError::Server(text) if text.contains("unknown command") => ClientError::Refused(format!(
                "{address} is not a Sentinel; write redis:// for a server without them"
            )),
            ClientError::Refused(text) => ClientError::Refused(format!("the Sentinel {address}: {text}")),
            error => ClientError::Lost(format!("the Sentinel {address}: {error}")),
        })?;
        if answer.is_nil() {
            return Err(ClientError::Refused(format!(
                "the Sentinel {address} knows no master {name:?}; check the name in the URL"
            )));
        }
        let parts = answer.into_array();
        let parts: Vec<_> = parts.iter().filter_map(ServerReply::as_str).collect();
        let [host, port] = parts[..] else { return Err(ClientError::Unexpected("SENTINEL")) };
        let port = port.parse().map_err(|_| ClientError::Unexpected("SENTINEL"))?;
        Ok((host.to_owned(), port))
    }
}

/// The error of all: one that does not pass only if that is so of each, since the others may be back soon.
fn together(problems: &[ClientError]) -> ClientError {
    let mut text = String::new();
    for problem in problems {
        let separator = if text.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}{problem}");
    }
    match problems.iter().all(|problem| matches!(problem, ClientError::Refused(_))) {
        true => ClientError::Refused(text),
        false => ClientError::Lost(text),
    }
}
