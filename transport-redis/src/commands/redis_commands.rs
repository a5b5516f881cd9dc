use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_tokio_bridge::TokioBridge;
use tokio::time::{Instant, sleep};

use super::LuaScript;
use crate::client::{ClientError, Links, ServerReply, Servers};
use crate::handle::Handle;
use crate::slot::Slot;

/// Sends plain commands to the server of a [`RedisTransport`](crate::RedisTransport), for packages beside it that have
/// keys of their own.
///
/// Its async methods have to be called on tokio: pass their futures to [`bridge`](Self::bridge). Clones share a
/// connection. It keeps the server's address and the thread, and not the transport: waits and instances of the
/// transport end without it.
#[derive(Debug, Clone)]
pub struct RedisCommands {
    servers: Servers,
    links: Links,
    prefix: Arc<str>,
    timeout: Duration,
    patience: Duration,
    bridge: TokioBridge,
}

/// The shortest and longest pause before a command is repeated that the server refuses for now.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

impl RedisCommands {
    pub(crate) fn new(handle: &Handle) -> Self {
        Self {
            servers: handle.servers.clone(),
            links: handle.caller.links.clone(),
            prefix: handle.config.prefix.as_str().into(),
            timeout: handle.config.call_timeout,
            patience: handle.config.patience(),
            bridge: handle.bridge.clone(),
        }
    }

    /// The same server over a connection of its own, for commands that block.
    #[must_use]
    pub fn with_own_connection(&self) -> Self {
        Self { links: Links::new(&self.servers, self.patience), ..self.clone() }
    }

    /// What all keys begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the keys are on the servers of a cluster: those of one command have to be in one slot then.
    #[must_use]
    pub fn is_of_cluster(&self) -> bool {
        self.servers.is_cluster()
    }

    /// Where its futures run.
    #[must_use]
    pub fn bridge(&self) -> &TokioBridge {
        &self.bridge
    }

    /// Sends a command whose first argument is a key, and that may be repeated, until there is an answer or the call timeout is over.
    ///
    /// # Errors
    /// [`ClientError::Timeout`] with the last problem; other errors that a repetition does not help at once.
    pub async fn run(&self, name: &'static str, args: Vec<Bytes>) -> Result<ServerReply, ClientError> {
        self.repeat(Request::Command(name, args)).await
    }

    /// Sends a command whose first argument is a key, once.
    ///
    /// # Errors
    /// After an error the command may have been carried out.
    pub async fn once(&self, name: &'static str, args: Vec<Bytes>) -> Result<ServerReply, ClientError> {
        self.attempt(&Request::Command(name, args), Instant::now() + self.timeout).await
    }

    /// The same as [`run`](Self::run) for a script with its keys and arguments.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn script(
        &self,
        script: &LuaScript,
        keys: Vec<Bytes>,
        args: Vec<Bytes>,
    ) -> Result<ServerReply, ClientError> {
        self.repeat(Request::script(script, keys, args)).await
    }

    /// The same as [`once`](Self::once) for a script.
    ///
    /// # Errors
    /// After an error the script may have been carried out.
    pub async fn script_once(
        &self,
        script: &LuaScript,
        keys: Vec<Bytes>,
        args: Vec<Bytes>,
    ) -> Result<ServerReply, ClientError> {
        self.attempt(&Request::script(script, keys, args), Instant::now() + self.timeout).await
    }

    /// Sends a command whose first argument is a key, once, that the server may leave unanswered for as long as it `blocks`. To be used with a
    /// [connection of its own](Self::with_own_connection): other commands would wait behind it.
    ///
    /// # Errors
    /// After an error the command may have been carried out.
    pub async fn block(
        &self,
        name: &'static str,
        args: Vec<Bytes>,
        blocks: Duration,
    ) -> Result<ServerReply, ClientError> {
        let key = args[0].clone();
        self.send(name, &key, args, blocks, Instant::now() + blocks + self.timeout).await
    }

    /// Closes the connection, so that the server ends a command that blocks. The next command opens another one.
    pub fn disconnect(&self) {
        self.links.close();
    }

    async fn repeat(&self, request: Request) -> Result<ServerReply, ClientError> {
        let deadline = Instant::now() + self.timeout;
        let mut pause = BACKOFF.0;
        loop {
            let error = match self.attempt(&request, deadline).await {
                Err(error) if error.is_passing() => error,
                answer => return answer,
            };
            if Instant::now() + pause >= deadline {
                return Err(ClientError::Timeout(error.to_string()));
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    async fn attempt(&self, request: &Request, deadline: Instant) -> Result<ServerReply, ClientError> {
        let (script, args) = match request {
            Request::Command(name, args) => {
                return self.send(name, &args[0], args.clone(), Duration::ZERO, deadline).await;
            }
            Request::Script(script, args) => (script, args),
        };
        let call = |script: Bytes| std::iter::once(script).chain(args.iter().cloned()).collect();
        let key = &args[1];
        match self.send("EVALSHA", key, call(script.hash()), Duration::ZERO, deadline).await {
            Err(ClientError::Server(text)) if text.starts_with("NOSCRIPT") => {
                self.send("EVAL", key, call(script.source()), Duration::ZERO, deadline).await
            }
            answer => answer,
        }
    }

    async fn send(
        &self,
        name: &'static str,
        key: &Bytes,
        args: Vec<Bytes>,
        blocks: Duration,
        deadline: Instant,
    ) -> Result<ServerReply, ClientError> {
        let linked = self.links.get(Slot::of_key(key), deadline).await?;
        let answer = linked.connection.blocking_command(name, args, blocks, deadline).await;
        if matches!(answer, Err(ClientError::Timeout(_))) && !blocks.is_zero() {
            linked.discard();
        }
        linked.checked(answer)
    }
}

/// What is sent, and may be repeated.
enum Request {
    Command(&'static str, Vec<Bytes>),
    /// The script, the number of its keys, its keys and its arguments.
    Script(LuaScript, Vec<Bytes>),
}

impl Request {
    fn script(script: &LuaScript, keys: Vec<Bytes>, args: Vec<Bytes>) -> Self {
        let count = Bytes::from(keys.len().to_string());
        Self::Script(script.clone(), std::iter::once(count).chain(keys).chain(args).collect())
    }
}
