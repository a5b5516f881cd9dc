use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{Clock, lock};
use tokio::time::Instant;

use super::args::Args;
use super::packed::Packed;
use super::script::Script;
use crate::client::{ClientError, Connection, Link, ServerReply};
use crate::config::{Durability, RedisConfig};

/// Sends scripts over one connection. Its methods are to be called on tokio.
#[derive(Debug)]
pub(crate) struct ScriptCaller {
    pub(crate) link: Link,
    /// Waits, and how much time has passed. What time it is only the server knows.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeout: Duration,
    pub(super) durability: Durability,
    /// The argument that all scripts begin with.
    settings: Bytes,
    pub(crate) prefix: String,
    /// The connection whose server takes no functions, though it has them.
    no_functions_on: AtomicU64,
    /// When the library was loaded last; held while that is done.
    loaded: tokio::sync::Mutex<Option<Instant>>,
    last_error: Mutex<Option<String>>,
}

/// The longest time that an instance waits at the server before it claims again.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The shortest and longest pause before a call is repeated that the server refuses for now.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// How a server knows a script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Function,
    /// By its hash.
    Script,
}

impl ScriptCaller {
    /// One whose calls take no longer than `timeout`.
    pub(crate) fn new(config: &RedisConfig, link: Link, clock: Arc<dyn Clock>, timeout: Duration) -> Self {
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
            .push_display(millis(config.transport.observation))
            .push_display(config.transport.max_finished_records)
            .push_display(config.transport.max_finished_bytes);
        Self {
            link,
            clock,
            timeout,
            durability: config.durability,
            settings: settings.into_bytes(),
            prefix: config.prefix.clone(),
            no_functions_on: AtomicU64::new(0),
            loaded: tokio::sync::Mutex::default(),
            last_error: Mutex::default(),
        }
    }

    /// The last thing that went wrong.
    pub(crate) fn last_error(&self) -> Option<String> {
        lock(&self.last_error).clone()
    }

    /// Runs a script that may be repeated, until there is an answer or the deadline is over.
    pub(crate) async fn run(&self, script: Script, args: Args) -> Result<Vec<ServerReply>, ClientError> {
        self.run_until(script, args, Instant::now() + self.timeout).await
    }

    pub(crate) async fn run_until(
        &self,
        script: Script,
        args: Args,
        deadline: Instant,
    ) -> Result<Vec<ServerReply>, ClientError> {
        self.repeat(script, args, deadline, true).await
    }

    /// The same as [`run`](Self::run), but returns [`ClientError::Busy`] at once: the caller has another way to its
    /// answer.
    pub(crate) async fn run_unless_busy(
        &self,
        script: Script,
        args: Args,
    ) -> Result<Vec<ServerReply>, ClientError> {
        self.repeat(script, args, Instant::now() + self.timeout, false).await
    }

    /// Calls one command that changes nothing, once.
    pub(crate) async fn read_command(
        &self,
        name: &'static str,
        args: Vec<Bytes>,
    ) -> Result<ServerReply, ClientError> {
        let deadline = Instant::now() + self.timeout;
        let (connection, number) = self.link.get(deadline).await?;
        self.send(&connection, number, name, args, deadline).await
    }

    async fn repeat(
        &self,
        script: Script,
        args: Args,
        deadline: Instant,
        repeats_if_busy: bool,
    ) -> Result<Vec<ServerReply>, ClientError> {
        let args = args.into_vec();
        let mut pause = BACKOFF.0;
        // What the server said last, if it did.
        let mut said = None;
        loop {
            let error = match self.attempt(script, &args, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let why = match error {
                // The link is making a new connection, and says when there is one.
                ClientError::Lost(why) => {
                    pause = BACKOFF.0;
                    why
                }
                ClientError::Demoted(why) => {
                    pause = BACKOFF.0;
                    said.insert(why).clone()
                }
                ClientError::Busy(why) if repeats_if_busy => {
                    pause = (pause * 2).min(BACKOFF.1);
                    said.insert(why).clone()
                }
                ClientError::Timeout(why) => return Err(self.timed_out(said, why)),
                error => return Err(self.failed(error)),
            };
            if Instant::now() + pause >= deadline {
                return Err(self.timed_out(said, why));
            }
            self.note(&why);
            tokio::time::sleep(pause).await;
        }
    }

    /// The reason why an answer did not come in time: the problem of the link, or what the server `said`, before `why`.
    fn timed_out(&self, said: Option<String>, why: String) -> ClientError {
        self.failed(ClientError::Timeout(self.link.problem().or(said).unwrap_or(why)))
    }

    /// Runs a script once; after an error it may have run or not.
    pub(crate) async fn run_once(
        &self,
        script: Script,
        args: Args,
        deadline: Instant,
    ) -> Result<Vec<ServerReply>, ClientError> {
        let answer = self.attempt(script, &args.into_vec(), deadline).await;
        answer.map_err(|error| self.failed(error))
    }

    /// Sees to it that there is a connection.
    pub(crate) async fn connect(&self) -> Result<(), ClientError> {
        let connected = self.link.get(Instant::now() + self.timeout).await;
        connected.map(drop).map_err(|error| self.failed(error))
    }

    /// Calls the script, and makes it known to the server only if it is not: most often it is.
    async fn attempt(
        &self,
        script: Script,
        args: &[Bytes],
        deadline: Instant,
    ) -> Result<Vec<ServerReply>, ClientError> {
        /// How often it is made known: a server may be told to forget its scripts in the same moment, but one that
        /// never keeps any is of no use.
        const LOADS: usize = 3;
        let (connection, number) = self.link.get(deadline).await?;
        let mut form =
            match connection.has_functions() && self.no_functions_on.load(Ordering::Relaxed) != number {
                true => Form::Function,
                false => Form::Script,
            };
        let mut loads = 0;
        loop {
            let (command, name) = match form {
                Form::Function => ("FCALL", script.function()),
                Form::Script => ("EVALSHA", script.hash()),
            };
            let mut all = Vec::with_capacity(3 + args.len());
            all.push(name);
            all.push(Bytes::from_static(b"0"));
            all.push(self.settings.clone());
            all.extend_from_slice(args);
            let since = Instant::now();
            match self.send(&connection, number, command, all, deadline).await {
                Ok(reply) => {
                    let reply = reply.into_array();
                    let now = reply.first().and_then(ServerReply::as_u64);
                    return if now.is_some() { Ok(reply) } else { Err(ClientError::Unexpected("a script")) };
                }
                // It is new there, was restarted, or was told to forget its scripts.
                Err(ClientError::Server(text)) if is_missing(&text) && loads < LOADS => {
                    loads += 1;
                    form = self.load(&connection, number, script, form, since, deadline).await?;
                }
                Err(error) if form == Form::Function && has_no_functions(&error) => {
                    self.take_scripts(number, &error);
                    form = Form::Script;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the script known to the server, where it was missing at `since`, and says in which form it is now.
    async fn load(
        &self,
        connection: &Connection,
        number: u64,
        script: Script,
        form: Form,
        since: Instant,
        deadline: Instant,
    ) -> Result<Form, ClientError> {
        if form == Form::Function {
            let mut loaded = self.loaded.lock().await;
            if loaded.is_some_and(|at| at > since) {
                return Ok(Form::Function); // by another call meanwhile
            }
            let args = vec![Bytes::from_static(b"LOAD"), Bytes::from_static(b"REPLACE"), Script::library()];
            match self.send(connection, number, "FUNCTION", args, deadline).await {
                Ok(_) => {
                    *loaded = Some(Instant::now());
                    return Ok(Form::Function);
                }
                // A full memory takes no library. Scripts it takes, and they are what frees it again.
                Err(ClientError::Busy(why)) if why.starts_with("OOM") && script.runs_without_memory() => {}
                Err(error @ (ClientError::Refused(_) | ClientError::Server(_))) => {
                    self.take_scripts(number, &error);
                }
                Err(error) => return Err(error),
            }
        }
        let args = vec![Bytes::from_static(b"LOAD"), script.source()];
        self.send(connection, number, "SCRIPT", args, deadline).await?;
        Ok(Form::Script)
    }

    /// The server's access rules, or a proxy in front of it, leave no functions. Another connection may have them.
    fn take_scripts(&self, number: u64, why: &ClientError) {
        tracing::info!("the server takes no functions, which are a little faster than scripts: {why}");
        self.no_functions_on.store(number, Ordering::Relaxed);
    }

    async fn send(
        &self,
        connection: &Connection,
        number: u64,
        name: &'static str,
        args: Vec<Bytes>,
        deadline: Instant,
    ) -> Result<ServerReply, ClientError> {
        if Instant::now() >= deadline {
            return Err(ClientError::Timeout(format!("there was no time left for {name}")));
        }
        let answer = connection.command(name, args, deadline).await;
        self.discard_if_demoted(number, answer)
    }

    /// A server that can't serve any more may keep its connections, so they are left.
    pub(super) fn discard_if_demoted<T>(
        &self,
        number: u64,
        answer: Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        if let Err(ClientError::Demoted(_)) = answer {
            self.link.discard_generation(number);
        }
        answer
    }

    fn failed(&self, error: ClientError) -> ClientError {
        self.note(&error.to_string());
        error
    }

    pub(crate) fn note(&self, problem: &str) {
        *lock(&self.last_error) = Some(problem.to_owned());
    }
}

/// Whether an answer to FCALL says that this client may not call functions, or that there are none.
fn has_no_functions(error: &ClientError) -> bool {
    match error {
        ClientError::Refused(why) => why.starts_with("NOPERM") && why.to_lowercase().contains("'fcall'"),
        ClientError::Server(why) => why.contains("unknown command"),
        _ => false,
    }
}

/// Whether an error says that the server does not know the script.
fn is_missing(text: &str) -> bool {
    text.starts_with("NOSCRIPT") || text.contains("Function not found")
}
