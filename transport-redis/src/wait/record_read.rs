use std::time::Duration;

use bytes::Bytes;
use rhai_dispatcher_core::{TaskDetails, TaskId, TaskStatus};

use crate::client::{ClientError, ServerReply};
use crate::script::{Args, Script, ScriptCaller};
use crate::wire::record;

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

/// Looks for outcomes, after what is due is done. With an inbox, the records of tasks that have none yet will
/// tell it. A record is sent with its outcome only: it may be large, and many may wait for it.
pub(crate) async fn read_outcomes(
    caller: &ScriptCaller,
    ids: &[TaskId],
    inbox: Option<&Bytes>,
) -> Result<Vec<RecordRead>, ClientError> {
    let replies = ask(caller, ids, inbox.cloned().unwrap_or_default(), true).await?;
    Ok(replies.map(|(id, reply)| parse_read(id, reply)).collect())
}

/// The records of tasks, or what is wrong with what stands in their place, after what is due is done.
pub(crate) async fn read_details(
    caller: &ScriptCaller,
    ids: &[TaskId],
) -> Result<Vec<Result<Option<TaskDetails>, String>>, ClientError> {
    let replies = ask(caller, ids, Bytes::new(), false).await?;
    Ok(replies.map(|(id, reply)| record::parse(id, reply)).collect())
}

async fn ask(
    caller: &ScriptCaller,
    ids: &[TaskId],
    inbox: Bytes,
    brief: bool,
) -> Result<impl Iterator<Item = (TaskId, ServerReply)>, ClientError> {
    let mut args = Args::new();
    args.push(inbox).push_flag(brief);
    for id in ids {
        args.push_display(id);
    }
    let mut replies = caller.run(Script::Read, args).await?;
    if replies.len() != ids.len() + 1 {
        return Err(ClientError::Unexpected("a read"));
    }
    replies.remove(0); // the server's time
    Ok(ids.iter().copied().zip(replies))
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
