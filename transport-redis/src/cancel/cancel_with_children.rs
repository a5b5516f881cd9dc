use rhai_dispatcher_core::{CancelReason, Cancelled, TaskId};

use super::cancel_tasks::cancel;
use super::orphans::cancel_orphans;
use crate::client::{ClientError, ServerReply};
use crate::crash_points::crash_point;
use crate::script::ScriptCaller;

/// Cancels tasks, and what they have dispatched.
pub(crate) async fn cancel_with_children(
    caller: &ScriptCaller,
    why: CancelReason,
    ids: &[TaskId],
) -> Result<Vec<Cancelled>, ClientError> {
    crash_point("cancel.before");
    let replies = cancel(caller, why, ids).await?;
    crash_point("cancel.after");
    let mut have_children = false;
    let mut parse = |reply: &ServerReply| {
        let text = reply.as_str().ok_or(ClientError::Unexpected("a cancel"))?;
        have_children |= matches!(text, "R" | "Q");
        match text {
            "r" | "R" => Ok(Cancelled::Removed),
            "q" | "Q" => Ok(Cancelled::Requested),
            "f" => Ok(Cancelled::AlreadyFinished),
            "n" => Ok(Cancelled::NotFound),
            problem => Err(ClientError::of_server(problem.strip_prefix('e').unwrap_or(problem))),
        }
    };
    let cancelled = replies.iter().map(&mut parse).collect();
    if have_children {
        // The tasks are cancelled; if this fails, the next renewals do it.
        if let Err(error) = cancel_orphans(caller).await {
            tracing::debug!(%error, "children of cancelled tasks could not be cancelled");
        }
    }
    cancelled
}
