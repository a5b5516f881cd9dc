use std::sync::Arc;

use rhai_dispatcher_core::CancelReason;

use super::cancel_tasks::cancel;
use crate::client::{ClientError, ServerReply};
use crate::crash_points::crash_point;
use crate::script::{Args, Script, ScriptCaller};

/// Cancels the children of cancelled tasks, and what these have dispatched: all that answers have named so far.
pub(crate) async fn cancel_orphans(caller: &ScriptCaller) -> Result<(), ClientError> {
    let _turn = caller.orphans.turn().await;
    let mut problem = Ok(());
    while let Some(worker_id) = caller.orphans.next() {
        // That of one worker id is not to keep the others from it.
        let cancelled = cancel_orphans_of(caller, &worker_id).await;
        problem = problem.and(cancelled);
    }
    problem
}

/// Does so whenever an answer has named some. To be run for as long as there are calls.
pub(crate) async fn keep_cancelling_orphans(caller: Arc<ScriptCaller>) {
    loop {
        if let Err(error) = cancel_orphans(&caller).await {
            // A renewal names them again.
            tracing::debug!(%error, "children of cancelled tasks could not be cancelled");
        }
        caller.orphans.named().await;
    }
}

async fn cancel_orphans_of(caller: &ScriptCaller, worker_id: &str) -> Result<(), ClientError> {
    let mut done: Vec<ServerReply> = Vec::new();
    loop {
        let mut args = Args::new();
        args.push_copy(worker_id);
        done.iter().filter_map(ServerReply::as_bytes).for_each(|id| {
            args.push(id.clone());
        });
        let mut orphans = caller.run(Script::Orphans, worker_id, args).await?.into_iter().skip(1);
        done.clear();
        let mut problem = Ok(());
        while let (Some(parent), Some(children)) = (orphans.next(), orphans.next()) {
            let children: Vec<_> = children.as_str().unwrap_or_default().split_whitespace().collect();
            match cancel(caller, CancelReason::Parent, &children).await {
                Ok(_) => done.push(parent),
                Err(error) => problem = Err(error),
            }
        }
        if done.is_empty() {
            return problem;
        }
        crash_point("orphans.cancelled");
    }
}
