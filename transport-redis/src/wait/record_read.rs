use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{TaskDetails, TaskId, TaskStatus, TaskSummary};

use crate::client::{ClientError, ServerReply};
use crate::script::{Script, ScriptCaller, keys};
use crate::wire::{record, summary};

/// What the script of reads is asked for.
const ONLY_OUTCOMES: Bytes = Bytes::from_static(b"1");
const WHOLE_RECORDS: Bytes = Bytes::from_static(b"0");

/// What a read of the record of one task has shown.
#[derive(Debug)]
pub(crate) enum RecordRead {
    /// It has none yet. If the task waits: how long it may still do so.
    Open(Option<Duration>),
    /// The record with the outcome; `None` if the record does not exist.
    Record(Option<Box<TaskDetails>>),
    /// What is wrong with what stands in place of the record.
    Wrong(String),
}

/// Reads the outcomes of tasks, after what is due is done. With an inbox, the records of tasks that have none yet will
/// tell it. A server that takes no writes is [`ClientError::Busy`] at once; see [`read_ended`].
///
/// A record is sent with its outcome only: it may be large, and many may wait for it.
pub(crate) async fn read_outcomes(
    caller: &ScriptCaller,
    ids: &[TaskId],
    inbox: Option<&Bytes>,
) -> Vec<Result<RecordRead, ClientError>> {
    let head = [inbox.cloned().unwrap_or_default(), ONLY_OUTCOMES];
    let replies = caller.run_for_tasks_unless_busy(Script::Read, &head, ids).await;
    ids.iter().zip(replies).map(|(id, reply)| Ok(parse_read(*id, reply?))).collect()
}

/// Reads the record of a task if the task has ended, by commands that write nothing.
///
/// A server that can't save its data refuses every script that may write, [`Script::Read`] included. What has ended
/// before that can be read all the same, so that its waiters get it. Of a task that is open, or has no record, the
/// server's copy may be behind: `None`.
pub(crate) async fn read_ended(caller: &ScriptCaller, id: TaskId) -> Result<Option<RecordRead>, ClientError> {
    let key = keys::record(&caller.prefix, id);
    let status =
        caller.read_command_once("HGET", &key, vec![key.clone(), Bytes::from_static(b"status")]).await?;
    if !matches!(status.as_str().map(str::parse::<TaskStatus>), Some(Ok(status)) if status.is_terminal()) {
        return Ok(None);
    }
    let mut values = caller.read_command_once("HGETALL", &key, vec![key.clone()]).await?.into_array();
    let key = keys::children(&caller.prefix, id);
    let range = vec![key.clone(), Bytes::from_static(b"0"), Bytes::from_static(b"-1")];
    let children = caller.read_command_once("ZRANGE", &key, range).await?.into_array();
    let children: Vec<_> = children.iter().filter_map(ServerReply::as_str).collect();
    values.push(ServerReply::of_text("child_ids"));
    values.push(ServerReply::of_text(&children.join(" ")));
    // The scripts say what is wrong with a record that can't be parsed.
    let details = record::parse_values(id, values).ok().flatten();
    Ok(details.map(|details| RecordRead::Record(Some(Box::new(details)))))
}

/// The records of tasks, or what is wrong with what stands in their place, after what is due is done.
pub(crate) async fn read_details(
    caller: &ScriptCaller,
    ids: &[TaskId],
) -> Result<Vec<Result<Option<TaskDetails>, String>>, ClientError> {
    let replies = caller.run_for_tasks(Script::Read, &[Bytes::new(), WHOLE_RECORDS], ids).await?;
    Ok(ids.iter().zip(replies).map(|(id, reply)| record::parse(*id, reply)).collect())
}

/// What a list shows of tasks; none of those whose key is not a record.
pub(crate) async fn read_summaries(
    caller: &ScriptCaller,
    ids: &[TaskId],
) -> Result<Vec<Option<TaskSummary>>, ClientError> {
    let head = [Bytes::from_static(summary::FIELDS.as_bytes())];
    let replies = caller.run_for_tasks(Script::Summaries, &head, ids).await?;
    Ok(ids.iter().zip(replies).map(|(id, reply)| summary::parse(*id, &reply.into_array())).collect())
}

fn parse_read(id: TaskId, reply: ServerReply) -> RecordRead {
    if let Some(problem) = reply.as_str() {
        return RecordRead::Wrong(problem.to_owned());
    }
    let values = reply.into_array();
    // A status, and how long the task may wait; a record has more fields.
    if let [status, left] = &values[..]
        && let Some(Ok(status)) = status.as_str().map(str::parse::<TaskStatus>)
        && !status.is_terminal()
    {
        return RecordRead::Open(left.as_u64().map(Duration::from_millis));
    }
    record::parse_values(id, values)
        .map_or_else(RecordRead::Wrong, |details| RecordRead::Record(details.map(Box::new)))
}
