use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{Clock, lock};
use tokio::time::Instant;

use super::args::Args;
use super::home::Home;
use super::known_scripts::{Call, KnownScripts, LibraryErrors};
use super::orphans::Orphans;
use super::packed::Packed;
use super::script::Script;
use super::target::Target;
use crate::client::{ClientError, Links, ServerReply};
use crate::config::{Durability, RedisConfig};
use crate::slot::Slot;

/// Sends scripts, each to the server that has the keys of what the script is `about`: a worker id, a task, or a list of
/// names. Its methods are to be called on tokio.
#[derive(Debug)]
pub(crate) struct ScriptCaller {
    pub(crate) links: Links,
    /// Waits, and how much time has passed. What time it is only the server knows.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timeout: Duration,
    pub(super) durability: Durability,
    /// The argument that all scripts begin with.
    settings: Bytes,
    pub(crate) prefix: String,
    known: KnownScripts,
    /// When it was noted last that the library is in use.
    pub(super) use_noted: Mutex<Option<Instant>>,
    pub(crate) orphans: Arc<Orphans>,
    last_error: Mutex<Option<String>>,
}

/// The longest time that an instance waits at the server before it claims again.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The shortest and longest pause before a call is repeated that the server refuses for now.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

impl ScriptCaller {
    /// One whose calls take no longer than `timeout`. With a `durability` other than [`Durability::Server`], what it
    /// calls by [`run_durably`](Self::run_durably) always writes something.
    pub(crate) fn new(
        config: &RedisConfig,
        links: Links,
        clock: Arc<dyn Clock>,
        timeout: Duration,
        durability: Durability,
        errors: LibraryErrors,
        orphans: Arc<Orphans>,
    ) -> Self {
        let millis = |time: Duration| time.as_millis().max(1).min(u128::from(u64::MAX));
        let mut settings = Packed::new();
        settings
            .push(&config.prefix)
            .push_display(millis(config.transport.record_ttl))
            .push_display(config.transport.max_deliveries)
            .push_display(millis(config.transport.lease))
            .push_display(millis(LONGEST_WAIT))
            .push_display(millis(config.transport.observation))
            .push_display(config.transport.max_finished_records)
            .push_display(config.transport.max_finished_bytes)
            .push(if durability == Durability::Server { "" } else { "1" })
            .push_display(config.transport.max_activity)
            .push_display(config.transport.max_activity_bytes)
            .push_display(millis(config.transport.activity_ttl));
        Self {
            links,
            clock,
            timeout,
            durability,
            settings: settings.into_bytes(),
            prefix: config.prefix.clone(),
            known: KnownScripts::new(errors),
            use_noted: Mutex::default(),
            orphans,
            last_error: Mutex::default(),
        }
    }

    /// The last thing that went wrong.
    pub(crate) fn last_error(&self) -> Option<String> {
        lock(&self.last_error).clone()
    }

    /// Runs a script that may be repeated, until there is an answer or the deadline is over.
    pub(crate) async fn run(
        &self,
        script: Script,
        about: impl Display,
        args: Args,
    ) -> Result<Vec<ServerReply>, ClientError> {
        self.run_until(script, about, args, Instant::now() + self.timeout).await
    }

    pub(crate) async fn run_until(
        &self,
        script: Script,
        about: impl Display,
        args: Args,
        deadline: Instant,
    ) -> Result<Vec<ServerReply>, ClientError> {
        let home = self.home(about);
        Ok(self.repeat(script, &home, &args.into_vec(), deadline, true).await?.0)
    }

    /// The same as [`run`](Self::run), but returns [`ClientError::Busy`] at once: the caller has another way to its
    /// answer.
    pub(crate) async fn run_unless_busy(
        &self,
        script: Script,
        about: impl Display,
        args: Args,
    ) -> Result<Vec<ServerReply>, ClientError> {
        let (home, deadline) = (self.home(about), Instant::now() + self.timeout);
        Ok(self.repeat(script, &home, &args.into_vec(), deadline, false).await?.0)
    }

    /// Calls one command that changes nothing at the server of a key, until there is an answer or the timeout is over.
    pub(crate) async fn read_command(
        &self,
        name: &'static str,
        key: &Bytes,
        args: Vec<Bytes>,
    ) -> Result<ServerReply, ClientError> {
        let deadline = Instant::now() + self.timeout;
        let mut pause = BACKOFF.0;
        loop {
            match self.read_until(name, key, args.clone(), deadline).await {
                Err(error) if error.is_passing() && Instant::now() + pause < deadline => {
                    self.note(&error.to_string());
                }
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// The same once.
    pub(crate) async fn read_command_once(
        &self,
        name: &'static str,
        key: &Bytes,
        args: Vec<Bytes>,
    ) -> Result<ServerReply, ClientError> {
        self.read_until(name, key, args, Instant::now() + self.timeout).await
    }

    async fn read_until(
        &self,
        name: &'static str,
        key: &Bytes,
        args: Vec<Bytes>,
        deadline: Instant,
    ) -> Result<ServerReply, ClientError> {
        Target::of(&self.links, Slot::of_key(key), deadline).await?.send(name, args).await
    }

    pub(super) fn home(&self, about: impl Display) -> Home {
        Home::new(&self.prefix, about)
    }

    /// The answer, and where it came from.
    pub(super) async fn repeat(
        &self,
        script: Script,
        home: &Home,
        args: &[Bytes],
        deadline: Instant,
        repeats_if_busy: bool,
    ) -> Result<(Vec<ServerReply>, Target), ClientError> {
        let mut pause = BACKOFF.0;
        // What the server said last, if it did.
        let mut said = None;
        loop {
            let error = match self.attempt(script, home, args, deadline).await {
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
                ClientError::Moved(why) => {
                    pause = (pause * 2).min(BACKOFF.1);
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
        self.failed(ClientError::Timeout(self.links.problem().or(said).unwrap_or(why)))
    }

    /// Runs a script once; after an error it may have run or not.
    pub(crate) async fn run_once(
        &self,
        script: Script,
        about: impl Display,
        args: Args,
        deadline: Instant,
    ) -> Result<Vec<ServerReply>, ClientError> {
        let home = self.home(about);
        let answer = self.attempt(script, &home, &args.into_vec(), deadline).await;
        answer.map(|(reply, _)| reply).map_err(|error| self.failed(error))
    }

    /// Calls the script once.
    async fn attempt(
        &self,
        script: Script,
        home: &Home,
        args: &[Bytes],
        deadline: Instant,
    ) -> Result<(Vec<ServerReply>, Target), ClientError> {
        let target = Target::of(&self.links, home.slot, deadline).await?;
        let call = Call { script, key: &home.key, settings: &self.settings, args };
        let mut reply = self.known.call(&target, call).await?;
        self.note_use(&target, &reply);
        self.orphans.take_from(&mut reply);
        match script.refusal(&reply) {
            Some(error) => target.linked.checked(Err(error)),
            None => Ok((reply, target)),
        }
    }

    pub(crate) fn failed(&self, error: ClientError) -> ClientError {
        self.note(&error.to_string());
        error
    }

    pub(crate) fn note(&self, problem: &str) {
        *lock(&self.last_error) = Some(problem.to_owned());
    }
}
