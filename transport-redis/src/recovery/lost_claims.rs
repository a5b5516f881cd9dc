use bytes::Bytes;
use rhai_dispatcher_core::WallTime;
use tokio::time::Instant;

use crate::client::{ClientError, ServerReply};
use crate::deliver::{ClaimReceiver, DeliveredClaim};
use crate::instance::LocalInstance;
use crate::script::Script;

/// How many claims are asked for in one call; their tasks may be large.
const AT_ONCE: usize = 128;

/// Looks for claims whose answer was lost.
pub(crate) async fn recover(receiver: &ClaimReceiver) -> Result<(), ClientError> {
    let instance = &*receiver.instance;
    let _turn = instance.claiming.lock().await;
    let known = instance.lock().known();
    let answer = ask_of_claims(instance, &[]).await?;
    let held = answer.into_iter().nth(1).map(ServerReply::into_array).unwrap_or_default();
    let is_known =
        |id: &Bytes| std::str::from_utf8(id).is_ok_and(|id| id.parse().is_ok_and(|id| known.contains(&id)));
    let unknown: Vec<_> =
        held.iter().filter_map(ServerReply::as_bytes).filter(|id| !is_known(id)).cloned().collect();
    for some in unknown.chunks(AT_ONCE) {
        let replies = ask_of_claims(instance, some).await?;
        instance.check_lease()?;
        let now = replies.first().and_then(ServerReply::as_u64).unwrap_or(0);
        let claimed =
            receiver.receive(WallTime::from_millis(now), DeliveredClaim::of_replies(&replies), &known);
        if !claimed.is_empty() {
            tracing::info!("{} claims whose answer was lost were found again", claimed.len());
        }
        instance.distribute(claimed);
    }
    Ok(())
}

async fn ask_of_claims(instance: &LocalInstance, ids: &[Bytes]) -> Result<Vec<ServerReply>, ClientError> {
    let mut args = instance.args();
    for id in ids {
        args.push(id.clone());
    }
    let deadline = Instant::now() + instance.caller.timeout;
    instance.caller.run_once(Script::Recover, &instance.worker_id, args, deadline).await
}
