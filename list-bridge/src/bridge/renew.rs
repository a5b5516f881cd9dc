use std::sync::Arc;
use std::time::Duration;

use rhai_dispatcher_redis::ClientError;
use tokio::time::sleep;

use super::bridge_core::{BridgeCore, Stage};

/// Renews the lease of a bridge every third of its length, and puts back what dead bridges held: a waiting bridge, this one
/// or another, is woken by that.
pub(super) async fn renew(bridge: Arc<BridgeCore>) {
    let renewing = async {
        loop {
            let pause = match renew_once(&bridge).await {
                Ok(()) => bridge.config.lease / 3,
                Err(error) => {
                    bridge.warn("the lease was not renewed", error);
                    // A call has waited for long then.
                    (bridge.config.lease / 3).min(Duration::from_millis(500))
                }
            };
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = renewing => {}
        () = bridge.reach(Stage::Ended) => {}
    }
}

async fn renew_once(bridge: &BridgeCore) -> Result<(), ClientError> {
    loop {
        let renewed = bridge.queue.renew().await?;
        if renewed.moved > 0 {
            let (ids, worker_id) = (renewed.moved, &bridge.worker_id);
            tracing::info!(ids, %worker_id, "the list protocol: took over the ids of a dead bridge");
        }
        if !renewed.is_more {
            return Ok(());
        }
    }
}
