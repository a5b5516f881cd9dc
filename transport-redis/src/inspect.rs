//! Where running tasks are: the question of a handle, and the answer of an instance.

use std::sync::Arc;

use rhai_dispatcher_core::{Inquiry, InspectError, RunState, TaskId, TaskStatus};
use tokio::time::Instant;

use crate::client::{ClientError, ServerReply};
use crate::handle::Handle;
use crate::script::{Args, Script, ScriptCaller, keys};
use crate::wait::{inbox_message, publish};
use crate::wire;

/// Asks the instance that runs a task, and waits for its answer in the inbox of the handle.
pub(crate) async fn ask(handle: Arc<Handle>, task: TaskId) -> Result<RunState, InspectError> {
    let inbox = &handle.background().inbox;
    let pending = inbox.begin_inquiry().await?;
    let mut args = Args::new();
    args.push_display(task).push(inbox.id.clone()).push_display(pending.number());
    let replies = handle.script(Script::Inspect, task, args).await?;
    match replies.first().and_then(ServerReply::as_str) {
        Some("q") => pending.await.ok_or(InspectError::Changing(task)),
        // The instance of the claim has detached or is dead, so its tasks are just being taken over.
        Some("l") => Err(InspectError::Changing(task)),
        Some("n") => Err(InspectError::NotFound(task)),
        Some(status) => match status.parse::<TaskStatus>() {
            Ok(status) => Err(InspectError::NotRunning { task, status }),
            Err(_) => Err(ClientError::of_server(status.strip_prefix('e').unwrap_or(status)).into()),
        },
        None => Err(ClientError::Unexpected("a question where a task is").into()),
    }
}

/// Sends an answer to the inbox of the handle that asks. One that can't be sent is dropped, and its caller times out.
pub(crate) async fn answer(caller: Arc<ScriptCaller>, inquiry: Inquiry, state: Option<RunState>) {
    let deadline = Instant::now() + caller.timeout;
    let answer = wire::inquiry::encode_answer(inquiry.number, state.as_ref());
    let channel = keys::inbox_channel(&caller.prefix, &inquiry.asker.to_string());
    let args = vec![channel, inbox_message("s", answer)];
    if let Err(error) = publish(&caller, args, deadline).await {
        caller.note(&error.to_string());
    }
}

impl From<ClientError> for InspectError {
    fn from(error: ClientError) -> Self {
        Self::Transport(error.into())
    }
}
