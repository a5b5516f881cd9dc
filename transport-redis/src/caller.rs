use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{Clock, TransportError};
use tokio::time::{Instant, timeout_at};

use crate::args::Args;
use crate::client::{ClientError, Connection, Link, Reply};
use crate::config::{Durability, RedisConfig};
use crate::packed::Packed;
use crate::script::Script;
use crate::server::check_server;

/// Sends scripts over the connection for calls. Its methods are to be called on tokio.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) link: Link,
    /// Waits, and how much time has passed. What time it is only the server knows.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeout: Duration,
    durability: Durability,
    /// The argument that all scripts begin with.
    settings: Bytes,
    pub(crate) prefix: String,
    /// Whether scripts are functions there (Redis 7).
    has_functions: AtomicBool,
    /// What the server knows the scripts as.
    names: Mutex<[Option<Bytes>; Script::COUNT]>,
    /// The connection whose server was checked last.
    checked: Mutex<u64>,
    last_error: Mutex<Option<String>>,
}

/// The longest that an instance waits at the server before it looks again.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl Caller {
    pub(crate) fn new(config: &RedisConfig, link: Link, clock: Arc<dyn Clock>) -> Self {
        let millis = |time: Duration| time.as_millis().max(1).min(u128::from(u64::MAX));
        let mut settings = Packed::new();
        settings
            .push(&config.prefix)
            .push_display(millis(config.transport.record_ttl))
            .push_display(config.transport.max_deliveries)
            .push_display(millis(config.transport.lease))
            .push_display(config.inbox_limit)
            .push_display(millis(config.inbox_ttl))
            .push_display(millis(LONGEST_WAIT))
            .push_display(millis(config.transport.observation));
        Self {
            link,
            clock,
            timeout: config.call_timeout,
            durability: config.durability,
            settings: settings.into_bytes(),
            prefix: config.prefix.clone(),
            has_functions: AtomicBool::new(true),
            names: Mutex::default(),
            checked: Mutex::new(0),
            last_error: Mutex::default(),
        }
    }

    /// The last thing that went wrong.
    pub(crate) fn last_error(&self) -> Option<String> {
        lock(&self.last_error).clone()
    }

    /// Runs a script that may be repeated, until there is an answer or the deadline is over.
    pub(crate) async fn run(&self, script: Script, args: Args) -> Result<Vec<Reply>, ClientError> {
        self.run_until(script, args, Instant::now() + self.timeout).await
    }

    pub(crate) async fn run_until(
        &self,
        script: Script,
        args: Args,
        deadline: Instant,
    ) -> Result<Vec<Reply>, ClientError> {
        let args = args.into_vec();
        loop {
            match self.attempt(script, &args, deadline).await {
                // The link is making a new connection, and says when there is one.
                Err(ClientError::Lost(why)) if Instant::now() < deadline => {
                    self.note(&why);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(ClientError::Lost(why)) => return Err(self.failed(ClientError::Timeout(why))),
                Err(error) => return Err(self.failed(error)),
                Ok(answer) => return Ok(answer),
            }
        }
    }

    /// Runs a script once; after an error it may have run or not.
    pub(crate) async fn run_once(
        &self,
        script: Script,
        args: Args,
        deadline: Instant,
    ) -> Result<Vec<Reply>, ClientError> {
        let answer = self.attempt(script, &args.into_vec(), deadline).await;
        answer.map_err(|error| self.failed(error))
    }

    /// Sees to it that there is a connection.
    pub(crate) async fn connect(&self) -> Result<(), ClientError> {
        let connected = self.connection(Instant::now() + self.timeout).await;
        connected.map(drop).map_err(|error| self.failed(error))
    }

    /// Waits until what was written is as durable as was asked for.
    pub(crate) async fn settle_durability(&self, deadline: Instant) -> Result<(), ClientError> {
        let (name, local, replicas, timeout) = match self.durability {
            Durability::Server => return Ok(()),
            Durability::Replicas { replicas, timeout } => ("WAIT", None, replicas, timeout),
            Durability::Fsynced { replicas, timeout } => ("WAITAOF", Some(1), replicas, timeout),
        };
        let (connection, number) = self.connection(deadline).await?;
        let mut args = Args::new();
        local.map(|local: u32| args.push_display(local));
        args.push_display(replicas).push_display(timeout.as_millis().max(1));
        let answer = self.send(&connection, number, name, args.into_vec(), deadline + timeout).await?;
        let reached = match local {
            None => answer.as_u32().is_some_and(|count| count >= replicas),
            Some(local) => {
                let counts: Vec<_> = answer.into_array().iter().filter_map(Reply::as_u32).collect();
                matches!(counts[..], [own, others] if own >= local && others >= replicas)
            }
        };
        if reached {
            return Ok(());
        }
        Err(ClientError::Lost(format!(
            "fewer than {replicas} replicas have confirmed the write in {timeout:?}"
        )))
    }

    async fn connection(&self, deadline: Instant) -> Result<(Connection, u64), ClientError> {
        let (connection, number) = self.link.get(deadline).await?;
        if *lock(&self.checked) != number {
            let functions = check_server(&connection, deadline, self.durability).await?;
            if self.has_functions.swap(functions, Ordering::Relaxed) != functions {
                *lock(&self.names) = Default::default();
            }
            *lock(&self.checked) = number;
        }
        Ok((connection, number))
    }

    async fn attempt(
        &self,
        script: Script,
        args: &[Bytes],
        deadline: Instant,
    ) -> Result<Vec<Reply>, ClientError> {
        let (connection, number) = self.connection(deadline).await?;
        loop {
            let functions = self.has_functions.load(Ordering::Relaxed);
            let known = lock(&self.names)[script as usize].clone();
            let name = match known {
                Some(name) => name,
                None => self.load(&connection, number, script, deadline).await?,
            };
            let mut all = Vec::with_capacity(3 + args.len());
            all.push(name);
            all.push(Bytes::from_static(b"0"));
            all.push(self.settings.clone());
            all.extend_from_slice(args);
            let command = if functions { "FCALL" } else { "EVALSHA" };
            match self.send(&connection, number, command, all, deadline).await {
                Ok(reply) => {
                    let reply = reply.into_array();
                    let now = reply.first().and_then(Reply::as_u64);
                    return if now.is_some() { Ok(reply) } else { Err(ClientError::Unexpected("a script")) };
                }
                // The server was restarted, or told to forget its scripts.
                Err(ClientError::Server(text))
                    if text.starts_with("NOSCRIPT") || text.contains("Function not found") =>
                {
                    *lock(&self.names) = Default::default();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the script known to the server, and has its name there.
    async fn load(
        &self,
        connection: &Connection,
        number: u64,
        script: Script,
        deadline: Instant,
    ) -> Result<Bytes, ClientError> {
        if self.has_functions.load(Ordering::Relaxed) {
            let args =
                vec![Bytes::from_static(b"LOAD"), Bytes::from_static(b"REPLACE"), Script::library().into()];
            match self.send(connection, number, "FUNCTION", args, deadline).await {
                Ok(_) => {
                    let name = Bytes::from(script.function());
                    lock(&self.names)[script as usize] = Some(name.clone());
                    return Ok(name);
                }
                Err(ClientError::Refused(why) | ClientError::Server(why)) => {
                    tracing::info!(
                        "the server takes no functions, which are a little faster than scripts: {why}"
                    );
                    self.has_functions.store(false, Ordering::Relaxed);
                }
                Err(error) => return Err(error),
            }
        }
        let args = vec![Bytes::from_static(b"LOAD"), script.source().into()];
        let answer = self.send(connection, number, "SCRIPT", args, deadline).await?;
        let hash = answer.as_bytes().ok_or(ClientError::Unexpected("SCRIPT LOAD"))?.clone();
        lock(&self.names)[script as usize] = Some(hash.clone());
        Ok(hash)
    }

    async fn send(
        &self,
        connection: &Connection,
        number: u64,
        name: &'static str,
        args: Vec<Bytes>,
        deadline: Instant,
    ) -> Result<Reply, ClientError> {
        if Instant::now() >= deadline {
            // Nor is it a fault of the connection, which others use.
            return Err(ClientError::Timeout(format!("there was no time left for {name}")));
        }
        match timeout_at(deadline, connection.command(name, args)).await {
            Ok(Err(ClientError::Lost(why))) => {
                // What the server itself says may pass on the same connection.
                Err(ClientError::Lost(why))
            }
            Ok(answer) => answer,
            Err(_) => {
                // What was sent there may still be carried out, but nothing else shall go that way.
                self.link.discard(number);
                Err(ClientError::Timeout(format!("{name} was not answered")))
            }
        }
    }

    fn failed(&self, error: ClientError) -> ClientError {
        self.note(&error.to_string());
        error
    }

    pub(crate) fn note(&self, problem: &str) {
        *lock(&self.last_error) = Some(problem.to_owned());
    }
}

impl From<ClientError> for TransportError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Lost(_) | ClientError::Timeout(_) => Self::Unavailable(Arc::new(error)),
            ClientError::Refused(_) => Self::Refused(Arc::new(error)),
            ClientError::Server(_) | ClientError::Unexpected(_) => Self::Protocol(Arc::new(error)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
