use bytes::Bytes;
use rhai_dispatcher_core::{TaskDetails, TaskId, TaskStatus, WallTime};

use crate::args::Args;
use crate::caller::Caller;
use crate::client::{ClientError, Reply};
use crate::record;
use crate::script::Script;

/// What a look at one record has shown.
#[derive(Debug)]
pub(crate) struct Looked {
    /// The record, or what is wrong with what stands in its place.
    pub(crate) record: Result<Option<TaskDetails>, String>,
    /// If it waits: until when it must have started.
    pub(crate) waits_until: Option<WallTime>,
}

/// Looks at records, after what is due for them is done. With an inbox, those that have no outcome
/// yet will tell it.
pub(crate) async fn look(
    caller: &Caller,
    ids: &[TaskId],
    inbox: Option<&Bytes>,
) -> Result<Vec<Looked>, ClientError> {
    let mut args = Args::new();
    args.push(inbox.cloned().unwrap_or_default());
    for id in ids {
        args.push_display(id);
    }
    let mut replies = caller.run(Script::Look, args).await?.into_iter();
    replies.next();
    let looked: Vec<_> = ids.iter().zip(replies).map(|(id, reply)| looked(*id, reply)).collect();
    if looked.len() != ids.len() {
        return Err(ClientError::Unexpected("a look"));
    }
    Ok(looked)
}

fn looked(id: TaskId, reply: Reply) -> Looked {
    let (record, latest) = match record::parse(id, reply) {
        Ok(Some((details, latest))) => (Ok(Some(details)), latest),
        Ok(None) => (Ok(None), None),
        Err(problem) => (Err(problem), None),
    };
    let waits = matches!(&record, Ok(Some(details)) if details.status == TaskStatus::Pending);
    Looked { record, waits_until: latest.filter(|_| waits) }
}
