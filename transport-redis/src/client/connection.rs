use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::config::{Config, ServerConfig};
use fred::types::{ClusterHash, CustomCommand, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::confirmations::Confirmations;
use super::dial::{Closed, command_error, dial, lost};
use super::messages::Messages;
use super::mismatch::explained;
use super::server_info::ServerInfo;
use super::server_scripts::ServerScripts;
use super::vitals::Vitals;
use super::{ClientError, Network, ServerReply};

/// One connection, until it breaks. Commands are answered in the order in which they were sent.
#[derive(Clone)]
pub(crate) struct Connection {
    client: Client,
    /// Where the server is.
    server: ServerConfig,
    /// What the server can do.
    info: ServerInfo,
    vitals: Arc<Vitals>,
    pub(crate) scripts: Arc<ServerScripts>,
    pub(crate) confirmations: Arc<Confirmations>,
    /// Why it is gone. fred leaves a command unanswered that comes just after its end.
    gone: watch::Receiver<Option<String>>,
}

impl Connection {
    /// Connects, and checks whether the server can be trusted with tasks. An answer that takes longer than `patience`
    /// is overdue. It has to be called, and stays, on tokio.
    pub(super) async fn open(
        network: &Network,
        messages: usize,
        patience: Duration,
    ) -> Result<(Self, Closed), ClientError> {
        let deadline = Instant::now() + network.endpoint.timeout();
        let is_first = !network.was_reached();
        let config = network.endpoint.locate(is_first, deadline).await?;
        let attempt = Self::open_at(config.clone(), network, messages, patience, deadline);
        let opened = if is_first { explained(&config, attempt).await? } else { attempt.await? };
        network.note_reached();
        Ok(opened)
    }

    async fn open_at(
        config: Config,
        network: &Network,
        messages: usize,
        patience: Duration,
        deadline: Instant,
    ) -> Result<(Self, Closed), ClientError> {
        let server = config.server.clone();
        let (client, mut closed) = dial(config, messages, deadline).await?;
        let (vitals, gone) = (Arc::new(Vitals::new(patience)), closed.gone());
        let (info, scripts, confirmations) = Default::default();
        let mut connection = Self { client, server, info, vitals, scripts, confirmations, gone };
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

    /// Where the server is.
    pub(super) const fn server(&self) -> &ServerConfig {
        &self.server
    }

    /// Whether the server has functions (Redis 7), and takes them, as far as that is known.
    pub(crate) fn has_functions(&self) -> bool {
        self.info.has_functions && self.scripts.take_functions()
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

    /// What is published on the channels that this connection is subscribed to, from now on.
    pub(crate) fn messages(&self) -> Messages {
        Messages::new(self.client.message_rx(), self.gone.clone())
    }

    /// Subscribes to channels: what is published there from the answer on comes with [`messages`](Self::messages). After an
    /// error other than [`ClientError::Lost`] the connection is to be discarded, since its answers may not be those to its
    /// commands any more.
    ///
    /// fred does not wait for the server's answer to SUBSCRIBE. That to the command behind it shows that the server has
    /// subscribed; or it is the error of the SUBSCRIBE.
    pub(crate) async fn subscribe(&self, channels: &[Bytes], deadline: Instant) -> Result<(), ClientError> {
        let bytes = channels.iter().map(Bytes::len).sum();
        let subscribe = self.client.subscribe(texts(channels));
        self.answer("SUBSCRIBE", bytes, Duration::ZERO, deadline, subscribe).await?;
        let mark = Bytes::from_static(b"subscribed");
        let answer = self.command("ECHO", vec![mark.clone()], deadline).await?;
        match answer.as_bytes() == Some(&mark) {
            true => Ok(()),
            false => Err(ClientError::Unexpected("SUBSCRIBE")),
        }
    }

    /// Ends subscriptions. After an error as with [`subscribe`](Self::subscribe).
    pub(crate) async fn unsubscribe(&self, channels: &[Bytes], deadline: Instant) -> Result<(), ClientError> {
        let bytes = channels.iter().map(Bytes::len).sum();
        let unsubscribe = self.client.unsubscribe(texts(channels));
        self.answer("UNSUBSCRIBE", bytes, Duration::ZERO, deadline, unsubscribe).await
    }

    /// Whether the server answers. One that can't save its data refuses PING.
    pub(crate) async fn sign_of_life(&self, deadline: Instant) -> Result<(), ClientError> {
        self.command("ECHO", vec![Bytes::from_static(b"alive")], deadline).await.map(drop)
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
        let mut lost = pin!(lost(&mut gone));
        let mut timer = pin!(sleep_until(overdue_at.min(deadline)));
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => {
                    let answer = answer.map_err(|error| command_error(&error))?;
                    // What came before its time was over, was not blocked for all of it.
                    self.vitals.note_answer(sent.elapsed().saturating_sub(blocks));
                    return Ok(answer);
                }
                error = &mut lost => return Err(error),
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

/// The names of channels, which are UTF-8.
fn texts(channels: &[Bytes]) -> Vec<String> {
    channels.iter().map(|channel| String::from_utf8_lossy(channel).into_owned()).collect()
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.client.id()).finish()
    }
}
