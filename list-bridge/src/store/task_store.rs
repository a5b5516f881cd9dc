use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{TaskId, WallTime, WorkerId};
use rhai_dispatcher_redis::{ClientError, RedisCommands, ServerReply};

use super::queue_store::millis;
use super::script::{ANSWERED, CANCEL, END, READ, REPLY, START, TOKEN};
use super::{ClientHash, Field, FieldLimits};
use crate::ListId;
use crate::keys::Keys;

/// The hashes and reply lists of clients. No step touches keys of two slots.
#[derive(Debug, Clone)]
pub(crate) struct TaskStore {
    commands: RedisCommands,
    pub(crate) keys: Keys,
    limits: FieldLimits,
}

/// What stands where the hash of a client should be.
#[derive(Debug)]
pub(crate) enum HashRead {
    Hash(Box<ClientHash>),
    Missing,
    /// A key of that other type.
    WrongType(String),
    /// The record of a task of the dispatcher.
    Record,
}

/// Fields that only the record of a task has, as in `lua/shared.lua`. A record that waits has none of them.
const OF_RECORDS: [&str; 4] = ["claim", "reply_to", "cancel_reason", "error_kind"];

/// Names a reply, so that it is sent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token(Bytes);

/// What became of an outcome.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was written; the reply has this token.
    Written(Token),
    /// There was one before. Its reply is to be sent, if there is a token.
    Kept(Option<Token>),
    /// The hash is gone.
    Gone,
}

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// The hash of a client, which that task runs, or is going to.
    Runs(TaskId),
    /// The hash of a client, which no bridge has taken or every bridge has refused.
    Hash,
    /// Something else, or nothing.
    Other,
}

impl Token {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self(TaskId::new().to_string().into())
    }

    /// That of the reply to an id without a hash.
    pub(crate) fn without_hash() -> Self {
        Self(Bytes::from_static(b"-"))
    }

    /// That of a field.
    pub(crate) fn parse(field: &Field) -> Option<Self> {
        field.text().map(|text| Self(Bytes::copy_from_slice(text.as_bytes())))
    }
}

impl TaskStore {
    pub(crate) fn new(commands: RedisCommands, limits: FieldLimits) -> Self {
        let keys = Keys::new(commands.prefix());
        Self { commands, keys, limits }
    }

    /// Whether a task of the dispatcher with that id waits. Its record may have no field that tells it from a client's
    /// hash; once it does not wait any more, it has.
    pub(crate) async fn is_waiting_task(&self, id: &ListId) -> Result<bool, ClientError> {
        if id.as_task_id().is_none() {
            return Ok(false);
        }
        let args = vec![self.keys.hash(id), Bytes::from_static(b"worker_id")];
        let worker_id = match self.commands.run("HGET", args).await {
            Ok(worker_id) => worker_id,
            Err(ClientError::Server(_)) => return Ok(false), // it is not a hash
            Err(error) => return Err(error),
        };
        let Some(worker_id) = worker_id.as_str().and_then(|text| WorkerId::try_from(text).ok()) else {
            return Ok(false);
        };
        let args = vec![self.keys.waiting_tasks(&worker_id), id.as_str().to_owned().into()];
        Ok(self.commands.run("HEXISTS", args).await?.as_u64() == Some(1))
    }

    /// Reads a client's hash. `note` is noted in it as the task that is going to run it, unless it has a note.
    pub(crate) async fn read(&self, id: &ListId, note: Option<TaskId>) -> Result<HashRead, ClientError> {
        self.read_within(id, note, self.limits).await
    }

    /// The same, with other limits: of a longer field it has the length alone.
    pub(crate) async fn read_within(
        &self,
        id: &ListId,
        note: Option<TaskId>,
        limits: FieldLimits,
    ) -> Result<HashRead, ClientError> {
        let is_task_id = if id.as_task_id().is_some() { "1" } else { "0" };
        let note = note.map_or_else(String::new, |note| note.to_string());
        let mut args = vec![Bytes::from_static(is_task_id.as_bytes()), note.into()];
        args.extend(ClientHash::args(limits));
        let answer = self.commands.script(&READ, vec![self.keys.hash(id)], args).await?.into_array();
        Ok(match answer.first().and_then(ServerReply::as_str) {
            Some("hash") => {
                let now = answer.get(1).and_then(ServerReply::as_u64).map(WallTime::from_millis);
                let hash = now.and_then(|now| ClientHash::parse(now, &answer[2..]));
                HashRead::Hash(Box::new(hash.ok_or(ClientError::Unexpected("a read of a hash"))?))
            }
            Some("none") => HashRead::Missing,
            Some("record") => HashRead::Record,
            Some(kind) => HashRead::WrongType(kind.to_owned()),
            None => return Err(ClientError::Unexpected("a read of a hash")),
        })
    }

    /// Notes that `task` was submitted. Whether a cancel was requested before.
    pub(crate) async fn start(&self, id: &ListId, task: TaskId, now: WallTime) -> Result<bool, ClientError> {
        let args = vec![task.to_string().into(), now.to_string().into()];
        Ok(self.commands.script(&START, vec![self.keys.hash(id)], args).await?.as_u64() == Some(1))
    }

    /// Writes an outcome, by fields and values, unless there is one. `now` is when the hash was read.
    pub(crate) async fn end(
        &self,
        id: &ListId,
        fields: Vec<(&'static str, String)>,
        now: WallTime,
        kept: Duration,
    ) -> Result<Ended, ClientError> {
        let mut args = vec![Token::new().0, millis(kept), now.to_string().into()];
        for (name, value) in fields {
            args.extend([Bytes::from_static(name.as_bytes()), value.into()]);
        }
        let answer = self.commands.script(&END, vec![self.keys.hash(id)], args).await?.into_array();
        if answer.first().and_then(ServerReply::as_str) != Some("hash") {
            return Ok(Ended::Gone);
        }
        let token = answer.get(1).and_then(ServerReply::as_bytes).cloned().map(Token);
        match (token, answer.get(2).and_then(ServerReply::as_u64)) {
            (Some(token), Some(1)) => Ok(Ended::Written(token)),
            (token, Some(0)) => Ok(Ended::Kept(token)),
            _ => Err(ClientError::Unexpected("an end of a task")),
        }
    }

    /// The token of the reply to a hash that has its outcome: that of a reply which may not have been sent, or a new one
    /// if `answers_again`.
    pub(crate) async fn token_of_outcome(
        &self,
        id: &ListId,
        answers_again: bool,
    ) -> Result<Option<Token>, ClientError> {
        let answers_again = Bytes::from_static(if answers_again { b"1" } else { b"0" });
        let args = vec![Token::new().0, answers_again];
        let answer = self.commands.script(&TOKEN, vec![self.keys.hash(id)], args).await?;
        Ok(answer.as_bytes().cloned().map(Token))
    }

    /// Sends the reply with that token, unless it was sent. The type of the key if it is not a list.
    pub(crate) async fn reply(
        &self,
        id: &[u8],
        token: &Token,
        reply: String,
        kept: Duration,
    ) -> Result<Option<String>, ClientError> {
        let keys = vec![self.keys.reply(id), self.keys.sent(id)];
        let args = vec![token.0.clone(), reply.into(), millis(kept)];
        Ok(self.commands.script(&REPLY, keys, args).await?.as_str().map(str::to_owned))
    }

    /// Forgets the token of a reply that was sent, after its id was struck off here. A later push of the id is answered anew.
    pub(crate) async fn forget_reply(
        &self,
        id: &ListId,
        token: &Token,
        problem: Option<String>,
    ) -> Result<(), ClientError> {
        let args = vec![token.0.clone(), problem.unwrap_or_default().into()];
        self.commands.script(&ANSWERED, vec![self.keys.hash(id)], args).await.map(drop)
    }

    /// The same for an id without a hash.
    pub(crate) async fn forget_reply_without_hash(&self, id: &[u8]) -> Result<(), ClientError> {
        self.commands.run("DEL", vec![self.keys.sent(id)]).await.map(drop)
    }

    /// What an id stands for. By commands that only read, so that a server which takes no writes answers too.
    pub(crate) async fn resolve(&self, id: &ListId) -> Result<Resolved, ClientError> {
        let key = self.keys.hash(id);
        let names = ["runsAs", "worker_id", "created_at"];
        let mut args = vec![key.clone()];
        args.extend(names.iter().chain(&OF_RECORDS).map(|name| Bytes::from_static(name.as_bytes())));
        let values = match self.commands.run("HMGET", args).await {
            Ok(values) => values.into_array(),
            Err(ClientError::Server(_)) => return Ok(Resolved::Other), // it is not a hash
            Err(error) => return Err(error),
        };
        let text = |index: usize| values.get(index).and_then(ServerReply::as_str);
        if let Some(task) = text(0).and_then(|id| id.parse().ok()) {
            return Ok(Resolved::Runs(task));
        }
        // The time of a record is a number, and clients write text.
        let is_waiting_record = text(1).is_some() && text(2).is_some_and(|time| time.parse::<u64>().is_ok());
        if is_waiting_record || (names.len()..values.len()).any(|index| text(index).is_some()) {
            return Ok(Resolved::Other);
        }
        let length = self.commands.run("HLEN", vec![key]).await?;
        Ok(if length.as_u64() > Some(0) { Resolved::Hash } else { Resolved::Other })
    }

    /// Requests a cancel: notes it in the hash, where a bridge finds it.
    pub(crate) async fn ask_cancel(&self, id: &ListId) -> Result<CancelAsked, ClientError> {
        let answer = self.commands.script(&CANCEL, vec![self.keys.hash(id)], Vec::new()).await?.into_array();
        let text = |index: usize| answer.get(index).and_then(ServerReply::as_str);
        match text(0) {
            Some("none") => Ok(CancelAsked::Missing),
            Some("over") => Ok(CancelAsked::Over),
            Some("asked") => Ok(CancelAsked::Asked(text(1).and_then(|id| id.parse().ok()))),
            _ => Err(ClientError::Unexpected("a cancel of a client's task")),
        }
    }
}

/// The answer to a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelAsked {
    /// The hash does not exist.
    Missing,
    /// It has its outcome.
    Over,
    /// It is noted, and that task runs it, if there is one yet.
    Asked(Option<TaskId>),
}
