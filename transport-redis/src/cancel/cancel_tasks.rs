use std::fmt::Display;

use bytes::Bytes;
use rhai_dispatcher_core::CancelReason;

use crate::client::{ClientError, ServerReply};
use crate::script::{Script, ScriptCaller};

/// Cancels tasks, whatever their queues; the answer to each.
pub(super) async fn cancel(
    caller: &ScriptCaller,
    why: CancelReason,
    ids: &[impl Display + Sync],
) -> Result<Vec<ServerReply>, ClientError> {
    /// As with batches.
    const AT_ONCE: usize = 128;
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let head = [Bytes::from_static(why.as_str().as_bytes())];
        all.extend(caller.run_for_tasks(Script::Cancel, &head, ids).await?);
    }
    Ok(all)
}
