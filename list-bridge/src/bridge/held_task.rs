use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{
    CancelReason, Cancelled, Invalid, OutcomeError, SubmitError, SubmitOneError, Task, TransportError,
    TransportExt, WallTime,
};
use rhai_dispatcher_redis::ClientError;
use tokio::time::sleep;

use super::bridge_core::{BridgeCore, Stage};
use super::byte_budget::ByteShare;
use super::ending::Ending;
use super::request::request;
use crate::store::{ClientHash, Ended, HashRead, Token};
use crate::{ListId, ListTaskDetails};

/// One id that a bridge holds, from its take until it is struck off.
///
/// Each step may be repeated, by this bridge or another one, and a repetition changes nothing: the task is submitted under
/// the same id and request id, the first outcome stands, and the reply has a token under which it is sent once.
pub(super) struct HeldTask {
    pub(super) bridge: Arc<BridgeCore>,
    pub(super) id: Bytes,
}

/// Why a step has to be made again.
#[derive(Debug, thiserror::Error)]
enum Again {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Submit(SubmitError),
}

/// The reply to an id.
enum Reply {
    /// With the token that the hash has.
    Noted(Token, ListTaskDetails),
    /// To an id without a hash.
    WithoutHash(ListTaskDetails),
    /// It was sent.
    Sent,
}

/// The shortest and longest pause before a step is made again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// The longest script, arguments, output and error that are read before their lengths are known, in bytes each.
const FEW_BYTES: usize = 16 * 1024;

/// Ids longer than that get no reply: their reply lists would have names of that length.
const MAX_REPLY_ID: usize = 1_024;

impl HeldTask {
    /// Serves it until it is answered and struck off, or the bridge ends.
    pub(super) async fn serve(self) {
        let serving = async {
            loop {
                self.serve_once().await;
                if !self.bridge.held.finish(&self.id) {
                    break;
                }
            }
        };
        tokio::select! {
            () = serving => {}
            () = self.bridge.reach(Stage::Ended) => {}
        }
    }

    async fn serve_once(&self) {
        // Whether this bridge has seen it without an outcome.
        let mut was_open = false;
        let mut pause = BACKOFF.0;
        while let Err(error) = self.attempt(&mut was_open).await {
            self.bridge.warn("an id waits", error);
            sleep(pause).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// Answers it and strikes it off.
    async fn attempt(&self, was_open: &mut bool) -> Result<(), Again> {
        let tasks = &self.bridge.tasks;
        let id = ListId::try_from(&self.id[..]);
        let mut share = None; // until the reply is sent
        let reply = match &id {
            Ok(id) => self.reply_to(id, was_open, &mut share).await?,
            Err(invalid) => self.refuse(invalid),
        };
        self.bridge.held.end(&self.id);
        let (token, problem) = match reply {
            Reply::Noted(token, details) => {
                let problem = self.send(&token, &details).await?;
                (Some(token), problem)
            }
            Reply::WithoutHash(details) => {
                self.send(&Token::without_hash(), &details).await?;
                (None, None)
            }
            Reply::Sent => {
                self.bridge.queue.strike_off(&self.id).await?;
                return Ok(());
            }
        };
        if !self.bridge.queue.strike_off(&self.id).await? {
            // Another bridge has it now, and must know this reply by its token.
            return Ok(());
        }
        // Without this step a later push of the same id is not answered for as long as a reply is kept.
        let forgotten = match (&id, token) {
            (Ok(id), Some(token)) => tasks.forget_reply(id, &token, problem).await,
            _ => tasks.forget_reply_without_hash(&self.id).await,
        };
        if let Err(error) = forgotten {
            self.bridge.warn("a token stays", error);
        }
        Ok(())
    }

    /// Runs the task of a client, unless it has an outcome, and writes the outcome into its hash.
    async fn reply_to<'a>(
        &'a self,
        id: &ListId,
        was_open: &mut bool,
        share: &mut Option<ByteShare<'a>>,
    ) -> Result<Reply, Again> {
        let BridgeCore { tasks, config, worker_id, .. } = &*self.bridge;
        loop {
            if tasks.is_waiting_task(id).await? {
                return Ok(self.refuse(&names_a_task(id)));
            }
            let hash = match self.read(id, share).await? {
                HashRead::Hash(hash) => hash,
                HashRead::Record => return Ok(self.refuse(&names_a_task(id))),
                HashRead::Missing => return Ok(self.refuse(&missing(id, tasks.keys.hash(id)))),
                HashRead::WrongType(kind) => return Ok(self.refuse(&wrong_type(&kind, tasks.keys.hash(id)))),
            };
            let mut details = hash.details(id);
            details.worker_id = worker_id.to_string();
            if details.caller_id.is_empty() {
                details.caller_id = config.caller_id.to_string();
            }
            if hash.status().is_terminal() {
                if let Some(token) = Token::parse(&hash.token) {
                    return Ok(Reply::Noted(token, details));
                }
                // Another bridge has answered it, to which it was pushed too; or its client has pushed it again.
                let token = tasks.token_of_outcome(id, !*was_open).await?;
                return Ok(token.map_or(Reply::Sent, |token| Reply::Noted(token, details)));
            }
            *was_open = true;
            // If writing the outcome has failed before, a push since then was before the outcome.
            if self.bridge.held.is_pushed_again(&self.id) {
                self.bridge.queue.strike_off_repeat(&self.id).await?;
            }
            self.bridge.held.reopen(&self.id);
            let ending = match request(&hash, id, worker_id, config) {
                Ok(task) => self.run(&hash, id, task).await?,
                Err(invalid) => Ending::invalid(&invalid, hash.now),
            };
            self.bridge.held.end(&self.id);
            let ended = tasks.end(id, ending.fields(), hash.now, config.outcome_ttl).await?;
            ending.write(&mut details);
            match ended {
                Ended::Written(token) => return Ok(Reply::Noted(token, details)),
                Ended::Gone => return Ok(Reply::WithoutHash(details)),
                // What is there already is the outcome.
                Ended::Kept(Some(_)) => {}
                Ended::Kept(None) => return Ok(Reply::Sent),
            }
        }
    }

    /// Reads the hash of a client when the bridge may hold that many bytes; `share` is its part of them.
    async fn read<'a>(&'a self, id: &ListId, share: &mut Option<ByteShare<'a>>) -> Result<HashRead, Again> {
        let BridgeCore { transport, worker_id, tasks, config, bytes, .. } = &*self.bridge;
        let new_id = || Some(transport.new_task_id(worker_id));
        *share = None;
        // How much it is is not known before. Most have less than this, and the others say how much they have.
        let limits = config.field_limits();
        let few = limits.at_most(FEW_BYTES);
        let mut taken = bytes.take(few.total()).await;
        let mut read = tasks.read_within(id, new_id(), few).await?;
        let HashRead::Hash(hash) = &read else { return Ok(read) };
        let total = hash.bytes(limits);
        if hash.has_more(limits) {
            drop(taken.take());
            taken = bytes.take(total).await;
            read = tasks.read(id, new_id()).await?;
        } else if let Some(taken) = &mut taken {
            taken.keep(total);
        }
        *share = taken;
        Ok(read)
    }

    /// Submits the task and waits for its outcome.
    async fn run(&self, hash: &ClientHash, id: &ListId, task: Task) -> Result<Ending, Again> {
        let BridgeCore { tasks, config, transport, .. } = &*self.bridge;
        // A bridge that has died since may have submitted it: then the outcome of that task is the one of the id.
        if hash.cancel_asked.text().is_some()
            && transport.cancel_one(task.id, CancelReason::Asked).await? == Cancelled::NotFound
        {
            return Ok(Ending::cancelled(hash.now));
        }
        let refused = |error: String| Ok(Ending::error(error, hash.now));
        let conflict = |first| {
            refused(format!(
                "taskId: it was used for another script, task {first}; use a new id for each task"
            ))
        };
        let script = task.payload.source().cloned().unwrap_or_default();
        let task = match transport.submit_one(task).await {
            Ok(submitted) => submitted.task_id(),
            Err(SubmitOneError::Transport(
                error @ (TransportError::Unavailable(_) | TransportError::Refused(_)),
            )) => {
                return Err(error.into());
            }
            Err(SubmitOneError::Task(error)) if error.is_retryable() => return Err(Again::Submit(error)),
            Err(SubmitOneError::Task(SubmitError::RequestIdConflict(first))) => {
                return conflict(first);
            }
            Err(error) => return refused(error.to_string()),
        };
        if tasks.start(id, task, hash.now).await? {
            transport.cancel_one(task, CancelReason::Asked).await?;
        }
        match transport.outcome(task).await {
            // The hash names the task of an earlier use of the id, or of another client.
            Ok(details) if details.request_id.as_deref() != Some(id.as_str()) || details.script != script => {
                conflict(task)
            }
            Ok(details) => Ok(Ending::of_task(&details, config.max_output_bytes)),
            Err(OutcomeError::Transport(
                error @ (TransportError::Unavailable(_) | TransportError::Refused(_)),
            )) => Err(error.into()),
            Err(error) => refused(error.to_string()),
        }
    }

    /// The reply to an id that can't be served.
    fn refuse(&self, invalid: &Invalid) -> Reply {
        let mut details = ListTaskDetails::of_id(String::from_utf8_lossy(&self.id));
        details.worker_id = self.bridge.worker_id.to_string();
        Ending::invalid(invalid, WallTime::now()).write(&mut details);
        Reply::WithoutHash(details)
    }

    /// Sends a reply. If that can't be done, the problem.
    async fn send(&self, token: &Token, details: &ListTaskDetails) -> Result<Option<String>, Again> {
        let BridgeCore { tasks, config, .. } = &*self.bridge;
        if self.id.len() > MAX_REPLY_ID {
            self.bridge
                .warn("an id is dropped without a reply", format_args!("it has {} bytes", self.id.len()));
            return Ok(None);
        }
        let kind = tasks.reply(&self.id, token, details.to_json(), config.reply_ttl).await?;
        let key = tasks.keys.reply(&self.id);
        let problem =
            kind.map(|kind| format!("{} is a {kind}, and not a list", String::from_utf8_lossy(&key)));
        if let Some(problem) = &problem {
            self.bridge.warn("a reply could not be sent", problem);
        }
        Ok(problem)
    }
}

fn names_a_task(id: &ListId) -> Invalid {
    Invalid::new("taskId", format!("{id} is a task of the dispatcher"), "use a new id for each task")
}

fn missing(id: &ListId, key: Bytes) -> Invalid {
    let key = String::from_utf8_lossy(&key).into_owned();
    Invalid::new(
        "script",
        format!("{key} does not exist"),
        format!("write HSET {key} script … before {id} is pushed"),
    )
}

fn wrong_type(kind: &str, key: Bytes) -> Invalid {
    let problem = format!("{} is a {kind}, and not a hash", String::from_utf8_lossy(&key));
    Invalid::new("taskId", problem, "use another id, or delete that key")
}
