use std::fmt::Display;

use rhai_dispatcher_core::{CancelReason, Cancelled, TaskId};

use crate::children::cancel_orphans;
use crate::client::{ClientError, ServerReply};
use crate::crash_points::crash_point;
use crate::script::{Args, Script, ScriptCaller};

/// Cancels tasks, whatever their queues; the answer to each.
pub(crate) async fn cancel(
    caller: &ScriptCaller,
    why: CancelReason,
    ids: &[impl Display],
) -> Result<Vec<ServerReply>, ClientError> {
    /// As with batches.
    const AT_ONCE: usize = 128;
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let mut args = Args::new();
        args.push_static(why.as_str());
        for id in ids {
            args.push_display(id);
        }
        all.extend(caller.run(Script::Cancel, args).await?.into_iter().skip(1));
    }
    Ok(all)
}

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
