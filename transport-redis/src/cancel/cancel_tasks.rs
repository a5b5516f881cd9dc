use std::fmt::Display;

use rhai_dispatcher_core::CancelReason;

use crate::client::{ClientError, ServerReply};
use crate::script::{Args, Script, ScriptCaller};

/// Cancels tasks, whatever their queues; the answer to each.
pub(super) async fn cancel(
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
