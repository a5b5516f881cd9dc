use std::time::Duration;

use fred::types::config::{Config, ServerConfig};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use super::dial::{address_of, at};
use super::mismatch::explained;
use super::question::{Questions, together};
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
struct Sentinel(Questions);

impl Sentinel {
    async fn open(config: &Config, deadline: Instant) -> Result<Self, ClientError> {
        match Questions::open(config, deadline).await {
            Ok(questions) => Ok(Self(questions)),
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
        let Self(questions) = self;
        let address = questions.address();
        let answer = questions.ask("SENTINEL", &["GET-MASTER-ADDR-BY-NAME", name], deadline).await;
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
