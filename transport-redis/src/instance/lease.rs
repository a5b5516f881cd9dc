use std::sync::Arc;

use bytes::Bytes;
use rhai_dispatcher_core::{Claim, Signal};
use tokio::time::Instant;

use super::local_instance::LocalInstance;
use crate::client::{ClientError, ServerReply};
use crate::crash_points::crash_point;
use crate::listing::QueueNames;
use crate::script::{Script, ScriptCaller};
use crate::wait::Listener;

/// Renews a lease: until the tasks of one that was lost are taken, and their deaths are taken back.
pub(crate) async fn renew(
    instance: &LocalInstance,
    renewals: &ScriptCaller,
    names: &Arc<QueueNames>,
    inbox: Bytes,
) -> Result<Vec<Claim>, ClientError> {
    let _turn = instance.renewing.lock().await;
    while renew_once(instance, renewals, names, inbox.clone()).await? {}
    names.note_beside(&instance.worker_id);
    let lost = std::mem::take(&mut instance.lock().lost);
    instance.changed.notify_one();
    Ok(lost)
}

/// Whether it has to renew again, since one script does a bounded part of what is to be done.
async fn renew_once(
    instance: &LocalInstance,
    renewals: &ScriptCaller,
    names: &QueueNames,
    inbox: Bytes,
) -> Result<bool, ClientError> {
    let (cancels_from, held) = {
        let claims = instance.lock();
        (claims.cancels_from, claims.held_now())
    };
    let mut args = instance.args();
    args.push(inbox).push_flag(false).push_display(cancels_from);
    let sent = Instant::now();
    let replies = renewals.run(Script::Renew, &instance.worker_id, args).await?;
    // 0: kept; 1: lost, and begun again; 2: lost, and its tasks are just being taken; 3: lost by a report, and begun
    // again by the next renewal, until which it claims nothing.
    let state = replies.get(1).and_then(ServerReply::as_u64).ok_or(ClientError::Unexpected("a renewal"))?;
    if state > 0 {
        tracing::warn!(
            "instance {} of {} has lost its lease and its claims",
            instance.id,
            instance.worker_id
        );
        // What it was given meanwhile may be of the new lease; if it is not, its end is fenced.
        instance.lose(&held);
        // A server that has lost everything does not know the queue either.
        names.forget(&instance.worker_id);
    }
    instance.lock().cancels_from = replies.get(3).and_then(ServerReply::as_u64).unwrap_or(0);
    let mut cancels = replies.iter().skip(4);
    while let (Some(task), Some(delivery), Some(reason)) = (cancels.next(), cancels.next(), cancels.next()) {
        if let (Some(Ok(task)), Some(delivery), Some(Ok(reason))) =
            (task.as_str().map(str::parse), delivery.as_u32(), reason.as_str().map(str::parse))
        {
            let claim = Claim { task, instance: instance.id, delivery };
            instance.signal(Signal::Cancel(claim, reason));
        }
    }
    match state {
        0 | 1 => instance.note_renewal(sent),
        3 => instance.lock().expired = true,
        _ => {}
    }
    Ok(replies.get(2).and_then(ServerReply::as_u64) == Some(1))
}

/// Detaches an instance, in as many calls as its claims take.
pub(crate) async fn detach(instance: &LocalInstance) -> Result<(), ClientError> {
    loop {
        let replies = instance.caller.run(Script::Detach, &instance.worker_id, instance.args()).await?;
        crash_point("detach.after");
        if replies.get(1).and_then(ServerReply::as_u64) != Some(1) {
            return Ok(());
        }
    }
}
