use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rhai_dispatcher_core::{CancelReason, lock};
use tokio::sync::Notify;

use crate::cancel::cancel;
use crate::client::{ClientError, ServerReply};
use crate::crash_points::crash_point;
use crate::script::{Args, Script, ScriptCaller};

/// Worker ids that have cancelled tasks whose children are still to be cancelled, as the answers to scripts have named them.
///
/// The server keeps those tasks until it is done. If this process ends before, the answers to renewals name them again.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    worker_ids: Mutex<BTreeSet<String>>,
    named: Notify,
    /// Held while their tasks are followed.
    following: tokio::sync::Mutex<()>,
}

impl Orphans {
    /// Takes the worker ids out of an answer, whose first value is then the time alone.
    pub(crate) fn take_from(&self, reply: &mut [ServerReply]) {
        let Some(first) = reply.first_mut() else { return };
        let Some((time, names)) = first.as_str().and_then(|text| text.split_once(' ')) else { return };
        lock(&self.worker_ids).extend(names.split(' ').map(str::to_owned));
        let time = ServerReply::of_text(time);
        *first = time;
        self.named.notify_one();
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.worker_ids).is_empty()
    }

    fn next(&self) -> Option<String> {
        lock(&self.worker_ids).pop_first()
    }
}

/// Cancels the children of cancelled tasks, and what these have dispatched: all that answers have named so far.
pub(crate) async fn cancel_orphans(caller: &ScriptCaller) -> Result<(), ClientError> {
    let _turn = caller.orphans.following.lock().await;
    while let Some(worker_id) = caller.orphans.next() {
        cancel_orphans_of(caller, &worker_id).await?;
    }
    Ok(())
}

/// Does so whenever an answer has named some. To be run for as long as there are calls.
pub(crate) async fn keep_cancelling_orphans(caller: Arc<ScriptCaller>) {
    loop {
        if let Err(error) = cancel_orphans(&caller).await {
            // A renewal names them again.
            tracing::debug!(%error, "children of cancelled tasks could not be cancelled");
        }
        caller.orphans.named.notified().await;
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
        let mut orphans = caller.run(Script::Orphans, args).await?.into_iter().skip(1);
        done.clear();
        while let (Some(parent), Some(children)) = (orphans.next(), orphans.next()) {
            let children: Vec<_> = children.as_str().unwrap_or_default().split_whitespace().collect();
            cancel(caller, CancelReason::Parent, &children).await?;
            done.push(parent);
        }
        if done.is_empty() {
            return Ok(());
        }
        crash_point("orphans.cancelled");
    }
}
