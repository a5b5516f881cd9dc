use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::{ClusterHash, CustomCommand, Value};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::messages::Messages;
use super::server_info::ServerInfo;
use super::vitals::Vitals;
use super::{ClientError, Endpoint, Network, ServerReply};

/// One connection, until it breaks. Commands are answered in the order in which they were sent.
#[derive(Clone)]
pub(crate) struct Connection {
    client: Client,
    /// What the server can do.
    info: ServerInfo,
    vitals: Arc<Vitals>,
    /// Why it is gone. fred leaves a command unanswered that comes just after its end.
    gone: watch::Receiver<Option<String>>,
}

/// Resolves when the connection is gone; dropping it closes the connection.
pub(super) struct Closed {
    task: JoinHandle<Result<(), Error>>,
    gone: watch::Sender<Option<String>>,
}

impl Connection {
    /// Connects, and checks whether the server can be trusted with tasks. An answer that takes longer than `patience`
    /// is overdue. It has to be called, and stays, on tokio.
    pub(super) async fn open(network: &Network, patience: Duration) -> Result<(Self, Closed), ClientError> {
        let endpoint = &network.endpoint;
        let client = Client::new(
            endpoint.config(),
            Some(endpoint.performance_config()),
            Some(endpoint.connection_config()),
            // No reconnect policy: the sender of a command has to know that it was lost with its connection, so the
            // link makes a new client.
            None,
        );
        let deadline = Instant::now() + endpoint.timeout();
        let (sender, gone) = watch::channel(None);
        let mut closed = Closed { task: client.connect(), gone: sender };
        match tokio::time::timeout_at(deadline, client.wait_for_connect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(connect_error(endpoint, &error)),
            Err(_) => {
                return Err(ClientError::Lost(format!(
                    "{}: no connection within the call timeout",
                    endpoint.address()
                )));
            }
        }
        let vitals = Arc::new(Vitals::new(patience));
        let mut connection = Self { client, info: ServerInfo::default(), vitals, gone };
        // The connection may break before it is offered, and nothing else watches it until then.
        connection.info = tokio::select! {
            biased;
            info = connection.read_info(network, deadline) => info?,
            why = closed.wait() => return Err(ClientError::Lost(why)),
        };
        Ok((connection, closed))
    }

    /// Reads what the server can do, and checks its settings.
    async fn read_info(&self, network: &Network, deadline: Instant) -> Result<ServerInfo, ClientError> {
        let info = self.command("INFO", Vec::new(), deadline).await?;
        let info = ServerInfo::parse(&info, network)?;
        if info.has_append_log {
            let policy = vec![Bytes::from_static(b"GET"), Bytes::from_static(b"appendfsync")];
            // A server may refuse CONFIG, which says nothing about its policy.
            if let Ok(answer) = self.command("CONFIG", policy, deadline).await {
                ServerInfo::check_fsync_policy(answer, network);
            }
        }
        Ok(info)
    }

    /// Whether the server has functions (Redis 7).
    pub(crate) const fn has_functions(&self) -> bool {
        self.info.has_functions
    }

    /// Whether an answer is overdue, with what comes.
    pub(super) fn watch_overdue(&self) -> watch::Receiver<bool> {
        self.vitals.watch()
    }

    /// Sends a command and waits for the answer, until the deadline at most.
    pub(crate) async fn command(
        &self,
        name: &'static str,
        args: Vec<Bytes>,
        deadline: Instant,
    ) -> Result<ServerReply, ClientError> {
        self.send(name, args, Duration::ZERO, deadline).await
    }

    /// The same for a command that the server may leave unanswered for as long as it `blocks`.
    pub(crate) async fn blocking_command(
        &self,
        name: &'static str,
        args: Vec<Bytes>,
        blocks: Duration,
        deadline: Instant,
    ) -> Result<ServerReply, ClientError> {
        self.send(name, args, blocks, deadline).await
    }

    /// Receives what is published on a channel, from the answer on.
    pub(crate) async fn subscribe(&self, channel: &str, deadline: Instant) -> Result<Messages, ClientError> {
        let messages = Messages::new(self.client.message_rx(), self.gone.clone());
        self.answer("SUBSCRIBE", channel.len(), Duration::ZERO, deadline, self.client.subscribe(channel))
            .await?;
        Ok(messages)
    }

    async fn send(
        &self,
        name: &'static str,
        args: Vec<Bytes>,
        blocks: Duration,
        deadline: Instant,
    ) -> Result<ServerReply, ClientError> {
        let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
        let bytes = args.iter().map(Bytes::len).sum();
        let args: Vec<Value> = args.into_iter().map(Value::Bytes).collect();
        let answer = self.client.custom_raw(command, args);
        ServerReply::new(self.answer(name, bytes, blocks, deadline, answer).await?)
    }

    /// Waits for the answer to a command of so many bytes, until the deadline at most.
    async fn answer<T>(
        &self,
        name: &'static str,
        bytes: usize,
        blocks: Duration,
        deadline: Instant,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, ClientError> {
        let sent = Instant::now();
        let longest = deadline.saturating_duration_since(sent + blocks);
        let overdue_at = sent + blocks + self.vitals.allowance(bytes, longest);
        let mut answer = pin!(answer);
        let mut gone = self.gone.clone();
        let mut gone = pin!(gone.wait_for(Option::is_some));
        let mut timer = pin!(sleep_until(overdue_at.min(deadline)));
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => {
                    let answer = answer.map_err(|error| lost(&error))?;
                    // What came before its time was over, was not blocked for all of it.
                    self.vitals.note_answer(sent.elapsed().saturating_sub(blocks));
                    return Ok(answer);
                }
                why = &mut gone => {
                    let why = why.ok().and_then(|why| why.clone());
                    return Err(ClientError::Lost(why.unwrap_or_else(|| "the connection was closed".into())));
                }
                () = &mut timer => {
                    let now = Instant::now();
                    if now >= overdue_at {
                        self.vitals.note_overdue();
                    }
                    if now >= deadline {
                        return Err(ClientError::Timeout(format!("{name} was not answered")));
                    }
                    timer.as_mut().reset(deadline);
                }
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.client.id()).finish()
    }
}

impl Closed {
    /// Waits until it is gone, and says why.
    pub(super) async fn wait(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Err(error)) => readable(error.details()),
            Ok(Ok(())) => "the connection was closed".into(),
            Err(_) => "the runtime has ended".into(),
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.task.abort();
        self.gone.send_replace(Some("the connection was lost".into()));
    }
}

fn connect_error(endpoint: &Endpoint, error: &Error) -> ClientError {
    match (error.kind(), ClientError::of_server(error.details())) {
        (_, refused @ ClientError::Refused(_)) => refused,
        (ErrorKind::Auth, _) => ClientError::Refused(error.details().to_owned()),
        _ => ClientError::Lost(format!("{}: {}", endpoint.address(), readable(error.details()))),
    }
}

fn lost(error: &Error) -> ClientError {
    ClientError::Lost(readable(error.details()))
}

/// What went wrong, in words. fred has of an error of the system only its debug form, such as
/// `Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }` or `Kind(BrokenPipe)`.
fn readable(details: &str) -> String {
    let quoted = ["message: \"", "error: \""].iter().find_map(|mark| details.split_once(mark));
    let quoted = quoted.and_then(|(_, rest)| rest.split_once('"')).map(|(text, _)| text);
    let kind = || details.strip_prefix("Kind(")?.strip_suffix(')');
    if let Some(text) = quoted {
        let mut letters = text.chars();
        return letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default();
    }
    let Some(kind) = kind() else { return details.to_owned() };
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn errors_of_the_system_read_as_words() {
        let refused = format!("{:?}", io::Error::from_raw_os_error(111));
        assert!(refused.starts_with("Os {"), "{refused}");
        let lookup = io::Error::other("failed to lookup address information");
        let broken = format!("{:?}", io::Error::from(io::ErrorKind::BrokenPipe));
        for (details, words) in [
            (refused.as_str(), "connection refused"),
            (&format!("{lookup:?}"), "failed to lookup address information"),
            (&broken, "broken pipe"),
            ("Kind(UnexpectedEof)", "unexpected eof"),
            ("Something else.", "Something else."),
        ] {
            assert_eq!(readable(details), words);
        }
    }
}
